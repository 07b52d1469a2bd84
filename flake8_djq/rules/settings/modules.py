"""Which settings modules batch work runs with, told by their names."""

from __future__ import annotations

import os.path
import re

from flake8_djq.rules.base import File

__all__ = ["assigns_debug", "is_development", "is_module_of_settings", "runs_batch_work"]

# Words of the names of settings modules that a worker, a scheduler or the live site starts with.
BATCH_WORDS = frozenset(
    ("batch", "worker", "workers", "celery", "beat", "cron", "jobs", "tasks", "scheduler", "production", "prod")
)
# Words of the names of settings modules that nobody runs a nightly job with.
DEVELOPMENT_WORDS = frozenset(
    (
        "dev",
        "devel",
        "develop",
        "development",
        "developer",
        "local",
        "localhost",
        "debug",
        "test",
        "tests",
        "testing",
        "ci",
    )
)

ASSIGNMENT = re.compile(r"DEBUG\s*(=(?!=)|:)")


def _words(path: str) -> frozenset[str]:
    """The words of a module's name: `{"settings", "worker"}` for `shop/settings_worker.py`."""
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(".py")
    if stem == "__init__":
        stem = folder.rpartition("/")[2]
    return frozenset(re.split(r"[^a-z0-9]+", stem.lower()))


def _is_named(file: File) -> bool:
    """Whether the option `batch_settings` names this module."""
    if not file.options.batch_settings:
        return False
    path = os.path.abspath(file.source.path).replace("\\", "/")
    module = path.removesuffix(".py").removesuffix("/__init__")
    return any(module.endswith("/" + name.replace(".", "/")) for name in file.options.batch_settings)


def assigns_debug(file: File) -> bool:
    """Whether the text of a file may assign DEBUG: most that mention it name a level of logging."""
    return ASSIGNMENT.search(file.source.text) is not None


def is_module_of_settings(file: File) -> bool:
    """Whether the file is a settings module, by its looks or because the user said so."""
    return file.contexts.is_settings or _is_named(file)


def is_development(file: File) -> bool:
    """Whether the module's name says that only developers, or tests, run with it."""
    return bool(_words(file.source.path) & DEVELOPMENT_WORDS) and not _is_named(file)


def runs_batch_work(file: File) -> bool:
    """Whether batch work runs with this settings module: its name says so, or the user does."""
    words = _words(file.source.path)
    if words & BATCH_WORDS and not words & DEVELOPMENT_WORDS:
        return file.contexts.is_settings
    return _is_named(file)
