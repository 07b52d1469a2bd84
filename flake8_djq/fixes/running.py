"""Asking flake8, under the user's own configuration, what it reports of this plugin."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TextIO

from flake8_djq.options import Options, read_options

__all__ = ["Flake8Failed", "Reported", "Violation", "run_flake8"]

# Without the current folder on the module path: a project's own modules must not stand in for those that flake8 needs.
COMMAND = """\
import sys
sys.path = [part for part in sys.path if part]
from flake8_djq.fixes.report import main
sys.exit(main(sys.argv[2:], sys.argv[1]))
"""
# Seconds of silence before a terminal is told that work goes on.
PATIENCE = 2.0


class Flake8Failed(Exception):
    """flake8 did not get to its report; the text is what it said."""


class Violation(NamedTuple):
    """One line of flake8's report; ``line`` and ``column`` count from 1."""

    path: str
    line: int
    column: int
    code: str
    message: str


@dataclass(frozen=True)
class Reported:
    """What flake8 reports of this plugin, with the settings that it ran under.

    ``line_length`` is in characters, ``paths`` are those that flake8 was asked to look at, ``unreadable`` says of files
    that flake8 could not read or parse why.
    """

    violations: tuple[Violation, ...]
    options: Options
    line_length: int
    paths: tuple[str, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)


def run_flake8(arguments: Sequence[str], text: bytes | None = None) -> Reported:
    """Run flake8 with the given arguments, on a text as standard input if there is one.

    Raises Flake8Failed where it stops before its report.
    """
    with tempfile.TemporaryDirectory(prefix="flake8-djq-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-c", COMMAND, str(report), *arguments]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            said = _wait(process, text)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode or not report.exists():
            raise Flake8Failed(said or f"flake8 stopped with exit code {process.returncode}")
        content = json.loads(report.read_text(encoding="utf-8"))
    settings = argparse.Namespace(**content["options"])
    violations = tuple(Violation(*row) for row in content["violations"])
    options, length = read_options(settings), int(settings.max_line_length)
    return Reported(violations, options, length, tuple(content["paths"]), dict(content["unreadable"]))


def _wait(process: subprocess.Popen[bytes], text: bytes | None) -> str:
    """Wait for flake8, telling a terminal how long it takes; gives what it printed."""
    start, shown = time.monotonic(), False
    while True:
        try:
            output, errors = process.communicate(text, timeout=PATIENCE)
            break
        except subprocess.TimeoutExpired:
            text = None  # it has been handed over
            shown |= show_progress(f"flake8 reads the files: {time.monotonic() - start:.0f} s")
    if shown:
        show_progress("")
    return (output + errors).decode(errors="replace").strip()


def show_progress(text: str, stream: TextIO | None = None) -> bool:
    """Write a passing line to a terminal, "" to take it away; gives whether there is one."""
    stream = stream or sys.stderr
    if not stream.isatty():
        return False
    stream.write(f"\r\033[K{text}")
    stream.flush()
    return True
