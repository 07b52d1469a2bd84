"""Keyset iterators that are wrong, each in its own way: the proof must notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def right(queryset: Any, chunk_size: int) -> Iterator[Any]:
    """All rows, in order."""
    yield from queryset.iterator(chunk_size=chunk_size)


def skips(queryset: Any, chunk_size: int) -> Iterator[Any]:
    """All rows but one, at the border of two chunks."""
    for row in right(queryset, chunk_size):
        if row.pk != chunk_size:
            yield row


def doubles(queryset: Any, chunk_size: int) -> Iterator[Any]:
    """One row comes twice and another not at all, so that their number is right."""
    before = None
    for row in right(queryset, chunk_size):
        yield before if row.pk == chunk_size else row
        before = row


def swaps(queryset: Any, chunk_size: int) -> Iterator[Any]:
    """All rows, two of them in each other's place."""
    rows = list(right(queryset, chunk_size))
    rows[0], rows[1] = rows[1], rows[0]
    yield from rows


def alters(queryset: Any, chunk_size: int) -> Iterator[Any]:
    """All rows, one of them with another payload."""
    for row in right(queryset, chunk_size):
        if row.pk == chunk_size:
            row.payload = row.payload[::-1]
        yield row


def fails(queryset: Any, chunk_size: int) -> Iterator[Any]:
    """An error."""
    raise LookupError(f"no chunk of {chunk_size} here")
