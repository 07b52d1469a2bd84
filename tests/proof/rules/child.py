"""Runs pieces of code on one database, each in a process of its own, and tells what they gave and what they cost.

``python -m tests.proof.rules.child`` reads from its standard input what belongs into Django's ``DATABASES``, as a line
of JSON, and then the jobs, a ``Job`` a line; each is answered with a line before the next is read: its ``Run``, or
``{"failed": ...}`` with the text of why it could not be run at all.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import multiprocessing
import sys
import time
import traceback
import warnings
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.proof import shop
from tests.proof.rules import rows

# What a statement begins with that changes nothing.
READS = ("SELECT", "WITH", "(")


@dataclass(frozen=True)
class Job:
    """A file whose function ``run`` is called.

    Attributes:
        path: the file; "" to make the tables and fill them.
        arguments: those of ``run``.
        debug_from: the path of a settings module whose ``DEBUG`` counts; "" for the shop's own.
    """

    path: str
    arguments: tuple[Any, ...] = ()
    debug_from: str = ""


@dataclass(frozen=True)
class Run:
    """What running one piece of code has shown.

    Attributes:
        result: what it gave; None where it failed.
        error: the type and text of the exception that ended it; "" for none.
        warnings: the types and texts of what Python warned of.
        queries: how many statements went to the database. A stream is one, in however many chunks it is fetched.
        megabytes: the peak of the resident memory above the idle process.
        seconds: how long it took.
    """

    result: Any
    error: str
    warnings: list[str]
    queries: int
    megabytes: float
    seconds: float


class Statements:
    """Counts the statements of a connection, and sees whether one of them writes."""

    def __init__(self) -> None:
        self.count = 0
        self.written = False

    def __call__(self, execute: Any, sql: Any, parameters: Any, many: bool, context: Any) -> Any:
        self.count += 1
        self.written |= not str(sql).lstrip().startswith(READS)
        return execute(sql, parameters, many, context)


def load(path: str) -> Any:
    """The module in a file."""
    specification = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run(job: Job) -> Run:
    """Run one piece of code; Django is set up, and nothing else was run in this process."""
    from django.conf import settings
    from django.db import connection

    piece = load(job.path)
    if job.debug_from:
        settings.DEBUG = load(job.debug_from).DEBUG
    statements = Statements()
    result, error = None, ""
    connection.ensure_connection()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()
        idle = _forget_peak()
        start = time.perf_counter()
        with connection.execute_wrapper(statements):
            try:
                result = piece.run(*job.arguments)
            except Exception as problem:  # noqa: BLE001 - that a piece fails may be what is claimed of it
                error = f"{type(problem).__name__}: {problem}"[:500]
        seconds = time.perf_counter() - start
        megabytes = (_peak() - idle) / 1_000_000
        warned = sorted({f"{warning.category.__name__}: {warning.message}" for warning in caught})
    connection.close()
    if statements.written:
        rows.restore()
    return Run(result, error, warned, statements.count, round(megabytes, 2), round(seconds, 3))


def _forget_peak() -> int:
    """Have the peak of the memory counted from here on, where the system can; gives it as it is now, in bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """The highest resident memory so far, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource  # which Windows has not

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def _answer(job: Job, sender: Connection) -> None:
    try:
        if job.path:
            sender.send(asdict(run(job)))
        else:
            rows.fill()
            sender.send({})
    except BaseException:  # noqa: BLE001 - whoever asked must hear of whatever it is
        sender.send({"failed": traceback.format_exc()})


def answer(job: Job) -> dict[str, Any]:
    """Do one job in a copy of this process, which has no connection of its own."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_answer, args=(job, sender))
    process.start()
    sender.close()
    try:
        received: dict[str, Any] = receiver.recv()
    except EOFError:
        process.join()
        received = {"failed": f"the process ended with exit code {process.exitcode}"}
    process.join()
    return received


def main() -> None:
    shop.set_up(json.loads(sys.stdin.readline()))
    # What the jobs print must not stand among the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(answer(Job(**json.loads(line)))), file=answers, flush=True)


if __name__ == "__main__":
    main()
