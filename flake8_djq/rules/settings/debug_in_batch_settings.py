"""DJQ501: DEBUG is on in the settings that batch work runs with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import replace
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.settings.modules import settings_of
from flake8_djq.rules.settings.places import brought_in, is_inherited, report, statement_of
from flake8_djq.rules.settings.query_log import kept_statements

__all__ = ["DebugInBatchSettings"]


class DebugInBatchSettings(Rule[File]):
    """`DEBUG` is on in a settings module that batch work runs with.

    ## What it does

    Looks at the settings modules that workers, schedulers and the live site start with, and reports a `DEBUG` that is
    true at the end of the module: on the line that assigns it, or on the one that brings it in from another module,
    such as `from .development import *`. Such a module is one whose name holds the word `batch`, `worker`, `workers`,
    `celery`, `beat`, `cron`, `jobs`, `tasks`, `scheduler`, `production` or `prod`, one that an entry point of
    production names (`Procfile`, `Dockerfile`, a systemd unit, a crontab, `celery.py`, `wsgi.py` ...), or one that the
    option `batch-settings` names. Classes of django-configurations count like modules.

    ## Why is this bad?

    While `DEBUG` is on, Django keeps the last 9,000 statements of each connection in `connection.queries`, SQL text
    included: bounded by count, not by size, and before Django 1.8 by neither. A web request starts with an empty log; a
    worker or a nightly command fills it once and keeps it to its end.

    Measured: 100 statements of 200 KB each left 24 MB behind with `DEBUG` on and 3 MB with it off on SQLite, 21 MB and
    1 MB on PostgreSQL and MariaDB (Django 5.2, Python 3.11; `tests/proof/rules`).

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
    (`local_worker.py`). Where a later assignment switches `DEBUG` off, and where its value hangs on a condition, on an
    environment variable, or on a module that cannot be read and may be there (`local_settings.py`).

    A bare `# noqa` on `from .development import *` is meant for F403 and does not hide this: the finding then stands on
    another line and says so. `# noqa: DJQ501` hides it.

    ## Fix safety

    Unsafe: it writes `False` in place of a `True` of the module's own. With `DEBUG` off Django also wants
    `ALLOWED_HOSTS` and answers errors with plain pages, and whatever else the project makes depend on `DEBUG` changes.

    ## References

    - [Django: DEBUG](https://docs.djangoproject.com/en/5.2/ref/settings/#debug)
    - [Django: How can I see the raw SQL queries Django is running?](https://docs.djangoproject.com/en/5.2/faq/models/)
    """

    code = "DJQ501"
    name = "debug-in-batch-settings"
    on = On.EVERYWHERE
    fix = Fix.UNSAFE
    subject = File
    mentions = ("DEBUG", "import")

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        for settings in settings_of(file):
            debug = settings.effective.debug
            if not debug.is_on or not settings.batch:
                continue
            if is_inherited(debug.way):
                message = (
                    f"DEBUG = True reaches {settings.batch} here, {brought_in(debug.way, file)}: Django keeps"
                    f" {kept_statements(file)} of each connection in memory; set DEBUG = False below"
                )
                yield from report(self, file, debug.way, message)
                continue
            node = statement_of(debug.way, file)
            message = (
                f"DEBUG = {_written(node)} in {settings.batch}: Django keeps {kept_statements(file)} of each"
                " connection in memory; set DEBUG = False"
            )
            yield from report(self, file, debug.way, message, partial(_switch_off, file, node))


def _written(node: ast.stmt | None) -> str:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return ast.unparse(value) if value is not None else "True"


def _switch_off(file: File, node: ast.stmt | None) -> Edit | None:
    """The edit that writes `False` over a plain `True`."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or (isinstance(node, ast.Assign) and len(node.targets) != 1):
        return None
    value = node.value
    if not isinstance(value, ast.Constant) or value.value is not True:
        return None
    parts = replace(file.source, value, "False")
    return Edit(parts, safe=False) if parts else None
