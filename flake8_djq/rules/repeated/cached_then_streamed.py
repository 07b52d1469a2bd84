"""DJQ204 cached-then-streamed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import drop, feeds_a_loop
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import spell

__all__ = ["CachedThenStreamed"]


class CachedThenStreamed(Rule[Evaluation]):
    """`.iterator()` on a queryset whose rows are loaded already.

    ## What it does
    Flags `.iterator()` on a queryset object that was looped over, made into a list or measured with `len()`
    before, on every path.

    ## Why is this bad?
    The rows are in the result cache. `.iterator()` neither reads nor empties it: the query runs again, and all rows are
    in memory as well, so it costs more time and saves nothing. Measured with a queryset on a table of 10,000 rows
    (Django 5.2, Python 3.11; the tests in `tests/proof/rules` run it): 2 statements and 0.33 to 0.49 seconds on SQLite,
    PostgreSQL and MariaDB, against 1 statement and 0.18 to 0.25 seconds; the peak of memory was 6 to 7 MB, and 5 to 6
    MB without the stream.

    ## Example
    ```python
    orders = Order.objects.filter(paid=False)
    total = sum(order.amount for order in orders)
    for order in orders.iterator(chunk_size=2000):
        remind(order)
    ```

    ## Use instead
    ```python
    orders = Order.objects.filter(paid=False)
    total = sum(order.amount for order in orders)
    for order in orders:
        remind(order)
    ```
    or, when the table is large, both in one pass over `orders.iterator(chunk_size=2000)`.

    ## When it is silent
    On a new object of the same query (`orders.all().iterator()` has no cache, and is judged by DJQ201). After
    `.count()` and `.exists()`, which load no rows. After a truth test (that is DJQ202). Where the rows were written in
    between, or changed in memory by the first loop.

    ## Fix safety
    Safe: `.iterator()` is taken away, and reading the cache gives the rows that were loaded. It is written only where a
    loop, a comprehension or a function that takes any iterable (`list()`, `sum()`, `zip()` ...) goes through the rows
    on the spot: elsewhere code may ask for an iterator, by `next()` for example.

    ## References
    - [QuerySet.iterator()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#iterator)
    """

    code = "DJQ204"
    name = "cached-then-streamed"
    on = On.EVERYWHERE
    fix = Fix.SAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.STREAM:
            return
        cached = subject.cached
        if cached is None or cached.how is How.TRUTH or cached.mutates_rows:
            return
        message = (
            f"{spell(subject.node)} runs the query again although line {cached.node.lineno} has loaded its rows;"
            " loop over the queryset itself, or do both in one streamed pass"
        )
        yield self.finding(file, subject.node, message, lambda: self._edit(subject, file))

    def _edit(self, subject: Evaluation, file: File) -> Edit | None:
        """`.iterator(...)` taken away, where what takes the rows is content with any iterable."""
        call = subject.call
        if call is None or not isinstance(call.func, ast.Attribute) or not feeds_a_loop(file.source, call):
            return None
        parts = drop(file.source, file.source.span(call.func.value)[1], file.source.span(call)[1])
        return Edit(parts, safe=True) if parts else None
