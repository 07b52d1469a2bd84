"""What a walk gives are the rows of a plain loop: their form, what they hold, and what was asked of the database."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from django.db import connections, router
from django.db.models import Count, F, Prefetch, QuerySet
from django.db.models.functions import Lower
from django.db.models.query import ModelIterable
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from flake8_djq.keyset import keyset_chunks, keyset_iterator
from tests.keyset.shop.models import Author, Book, Card, Chapter, City, Novel, Tag


@pytest.fixture
def books(database: str) -> QuerySet[Book]:
    """Nine books of three authors."""
    city = City.objects.using(database).create(name="Rome")
    for name in "CAB":
        author = Author.objects.using(database).create(name=name, email=f"{name}@example.org", city=city)
        for number in range(3):
            book = Book.objects.using(database).create(title=f"{name}{number}", author=author, pages=number)
            book.tags.set([Tag.objects.using(database).create(name="t"), Tag.objects.using(database).create(name="u")])
    return Book.objects.using(database)


FORMS = {
    "values": lambda books: books.values("title", "pages"),
    "values of everything": lambda books: books.values(),
    "values with the key": lambda books: books.values("pages", "id"),
    "values with pk": lambda books: books.values("pk", "title"),
    "values across a relation": lambda books: books.values("author__name"),
    "values with an expression": lambda books: books.values("pages", low=Lower("title")),
    "values and annotate": lambda books: books.values("title").annotate(more=F("pages") + 1),
    "annotate and values": lambda books: books.annotate(more=F("pages") + 1).values("more", "title"),
    "values with extra": lambda books: books.extra(select={"one": "1"}).values("title", "one"),
    "values of everything with extra": lambda books: books.extra(select={"one": "1"}).annotate(two=F("pages")).values(),
    "tuples": lambda books: books.values_list("title", "pages"),
    "tuples of everything": lambda books: books.values_list(),
    "tuples with the key": lambda books: books.values_list("title", "pk"),
    "tuples in an order of their own": lambda books: books.annotate(more=F("pages")).values_list("more", "title", "id"),
    "tuples and annotate": lambda books: books.values_list("title").annotate(more=F("pages") + 1),
    "tuples with an expression": lambda books: books.values_list("pages", Lower("title")),
    "tuples with a name twice": lambda books: books.values_list("title", "title"),
    "tuples with extra": lambda books: books.extra(select={"one": "1"}).values_list("title", "one"),
    "flat": lambda books: books.values_list("title", flat=True),
    "flat keys": lambda books: books.values_list("pk", flat=True),
    "flat annotation": lambda books: books.annotate(more=F("pages")).values_list("more", flat=True),
    "named": lambda books: books.values_list("title", "pages", named=True),
    "named with the key": lambda books: books.values_list("pages", "pk", named=True),
    "named, of everything": lambda books: books.values_list(named=True),
    "named and annotate": lambda books: books.values_list("title", named=True).annotate(more=F("pages")),
    "groups with a key": lambda books: books.values("pk", "title").annotate(count=Count("tags")),
    "counts as values": lambda books: books.annotate(count=Count("tags")).values("title", "count"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", [("pk",), ("-pages", "pk"), ("author__name", "title", "pk")])
def test_rows_of_values_keep_their_form(books: QuerySet[Book], form: str, order: tuple[str, ...]) -> None:
    queryset = FORMS[form](books).order_by(*order)
    expected = list(queryset)
    rows = list(keyset_iterator(queryset, 2))
    assert rows == expected
    assert {type(row) for row in rows} == {type(row) for row in expected}
    assert [getattr(row, "_fields", None) for row in rows] == [getattr(row, "_fields", None) for row in expected]
    assert [list(row) if isinstance(row, dict) else None for row in rows] == [
        list(row) if isinstance(row, dict) else None for row in expected
    ]


def test_an_order_by_a_count_keeps_the_groups_of_values(books: QuerySet[Book]) -> None:
    books[2].tags.clear()
    queryset = books.annotate(count=Count("tags")).values("title").order_by("count", "pk")
    assert list(keyset_iterator(queryset, 2)) == list(queryset)


def test_models_carry_nothing_hidden(books: QuerySet[Book]) -> None:
    plain = books.order_by("author__name", "title", "pk").get(title="A1")
    walked = next(row for row in keyset_iterator(books.order_by("author__name", "title"), 2) if row == plain)
    assert vars(walked).keys() == vars(plain).keys()


def test_names_that_the_user_has_taken_are_kept(books: QuerySet[Book]) -> None:
    queryset = books.annotate(keyset_position_0=F("pages")).order_by("title")
    assert [row.keyset_position_0 for row in keyset_iterator(queryset, 4)] == [0, 1, 2] * 3


@pytest.mark.parametrize("order", [("pk",), ("title",), ("author__name", "-pages")])
def test_each_chunk_is_one_query_and_a_short_one_the_last(books: QuerySet[Book], order: tuple[str, ...]) -> None:
    def queries(count: int, queryset: Any = books.order_by(*order)) -> int:
        with CaptureQueriesContext(connections[books.db]) as queries:
            rows = list(keyset_iterator(queryset, count))
        assert len(rows) == 9
        return len(queries)

    assert [queries(count) for count in (1, 4, 8, 9, 10)] == [10, 3, 2, 2, 1]
    assert queries(5, books.only("pages").order_by(*order)) == 2
    assert queries(5, books.defer("title").order_by(*order)) == 2


def test_a_walk_asks_nothing_before_its_first_row(books: QuerySet[Book]) -> None:
    with CaptureQueriesContext(connections[books.db]) as queries:
        walk = keyset_iterator(books.order_by("title"), 4, after=("A1", 1))
        chunks = keyset_chunks(books, 4)
    assert len(queries) == 0
    with CaptureQueriesContext(connections[books.db]) as queries:
        next(walk)
        next(chunks)
    assert len(queries) == 2


def test_only_and_defer_load_nothing_later(books: QuerySet[Book]) -> None:
    with CaptureQueriesContext(connections[books.db]) as queries:
        for book in keyset_iterator(books.only("pages").order_by("author__name", "title"), 4):
            assert book.get_deferred_fields() == {"title", "author_id", "price", "blurb"}
        for book in keyset_iterator(books.defer("title").order_by("title"), 4):
            assert book.get_deferred_fields() == {"title"}
    assert len(queries) == 6


def test_relations_are_loaded_with_each_chunk(books: QuerySet[Book]) -> None:
    queryset = books.select_related("author__city").prefetch_related(
        "tags", Prefetch("chapters", Chapter.objects.order_by("-number"), to_attr="last")
    )
    for book in books:
        book.chapters.create(number=1)
    with CaptureQueriesContext(connections[books.db]) as queries:
        seen = [
            (book.author.city.name, len(book.tags.all()), [chapter.number for chapter in book.last])
            for book in keyset_iterator(queryset.order_by("author__name"), 4)
        ]
    assert seen == [("Rome", 2, [1])] * 9
    assert len(queries) == 3 * 3


def test_annotations_are_kept(books: QuerySet[Book]) -> None:
    queryset = books.annotate(count=Count("tags"), low=Lower("title")).order_by("count", "low")
    assert [(row.count, row.low) for row in keyset_iterator(queryset, 4)] == [
        (2, letter + digit) for letter in "abc" for digit in "012"
    ]


def test_known_objects_of_a_related_manager_are_kept(books: QuerySet[Book]) -> None:
    author = Author.objects.using(books.db).get(name="A")
    with CaptureQueriesContext(connections[books.db]) as queries:
        assert all(book.author is author for book in keyset_iterator(author.book_set.order_by("title"), 2))
    assert len(queries) == 2


def test_related_managers_of_many_to_many_relations(books: QuerySet[Book]) -> None:
    book = books[4]
    assert list(keyset_iterator(book.tags, 1)) == list(book.tags.order_by("pk"))
    tag = book.tags.first()
    assert list(keyset_iterator(tag.book_set.filter(pages__gte=0), 1)) == [book]
    assert list(keyset_iterator(tag.book_set.order_by("author__name"), 1)) == [book]


def test_a_filter_on_a_unique_row_of_a_relation_gives_rows_once(books: QuerySet[Book]) -> None:
    for book in books:
        book.chapters.create(number=1)
        book.chapters.create(number=2)
    assert len(list(keyset_iterator(books.filter(chapters__number=1), 4))) == 9


def test_distinct_rows_across_a_relation(books: QuerySet[Book]) -> None:
    queryset = books.filter(tags__name__in=["t", "u"]).distinct()
    assert list(keyset_iterator(queryset.order_by("author__name", "-title"), 2)) == list(
        queryset.order_by("author__name", "-title")
    )
    assert list(keyset_iterator(queryset.values("id", "pages").order_by("title"), 2)) == list(
        queryset.order_by("pk").values("id", "pages").order_by("title")
    )
    grouped = books.filter(tags__name__in=["t", "u"]).annotate(count=Count("tags"))
    assert [book.count for book in keyset_iterator(grouped, 2)] == [2] * 9


def test_children_of_models_with_tables_of_their_own(books: QuerySet[Book]) -> None:
    for title in "zyx":
        Novel.objects.using(books.db).create(title=title, genre="g")
    novels = Novel.objects.using(books.db)
    assert [novel.title for novel in keyset_iterator(novels, 1)] == ["x", "y", "z"]
    assert [novel.title for novel in keyset_iterator(novels.order_by("pk"), 2)] == ["z", "y", "x"]
    assert [novel.title for novel in keyset_iterator(novels.order_by("-id"), 2)] == ["x", "y", "z"]
    assert list(keyset_iterator(novels.order_by("title").values_list("title", flat=True), 2)) == ["x", "y", "z"]
    assert [book.novel.genre for book in keyset_iterator(books.filter(novel__genre="g").select_related("novel"), 1)]


def test_a_relation_as_primary_key(books: QuerySet[Book]) -> None:
    for author in Author.objects.using(books.db):
        Card.objects.using(books.db).create(author=author, number=-author.pk)
    cards = Card.objects.using(books.db)
    assert list(keyset_iterator(cards, 2)) == list(cards.order_by("author_id"))
    assert list(keyset_iterator(cards.order_by("author"), 2)) == list(cards.order_by("author__name"))
    assert list(keyset_iterator(cards.order_by("number").values_list("number"), 2)) == list(
        cards.order_by("number").values_list("number")
    )
    walk = keyset_chunks(cards, 1)
    assert next(walk)[0].pk == walk.position
    assert len(list(keyset_iterator(cards, after=walk.position))) == 2


def test_rows_are_locked_chunk_by_chunk(books: QuerySet[Book]) -> None:
    with CaptureQueriesContext(connections[books.db]) as queries:
        assert len(list(keyset_iterator(books.select_for_update().order_by("title"), 4))) == 9
    if books.db != "sqlite":
        assert all("FOR UPDATE" in query["sql"] for query in queries)
    assert len(queries) == 3


def test_locking_rows_needs_a_transaction(shared: str) -> None:
    if shared == "sqlite":
        assert list(keyset_iterator(Book.objects.using(shared).select_for_update())) == []
        return
    with pytest.raises(TransactionManagementError):
        list(keyset_iterator(Book.objects.using(shared).select_for_update()))


class FirstComeRouter:
    """A router that sends the first query to one database and all later ones elsewhere, as one of replicas may."""

    def __init__(self, first: str) -> None:
        self.answers = iter([first])

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return next(self.answers, "elsewhere")


def test_all_chunks_come_from_one_database(books: QuerySet[Book], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "routers", [FirstComeRouter(books.db)])
    assert len(list(keyset_iterator(Book.objects.all(), 2))) == 9


def test_an_evaluated_queryset_is_asked_anew(books: QuerySet[Book]) -> None:
    assert len(books) == 9
    Book.objects.using(books.db).create(title="new")
    assert len(list(keyset_iterator(books, 4))) == 10


def test_nothing_asks_nothing(books: QuerySet[Book]) -> None:
    with CaptureQueriesContext(connections[books.db]) as queries:
        assert list(keyset_iterator(books.none())) == []
        assert list(keyset_chunks(books.none().order_by("title"))) == []
    assert len(queries) == 0
    assert list(keyset_chunks(books.filter(title="none"))) == []


def test_chunks_are_lists_and_none_is_empty(books: QuerySet[Book]) -> None:
    assert [[book.title for book in chunk] for chunk in keyset_chunks(books.filter(pages__lt=2), 3)] == [
        ["C0", "C1", "A0"],
        ["A1", "B0", "B1"],
    ]


def test_the_position_is_that_of_the_last_row_given(books: QuerySet[Book]) -> None:
    walk = keyset_iterator(books.order_by("-pages"), 4)
    assert walk.position is None
    for book in walk:
        assert walk.position == (book.pages, book.pk)
        book.pages = 99  # What a loop does with its row does not move the walk.
        book.pk = None
    by_key = keyset_iterator(books, 4)
    assert next(by_key).pk == by_key.position
    chunks = keyset_chunks(books, 4)
    assert next(chunks)[-1].pk == chunks.position


def test_rows_that_the_loop_saves_are_given_once(books: QuerySet[Book]) -> None:
    count = 0
    for book in keyset_iterator(books.order_by("title"), 2):
        book.pages += 100
        book.save()
        count += 1
    assert count == 9
    assert set(books.values_list("pages", flat=True)) == {100, 101, 102}


def test_rows_that_the_loop_deletes_are_given_once(books: QuerySet[Book]) -> None:
    assert sum(book.delete()[0] > 0 for book in keyset_iterator(books.order_by("author__name", "-title"), 2)) == 9
    assert not books.exists()


class Skipping(ModelIterable):
    """An iterable that leaves rows out, as those of django-polymorphic do."""

    def __iter__(self) -> Any:
        return (row for row in super().__iter__() if row.pages != 1)


def test_an_iterable_that_leaves_rows_out_does_not_end_the_walk(books: QuerySet[Book]) -> None:
    queryset = books.all()
    queryset._iterable_class = Skipping
    assert len(list(keyset_iterator(queryset, 2))) == 6


def test_at_most_one_chunk_is_held(books: QuerySet[Book]) -> None:
    def alive() -> int:
        return sum(isinstance(thing, Book) for thing in gc.get_objects())

    before = alive()
    most = 0

    def watch(execute: Any, *arguments: Any) -> Any:
        nonlocal most
        most = max(most, alive())
        return execute(*arguments)

    with connections[books.db].execute_wrapper(watch):
        for book in keyset_iterator(books, 3):
            del book
        for books_of_chunk in keyset_chunks(books, 3):
            del books_of_chunk
    assert most <= before
