"""How many rows a table holds, as far as its database knows without counting them.

Only reads, and of a table itself never more than ``MOST_COUNTED`` rows: large tables have statistics, and a table
without any is new or small, or the database keeps none (SQLite).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["MOST_COUNTED", "VENDORS", "Estimate", "NoTable", "estimate"]

MOST_COUNTED = 1_000_000

# A parent and all that inherits from it: partitions of partitions, and tables made with INHERITS. The name is looked up
# along the search path. https://www.postgresql.org/docs/current/catalog-pg-class.html
POSTGRESQL = """
WITH RECURSIVE parts(oid) AS (
    SELECT to_regclass(%s)::oid
    UNION
    SELECT pg_inherits.inhrelid FROM pg_inherits JOIN parts ON pg_inherits.inhparent = parts.oid
)
SELECT pg_class.oid::regclass::text, pg_class.relkind::text, pg_class.relpages, pg_class.reltuples
FROM pg_class JOIN parts ON pg_class.oid = parts.oid
"""
# https://mariadb.com/kb/en/information-schema-tables-table/
MYSQL = """
SELECT table_type, table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s
"""
ORACLE = """
SELECT num_rows FROM all_tables WHERE owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') AND table_name = %s
"""
SQLITE = "SELECT type FROM sqlite_master WHERE lower(name) = lower(%s) AND type IN ('table', 'view')"


class NoTable(Exception):
    """The database has no table of this name."""


class Estimate(NamedTuple):
    """A number of rows: None where the database does not know it, so many or more with ``at_least``."""

    rows: int | None
    at_least: bool = False


def estimate(connection: Any, table: str) -> Estimate:
    """The rows of one table (not quoted) by a connection of Django.

    Raises:
        NoTable: there is no such table or view.
        KeyError: the vendor of the database is none of ``VENDORS``.
        django.db.Error: the database refuses to say.
    """
    with connection.cursor() as cursor:
        return VENDORS[connection.vendor](connection, cursor, table)


def _counted(cursor: Any, quoted: str) -> Estimate:
    cursor.execute(f"SELECT COUNT(*) FROM (SELECT 1 AS one FROM {quoted} LIMIT {MOST_COUNTED}) AS part")
    rows = int(cursor.fetchone()[0])
    return Estimate(rows, at_least=rows >= MOST_COUNTED)


def _postgresql(connection: Any, cursor: Any, table: str) -> Estimate:
    cursor.execute(POSTGRESQL, [connection.ops.quote_name(table)])
    parts = cursor.fetchall()
    if not parts:
        raise NoTable
    rows, at_least = 0, False
    for name, kind, pages, tuples in parts:
        if kind == "p":
            continue  # the rows are in its partitions
        # Never analysed: -1, before PostgreSQL 14 a table without pages.
        known = tuples >= 0 and (tuples > 0 or pages > 0)
        if not known and kind not in ("r", "m"):
            return Estimate(None)  # counting a view runs its query, and counting a foreign table may fetch it
        part = Estimate(round(tuples)) if known else _counted(cursor, name)
        rows, at_least = rows + (part.rows or 0), at_least or part.at_least
    return Estimate(rows, at_least)


def _mysql(connection: Any, cursor: Any, table: str) -> Estimate:
    if not connection.mysql_is_mariadb:
        # MySQL 8 would answer from a cache that is up to a day old, and write to it.
        cursor.execute("SET SESSION information_schema_stats_expiry = 0")
    cursor.execute(MYSQL, [table])
    found = cursor.fetchone()
    if found is None:
        raise NoTable
    kind, rows = found
    if "VIEW" in kind:
        return Estimate(None)
    # A table that has just been filled may still be empty for the statistics.
    return Estimate(int(rows)) if rows else _counted(cursor, connection.ops.quote_name(table))


def _oracle(connection: Any, cursor: Any, table: str) -> Estimate:
    """Not tested against a database."""
    cursor.execute(ORACLE, [connection.ops.quote_name(table).strip('"')])
    found = cursor.fetchone()
    if found is None:
        raise NoTable
    return Estimate(None if found[0] is None else int(found[0]))


def _sqlite(connection: Any, cursor: Any, table: str) -> Estimate:
    cursor.execute(SQLITE, [table])
    found = cursor.fetchone()
    if found is None:
        raise NoTable
    return Estimate(None) if found[0] == "view" else _counted(cursor, connection.ops.quote_name(table))


VENDORS: dict[str, Callable[[Any, Any, str], Estimate]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "oracle": _oracle,
    "sqlite": _sqlite,
}
"""How each database is asked, by the ``vendor`` of Django's connection; MariaDB's is ``mysql``."""
