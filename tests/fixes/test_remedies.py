"""The right remedy for the place: ``iterator()`` or the keyset iterator, by database, wish and what the loop does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixes.support import HELPER, fixed, run
from tests.support import ROOT

LOOP = "for e in Event.objects.filter(a=1):\n    print(e)\n"
SAVES = "for e in Event.objects.filter(a=1):\n    e.save()\n"

STREAMS, LOADS = ("auto", "sqlite", "postgresql", "oracle"), ("mysql", "postgresql-pooled")


def remedy(text: str, **changes: Any) -> str:
    """What a text is fixed with: "iterator", "keyset" or "" for nothing."""
    after = fixed(text, **changes)
    return "keyset" if "keyset_iterator(" in after else "iterator" if ".iterator(chunk_size=" in after else ""


@pytest.mark.parametrize("helper", ["", HELPER])
@pytest.mark.parametrize("database", STREAMS)
def test_where_the_database_streams(database: str, helper: str) -> None:
    assert remedy(LOOP, database=database, keyset_helper=helper) == "iterator"


@pytest.mark.parametrize("database", LOADS)
def test_where_the_database_loads_everything(database: str) -> None:
    assert remedy(LOOP, database=database) == ""
    assert remedy(LOOP, database=database, unsafe=True) == "", "there is no iterator to call"
    assert remedy(LOOP, database=database, keyset_helper=HELPER) == "", "that is an unsafe edit"
    assert remedy(LOOP, database=database, keyset_helper=HELPER, unsafe=True) == "keyset"


@pytest.mark.parametrize("database", STREAMS + LOADS)
def test_the_user_may_ask_for_one(database: str) -> None:
    assert remedy(LOOP, database=database, remedy="iterator", keyset_helper=HELPER) == "iterator"
    assert remedy(LOOP, database=database, remedy="keyset", keyset_helper=HELPER, unsafe=True) == "keyset"
    assert remedy(LOOP, database=database, remedy="keyset", unsafe=True) == ""


def test_a_loop_that_saves_its_own_rows() -> None:
    assert remedy(SAVES, database="sqlite", keyset_helper=HELPER, unsafe=True) == "keyset"
    assert remedy(SAVES, database="sqlite", keyset_helper="", unsafe=True) == ""
    assert remedy(SAVES, database="postgresql", keyset_helper=HELPER) == "iterator"
    assert remedy(SAVES, database="auto", keyset_helper=HELPER, unsafe=True) == "iterator"


WALKED = [
    "Event.objects.all()",
    'Event.objects.order_by("name")',
    'Event.objects.order_by("-name", "pk")',
    "Event.objects.filter(a__gt=1, order_id__lt=5, name__icontains='x').exclude(b=3)",
    'Event.objects.select_related("order").prefetch_related("order").only("name", "order")',
    'Event.objects.values("pk", "name")',
    'Event.objects.values_list("name", flat=True)',
    "Event.objects.filter(a=1) | Event.objects.filter(a=2)",
    'Event.objects.using("copy").reverse()',
]
NOT_WALKED = [
    'Event.objects.order_by("order__name")',
    'Event.objects.order_by("?")',
    'Event.objects.filter(order__name="a")',
    'Event.objects.exclude(order__name="a")',
    'Event.objects.filter(Q(order__name="a"))',
    "Event.objects.filter(a=1).distinct()",
    "Event.objects.filter(a=1)[5:]",
    "Event.objects.filter(a=1).union(Event.objects.filter(a=2))",
    'Event.objects.extra(where=["x"])',
]
NOTHING = [
    'Event.objects.values("a").annotate(n=Count("b"))',
    "Event.objects.select_for_update()",
    "Event.objects.filter(a=1)[:5]",
]


@pytest.mark.parametrize("queryset", WALKED)
def test_what_a_keyset_walks_with_its_order_kept(queryset: str) -> None:
    text = f"for e in {queryset}:\n    print(e)\n"
    after = fixed(text, remedy="keyset", keyset_helper=HELPER, unsafe=True)
    assert (
        after == f"from shop.db.keyset import keyset_iterator\n\nfor e in keyset_iterator({queryset}):\n    print(e)\n"
    )


WALK = """
import sys

import django
from django.conf import settings
from django.db import connections, models
from django.db.models import Q

memory = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
databases = {"default": memory, "copy": dict(memory)}
settings.configure(DATABASES=databases, DEFAULT_AUTO_FIELD="django.db.models.AutoField")
django.setup()


class Order(models.Model):
    name = models.TextField()

    class Meta:
        app_label = "shop"


class Event(models.Model):
    name = models.TextField()
    a = models.IntegerField()
    b = models.IntegerField(null=True)
    order = models.ForeignKey(Order, models.CASCADE, related_name="events")

    class Meta:
        app_label = "shop"


for alias in ("default", "copy"):
    with connections[alias].schema_editor() as editor:
        editor.create_model(Order)
        editor.create_model(Event)
    orders = [Order.objects.using(alias).create(name=str(number)) for number in range(3)]
    for number in range(40):
        row = Event(name="x" * (number % 4), a=number % 5, b=number % 3 or None, order=orders[number % 3])
        row.save(using=alias)

from flake8_djq.keyset import keyset_iterator

for text in sys.argv[1:]:
    queryset = eval(text)
    rows, walked = list(queryset), list(keyset_iterator(queryset, chunk_size=7))
    if "pk" not in queryset.query.order_by:
        rows.sort(key=str)
        walked.sort(key=str)
    assert rows and walked == rows, text
"""


def test_what_is_walked_can_be_walked() -> None:
    """The edits and the iterator agree: rows as a plain loop gives them, and no error."""
    done = run(WALK, *WALKED, cwd=ROOT)
    assert done.stderr.decode() == ""


@pytest.mark.parametrize("queryset", NOT_WALKED)
def test_what_a_keyset_cannot_walk_in_its_order(queryset: str) -> None:
    text = f"for e in {queryset}:\n    print(e)\n"
    assert remedy(text, remedy="keyset", keyset_helper=HELPER, unsafe=True) == ""
    assert remedy(text, database="mysql", keyset_helper=HELPER, unsafe=True) == ""
    assert remedy(text, unsafe=True) == "iterator"


@pytest.mark.parametrize("queryset", NOTHING)
@pytest.mark.parametrize("wish", ["auto", "keyset", "iterator"])
def test_what_is_left_alone(queryset: str, wish: str) -> None:
    assert remedy(f"for e in {queryset}:\n    print(e)\n", remedy=wish, keyset_helper=HELPER, unsafe=True) == ""


SHAPES = {
    "for i, e in enumerate({}):": "for i, e in enumerate(keyset_iterator({})):",
    "for e in list({}):": "for e in keyset_iterator({}):",
    "for e in ({}):": "for e in keyset_iterator({}):",
    "for e in (e for e in {}):": "for e in (e for e in keyset_iterator({})):",
    "if any(e.x for e in {}):": "if any(e.x for e in keyset_iterator({})):",
}


@pytest.mark.parametrize("head", SHAPES)
def test_where_a_keyset_is_written(head: str) -> None:
    queryset = "Event.objects.filter(a=1)"
    after = fixed(f"{head.format(queryset)}\n    print(1)\n", remedy="keyset", keyset_helper=HELPER, unsafe=True)
    assert SHAPES[head].format(queryset) in after


def test_parentheses_around_a_chain_become_those_of_the_call() -> None:
    text = "for e in (\n    Event.objects.filter(x=5)  # yes\n    .exclude(x=6)\n):\n    print(e)\n"
    after = fixed(text, remedy="keyset", keyset_helper=HELPER, unsafe=True)
    assert after.endswith(text.replace("in (", "in keyset_iterator("))


def test_async_loops() -> None:
    text = "async def f():\n    async for e in Event.objects.all():\n        print(e)\n"
    after = fixed(text, remedy="keyset", keyset_helper=HELPER, unsafe=True)
    assert "from shop.db.keyset import akeyset_iterator\n" in after
    assert "async for e in akeyset_iterator(Event.objects.all()):" in after
    own = fixed(text, remedy="keyset", keyset_helper="shop.db.walk", unsafe=True)
    assert own == text, "a function of another name has no asynchronous twin that is known"
    assert "objects.aiterator(chunk_size=2000)" in fixed(text)


def test_another_helper_and_another_chunk_size() -> None:
    after = fixed(LOOP, remedy="keyset", keyset_helper="shop.db.walk", chunk_size=500, unsafe=True)
    assert after.startswith("from shop.db import walk\n")
    assert "in walk(Event.objects.filter(a=1), chunk_size=500):" in after
