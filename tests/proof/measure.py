"""Start a cell, watch its memory from outside, and see to it that the right rows came."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.proof.cell import resident
from tests.proof.rows import Filled, Tally

ROOT = Path(__file__).resolve().parents[2]

WAYS = ("plain", "iterator", "keyset", "paginator")
"""The ways through a table, in the order of the table's columns."""

KEYSET = "flake8_djq.keyset.keyset_iterator"
"""The iterator that is measured."""

MEGABYTE = 1_000_000

SECONDS_BETWEEN_SAMPLES = 0.004


class Wrong(Exception):
    """A process failed, or gave other rows than stand in the table; the text says which, in full."""


@dataclass(frozen=True)
class Run:
    """One run of one cell.

    Attributes:
        seconds: from before the first query to the end of the loop.
        processor: seconds of processor time of the client's process in that time; other work on the machine makes
            ``seconds`` grow, and this hardly.
        peak: megabytes of resident memory above the idle process, at the highest, as the kernel counts.
        samples: the same over time, as seen from outside: seconds since the start, megabytes.
    """

    seconds: float
    processor: float
    peak: float
    samples: list[tuple[float, float]]


@dataclass(frozen=True)
class Cell:
    """Several runs of one cell: the median of their times, the maximum of their peaks, the samples of the median."""

    seconds: float
    processor: float
    peak: float
    samples: list[tuple[float, float]]


def combine(runs: Iterable[Run]) -> Cell:
    """What the table says about several runs."""
    ordered = sorted(runs, key=lambda run: run.seconds)
    median = ordered[len(ordered) // 2]
    seconds = statistics.median(run.seconds for run in ordered)
    processor = statistics.median(run.processor for run in ordered)
    return Cell(round(seconds, 3), round(processor, 3), round(max(run.peak for run in ordered), 2), median.samples)


def fill(database: dict[str, Any], rows: int) -> Filled:
    """Fill a database, in a process of its own.

    Raises:
        Wrong: the process failed.
    """
    output, _ = _run("tests.proof.rows", {"database": database, "rows": rows})
    return Filled(**output)


def measure(database: dict[str, Any], way: str, wanted: Tally, keyset: str = KEYSET) -> Run:
    """Run one cell once.

    Args:
        database: as it stands in Django's ``DATABASES``; filled.
        way: one of ``WAYS``.
        wanted: the tally of the rows that must come; its count says how many are asked for.
        keyset: the dotted name of the keyset iterator.

    Raises:
        Wrong: the process failed, or other rows came.
    """
    job = {"database": database, "way": way, "rows": wanted.count, "keyset": keyset}
    output, watched = _run("tests.proof.cell", job)
    found = Tally(output["count"], output["total"], output["ordered"])
    if found != wanted:
        raise Wrong(f"{way}: {_difference(found, wanted)}")
    started, ended, idle = output["started"], output["ended"], output["idle"]
    samples = [(at - started, (memory - idle) / MEGABYTE) for at, memory in watched if started <= at <= ended]
    peak = (output["peak"] - idle) / MEGABYTE
    return Run(ended - started, output["processor"], peak, [(0.0, 0.0), *samples])


def _difference(found: Tally, wanted: Tally) -> str:
    if found.count != wanted.count:
        return f"{found.count:,} rows came instead of {wanted.count:,}"
    return "other rows came" if found.total != wanted.total else "the rows came in another order"


def _run(module: str, job: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[float, int]]]:
    """Run a module with a job on its standard input; what it prints, and its memory by the monotonic clock."""
    watched = []
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process, process.stdout:
            process.stdin.write(json.dumps(job))
            process.stdin.close()
            while process.poll() is None:
                watched.append((time.monotonic(), _resident(process.pid)))
                time.sleep(SECONDS_BETWEEN_SAMPLES)
            output = process.stdout.read()
        if process.returncode:
            errors.seek(0)
            raise Wrong(f"{module} with {job.get('way', 'its job')} failed:\n{errors.read().strip()}")
    return json.loads(output), watched


def _resident(process: int) -> int:
    try:
        return resident(process)
    except (OSError, IndexError):
        return 0  # It has ended since it was asked for.
