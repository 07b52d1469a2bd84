"""DJQ503: DEBUG is the text of an environment variable."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.settings.bindings import Bindings
from flake8_djq.rules.settings.environment import Read, raw_text, written
from flake8_djq.rules.settings.modules import assigns_debug, is_module_of_settings

__all__ = ["DebugAlwaysTrue"]


class DebugAlwaysTrue(Rule[File]):
    """`DEBUG` is the text of an environment variable, and `"False"` is true.

    ## What it does

    Reports `DEBUG` where it is the text of an environment variable as it stands, or `bool()` of that text.

    ## Why is this bad?

    Environment variables are texts, and every text but the empty one is true: `DEBUG=False` and `DEBUG=0` in the
    environment switch `DEBUG` *on*. While it is on, Django keeps the last 9,000 statements of each connection in
    `connection.queries`, SQL text included: bounded by count, not by size, and before Django 1.8 by neither.

    Measured: 100 statements of 200 KB each left 24 MB behind with `DEBUG` on and 3 MB with it off on SQLite, 21 MB and
    1 MB on PostgreSQL and MariaDB (Django 5.2, Python 3.11; `tests/proof/rules`).

    ## Example

    ```python
    DEBUG = os.environ.get("DEBUG", False)
    ```

    ## Use instead

    ```python
    DEBUG = os.environ.get("DEBUG", "").lower() in ("1", "true")
    ```

    ## When it is silent

    Where the text is compared, or converted by `int`, `strtobool`, `json.loads` or anything else that reads it. Where a
    later assignment replaces it, on a condition too. Where the variable's name speaks of neither debugging nor
    development: that one may be a switch that is only there or not.

    ## Fix safety

    No fix: where the variable is set to a text that means no, `DEBUG` would change.

    ## References

    - [Python: Truth Value Testing](https://docs.python.org/3/library/stdtypes.html#truth-value-testing)
    - [Python: os.environ](https://docs.python.org/3/library/os.html#os.environ)
    - [Django: DEBUG](https://docs.djangoproject.com/en/5.2/ref/settings/#debug)
    """

    code = "DJQ503"
    name = "debug-always-true"
    on = On.EVERYWHERE
    subject = File
    mentions = ("environ", "getenv", "decouple")

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        if not assigns_debug(file) or not is_module_of_settings(file):
            return
        for node in Bindings(file.source, "DEBUG").lasting:
            read = raw_text(node.value, file.source) if node.value is not None else None
            if read is not None and node.value is not None:
                yield self.finding(file, node, _message(read, node.value, file))


def _message(read: Read, value: ast.expr, file: File) -> str:
    variable = read.variable
    if isinstance(read.call, ast.Call):
        callee = written(read.call.func, file.source)
        missing = ""
        if file.source.resolve(read.call.func) == "decouple.config":
            remedy = f'have it cast: DEBUG = {callee}("{variable}", default=False, cast=bool)'
        else:
            remedy = f'compare it: DEBUG = {callee}("{variable}", "").lower() in ("1", "true")'
            if read.call is value:
                missing = f"where it is missing DEBUG is {ast.unparse(read.default) if read.default else None}; "
    else:
        target = written(read.call.value, file.source) if isinstance(read.call, ast.Subscript) else ""
        missing = "where it is missing these settings fail with KeyError; "
        remedy = f'compare it: DEBUG = {target}["{variable}"].lower() in ("1", "true")'
    return f'DEBUG is the text of the variable {variable}: any text, "False" too, is true; {missing}{remedy}'
