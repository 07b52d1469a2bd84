"""DJQ507: every SQL statement is logged in the settings that batch work runs with."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.settings.modules import settings_of
from flake8_djq.rules.settings.places import origin, report

__all__ = ["SqlLoggingInBatchSettings"]


class SqlLoggingInBatchSettings(Rule[File]):
    """The logger of SQL statements is set to `DEBUG` in a settings module that batch work runs with.

    ## What it does

    Reports, in settings that workers, schedulers and the live site start with (see DJQ501 for which those are), a level
    of `DEBUG` for the logger `django.db.backends`, or for `django.db` or `django` where the nearer ones have no level:
    in `LOGGING`, or by `logging.getLogger("django.db.backends").setLevel(logging.DEBUG)`.

    ## Why is this bad?

    Django writes each statement to that logger while `DEBUG` is on, with its parameters and its time. A job that runs a
    statement for each of a million rows writes a million records, and a bulk insert writes all of its rows into one.

    ## Example

    ```python
    LOGGING = {
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"django.db.backends": {"level": "DEBUG", "handlers": ["console"]}},
    }
    ```

    ## Use instead

    ```python
    LOGGING = {
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"django.db.backends": {"level": "INFO", "handlers": ["console"]}},
    }
    ```

    ## When it is silent

    In other settings modules, and in those whose name says that they are for development or tests. Where these settings
    say that `DEBUG` is off: then Django logs no statements, whatever the level. Where the level comes from the
    environment. Where no handler takes such records: the logger, or one above it, passes nothing on
    (`"propagate": False`), and up to there none has a handler, or only such as drop them.

    ## Fix safety

    No fix: somebody may read that log.

    ## References

    - [Django: django.db.backends](https://docs.djangoproject.com/en/5.2/ref/logging/#django-db-backends)
    - [Python: Logging Levels](https://docs.python.org/3/library/logging.html#logging-levels)
    """

    code = "DJQ507"
    name = "sql-logging-in-batch-settings"
    on = On.EVERYWHERE
    subject = File
    mentions = ("LOGGING", "logging", "import")

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        for settings in settings_of(file):
            found = settings.effective
            logger, way = found.sql_logger
            is_silent = not logger or found.logging_unless or found.debug.is_said_to_be_off
            if is_silent or not settings.batch:
                continue
            message = (
                f"the logger {logger} is at DEBUG in {settings.batch}{origin(way, file)}: while DEBUG is on, each SQL"
                " statement of a job is logged, with all of its parameters; set its level to INFO"
            )
            yield from report(self, file, way, message, text="DEBUG")
