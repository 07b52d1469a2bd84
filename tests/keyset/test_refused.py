"""What cannot be walked right is refused at the call, in words that say the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.db.models import (
    Avg,
    Case,
    Count,
    DateTimeField,
    ExpressionWrapper,
    F,
    FilteredRelation,
    IntegerField,
    Q,
    Subquery,
    Sum,
    TextField,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Concat, Now, Random, RowNumber

from flake8_djq.keyset import KeysetError, akeyset_chunks, akeyset_iterator, keyset_chunks, keyset_iterator
from tests.keyset.shop.models import Anything, Book, Tag, TokenKey

Make = Callable[[Any], Any]

REFUSED: dict[str, tuple[Make, str]] = {
    "a slice": (lambda books: books[:10], "itertools.islice"),
    "a slice from the middle": (lambda books: books.order_by("pk")[5:], "itertools.islice"),
    "a union": (lambda books: books.union(books.filter(pages=1)), r"a union\(\) cannot be filtered.* Q\(\)"),
    "an intersection": (lambda books: books.intersection(books.all()), "intersection"),
    "a difference": (lambda books: books.difference(books.filter(pages=1)), "difference"),
    "distinct fields": (lambda books: books.distinct("title"), "without fields"),
    "distinct values": (
        lambda books: books.values("title").distinct(),
        "distinct values have no key.* add the primary",
    ),
    "dates": (lambda books: Anything.objects.using(books.db).dates("day", "year"), "distinct values have no key"),
    "groups": (lambda books: books.values("title").annotate(n=Count("pk")), "grouped values have no key"),
    "groups by order": (lambda books: books.values("title").annotate(n=Count("pk")).order_by("title"), "no key"),
    "random order": (lambda books: books.order_by("?"), "random order"),
    "random numbers": (lambda books: books.order_by("title", Random()), "another one in each query"),
    "random annotation": (lambda books: books.annotate(dice=Random()).order_by("dice"), "dice can be another one"),
    "the time": (
        lambda books: Anything.objects.using(books.db).order_by(
            ExpressionWrapper(F("moment") - Now(), output_field=DateTimeField())
        ),
        "another one in each query",
    ),
    "the time in a condition": (
        lambda books: Anything.objects.using(books.db).order_by(
            Case(When(moment__lt=Now(), then=1), default=0, output_field=IntegerField())
        ),
        "another one in each query",
    ),
    "the time in a subquery": (
        lambda books: books.annotate(
            x=Subquery(Anything.objects.filter(moment__lt=Now()).order_by("pk").values("integer")[:1])
        ).order_by("x"),
        "another one in each query",
    ),
    "a condition across many": (
        lambda books: books.order_by(Case(When(tags__name="t", then=1), default=0, output_field=IntegerField())),
        "to-many",
    ),
    "SQL": (lambda books: books.order_by(RawSQL("pages + 1", (), IntegerField())), "another one in each query"),
    "extra order": (lambda books: books.extra(order_by=["pages"]), "use order_by"),
    "extra column as order": (lambda books: books.extra(select={"x": "pages"}).order_by("x"), "use annotate"),
    "extra tables": (lambda books: books.extra(tables=["shop_tag"]), "Exists"),
    "order across many": (lambda books: books.order_by("tags__name"), "order by tags__name goes across a to-many"),
    "order across children": (lambda books: books.order_by("-chapters"), "to-many"),
    "order by an annotation across many": (
        lambda books: books.alias(tag=F("tags__name")).order_by("tag"),
        "to-many|join",
    ),
    "filter across many": (lambda books: books.filter(tags__name="t"), r"shop_tag.* distinct\(\)"),
    "filter across many and on": (lambda books: books.filter(chapters__book__author__name="A"), "shop_chapter"),
    "filter on a part of a unique row": (lambda books: books.filter(chapters__number__lt=2), "Exists"),
    "filter on either": (lambda books: books.filter(Q(chapters__number=1) | Q(pages=1)), "Exists"),
    "filtered relation": (
        lambda books: books.annotate(first=FilteredRelation("chapters", condition=Q(chapters__number=1))).filter(
            first__isnull=False
        ),
        "shop_chapter",
    ),
    "values across many": (lambda books: books.values("pk", "tags__name"), "more than once"),
    "distinct values across many": (lambda books: books.values("pk", "tags__name").distinct(), "aggregate them"),
    "distinct annotation across many": (lambda books: books.annotate(tag=F("tags__name")).distinct(), "aggregate them"),
    "counts beside many": (lambda books: books.annotate(tag=F("tags__name"), n=Count("chapters")), "aggregate them"),
    "a window": (lambda books: books.annotate(n=Window(RowNumber(), order_by="title")), "window function"),
    "an order by a window": (lambda books: books.order_by(Window(RowNumber(), order_by="title")), "window function"),
    "a filter by a window": (
        lambda books: books.alias(n=Window(RowNumber(), order_by="title")).filter(n__lt=3),
        "window function",
    ),
    "order by JSON": (lambda books: Anything.objects.using(books.db).order_by("data"), r"data \(JSONField\)"),
    "order by a part of JSON": (lambda books: Anything.objects.using(books.db).order_by("data__x"), "data__x"),
    "no output field": (lambda books: books.order_by(RawSQL("1", ())), "RawSQL"),
    "mixed types": (lambda books: books.order_by(F("pages") + F("title")), "output_field"),
    "an annotation named as the key": (
        lambda books: books.values("title").annotate(id=F("pages")),
        "another name",
    ),
    "raw SQL": (lambda books: books.raw("SELECT * FROM shop_book"), "RawQuerySet"),
    "a list": (lambda books: [1, 2], "not a list"),
    "a model": (lambda books: Book, r"objects\.all\(\)"),
    "nothing": (lambda books: None, "NoneType"),
}


WALKS = (keyset_iterator, keyset_chunks, akeyset_iterator, akeyset_chunks)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_at_the_call(made: str, name: str) -> None:
    make, message = REFUSED[name]
    queryset = make(Book.objects.using(made))
    for walk in WALKS:
        with pytest.raises(KeysetError, match=message):
            walk(queryset)


ON_MARIADB: dict[str, tuple[Make, str]] = {
    "long text": (lambda books: books.order_by("blurb"), "max_length of at most 255"),
    "text of unknown length": (lambda books: books.order_by(Concat("title", "title")), "max_sort_length"),
    "a cast to text": (lambda books: books.order_by(Cast("pages", TextField())), "max_sort_length"),
    "an average": (lambda books: books.annotate(x=Avg("chapters__number")).order_by("x"), "float x.* order by a field"),
    "a sum of decimals": (lambda books: books.annotate(x=Sum("price")).order_by("x"), "decimal x"),
}


@pytest.mark.parametrize("name", ON_MARIADB)
def test_what_mariadb_rounds_or_cuts_is_refused_there(made: str, name: str) -> None:
    make, message = ON_MARIADB[name]
    queryset = make(Book.objects.using(made))
    if made == "mariadb":
        with pytest.raises(KeysetError, match=message):
            keyset_iterator(queryset)
    else:
        assert list(keyset_iterator(queryset)) == []


def test_a_division_that_mariadb_rounds_ends_the_walk(database: str) -> None:
    for pages in range(6):
        Book.objects.using(database).create(title="b", pages=pages)
    books = Book.objects.using(database).order_by(F("pages") / 3)
    if database == "mariadb":
        with pytest.raises(KeysetError, match="as Decimal, rounded"):
            list(keyset_iterator(books, 2))
    else:
        assert list(keyset_iterator(books, 2)) == list(books.order_by(F("pages") / 3, "pk"))


@pytest.mark.parametrize("chunk_size", [0, -1, 2.0, None, "9"])
def test_a_wrong_chunk_size_is_refused_at_the_call(made: str, chunk_size: Any) -> None:
    for walk in WALKS:
        with pytest.raises(KeysetError, match=f"at least 1, not {chunk_size!r}"):
            walk(Book.objects.using(made), chunk_size)


AFTER: dict[str, tuple[Make, Any, str]] = {
    "too few": (lambda books: books.order_by("title"), ("a",), "must have 2 values, for the order by title, pk"),
    "too many": (lambda books: books.order_by("title"), ("a", 1, 2), "must have 2 values"),
    "a bare value": (lambda books: books.order_by("title"), "ab", "must have 2 values"),
    "too many for a key": (lambda books: books, (1, 2), "must have 1 values"),
    "null for what is never null": (lambda books: books.order_by("title"), (None, 1), "None for title"),
    "no number": (lambda books: books, "a", "'a' for pk, which is no value of BigAutoField"),
    "a row": (lambda books: books, Tag(name="a"), "no value of BigAutoField"),
    "no uuid": (lambda books: TokenKey.objects.using(books.db), "a", "no value of UUIDField"),
    "no time": (lambda books: Anything.objects.using(books.db).order_by("moment"), ("Tomorrow", 1), "DateTimeField"),
    "no decimal": (lambda books: books.order_by("price"), ("a", 1), "DecimalField"),
}


@pytest.mark.parametrize("name", AFTER)
def test_a_wrong_place_to_resume_is_refused_at_the_call(made: str, name: str) -> None:
    make, after, message = AFTER[name]
    with pytest.raises(KeysetError, match=message):
        keyset_iterator(make(Book.objects.using(made)), after=after)


def test_null_where_the_model_says_never_ends_the_walk(database: str) -> None:
    """As in a table that another program made: where the nulls stand is not known then."""
    Anything.objects.using(database).create(sure=1)
    things = Anything.objects.using(database)
    field = Anything._meta.get_field("integer")
    field.null = False
    try:
        walk = keyset_iterator(things.order_by("integer"))
    finally:
        field.null = True
    with pytest.raises(KeysetError, match="integer is null in the database although"):
        next(walk)


def test_a_row_that_is_given_again_ends_the_walk(database: str) -> None:
    """As by a column that stores other values than it gives out; better an error than a loop without an end."""
    rows = Anything.objects.using(database)
    rows.bulk_create(Anything(sure=number) for number in range(4))
    walk = keyset_iterator(rows, 2)
    with connections[database].execute_wrapper(lambda execute, sql, *rest: execute(sql.replace(" > ", " >= "), *rest)):
        next(walk)
        next(walk)
        with pytest.raises(KeysetError, match="again after that row"):
            next(walk)


def test_the_error_is_a_value_error() -> None:
    assert issubclass(KeysetError, ValueError)
