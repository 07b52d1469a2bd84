"""What the name of a settings module says about who runs with it."""

from __future__ import annotations

import re

from flake8_djq.patterns import Pattern

__all__ = [
    "BATCH_WORDS",
    "is_batch_name",
    "is_development_name",
    "is_example",
    "is_production_name",
    "words_of",
]

# Words of the names of settings modules that a worker, a scheduler or the live site starts with.
BATCH_WORDS = frozenset(
    ("batch", "worker", "workers", "celery", "beat", "cron", "jobs", "tasks", "scheduler", "production", "prod")
)
PRODUCTION_WORDS = frozenset(("production", "prod", "live"))
# Words of the names of settings modules that nobody runs a nightly job with.
DEVELOPMENT_WORDS = frozenset(
    (
        *("dev", "devel", "develop", "development", "developer", "local", "localhost", "debug"),
        *("test", "tests", "testing", "ci"),
    )
)
# Folders of projects that only show or test something.
EXAMPLE_FOLDERS = Pattern(
    r"(^|[/_-])(examples?|demos?|(demo|example|dev|test)(project|app)|sandbox|samples?|docs?|(auto)?tests?|testing"
    r"|runtests|test_project|tutorials?|benchmarks?|templates?|project_template)([/_-]|$)"
)


def words_of(path: str) -> frozenset[str]:
    """The words of a module's name: `{"settings", "worker"}` for `shop/settings_worker.py`."""
    folder, _, name = path.replace("\\", "/").rpartition("/")
    stem = name.removesuffix(".py")
    if stem == "__init__":
        stem = folder.rpartition("/")[2]
    return frozenset(re.split(r"[^a-z0-9]+", stem.lower()))


def is_development_name(path: str) -> bool:
    """Whether the name says that only developers, or tests, run with the module."""
    return bool(words_of(path) & DEVELOPMENT_WORDS)


def is_batch_name(path: str) -> bool:
    """Whether the name says that batch work or the live site runs with the module."""
    return bool(words_of(path) & BATCH_WORDS) and not is_development_name(path)


def is_production_name(path: str) -> bool:
    """Whether the name says that the live site runs with the module."""
    return bool(words_of(path) & PRODUCTION_WORDS) and not is_development_name(path)


def is_example(path: str) -> bool:
    """Whether a file, named from the root of its project, lies in a folder of examples, demonstrations or tests."""
    return EXAMPLE_FOLDERS.search(path.rpartition("/")[0].lower()) is not None
