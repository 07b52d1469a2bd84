"""DJQ501: DEBUG is on in the settings that batch work runs with."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import replace
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.settings.bindings import Bindings
from flake8_djq.rules.settings.environment import WithoutVariables
from flake8_djq.rules.settings.modules import assigns_debug, runs_batch_work

__all__ = ["DebugInBatchSettings"]


class DebugInBatchSettings(Rule[File]):
    """`DEBUG` is on in a settings module that batch work runs with.

    ## What it does

    Looks at the settings modules that workers, schedulers and the live site start with, and reports `DEBUG = True`
    where it is still in force at the end of the module. Such a module is one whose name holds the word `batch`,
    `worker`, `workers`, `celery`, `beat`, `cron`, `jobs`, `tasks`, `scheduler`, `production` or `prod`, or one that the
    option `batch-settings` names.

    ## Why is this bad?

    While `DEBUG` is on, Django keeps the last 9,000 statements of each connection in `connection.queries`, SQL text
    included: bounded by count, not by size. A web request starts with an empty log; a worker or a nightly command
    fills it once and keeps it to its end.

    ## Example

    ```python
    # shop/settings/batch.py
    from shop.settings.base import *

    DEBUG = True
    ```

    ## Use instead

    ```python
    # shop/settings/batch.py
    from shop.settings.base import *

    DEBUG = False
    ```

    ## When it is silent

    In every other settings module, and in those whose name says that they are for development or tests
    (`local_worker.py`). Where a later assignment switches `DEBUG` off, and where its value hangs on a condition, on a
    later `import *` or on an environment variable.

    ## Fix safety

    Unsafe: it writes `False` in place of `True`. With `DEBUG` off Django also wants `ALLOWED_HOSTS` and answers errors
    with plain pages, and whatever else the project makes depend on `DEBUG` changes.

    ## References

    - [Django: DEBUG](https://docs.djangoproject.com/en/5.2/ref/settings/#debug)
    - [Django: How can I see the raw SQL queries Django is running?](https://docs.djangoproject.com/en/5.2/faq/models/)
    """

    code = "DJQ501"
    name = "debug-in-batch-settings"
    on = On.EVERYWHERE
    fix = Fix.UNSAFE
    subject = File
    mentions = ("DEBUG",)

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        if not runs_batch_work(file) or not assigns_debug(file):
            return
        node = Bindings(file.source, "DEBUG").effective
        if node is None or node.value is None:
            return
        known = WithoutVariables(file.source)
        if known.truth(node.value) is not True or known.reads:
            return
        written = ast.unparse(node.value)
        yield self.finding(
            file,
            node,
            f"DEBUG = {written} in batch settings: Django keeps the last 9,000 SQL statements of each connection in"
            " memory; set DEBUG = False",
            _switch_off(file, node.value) if isinstance(node, ast.AnnAssign) or len(node.targets) == 1 else None,
        )


def _switch_off(file: File, value: ast.expr) -> Edit | None:
    """The edit that writes `False` over a plain `True`."""
    if not isinstance(value, ast.Constant) or value.value is not True:
        return None
    parts = replace(file.source, value, "False")
    return Edit(parts, safe=False) if parts else None
