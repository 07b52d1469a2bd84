"""DJQ505: commands run with settings in which DEBUG is on."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flake8_djq.findings import Finding
from flake8_djq.patterns import Pattern
from flake8_djq.project.settings.names import is_example
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.settings.query_log import kept_statements
from flake8_djq.rules.settings.surroundings import Surroundings

if TYPE_CHECKING:
    from pathlib import Path

    from flake8_djq.project.settings.entry_points import Setter

__all__ = ["CommandRunsWithDebug"]

VARIABLE = "DJANGO_SETTINGS_MODULE"
# What a web server starts, what runs tests, and the configuration of a documentation.
NO_COMMAND = Pattern(
    r"(^|/)(([wa]sgi|conftest|conf|features/environment|(\w+_)?(run)?_?tests?(_\w+)?)\w*\.py|[wa]sgi/\w+\.py"
    r"|\w*_(debug|dev|development|local)\.py)$"  # manage_debug.py: for developers, by its name
)
# What a worker of Celery starts.
WORKERS = Pattern(r"(celery|worker)\w*(\.py|/__init__\.py)$")


class CommandRunsWithDebug(Rule[File]):
    """Commands run with settings in which `DEBUG` is on, unless somebody says otherwise.

    ## What it does

    Reports the line of `manage.py`, of `celery.py` or of a script that sets `DJANGO_SETTINGS_MODULE` to a module whose
    `DEBUG` is true, whether that module assigns it or another one brings it in.

    ## Why is this bad?

    The web server's unit file names the settings of production; the crontab and the shell of the person who starts a
    backfill by hand do not, and run with the default. There `DEBUG` is on, and Django keeps the last 9,000 statements
    of each connection in `connection.queries`, SQL text included: bounded by count, not by size, and before Django 1.8
    by neither. A request starts with an empty log, a command fills it once and keeps it to its end.

    Measured: 100 statements of 200 KB each left 24 MB behind with `DEBUG` on and 3 MB with it off on SQLite, 21 MB and
    1 MB on PostgreSQL and MariaDB (Django 5.2, Python 3.11; `tests/proof/rules`).

    ## Example

    ```python
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.development")
    ```

    ## Use instead

    ```python
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.production")
    ```

    with `DJANGO_SETTINGS_MODULE=shop.settings.development` in the environment of developers.

    ## When it is silent

    In `wsgi.py` and `asgi.py`, in tests, in the settings themselves, and in projects that only show or test something
    (`example`, `sandbox`). In files that set Django up and then only define things for others. Where the module is not
    part of the project, and where its `DEBUG` hangs on the environment or on a module that may be there
    (`local_settings.py`). Where the line runs only on a condition. Where it is a default, and a `Dockerfile` names
    other settings: they hold for every command in the container. Where it is a default, and the module names an SQLite
    file while production runs on another database: no job on its data runs with this one by mistake.

    ## Fix safety

    No fix: developers who rely on the default must first set the variable.

    ## References

    - [Django: Designating the settings](https://docs.djangoproject.com/en/5.2/topics/settings/#designating-the-settings)
    - [Django: DEBUG](https://docs.djangoproject.com/en/5.2/ref/settings/#debug)
    """

    code = "DJQ505"
    name = "command-runs-with-debug"
    on = On.EVERYWHERE
    subject = File
    mentions = (VARIABLE,)

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        from flake8_djq.project.settings.entry_points import CONFIGURATION, setters

        source = file.source
        if NO_COMMAND.search(source.path) or file.contexts.is_only_imported:
            return
        around = Surroundings(source)
        classes = list(setters(source.tree, CONFIGURATION))
        for setter in setters(source.tree, VARIABLE):
            statement = next((node for node in source.statements if _holds(node, setter.node)), None)
            if statement is not None and not around.is_conditional(statement):
                yield from self._setter(setter, classes[0] if classes else None, file)

    def _setter(self, setter: Setter, chosen: Setter | None, file: File) -> Iterator[Finding]:
        """Judge one place that names settings; ``chosen`` names the class in them, for django-configurations."""
        from flake8_djq.project.settings.entry_points import CONFIGURATION

        settings = file.settings
        module = settings.file_named(setter.module, file.source.path)
        roots = settings.files.roots
        if module is None or roots is None or os.path.abspath(file.source.path) == str(module):
            return  # settings that name themselves have been chosen already
        # The folder of manage.py itself may be the example of a library: `sandbox/manage.py`.
        if is_example(module.relative_to(roots.top).as_posix() if module.is_relative_to(roots.top) else ""):
            return
        configuration = chosen.module if chosen is not None else ""
        if configuration and configuration not in settings.configurations(module):
            return
        found = settings.effective(module, configuration)
        debug, database = found.debug, found.databases.get("default")
        if not debug.is_on:
            return
        is_developers = database is not None and database.engine == "sqlite" and not database.is_default
        if is_developers and setter.is_default and file.database.name not in ("auto", "sqlite"):
            return  # a job on data of production cannot run with these by mistake
        deciding, variable = (chosen, CONFIGURATION) if chosen is not None else (setter, VARIABLE)
        if deciding.is_default and settings.is_overruled_by_image(module, configuration):
            return
        when = f"where {variable} is missing, " if deciding.is_default else ""
        named = f"{configuration} of {setter.module}" if configuration else setter.module
        who = "workers" if WORKERS.search(file.source.path) else "commands"
        yield self.finding(
            file,
            deciding.node,
            f"{when}{who} run with {named}, whose DEBUG is True ({settings.place(debug.way)}): Django keeps"
            f" {kept_statements(file)} of each connection in memory; {self._remedy(module, file)}",
        )

    def _remedy(self, module: Path, file: File) -> str:
        """What to do: name other settings, where the project has some."""
        settings = file.settings
        others = (item for item in settings.ranked if item.path != str(module))
        if any(not settings.effective(other.path, other.configuration).debug.is_on for other in others):
            return "name settings with DEBUG = False here"
        return "switch it off there, and on by the environment of developers"


def _holds(statement: ast.stmt, node: ast.AST) -> bool:
    if statement is node:
        return True
    return isinstance(statement, ast.Expr | ast.Assign) and any(part is node for part in ast.walk(statement))
