"""The asynchronous twins give what the others give."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from flake8_djq.keyset import KeysetError, akeyset_chunks, akeyset_iterator
from tests.keyset.shop.models import Book, Tag


@pytest.fixture
def books(database: str) -> QuerySet[Book]:
    """Nine books, each with a tag."""
    for number in range(9):
        book = Book.objects.using(database).create(title=f"t{number % 2}", pages=number)
        book.tags.add(Tag.objects.using(database).create(name="x"))
    return Book.objects.using(database)


@async_to_sync
async def gathered(walk: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in walk]


def test_rows(books: QuerySet[Book]) -> None:
    assert gathered(akeyset_iterator(books, 4)) == list(books.order_by("pk"))
    assert gathered(akeyset_iterator(books.order_by("title"), 4, reverse=True)) == list(books.order_by("-title", "-pk"))
    assert gathered(akeyset_iterator(books.none())) == []


def test_chunks(books: QuerySet[Book]) -> None:
    with CaptureQueriesContext(connections[books.db]) as queries:
        chunks = gathered(akeyset_chunks(books.order_by("pages").prefetch_related("tags"), 4))
        names = {tag.name for chunk in chunks for book in chunk for tag in book.tags.all()}
    assert [[book.pages for book in chunk] for chunk in chunks] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert names == {"x"}
    assert len(queries) == 3 * 2
    assert gathered(akeyset_chunks(books.none())) == []


def test_the_place_to_resume(books: QuerySet[Book]) -> None:
    async def resumed() -> list[Any]:
        walk = akeyset_iterator(books.order_by("title"), 4)
        first = [(await walk.__anext__()).pk for _ in range(3)]
        chunks = akeyset_chunks(books.order_by("title"), 4, after=walk.position)
        second = [row.pk for row in await chunks.__anext__()]
        rest = [row.pk async for row in akeyset_iterator(books.order_by("title"), 2, after=chunks.position)]
        return first + second + rest

    assert async_to_sync(resumed)() == list(books.order_by("title", "pk").values_list("pk", flat=True))


def test_errors_come_at_the_call(books: QuerySet[Book]) -> None:
    for walk in (akeyset_iterator, akeyset_chunks):
        with pytest.raises(KeysetError):
            walk(books[:3])


def test_the_call_may_stand_in_a_coroutine(books: QuerySet[Book]) -> None:
    async def within() -> int:
        return len([row async for row in akeyset_iterator(books.order_by("price"), 2)])

    assert async_to_sync(within)() == 9
