"""The rows that are measured: the shop's events, inserted by the database itself, and how to know them again.

As a process of its own (``python -m tests.proof.rows``) it reads ``{"database": ..., "rows": ...}`` from its standard
input, makes the table in that database, fills it, and prints a ``Filled`` as JSON.
"""

from __future__ import annotations

import json
import platform
import sys
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

from tests.proof import shop

REPEATS = 29
"""The payload of row 7 is 0000000007, this many times: 290 characters."""

INSERT = {
    "sqlite": """
        WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {rows})
        INSERT INTO reports_event (id, kind, payload, created, archived)
        SELECT i, 'order.placed', replace(printf('%0{repeats}d', 0), '0', printf('%010d', i)), '2026-01-01 00:00:00', 0
        FROM numbers""",
    "postgresql": """
        INSERT INTO reports_event (id, kind, payload, created, archived)
        SELECT i, 'order.placed', repeat(lpad(i::text, 10, '0'), {repeats}), '2026-01-01 00:00:00+00', false
        FROM generate_series(1, {rows}) AS numbers(i)""",
    "mysql": """
        INSERT INTO reports_event (id, kind, payload, created, archived)
        SELECT seq, 'order.placed', repeat(lpad(seq, 10, '0'), {repeats}), '2026-01-01 00:00:00', 0
        FROM seq_1_to_{rows}""",
}
"""How each kind of database, by Django's name for it, inserts the rows by itself."""

# Statistics that are missing, or a vacuum that starts while a loop is timed, would be measured too.
SETTLE = {"sqlite": "ANALYZE", "postgresql": "VACUUM ANALYZE reports_event", "mysql": "ANALYZE TABLE reports_event"}

SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_table_size('reports_event')",
    "mysql": "SELECT data_length FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_name = 'reports_event'",
}
"""Asks for the bytes of the table, without its indexes (SQLite: of the file)."""

MASK = (1 << 64) - 1


class Row(NamedTuple):
    """As much of an event as the check looks at."""

    id: int
    payload: str


@dataclass(frozen=True)
class Tally:
    """What is known about the rows that came: enough to tell a missing, doubled, altered or displaced one.

    Attributes:
        count: how many came.
        total: a checksum of all keys and payloads, in whatever order.
        ordered: the same, of their order too.
    """

    count: int
    total: int
    ordered: int


@dataclass(frozen=True)
class Filled:
    """A table that was filled.

    Attributes:
        bytes_per_row: the size of the table by its number of rows.
        versions: of Django, Python, the driver and the server, by their names.
    """

    bytes_per_row: int
    versions: dict[str, str]


def tally(rows: Iterable[Any]) -> Tally:
    """Look at the key and the payload of each row; this is the loop that is measured."""
    count = total = ordered = 0
    for row in rows:
        mark = zlib.crc32(row.payload.encode(), row.id)
        count += 1
        total += mark
        ordered = (ordered * 31 + mark) & MASK
    return Tally(count, total & MASK, ordered)


def expected(rows: int) -> Tally:
    """The tally of the first ``rows`` rows in the order of their keys, worked out without a database."""
    return tally(Row(number, f"{number:010d}" * REPEATS) for number in range(1, rows + 1))


def fill(rows: int) -> Filled:
    """Make the table in the default database and insert the rows; Django is set up."""
    from django.apps import apps
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.create_model(apps.get_model("reports", "Event"))
    with connection.cursor() as cursor:
        cursor.execute(INSERT[connection.vendor].format(rows=rows, repeats=REPEATS))
        cursor.execute(SETTLE[connection.vendor])
        cursor.execute(SIZE[connection.vendor])
        size = int(cursor.fetchone()[0])
    return Filled(round(size / rows), _versions(connection))


def _versions(connection: Any) -> dict[str, str]:
    found = {"Django": version("Django"), "Python": platform.python_version()}
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            found["SQLite"] = connection.Database.sqlite_version
        elif connection.vendor == "postgresql":
            from psycopg import pq

            cursor.execute("SHOW server_version")
            found["psycopg"] = f"{version('psycopg')} ({pq.__impl__})"
            found["PostgreSQL"] = cursor.fetchone()[0].split()[0]
        else:
            cursor.execute("SELECT VERSION()")
            found["mysqlclient"] = version("mysqlclient")
            found["MariaDB"] = cursor.fetchone()[0].partition("-")[0]
    return found


if __name__ == "__main__":
    job = json.load(sys.stdin)
    shop.set_up(job["database"])
    print(json.dumps(asdict(fill(job["rows"]))))
