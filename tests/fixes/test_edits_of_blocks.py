"""What the edits make of statements over several lines, and of several statements."""

from __future__ import annotations

import ast

import pytest

from tests.fixes.support import fixed, plain

# Before, after: safe edits.
BLOCKS = {
    "a chain in brackets gets a line more": (
        """
        def f():
            for e in (Event.objects
                      .filter(a=1)
                      .exclude(b=2)):
                print(e)
        """,
        """
        def f():
            for e in (Event.objects
                      .filter(a=1)
                      .exclude(b=2)
                      .iterator(chunk_size=2000)):
                print(e)
        """,
    ),
    "a chain with comments keeps them at their lines": (
        """
        def f():
            for e in (
                Event.objects
                # the new ones
                .filter(a=1)  # only these
                .exclude(b=2)  # not those
            ):
                print(e)
        """,
        """
        def f():
            for e in (
                Event.objects
                # the new ones
                .filter(a=1)  # only these
                .exclude(b=2)  # not those
                .iterator(chunk_size=2000)
            ):
                print(e)
        """,
    ),
    "a chain continued with backslashes": (
        """
        def f():
            for e in Event.objects.filter(a=1) \\
                    .exclude(b=2):
                print(e)
        """,
        """
        def f():
            for e in Event.objects.filter(a=1) \\
                    .exclude(b=2).iterator(chunk_size=2000):
                print(e)
        """,
    ),
    "arguments over several lines": (
        """
        def f():
            for e in Event.objects.filter(
                a=1,  # one
                b=2,
            ):
                print(e)
        """,
        """
        def f():
            for e in Event.objects.filter(
                a=1,  # one
                b=2,
            ).iterator(chunk_size=2000):
                print(e)
        """,
    ),
    "len() of a chain": (
        """
        def f():
            n = len(
                Order.objects
                .filter(a=5)
                .exclude(b=1)
            )
        """,
        """
        def f():
            n = (
                Order.objects
                .filter(a=5)
                .exclude(b=1)
            ).count()
        """,
    ),
    "tabs": (
        "def f():\n\tfor e in Event.objects.all():\n\t\tprint(e)\n",
        "def f():\n\tfor e in Event.objects.iterator(chunk_size=2000):\n\t\tprint(e)\n",
    ),
    "nested loops: only the outer one": (
        """
        def f():
            for a in Event.objects.all():
                for b in Order.objects.filter(e=a):
                    print(a, b)
        """,
        """
        def f():
            for a in Event.objects.iterator(chunk_size=2000):
                for b in Order.objects.filter(e=a):
                    print(a, b)
        """,
    ),
    "a test over several lines": (
        """
        def f():
            if (Order.objects.filter(a=29) or
                    Order.objects.filter(a=30).count() > 0):
                print()
        """,
        """
        def f():
            if (Order.objects.filter(a=29).exists() or
                    Order.objects.filter(a=30).exists()):
                print()
        """,
    ),
    "a test continued with a backslash": (
        """
        def f():
            if Order.objects.filter(a=34).count() > 0 and \\
               Order.objects.filter(a=35):
                print()
        """,
        """
        def f():
            if Order.objects.filter(a=34).exists() and \\
               Order.objects.filter(a=35).exists():
                print()
        """,
    ),
    "a count that ends a chain": (
        """
        def f():
            if (
                Order.objects
                .filter(a=33)
                .count()
                > 0
            ):
                print()
        """,
        """
        def f():
            if (
                Order.objects
                .filter(a=33)
                .exists()
            ):
                print()
        """,
    ),
    "a cached queryset is not streamed": (
        """
        def view():
            orders = Order.objects.filter(paid=False)
            total = sum(order.amount for order in orders)
            for order in orders.iterator(chunk_size=2000):
                print(order, total)
        """,
        """
        def view():
            orders = Order.objects.filter(paid=False)
            total = sum(order.amount for order in orders)
            for order in orders:
                print(order, total)
        """,
    ),
    "rows that are loaded anyway are tested": (
        """
        def view():
            orders = Order.objects.filter(paid=False)[:100]
            if orders.exists() and x:
                for order in orders:
                    remind(order)
            else:
                print(1)
        """,
        """
        def view():
            orders = Order.objects.filter(paid=False)[:100]
            if orders and x:
                for order in orders:
                    remind(order)
            else:
                print(1)
        """,
    ),
    "rows that are loaded anyway are counted": (
        """
        def view():
            orders = Order.objects.filter(paid=False)[:100]
            number = orders.count()
            for order in orders:
                remind(order, number)
        """,
        """
        def view():
            orders = Order.objects.filter(paid=False)[:100]
            number = len(orders)
            for order in orders:
                remind(order, number)
        """,
    ),
    "a probe that only guards a stream goes away": (
        """
        def f():
            orders = Order.objects.filter(paid=False)
            if orders.exists():
                for order in orders.iterator(chunk_size=2000):
                    remind(order)  # by mail

                    count(order)
            # after
            return orders
        """,
        """
        def f():
            orders = Order.objects.filter(paid=False)
            for order in orders.iterator(chunk_size=2000):
                remind(order)  # by mail

                count(order)
            # after
            return orders
        """,
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_safe_edit_over_several_lines(name: str) -> None:
    before, after = BLOCKS[name]
    assert fixed(before) == plain(after)


BULK = {
    "bulk_create(copies)": "bulk_create(copies, batch_size=2000)",
    "bulk_create(objs=copies)": "bulk_create(objs=copies, batch_size=2000)",
    "bulk_create((copies))": "bulk_create((copies), batch_size=2000)",
    "bulk_create(copies,)": "bulk_create(copies, batch_size=2000)",
    "bulk_update(copies, ['a'])": "bulk_update(copies, ['a'], batch_size=2000)",
    "bulk_create(c for c in copies)": "bulk_create((c for c in copies), batch_size=2000)",
    "bulk_create((c for c in copies))": "bulk_create((c for c in copies), batch_size=2000)",
    "bulk_create(\n        copies,\n    )": "bulk_create(\n        copies,\n        batch_size=2000,\n    )",
    "bulk_create(\n        copies,  # all, of them\n    )": (
        "bulk_create(\n        copies,  # all, of them\n        batch_size=2000,\n    )"
    ),
    "bulk_create(\n        copies,\n        a=True  # why, oh why\n    )": (
        "bulk_create(\n        copies,\n        a=True, batch_size=2000  # why, oh why\n    )"
    ),
    "bulk_create(copies, **more)": "bulk_create(copies, **more)",
    "bulk_create(copies, *more)": "bulk_create(copies, *more)",
    "bulk_create(copies, 100)": "bulk_create(copies, 100)",
}


@pytest.mark.parametrize("call", BULK)
def test_batch_size(call: str) -> None:
    text = "def f():\n    copies = [Copy(e=e) for e in Event.objects.iterator(chunk_size=2000)]\n    Copy.objects.{}\n"
    assert fixed(text.format(call)) == text.format(BULK[call])


def test_names_for_answers_are_new_ones() -> None:
    """Two answers of one pass may not share a variable: the second would take the place of the first."""
    text = """
        def f(x):
            print(Category.objects.get(slug="a").x)
            for row in x:
                print(Category.objects.get(slug="b").x, row)
            print(Category.objects.get(slug="a").y)
        """
    tree = ast.parse(fixed(text, unsafe=True))
    names = [
        (node.targets[0].id, node.value.keywords[0].value.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
    ]
    assert sorted(slug for _, slug in names) == ["a", "b"]
    assert len({name for name, _ in names}) == 2


REPEATED = {
    "a new variable": (
        """
        def f():
            if Order.objects.filter(paid=False).count() > 100:
                warn(Order.objects.filter(paid=False).count())
        """,
        """
        def f():
            order_count = Order.objects.filter(paid=False).count()
            if order_count > 100:
                warn(order_count)
        """,
    ),
    "the variable that is there": (
        """
        def f():
            number = Order.objects.filter(paid=False).count()
            print(Order.objects.filter(paid=False).count(), number)
        """,
        """
        def f():
            number = Order.objects.filter(paid=False).count()
            print(number, number)
        """,
    ),
    "await": (
        """
        async def f():
            if await Order.objects.filter(paid=False).acount() > 100:
                warn(await Order.objects.filter(paid=False).acount())
        """,
        """
        async def f():
            order_count = await Order.objects.filter(paid=False).acount()
            if order_count > 100:
                warn(order_count)
        """,
    ),
    "a statement moved out of a loop": (
        """
        def f(rows):
            for row in rows:
                default = Category.objects.get(slug="default")  # once
                print(row, default)
        """,
        """
        def f(rows):
            default = Category.objects.get(slug="default")  # once
            for row in rows:
                print(row, default)
        """,
    ),
    "an expression moved out of a loop": (
        """
        def f(rows):
            for row in rows:
                print(row, Category.objects.get(slug="default").name)
        """,
        """
        def f(rows):
            category = Category.objects.get(slug="default")
            for row in rows:
                print(row, category.name)
        """,
    ),
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_query_is_asked_once_on_request(name: str) -> None:
    before, after = REPEATED[name]
    assert fixed(before) == plain(before)
    assert fixed(before, unsafe=True) == plain(after)
