"""Which settings modules a rule looks at, and which of them batch work runs with."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from flake8_djq.context import SETTINGS_PATH
from flake8_djq.patterns import Pattern
from flake8_djq.project.settings.names import is_batch_name, is_development_name
from flake8_djq.rules.base import File

if TYPE_CHECKING:
    from flake8_djq.project.settings.effective import Effective

__all__ = ["SettingsOf", "assigns_debug", "is_development", "is_module_of_settings", "settings_of"]

ASSIGNMENT = Pattern(r"DEBUG\s*(=(?!=)|:)")
# What the text of a settings module has that its path does not show.
SIGNS = ("INSTALLED_APPS", "DATABASES")

# What a module of this name has if it is one of settings, and no form for a user's: a setting that a rule asks for, or
# something that brings all settings of another module in.
MATTERS = Pattern(
    r"DEBUG|MIDDLEWARE|LOGGING|import \*|globals\(|include\(|exec\("
    r"|^class \w+\([^)]*(Base|Common|Configuration|Default|Development|Local|Production|Shared|Staging)",
    re.MULTILINE,
)


class SettingsOf:
    """The settings of a file: those of the module, or of one of its classes where it uses django-configurations."""

    def __init__(self, file: File, configuration: str) -> None:
        self._file = file
        self._configuration = configuration
        self.effective: Effective = file.settings.effective(file.source.path, configuration)

    @cached_property
    def batch(self) -> str:
        """How a message speaks of them where batch work runs with them, else "".

        To be asked last: the answer may take a look at the whole project.
        """
        if _is_named(self._file):
            return "batch settings"
        reason = self._file.settings.batch_reason(self._file.source.path, self._configuration)
        if reason is None:
            return ""
        return f"batch settings ({reason} names them)" if reason else "batch settings"


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
    if (shows or (SETTINGS_PATH.search(path) and MATTERS.search(text))) and is_module_of_settings(file):
        return True
    if "import *" in text and (shows or is_batch_name(path)) and file.contexts.whole_file is None:
        # `config/production.py`: what it imports says what it is.
        return file.settings.effective(path).is_settings
    return _is_named(file)


def settings_of(file: File) -> Iterator[SettingsOf]:
    """The settings that a file holds, if it is a settings module: one, or one for each class of settings."""
    if _may_be_settings(file):
        for configuration in file.settings.configurations(file.source.path) or ("",):
            yield SettingsOf(file, configuration)
