"""The shop's tables, filled by the database itself, and put back where a piece of code has written to them."""

from __future__ import annotations

__all__ = ["EVENTS", "LINES", "ORDERS", "fill", "restore"]

EVENTS = 30_000
ORDERS = 10_000
LINES = 10_000
BOOKS = 1_000

PAYLOAD = "x" * 600

# How each database counts: a table expression with one column, i.
NUMBERS = {
    "sqlite": (
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) SELECT i FROM n) AS numbers"
    ),
    "postgresql": "generate_series(1, {0}) AS numbers(i)",
    "mysql": "(SELECT seq AS i FROM seq_1_to_{0}) AS numbers",
}
# A moment that differs for each i, and whose order is not that of i.
MOMENT = {
    "sqlite": "datetime('2026-01-01', '+' || (i * 7919 % 100003) || ' seconds')",
    "postgresql": "timestamptz '2026-01-01 00:00:00+00' + (i * 7919 % 100003) * interval '1 second'",
    "mysql": "timestamp('2026-01-01') + interval (i * 7919 % 100003) second",
}
TABLES = (
    ("catalog_author", 100, {"name": "'Author ' || i", "slug": "'author-' || i"}),
    ("catalog_category", 20, {"name": "'Category ' || i", "slug": "'category-' || i"}),
    (
        "catalog_book",
        BOOKS,
        {
            "title": "'Book ' || i",
            "isbn": "'isbn-' || i",
            "author_id": "1 + i % 100",
            "price": "10",
            "stock": "i % 7",
            "active": "true",
            "slug": "'book-' || i",
        },
    ),
    (
        "customers_customer",
        1_000,
        {"email": "'c' || i || '@example.com'", "name": "'Customer ' || i", "tier": "i % 4", "newsletter": "i % 2 = 0"},
    ),
    (
        "orders_order",
        ORDERS,
        {
            "customer_id": "1 + i % 1000",
            "number": "'N-' || i",
            "status": "CASE WHEN i % 2 = 0 THEN 'open' ELSE 'sent' END",
            "total": "i % 90",
            "placed": "{moment}",
            "exported": "i % 3 = 0",
        },
    ),
    (
        "orders_orderline",
        LINES,
        {
            "order_id": f"1 + i * 3 % {ORDERS}",
            "book_id": f"1 + i * 7 % {BOOKS}",
            "quantity": "1 + i % 3",
            "price": "10",
        },
    ),
    (
        "reports_event",
        EVENTS,
        {"kind": "'kind-' || (i % 9)", "payload": "%s", "created": "{moment}", "archived": "i % 10 = 0"},
    ),
)
SETTLE = {"sqlite": "ANALYZE", "postgresql": "VACUUM ANALYZE", "mysql": "ANALYZE TABLE reports_event, orders_orderline"}


def fill() -> None:
    """Make all tables in the default database and fill them; Django is set up."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connection

    models = apps.get_models()
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')")
        for table, rows, columns in TABLES:
            values = [value.format(moment=MOMENT[connection.vendor]) for value in columns.values()]
            cursor.execute(
                f"INSERT INTO {table} (id, {', '.join(columns)})"
                f" SELECT i, {', '.join(values).replace(' % ', ' %% ')} FROM {NUMBERS[connection.vendor].format(rows)}",
                [PAYLOAD] if "%s" in values else [],
            )
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
        cursor.execute(SETTLE[connection.vendor])


def restore() -> None:
    """Undo what the pieces of code that write have done to the filled tables; Django is set up."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM reports_event WHERE id > {EVENTS}")
        cursor.execute("UPDATE orders_order SET total = id % 90")
        cursor.execute("UPDATE customers_customer SET email = substr(email, 2) WHERE email LIKE 'd%'")
        cursor.execute(f"UPDATE orders_orderline SET book_id = 1 + id * 7 % {BOOKS}")
