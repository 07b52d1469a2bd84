"""DJQ304 iterator-loads-everything."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.calls import COLLECTORS, CONSUMERS, WRAPPERS
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.memory.hoarding import kept_in
from flake8_djq.rules.memory.streaming import Remedy, keyset_remedy, no_walk, why_no_stream
from flake8_djq.rules.streaming.chunk_size import chunk_size_of
from flake8_djq.rules.wording import spell
from flake8_djq.source import Source, last_name

__all__ = ["IteratorLoadsEverything"]

# Functions and methods that go through what they are given, at once or as they are gone through themselves.
READERS = frozenset(
    {"next", "anext", "join", "extend", "update", "fromkeys", "Counter", "deque", "writerow", "writerows", "writelines"}
    | {"executemany", "bulk_create", "bulk_update", "abulk_create", "abulk_update", "nlargest", "nsmallest"}
    | {"accumulate", "compress", "dropwhile", "filterfalse", "from_iterable", "groupby", "pairwise", "starmap"}
    | {"takewhile", *COLLECTORS, *CONSUMERS}
)


class IteratorLoadsEverything(Rule[Evaluation]):
    """`.iterator()` on a database whose driver loads the whole result first.

    ## What it does
    Flags `.iterator()` and `.aiterator()` over an unbounded queryset in batch code where the project runs on MySQL or
    MariaDB, or on PostgreSQL with `DISABLE_SERVER_SIDE_CURSORS` or under a Django before 1.11. The message names the
    setting that says so; without a project around the file, `--djq-database` says it.

    ## Why is this bad?
    The code looks as if it streamed, and does not. For 300,000 rows of about 360 bytes `.iterator()` took as much
    memory as the plain loop on MariaDB (307 MB each), and 317 MB against 387 MB on PostgreSQL without server-side
    cursors; walking the table by its key took 2 to 3 MB on both (Django 5.2, Python 3.11; `make proof`).

    ## Example
    ```python
    for event in Event.objects.iterator(chunk_size=2000):
        archive(event)
    ```

    ## Use instead
    ```python
    for event in keyset_iterator(Event.objects.all()):
        archive(event)
    ```
    `flake8-djq keyset PATH` writes the iterator into the project.

    ## When it is silent
    Where the database is not known, or streams: SQLite, Oracle, PostgreSQL with server-side cursors; also behind a
    transaction pooler, where they break outside a transaction and stream in one. On what is bounded, and outside batch
    code. Where the stream is handed to functions, and nothing shows that one of them reads it: a stream that nobody
    reads runs no query. After a prefetch where `chunk_size` is missing: that is DJQ302. With `--djq-remedy=iterator`.

    ## Fix safety
    Unsafe: it orders by the key where the queryset has no order, and runs a query for each chunk. It needs
    `--djq-keyset-helper`.

    ## References
    - [Django: MySQL notes](https://docs.djangoproject.com/en/5.2/ref/databases/#mysql-notes)
    - [Django: transaction pooling and server-side cursors](https://docs.djangoproject.com/en/5.2/ref/databases/#transaction-pooling-and-server-side-cursors)
    """

    code = "DJQ304"
    name = "iterator-loads-everything"
    on = On.BATCH
    fix = Fix.UNSAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.STREAM or subject.bound is not Bound.UNBOUNDED or subject.queryset.raw:
            return
        if file.options.remedy == "iterator":
            return
        if subject.queryset.prefetches and subject.call is not None and chunk_size_of(subject.call) is None:
            return  # a prefetch without chunk_size is an error: that is DJQ302
        if file.database.breaks_cursors:
            return
        why = why_no_stream(subject, file)
        if not why or _may_stay_unread(subject, file.source):
            return
        remedy = self._remedy(subject, file)
        message = f"{spell(subject.node)} does not stream: {why}; {remedy.text}"
        yield self.finding(file, subject.node, message, remedy.edit, subject.queryset.model)

    def _remedy(self, subject: Evaluation, file: File) -> Remedy:
        call, kept = subject.call, kept_in(subject, file.source)
        problem = kept.remedy or no_walk(subject)
        if problem or call is None or not isinstance(call.func, ast.Attribute):
            return Remedy(problem or "go through it in batches, by key")
        remedy = keyset_remedy(subject, file, call.func.value, call, "")
        return remedy._replace(text=remedy.text + kept.remark)


def _may_stay_unread(subject: Evaluation, source: Source) -> bool:
    """Whether a stream goes to functions, and to none that surely reads it: without a reader no query runs."""
    if subject.stream_read:
        return False
    given_to = {_callee(place, source) for place in subject.stream_handed_on} - {""}
    return bool(given_to) and not given_to & READERS


def _callee(node: ast.AST, source: Source) -> str:
    """The last name of the function that an expression is passed to, wrapped or not.

    "" where it is passed to none, or to one whose result a loop goes through: such a function hands out the rows.
    """
    around = source.parents.get(node)
    if isinstance(around, ast.keyword):
        return _callee(around, source)
    if not isinstance(around, ast.Call) or around.func is node:
        return ""
    if getattr(source.parents.get(around), "iter", None) is around:
        return ""
    last = last_name(around.func)
    return _callee(around, source) if last in WRAPPERS else last or "?"
