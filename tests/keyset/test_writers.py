"""Rows that are there throughout are given once, whatever another connection writes between the chunks."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.db.models import F

from flake8_djq.keyset import keyset_chunks, keyset_iterator
from tests.keyset.shop.models import Anything

ORDERS = [("pk",), ("-pk",), ("integer",), ("-integer", "text"), (F("text").desc(nulls_last=True), "-sure")]


def things(count: int, pick: Any) -> list[Anything]:
    return [
        Anything(integer=pick([None, 1, 2, 3]), text=pick([None, "a", "b"]), sure=pick([1, 2]), flag=False)
        for _ in range(count)
    ]


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_rows_come_and_go_between_chunks(shared: str, order: tuple[Any, ...], reverse: bool) -> None:
    choose = random.Random(7)
    rows = Anything.objects.using(shared)
    rows.bulk_create(things(60, choose.choice))
    keys = list(rows.values_list("pk", flat=True))
    doomed = choose.sample(keys, 20)
    staying = set(keys) - set(doomed)
    given: list[int] = []

    def write(step: int) -> None:
        rows.bulk_create(things(5, choose.choice))
        rows.filter(pk__in=doomed[step * 2 : step * 2 + 2]).delete()
        rows.filter(pk__in=choose.sample(keys, 9)).update(flag=True)
        connections[shared].close()

    with ThreadPoolExecutor(1) as other:
        for step, chunk in enumerate(keyset_chunks(rows.order_by(*order), 7, reverse=reverse)):
            given += [row.pk for row in chunk]
            if step < 10:
                other.submit(write, step).result()
    assert len(given) == len(set(given))
    assert staying <= set(given)


@pytest.mark.parametrize("made", ["postgresql", "mariadb"], indirect=True)
def test_a_writer_that_never_rests(shared: str) -> None:
    rows = Anything.objects.using(shared)
    rows.bulk_create(things(400, random.Random(3).choice))
    staying = set(rows.values_list("pk", flat=True))
    ended = threading.Event()
    written = threading.Event()

    def write() -> None:
        choose = random.Random(5)
        while not ended.is_set():
            new = rows.bulk_create(things(3, choose.choice))
            rows.filter(pk__in=choose.sample(sorted(staying), 20)).update(flag=True)
            rows.filter(pk__in=[row.pk for row in new if row.pk]).delete()
            written.set()
        connections[shared].close()

    with ThreadPoolExecutor(1) as other:
        writer = other.submit(write)
        try:
            assert written.wait(20)
            given = [row.pk for row in keyset_iterator(rows.order_by("integer", "-text"), 5)]
        finally:
            ended.set()
        writer.result(20)
    assert len(given) == len(set(given))
    assert staying <= set(given)


def test_a_row_that_moves_behind_the_walk_is_given_again(shared: str) -> None:
    """That is no promise, but it shows that the tests above see rows that come twice."""
    rows = Anything.objects.using(shared)
    rows.bulk_create(Anything(sure=number) for number in range(6))
    given = []
    for row in keyset_iterator(rows.order_by("sure"), 2):
        given.append(row.pk)
        if len(given) == 1:
            rows.filter(pk=row.pk).update(sure=99)
    assert given[0] == given[-1]
