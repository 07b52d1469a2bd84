"""DJQ5: settings and diagnostics that eat a batch job."""

from __future__ import annotations

from flake8_djq.context import SETTINGS_PATH
from flake8_djq.options import Options
from flake8_djq.source import Source

__all__ = ["may_matter"]

# What a settings module has, whatever its name, and code that asks for settings, or switches something on.
WORDS = (
    *("DEBUG", "INSTALLED_APPS", "DATABASES", "MIDDLEWARE", "LOGGING", "DJANGO_SETTINGS_MODULE", "import *"),
    *("environ", "getenv", "decouple", "force_debug_cursor"),
    *("memory_profiler", "tracemalloc", "cProfile", "import profile", "pyinstrument", "line_profiler"),
)


def may_matter(source: Source, options: Options) -> bool:
    """Whether a file may be one that the rules of this folder speak of."""
    if any(word in source.text for word in WORDS):
        return True
    return bool(options.batch_settings) or SETTINGS_PATH.search(source.path) is not None
