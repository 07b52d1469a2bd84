"""Prints what each pair costs before and after, on each database that is there, as a Markdown table.

``python -m tests.proof.rules.figures``, best on a machine that does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.databases import missing
from tests.proof.rules.child import Run
from tests.proof.rules.harness import Shops, opened
from tests.proof.rules.pairs import NAMES, PAIRS, SETTINGS_PAIR
from tests.proof.rules.rows import EVENTS

HEAD = ("pair", "database", "statements", "MB above idle", "seconds")


def cells(before: Run, after: Run) -> tuple[str, str, str]:
    """What both cost, and where the one before fails the kind of its error."""
    megabytes = f"{before.megabytes:.1f} -> {after.megabytes:.1f}"
    seconds = f"{before.seconds:.2f} -> {after.seconds:.2f}"
    failed = f" ({before.error.partition(':')[0]} before)" if before.error else ""
    return f"{before.queries} -> {after.queries}{failed}", megabytes, seconds


def figures(shops: Shops) -> Iterator[tuple[str, ...]]:
    """The rows of the table."""
    names = [name for name in NAMES if missing(name) is None]
    for pair in PAIRS:
        for name in names:
            shop = shops.on(name)
            yield pair.name, name, *cells(shop.run(f"before/{pair.file}"), shop.run(f"after/{pair.file}"))
    for name in names:
        before, after = (
            shops.on(name).run("claims/djq501_job.py", debug_from=f"{folder}/{SETTINGS_PAIR.file}")
            for folder in ("before", "after")
        )
        yield SETTINGS_PAIR.name, name, *cells(before, after)


def main() -> None:
    print(f"{EVENTS:,} events of about 650 bytes; the smaller tables have 20 to 10,000 rows.\n")
    for row in (HEAD, ("---",) * len(HEAD)):
        print(f"| {' | '.join(row)} |")
    with opened() as shops:
        for row in figures(shops):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
