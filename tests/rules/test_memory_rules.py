"""What the rules of family 1 and 2 say, and where they hold their tongue: each text is batch code with marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import COMMAND, codes, expected, findings, places, project_on_disk

HEAD = """
import functools
from django.db.models import Q, QuerySet
from shop.models import Book, Event, Order
"""


def message(text: str, **changes: object) -> str:
    """The message of the only finding in a text."""
    [finding] = findings(HEAD + text, **changes)
    return finding.message


@pytest.mark.parametrize(
    ("loop", "collection"),
    [
        ("    kept = []\n    for book in Book.objects.all():\n        kept.append(book)\n    return kept", "kept"),
        ("    by = {}\n    for book in Book.objects.all():\n        by[book.isbn] = book\n    return by", "by"),
        ("    by = {}\n    for b in Book.objects.all():\n        by.setdefault(b.year, []).append((b, 1))", "by"),
        ("    for book in Book.objects.all():\n        self.by[book.year].append(book)", "self.by"),
        ("    return [book for book in Book.objects.all()]", "a list"),
        ("    return {book.isbn: book for book in Book.objects.all()}", "a dict"),
        ("    return {(book, 1) for book in Book.objects.all()}", "a set"),
        ("    return {book: book.isbn for book in Book.objects.all()}", "a dict"),
        ("    by = {}\n    for book in Book.objects.all():\n        by[book] = book.isbn\n    return by", "by"),
        ("    for book in Book.objects.all():\n        self.seen.add(book)", "self.seen"),
        ("    by = {}\n    for b in Book.objects.all():\n        by[b.isbn] = {'book': b, 'n': 1}", "by"),
        ("    kept = []\n    for b in Book.objects.all():\n        kept.append({'book': b, 'n': 1})", "kept"),
        ("    kept = []\n    for b in Book.objects.all():\n        kept.append(dict(book=b))", "kept"),
        ("    kept = []\n    for b in Book.objects.all():\n        kept.append(Event(book=b, n=1))", "kept"),
        ("    kept = []\n    for b in Book.objects.all():\n        e = Event(book=b)\n        kept.append(e)", "kept"),
        (
            "    kept = []\n    for b in Book.objects.all():\n        item = {}\n        item['book'] = b\n"
            "        kept.append(item)",
            "kept",
        ),
        ("    return [{'book': book} for book in Book.objects.all()]", "a list"),
        ("    return [Event(book=book) for book in Book.objects.all()]", "a list"),
        ("    return [self.model(book=book) for book in Book.objects.all()]", "a list"),
        (
            "    by = {}\n    for n, book in enumerate(Book.objects.all(), 1):\n        by[n] = book\n    return by",
            "by",
        ),
        ("    by = []\n    for n, book in zip(codes, Book.objects.all()):\n        by.append((n, book))", "by"),
        ("    return dict((book.isbn, book) for book in Book.objects.all())", "a dict"),
        ("    Event.objects.bulk_create((Event(book=b) for b in Book.objects.all()), batch_size=9)", "a list"),
        ("    for b in Book.objects.all():\n        self.kept.append(b)\n        send(self)", "self.kept"),
        ("    import typing as t\n    for b in Book.objects.all():\n        kept.append(t.cast(Book, b))", "kept"),
        (
            "    from typing import cast\n    for b in Book.objects.all():\n        kept.append((1, cast(Book, b)))",
            "kept",
        ),
        ("    kept = []\n    for b in Book.objects.all():\n        kept.extend([1] + [b])", "kept"),
        ("    by = {}\n    for b in Book.objects.all():\n        by.setdefault(b.isbn, sorted([b, 1]))", "by"),
        ("    by = {}\n    for b in Book.objects.all():\n        e, n = Event(book=b), 1\n        by[n] = e", "by"),
        (
            "    kept = []\n    for b in Book.objects.all():\n        if b.sold:\n            sold.append(b)\n"
            "        kept.append(b)",
            "kept",
        ),
    ],
)
def test_no_stream_for_rows_that_are_all_kept(loop: str, collection: str) -> None:
    assert message(f"def work(self):\n{loop}\n").endswith(
        f"they all stay in {collection}: keep only what is needed of them, or work in batches"
    )


@pytest.mark.parametrize(
    "loop",
    [
        "    kept = []\n    for book in Book.objects.all():\n        if book.price:\n            kept.append(book)",
        "    kept = []\n    for book in Book.objects.all():\n        kept.append(book.isbn)",
        "    kept = []\n    for n, book in enumerate(Book.objects.all()):\n        kept.append(n)",
        "    for book in Book.objects.all():\n        shelf.books.add(book)",
        "    kept = []\n    for book in Book.objects.all():\n        kept.append(book)\n        kept = send(kept)",
        "    kept = []\n    for book in Book.objects.all():\n        kept.append(book)\n        kept.clear()",
        "    kept = []\n    for b in Book.objects.all():\n        kept.append({'book': b.isbn})",
        "    kept = []\n    for b in Book.objects.all():\n        kept.append({'book': b})\n        kept = []",
        "    kept = []\n    for b in Book.objects.all():\n        kept.append({'book': b})\n        flush(kept)",
        "    kept = []\n    for b in Book.objects.all():\n        kept.append({'book': b})\n        kept.pop()",
        "    kept = []\n    for b in Book.objects.all():\n        kept.append(Event(book_id=b.pk))",
        "    kept = []\n    for b in Book.objects.all():\n        kept.append(describe(book=b))",
        "    kept = []\n    for b in Book.objects.all():\n        b = b.isbn\n        kept.append({'isbn': b})",
        "    for b in Book.objects.all():\n        kept = []\n        kept.append({'book': b})",
        "    kept = []\n    for b in Book.objects.all():\n        item = {'book': b}\n        if b.sold:\n"
        "            item = {'isbn': b.isbn}\n        kept.append(item)",
        "    return sum(book.price for book in Book.objects.all())",
        "    return list(book.isbn for book in Book.objects.all())",
        "    return [book for book in Book.objects.all() if book.price]",
        "    return {book.isbn: book.price for book in Book.objects.all()}",
    ],
)
def test_a_stream_for_rows_that_are_not(loop: str) -> None:
    assert "stream it: Book.objects.iterator(chunk_size=2000)" in message(f"def work(self):\n{loop}\n")


LOOP = "    kept = []\n    for b in Book.objects.all():\n        "
IN_KEPT = "what goes into kept keeps them"


@pytest.mark.parametrize(
    ("loop", "doubt"),
    [
        # a call makes of the row what is kept
        (f"{LOOP}kept.append(describe(b))", IN_KEPT),
        (f"{LOOP}kept.append(fill(Event(book=b)))", IN_KEPT),
        (f"{LOOP}kept.append(Event(b))", IN_KEPT),
        (f"{LOOP}kept.append({{'n': 1, 'e': describe([b, 1])}})", IN_KEPT),
        (f"{LOOP}kept.append(await describe(book=b))", IN_KEPT),
        (f"{LOOP}kept.append(Event(**b))", IN_KEPT),
        (f"{LOOP}kept.append(b if b.sold else None)", IN_KEPT),
        (f"{LOOP}kept.extend(describe(b))", IN_KEPT),
        (f"{LOOP}kept.insert(0, describe(b))", IN_KEPT),
        (f"{LOOP}kept.append(pool.submit(send, b))", IN_KEPT),
        (f"{LOOP}e: Event = Event(b)\n        kept.append(compute(e))", IN_KEPT),
        (f"{LOOP}e, made = Event.objects.get_or_create(book=b)\n        kept.append(e)", IN_KEPT),
        (
            f"{LOOP}try:\n            e = Event(book=b)\n        except X:\n            pass\n        kept.append(e)",
            IN_KEPT,
        ),
        (f"{LOOP}e = {{}}\n        with lock:\n            e['book'] = b\n        kept.append(e)", IN_KEPT),
        (f"{LOOP}if b.sold:\n            kept.append(describe(b))", IN_KEPT),
        (
            "    by = {}\n    for b in Book.objects.all():\n        by[b.pk] = describe(b)",
            "what goes into by keeps them",
        ),
        ("    for b in Book.objects.all():\n        by[b.isbn] = Event(b)", "what goes into by keeps them"),
        ("    return [describe(book) for book in Book.objects.all()]", "what goes into the list keeps them"),
        ("    return {b.pk: describe(b) for b in Book.objects.all()}", "what goes into the dict keeps them"),
        ("    return set(describe(b) for b in Book.objects.all() if b)", "what goes into the set keeps them"),
        ("    for b in list(Book.objects.all()):\n        kept.append(describe(b))", IN_KEPT),
        # a function is handed the row, and a collection that may keep it
        (f"{LOOP}collect(b, kept)", "they stay in kept"),
        (f"{LOOP}collect(kept, [], path + [b])", "they stay in kept"),
        (f"{LOOP}if self.collect(book=b, into=kept):\n            send(b)", "they stay in kept"),
        (f"{LOOP}heapq.heappush(kept, Event(book=b))", "they stay in kept"),
        (f"{LOOP}kept.append(b)\n        collect(b, kept)", "they stay in kept"),
        (
            "    n, by = 0, collections.defaultdict(list)\n    for b in Book.objects.all():\n        add(by, b)",
            "they stay in by",
        ),
        ("    self.by = dict()\n    for b in Book.objects.all():\n        add(self.by, b)", "they stay in self.by"),
    ],
)
def test_a_stream_unless_other_code_keeps_the_rows(loop: str, doubt: str) -> None:
    stream = "stream it: Book.objects.iterator(chunk_size=2000)"
    assert message(f"async def work(self):\n{loop}\n").endswith(f"{stream}, unless {doubt}")


@pytest.mark.parametrize(
    "loop",
    [
        f"{LOOP}kept.append(str(b))",
        f"{LOOP}kept.append((len(b), repr(b), json.dumps(b), model_to_dict(b)))",
        f"{LOOP}kept.append('{{}}: {{}}'.format(1, b))",
        f"{LOOP}kept.append(describe(b.isbn))",
        f"{LOOP}kept.append(b.describe())",
        f"{LOOP}kept.append(describe(b).isbn)",
        f"{LOOP}kept.append(Event.objects.filter(book=b).count())",
        f"{LOOP}kept.append(Event.objects.get(book=b))",
        f"{LOOP}kept.append(getattr(b, name))",
        f"{LOOP}isbn, name = b\n        kept.append(isbn)",
        f"{LOOP}kept.append(total + b)",
        f"{LOOP}e = Event(b)\n        e = 3\n        kept.append(e)",
        f"{LOOP}kept.append(Event(b))\n        flush(kept)",
        f"{LOOP}kept[code_of(b)] = b.isbn",
        f"{LOOP}b.notes['isbn'] = describe(b)",
        f"{LOOP}shelf = shelf_of(b)\n        shelf.books.append(b)",
        f"{LOOP}collect(b.isbn, kept)",
        f"{LOOP}print(b, kept)",
        f"{LOOP}collect(b, kept)\n        flush(kept, 100)",
        f"{LOOP}collect(b, kept)\n        kept = []",
        f"{LOOP}collect(b, kept)\n        kept.pop()",
        "    kept = load()\n    for b in Book.objects.all():\n        collect(b, kept)",
        "    kept[0] = []\n    for b in Book.objects.all():\n        collect(b, 1)",
        "    kept = defaultdict(list, load())\n    for b in Book.objects.all():\n        collect(b, kept)",
        "    for b in Book.objects.all():\n        kept = []\n        collect(b, kept)",
        "    return {describe(b): b.isbn for b in Book.objects.all()}",
        "    return sum(describe(b) for b in Book.objects.all())",
    ],
)
def test_a_stream_for_rows_that_no_call_keeps(loop: str) -> None:
    text = f"def work(self):\n{loop}\n"
    [finding] = [found for found in findings(HEAD + text) if found.code == "DJQ101"]
    assert finding.message.endswith("stream it: Book.objects.iterator(chunk_size=2000)")


def test_a_doubt_changes_words_only() -> None:
    text = f"{HEAD}def work():\n    kept = []\n"
    text += "    for b in Book.objects.all():\n        kept.append({}(b))\n"
    [plain], [doubtful] = findings(text.format("str")), findings(text.format("describe"))
    assert plain.edit is not None
    assert doubtful.edit is not None
    assert plain.edit.replacements == doubtful.edit.replacements


CACHE = "def fill():\n    global CACHE\n    CACHE = {}\n"
DICT = "{b.pk: b for b in Book.objects.all()}"
MEMO = "{}\ndef isbns():\n    return {{book.isbn for book in Book.objects.all()}}\n"


@pytest.mark.parametrize(
    ("silent", "flagged"),
    [
        (
            CACHE.format("{b.pk: b for b in Book.objects.all()}"),
            "def fill():\n    x = {b.pk: b for b in Book.objects.all()}\n",
        ),
        (CACHE.format("list(Book.objects.all())"), "def fill():\n    x = list(Book.objects.all())\n"),
        (CACHE.format("dict((b.pk, b) for b in Book.objects.all())"), "def f():\n    x = list(Book.objects.all())\n"),
        (
            "def fill(report):\n    Shelf.books = {b.pk: b for b in Book.objects.all()}\n",
            "def fill(report):\n    report.books = {b.pk: b for b in Book.objects.all()}\n",
        ),
        (MEMO.format("@functools.cache"), MEMO.format("@functools.wraps")),
        (MEMO.format("@functools.lru_cache(maxsize=1)"), MEMO.format("@log(maxsize=1)")),
    ],
)
def test_what_is_kept_on_purpose_is_left_alone(silent: str, flagged: str) -> None:
    assert codes(HEAD + silent) == []
    assert codes(HEAD + flagged)


@pytest.mark.parametrize(
    "body",
    [
        # the rows as they were before the write
        "books = Book.objects.filter(sold=True)\n    pks = list(books.values_list('pk'))\n"
        "    books.update(sold=False)\n    for pk in pks:\n        send(pk)",
        "books = Book.objects.filter(sold=True)\n    pks = list(books)\n    books.delete()\n"
        "    for pk in pks:\n        send(pk)",
        # one load serves many walks and look-ups
        "pks = list(Book.objects.values_list('pk', flat=True))\n    while True:\n"
        "        for pk in pks:\n            send(pk)",
        "pks = list(Book.objects.values_list('pk', flat=True))\n    pks.remove(3)\n"
        "    for pk in pks:\n        send(pk)",
        "names = dict(Book.objects.values_list('pk', 'name'))\n    for row in rows:\n        send(names.get(row))",
        "names = dict(Book.objects.values_list('pk', 'name'))\n    for row in rows:\n        send(names[row])",
    ],
)
def test_lists_that_are_needed_as_lists(body: str) -> None:
    assert codes(f"{HEAD}def work(rows):\n    {body}\n") == []


@pytest.mark.parametrize(
    "body",
    [
        "pks = list(Book.objects.values_list('pk', flat=True))\n    Event.objects.update(x=1)\n    for pk in pks:\n"
        "        send(pk)",
        "pks = list(Book.objects.values_list('pk', flat=True))\n    for pk in pks:\n        send(pk)",
        "names = dict(Book.objects.values_list('pk', 'name'))\n    return names.get(3)",
    ],
)
def test_lists_that_are_not(body: str) -> None:
    assert codes(f"{HEAD}def work(rows):\n    {body}\n") == ["DJQ102"]


MADE = "pks = {isbn: pk for isbn, pk in Book.objects.values_list('isbn', 'pk')}\n    "


@pytest.mark.parametrize(
    ("body", "is_needed"),
    [
        (MADE + "for row in rows:\n        send(pks.get(row))", True),
        (MADE + "for row in rows:\n        send(pks[row])", True),
        (MADE + "return [row for row in rows if row in pks]", True),
        (MADE + "for row in rows:\n        send(row, pks)", True),
        (MADE + "for row in rows:\n        for isbn in pks:\n            send(row, isbn)", True),
        ("x = set(isbn for isbn in Book.objects.values_list('isbn'))\n    return [r in x for r in rows]", True),
        ("x = [isbn for isbn in Book.objects.values_list('isbn')]\n    return [r in x for r in rows]", True),
        ("x = {b.isbn: b.pk for b in Book.objects.all()}\n    return [x[row] for row in rows]", False),
        (MADE + "return pks.get(rows)", False),
        (MADE + "for pk in pks:\n        send(pk)", False),
        (MADE + "for row in rows:\n        print(len(pks), row)", False),
        (MADE + "send(pks)\n    pks = {}\n    for row in rows:\n        send(pks.get(row))", False),
        (f"for row in rows:\n        {MADE}    send(pks.get(row))".replace("s.v", "s.filter(sold__gt=row).v"), False),
    ],
)
def test_a_comprehension_that_is_looked_up_on_each_turn(body: str, is_needed: bool) -> None:
    assert ("DJQ101" in codes(f"{HEAD}def work(rows):\n    {body}\n")) is not is_needed


def test_a_set_is_not_offered_as_a_stream() -> None:
    assert "stream" not in message("def work():\n    for book in set(Book.objects.all()):\n        send(book)\n")


def test_a_batch_of_a_long_list_is_short() -> None:
    text = f"""{HEAD}
def work():
    ids = list(Event.objects.values_list("pk", flat=True))  # DJQ102
    for start in range(0, len(ids), 100):
        batch = ids[start : start + 100]
        for book in Book.objects.filter(pk__in=batch):
            send(book)
        Book.objects.bulk_update(Book.objects.filter(pk__in=batch), ["name"])
    rest = ids[100:]
    for book in Book.objects.filter(pk__in=rest):  # DJQ101
        send(book)
"""
    assert places(text) == expected(text)


def test_a_limit_that_the_caller_passes() -> None:
    text = f"""{HEAD}
def overdue(limit=None):
    books = Book.objects.filter(due__lt=1)
    return books[:limit] if limit else books

def work(n):
    for book in overdue(n):
        send(book)
    for book in overdue():  # DJQ101
        send(book)
"""
    assert places(text) == expected(text)


@pytest.mark.parametrize(
    "lookup",
    [
        *(
            "email=x",
            "slug=x",
            "name='One'",
            "isbn=x",
            "owner_id=x.pk",
            "query",
            "build(x)",
            "**{f'{x}__in': y}",
            "**x",
        ),
        *("slug__startswith=x", "isbn__istartswith=x + '-'", "uuid__startswith=x.start", "pk__startswith=x"),
    ],
)
def test_lookups_that_may_leave_a_few_rows(lookup: str) -> None:
    assert codes(f"{HEAD}def work(x, y, query):\n    for b in Book.objects.filter({lookup}):\n        send(b)\n") == []


@pytest.mark.parametrize(
    "lookup",
    [
        *("sold=True", "~Q(pk=x)", "Q(sold=True) | Q(pk=x)", "Exists(x)", "**{'sold': True}"),
        *("slug__startswith='a'", "title__startswith=x", "slug__contains=x", "slug__startswith=PREFIX"),
    ],
)
def test_lookups_that_leave_many(lookup: str) -> None:
    text = f"{HEAD}def work(x):\n    for b in Book.objects.filter({lookup}):\n        send(b)\n"
    assert codes(text) == ["DJQ101"]


def test_two_passes_are_not_said_to_be_one() -> None:
    loop = "    for b in books:\n        send(b)\n"
    text = f"def work():\n    books = Book.objects.all()\n{loop}{loop}"
    assert message(text).endswith(
        "line 8 reads the same rows too, so .iterator() would run the query twice: only a single pass over them could"
        " stream"
    )


def test_a_test_and_a_length_need_no_rows() -> None:
    text = """
def work():
    books = Book.objects.filter(sold=True)
    if not books:
        return
    print(len(books))
    for book in books:
        send(book)
"""
    assert "lines 7 and 9 need only their number: ask .count() once before" in message(text)


def test_the_turns_of_a_while_share_a_cache() -> None:
    text = (
        "def work():\n    books = Book.objects.all()\n    while True:\n        for b in books:\n            send(b)\n"
    )
    assert codes(HEAD + text) == []


def test_a_count_beside_the_load_of_another_object() -> None:
    text = "def work(x):\n    books = Book.objects.filter(shop_id=x)\n    n = books.count()\n"
    text += "    for book in {}:\n        send(book)\n    print(n)\n"
    assert codes(HEAD + text.format("books")) == ["DJQ202"]
    assert codes(HEAD + text.format("Book.objects.filter(shop_id=x)")) == []


def test_a_count_of_what_may_be_prefetched() -> None:
    text = "def work(order: Order):\n    if order.lines.count() > 0:\n        send(order)\n"
    assert "unless they are prefetched, this counts every row of order.lines" in message(text)
    loaded = text + "    for line in order.lines.all():\n        send(line)\n"
    assert codes(HEAD + loaded) == []


def test_a_slice_of_something_unknown_is_a_batch() -> None:
    text = f"""{HEAD}
def work(pks):
    for start in range(0, len(pks), 100):
        batch = pks[start : start + 100]
        known = set(Event.objects.filter(book_id__in=batch).values_list("book_id", flat=True))
        for event in Event.objects.filter(book_id__in=set(batch) - known):
            send(event)
        for event in Event.objects.filter(book_id__in=known & seen):
            send(event)
        for event in Event.objects.filter(book_id__in=seen - known):  # DJQ101
            send(event, start)
"""
    assert places(text.replace("seen - known", "seen(start) - known")) == expected(text)


@pytest.mark.parametrize(
    "body",
    [
        "cache.set('books', books)",
        "return books",
        "send(books)",
        "return books - seen",
        "return seen == books",
        "task.delay(ids=books)",
    ],
)
def test_values_that_are_needed_together(body: str) -> None:
    text = f"{HEAD}def work(seen):\n    books = set(Book.objects.values_list('isbn', flat=True))\n    {body}\n"
    assert codes(text) == []


@pytest.mark.parametrize("body", ["print(len(books))", "Event.objects.filter(isbn__in=books)", "log.info('%s', books)"])
def test_values_that_a_query_could_serve(body: str) -> None:
    text = f"{HEAD}def work():\n    books = set(Book.objects.values_list('isbn', flat=True))\n    {body}\n"
    assert codes(text) == ["DJQ102"]


def test_a_list_of_rows_in_a_cache() -> None:
    text = f"{HEAD}def work():\n    books = list(Book.objects.all())\n    cache.set('books', books)\n"
    assert codes(text) == []
    assert codes(text.replace("cache.set('books', books)", "shelf.set('books', books)")) == ["DJQ102"]


@pytest.mark.parametrize("loop", ["for b in Book.objects.all():", "for b in list(Book.objects.all()):"])
def test_a_function_that_asks_a_person(loop: str) -> None:
    assert codes(f"{HEAD}def work():\n    {loop}\n        print(b)\n    return input()\n") == []
    assert codes(f"{HEAD}def work():\n    {loop}\n        print(b)\n    return ask()\n") != []


def test_a_list_that_must_be_loaded_within_a_try() -> None:
    text = f"""{HEAD}
def work():
    try:
        books = list(Book.objects.all())
    except DatabaseError:
        return
    for book in books:
        send(book)
"""
    assert "stream" not in findings(text)[0].message
    plain = "def work():\n    books = list(Book.objects.all())\n    for book in books:\n        send(book)\n"
    assert "stream it" in message(plain)


def test_some_rows_are_kept() -> None:
    text = "def work():\n    kept = []\n    for book in Book.objects.all():\n{}        kept.append(book)\n"
    assert "and keep only what is needed of those in kept" in message(text.format("        if book.price:\n    "))
    skipped = text.format("        if send(book):\n            continue\n")
    assert "and keep only what is needed of those in kept" in message(skipped)
    assert "they all stay in kept" in message(text.format(""))
    comprehension = "def work():\n    return [book for book in Book.objects.all() if book.price]\n"
    assert "and keep only what is needed of those in a list" in message(comprehension)


def test_rows_within_something_that_is_kept_by_some_turns() -> None:
    text = "def work():\n    kept = []\n    for book in Book.objects.all():\n        try:\n"
    text += "            item = {'book': book}\n            kept.append(item)\n"
    text += "        except ValueError:\n            pass\n"
    assert "and keep only what is needed of those in kept" in message(text)


FILLED = """
class Shelf:
    def __init__(self):
        self.kept = []

    def fill(self):
        for book in Book.objects.all():
            self.kept.append(book)
            self.full()

    def full(self):
        {}
"""


@pytest.mark.parametrize("body", ["self.kept = []", "self.kept.clear()", "del self.kept[:]", "self.kept.pop()"])
def test_rows_that_another_method_takes_out(body: str) -> None:
    assert "stream it" in message(FILLED.format(body))
    assert "they all stay in self.kept" in message(FILLED.format("send(self.kept)"))


OWN = """
class Shelf:
    def __init__(self):
        self.books = {}

    def work(self, x):
        {}
"""


@pytest.mark.parametrize("made", ["list(Book.objects.all())", "{b.pk: b for b in Book.objects.all()}"])
@pytest.mark.parametrize(
    ("body", "is_needed"),
    [
        ("return x in self.books", True),
        ("return self.books[x]", True),
        ("return self.books.get(x)", True),
        ("self.books.pop(x)", True),
        ("for y in x: send(y, self.books)", True),
        ("return [[y, z] for y in x for z in self.books]", True),
        ("return [b for b in self.books] + list(self.books)", True),
        ("for b in self.books: send(b)", False),
        ("for b in self.books[1:]: send(b)", False),
        ("for b in self.books.copy(): send(b)", False),
        ("return [b for b in self.books]", False),
        ("send(self.books)", False),
        ("return len(self.books) if self.books else print(self.books)", False),
        ("return self.books is None or send(self.books)", False),
        ("return other.books[x]", False),
    ],
)
def test_rows_on_self_that_methods_need(made: str, body: str, is_needed: bool) -> None:
    assert bool(codes(HEAD + OWN.format(made, body))) is not is_needed


def test_a_length_beside_the_loop_itself() -> None:
    text = "def work():\n    books = Book.objects.all()\n"
    text += "    for n, book in zip(repeat(1, len(books)), books):\n        send(book)\n"
    assert "DJQ101" not in codes(HEAD + text)


def test_every_reader_of_the_cache_is_named() -> None:
    text = "def work():\n    books = Book.objects.all()\n    if not books:\n        return\n"
    text += "    for b in books:\n        send(b)\n"
    assert "line 6 has loaded them for its test" in message(text)
    assert "lines 6 and 10 need only their number" in message(text + "    print(len(books))\n")
    assert "lines 6 and 10 read the same rows too" in message(text + "    for b in books:\n        send(b)\n")
    assert "walk the rows by key here" in message(text, database="mysql")


@pytest.mark.parametrize("other", ["if not books:\n        return", "print(len(books))", "print(books[0])"])
def test_rows_that_all_stay_gain_nothing_by_one_pass(other: str) -> None:
    text = f"def work():\n    books = Book.objects.all()\n    by = defaultdict(list)\n    {other}\n"
    text += "    for b in books:\n        by[str(b.shop_id)].append(b)\n    for b in books:\n        send(b)\n"
    assert "they all stay in by" in message(text)


def test_a_generator_loads_its_rows_where_it_is_made() -> None:
    text = (
        "def work():\n    books = Book.objects.filter(sold__gt=3)\n    sold = (b.pk for b in books if b.sold)\n"
        "    if not books:\n        return\n    for pk in sold:\n        print(pk)\n"
    )
    assert "line 7 tests whether there are any: stream the rows here" in message(text)


DRAIN = """
def work():
    missing = ~Exists(Index.objects.filter(book_id=OuterRef("pk")))
    books = Book.objects.filter({})
    rows = list(books[:500])
    while rows:
        {}
        rows = list(books[:500])
"""


def test_a_write_to_a_table_that_only_a_condition_asks() -> None:
    create = "Index.objects.bulk_create(Index(book=row) for row in rows)"
    assert codes(HEAD + DRAIN.format("missing", create)) == []
    assert codes(HEAD + DRAIN.format("~Exists(Index.objects.filter(book_id=OuterRef('pk')))", create)) == []
    other = "Event.objects.create(number=1)"
    assert codes(HEAD + DRAIN.format("missing", other)) == []
    assert "DJQ201" in codes(HEAD + DRAIN.format("sold=True", other))


def test_a_relation_that_is_asked_more_than_once() -> None:
    text = "def work(order: Order):\n    if order.lines.count() > 0:\n        send(order.lines.{})\n"
    assert codes(HEAD + text.format("name")) == ["DJQ104"]
    assert codes(HEAD + text.format("values_list('pk')")) == []
    assert codes(HEAD + text.format("count()")) == []


def test_a_parameter_that_may_be_a_queryset() -> None:
    text = """
def add(books):
    if isinstance(books, {}):
        check(books)
    Event.objects.bulk_create([Event(book=book) for book in books if book.sold])
"""
    assert codes(HEAD + text.format("QuerySet")) == ["DJQ108"]
    assert codes("from django.db import models" + HEAD + text.format("models.QuerySet")) == ["DJQ108"]
    assert codes(HEAD + text.format("list")) == []


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("'%s__startswith' % name", ["DJQ101"]),
        ("f'{name}__lt'", ["DJQ101"]),
        ("name + '__gte'", ["DJQ101"]),
        ("f'{name}__in'", []),
        ("name", []),
    ],
)
def test_lookups_that_are_put_together(key: str, found: list[str]) -> None:
    text = f"def work(name, x):\n    for b in Book.objects.filter(**{{name: True, {key}: x}}):\n        send(b)\n"
    assert codes(HEAD + text) == found


def test_a_count_that_the_cache_answers() -> None:
    text = "def work():\n    books = Book.objects.filter(sold=True)\n    for book in books:\n        send(book)\n"
    counted = text + "    log(books.count())\n"
    assert "asks for their number, which the cache has: ask .count() once before" in message(counted)
    assert "stream it" in message(text)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # One of many turns of a loop over rows: nobody knows how many books are of this series.
        ("series=order.series", []),
        ("series__iexact=order.series, sold=True", []),
        ("sold=order.sold, price__gt=order.price", []),
        # Not of the row, or not equal to it.
        ("price=price", ["DJQ101"]),
        ("price__gt=order.price", ["DJQ101"]),
        ("sold=True", ["DJQ101"]),
    ],
)
def test_what_equals_the_row_of_a_loop_around(condition: str, expected: list[str]) -> None:
    models = "from django.db import models\nclass Book(models.Model):\n    series = models.TextField()\n"
    models += "    sold = models.BooleanField()\n    price = models.IntegerField()\n"
    text = f"{models}def work(orders, price):\n    for order in orders:\n"
    text += f"        for book in Book.objects.filter({condition}):\n            send(book, order)\n"
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ((3, 2), "Book.objects.filter(pk=book.pk).exists()"),
        ((4, 0), "Book.objects.contains(book)"),
        (None, "Book.objects.contains(book)"),
    ],
)
def test_contains_where_django_has_it(version: tuple[int, int] | None, remedy: str) -> None:
    text = f"{HEAD}def work(book):\n    return book in Book.objects.all()\n"
    [finding] = findings(text, django_version=version)
    assert finding.message.endswith(f"ask the database: {remedy}")
    assert finding.edit is not None
    assert finding.edit.replacements[0].text == remedy


def test_no_chunk_size_where_django_takes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from shop.models import Book\nfor book in Book.objects.all():\n    print(book)\n"
    monkeypatch.chdir(tmp_path)
    for version, remedy in (("1.8.18", "Book.objects.iterator()"), ("5.2", "Book.objects.iterator(chunk_size=2000)")):
        folder = tmp_path / version
        path = folder / "shop" / "management" / "commands" / "x.py"
        path.parent.mkdir(parents=True)
        (folder / "manage.py").write_text("", encoding="utf-8")
        (folder / "requirements.txt").write_text(f"Django=={version}\n", encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        [finding] = findings(text, str(path))
        assert finding.message.endswith(f"stream it: {remedy}")


@pytest.mark.parametrize(
    "kept", ["found['books'] = books", "found = {'books': books}", "found.append(dict(books=books))"]
)
def test_a_queryset_that_was_put_away_is_left_alone(kept: str) -> None:
    text = "def work(found):\n    books = Book.objects.all()\n    {}\n    for book in books:\n        print(book)\n"
    assert codes(HEAD + text.format(kept) + "    return found\n") == []
    assert codes(HEAD + text.format("found['n'] = 1")) == ["DJQ101"]


def test_a_row_that_was_there_is_not_added() -> None:
    text = "def work():\n    for book in Book.objects.filter(sold=True):\n"
    text += "        first = Book.objects.filter(x=1).first()\n"
    assert "adds rows" not in message(text + "        first.save()\n")
    assert "adds rows" in message(text + "        Book(pages=first.pages).save()\n")


def test_a_raw_queryset_is_asked_nothing() -> None:
    text = "def work(books: {}):\n    return books.count() > 0\n"
    assert codes("from django.db.models.query import RawQuerySet\n" + text.format("RawQuerySet")) == []
    assert codes(HEAD + text.format("QuerySet")) == ["DJQ104"]


FIELDS = """from django.db import models
class Book(models.Model):
    code = models.IntegerField(primary_key=True)
    title = models.CharField(max_length=100)
    genre = models.CharField(max_length=9, choices=GENRES)
    status = models.TextField()
    price = models.IntegerField()
    is_staff = models.BooleanField()
    source = models.ForeignKey(Source, models.CASCADE)
    class Meta:
        unique_together = ("genre", "price")
        constraints = [
            models.UniqueConstraint(fields=["status", "price"], name="one"),
            models.UniqueConstraint(fields=["is_staff", "price"], condition=models.Q(price=1), name="two"),
        ]
"""


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # A text of one's own has few rows; one of several words, or one that says so by its name, has many.
        ("title=title", []),
        ("title=None", ["DJQ101"]),
        ("title__gt=title", ["DJQ101"]),
        ("genre=title", ["DJQ101"]),
        ("source=genre", []),
        ("status=title", ["DJQ101"]),
        # The fields of a group that is unique together, each with its value or a few.
        ("genre=genre, price=price", []),
        ("genre=genre, price__in=[1, 2]", []),
        ("price=price, status__in=('new', 'old')", []),
        ("genre=genre, price__in=prices", ["DJQ101"]),
        ("price=genre.pk", []),
        ("genre=genre, price__gt=price", ["DJQ101"]),
        ("is_staff=False, price=price", ["DJQ101"]),
        # Both ends of a range of the primary key, whatever it is called.
        ("code__gt=price, code__lt=13", []),
        ("code__gt=price", ["DJQ101"]),
        ("is_staff=True", []),
        ("is_staff=False", ["DJQ101"]),
    ],
)
def test_what_fields_say_of_the_number_of_rows(condition: str, expected: list[str]) -> None:
    text = f"{FIELDS}def work(title, genre, price, prices):\n"
    text += f"    for book in Book.objects.filter({condition}):\n        send(book)\n"
    assert codes(text) == expected


def test_querysets_that_a_loop_brings() -> None:
    text = "def work():\n    both = [Book.objects.all(), Author.objects.all()]\n"
    loops = "for rows, name in zip(both, names):\n        for row in rows:\n            send(row, name)\n"
    assert message(f"{text}    {loops}").endswith("stream it: rows.iterator(chunk_size=2000)")
    around = "    for year in years:\n" + "".join(f"    {line}\n" for line in f"    {loops}".splitlines())
    assert "an outer loop goes over them on its later turns too" in message(text + around)


@pytest.mark.parametrize(
    ("key", "database_sorts"),
    [
        ("", True),
        (", key=attrgetter('title')", True),
        (", key=lambda book: (book.title, book.pk), reverse=True", True),
        (", key=lambda book: version(book.title)", False),
        (", key=str", False),
    ],
)
def test_what_the_database_can_sort(key: str, database_sorts: bool) -> None:
    said = message(f"def work():\n    for book in sorted(Book.objects.all(){key}):\n        send(book)\n")
    assert ("let the database sort" in said) is database_sorts


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("books.count()", ["DJQ104"]),
        ("books[:10].count()", []),
        ("books[10:].count()", ["DJQ104"]),
        ("Book.objects.filter(pk=1).count() == 1", ["DJQ104"]),
        ("Book.objects.filter(uuid__iexact='a').count() == 1", []),
        ("len(Book.objects.filter(pk=1)) > 0", ["DJQ104"]),
    ],
)
def test_counts_of_a_few_rows(test: str, expected: list[str]) -> None:
    text = f"{HEAD}def work():\n    books = Book.objects.filter(sold=True)\n    if {test}:\n        send()\n"
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        ("if books.count() > 1000:\n        return", []),
        ("count = books.count()\n    if count >= most:\n        raise TooMany(count)", []),
        ("if not books.count() <= 10 or wait:\n        return", []),
        # All are loaded by then.
        ("if len(books) > 10:\n        return", ["DJQ101"]),
        ("if 1000 < books.count():\n        return", []),
        ("if books.count() < 1000:\n        return", ["DJQ101"]),
        ("if books.count() != 1000:\n        log(books)", ["DJQ101"]),
        ("if other.count() > 1000:\n        return", ["DJQ101"]),
        ("if confirm(books.count() > 1000):\n        return", ["DJQ101"]),
    ],
)
def test_counts_that_limit_what_follows(guard: str, expected: list[str]) -> None:
    text = f"{HEAD}def work(most, wait, other):\n    books = Book.objects.filter(sold=True)\n    {guard}\n"
    found = codes(f"{text}    for book in books:\n        send(book)\n")
    assert [code for code in found if code == "DJQ101"] == expected


@pytest.mark.parametrize(
    ("body", "moves"),
    [
        ("Book.objects.filter(state=book.state).update(snap=1)", False),
        ("Book.objects.filter(snap=1).update(state=2)", True),
        ("Book.objects.filter(snap=1).update(**values)", True),
        ("Book.objects.get(state=2).save()", False),
    ],
)
def test_what_moves_rows_within_their_order(body: str, moves: bool) -> None:
    text = "def work(values):\n    for book in Book.objects.filter(sold=True).order_by('state'):\n        {}\n"
    assert ("may move its rows" in message(text.format(body))) is moves


def test_distinct_values_are_few_in_whatever_order_they_are_asked_for() -> None:
    for steps in ("values('state').distinct()", "distinct().values('state')", "distinct().values('pk')"):
        text = f"{HEAD}def work():\n    for book in Book.objects.filter(sold=True).{steps}:\n        send(book)\n"
        assert codes(text) == (["DJQ101"] if "pk" in steps else [])


def test_a_list_that_something_picks_from_is_made_once_a_turn() -> None:
    text = (
        f"import random\n{HEAD}def work(years):\n    for year in years:\n        books = Book.objects.filter(sold=1)\n"
    )
    assert codes(f"{text}        print(random.choice([book for book in books]), year)\n") == ["DJQ203"]


def test_loops_that_close_the_connection() -> None:
    text = "def work():\n    for book in Book.objects.all():\n        {}\n"
    for call in ("command(book).run_from_argv(argv)", "connections.close_all()", "connection.close()"):
        assert "the loop closes the connection, and a stream with it: walk it by key" in message(text.format(call))
    assert "stream it" in message(text.format("file.close()"))


def test_a_list_that_all_rows_are_added_to() -> None:
    text = "def work():\n    found = []\n    found.extend(Book.objects.all())\n    return found\n"
    assert "they all stay in found: keep only" in message(text)
    text = "def work():\n    for year in range(9):\n        found = []\n        found.extend(Book.objects.all())\n"
    assert "they all stay" not in message(text + "        send(found, year)\n")


def test_a_test_of_one_of_many_querysets_whose_rows_are_used() -> None:
    text = "def work(word):\n    books = Book.objects.order_by('title')\n"
    for number in range(20):
        text += f"    if word == {number}:\n        found = books.filter(price__gt={number})\n"
        text += "        if found:\n            books = found\n"
    assert [code for code in codes(f"{HEAD}{text}    return books.first()\n") if code == "DJQ104"] == []


@pytest.mark.parametrize(
    ("prefetch", "expected"),
    [
        ("Author.objects.prefetch_related('books')", []),
        ('Author.objects.prefetch_related("books__tags")', []),
        ("Author.objects.prefetch_related('awards')", ["DJQ104"]),
        ("Author.objects.values('books')", ["DJQ104"]),
    ],
)
@pytest.mark.parametrize("relation", ["author.books", "author.books.all()"])
def test_counts_of_a_relation_that_the_function_prefetches(prefetch: str, relation: str, expected: list[str]) -> None:
    models = "from django.db import models\nclass Author(models.Model):\n    pass\nclass Book(models.Model):\n"
    models += "    author = models.ForeignKey(Author, models.CASCADE, related_name='books')\n"
    text = f"{models}def has_books(author: Author):\n    {prefetch}\n    return {relation}.count() > 0\n"
    assert codes(text, "shop/views.py") == expected


@pytest.mark.parametrize(
    ("query", "follows", "remedy"),
    [
        ("Book.objects.all()", "check(book)", "; line 5 asks for them on each turn: ask once before it if"),
        ("Book.objects.filter(price__gt=year)", "check(book)", "; stream it: "),
        ("Book.objects.all()", "check(book)\n        break", "; stream it: "),
    ],
)
def test_a_query_that_may_be_the_same_on_each_turn(query: str, follows: str, remedy: str) -> None:
    text = f"def work(years):\n    for year in years:\n        for book in {query}:\n            {follows}\n"
    assert f"in memory{remedy}" in message(text)


@pytest.mark.parametrize(("fields", "expected"), [("y=F('year')", []), ("y=F('pk')", []), ("", ["DJQ101"])])
def test_values_that_are_computed_group_too(fields: str, expected: list[str]) -> None:
    text = (
        f"{HEAD}def work():\n    for row in Book.objects.values({fields}).annotate(n=Count('pk')):\n        send(row)\n"
    )
    assert codes(text) == expected


def test_rows_that_stay_since_an_outer_loop_goes_over_them_again() -> None:
    text = "def work(years):\n    books = Book.objects.all()\n    for year in years:\n        kept = []\n"
    text += "        for book in books:\n            kept.append(book)\n        send(kept, year)\n"
    assert "an outer loop goes over them on its later turns too" in message(text)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("shelf = []", "they all stay in shelf: keep only"),
        ("shelf = deque()", "they all stay in shelf: keep only"),
        ("shelf = BulkSave()", ", unless they stay in shelf"),
        ("shelf = shelves.BulkSave(10)", ", unless they stay in shelf"),
    ],
)
def test_objects_that_only_look_like_collections(made: str, said: str) -> None:
    text = f"def work():\n    {made}\n    for book in Book.objects.all():\n        shelf.append(book)\n"
    assert said in message(text)
    opened = "def work():\n    with BulkSave() as shelf:\n        for book in Book.objects.all():\n"
    assert ", unless they stay in shelf" in message(opened + "            shelf.append(book)\n")


def test_a_function_inside_of_another_one_that_keeps_rows() -> None:
    text = "def work():\n    kept = []\n    def take(book):\n        kept.append(book)\n"
    text += "    for book in Book.objects.all():\n        take(book)\n    return kept\n"
    assert message(text).endswith(", unless they stay in kept")
    assert "unless" not in message(text.replace("kept.append(book)", "print(book)"))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("models.CharField(unique=True, choices=KINDS)", []),
        ("models.CharField(unique=True)", ["DJQ101"]),
        ("models.CharField(choices=KINDS)", ["DJQ101"]),
    ],
)
def test_a_row_for_each_choice(field: str, expected: list[str]) -> None:
    text = f"from django.db import models\nclass Channel(models.Model):\n    kind = {field}\n"
    assert codes(f"{text}def work():\n    for channel in Channel.objects.all():\n        send(channel)\n") == expected


@pytest.mark.parametrize(
    ("later", "expected"),
    [("log(books.count())", []), ("log(books.first())", []), ("log(Book.objects.count())", ["DJQ104"])],
)
def test_a_test_whose_load_answers_more(later: str, expected: list[str]) -> None:
    text = f"{HEAD}def show():\n    books = Book.objects.order_by('pk')\n    if books:\n        {later}\n"
    assert codes(text, "shop/views.py") == expected


def test_a_count_before_the_rows_go_elsewhere() -> None:
    text = f"{HEAD}def show(users):\n    books = Book.objects.all()\n    if books.count() > 0:\n        {{}}\n"
    assert "DJQ104" not in codes(text.format("send(books, books.count())"), "shop/views.py")
    assert codes(text.format("send(users)"), "shop/views.py") == ["DJQ104"]
    # One number answers both questions.
    assert codes(text.format("send(books.count() > 2)"), "shop/views.py") == ["DJQ201"]


def test_callers_in_the_file_that_prefetch() -> None:
    models = "from django.db import models\nclass Author(models.Model):\n    pass\nclass Book(models.Model):\n"
    models += "    author = models.ForeignKey(Author, models.CASCADE, related_name='books')\n"
    asks = f"{models}def describe(author: Author):\n    return author.books.count() > 0\n"
    caller = "def every():\n    rows = Author.objects.prefetch_related('books')\n    return [{}(row) for row in rows]\n"
    assert codes(asks + caller.format("describe"), "shop/views.py") == []
    assert codes(asks + caller.format("other"), "shop/views.py") == ["DJQ104"]


def test_rows_that_unknown_code_may_save_are_walked_by_key_on_sqlite() -> None:
    text = "def work():\n    for book in Book.objects.all():\n        {}\n"
    for body in ("sell(book)", "book.sell()", "book.save()"):
        assert "SQLite may show a stream what its loop has written" in message(text.format(body), database="sqlite")
    assert "stream it" in message(text.format("print(book.title)"), database="sqlite")


def test_rows_that_are_loaded_to_be_locked() -> None:
    text = f"{HEAD}def work():\n    books = list(Book.objects.{{}})\n    send(books)\n"
    assert codes(text.format("select_for_update()")) == []
    assert codes(text.format("filter(sold=True)")) == ["DJQ102"]


def test_a_method_of_a_manager_that_asks_by_its_own_sql() -> None:
    text = "from django.db import models\nclass EventManager(models.Manager):\n    def due(self):\n"
    text += "        return self.{}\n"
    text += "class Event(models.Model):\n    objects = EventManager()\n"
    text += "def work():\n    for event in Event.objects.due():\n        send(event)\n"
    assert codes(text.format("raw('SELECT * FROM event')")) == []
    assert codes(text.format("filter(due=True)")) == ["DJQ101"]
    asks = text.replace("    for event in Event.objects.due():\n        send(event)\n", "    send({})\n")
    # It has no count() and no exists().
    for question, code in (("len(Event.objects.due())", "DJQ103"), ("not Event.objects.due()", "DJQ104")):
        assert codes(asks.format("raw('SELECT * FROM event')", question)) == []
        assert codes(asks.format("filter(due=True)", question)) == [code]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ("    if year:\n        return books", []),
        ("    if not year:\n        return\n    return books", []),
        ("    return books", ["DJQ104"]),
        ("    if not year:\n        raise ValueError\n    return books", ["DJQ104"]),
    ],
)
def test_a_function_that_may_give_none(ends: str, expected: list[str]) -> None:
    text = f"{HEAD}def unsold(year):\n    books = Book.objects.filter(sold=None)\n{ends}\n"
    text += "def show(request):\n    if unsold(request.year):\n        return 1\n"
    assert codes(text, "shop/views.py") == expected


def test_an_attribute_that_a_method_sets_after_it_was_none() -> None:
    text = "class Service:\n    def __init__(self):\n        self.key = None\n"
    text += "    def start(self):\n        self.key = {}\n        self.show()\n"
    text += (
        "    def show(self):\n        for book in Book.objects.filter(parent__pk=self.key):\n            send(book)\n"
    )
    assert codes(HEAD + text.format("find_key()")) == []
    assert codes(HEAD + text.format("None")) == []
    assert codes(HEAD + text.replace("        self.key = {}\n", "")) == ["DJQ101"]


@pytest.mark.parametrize(
    ("loop", "collection"),
    [
        ("    by = {}\n    for isbn, year in rows:\n        by[isbn] = year\n    send(by)", "by"),
        ("    send({isbn: year for isbn, year in rows})", "a dict"),
        ("    send([(year, isbn) for isbn, year in rows])", "a list"),
    ],
)
def test_values_that_all_stay(loop: str, collection: str) -> None:
    rows = "Book.objects.values_list('isbn', 'year')"
    said = message(f"def work(send):\n{loop.replace('rows', rows)}\n")
    assert said.endswith(f"they all stay in {collection}, which grows with the table: work in batches")


@pytest.mark.parametrize("loop", ["[isbn for isbn, year in rows]", "{isbn: 1 for isbn, year in rows}"])
def test_values_of_which_a_part_stays(loop: str) -> None:
    text = f"def work(send):\n    send({loop.replace('rows', 'Book.objects.values_list(1, 2)')})\n"
    assert "stream it: " in message(text)


def test_a_collection_that_is_added_to_is_not_emptied() -> None:
    text = "def work():\n    kept = []\n    for book in Book.objects.all():\n        kept.append(book)\n        {}\n"
    assert "they all stay in kept" in message(text.format("kept += [1]"))
    assert "they all stay in kept" not in message(text.format("kept = [1]"))


def test_rows_that_go_through_a_generator() -> None:
    text = "def work():\n    for book in Book.objects.all():\n        yield {}\n"
    doubt = ", unless whoever goes through the generator keeps them"
    for given in ("book", "book, 1", "{'book': book}"):
        assert message(text.replace("{}", given)).endswith(f"stream it: Book.objects.iterator(chunk_size=2000){doubt}")
    assert doubt not in message(text.replace("{}", "book.isbn"))


@pytest.mark.parametrize("database", ["auto", "mysql", "postgresql"])
def test_rows_of_a_database_that_an_alias_names(database: str) -> None:
    text = "def work():\n    for book in Book.objects.using(OLD).all():\n        send(book)\n"
    said = message(text, database=database)
    assert said.endswith("or walk it by key if that database is MySQL, whose drivers load the whole result")
    streamed = text.replace(".all()", ".all().iterator(chunk_size=2000)")
    assert codes(HEAD + streamed, database=database) == []
    assert codes(HEAD + streamed.replace(".using(OLD)", ""), database="mysql") == ["DJQ304"]


@pytest.mark.parametrize(
    ("version", "streams"), [("1.10", False), ("1.11", True), ("5.2", True), ("1.9,<1.11", False), ("1.9,<2", True)]
)
def test_postgresql_streams_since_django_1_11(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, streams: bool
) -> None:
    asked = f"Django>={version}" if "," in version else f"Django=={version}"
    project_on_disk(tmp_path, {"manage.py": "", "requirements.txt": f"{asked}\n", COMMAND: ""}, monkeypatch)
    said = message("def work():\n    for book in Book.objects.all():\n        print(book)\n", database="postgresql")
    assert ("stream it" in said) is streams
    assert ("Django before 1.11 loads the whole result from PostgreSQL even for .iterator()" in said) is not streams


def test_what_a_view_prefetches_for_all_its_methods() -> None:
    models = "from django.db import models\nclass Author(models.Model):\n    pass\nclass Book(models.Model):\n"
    models += "    author = models.ForeignKey(Author, models.CASCADE, related_name='books')\n"
    text = f"{models}class View:\n    def get_queryset(self):\n        return Author.objects.prefetch_related('{{}}')\n"
    text += "    def has_books(self, author: Author):\n        return author.books.count() > 0\n"
    assert codes(text.format("books"), "shop/views.py") == []
    assert codes(text.format("awards"), "shop/views.py") == ["DJQ104"]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ("print(books)", []),
        ("log.info('%s', books)", []),
        ("log.info(str(books))", []),
        ("send(f'{books}')", []),
        ("print(books.model)", ["DJQ104"]),
        ("books.update(sold=True)", ["DJQ104"]),
    ],
)
def test_rows_that_are_shown_after_a_test(later: str, expected: list[str]) -> None:
    """A queryset that is made a text shows the rows that the test has loaded, and asks for some where it has not."""
    text = (
        f"{HEAD}def show(name):\n    books = Book.objects.filter(price__gt=name)\n    if len(books):\n        {later}\n"
    )
    assert codes(text, "shop/views.py") == expected
    length = text.replace("    if len(books):", "    print(len(books))\n    if name:")
    assert codes(length, "shop/views.py") == [code.replace("4", "3") for code in expected]


def test_a_count_that_the_test_gives_a_name() -> None:
    text = f"{HEAD}def show():\n    if {{}}Book.objects.count():\n        print(1)\n"
    assert codes(text.format("number := "), "shop/views.py") == []
    assert codes(text.format(""), "shop/views.py") == ["DJQ104"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("batch", []),
        ("chunk", []),
        ("book_batch", []),
        ("batch_ids", []),
        ("books", ["DJQ101"]),
        ("batches", ["DJQ101"]),
    ],
)
def test_rows_of_a_batch(name: str, expected: list[str]) -> None:
    text = f"{HEAD}def work({name}):\n    for event in Event.objects.filter(book__in={name}):\n        send(event)\n"
    assert codes(text) == expected


@pytest.mark.parametrize(("version", "drops"), [("3.2", True), ("4.1", False), ("5.2", False)])
def test_a_stream_that_would_drop_a_prefetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, drops: bool
) -> None:
    project_on_disk(tmp_path, {"manage.py": "", "requirements.txt": f"Django=={version}\n", COMMAND: ""}, monkeypatch)
    text = "def work():\n    for book in Book.objects.prefetch_related('tags'):\n        print(book)\n"
    said = message(text)
    assert ("stream it" in said) is not drops
    assert ("before Django 4.1 .iterator() drops the prefetch: go through it in batches" in said) is drops
    assert "stream it" in message(text.replace(".prefetch_related('tags')", ".all()"))


@pytest.mark.parametrize(
    "loop",
    [
        "    for book in rows:\n        pool.submit(work, book)",
        "    for book in rows:\n        tasks.append(loop.create_task(work(book)))",
        "    for book in rows:\n        waiting.put((book, 1))",
        "    found = {pool.submit(work, book): book.pk for book in rows}",
    ],
)
def test_rows_that_wait_in_a_pool(loop: str) -> None:
    text = f"def start(pool, waiting, tasks):\n{loop}\n".replace("rows", "Book.objects.all()")
    doubt = "unless they wait for their turn in a pool or a queue"
    if "append" not in loop:  # what the list keeps says more
        assert message(text).endswith(doubt)
    assert doubt not in message(text.replace("work, book)", "work, book.pk)").replace("(book, 1)", "book.pk"))


KEPT_ON_ALL_PATHS = {
    "in both branches": "if book.sold:\n    old.append(book)\nelse:\n    new.append(book)",
    "in all three branches": (
        "if book.sold:\n    old.append(book)\nelif book.x:\n    new.append(book)\nelse:\n    old.append(book)"
    ),
    "or by the rest": "if book.sold:\n    old.append(book)\n    continue\nnew.append(book)",
    "or where it failed": "try:\n    book.sell()\n    old.append(book)\nexcept ValueError:\n    new.append(book)",
    "inside of with": "with lock:\n    if book.sold:\n        old.append(book)\n    else:\n        new.append(book)",
}
KEPT_ON_SOME_PATHS = {
    "in one branch": "if book.sold:\n    old.append(book)\nelse:\n    print(book)",
    "without an else": "if book.sold:\n    old.append(book)\nelif book.x:\n    new.append(book)",
    "but for what is skipped": (
        "if book.sold:\n    continue\nif book.x:\n    old.append(book)\nelse:\n    new.append(book)"
    ),
    "not where it failed": "try:\n    old.append(book)\nexcept ValueError:\n    print(book)",
    "in an inner loop": "for tag in tags:\n    if tag:\n        old.append(book)\n    else:\n        new.append(book)",
}


def _with_body(body: str) -> str:
    inner = "".join(f"        {line}\n" for line in body.split("\n"))
    text = "def work(lock, tags):\n    old, new = [], []\n    for book in Book.objects.all():\n"
    return f"{text}{inner}    return old, new\n"


@pytest.mark.parametrize("body", KEPT_ON_ALL_PATHS.values(), ids=KEPT_ON_ALL_PATHS)
def test_rows_that_one_of_several_collections_keeps(body: str) -> None:
    assert "they all stay in new and old: keep only" in message(_with_body(body))


@pytest.mark.parametrize("body", KEPT_ON_SOME_PATHS.values(), ids=KEPT_ON_SOME_PATHS)
def test_rows_that_none_of_them_may_keep(body: str) -> None:
    assert "they all stay" not in message(_with_body(body))


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ("', '.join(map(str, keys))", []),
        ("', '.join(list(map(str, keys)))", []),
        ("', '.join(str(key) for key in keys)", []),
        ("print(', '.join([f'{key}' for key in keys]))", []),
        ("[delete(key) for key in keys]", ["DJQ102"]),
    ],
)
def test_values_that_are_joined(used: str, expected: list[str]) -> None:
    text = f"{HEAD}def work():\n    keys = list(Book.objects.values_list('pk', flat=True))\n    {used}\n"
    assert codes(text) == expected


def test_rows_that_a_function_keeps_for_itself() -> None:
    text = "def find(code):\n    if not find.all:\n        {}.all = {{b.isbn: b for b in Book.objects.all()}}\n"
    assert codes(HEAD + text.format("find")) == []
    assert codes(HEAD + text.format("other")) == ["DJQ101"]


@pytest.mark.parametrize(
    ("between", "later", "expected"),
    [
        ("sell()", "for key in keys:\n        send(key)", []),
        ("print(1)", "for key in keys:\n        send(key)", ["DJQ102"]),
    ],
)
def test_keys_that_were_read_before_other_code_ran(between: str, later: str, expected: list[str]) -> None:
    text = (
        f"{HEAD}def work():\n    keys = list(Book.objects.values_list('pk', flat=True))\n    {between}\n    {later}\n"
    )
    assert codes(text) == expected


def test_a_list_whose_rows_all_stay_is_no_stream() -> None:
    for made in ("{b.isbn: b for b in list(Book.objects.all())}", "[b for b in list(Book.objects.all())]"):
        assert "stream it" not in message(f"def work():\n    send({made})\n")
    text = (
        "def work():\n    kept = []\n    for b in list(Book.objects.all()):\n        kept.append({})\n    return kept\n"
    )
    assert "stream it" not in message(text.format("b"))
    assert "stream it" in message(text.format("b.isbn"))


def test_a_walk_by_key_keeps_an_order_that_saving_leaves_alone() -> None:
    text = "def work():\n    for book in Book.objects.order_by('created'):\n        {}\n        book.save()\n"
    said = message(text.format("book.sold = True"), database="mysql")
    assert "order it by pk" not in said
    assert "walk it by key" in said
    assert "order them by pk" in message(text.format("book.created = None"), database="mysql")
    # A method of the row may save it anywhere: the walk would meet it again.
    moved = text.replace("        book.save()\n", "").format("book.move()")
    assert "order it by pk and walk it by key" in message(moved, database="mysql")
    unordered = text.replace("order_by('created')", "all()")
    assert "order it by pk and walk it by key" in message(unordered.format("book.sold = True"), database="mysql")


def test_a_queryset_that_goes_to_a_method_of_the_project() -> None:
    text = "from django.db import models\nclass Books(models.QuerySet):\n    def of(self, authors):\n"
    text += "        return self.filter(author__in=authors) if authors else self.none()\n"
    text += "class Author(models.Model):\n    pass\n"
    text += "class Book(models.Model):\n    objects = Books.as_manager()\n"
    text += "def show():\n    authors = Author.objects.order_by('pk')\n    if authors:\n        {}\n"
    assert codes(text.format("send(Book.objects.of(authors))"), "shop/views.py") == []
    assert codes(text.format("send(Book.objects.filter(author__in=authors).exists())"), "shop/views.py") == ["DJQ104"]


@pytest.mark.parametrize(
    ("authors", "expected"), [("authors", []), ("[authors]", []), ("Author.objects.all()", ["DJQ101"])]
)
def test_children_of_parents_whose_number_only_callers_know(authors: str, expected: list[str]) -> None:
    text = "from django.db import models\nclass Author(models.Model):\n    pass\nclass Book(models.Model):\n"
    text += "    author = models.ForeignKey(Author, models.CASCADE)\n"
    text += f"def work(authors):\n    for book in Book.objects.filter(author__in={authors}):\n        send(book)\n"
    assert codes(text) == expected


def test_groups_that_a_method_of_the_project_makes() -> None:
    text = "from django.db import models\nclass Visits(models.QuerySet):\n    def a_day(self):\n"
    text += "        return self.values('day').annotate(n=models.Sum('n'))\n    def plain(self):\n"
    text += "        return self.values('day')\nclass Visit(models.Model):\n    objects = Visits.as_manager()\n"
    text += "def work():\n    for row in Visit.objects.{}():\n        send(row)\n"
    assert codes(text.format("a_day")) == []
    assert codes(text.format("plain")) == ["DJQ101"]


def test_no_contains_for_what_may_be_none() -> None:
    text = f"{HEAD}def show(shelf):\n    return {{}} in Book.objects.filter(sold=None)\n"
    assert codes(text.format("shelf.books.first()"), "shop/views.py") == []
    assert codes(text.format("shelf.book"), "shop/views.py") == ["DJQ105"]
    assert codes(text.format("shelf.last"), "shop/views.py") == ["DJQ105"]


def test_rows_of_a_list_that_a_comprehension_keeps_in_part() -> None:
    text = "def work():\n    books = list(Book.objects.all())\n    return {b.isbn: b for b in books if b.sold}\n"
    assert "stream it" not in message(text)
    values = "def work():\n    for pk, year in Book.objects.values_list('pk', 'year'):\n        if year:\n"
    assert "keep only" not in message(values + "            found.append(pk)\n        seen.add(year)\n")
