"""DJQ201 repeated-evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import spell

__all__ = ["RepeatedEvaluation"]


class RepeatedEvaluation(Rule[Evaluation]):
    """The same query runs twice.

    ## What it does
    Flags the second of two evaluations that run the same SQL because nothing caches it: `.iterator()` twice on one
    queryset, the same `Model.objects...` chain evaluated twice in one function, `queryset.all()` (a new object
    with an empty cache), a method or property that builds a fresh queryset, `queryset[0]` and then `queryset[1]`.

    ## Why is this bad?
    The database does the work twice, and the rows travel twice. Between the two they can change, so the two halves of
    the code may see different rows. A plain load of 300,000 rows of about 330 bytes took 1.2 to 2.0 seconds, on
    SQLite, PostgreSQL and MariaDB (Django 5.2, Python 3.11).

    ## Example
    ```python
    if Order.objects.filter(paid=False).count() > 100:
        warn(Order.objects.filter(paid=False).count())
    ```

    ## Use instead
    ```python
    unpaid = Order.objects.filter(paid=False).count()
    if unpaid > 100:
        warn(unpaid)
    ```

    ## When it is silent
    Where something in between may have changed the rows: a write to the model, or a call of code that the linter does
    not know. Where only one of the two runs on any path. Where the second reads a filled cache. Where a part of the
    query may differ from call to call (`timezone.now()`, `order_by("?")`).

    ## Fix safety
    Unsafe: the two evaluations may be meant to see different rows.

    ## References
    - [Understand QuerySet evaluation](https://docs.djangoproject.com/en/5.2/topics/db/optimization/#understand-queryset-evaluation)
    """

    code = "DJQ201"
    name = "repeated-evaluation"
    on = On.EVERYWHERE
    fix = Fix.UNSAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if not subject.queryset.certain or subject.queryset.perhaps_prefetched:
            return
        first = self._first(subject)
        if first is None or first.node is subject.node:
            return
        text, line = spell(subject.node), first.node.lineno
        if subject.how is How.INDEX:
            message = (
                f"each index into this queryset runs a query (also on line {line}); slice the rows once into a list"
            )
        elif How.STREAM in (subject.how, first.how) or (subject.how.loads and subject.bound is Bound.UNBOUNDED):
            message = f"{text} runs the query of line {line} again; do both in one pass over the rows"
        else:
            message = f"{text} runs the same query as line {line} again; keep the first result in a variable"
        yield self.finding(file, subject.node, message)

    def _first(self, subject: Evaluation) -> Evaluation | None:
        """The earlier run of the same SQL."""
        if subject.how is How.STREAM and not subject.perhaps_cached and subject.streamed_before is not None:
            return subject.streamed_before
        if subject.how is How.INDEX:
            for earlier in subject.certainly_before:
                if earlier.how is subject.how and not subject.perhaps_cached and earlier.path == subject.path:
                    return earlier
        return subject.repeats
