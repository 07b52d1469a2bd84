"""What must not be edited, or not without being asked: look-alikes, rows that are needed later, comments in the way."""

from __future__ import annotations

import pytest

from tests.fixes.support import fixed, plain

# Code in which nothing is to be fixed, not even on request.
NEVER = {
    "rows used later through the same object": """
        def f():
            rows = Order.objects.all()
            number = len(rows)
            for row in rows:
                print(row, number)
        """,
    "rows read again after the loop": """
        def f():
            rows = Order.objects.all()
            for row in rows:
                print(row)
            return rows[0]
        """,
    "two loops over one object": """
        def f():
            rows = Order.objects.all()
            for row in rows:
                print(row)
            for row in rows:
                print(row)
        """,
    "rows handed on after the loop changed them": """
        def f():
            rows = Order.objects.all()
            for row in rows:
                row.paid = True
            Order.objects.bulk_update(rows, ["paid"], batch_size=100)
        """,
    "an object from outside of an outer loop, loaded once": """
        def f(x):
            rows = Category.objects.filter(b=2)
            for row in x:
                for category in rows:
                    print(category, row)
        """,
    "the same in a comprehension": """
        def f(x):
            rows = Category.objects.filter(b=2)
            return [category for row in x for category in rows]
        """,
    "the same in an endless loop": """
        def f(x):
            rows = Category.objects.filter(b=2)
            while x():
                for category in rows:
                    print(category)
        """,
    "a manager in a test": """
        def f():
            if Order.objects:
                print()
        """,
    "a walrus in a test": """
        def f():
            if (rows := Order.objects.filter(a=1)):
                print()
            if (number := Order.objects.filter(a=1).count()) > 0:
                print(number)
        """,
    "a count with an upper limit": """
        def f():
            if 0 < Order.objects.filter(a=1).count() < 5:
                print()
        """,
    "comparisons in a row": """
        def f(x):
            return x in Order.objects.filter(a=9) == True
        """,
    "a comment inside of len()": """
        def f():
            a = len(  # the open ones
                Order.objects.filter(a=1)
            )
            b = len(
                Order.objects.filter(a=1)  # the open ones
            )
            return a - b
        """,
    "a comment inside of list()": """
        def f():
            for e in list(  # now
                Event.objects.filter(a=5)
            ):
                print(e)
        """,
    "a comment inside of iterator()": """
        def f():
            for e in Event.objects.iterator(
                # as many as there are
            ):
                print(e)
        """,
    "a comment above the loop that a probe guards": """
        def f():
            if Order.objects.filter(paid=False).exists():
                # by mail
                for order in Order.objects.filter(paid=False).iterator(chunk_size=2000):
                    remind(order)
        """,
    "a stream that is taken step by step": """
        def f():
            rows = Order.objects.all()
            print(sum(row.n for row in rows))
            stream = rows.iterator(chunk_size=2000)
            print(next(stream))
        """,
    "a list that is measured": """
        def f():
            rows = list(Order.objects.all())
            for row in rows:
                print(row)
            print(len(rows))
        """,
    "rows that are locked": """
        def f():
            for row in Order.objects.select_for_update():
                print(row)
        """,
    "raw SQL": """
        def f():
            for row in Order.objects.raw("SELECT 1"):
                print(row)
        """,
    "two questions in one condition, of which the second may not be asked": """
        def f(x):
            if x and Order.objects.filter(a=4).exists() and Order.objects.filter(a=4).exists():
                print()
        """,
    "a query that a loop asks again on purpose": """
        def f():
            while Order.objects.filter(a=6).count() > 6 and Order.objects.filter(a=6).count() < 8:
                work()
        """,
    "what no plugin knows": """
        def f(bucket, pages):
            for item in bucket.objects.all():
                print(item, len(pages))
            if pages:
                print(len(list(pages)))
        """,
}


@pytest.mark.parametrize("name", NEVER)
def test_nothing_is_fixed(name: str) -> None:
    text = plain(NEVER[name])
    assert fixed(text, unsafe=True) == text


# Code whose fix could change more than it should: only on request.
UNSAFE = {
    "a loop that saves its rows, on any database": ("for e in Event.objects.all():\n    e.save()\n", "auto"),
    "the same on SQLite": ("for e in Event.objects.all():\n    e.save()\n", "sqlite"),
    "a prefetch, which older Djangos drop": ('for e in Event.objects.prefetch_related("a"):\n    print(e)\n', "auto"),
    "unknown code in between": ("for e in Event.objects.all():\n    work(e)\n", "auto"),
    "a generator that runs later": ("rows = (e.pk for e in Event.objects.all())\n", "auto"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_not_without_being_asked(name: str) -> None:
    text, database = UNSAFE[name]
    assert fixed(text, database=database, keyset_helper="shop.db.keyset_iterator") == text
    assert fixed(text, database=database, keyset_helper="shop.db.keyset_iterator", unsafe=True) != text


@pytest.mark.parametrize("database", ["postgresql", "oracle"])
def test_a_loop_that_saves_its_rows_is_fixed_where_streams_do_not_see_it(database: str) -> None:
    text = "for e in Event.objects.all():\n    e.save()\n"
    assert "iterator(" in fixed(text, database=database)


F_STRINGS = [
    'print(f"{[e.pk for e in Event.objects.all()]}")',
    'print(f"{len(Order.objects.all()):>10}")',
    'print(f"{len(Order.objects.all())=}")',
    'print(f"""\n{len(Order.objects.all())}\n""")',
]


@pytest.mark.parametrize("text", F_STRINGS)
def test_places_in_f_strings_are_left_alone(text: str) -> None:
    """Python before 3.12 does not say where they are, and what stands before ``=`` is text that is printed."""
    assert fixed(text) == plain(text)


def test_what_a_loop_changes_stays_in_the_loop() -> None:
    """A variable that is set on each turn and changed by the loop must be set on each turn still."""
    text = """
        def f(rows):
            for row in rows:
                total = Category.objects.get(slug="d").total
                total += row
                print(total)
            for row in rows:
                default = Category.objects.get(slug="e")
                if row:
                    default = row
                print(default)
        """
    after = fixed(text, unsafe=True)
    for name in ("total = ", "default = "):
        lines = after.split("\n")
        first = next(line for line in lines if line.strip().startswith(name))
        assert first.startswith("        "), after


def test_a_comprehension_in_a_class_body_cannot_see_the_variables_of_the_class() -> None:
    text = 'class A:\n    names = [Category.objects.get(slug="d").name + r for r in x]\n'
    assert fixed(text, unsafe=True) == text
