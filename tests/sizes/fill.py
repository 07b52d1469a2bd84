"""``python -m tests.sizes.fill``: make the tables of the shop and of ``extra`` and fill them, in a process of its own.

``DJANGO_SETTINGS_MODULE`` says in which database; ``--small`` leaves out all but the tables that the models of the shop
need, empty. What is analysed and what is not is part of what the tests are about.
"""

from __future__ import annotations

import sys
from typing import Any

EVENTS, AUTHORS, CATEGORIES, ACCOUNTS, PUBLICATIONS, MAGAZINES, ASIDES = 12_000, 237, 3, 12, 40, 15, 5
OLD_VISITS, NEW_VISITS = 4_000, 300
VISITS = OLD_VISITS + NEW_VISITS
HUGE = 1_000_050

PLAIN_TABLES = """
CREATE TABLE extra_visit (id integer, day integer);
CREATE TABLE extra_aside (id integer)
"""
# The analysed table then loses rows, of which its statistics know nothing.
POSTGRESQL = f"""
CREATE SCHEMA side;
CREATE TABLE side.extra_aside (id integer);
CREATE TABLE extra_visit (id integer, day integer) PARTITION BY RANGE (day);
CREATE TABLE visits_old PARTITION OF extra_visit FOR VALUES FROM (0) TO (1);
CREATE TABLE visits_new PARTITION OF extra_visit FOR VALUES FROM (1) TO (2) WITH (autovacuum_enabled = false);
CREATE TABLE extra_huge (id integer) WITH (autovacuum_enabled = false);
INSERT INTO extra_huge SELECT * FROM generate_series(1, {HUGE})
"""
AFTERWARDS = """
ANALYZE reports_event;
ANALYZE visits_old;
ALTER TABLE reports_event SET (autovacuum_enabled = false);
DELETE FROM reports_event WHERE id % 2 = 0
"""
SQLITE = f"""
CREATE TABLE extra_huge (id integer primary key);
INSERT INTO extra_huge
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {HUGE}) SELECT n FROM numbers
"""
VIEW = "CREATE VIEW extra_summary AS SELECT 1 AS id"


def main() -> None:
    """Fill the database."""
    import django

    django.setup()
    from django.apps import apps
    from django.db import connection, connections, router

    for alias in connections:
        with connections[alias].schema_editor() as editor:
            for model in apps.get_models():
                meta = model._meta
                if meta.managed and not meta.proxy and router.db_for_write(model) == alias:
                    editor.create_model(model)
    if "--small" in sys.argv:
        return
    vendor = connection.vendor
    execute(connection, {"postgresql": POSTGRESQL, "sqlite": PLAIN_TABLES + ";" + SQLITE}.get(vendor, PLAIN_TABLES))
    execute(connection, VIEW)
    rows()
    if vendor == "postgresql":
        execute(connection, AFTERWARDS)
    elif vendor == "mysql":
        execute(connection, "ANALYZE TABLE reports_event; ANALYZE TABLE extra_visit")


def execute(connection: Any, script: str) -> None:
    """Run statements that end in semicolons."""
    with connection.cursor() as cursor:
        for statement in script.split(";"):
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()


def rows() -> None:
    """The known numbers of rows; every other table is empty."""
    from catalog.models import Author, Category
    from reports.models import Event

    from tests.sizes.extra.models import Account, Aside, Magazine, Publication, Visit

    Event.objects.bulk_create((Event(kind=str(number)) for number in range(EVENTS)), batch_size=5000)
    Author.objects.bulk_create(Author(name="Ann", slug=str(number)) for number in range(AUTHORS))
    Category.objects.bulk_create(Category(name="Art", slug=str(number)) for number in range(CATEGORIES))
    Account.objects.bulk_create(Account(name=str(number)) for number in range(ACCOUNTS))
    Publication.objects.bulk_create(Publication() for number in range(PUBLICATIONS - MAGAZINES))
    for number in range(MAGAZINES):
        Magazine.objects.create(issue=number)
    Aside.objects.bulk_create(Aside(id=number + 1) for number in range(ASIDES))
    days = (Visit(id=number + 1, day=int(number >= OLD_VISITS)) for number in range(VISITS))
    Visit.objects.bulk_create(days, batch_size=5000)


if __name__ == "__main__":
    main()
