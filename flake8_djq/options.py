"""Each setting of the plugin once: its name, its default, its meaning and how its text is read.

flake8 reads them from its own configuration files and its command line, both as ``djq-...``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flake8.options.manager import OptionManager

__all__ = ["InvalidOption", "Options", "add_options", "read_options"]

CONTEXTS = ("batch", "web", "tests")
DATABASES = ("auto", "postgresql", "mysql", "sqlite", "oracle", "postgresql-pooled")
REMEDIES = ("auto", "iterator", "keyset")
OLDEST_DJANGO = (4, 0)


class InvalidOption(ValueError):
    """An option holds a value that means nothing; the text names the option and what it takes."""


@dataclass(frozen=True)
class Options:
    """The settings of one flake8 run, already checked.

    ``django_version`` is None where the user named none: then messages say what every supported version does.
    """

    contexts: frozenset[str] = frozenset({"batch"})
    batch_paths: tuple[str, ...] = ()
    batch_settings: tuple[str, ...] = ()
    database: str = "auto"
    remedy: str = "auto"
    keyset_helper: str = ""
    django_version: tuple[int, int] | None = None
    chunk_size: int = 2000
    small_models: frozenset[str] = frozenset({"ContentType", "Group", "Permission", "Site"})


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", text) if part)


def _contexts(text: str) -> frozenset[str]:
    names = frozenset(_names(text))
    if not names or names - set(CONTEXTS):
        raise ValueError(f"a comma-separated list of {', '.join(CONTEXTS)}")
    return names


def _database(text: str) -> str:
    if text not in DATABASES:
        raise ValueError(f"one of {', '.join(DATABASES)}")
    return text


def _remedy(text: str) -> str:
    if text not in REMEDIES:
        raise ValueError(f"one of {', '.join(REMEDIES)}")
    return text


def _keyset_helper(text: str) -> str:
    parts = text.split(".")
    if text and (len(parts) < 2 or not all(part.isidentifier() for part in parts)):
        raise ValueError("the dotted name of a function, such as shop.db.keyset_iterator")
    return text


def _django_version(text: str) -> tuple[int, int] | None:
    if text == "auto":
        return None
    match = re.fullmatch(r"(\d+)\.(\d+)(?:\.\d+)?", text)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < OLDEST_DJANGO:
        raise ValueError("auto or a version of Django such as 5.2")
    return version


def _chunk_size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("a whole number above 0")
    return int(text)


def _small_models(text: str) -> frozenset[str]:
    return Options.small_models | {name.rpartition(".")[2] for name in _names(text)}


@dataclass(frozen=True)
class _Setting:
    """One row of the table below; ``read`` raises ValueError with what the option takes."""

    field: str
    default: str
    metavar: str
    meaning: str
    read: Callable[[str], Any]

    @property
    def name(self) -> str:
        return "djq-" + self.field.replace("_", "-")


SETTINGS = (
    _Setting(
        "contexts",
        "batch",
        "LIST",
        "which code the memory rules look at: batch, web, tests (comma-separated); rules about repeated and useless"
        " queries speak everywhere outside tests, and in tests when these are listed",
        _contexts,
    ),
    _Setting(
        "batch_paths",
        "",
        "GLOBS",
        "more files that are batch code, as comma-separated globs, such as */exports/*.py,tools/*.py",
        _names,
    ),
    _Setting(
        "batch_settings",
        "",
        "NAMES",
        "more settings modules that batch work runs with, by dotted name, such as shop.settings.nightly",
        _names,
    ),
    _Setting("database", "auto", "NAME", f"the database in production: {', '.join(DATABASES)}", _database),
    _Setting(
        "remedy",
        "auto",
        "NAME",
        "how a loop over a whole table is mended: iterator, keyset, or auto for .iterator() where the database streams"
        " and the keyset iterator where it does not",
        _remedy,
    ),
    _Setting(
        "keyset_helper",
        "",
        "NAME",
        "the keyset iterator of the project by its dotted name, such as shop.db.keyset_iterator; flake8-djq keyset"
        " writes one",
        _keyset_helper,
    ),
    _Setting(
        "django_version",
        "auto",
        "VERSION",
        "the version of Django that the project runs on, such as 5.2; auto words messages for every version",
        _django_version,
    ),
    _Setting("chunk_size", "2000", "ROWS", "the chunk_size that remedies are written with", _chunk_size),
    _Setting(
        "small_models",
        "",
        "NAMES",
        "more models whose tables stay small, besides ContentType, Group, Permission and Site",
        _small_models,
    ),
)


def add_options(manager: OptionManager) -> None:
    """Register every setting with flake8."""
    for setting in SETTINGS:
        manager.add_option(
            "--" + setting.name,
            default=setting.default,
            metavar=setting.metavar,
            parse_from_config=True,
            help=f"{setting.meaning} (default: {setting.default or 'none'})",
        )


def read_options(namespace: argparse.Namespace) -> Options:
    """Check what flake8 has read.

    Raises InvalidOption for a value that means nothing.
    """
    values = {}
    for setting in SETTINGS:
        text = str(getattr(namespace, "djq_" + setting.field)).strip()
        try:
            values[setting.field] = setting.read(text)
        except ValueError as error:
            raise InvalidOption(f"--{setting.name} takes {error}, not {text!r}") from None
    assert set(values) == {field.name for field in fields(Options)}
    return Options(**values)
