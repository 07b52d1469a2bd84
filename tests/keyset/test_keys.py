"""Each kind of primary key can be walked by, resumed from and written down."""

from __future__ import annotations

import json
import random
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import django
import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections
from django.db.models import F, Model

from flake8_djq.keyset import KeysetError, keyset_chunks, keyset_iterator
from tests.databases import NOT_TESTED
from tests.keyset.shop import models
from tests.keyset.shop.models import Anything, City

NOON = datetime(2024, 3, 1, 12, tzinfo=timezone.utc)

KEYS: dict[type[Model], list[Any]] = {
    models.IntegerKey: [0, -1, -(2**63), 2**63 - 1, 7, 8, -50],
    models.TokenKey: [
        *(uuid.UUID(int=number) for number in (0, 1, 2**64, 2**127, 2**128 - 1)),
        uuid.UUID("1ec9414c-232a-6b00-b3c8-9e6bdeced846"),
        uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
        uuid.UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        uuid.UUID("017f22e2-79b1-7cc3-88c4-dc0c0c07398f"),
    ],
    models.TextKey: ["", "B", "a", "A b", "c", "äx", "zz", "9", "10", "e", "%s", "it's", "\\", "日本"],
    models.DayKey: [date(1, 1, 1), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31)],
    models.MomentKey: [NOON + timedelta(microseconds=step) for step in (0, 1, 10, 100000, 345000, 10**6, -1)],
    models.DecimalKey: [Decimal(text) for text in ("-1.5", "0", "0.001", "999999.999", "0.1", "10")],
}


@pytest.mark.parametrize("model", KEYS, ids=lambda model: model.__name__)
def test_each_type_of_key(database: str, model: type[Model]) -> None:
    model.objects.using(database).bulk_create(model(pk=key) for key in KEYS[model])
    rows = model.objects.using(database)
    expected = list(rows.order_by("pk"))
    assert len(expected) == len(KEYS[model])
    if model not in (models.TextKey, models.TokenKey):
        assert [row.pk for row in expected] == sorted(KEYS[model])
    for size in (1, 2, 100):
        assert list(keyset_iterator(rows, size)) == expected
        assert list(keyset_iterator(rows, size, reverse=True)) == expected[::-1]
        assert list(keyset_iterator(rows.values_list("pk", flat=True), size)) == [row.pk for row in expected]
        assert list(keyset_iterator(rows.order_by("-pk").values("id"), size)) == [
            {"id": row.pk} for row in expected[::-1]
        ]
    for number, row in enumerate(expected, 1):
        assert list(keyset_iterator(rows, after=row.pk)) == expected[number:]
        assert list(keyset_iterator(rows, after=(row.pk,), reverse=True)) == expected[: number - 1][::-1]


@pytest.mark.parametrize("model", KEYS, ids=lambda model: model.__name__)
def test_a_position_can_be_written_down_as_text(database: str, model: type[Model]) -> None:
    model.objects.using(database).bulk_create(model(pk=key) for key in KEYS[model])
    rows = model.objects.using(database)
    walk = keyset_iterator(rows, 2)
    left = len(KEYS[model])
    for _ in walk:
        left -= 1
        position = walk.position
        text = position.isoformat() if isinstance(position, datetime) else json.dumps(position, cls=DjangoJSONEncoder)
        again = text if isinstance(position, datetime) else json.loads(text)
        assert len(list(keyset_iterator(rows, after=again))) == left


def test_letters_that_a_collation_does_not_tell_apart(database: str) -> None:
    if database != "sqlite":
        with connections[database].cursor() as cursor:
            if database == "postgresql":
                cursor.execute(
                    "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
                )
                cursor.execute("ALTER TABLE shop_anything ALTER text TYPE varchar(40) COLLATE blind")
    things = Anything.objects.using(database)
    pick = random.Random(4).choice
    things.bulk_create(Anything(text=pick(["a", "A", "á", "b", "B ", "B", "a "])) for _ in range(40))
    for order in ("text", "-text"):
        assert list(keyset_iterator(things.order_by(order), 3)) == list(
            things.order_by(order, "-pk" if "-" in order else "pk")
        )


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_values_in_a_form_that_django_does_not_write(database: str) -> None:
    """Now() of Django writes milliseconds on SQLite, which Django reads back as a time that it writes otherwise."""
    things = Anything.objects.using(database)
    things.bulk_create(Anything(moment=NOON, day=NOON.date(), clock=NOON.time(), decimal="1.100") for _ in range(12))
    with connections[database].cursor() as cursor:
        cursor.execute(
            "UPDATE shop_anything SET moment = '2024-03-01 12:00:00.345', clock = '12:00', decimal = 1.1 * 1.1"
        )
    for order in ("moment", "-moment", "clock", "decimal", "-decimal"):
        direction = "-pk" if "-" in order else "pk"
        walk = keyset_iterator(things.order_by(order), 5)
        expected = list(things.order_by(direction))
        for number, _ in enumerate(walk, 1):
            assert list(keyset_iterator(things.order_by(order), 5, after=walk.position)) == expected[number:]
        assert number == 12


def test_a_place_given_as_a_value_of_the_field(database: str) -> None:
    things = Anything.objects.using(database)
    things.bulk_create(
        Anything(moment=NOON + timedelta(hours=hour // 2), decimal=Decimal(hour // 2), flag=hour > 5)
        for hour in range(8)
    )
    for order in ("moment", "decimal", "flag"):
        rows = list(things.order_by(order, "pk"))
        for number, row in enumerate(rows, 1):
            after = (getattr(row, order), row.pk)
            assert list(keyset_iterator(things.order_by(order), 3, after=after)) == rows[number:]
            again = (after[0].isoformat() if order == "moment" else after[0], after[1])
            assert list(keyset_iterator(things.order_by(order), 3, after=list(again))) == rows[number:]


def test_a_place_may_be_one_where_no_row_is(database: str) -> None:
    models.IntegerKey.objects.using(database).bulk_create(models.IntegerKey(pk=key) for key in (1, 5, 9))
    rows = models.IntegerKey.objects.using(database)
    assert [row.pk for row in keyset_iterator(rows, after=4)] == [5, 9]
    assert [row.pk for row in keyset_iterator(rows, after=4, reverse=True)] == [1]
    assert [row.pk for row in keyset_iterator(rows, after=0)] == [1, 5, 9]
    assert list(keyset_iterator(rows, after=9)) == []


@pytest.fixture
def seats(database: str) -> Any:
    """Twelve seats of two halls, of a model with a composite primary key."""
    if django.VERSION < (5, 2):
        pytest.skip(f"{NOT_TESTED}composite primary keys: Django {django.__version__} has none, they came with 5.2")
    halls = [City.objects.using(database).create(name=name) for name in "xy"]
    models.Seat.objects.using(database).bulk_create(
        models.Seat(hall=hall, row=row, number=number, price=number % 2)
        for hall in reversed(halls)
        for row in "ba"
        for number in (-1, 2, 0)
    )
    return models.Seat.objects.using(database)


def test_composite_keys(seats: Any) -> None:
    expected = list(seats.order_by("hall_id", "row", "number"))
    assert len(expected) == 12
    for size in (1, 5, 20):
        assert list(keyset_iterator(seats, size)) == expected
        assert list(keyset_iterator(seats, size, reverse=True)) == expected[::-1]
        assert list(keyset_iterator(seats.order_by("-pk"), size)) == expected[::-1]
        assert list(keyset_iterator(seats.order_by(F("pk").desc()), size)) == expected[::-1]
        assert list(keyset_iterator(seats.values_list("pk", flat=True), size)) == [seat.pk for seat in expected]
        assert list(keyset_iterator(seats.values("price"), size)) == [{"price": seat.price} for seat in expected]
        assert list(keyset_iterator(seats.values("pk", "price").distinct(), size)) == [
            {"pk": seat.pk, "price": seat.price} for seat in expected
        ]
    for order in (("price",), ("-price", "number"), ("-number", "hall"), ("row", "-number", "-hall_id", "price")):
        walked = list(keyset_iterator(seats.order_by(*order), 5))
        total = ["-hall__name" if name == "hall" else name for name in order]
        rest = [name for name in ("hall_id", "row", "number") if not {name, f"-{name}"} & set(order)]
        sign = "-" if total[-1].startswith("-") else ""
        assert walked == list(seats.order_by(*total, *(sign + name for name in rest))), order


def test_the_position_of_a_composite_key(seats: Any) -> None:
    chunks = keyset_chunks(seats, 5)
    last = next(chunks)[-1]
    assert chunks.position == last.pk == (last.hall_id, last.row, last.number)
    assert list(keyset_iterator(seats, after=last.pk)) == list(seats.order_by("pk"))[5:]
    with pytest.raises(KeysetError, match="must have 3 values"):
        keyset_iterator(seats, after=1)
