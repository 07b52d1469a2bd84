"""Whatever the rows, the order and the size of the chunks: a walk gives what one sorted list gives."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cmp_to_key
from typing import Any

from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_djq.keyset import keyset_chunks, keyset_iterator
from tests.keyset.shop.models import Anything

SORTED_BY_PYTHON = ("integer", "float", "decimal", "moment", "span", "flag", "sure")
NOON = datetime(2024, 3, 1, 12, tzinfo=timezone.utc)

rows = st.builds(
    Anything,
    integer=st.sampled_from([None, -1, 0, 1]),
    text=st.sampled_from([None, "", "a", "A", "b", "é"]),
    float=st.none() | st.floats(-1e9, 1e9).filter(lambda number: number == 0 or abs(number) > 1e-300),
    decimal=st.none() | st.decimals(-9999, 9999, places=3),
    moment=st.none() | st.integers(-5, 5).map(lambda step: NOON + timedelta(microseconds=step)),
    span=st.none() | st.integers(-2, 2).map(lambda step: timedelta(microseconds=step)),
    token=st.none() | st.uuids(version=4),
    flag=st.sampled_from([None, False, True]),
    sure=st.integers(0, 2),
)
columns = st.sampled_from([*SORTED_BY_PYTHON, "text", "token", "pk"])
orders = st.lists(
    st.tuples(columns, st.booleans(), st.sampled_from([None, "first", "last"])),
    max_size=3,
    unique_by=lambda part: part[0],
)


def compared(order: list[tuple[str, bool, str | None]], nulls_are_small: bool) -> Any:
    """How Python sorts the rows by an order."""

    def compare(left: Anything, right: Anything) -> int:
        for name, descending, nulls in order:
            one, other = getattr(left, name), getattr(right, name)
            if one == other:
                continue
            if one is None or other is None:
                first = nulls == "first" if nulls else nulls_are_small is not descending
                return -1 if (one is None) is first else 1
            return -1 if (one < other) is not descending else 1
        return 0

    return cmp_to_key(compare)


def term(name: str, descending: bool, nulls: str | None) -> Any:
    options = {f"nulls_{nulls}": True} if nulls else {}
    return F(name).desc(**options) if descending else F(name).asc(**options)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_any_rows_in_any_order(database: str, data: st.DataObject) -> None:
    with transaction.atomic(using=database):
        walk_and_compare(database, data)
        transaction.set_rollback(True, using=database)


def walk_and_compare(database: str, data: st.DataObject) -> None:
    things = Anything.objects.using(database)
    things.bulk_create(data.draw(st.lists(rows, max_size=14)))
    order = data.draw(orders)
    size = data.draw(st.integers(1, 6))
    queryset = things.order_by(*(term(*part) for part in order))
    total = [*order, ("pk", bool(order) and order[-1][1], None)]
    expected = list(things.order_by(*(term(*part) for part in total)))
    if {part[0] for part in order} <= {*SORTED_BY_PYTHON, "pk"}:
        assert expected == sorted(things.all(), key=compared(total, database != "postgresql"))
    assert list(keyset_iterator(queryset, size)) == expected
    assert list(keyset_iterator(queryset, size, reverse=True)) == expected[::-1]
    chunks = list(keyset_chunks(queryset.values_list("sure", "id"), size))
    assert [row for chunk in chunks for row in chunk] == [(row.sure, row.pk) for row in expected]
    assert all(len(chunk) == size for chunk in chunks[:-1])
    if expected:
        walk = keyset_iterator(queryset, size)
        stop = data.draw(st.integers(1, len(expected)))
        for _ in range(stop):
            next(walk)
        assert list(keyset_iterator(queryset, size, after=walk.position)) == expected[stop:]
