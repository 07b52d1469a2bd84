"""What was measured, judged against its targets, and written as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TITLES = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL (psycopg 3)",
    "postgresql-pooled": "PostgreSQL, `DISABLE_SERVER_SIDE_CURSORS`",
    "mariadb": "MariaDB (mysqlclient)",
}

HEADINGS = {
    "plain": "plain loop",
    "iterator": "`.iterator(chunk_size=2000)`",
    "keyset": "keyset, 2000",
    "paginator": "`Paginator`, 2000",
}

REMEDIES = {
    "sqlite": ("iterator", "keyset"),
    "postgresql": ("iterator", "keyset"),
    "postgresql-pooled": ("keyset",),
    "mariadb": ("keyset",),
}
"""What the rules advise on each database."""

STREAMING = ("sqlite", "postgresql")
"""Where ``.iterator()`` streams."""

PEAK_LIMIT = 0.05
TIME_LIMIT = 1.3
FLAT_LIMIT = 1.5

JUDGED_FROM = 300_000
"""Rows from which the ratios are judged: below, a chunk is no small part of the table."""

FLAT_JUDGED_FROM = 10_000
"""Rows that the smallest table must have for flatness to be judged: below, there are too few chunks."""


@dataclass(frozen=True)
class Target:
    """A figure and its upper limit; ``judged`` is false where too few rows were measured to hold it to that."""

    what: str
    value: float
    limit: float
    judged: bool

    @property
    def met(self) -> bool:
        """Whether the figure is within its limit."""
        return not self.judged or self.value <= self.limit

    def __str__(self) -> str:
        limit = f"at most {self.limit:g}" if self.judged else "not judged, too few rows"
        return f"{self.what}: {self.value:.3f} ({limit}){'' if self.met else ' MISSED'}"


def targets(measured: dict[str, Any]) -> list[Target]:
    """The figures to reach, as far as they were measured.

    Args:
        measured: what ``tests.proof.table`` writes as JSON.
    """
    found = []
    judged = measured.get("rows", 0) >= JUDGED_FROM
    for name, part in measured.get("databases", {}).items():
        cells = part["cells"]
        for way in REMEDIES[name]:
            ratio = cells[way]["peak_mb"] / cells["plain"]["peak_mb"]
            found.append(
                Target(f"{name}: peak of {way} to that of the plain loop", round(ratio, 4), PEAK_LIMIT, judged)
            )
        if name in STREAMING:
            ratio = cells["keyset"]["seconds"] / cells["iterator"]["seconds"]
            found.append(Target(f"{name}: time of keyset to that of iterator", round(ratio, 3), TIME_LIMIT, judged))
    for name, part in measured.get("flat", {}).items():
        (fewest, least), *_, (most, last) = part["peaks_mb"].items()
        what = f"{name}: peak of keyset at {int(most):,} rows to that at {int(fewest):,}"
        found.append(Target(what, round(last / least, 3), FLAT_LIMIT, int(fewest) >= FLAT_JUDGED_FROM))
    return found


def table(measured: dict[str, Any]) -> list[str]:
    """The table of peaks and times, as lines of Markdown."""
    lines = ["| | " + " | ".join(HEADINGS.values()) + " |", "|---|" + "---|" * len(HEADINGS)]
    for name, part in measured["databases"].items():
        cells = part["cells"]
        shown = [f"{_megabytes(cells[way]['peak_mb'])} / {cells[way]['seconds']:.2f} s" for way in HEADINGS]
        lines.append(f"| {TITLES[name]} | " + " | ".join(shown) + " |")
    return lines


def flat_table(measured: dict[str, Any]) -> list[str]:
    """The table of peaks by the number of rows, as lines of Markdown."""
    sizes = list(next(iter(measured["flat"].values()))["peaks_mb"])
    heads = [f"{int(size):,} rows" for size in sizes]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for name, part in measured["flat"].items():
        shown = [f"{_megabytes(part['peaks_mb'][size])} / {part['seconds'][size]:.1f} s" for size in sizes]
        lines.append(f"| {TITLES[name]} | " + " | ".join(shown) + " |")
    return lines


def _megabytes(value: float) -> str:
    return f"{value:.1f} MB" if value < 20 else f"{value:.0f} MB"


def markdown(measured: dict[str, Any]) -> str:
    """The whole page: the tables, what was measured and how, the targets, and the plots beside it."""
    lines = ["# Memory and time of four ways through a table", "", "Written by `make proof`."]
    if databases := measured.get("databases"):
        lines += ["", _caption(measured), "", *table(measured), "", _method(measured), "", _versions(databases)]
        lines += [f"- {measured['machine']}", ""]
        for name in databases:
            lines += [f"![{TITLES[name].replace('`', '')}: memory over time]({name}.svg)", ""]
        lines.pop()
    if flat := measured.get("flat"):
        lines += ["", "## The keyset iterator and the number of rows", "", *flat_table(measured), "", _versions(flat)]
    lines += ["", "## Figures to reach", "", "| figure | measured | at most |", "|---|---|---|"]
    for target in targets(measured):
        verdict = (
            "" if target.judged and target.met else " (missed)" if target.judged else " (not judged, too few rows)"
        )
        lines.append(f"| {target.what} | {target.value:.3f}{verdict} | {target.limit:g} |")
    return "\n".join(lines) + "\n"


def _caption(measured: dict[str, Any]) -> str:
    sizes = sorted({part["bytes_per_row"] for part in measured["databases"].values()})
    size = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
    return f"""\
{measured["rows"]:,} rows of the fixture shop's `Event`, {size} bytes a row in the table. Peak memory above
the idle process, in MB of 1,000,000 bytes / seconds."""


def _method(measured: dict[str, Any]) -> str:
    return f"""\
Each cell is the median time and the highest peak of {measured["runs"]} runs, each in a process of its own, on Linux.
A process is idle when Django is set up, the connection is open and one row was read; the peak is the
kernel's (`VmHWM`), of the client alone. All four go by `order_by("pk")` and read the key and the payload
of each row into a checksum, which takes about {measured["check_seconds"]:.2f} s of each time; a run fails unless
exactly the rows of the table came, in their order. Compare times within a line only.
{_busy(measured)}"""


def _busy(measured: dict[str, Any]) -> str:
    """How the times compare when only the processor time of the client's process counts."""
    ratios = []
    for name, part in measured["databases"].items():
        if name in STREAMING:
            times = {way: part["cells"][way]["processor_seconds"] for way in ("keyset", "iterator")}
            ratios.append(f"{times['keyset'] / times['iterator']:.2f} on {TITLES[name]}")
    return f"Processor time of the client, keyset to iterator: {', '.join(ratios)}." if ratios else ""


def _versions(parts: dict[str, Any]) -> str:
    lines = []
    for name, part in parts.items():
        versions = ", ".join(f"{what} {version}" for what, version in part["versions"].items())
        lines.append(f"- {TITLES[name]}: {versions}")
    return "\n".join(lines)
