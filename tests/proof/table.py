"""``make proof``: measure memory and time of four ways through a table on each database, and write docs/proof.

``--flat`` measures instead whether the memory of the keyset iterator depends on the number of rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests import databases
from tests.proof import plot, report
from tests.proof.measure import KEYSET, ROOT, WAYS, Cell, Run, Wrong, combine, fill, measure
from tests.proof.rows import Row, expected, tally

ROWS = 300_000
RUNS = 3
FLAT_ROWS = (10_000, 100_000, 1_000_000, 3_000_000)

DOCS = ROOT / "docs" / "proof"
SAMPLES = ROOT / ".cache" / "proof"
JSON = "table.json"
MARKDOWN = "README.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; the exit status is 1 for wrong rows or a missed target, 2 for bad options."""
    options = _parser().parse_args(arguments)
    if sys.platform != "linux":
        print("make proof needs Linux: it reads the memory of processes from /proc", file=sys.stderr)
        return 2
    try:
        names = _available(options.databases)
        part = _flat(names, options.flat, options.keyset) if options.flat else _table(names, options)
    except databases.BadURL as error:
        print(error, file=sys.stderr)
        return 2
    except Wrong as error:
        print(error, file=sys.stderr)
        return 1
    cells = part.pop("cells", {})
    out = options.out or _out(names, options)
    measured = _write(out, part)
    for name in cells:
        plot.draw(report.TITLES[name].replace("`", ""), cells[name], out / f"{name}.svg")
    left_out = [name for name in options.databases if name not in names]
    return _say(out, part, measured, left_out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make proof", description=__doc__)
    parser.add_argument("--rows", type=_count, default=ROWS, help=f"rows in the table (default: {ROWS:,})")
    parser.add_argument("--runs", type=_count, default=RUNS, help=f"runs of each cell (default: {RUNS})")
    parser.add_argument(
        "--databases", type=_names, default=databases.NAMES, help=f"of {','.join(databases.NAMES)} (default: all)"
    )
    parser.add_argument(
        "--out", type=Path, help="directory to write to (default: docs/proof, or .cache/proof for less than everything)"
    )
    parser.add_argument(
        "--flat", type=_counts, nargs="?", const=FLAT_ROWS, help="measure the keyset iterator at these numbers of rows"
    )
    parser.add_argument("--keyset", default=KEYSET, help="the iterator that is measured, by its dotted name")
    return parser


def _count(text: str) -> int:
    if not text.replace("_", "").isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted(_count(part) for part in text.split(",")))


def _names(text: str) -> tuple[str, ...]:
    if unknown := set(text.split(",")) - set(databases.NAMES):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(sorted(unknown))}; {', '.join(databases.NAMES)} are known"
        )
    return tuple(name for name in databases.NAMES if name in text.split(","))


def _available(names: Sequence[str]) -> list[str]:
    """Those of the databases that are there; the others are named loudly, and in CI they are an error."""
    found = []
    for name in names:
        if reason := databases.missing(name):
            if databases.in_ci():
                raise Wrong(reason)
            print(f"!!!!!!!! LEFT OUT: {reason}", file=sys.stderr)
        else:
            found.append(name)
    return found


def _table(names: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    wanted = expected(options.rows)
    started = time.process_time()
    tally([Row(1, "0" * 290)] * options.rows)
    part: dict[str, Any] = {
        "rows": options.rows,
        "runs": options.runs,
        "check_seconds": round(time.process_time() - started, 3),
        "machine": f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors, {_load()}",
        "databases": {},
        "cells": {},
    }
    for name in names:
        with databases.created(name) as database:
            filled = fill(database, options.rows)
            runs: dict[str, list[Run]] = {way: [] for way in WAYS}
            # In turns, so that a machine that slows down slows all of them.
            for number in range(options.runs):
                for way in WAYS:
                    run = measure(database, way, wanted, options.keyset)
                    runs[way].append(run)
                    _progress(f"{name}, {way}, run {number + 1} of {options.runs}", run)
        cells = {way: combine(runs[way]) for way in WAYS}
        part["cells"][name] = cells
        part["databases"][name] = {
            **asdict(filled),
            "cells": {way: _figures(cell) for way, cell in cells.items()},
        }
    return part


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} at the start"


def _figures(cell: Cell) -> dict[str, float]:
    return {"seconds": cell.seconds, "processor_seconds": cell.processor, "peak_mb": cell.peak}


def _flat(names: Sequence[str], sizes: Sequence[int], keyset: str) -> dict[str, Any]:
    wanted = [expected(size) for size in sizes]
    part: dict[str, Any] = {"flat": {}}
    for name in names:
        cells: dict[str, Cell] = {}
        with databases.created(name) as database:
            filled = fill(database, sizes[-1])
            for want in wanted:
                run = measure(database, "keyset", want, keyset)
                cells[str(want.count)] = combine([run])
                _progress(f"{name}, keyset, {want.count:,} rows", run)
        part["flat"][name] = {
            **asdict(filled),
            "peaks_mb": {size: cell.peak for size, cell in cells.items()},
            "seconds": {size: cell.seconds for size, cell in cells.items()},
        }
    return part


def _progress(what: str, run: Run) -> None:
    print(f"{what}: {run.peak:.1f} MB, {run.seconds:.2f} s, {run.processor:.2f} s busy", file=sys.stderr, flush=True)


def _out(names: Sequence[str], options: argparse.Namespace) -> Path:
    """A sample must not take the place of the figures that the documentation shows."""
    if options.flat:
        whole = tuple(options.flat) == FLAT_ROWS
    else:
        whole = options.rows >= ROWS and options.runs >= RUNS and tuple(names) == databases.NAMES
    return DOCS if whole and options.keyset == KEYSET else SAMPLES


def _write(out: Path, part: dict[str, Any]) -> dict[str, Any]:
    """Write what was measured beside what the other kind of measurement has left there; all of it."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / JSON
    measured = {**(json.loads(path.read_text()) if path.exists() else {}), **part}
    path.write_text(json.dumps(measured, indent=2) + "\n")
    (out / MARKDOWN).write_text(report.markdown(measured))
    return measured


def _say(out: Path, part: dict[str, Any], measured: dict[str, Any], left_out: Sequence[str]) -> int:
    print("\n".join(report.flat_table(part) if "flat" in part else report.table(part)))
    found = report.targets(part)
    for target in found:
        print(target)
    if left_out:
        print(f"!!!!!!!! LEFT OUT: {', '.join(left_out)}")
    print(f"written to {os.path.relpath(out)}")
    return 0 if all(target.met for target in found) else 1


if __name__ == "__main__":
    sys.exit(main())
