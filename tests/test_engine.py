"""What the engine knows of querysets, as users notice it: each snippet is batch code whose marks are what is found.

A snippet without a mark has to be silent. Those that look for whether something is known to be an unbounded queryset
loop over it, which DJQ101 reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

import pytest

from tests.support import COMMAND, MODELS, expected, findings, places

HEAD = """
from __future__ import annotations
from typing import Optional, Type
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Manager, Q, QuerySet
from django.shortcuts import get_object_or_404
from shop.models import Author, Book, Event, Order
"""


@dataclass(frozen=True)
class Snippet:
    """A text with marks. ``broken`` says what the engine does not do yet; then the test must fail."""

    name: str
    text: str
    path: str = COMMAND
    broken: str = ""


def each(*snippets: Snippet) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "snippet",
        [
            pytest.param(
                snippet,
                id=snippet.name,
                marks=pytest.mark.xfail(strict=True, reason=snippet.broken) if snippet.broken else (),
            )
            for snippet in snippets
        ],
    )


def check(snippet: Snippet) -> None:
    text = HEAD + dedent(snippet.text)
    assert places(text, snippet.path) == expected(text)


@each(
    Snippet("inline", "for book in Book.objects.all():  # DJQ101\n    send(book)"),
    Snippet("manager is no queryset", "for book in Book.objects:\n    send(book)"),
    Snippet(
        "variable",
        """
        def work():
            books = Book.objects.filter(active=True)
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "chain of variables",
        """
        def work():
            books = Book.objects.all()
            active = books.filter(active=True)
            ordered = active.order_by("pk")
            for book in ordered:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "manager in a variable",
        """
        def work():
            manager = Book.objects
            for book in manager.all():  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "bound method",
        """
        def work():
            select = Book.objects.filter
            for book in select(active=True):
                send(book)
        """,
    ),
    Snippet(
        "two targets",
        """
        def work():
            first = second = Book.objects.all()
            for book in second:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "annotated",
        """
        def work():
            books: QuerySet[Book] = Book.objects.all()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "augmented",
        """
        def work():
            books = Book.objects.filter(active=True)
            books |= Book.objects.filter(price=0)
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "combined",
        """
        def work():
            for book in Book.objects.filter(active=True) | Book.objects.filter(price=0):  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "slice",
        """
        def work():
            for book in Book.objects.all()[:100]:
                send(book)
        """,
    ),
    Snippet(
        "slice without stop",
        """
        def work():
            for book in Book.objects.all()[1:]:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "slice by a variable",
        """
        def work(limit):
            for book in Book.objects.all()[:limit]:
                send(book)
        """,
    ),
    Snippet(
        "slice stop none",
        """
        def work():
            for book in Book.objects.all()[5:None]:  # DJQ101
                send(book)
        """,
    ),
)
def test_assignment(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "to a row",
        """
        def work():
            book = Book.objects.all()
            book = book.first()
            for page in book:
                send(page)
        """,
    ),
    Snippet(
        "to a list",
        """
        def work():
            books = Book.objects.all()
            books = [1, 2, 3]
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "to something unknown",
        """
        def work():
            books = Book.objects.all()
            books = fetch(3)
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "to a queryset",
        """
        def work(books):
            books = []
            books = Book.objects.all()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "to a slice of itself",
        """
        def work():
            books = Book.objects.all()
            books = books[:10]
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "by a loop target",
        """
        def work(by_author):
            books = Book.objects.all()
            for author, books in by_author.items():
                for book in books:
                    send(book)
        """,
    ),
    Snippet(
        "by a with",
        """
        def work():
            books = Book.objects.all()
            with opened() as books:
                for book in books:
                    send(book)
        """,
    ),
    Snippet(
        "by an except",
        """
        def work():
            books = Book.objects.all()
            try:
                risky()
            except ValueError as books:
                for book in books:
                    send(book)
        """,
    ),
    Snippet(
        "by an import",
        """
        def work():
            books = Book.objects.all()
            from shop.data import books
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "by del",
        """
        def work():
            books = Book.objects.all()
            del books
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "by a nested function",
        """
        def work():
            books = Book.objects.all()
            def books():
                return 1
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "by a parameter of the same name",
        """
        books = Book.objects.all()

        def work(books):
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "by a match pattern",
        """
        def work(thing):
            books = Book.objects.all()
            match thing:
                case [books, _]:
                    for book in books:
                        send(book)
        """,
    ),
    Snippet(
        "by a star target",
        """
        def work(rows):
            books = Book.objects.all()
            first, *books = rows
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "by global",
        """
        books = Book.objects.all()
        books = []

        def work():
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "global assigned in a function",
        """
        books = Book.objects.all()

        def set_up():
            global books
            books = []

        def work():
            for book in books:
                send(book)
        """,
    ),
)
def test_rebinding(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "limit on one path",
        """
        def work(limit=0):
            books = Book.objects.all()
            if limit:
                books = books[:limit]
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "limit on both paths",
        """
        def work(limit=0):
            books = Book.objects.all()
            if limit:
                books = books[:limit]
            else:
                books = books[:100]
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "limit in a conditional expression",
        """
        def work(limit=0):
            books = Book.objects.all()
            books = books[:limit] if limit else books
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "key on one path",
        """
        def work(pk=None):
            books = Book.objects.all()
            if pk is not None:
                books = books.filter(pk=pk)
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "key on one path, otherwise return",
        """
        def work(pk=None):
            books = Book.objects.all()
            if pk is None:
                return
            books = books.filter(pk=pk)
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "queryset on one path, list on the other",
        """
        def work(rows):
            if rows:
                books = rows
            else:
                books = Book.objects.all()
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "queryset on one path, none on the other",
        """
        def work(flag):
            books = None
            if flag:
                books = Book.objects.all()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "three branches",
        """
        def work(kind):
            if kind == 1:
                books = Book.objects.filter(active=True)
            elif kind == 2:
                books = Book.objects.filter(active=False)
            else:
                books = Book.objects.none()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "unknown in one of three branches",
        """
        def work(kind):
            if kind == 1:
                books = Book.objects.filter(active=True)
            elif kind == 2:
                books = chosen(kind)
            else:
                books = Book.objects.all()
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "branch that leaves",
        """
        def work(kind):
            books = Book.objects.all()
            if kind:
                books = chosen(kind)
                return books
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "default for a missing parameter",
        """
        def work(books=None):
            if books is None:
                books = Book.objects.all()
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "match",
        """
        def work(kind):
            match kind:
                case 1:
                    books = Book.objects.filter(active=True)
                case _:
                    books = Book.objects.all()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "match in a case",
        """
        def work(kind):
            books = Book.objects.all()
            match kind:
                case 1:
                    books = books[:10]
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "or with a queryset",
        """
        def work(books=None):
            for book in books or Book.objects.all():
                send(book)
        """,
    ),
    Snippet(
        "none()",
        """
        def work():
            for book in Book.objects.none():
                send(book)
        """,
    ),
)
def test_branches(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "narrowed in the body",
        """
        def work(words):
            books = Book.objects.all()
            for word in words:
                books = books.filter(title__contains=word)
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "limited in the body, which may not run",
        """
        def work(limits):
            books = Book.objects.all()
            for limit in limits:
                books = books[:limit]
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "assigned before break",
        """
        def work(kinds):
            books = []
            for kind in kinds:
                books = Book.objects.filter(kind=kind)
                break
            else:
                books = Book.objects.all()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "else of a loop",
        """
        def work(kinds):
            for kind in kinds:
                send(kind)
            else:
                for book in Book.objects.all():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "while",
        """
        def work():
            while pending():
                for book in Book.objects.all():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "drain",
        """
        def work():
            while rows := list(Book.objects.filter(active=False)[:500]):
                delete(rows)
        """,
    ),
    Snippet(
        "drain without walrus",
        """
        def work():
            while True:
                rows = list(Book.objects.filter(active=False)[:500])
                if not rows:
                    break
                delete(rows)
        """,
    ),
    Snippet(
        "window over keys",
        """
        def work(last, step):
            for start in range(0, last, step):
                for book in Book.objects.filter(id__gte=start, id__lt=start + step):
                    send(book)
        """,
    ),
    Snippet(
        "children of each row",
        """
        def work():
            for author in Author.objects.iterator(chunk_size=2000):
                for book in author.books.all():
                    send(book)
        """,
    ),
    Snippet(
        "children of one parent by a lookup",
        """
        def work():
            for author in Author.objects.iterator(chunk_size=2000):
                for book in Book.objects.filter(author=author):
                    send(book)
        """,
    ),
    Snippet(
        "code behind an endless loop",
        """
        def work():
            while True:
                tick()
            for book in Book.objects.all():
                send(book)
        """,
    ),
    Snippet(
        "models in a tuple",
        """
        def work():
            for model in (Author, Book):
                for row in model.objects.all():  # DJQ101
                    send(row)
        """,
    ),
    Snippet(
        "querysets in a tuple",
        """
        def work():
            for rows in (Author.objects.all(), Book.objects.all()):
                for row in rows:  # DJQ101
                    send(row)
        """,
    ),
    Snippet(
        "models by label",
        """
        def work():
            for label, model in [("a", Author), ("b", Book)]:
                for row in model.objects.all():  # DJQ101
                    send(row)
        """,
    ),
)
def test_loops(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "with",
        """
        def work():
            with locked():
                books = Book.objects.all()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "inside a with",
        """
        def work():
            with locked(), opened("x") as file:
                for book in Book.objects.all():  # DJQ101
                    file.write(book)
        """,
    ),
    Snippet(
        "try",
        """
        def work():
            try:
                books = Book.objects.all()
            except ValueError:
                return
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "limit in a try",
        """
        def work(text):
            books = Book.objects.all()
            try:
                books = books[:int(text)]
            except ValueError:
                pass
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "list in a handler",
        """
        def work(text):
            try:
                books = Book.objects.filter(price=int(text))
            except ValueError:
                books = []
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "inside except and finally",
        """
        def work():
            try:
                risky()
            except ValueError:
                for book in Book.objects.filter(active=True):  # DJQ101
                    send(book)
            else:
                for book in Book.objects.filter(active=False):  # DJQ101
                    send(book)
            finally:
                for book in Book.objects.all():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "finally after return",
        """
        def work():
            try:
                return risky()
            finally:
                for book in Book.objects.all():  # DJQ101
                    send(book)
        """,
    ),
)
def test_with_and_try(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet("list", "def work():\n    return [send(book) for book in Book.objects.all()]  # DJQ101"),
    Snippet("set", "def work():\n    return {send(book) for book in Book.objects.all()}  # DJQ101"),
    Snippet("dict", "def work():\n    return {book.pk: 1 for book in Book.objects.all()}  # DJQ101"),
    Snippet("generator", "def work():\n    return sum(book.price for book in Book.objects.all())  # DJQ101"),
    Snippet("bounded", "def work():\n    return [send(book) for book in Book.objects.all()[:10]]"),
    Snippet(
        "second for",
        """
        def work(kinds):
            return [book for kind in kinds for book in Book.objects.filter(kind__gt=kind)]  # DJQ101
        """,
    ),
    Snippet(
        "target does not leak",
        """
        def work(groups):
            books = Book.objects.all()
            sizes = [len(books) for books in groups]
            for book in books:  # DJQ101
                send(book, sizes)
        """,
    ),
    Snippet(
        "target hides",
        """
        def work(groups):
            books = Book.objects.all()
            return [send(book) for books in groups for book in books]
        """,
    ),
    Snippet(
        "children of each row",
        """
        def work():
            return [book for author in Author.objects.iterator(chunk_size=2000) for book in author.books.all()]
        """,
    ),
    Snippet(
        "any all sum min max",
        """
        def work():
            any(Book.objects.values_list("active", flat=True))  # DJQ101
            max(Book.objects.values_list("price", flat=True))  # DJQ101
        """,
    ),
    Snippet(
        "wrappers",
        """
        def work():
            for number, book in enumerate(Book.objects.all()):  # DJQ101
                send(book)
            for book, event in zip(Book.objects.filter(a=1), Event.objects.filter(a=1)):  # DJQ101 DJQ101
                send(book)
            for title in map(str, Book.objects.filter(a=2)):  # DJQ101
                send(title)
        """,
    ),
    Snippet("yield from", "def work():\n    yield from Book.objects.all()  # DJQ101"),
)
def test_comprehensions_and_what_loops(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "walrus",
        """
        def work():
            if (books := Book.objects.all()) is not None:
                for book in books:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "walrus in a loop head",
        """
        def work():
            for book in (books := Book.objects.all()):  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "walrus rebinds",
        """
        def work():
            books = Book.objects.all()
            send(books := [])
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "tuple targets",
        """
        def work():
            books, authors = Book.objects.all(), Author.objects.all()[:5]
            for book in books:  # DJQ101
                send(book)
            for author in authors:
                send(author)
        """,
    ),
    Snippet(
        "swap",
        """
        def work():
            few, many = Book.objects.all()[:5], Book.objects.all()
            few, many = many, few
            for book in few:  # DJQ101
                send(book)
            for book in many:
                send(book)
        """,
    ),
    Snippet(
        "tuple from a function",
        """
        def pair():
            return Book.objects.all(), 3

        def work():
            books, number = pair()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "get_or_create",
        """
        def work():
            author, created = Author.objects.get_or_create(name="x")
            for book in author.books.all():
                send(book)
        """,
    ),
    Snippet(
        "nested targets",
        """
        def work():
            (books, limit), flag = (Book.objects.all(), 3), True
            for book in books:  # DJQ101
                send(book)
        """,
    ),
)
def test_walrus_and_tuples(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "function",
        """
        def active():
            return Book.objects.filter(active=True)

        def work():
            for book in active():  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "defined below",
        """
        def work():
            for book in active():  # DJQ101
                send(book)

        def active():
            return Book.objects.filter(active=True)
        """,
    ),
    Snippet(
        "bounded",
        """
        def newest():
            return Book.objects.order_by("-pk")[:10]

        def work():
            for book in newest():
                send(book)
        """,
    ),
    Snippet(
        "chained on",
        """
        def active():
            return Book.objects.filter(active=True)

        def work():
            for book in active().order_by("pk"):  # DJQ101
                send(book)
            for book in active()[:5]:
                send(book)
        """,
    ),
    Snippet(
        "through two functions",
        """
        def active():
            return Book.objects.filter(active=True)

        def cheap():
            return active().filter(price__lt=5)

        def work():
            for book in cheap():  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "with a variable and branches",
        """
        def chosen(active=None):
            books = Book.objects.all()
            if active is not None:
                books = books.filter(active=active)
            return books

        def work():
            for book in chosen():  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "list on one path",
        """
        def chosen(flag):
            if flag:
                return []
            return Book.objects.all()

        def work():
            for book in chosen(True):
                send(book)
        """,
    ),
    Snippet(
        "list of a queryset",
        """
        def loaded():
            return list(Book.objects.all()[:10])

        def work():
            for book in loaded():
                send(book)
        """,
    ),
    Snippet(
        "generator",
        """
        def walk():
            for book in Book.objects.iterator(chunk_size=2000):
                yield book

        def work():
            for book in walk():
                send(book)
        """,
    ),
    Snippet(
        "calls itself",
        """
        def deeper(depth):
            return deeper(depth - 1) if depth else Book.objects.all()

        def work():
            for book in deeper(3):
                send(book)
        """,
    ),
    Snippet(
        "passed in by a caller",
        """
        def export(rows):
            for row in rows:  # DJQ101
                send(row)

        def work():
            export(Book.objects.all())
        """,
    ),
    Snippet(
        "passed in by keyword",
        """
        def export(*, rows, label):
            for row in rows:  # DJQ101
                send(row, label)

        def work():
            export(label="x", rows=Book.objects.all())
        """,
    ),
    Snippet(
        "passed in by two callers, one bounded",
        """
        def export(rows):
            for row in rows:  # DJQ101
                send(row)

        def work():
            export(Book.objects.all())
            export(Book.objects.all()[:10])
        """,
    ),
    Snippet(
        "passed in by two callers, one with a list",
        """
        def export(rows):
            for row in rows:
                send(row)

        def work(others):
            export(Book.objects.all())
            export(others)
        """,
    ),
    Snippet(
        "method",
        """
        class Command:
            def books(self):
                return Book.objects.all()

            def handle(self):
                for book in self.books():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "inherited method",
        """
        class Base:
            def books(self):
                return Book.objects.all()

        class Command(Base):
            def handle(self):
                for book in self.books():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "overridden method",
        """
        class Base:
            def books(self):
                return Book.objects.all()

        class Command(Base):
            def books(self):
                return Book.objects.all()[:10]

            def handle(self):
                for book in self.books():
                    send(book)
        """,
    ),
    Snippet(
        "class method and static method",
        """
        class Command:
            @classmethod
            def books(cls):
                return Book.objects.all()

            @staticmethod
            def authors():
                return Author.objects.all()

            def handle(self):
                for book in self.books():  # DJQ101
                    send(book)
                for author in Command.authors():  # DJQ101
                    send(author)
        """,
    ),
    Snippet(
        "property",
        """
        class Command:
            @property
            def books(self):
                return Book.objects.all()

            def handle(self):
                for book in self.books:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "method of another object",
        """
        class Shelf:
            def books(self):
                return Book.objects.all()

        def work(other):
            for book in other.books():
                send(book)
        """,
    ),
    Snippet(
        "instance of a class of the file",
        """
        class Shelf:
            def books(self):
                return Book.objects.all()

        def work():
            shelf = Shelf()
            for book in shelf.books():  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "nested function",
        """
        def work():
            def active():
                return Book.objects.filter(active=True)
            for book in active():  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "loop in a nested function",
        """
        def work():
            def inner():
                for book in Book.objects.all():  # DJQ101
                    send(book)
            inner()
        """,
    ),
)
def test_functions_and_methods(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "class attribute",
        """
        class Command:
            queryset = Book.objects.all()

            def handle(self):
                for book in self.queryset:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "fresh from a class attribute",
        """
        class Command:
            queryset = Book.objects.all()

            def handle(self):
                for book in self.queryset.filter(active=True):  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "self.x from __init__",
        """
        class Export:
            def __init__(self):
                self.books = Book.objects.all()

            def run(self):
                for book in self.books:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "self.x of the same method",
        """
        class Export:
            def run(self):
                self.books = Book.objects.all()
                for book in self.books:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "self.x set to a list elsewhere",
        """
        class Export:
            def __init__(self):
                self.books = Book.objects.all()

            def choose(self, books):
                self.books = books

            def run(self):
                for book in self.books:
                    send(book)
        """,
    ),
    Snippet(
        "self.x bounded elsewhere",
        """
        class Export:
            def __init__(self):
                self.books = Book.objects.all()

            def limit(self):
                self.books = self.books[:10]

            def run(self):
                for book in self.books:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "self.x of an inherited class",
        """
        class Base:
            def __init__(self):
                self.books = Book.objects.all()

        class Export(Base):
            def run(self):
                for book in self.books:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "self.x never assigned",
        """
        class Export:
            def run(self):
                for book in self.books:
                    send(book)
        """,
    ),
    Snippet(
        "get_queryset",
        """
        class Export:
            def get_queryset(self):
                return Book.objects.all()

            def run(self):
                for book in self.get_queryset():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "inherited get_queryset with model",
        """
        from django.views.generic import ListView

        class Export(ListView):
            model = Book

            def run(self):
                for book in self.get_queryset():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "super().get_queryset",
        """
        from django.views.generic import ListView

        class Export(ListView):
            queryset = Book.objects.all()

            def get_queryset(self):
                return super().get_queryset().filter(active=True)

            def run(self):
                for book in self.get_queryset():  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "get_queryset of an unknown base",
        """
        class Export(Something):
            def run(self):
                for book in self.get_queryset():
                    send(book)
        """,
    ),
    Snippet(
        "self.model",
        """
        class Export:
            model = Book

            def run(self):
                for row in self.model.objects.all():  # DJQ101
                    send(row)
        """,
    ),
    Snippet(
        "self.model without a class attribute",
        """
        class Export:
            def run(self):
                for row in self.model.objects.all():  # DJQ101
                    send(row)
                for row in self.model._default_manager.all():  # DJQ101
                    send(row)
        """,
    ),
    Snippet(
        "cls of a model",
        """
        class Parcel(models.Model):
            sent = models.BooleanField()

            @classmethod
            def send_all(cls):
                for parcel in cls.objects.filter(sent=False):  # DJQ101
                    send(parcel)
        """,
    ),
    Snippet(
        "self of a manager",
        """
        class ParcelManager(models.Manager):
            def send_all(self):
                for parcel in self.filter(sent=False):
                    send(parcel)
        """,
    ),
    Snippet(
        "self.model of a manager",
        """
        class ParcelManager(models.Manager):
            def send_all(self):
                for parcel in self.model.objects.all():  # DJQ101
                    send(parcel)
        """,
    ),
)
def test_classes(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet("queryset", "def work(books: QuerySet[Book]):\n    for book in books:  # DJQ101\n        send(book)"),
    Snippet("bare queryset", "def work(books: QuerySet):\n    for book in books:  # DJQ101\n        send(book)"),
    Snippet("dotted", "def work(books: models.QuerySet):\n    for book in books:  # DJQ101\n        send(book)"),
    Snippet("text", "def work(books: 'QuerySet[Book]'):\n    for book in books:  # DJQ101\n        send(book)"),
    Snippet(
        "optional", "def work(books: QuerySet[Book] | None):\n    for book in books:  # DJQ101\n        send(book)"
    ),
    Snippet(
        "Optional", "def work(books: Optional[QuerySet[Book]]):\n    for book in books:  # DJQ101\n        send(book)"
    ),
    Snippet("own class", "def work(books: BookQuerySet):\n    for book in books:  # DJQ101\n        send(book)"),
    Snippet("manager", "def work(books: Manager[Book]):\n    for book in books.all():  # DJQ101\n        send(book)"),
    Snippet(
        "models.Manager", "def work(books: models.Manager):\n    for book in books.all():  # DJQ101\n        send(book)"
    ),
    Snippet("type", "def work(kind: type[Book]):\n    for book in kind.objects.all():  # DJQ101\n        send(book)"),
    Snippet("Type", "def work(kind: Type[Book]):\n    for book in kind.objects.all():  # DJQ101\n        send(book)"),
    Snippet(
        "keyword only", "def work(*, books: QuerySet[Book]):\n    for book in books:  # DJQ101\n        send(book)"
    ),
    Snippet("list", "def work(books: list[Book]):\n    for book in books:\n        send(book)"),
    Snippet("iterable", "def work(books: Iterable[Book]):\n    for book in books:\n        send(book)"),
    Snippet("list of querysets", "def work(books: list[QuerySet]):\n    for book in books:\n        send(book)"),
    Snippet("union with a list", "def work(books: QuerySet | list[Book]):\n    for book in books:\n        send(book)"),
    Snippet("row", "def work(author: Author):\n    for book in author.books.all():\n        send(book)"),
    Snippet(
        "variable",
        """
        def work():
            books: QuerySet[Book] = fetch()
            for book in books:  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "small model",
        """
        from django.contrib.auth.models import Permission

        def work(rows: QuerySet[Permission]):
            for row in rows:
                send(row)
        """,
    ),
    Snippet(
        "another library's",
        """
        from mongoengine.queryset import QuerySet

        def work(rows: QuerySet):
            for row in rows:
                send(row)
        """,
    ),
)
def test_annotations(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "get_model",
        """
        def work():
            Book = apps.get_model("shop", "Book")
            for book in Book.objects.all():  # DJQ101
                send(book)
        """,
    ),
    Snippet(
        "get_model in lower case",
        """
        def work():
            row_class = apps.get_model("shop.Book")
            for row in row_class.objects.all():  # DJQ101
                send(row)
        """,
    ),
    Snippet("get_model inline", "for row in apps.get_model('shop', 'Book').objects.all():  # DJQ101\n    send(row)"),
    Snippet(
        "get_model of a small one",
        """
        def work():
            groups = apps.get_model("auth", "Group")
            for group in groups.objects.all():
                send(group)
        """,
    ),
    Snippet("get_user_model", "for user in get_user_model().objects.all():  # DJQ101\n    send(user)"),
    Snippet(
        "get_user_model in a variable",
        """
        people = get_user_model()

        def work():
            for user in people.objects.all():  # DJQ101
                send(user)
        """,
    ),
    Snippet("lower-case model", "def work(model):\n    for row in model.objects.all():  # DJQ101\n        send(row)"),
    Snippet(
        "model_class", "def work(model_class):\n    for row in model_class.objects.all():  # DJQ101\n        send(row)"
    ),
    Snippet(
        "user_model", "def work(user_model):\n    for row in user_model.objects.all():  # DJQ101\n        send(row)"
    ),
    Snippet("klass", "def work(klass):\n    for row in klass.objects.all():  # DJQ101\n        send(row)"),
    Snippet("lower case", "def work(thing):\n    for row in thing.objects.all():\n        send(row)"),
    Snippet(
        "_default_manager",
        "def work(thing):\n    for row in thing._default_manager.all():  # DJQ101\n        send(row)",
    ),
    Snippet(
        "self.__class__", "def work(self):\n    for row in self.__class__.objects.all():  # DJQ101\n        send(row)"
    ),
    Snippet(
        "type(self)", "def work(self):\n    for row in type(self)._base_manager.all():  # DJQ101\n        send(row)"
    ),
    Snippet(
        "module.Model", "from shop import models as m\n\nfor row in m.Book.objects.all():  # DJQ101\n    send(row)"
    ),
    Snippet("manager of any name", "for row in Book.published.all():  # DJQ101\n    send(row)"),
    Snippet("manager of any name, filter", "for row in Book.published.filter(active=True):  # DJQ101\n    send(row)"),
    Snippet(
        "manager of any name on a lower-case model",
        """
        def work():
            row_class = apps.get_model("shop.Book")
            for row in row_class.published.all():  # DJQ101
                send(row)
        """,
    ),
    Snippet(
        "attribute of something unknown",
        "from shop.tools import Tool\n\nfor row in Tool.published.all():\n    send(row)",
    ),
    Snippet(
        "model in capitals",
        "from shop.models import FAQ\n\nfor row in FAQ.objects.all():  # DJQ101\n    send(row)",
    ),
    Snippet(
        "get_object_or_404",
        """
        def work():
            author = get_object_or_404(Author, pk=1)
            for book in author.books.all():
                send(book)
        """,
    ),
    Snippet(
        "declared manager",
        """
        class Parcel(models.Model):
            sent = models.BooleanField()
            waiting = ParcelManager()

        def work():
            for parcel in Parcel.waiting.all():  # DJQ101
                send(parcel)
            for parcel in Parcel.waiting.get_queryset():  # DJQ101
                send(parcel)
        """,
        MODELS.replace("models", "management/commands/models"),
    ),
    Snippet(
        "custom method of a declared manager",
        """
        class ParcelQuerySet(models.QuerySet):
            def waiting(self):
                return self.filter(sent=False)

            def newest(self):
                return self.order_by("-pk")[:10]

        class Parcel(models.Model):
            sent = models.BooleanField()
            objects = ParcelQuerySet.as_manager()

        def work():
            for parcel in Parcel.objects.waiting():  # DJQ101
                send(parcel)
            for parcel in Parcel.objects.newest():
                send(parcel)
        """,
    ),
    Snippet("unknown custom method", "for row in Book.objects.newest_few():\n    send(row)"),
)
def test_models_and_managers(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "async for",
        """
        async def work():
            async for book in Book.objects.all():  # DJQ101
                await send(book)
        """,
    ),
    Snippet(
        "async comprehension",
        """
        async def work():
            return [book async for book in Book.objects.all()]  # DJQ101
        """,
    ),
    Snippet(
        "aiterator",
        """
        async def work():
            async for book in Book.objects.aiterator(chunk_size=2000):
                await send(book)
            async for book in Book.objects.filter(active=True).aiterator():  # DJQ301
                await send(book)
        """,
    ),
    Snippet(
        "acount",
        """
        async def work():
            if await Book.objects.filter(active=True).acount() > 0:  # DJQ104
                await send(1)
        """,
    ),
    Snippet(
        "aget is a row",
        """
        async def work():
            author = await Author.objects.aget(pk=1)
            async for book in author.books.all():
                await send(book)
        """,
    ),
    Snippet(
        "function that returns a queryset",
        """
        def active():
            return Book.objects.filter(active=True)

        async def work():
            async for book in active():  # DJQ101
                await send(book)
        """,
    ),
    Snippet(
        "abulk_create",
        """
        async def work():
            rows = [Event(book=book) async for book in Book.objects.aiterator(chunk_size=2000)]
            await Event.objects.abulk_create(rows)  # DJQ108
        """,
    ),
    Snippet(
        "async with",
        """
        async def work():
            async with locked():
                books = Book.objects.all()
            async for book in books:  # DJQ101
                await send(book)
        """,
    ),
)
def test_async(snippet: Snippet) -> None:
    check(snippet)


def test_async_loops_are_offered_async_streams() -> None:
    [finding] = findings(
        HEAD + "async def work():\n    async for book in Book.objects.all():\n        await send(book)\n"
    )
    assert finding.message.endswith("stream it: Book.objects.aiterator(chunk_size=2000)")


@each(
    Snippet(
        "boto3",
        "import boto3\n\nbucket = boto3.resource('s3').Bucket('x')\nfor item in bucket.objects.all():\n    send(item)",
    ),
    Snippet("bucket", "def work(bucket):\n    for item in bucket.objects.filter(Prefix='x'):\n        send(item)"),
    Snippet(
        "mongoengine",
        "from mongoengine import Document\n\nclass Page(Document):\n    pass\n\nfor page in Page.objects.all():\n"
        "    send(page)",
    ),
    Snippet(
        "mongoengine elsewhere",
        "import mongoengine\nfrom shop.documents import Page\n\nfor page in Page.objects(live=True):\n    send(page)",
    ),
    Snippet(
        "peewee",
        "from peewee import Model\n\nclass Page(Model):\n    pass\n\nfor page in Page.select():\n    send(page)",
    ),
    Snippet("dict values", "def work(prices):\n    for price in prices.values():\n        send(price)"),
    Snippet("regular expression", "import re\n\nfor match in re.finditer('x', 'xx'):\n    send(match)"),
    Snippet(
        "pandas",
        "import pandas as pd\n\ndef work():\n    frame = pd.read_csv('x')\n"
        "    for row in frame.filter(items=['a']):\n        send(row)",
    ),
    Snippet(
        "list by a name",
        "def work(msg_ids, instances):\n    if 3 in msg_ids and len(instances) > 0 and not instances:\n"
        "        send(sorted(instances))",
    ),
    Snippet("paths", "from pathlib import Path\n\nfor path in Path('.').iterdir():\n    send(path)"),
    Snippet(
        "sessions",
        "def work(session):\n    for row in session.query(Book).filter(Book.price > 3).all():\n        send(row)",
    ),
)
def test_lookalikes(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "second loop over one object",
        """
        def work():
            books = Book.objects.all()
            for book in books:  # DJQ101
                send(book)
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "a clone has no cache",
        """
        def work():
            books = Book.objects.all()[:10]
            for book in books:
                print(book)
            for book in books.all():  # DJQ201
                print(book)
        """,
    ),
    Snippet(
        "two names of one object",
        """
        def work():
            books = Book.objects.all()
            same = books
            for book in books:  # DJQ101
                send(book)
            for book in same:
                send(book)
        """,
    ),
    Snippet(
        "a number decides whether the rows are loaded",
        """
        def work(author_id, moved):
            if moved != Book.objects.filter(author_id=author_id).count():
                for book in Book.objects.filter(author_id=author_id):
                    print(book)
        """,
    ),
    Snippet(
        "count after a loop is free, before it is a query",
        """
        def work(author_id):
            books = Book.objects.filter(author_id=author_id)
            if books.count() > 5:  # DJQ202
                print("many")
            for book in books:
                print(book)
            print(books.count())
        """,
    ),
    Snippet(
        "truth, count, loop: one query",
        """
        def work(author_id):
            books = Book.objects.filter(author_id=author_id)
            if not books:
                return
            print(books.count())
            for book in books:
                send(book)
        """,
    ),
    Snippet(
        "truth, then stream: two",
        """
        def work():
            books = Book.objects.filter(active=True)
            if books:  # DJQ202
                for book in books.iterator(chunk_size=2000):
                    send(book)
        """,
    ),
    Snippet(
        "different branches",
        """
        def work(flag):
            if flag:
                print(Book.objects.filter(active=True).count())
            else:
                print(Book.objects.filter(active=True).count())
        """,
    ),
    Snippet(
        "a write in between",
        """
        def work():
            print(Book.objects.filter(active=True).count())
            Book.objects.filter(price=0).update(active=False)
            print(Book.objects.filter(active=True).count())
        """,
    ),
    Snippet(
        "a rebound name in between",
        """
        def work(first, second):
            price = first
            print(Book.objects.filter(price=price).count())
            price = second
            print(Book.objects.filter(price=price).count())
        """,
    ),
    Snippet(
        "a call of the unknown in between",
        """
        def work():
            print(Book.objects.filter(active=True).count())
            change_everything()
            print(Book.objects.filter(active=True).count())
        """,
    ),
    Snippet(
        "the same query twice",
        """
        def work():
            print(Book.objects.filter(active=True).count())
            print(Book.objects.filter(active=True).count())  # DJQ201
        """,
    ),
    Snippet(
        "random order",
        """
        def work():
            print(Book.objects.order_by("?").first())
            print(Book.objects.order_by("?").first())
        """,
    ),
    Snippet(
        "bulk_update of cached rows",
        """
        def work():
            books = Book.objects.filter(active=True)
            for book in books:
                book.price = 3
            Book.objects.bulk_update(books, ["price"], batch_size=500)
        """,
    ),
    Snippet(
        "raw",
        """
        def work():
            for book in Book.objects.raw("select * from book").iterator():
                send(book)
        """,
    ),
    Snippet(
        "subquery",
        """
        def work():
            books = Book.objects.filter(active=True)
            Event.objects.filter(book__in=books).update(active=True)
        """,
    ),
    Snippet(
        "manager in a truth test",
        """
        def work(pk):
            author = Author.objects.get(pk=pk)
            if Book.objects:  # DJQ104
                send(author)
        """,
    ),
    Snippet(
        "twenty lines below",
        """
        def work():
            for book in (
                Book.objects  # DJQ301
                .filter(active=True)
                .exclude(price=0)
                .order_by("pk")
                .select_related("author")
                .iterator()
            ):
                send(book)
        """,
    ),
)
def test_the_result_cache(snippet: Snippet) -> None:
    check(snippet)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("for book in Book.objects.all():\n    send(book)\n", 12),
        ("x = [send(b) for b in Book.objects.all()]\n", 22),
        ("s = 'ä€𝄞'; x = [send(b) for b in Book.objects.all()]\n", 33),
        ("def f():\n\tfor book in Book.objects.all():\n\t\tsend(book)\n", 13),
    ],
)
def test_column_is_that_of_the_expression_in_characters(text: str, column: int) -> None:
    [finding] = findings(text)
    assert finding.column == column


@each(
    Snippet(
        "narrowed by what the object holds",
        """
        class Work:
            def narrowed(self, books):
                found = books
                if self.names:
                    found = found.filter(Q(title__in=self.names))
                return found
            def run(self):
                for book in self.narrowed(Book.objects.all()):
                    send(book)
        """,
    ),
    Snippet(
        "narrowed on each path",
        """
        def narrowed(books: QuerySet[Book], words):
            return books.filter(Q(title__in=words))
        def run(words):
            for book in narrowed(Book.objects.all(), words):
                send(book)
        """,
    ),
    Snippet(
        "narrowed by constants",
        """
        def live(books: QuerySet[Book]):
            return books.filter(Q(active=True) | Q(kind="live"))
        def run(author):
            for book in live(Book.objects.all()):  # DJQ101
                send(book)
            for book in live(Book.objects.filter(author=author)):
                send(book)
        """,
    ),
    Snippet(
        "the parameter itself",
        """
        def same(books: QuerySet[Book]):
            return books
        def run(author):
            for book in same(Book.objects.all()):  # DJQ101
                send(book)
            for book in same(Book.objects.filter(author=author)):
                send(book)
        """,
    ),
    Snippet(
        "a function inside",
        """
        def run(author):
            def same(books: QuerySet[Book]):
                return books
            def every():
                return Book.objects.all()
            for book in same(Book.objects.filter(author=author)):
                send(book)
            for book in every():  # DJQ101
                send(book)
        """,
    ),
)
def test_what_functions_make_of_their_arguments(snippet: Snippet) -> None:
    check(snippet)


@each(
    *(
        Snippet(
            test,
            f"""
            class Names:
                rows = None
                def find(self, name):
                    if {test}:
                        self.rows = Book.objects.all()
                    for book in self.rows:
                        send(book)
            """,
        )
        for test in ("self.rows is None", "not self.rows", 'not hasattr(self, "rows")', "self.rows == None and name")
    ),
    Snippet(
        "asked before",
        """
        class Names:
            rows = None
            def all(self):
                if self.rows is not None:
                    return self.rows
                self.rows = Book.objects.all()
                for book in self.rows:
                    send(book)
        """,
    ),
    Snippet(
        "tried before",
        """
        class Names:
            def all(self):
                try:
                    return self.rows
                except AttributeError:
                    self.rows = Book.objects.all()
                    for book in self.rows:
                        send(book)
        """,
    ),
    Snippet(
        "filled there and read here",
        """
        class Names:
            rows = None
            def load(self):
                if self.rows is None:
                    self.rows = Book.objects.all()
            def find(self):
                for book in self.rows:
                    send(book)
        """,
    ),
    Snippet(
        "set by another method",
        """
        class Names:
            def load(self):
                self.rows = Book.objects.all()
            def find(self):
                for book in self.rows:
                    send(book)
        """,
    ),
    Snippet(
        "a global",
        """
        rows = None
        def find():
            global rows
            if rows is None:
                rows = Book.objects.all()
            for book in rows:
                send(book)
        """,
    ),
    Snippet(
        "a cached property",
        """
        from functools import cached_property
        class Names:
            @cached_property
            def rows(self):
                return Book.objects.all()
            def find(self):
                for book in self.rows:
                    send(book)
        """,
    ),
    Snippet(
        "set each time",
        """
        class Names:
            def find(self, active):
                self.rows = Book.objects.all()
                for book in self.rows:  # DJQ101
                    send(book)
            def find_some(self, active):
                if active:
                    self.some = Book.objects.all()
                else:
                    self.some = Book.objects.filter(active=False)
                for book in self.some:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "set in the beginning",
        """
        class Names:
            def __init__(self):
                self.rows = Book.objects.all()
            def find(self):
                for book in self.rows:  # DJQ101
                    send(book)
        """,
    ),
    Snippet(
        "another attribute is asked for",
        """
        class Names:
            def find(self):
                if self.others is None:
                    self.rows = Book.objects.all()
                    for book in self.rows:  # DJQ101
                        send(book)
        """,
    ),
)
def test_querysets_that_outlive_the_call(snippet: Snippet) -> None:
    check(snippet)


@each(
    Snippet(
        "bound anew",
        """
        class Project:
            @property
            def features(self):
                return Book.objects.all()
            def has(self, book):
                return book in self.features  # DJQ105
        class Same(Project):
            def has(self, book):
                return book in self.features  # DJQ105
        class Api(Project):
            features = []
            def has(self, book):
                return book in self.features
        class Deeper(Api):
            def has(self, book):
                return book in self.features
        class Given(Project):
            def __init__(self, **settings):
                self.features = settings.pop("features")
            def has(self, book):
                return book in self.features
        """,
    ),
    Snippet(
        "a row's",
        """
        class Project(models.Model):
            name = models.TextField()
            @property
            def features(self):
                return Book.objects.all()
            def has(self, book):
                return book in self.features  # DJQ105
        class Api(Project):
            features = []
            def has(self, book):
                return book in self.features
        """,
    ),
    Snippet(
        "read into a name",
        """
        class Project(models.Model):
            name = models.TextField()
            @property
            def features(self):
                return Book.objects.filter(name=self.name)
        def run(row: Project):
            if row and (features := row.features):
                print("".join(feature.name for feature in features))
        """,
    ),
    Snippet(
        "two objects",
        """
        class Report:
            def rows(self):
                return Book.objects.filter(day=self.day)
            @property
            def current(self):
                return Book.objects.filter(day=self.day)
            def twice(self):
                print(self.current.count(), self.current.count())  # DJQ201
                print(self.rows().count(), self.rows().count())  # DJQ201
        def run():
            first, second = Report(), Report()
            print(first.current.get(pk=1), second.current.get(pk=1))
            print(first.rows().get(pk=1), second.rows().get(pk=1))
        """,
    ),
)
def test_attributes_and_their_objects(snippet: Snippet) -> None:
    check(snippet)
