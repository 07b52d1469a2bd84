"""Which settings modules a rule looks at, and which of them batch work runs with."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from flake8_djq.context import SETTINGS_PATH
from flake8_djq.project.settings.names import is_batch_name, is_development_name
from flake8_djq.rules.base import File

if TYPE_CHECKING:
    from flake8_djq.project.settings.effective import Effective

__all__ = ["BatchSettings", "assigns_debug", "batch_settings", "is_development", "is_module_of_settings"]

ASSIGNMENT = re.compile(r"DEBUG\s*(=(?!=)|:)")
# What the text of a settings module has that its path does not show.
SIGNS = ("INSTALLED_APPS", "DATABASES")


class BatchSettings(NamedTuple):
    """A settings module that batch work runs with, or one of its classes where it uses django-configurations.

    ``where`` is how a message speaks of it: ``batch settings``, with the place that makes them so where no name does.
    """

    effective: Effective
    where: str


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
    return is_development_name(file.source.path) and not _is_named(file)


def _may_be_settings(file: File) -> bool:
    """Whether to look at a file at all: told by its path and its text, since every file is asked."""
    path, text = file.source.path, file.source.text
    shows = any(sign in text for sign in SIGNS)
    if (SETTINGS_PATH.search(path) or shows) and is_module_of_settings(file):
        return True
    if "import *" in text and (shows or is_batch_name(path)) and file.contexts.whole_file is None:
        # `config/production.py`: what it imports says what it is.
        return file.settings.effective(path).is_settings
    return _is_named(file)


def batch_settings(file: File) -> Iterator[BatchSettings]:
    """The settings that batch work runs with, if the file holds such: one, or one for each class of settings."""
    if not _may_be_settings(file):
        return
    settings, path = file.settings, file.source.path
    for configuration in settings.configurations(path) or ("",):
        reason = "" if _is_named(file) else settings.batch_reason(path, configuration)
        if reason is not None:
            where = f"batch settings ({reason} names them)" if reason else "batch settings"
            yield BatchSettings(settings.effective(path, configuration), where)
