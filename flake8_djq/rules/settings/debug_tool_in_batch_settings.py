"""DJQ506: a debugging tool is installed in the settings that batch work runs with."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.patterns import Pattern
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.settings.modules import settings_of
from flake8_djq.rules.settings.places import origin, report

__all__ = ["DebugToolInBatchSettings"]

# Packages by the first part of their dotted names, and what each does while it is installed.
TOOLS = {
    "debug_toolbar": "it records each query of a request, with its stack, in memory",
    "debug_panel": "it records each query of a request, with its stack, in memory",
    "devserver": "it prints and counts each query",
    "django_cprofile_middleware": "it profiles requests",
    "django_query_profiler": "it records each query, with its stack, in memory",
    "django_querycount": "it counts and prints the queries of each request",
    "nplusone": "it watches every attribute of every row that is read",
    "pyinstrument": "it profiles requests",
    "qinspect": "it records each query, with its stack, in memory",
    "query_counter": "it records and prints the queries of each request",
    "query_doctor": "it records each query, with its stack, in memory",
    "querycount": "it counts and prints the queries of each request",
    "silk": "it writes each request, and each query with its stack, into the database",
    "template_profiler_panel": "it records the rendering of each template",
    "zeal": "it watches every relation of every row that is read",
    "zen_queries": "it watches each query",
}
# Tools that do nothing while DEBUG is off, and those that do nothing without their middleware.
NEED_DEBUG = frozenset({"debug_toolbar", "debug_panel", "django_querycount", "querycount"})
NEED_MIDDLEWARE = frozenset({"debug_toolbar", "debug_panel", "silk", "pyinstrument"})
# Packages of which only a part is a tool.
PARTS = {"pyinstrument": "pyinstrument.middleware"}
OF_WEB = Pattern(r"\b[wa]sgi(\.py|/)")


class DebugToolInBatchSettings(Rule[File]):
    """A debugging tool is installed in a settings module that batch work runs with.

    ## What it does

    Reports `debug_toolbar`, `silk`, `nplusone`, `query_doctor`, `zen_queries`, `devserver` and the like in the
    `INSTALLED_APPS` or `MIDDLEWARE` of settings that workers, schedulers and the live site start with (see DJQ501 for
    which those are), whether the module lists them or another one brings them in.

    ## Why is this bad?

    These tools look at every query or every row. Some keep what they see in memory or write it into the database,
    others wrap each access to a row: a job over millions of rows pays for each of them.

    ## Example

    ```python
    # shop/settings/base.py, which shop/settings/production.py imports
    INSTALLED_APPS = ["shop", "debug_toolbar"]
    ```

    ## Use instead

    ```python
    # shop/settings/development.py
    from shop.settings.base import *

    INSTALLED_APPS += ["debug_toolbar"]
    ```

    ## When it is silent

    In other settings modules, and in those whose name says that they are for development or tests. Where the entry is
    there on a condition only (`if DEBUG:`), and where a module that cannot be read may take it out again. On a tool
    that does nothing here: `debug_toolbar` and `querycount` where the settings switch `DEBUG` off, be it only as long
    as no environment variable says otherwise, and a tool that works by a middleware (`silk`, `debug_toolbar`) without
    it. Where a function of yours decides for which requests it works: `SHOW_TOOLBAR_CALLBACK` of `debug_toolbar`,
    `SILKY_INTERCEPT_FUNC` or `SILKY_INTERCEPT_PERCENT` of `silk`. On a tool of which that is not known:
    `debug_toolbar` and `querycount` where `DEBUG` comes from nothing but a module that is not part of the project
    (`from .local_settings import *`). Where only `wsgi.py` or `asgi.py` names the settings: they serve requests.

    ## Fix safety

    No fix: URLs and other settings of the tool would be left over.

    ## References

    - [Django Debug Toolbar](https://django-debug-toolbar.readthedocs.io/)
    - [Silk](https://github.com/jazzband/django-silk)
    - [nplusone](https://github.com/jmcarp/nplusone)
    """

    code = "DJQ506"
    name = "debug-tool-in-batch-settings"
    on = On.EVERYWHERE
    subject = File
    mentions = ("INSTALLED_APPS", "MIDDLEWARE", "import")

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        for settings in settings_of(file):
            found = settings.effective
            middleware = () if found.middleware_unless else found.middleware
            is_unknown = found.debug.is_decided_elsewhere and file.settings.files.roots is not None
            idle = NEED_DEBUG if found.debug.is_said_to_be_off or is_unknown else frozenset()
            idle |= found.guarded_tools
            idle |= NEED_MIDDLEWARE - {entry.name.partition(".")[0] for entry in middleware}
            apps = () if found.apps_unless else found.apps
            for setting, entries in (("INSTALLED_APPS", apps), ("MIDDLEWARE", middleware)):
                for entry in entries:
                    tool = entry.name.partition(".")[0]
                    if tool not in TOOLS or tool in idle or not entry.name.startswith(PARTS.get(tool, "")):
                        continue
                    if not settings.batch or OF_WEB.search(settings.batch):
                        continue
                    message = (
                        f"{entry.name} in {setting} of {settings.batch}{origin(entry.way, file)}: {TOOLS[tool]};"
                        " list it in settings of development only"
                    )
                    yield from report(self, file, entry.way, message, text=entry.name)
