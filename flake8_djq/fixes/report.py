"""flake8 as ``flake8-djq fix`` runs it, in a process of its own: the same work, but the report goes into a file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from flake8.formatting.base import BaseFormatter
from flake8.main.application import Application
from flake8.statistics import Statistics
from flake8.violation import Violation

from flake8_djq.options import SETTINGS

__all__ = ["main"]

# What flake8 reports of files that it can read nothing else of.
UNREADABLE = ("E902", "E999")


class Report(BaseFormatter):
    """Writes every violation of this plugin that flake8's configuration lets through to a file, as JSON.

    An object with ``options`` (the plugin's settings as text, and flake8's ``max_line_length`` in characters),
    ``paths`` (those that flake8 was asked to look at), ``unreadable`` (``[path, message]``) and ``violations``:
    ``[path, line, column, code, message]`` with lines and columns from 1, as flake8 prints them.
    """

    def __init__(self, options: argparse.Namespace, path: Path) -> None:
        super().__init__(options)
        self._path = path
        self._violations: list[tuple[str, int, int, str, str]] = []
        self._unreadable: list[tuple[str, str]] = []

    def start(self) -> None:
        """Nothing is written before the end."""

    def handle(self, error: Violation) -> None:
        if error.code.startswith("DJQ"):
            self._violations.append((error.filename, error.line_number, error.column_number, error.code, error.text))
        elif error.code in UNREADABLE:
            place = f" (line {error.line_number})" if error.line_number else ""
            self._unreadable.append((error.filename, f"{error.text}{place}"))

    def show_statistics(self, statistics: Statistics) -> None:
        """The user's configuration may ask for statistics; they are not wanted here."""

    def show_benchmarks(self, benchmarks: list[tuple[str, float]]) -> None:
        """Nor are benchmarks."""

    def stop(self) -> None:
        options = {"djq_" + setting.field: str(getattr(self.options, "djq_" + setting.field)) for setting in SETTINGS}
        content = {
            "options": options | {"max_line_length": self.options.max_line_length},
            "paths": self.options.filenames,
            "unreadable": self._unreadable,
            "violations": self._violations,
        }
        self._path.write_text(json.dumps(content), encoding="utf-8")


class _Flake8(Application):
    """flake8 with this report, whatever format its configuration asks for."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_formatter(self) -> None:
        assert self.options is not None
        self.formatter = Report(self.options, self._path)


def main(arguments: Sequence[str], path: str) -> int:
    """Run flake8 and write its report; gives 0 where it got through all files, else 1 or flake8's own exit code."""
    flake8 = _Flake8(Path(path))
    flake8.run(arguments)
    return int(flake8.catastrophic_failure)
