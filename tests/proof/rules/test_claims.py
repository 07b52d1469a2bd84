"""What the rules say beside their remedies: which remedy would be wrong where, and what fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.databases import SERVERS, django42
from tests.proof.rules.harness import PROOF, Shop, Shops
from tests.proof.rules.pairs import NAMES

Shopping = Callable[[str], Shop]

# The turn in which the claimed loops give up.
ENDLESS = 401
# The rows that the loop goes over which moves them.
MOVED = 510


def test_sqlite_shows_a_stream_the_rows_that_its_loop_has_moved(on: Shopping) -> None:
    shop = on("sqlite")
    assert shop.run("claims/djq101_own_writes_streamed.py").result > MOVED


@pytest.mark.parametrize("name", SERVERS)
def test_servers_show_a_stream_the_rows_as_they_were(name: str, on: Shopping) -> None:
    shop = on(name)
    assert shop.run("claims/djq101_own_writes_streamed.py").result == MOVED


@pytest.mark.parametrize("name", NAMES)
def test_a_walk_by_key_meets_the_rows_that_its_loop_inserts(name: str, on: Shopping) -> None:
    shop = on(name)
    given = {way: shop.run("claims/djq101_inserts.py", way).result for way in ("plain", "stream", "keyset")}
    assert given["plain"] == 250
    assert given["stream"] == (ENDLESS if name == "sqlite" else 250)
    assert given["keyset"] == ENDLESS


@pytest.mark.parametrize("name", NAMES)
def test_a_walk_by_key_meets_again_the_rows_whose_key_its_loop_moves(name: str, on: Shopping) -> None:
    shop = on(name)
    given = {way: shop.run("claims/djq101_moved_key.py", way).result for way in ("plain", "stream", "keyset")}
    assert given["plain"] == 250
    assert given["stream"] == (ENDLESS if name == "sqlite" else 250)
    assert given["keyset"] == ENDLESS


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_keeps_an_order_that_is_total(name: str, on: Shopping) -> None:
    orders = on(name).run("claims/djq101_order.py").result
    for plain, streamed in orders.values():
        assert sorted(plain) == sorted(streamed)
        assert len(plain) == 10_000
    same = {order: plain == streamed for order, (plain, streamed) in orders.items()}
    # PostgreSQL plans a server-side cursor for its first rows: those that no order tells apart may change places there.
    assert same["total"]
    assert name == "postgresql" or all(same.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_bulk_write_in_batches_is_all_or_nothing(name: str, on: Shopping) -> None:
    assert on(name).run("claims/djq108_all_or_nothing.py").result == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_value_in_a_column_is_compared_by_the_rules_of_the_database(name: str, on: Shopping) -> None:
    shop = on(name)
    for value in ("n-42", "N-42 "):
        assert shop.run("before/djq105_value.py", value).result == "new"
        found = shop.run("after/djq105_value.py", value).result
        assert found == ("known" if name == "mariadb" else "new")


@pytest.mark.parametrize("name", NAMES)
def test_a_chunk_of_no_rows_fails(name: str, on: Shopping) -> None:
    assert on(name).run("claims/djq303_none.py").error == "ValueError: Chunk size must be strictly positive."


@pytest.mark.parametrize("name", NAMES)
def test_a_chunk_as_large_as_the_table_saves_little(name: str, on: Shopping) -> None:
    shop = on(name)
    plain, chunk = shop.run("before/djq101_loop.py"), shop.run("claims/djq303_all.py")
    assert chunk.result == plain.result
    assert chunk.megabytes >= 0.6 * plain.megabytes


def test_django_42_ignores_the_prefetch_with_a_warning(shops: Shops) -> None:
    shop = shops.on("sqlite", django42())
    before, after = shop.run("before/djq302_prefetch.py"), shop.run("after/djq302_prefetch.py")
    assert before.result == after.result
    assert before.warnings == [
        "RemovedInDjango50Warning: Using QuerySet.iterator() after prefetch_related() without specifying chunk_size"
        " is deprecated."
    ]
    # One for the orders, and one for the lines of each.
    assert (before.queries, after.queries) == (3001, 3)
    assert after.warnings == []


@pytest.mark.parametrize("way", ["slices", "paginator"])
def test_pages_without_an_order_give_rows_twice_or_never(way: str, on: Shopping) -> None:
    # PostgreSQL writes a changed row to another place, and gives rows as they lie there.
    run = on("postgresql").run("claims/djq403_pages.py", way)
    twice, never = run.result
    assert twice > 1000
    assert never > 1000
    warned = [warning for warning in run.warnings if warning.startswith("UnorderedObjectListWarning: ")]
    assert bool(warned) is (way == "paginator")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["slices in order", "paginator in order"])
def test_pages_in_order_give_each_row_once(name: str, way: str, on: Shopping) -> None:
    run = on(name).run("claims/djq403_pages.py", way)
    assert run.result == [0, 0]
    assert run.warnings == []


def test_the_log_of_statements_is_bounded_by_their_number(on: Shopping) -> None:
    shop = on("sqlite")
    assert shop.run("claims/djq501_many.py", debug_from="before/djq501_batch_settings.py").result == 9000
    assert shop.run("claims/djq501_many.py", debug_from="after/djq501_batch_settings.py").result == 0


@pytest.mark.parametrize("text", ["False", "0", "off"])
def test_the_text_of_a_variable_is_true(text: str, on: Shopping, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = str(PROOF / "claims" / "djq503_settings.py")
    assert on("sqlite").run("claims/djq503_environment.py", settings, text).result is True
    assert on("sqlite").run("claims/djq503_environment.py", settings, None).result is False
