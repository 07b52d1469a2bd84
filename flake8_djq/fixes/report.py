"""What flake8 reports of this plugin, as a file for ``flake8-djq fix``: the formatter ``djq-report``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from flake8.formatting.base import BaseFormatter
from flake8.statistics import Statistics
from flake8.violation import Violation

from flake8_djq.options import SETTINGS

__all__ = ["FORMAT", "Report"]

FORMAT = "djq-report"


class Report(BaseFormatter):
    """Writes every violation of this plugin that flake8's configuration lets through to ``--output-file``, as JSON.

    An object with ``options`` (the plugin's settings as text, and flake8's ``max_line_length`` in characters) and
    ``violations``: ``[path, line, column, code, message]`` with lines and columns from 1, as flake8 prints them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._violations: list[tuple[str, int, int, str, str]] = []

    def start(self) -> None:
        """Nothing is written before the end."""

    def handle(self, error: Violation) -> None:
        if error.code.startswith("DJQ"):
            self._violations.append((error.filename, error.line_number, error.column_number, error.code, error.text))

    def show_statistics(self, statistics: Statistics) -> None:
        """The user's configuration may ask for statistics; they are not wanted here."""

    def show_benchmarks(self, benchmarks: list[tuple[str, float]]) -> None:
        """Nor are benchmarks."""

    def stop(self) -> None:
        options = {"djq_" + setting.field: str(getattr(self.options, "djq_" + setting.field)) for setting in SETTINGS}
        text = json.dumps(
            {"options": options | {"max_line_length": self.options.max_line_length}, "violations": self._violations}
        )
        Path(self.filename).write_text(text, encoding="utf-8")
