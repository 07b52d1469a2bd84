"""What the edits of each rule make of a text; every case is a line and what comes of it."""

from __future__ import annotations

import pytest

from tests.fixes.support import fixable, fixed
from tests.support import VIEWS

STREAM = "iterator(chunk_size=2000)"

# (before, after): safe edits, on one line each.
SAFE_LINES = {
    "DJQ101": [
        ("for e in Event.objects.all(): print(e)", f"for e in Event.objects.{STREAM}: print(e)"),
        ("for e in Event.objects.filter(a=1): print(e)", f"for e in Event.objects.filter(a=1).{STREAM}: print(e)"),
        ("ids = [e.pk for e in Event.objects.all()]", f"ids = [e.pk for e in Event.objects.{STREAM}]"),
        ("ids = {e.pk: e.at for e in Event.objects.all()}", f"ids = {{e.pk: e.at for e in Event.objects.{STREAM}}}"),
        ("ids = lambda: [e.pk for e in Event.objects.all()]", f"ids = lambda: [e.pk for e in Event.objects.{STREAM}]"),
        ("for e in Event.objects.all( ) : print(e)", f"for e in Event.objects.{STREAM} : print(e)"),
        ("for e in Event.objects.all()[5:]: print(e)", f"for e in Event.objects.all()[5:].{STREAM}: print(e)"),
        ("for e in (Event.objects.all()): print(e)", f"for e in (Event.objects.{STREAM}): print(e)"),
        (
            "for e in Event.objects.filter(a=1) | Event.objects.filter(a=2): print(e)",
            f"for e in (Event.objects.filter(a=1) | Event.objects.filter(a=2)).{STREAM}: print(e)",
        ),
        (
            "for e in (Event.objects.filter(a=1) | Event.objects.filter(a=2)): print(e)",
            f"for e in (Event.objects.filter(a=1) | Event.objects.filter(a=2)).{STREAM}: print(e)",
        ),
        (
            "for e in Event.objects.filter(a=1) if x else Event.objects.filter(a=2): print(e)",
            f"for e in (Event.objects.filter(a=1) if x else Event.objects.filter(a=2)).{STREAM}: print(e)",
        ),
        (
            'é = "日本語 🐍"; print(é, "ü", [e.pk for e in Event.objects.all()])',
            f'é = "日本語 🐍"; print(é, "ü", [e.pk for e in Event.objects.{STREAM}])',
        ),
    ],
    "DJQ103": [
        ("n = len(Order.objects.filter(a=1))", "n = Order.objects.filter(a=1).count()"),
        ("n = len(Order.objects.all())", "n = Order.objects.count()"),
        ("n = len((Order.objects.filter(a=1)))", "n = Order.objects.filter(a=1).count()"),
        ("n = 1 + len (Order.objects.filter(a=1),)", "n = 1 + Order.objects.filter(a=1).count()"),
        ("n = -len(Order.objects.filter(a=1)) ** 2", "n = -Order.objects.filter(a=1).count() ** 2"),
        ('print("é", len(Order.objects.filter(a="é")), "é")', 'print("é", Order.objects.filter(a="é").count(), "é")'),
        (
            "n = len(Order.objects.filter(a=1) | Order.objects.filter(b=1))",
            "n = (Order.objects.filter(a=1) | Order.objects.filter(b=1)).count()",
        ),
        (
            "n = len(Order.objects.filter(a=1) if x else Order.objects.filter(b=1))",
            "n = (Order.objects.filter(a=1) if x else Order.objects.filter(b=1)).count()",
        ),
    ],
    "DJQ104": [
        ("if Order.objects.filter(a=1): print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if not Order.objects.filter(a=1): print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("if Order.objects.filter(a=1).count(): print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if Order.objects.filter(a=1).count() > 0: print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if 0 < Order.objects.filter(a=1).count(): print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if Order.objects.filter(a=1).count() != 0: print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if Order.objects.filter(a=1).count() >= 1: print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if Order.objects.filter(a=1).count() == 0: print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("if 0 == Order.objects.filter(a=1).count(): print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("if Order.objects.filter(a=1).count() < 1: print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("if 1 > Order.objects.filter(a=1).count(): print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("if not Order.objects.filter(a=1).count(): print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("if not Order.objects.filter(a=1).count() > 0: print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("if not Order.objects.filter(a=1).count() == 0: print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if not (Order.objects.filter(a=1).count() == 0): print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if len(Order.objects.filter(a=1)) > 0: print()", "if Order.objects.filter(a=1).exists(): print()"),
        ("if not len(Order.objects.filter(a=1)): print()", "if not Order.objects.filter(a=1).exists(): print()"),
        ("while Order.objects.filter(a=1): x()", "while Order.objects.filter(a=1).exists(): x()"),
        ('assert Order.objects.filter(a=1), "no"', 'assert Order.objects.filter(a=1).exists(), "no"'),
        ("y = 1 if not Order.objects.filter(a=1) else 2", "y = 1 if not Order.objects.filter(a=1).exists() else 2"),
        ("y = [i for i in x if Order.objects.filter(a=i)]", "y = [i for i in x if Order.objects.filter(a=i).exists()]"),
        (
            "if x and Order.objects.filter(a=1) and not Order.objects.filter(b=1): print()",
            "if x and Order.objects.filter(a=1).exists() and not Order.objects.filter(b=1).exists(): print()",
        ),
        (
            "if (Order.objects.filter(a=1) | Order.objects.filter(b=1)): print()",
            "if (Order.objects.filter(a=1) | Order.objects.filter(b=1)).exists(): print()",
        ),
        (
            "if Order.objects.filter(a=1) & Order.objects.filter(b=1): print()",
            "if (Order.objects.filter(a=1) & Order.objects.filter(b=1)).exists(): print()",
        ),
    ],
    "DJQ301": [
        ("for a in Order.objects.iterator(): print(a)", f"for a in Order.objects.{STREAM}: print(a)"),
        ("for a in Order.objects.iterator( ): print(a)", f"for a in Order.objects.{STREAM}: print(a)"),
        ("rows = Order.objects.filter(a=1).iterator()", f"rows = Order.objects.filter(a=1).{STREAM}"),
    ],
    "DJQ302": [
        (
            'for a in Order.objects.prefetch_related("x").iterator(): print(a)',
            f'for a in Order.objects.prefetch_related("x").{STREAM}: print(a)',
        ),
    ],
}
SAFE_ASYNC = {
    "DJQ101": [
        ("async for e in Event.objects.all(): print(e)", f"async for e in Event.objects.a{STREAM}: print(e)"),
        ("y = [e.at async for e in Event.objects.all()]", f"y = [e.at async for e in Event.objects.a{STREAM}]"),
    ],
    "DJQ104": [
        ("if await Order.objects.filter(a=1).acount(): x()", "if await Order.objects.filter(a=1).aexists(): x()"),
        ("if await Order.objects.filter(a=1).acount() > 0: x()", "if await Order.objects.filter(a=1).aexists(): x()"),
        ("if (await Order.objects.filter(a=1).acount()) > 0: x()", "if await Order.objects.filter(a=1).aexists(): x()"),
        ("if 0 == await Order.objects.all().acount(): x()", "if not await Order.objects.aexists(): x()"),
        ("if not await Order.objects.all().acount(): x()", "if not await Order.objects.aexists(): x()"),
    ],
    "DJQ301": [
        ("async for a in Order.objects.aiterator(): print(a)", f"async for a in Order.objects.a{STREAM}: print(a)"),
    ],
}
UNSAFE_LINES = {
    "DJQ101": [
        ("total = sum(e.n for e in Event.objects.all())", f"total = sum(e.n for e in Event.objects.{STREAM})"),
        ("for e in enumerate(Event.objects.all(), 1): x()", f"for e in enumerate(Event.objects.{STREAM}, 1): x()"),
        ("yield from Event.objects.all()", f"yield from Event.objects.{STREAM}"),
        (
            'for e in Event.objects.prefetch_related("x"): print(e)',
            f'for e in Event.objects.prefetch_related("x").{STREAM}: print(e)',
        ),
        ("for e in Event.objects.all(): e.save()", f"for e in Event.objects.{STREAM}: e.save()"),
    ],
    "DJQ102": [
        ("for e in list(Event.objects.filter(a=1)): x()", f"for e in Event.objects.filter(a=1).{STREAM}: x()"),
        ("for e in tuple(Event.objects.all()): print(e)", f"for e in Event.objects.{STREAM}: print(e)"),
        (
            "for e in list(Event.objects.filter(a=1) | Event.objects.filter(b=1)): print(e)",
            f"for e in (Event.objects.filter(a=1) | Event.objects.filter(b=1)).{STREAM}: print(e)",
        ),
    ],
    "DJQ105": [
        ("if x in Order.objects.all(): print()", "if Order.objects.contains(x): print()"),
        ("if x not in Order.objects.filter(a=1): print()", "if not Order.objects.filter(a=1).contains(x): print()"),
        ("if (x if y else z) in Order.objects.all(): print()", "if Order.objects.contains(x if y else z): print()"),
        ("if x if y else z in Order.objects.all(): print()", "if x if y else Order.objects.contains(z): print()"),
        (
            "if x in Order.objects.filter(a=1) | Order.objects.filter(b=1): print()",
            "if (Order.objects.filter(a=1) | Order.objects.filter(b=1)).contains(x): print()",
        ),
        (
            'if x.email in Order.objects.values_list("email", flat=True): print()',
            "if Order.objects.filter(email=x.email).exists(): print()",
        ),
        (
            'if x.email not in Order.objects.filter(a=1).values_list("email", flat=True): print()',
            "if not Order.objects.filter(a=1).filter(email=x.email).exists(): print()",
        ),
    ],
}


def cases(table: dict[str, list[tuple[str, str]]]) -> list[object]:
    return [
        pytest.param(code, before, after, id=f"{code}-{number}")
        for code, rows in table.items()
        for number, (before, after) in enumerate(rows)
    ]


def in_function(line: str, head: str = "def f(x, y):") -> str:
    return f"{head}\n    {line}\n"


@pytest.mark.parametrize(("code", "before", "after"), cases(SAFE_LINES))
def test_safe_edit(code: str, before: str, after: str) -> None:
    assert code in [finding.code for finding in fixable(in_function(before))[1]]
    assert fixed(in_function(before)) == in_function(after)


@pytest.mark.parametrize(("code", "before", "after"), cases(SAFE_ASYNC))
def test_safe_edit_of_async_code(code: str, before: str, after: str) -> None:
    head = "async def f(x, y):"
    assert code in [finding.code for finding in fixable(in_function(before, head))[1]]
    assert fixed(in_function(before, head)) == in_function(after, head)


@pytest.mark.parametrize(("code", "before", "after"), cases(UNSAFE_LINES))
def test_unsafe_edit_only_on_request(code: str, before: str, after: str) -> None:
    assert fixed(in_function(before)) == in_function(before)
    assert code in [finding.code for finding in fixable(in_function(before), unsafe=True)[1]]
    assert fixed(in_function(before), unsafe=True) == in_function(after)


def test_a_row_of_a_loop_is_looked_up_safely() -> None:
    text = """
        def f():
            for o in Order.objects.filter(a=1)[:10]:
                if o in Order.objects.filter(a=o.z):
                    print(o)
        """
    assert "if Order.objects.filter(a=o.z).contains(o):" in fixed(text)


def test_class_body() -> None:
    assert fixed("class A:\n    rows = [e.pk for e in Event.objects.all()]\n") == (
        f"class A:\n    rows = [e.pk for e in Event.objects.{STREAM}]\n"
    )


@pytest.mark.parametrize("annotation", ["", ": bool"])
def test_debug_is_switched_off_on_request(annotation: str) -> None:
    text = f"from shop.settings.base import *\n\nDEBUG{annotation} = True  # for now\nINSTALLED_APPS = []\n"
    assert fixed(text, path="shop/settings/batch.py") == text
    assert fixed(text, path="shop/settings/batch.py", unsafe=True) == text.replace("True", "False")


def test_views_are_fixed_too() -> None:
    assert fixed("def f():\n    return len(Order.objects.all())\n", path=VIEWS) == (
        "def f():\n    return Order.objects.count()\n"
    )


def test_the_chunk_size_is_the_projects() -> None:
    assert "iterator(chunk_size=500)" in fixed(in_function("for e in Event.objects.all(): print(e)"), chunk_size=500)
