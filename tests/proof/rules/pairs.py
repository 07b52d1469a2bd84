"""What is claimed of each pair of ``fixtures/proof/before`` and ``fixtures/proof/after``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.databases import NAMES

__all__ = ["NAMES", "NOTHING_SAVED", "PAIRS", "SAVED", "SETTINGS_PAIR", "Pair"]

STREAMING = ("sqlite", "postgresql")
"""Databases whose driver gives the rows of a stream as they come."""

LOADING = ("postgresql-pooled", "mariadb")
"""Those whose driver has the whole result before it gives the first row."""

SAVED = 0.25
"""The most that a remedy takes of the memory that the code took before. A chunk is a fifteenth of the largest table."""

NOTHING_SAVED = 0.75
"""The least that it takes where the driver loads everything anyway: the rows are there, and only their objects go."""

KEYSET = "--djq-keyset-helper=flake8_djq.keyset.keyset_iterator"


@dataclass(frozen=True)
class Pair:
    """Code before and after one fix.

    Attributes:
        name: the name of both files, without ``.py``; it begins with the code of the rule.
        queries: the number of statements before and after; on databases that ``other_queries`` names, those.
        unsafe: whether ``--unsafe`` is needed.
        options: those of flake8 that the fix is made under.
        saves_on: the databases on which the peak falls, to ``saved`` of what it was at the most.
        saves_nothing_on: those on which it stays.
    """

    name: str
    queries: tuple[int, int]
    unsafe: bool = False
    options: tuple[str, ...] = ()
    saves_on: tuple[str, ...] = ()
    saves_nothing_on: tuple[str, ...] = ()
    saved: float = SAVED
    other_queries: Mapping[str, tuple[int, int]] | None = None

    @property
    def file(self) -> str:
        return f"{self.name}.py"

    @property
    def code(self) -> str:
        """The code of the rule."""
        return self.name.partition("_")[0].upper()

    def queries_on(self, database: str) -> tuple[int, int]:
        return (self.other_queries or {}).get(database, self.queries)


# On SQLite the BEGIN of a transaction is a statement of its own.
PAIRS = (
    Pair("djq101_loop", (1, 1), saves_on=STREAMING, saves_nothing_on=LOADING),
    Pair("djq101_variable", (1, 1), saves_on=STREAMING, saves_nothing_on=LOADING),
    Pair("djq101_ordered", (1, 1), unsafe=True, saves_on=STREAMING, saves_nothing_on=LOADING),
    Pair("djq101_values", (1, 1), saves_on=STREAMING, saves_nothing_on=LOADING),
    # Two chunks of five are there at a time, with what hangs on them.
    Pair("djq101_prefetch", (2, 6), unsafe=True, saves_on=NAMES, saved=0.6),
    # 30,000 rows are fifteen chunks, and an empty one that ends the walk.
    Pair("djq101_keyset", (1, 16), unsafe=True, options=("--djq-remedy=keyset", KEYSET), saves_on=NAMES),
    Pair("djq101_keyset_ordered", (1, 12), unsafe=True, options=("--djq-database=mysql", KEYSET), saves_on=NAMES),
    Pair(
        "djq101_own_writes",
        (511, 513),
        unsafe=True,
        options=("--djq-database=sqlite", "--djq-chunk-size=200", KEYSET),
        other_queries={"sqlite": (512, 514)},
    ),
    Pair("djq102_list", (1, 1), unsafe=True, saves_on=STREAMING, saves_nothing_on=LOADING),
    Pair("djq103_len", (1, 1), saves_on=NAMES),
    Pair("djq104_truth", (1, 1), saves_on=NAMES),
    Pair("djq104_bool", (1, 1)),
    Pair("djq104_forms", (6, 6)),
    Pair("djq105_row", (4, 4), saves_on=NAMES),
    Pair("djq105_value", (1, 1), unsafe=True),
    # The rows that are to be written are in memory either way. SQLite has a limit by which Django splits anyway.
    Pair(
        "djq108_create",
        (3, 5),
        saves_on=("postgresql", "postgresql-pooled"),
        saved=0.7,
        other_queries={"sqlite": (28, 28)},
    ),
    Pair("djq108_update", (3, 4), other_queries={"sqlite": (14, 14)}),
    Pair("djq201_count", (2, 1), unsafe=True),
    Pair("djq202_bounded", (2, 1)),
    Pair("djq202_guard", (2, 1)),
    Pair("djq202_streamed", (2, 1), saves_on=STREAMING),
    Pair("djq203_get", (500, 1), unsafe=True),
    Pair("djq204_loaded", (2, 1)),
    Pair("djq301_iterator", (1, 1)),
    Pair("djq302_prefetch", (0, 3)),
    Pair("djq304_stream", (1, 16), unsafe=True, options=("--djq-database=mysql", KEYSET), saves_on=LOADING),
)

SETTINGS_PAIR = Pair("djq501_batch_settings", (100, 100), unsafe=True, other_queries={"sqlite": (200, 200)})
"""The one that is a settings module, under which ``claims/djq501_job.py`` is run."""
