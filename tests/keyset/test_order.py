"""A walk gives the rows of a plain loop, in its order, whatever the order is and wherever the chunks end."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Lower

from flake8_djq.keyset import KeysetError, keyset_iterator
from tests.keyset.shop.models import Anything, Author, Book, Chapter, City, Novel

UTC = timezone.utc


def fill(database: str, seed: int = 1) -> None:
    """A shop with many ties and nulls."""
    pick = random.Random(seed).choice
    cities = [City(name=name) for name in ("Rome", "Oslo", "Bonn", "Oslo")]
    City.objects.using(database).bulk_create(cities)
    cities = list(City.objects.using(database))
    for number in range(9):
        Author.objects.using(database).create(
            name=pick("ABc"), email=f"{(number * 7) % 9}@example.org", city=pick([None, *cities])
        )
    authors = list(Author.objects.using(database))
    Book.objects.using(database).bulk_create(
        Book(
            title=pick(["b", "B", "a", "", "é"]),
            author=pick([None, *authors]),
            pages=pick([-1, 0, 1, 2]),
            price=pick([None, Decimal("1.10"), Decimal("10.00")]),
        )
        for _ in range(16)
    )
    for number in range(6):
        Novel.objects.using(database).create(title=pick("xyz"), genre=pick([None, "crime", "love"]), pages=number % 3)


def same_at_every_size(queryset: Any, expected: list[Any]) -> None:
    """Each walk through the queryset gives the expected rows, forwards and backwards, and resumed in the middle."""
    for size in (1, 6):
        assert list(keyset_iterator(queryset, size)) == expected, size
    assert list(keyset_iterator(queryset, 4, reverse=True)) == expected[::-1]
    walk = keyset_iterator(queryset, 4)
    for number, _ in enumerate(walk, 1):
        if number % 9 == 5:
            assert list(keyset_iterator(queryset, 9, after=walk.position)) == expected[number:], walk.position
            before = list(keyset_iterator(queryset, 9, after=walk.position, reverse=True))
            assert before == expected[: number - 1][::-1], walk.position


ORDERS = {
    "nothing": ((), ("pk",)),
    "pk": (("pk",), ("pk",)),
    "-pk": (("-pk",), ("-pk",)),
    "a column": (("pages",), ("pages", "pk")),
    "descending": (("-pages",), ("-pages", "-pk")),
    "mixed": (("pages", "-title"), ("pages", "-title", "-pk")),
    "the key amid": (("pages", "-pk", "title"), ("pages", "-pk")),
    "twice": (("pages", "-pages", "title"), ("pages", "title", "pk")),
    "nulls": (("price",), ("price", "pk")),
    "nulls descending": (("-price", "pages"), ("-price", "pages", "pk")),
    "across a relation": (("author__city__name",), ("author__city__name", "pk")),
    "by a relation's own order": (("author",), ("author__name", "pk")),
    "against a relation's own order": (("-author", "pages"), ("-author__name", "pages", "pk")),
    "by the order of a relation's relation": (("author__city",), ("-author__city__name", "-pk")),
    "a foreign key": (("author_id",), (F("author_id"), "pk")),
    "a relation's key": (("author__pk",), (F("author_id"), "pk")),
    "nulls first": ((F("price").asc(nulls_first=True),), (F("price").asc(nulls_first=True), "pk")),
    "nulls last": ((F("price").asc(nulls_last=True), "title"), (F("price").asc(nulls_last=True), "title", "pk")),
    "descending, nulls first": ((F("price").desc(nulls_first=True),), (F("price").desc(nulls_first=True), "-pk")),
    "descending, nulls last": (
        (F("author__city__name").desc(nulls_last=True), "-price"),
        (F("author__city__name").desc(nulls_last=True), "-price", "-pk"),
    ),
    "an expression": ((Lower("title"), "-pages"), (Lower("title"), "-pages", "-pk")),
    "an expression descending": ((Lower("title").desc(),), (Lower("title").desc(), "-pk")),
    "arithmetic": ((F("pages") * -2 + 1,), (F("pages") * -2 + 1, "pk")),
    "a condition": (
        (Case(When(pages__gt=0, then=1), default=0, output_field=IntegerField()).desc(), "title"),
        (Case(When(pages__gt=0, then=1), default=0, output_field=IntegerField()).desc(), "title", "pk"),
    ),
    "a comparison": (
        (ExpressionWrapper(Q(pages__gt=0), output_field=BooleanField()).desc(), "title"),
        (ExpressionWrapper(Q(pages__gt=0), output_field=BooleanField()).desc(), "title", "pk"),
    ),
    "a bare F": ((F("pages"), F("title")), ("pages", "title", "pk")),
    "a constant": ((Value(1), "-title"), ("-title", "-pk")),
}


@pytest.mark.parametrize("name", ORDERS)
def test_each_order_is_that_of_a_plain_loop(database: str, name: str) -> None:
    fill(database)
    order, total = ORDERS[name]
    books = Book.objects.using(database)
    same_at_every_size(books.order_by(*order), list(books.order_by(*total)))


@pytest.mark.parametrize("name", ["nothing", "pk", "mixed", "nulls", "descending, nulls last", "an expression"])
def test_reverse_of_a_queryset_is_kept(database: str, name: str) -> None:
    fill(database)
    order, total = ORDERS[name]
    books = Book.objects.using(database)
    same_at_every_size(books.order_by(*order).reverse(), list(books.order_by(*total).reverse()))


ANNOTATED = {
    "a count": ({"value": Count("chapters")}, "-value"),
    "a greatest": ({"value": Max("chapters__number")}, "value"),
    "a subquery": ({"value": Subquery(City.objects.filter(author__book=OuterRef("pk")).values("name")[:1])}, "value"),
    "a column": ({"value": F("author__city__name")}, "-value"),
    "a text": ({"value": Coalesce("author__name", Value("none"))}, "value"),
    "a flag": ({"value": Exists(Chapter.objects.filter(book=OuterRef("pk")))}, "-value"),
    "a flag denied": ({"value": ~Exists(Chapter.objects.filter(book=OuterRef("pk")))}, "value"),
    "a flag of a condition": ({"value": Case(When(Q(pages__gt=0), then=True), default=False)}, "value"),
}


@pytest.mark.parametrize(
    ("method", "name"), [*(("annotate", name) for name in ANNOTATED), ("alias", "a count"), ("alias", "a column")]
)
def test_orders_by_annotations(database: str, method: str, name: str) -> None:
    fill(database)
    for book in Book.objects.using(database)[:6]:
        for number in range(book.pages):
            Chapter.objects.using(database).create(book=book, number=number)
    annotation, order = ANNOTATED[name]
    if name == "a subquery" and database == "mariadb":
        with pytest.raises(KeysetError, match="max_sort_length"):
            keyset_iterator(Book.objects.using(database).annotate(**annotation).order_by(order))
        return
    books = getattr(Book.objects.using(database), method)(**annotation)
    same_at_every_size(books.order_by(order), list(books.order_by(order, "-pk" if "-" in order else "pk")))


def test_the_order_of_the_model_is_kept(database: str) -> None:
    fill(database)
    same_at_every_size(
        Novel.objects.using(database), list(Novel.objects.using(database).order_by("genre", "title", "pk"))
    )
    for book in Book.objects.using(database)[:3]:
        for number in (3, 1, 2):
            Chapter.objects.using(database).create(book=book, number=number)
    expected = list(Chapter.objects.using(database).order_by("_order", "pk"))
    same_at_every_size(Chapter.objects.using(database), expected)
    assert [chapter.number for chapter in expected[:4]] == [3, 3, 3, 1]


def test_the_order_of_the_model_does_not_count_for_groups(database: str) -> None:
    """As in a plain loop, where Django leaves it out."""
    fill(database)
    novels = Novel.objects.using(database).annotate(count=Count("chapters"))
    same_at_every_size(novels, list(novels.order_by("pk")))


def test_a_unique_field_is_enough(database: str) -> None:
    fill(database)
    authors = Author.objects.using(database)
    walk = keyset_iterator(authors.order_by("email", "name"), 2)
    assert next(walk).email == walk.position == "0@example.org"
    same_at_every_size(authors.order_by("-email", "name"), list(authors.order_by("-email")))


def test_a_manager_is_walked_as_its_queryset(database: str) -> None:
    fill(database)
    author = Author.objects.using(database).filter(book__isnull=False).first()
    assert list(keyset_iterator(author.book_set, 2)) == list(author.book_set.order_by("pk"))
    assert list(keyset_iterator(Author.objects.db_manager(database), 2)) == list(
        Author.objects.using(database).order_by("name", "pk")
    )


VALUES = {
    "integer": [0, -1, 5, 2**31 - 1, -(2**31)],
    "text": ["", "a", "A", "b", "ä", "z z", "Z", "10", "9"],
    "float": [0.1, 0.1 + 0.2, 0.3, -1e300, 5e-324, 1e16 + 2.0, 1 / 3],
    "decimal": [Decimal("0.001"), Decimal("1234567.891"), Decimal("-2.500"), Decimal("2.5")],
    "moment": [
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
        datetime(2024, 1, 1, 1, 1, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 1, 1, 1, 120000, tzinfo=UTC),
        datetime(2024, 1, 1, 1, 1, 1, tzinfo=UTC),
    ],
    "day": [date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), date(2024, 3, 1)],
    "clock": [time(0, 0), time(23, 59, 59, 999999), time(12, 0, 0, 10), time(12, 0)],
    "span": [timedelta(days=-1), timedelta(0), timedelta(microseconds=1), timedelta(days=400)],
    "token": [UUID(int=1), UUID(int=2**127), UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), UUID(int=2**128 - 1)],
    "flag": [True, False],
    "address": ["10.0.0.1", "9.0.0.1", "::1", "2001:db8::1"],
}


@pytest.mark.parametrize("name", VALUES)
def test_each_type_of_field(database: str, name: str) -> None:
    pick = random.Random(name).choice
    things = Anything.objects.using(database)
    things.bulk_create(Anything(**{name: pick([None, *VALUES[name]])}, sure=pick([1, 2])) for _ in range(20))
    for order in (name, "-" + name):
        same_at_every_size(things.order_by(order, "sure"), list(things.order_by(order, "sure", "pk")))
    if name in ("text", "address", "token"):
        return  # Databases have their own ways to sort these.
    rows = sorted(things.exclude(**{name: None}), key=lambda row: (getattr(row, name), row.sure, row.pk))
    assert list(keyset_iterator(things.order_by(name, "sure").exclude(**{name: None}), 3)) == rows
