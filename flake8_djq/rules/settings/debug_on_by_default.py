"""DJQ502: DEBUG is on wherever an environment variable is missing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flake8_djq.context import Contexts
from flake8_djq.findings import Finding
from flake8_djq.patterns import Pattern
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.settings.bindings import Bindings
from flake8_djq.rules.settings.environment import (
    ABOUT_DEBUG,
    OPPOSITES,
    Read,
    Schemes,
    WithoutVariables,
    raw_text,
    written,
)
from flake8_djq.rules.settings.modules import assigns_debug, is_development, is_module_of_settings, settings_of
from flake8_djq.rules.settings.places import brought_in, is_inherited, report
from flake8_djq.rules.settings.query_log import kept_statements
from flake8_djq.source import Source

if TYPE_CHECKING:
    from flake8_djq.project.settings.effective import Debug

__all__ = ["DebugOnByDefault"]

# Modules that others import and override: what holds at run time is decided there.
INHERITED = Pattern(r"(^|/)_?(base|common|defaults?|shared)(_settings)?\.py$")


class DebugOnByDefault(Rule[File]):
    """`DEBUG` comes from the environment, and is on where the variable is missing.

    ## What it does

    Works out what `DEBUG` comes to where no environment variable is set, and reports it when that is true. Known are
    `os.environ` and `os.getenv`, django-environ, environs, decouple, `strtobool`, and a project's own helpers whose
    names say what they do (`get_env_bool("DEBUG", True)`).

    In settings modules that batch work runs with (see DJQ501) it also reports such a `DEBUG` that another module brings
    in, on the line that does: `from .base import *`. Where such settings build on each other, it is reported in those
    that bring it in first.

    ## Why is this bad?

    The web server's unit file sets the variable; the crontab, the worker's container and the shell of the person who
    starts a backfill by hand do not. There `DEBUG` is on, and while it is on Django keeps the last 9,000 statements of
    each connection in `connection.queries`, SQL text included: bounded by count, not by size, and before Django 1.8 by
    neither.

    Measured: 100 statements of 200 KB each left 24 MB behind with `DEBUG` on and 3 MB with it off on SQLite, 21 MB and
    1 MB on PostgreSQL and MariaDB (Django 5.2, Python 3.11; `tests/proof/rules`).

    ## Example

    ```python
    DEBUG = env.bool("DEBUG", default=True)
    ```

    ## Use instead

    ```python
    DEBUG = env.bool("DEBUG", default=False)
    ```

    ## When it is silent

    In settings modules whose name says that they are for development or tests. Where `DEBUG` is assigned on a condition
    or again later. Where the variable is one that a hosting platform sets by itself (`DYNO`, `GAE_ENV`), or where it is
    only asked whether it is there. And wherever a part of the expression is unknown.

    ## Fix safety

    No fix: developers who relied on the default must first set the variable.

    ## References

    - [Django: DEBUG](https://docs.djangoproject.com/en/5.2/ref/settings/#debug)
    - [Django: Deployment checklist](https://docs.djangoproject.com/en/5.2/howto/deployment/checklist/#debug)
    - [django-environ](https://django-environ.readthedocs.io/)
    - [python-decouple](https://pypi.org/project/python-decouple/)
    """

    code = "DJQ502"
    name = "debug-on-by-default"
    on = On.EVERYWHERE
    subject = File
    mentions = ("DEBUG", "import")

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        yield from self._inherited(file)
        if (
            INHERITED.search(file.source.path)
            or not assigns_debug(file)
            or is_development(file)
            or not is_module_of_settings(file)
        ):
            return
        bindings = Bindings(file.source, "DEBUG")
        if bindings.is_unbound:
            # The object is for other modules to read: `from .base import env`.
            call = Schemes(file.source).true_by_default("DEBUG")
            if call is not None:
                yield self._scheme(file, call, "DEBUG")
            return
        node = bindings.effective_here
        if node is None or node.value is None or raw_text(node.value, file.source) is not None:
            return
        known = WithoutVariables(file.source)
        if known.truth(node.value) is not True or not known.reads:
            return
        read = next((read for read in known.reads if ABOUT_DEBUG.search(read.variable)), known.reads[0])
        if read.scheme is not None:
            yield self._scheme(file, read.scheme, read.variable)
            return
        yield self.finding(
            file,
            node,
            f"DEBUG is on wherever the variable {read.variable} is missing, and {_keeps(file)}; {_remedy(read, file)}",
        )

    def _inherited(self, file: File) -> Iterator[Finding]:
        """What another module brings into settings of batch work."""
        for settings in settings_of(file):
            debug = settings.effective.debug
            if not debug.is_on_by_default or not is_inherited(debug.way):
                continue
            variable = _variable(debug, file)
            if variable and settings.batch and not self._is_said_between(debug, file):
                message = (
                    f"DEBUG is on in {settings.batch} wherever the variable {variable} is missing, brought in here"
                    f" {brought_in(debug.way, file)}, and {_keeps(file)}; set DEBUG below"
                )
                yield from report(self, file, debug.way, message)

    def _is_said_between(self, debug: Debug, file: File) -> bool:
        """Whether batch settings that this module builds on are flagged for the same DEBUG: one mend serves both."""
        paths = dict.fromkeys(step.path for step in debug.way)
        return any(self._is_said_in(Path(path), file) for path in paths if path != debug.way[0].path)

    def _is_said_in(self, path: Path, file: File) -> bool:
        files = file.settings.files
        tree, text = files.tree(path), files.text(path)
        if tree is None or text is None or file.settings.batch_reason(path) is None:
            return False
        source = Source(str(path), text, tree)
        other = File(source, Contexts(source, file.options), file.options)
        return any(True for _ in self.check(other, other))

    def _scheme(self, file: File, call: ast.Call, variable: str) -> Finding:
        return self.finding(
            file,
            call,
            f"{variable}=(bool, True) switches DEBUG on wherever the variable {variable} is missing, and"
            f" {_keeps(file)}; declare {variable}=(bool, False)",
        )


def _keeps(file: File) -> str:
    return f"there Django keeps {kept_statements(file)} of each connection in memory"


def _variable(debug: Debug, file: File) -> str:
    """The variable for want of which another module's DEBUG is true: it reads it, or is imported for want of it."""
    files = file.settings.files
    place = debug.way[-1]
    path = Path(place.path)
    tree, text = files.tree(path), files.text(path)
    if tree is None or text is None:
        return ""
    source = Source(place.path, text, tree)
    for node in tree.body:
        if node.lineno == place.line and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            known = WithoutVariables(source)
            if raw_text(node.value, source) is not None or known.truth(node.value) is not True:
                return ""
            names = [read.variable for read in known.reads] or list(debug.variables)
            return next((name for name in names if ABOUT_DEBUG.search(name)), names[0] if names else "")
    return ""


def _remedy(read: Read, file: File) -> str:
    """The same read with a default that means no; or a variable of its own where no such default is plain to see."""
    opposite = OPPOSITES.get(ast.unparse(read.default), "") if read.default is not None else ""
    if not opposite or not isinstance(read.call, ast.Call):
        variable = read.variable if "DEBUG" in read.variable else "DEBUG"
        return f'switch it on by a variable of its own: DEBUG = os.environ.get("{variable}", "0") == "1"'

    def text(node: ast.expr) -> str:
        return opposite if node is read.default else written(node, file.source)

    arguments = [text(argument) for argument in read.call.args]
    arguments += [f"{keyword.arg}={text(keyword.value)}" for keyword in read.call.keywords if keyword.arg]
    return f"let it default to off: {text(read.call.func)}({', '.join(arguments)})"
