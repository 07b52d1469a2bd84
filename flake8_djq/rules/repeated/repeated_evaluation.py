"""DJQ201 repeated-evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import replace
from flake8_djq.fixes.statements import (
    answer_name,
    awaited,
    free_name,
    keep_in_name,
    owning_statement,
    same_scope,
)
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.turns import waits_for_change
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
    the code may see different rows. Measured (Django 5.2, Python 3.11): a count that is asked for twice is 2
    statements, and 1 after the edit (the tests in `tests/proof/rules` run it). Where the query loads rows, each run
    costs the whole load: 5 to 11 seconds for 300,000 rows of about 360 bytes on SQLite, PostgreSQL and MariaDB
    (`make proof`).

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
    query may differ from call to call (`timezone.now()`, `order_by("?")`). On relations that a prefetch may have
    filled, and where only the name of a method of the project suggests that it gives a queryset. In the test of a
    `while`, which waits for others to change the rows, and across a `yield`.

    ## Fix safety
    Unsafe: the two evaluations may be meant to see different rows, and two lists become one. The answer of the first is
    used for the second: where the first line gives it a name, by that name, or else by a new variable on a line above
    it. Written for counts, `exists()`, `get()`, `aggregate()` and the like, and for loads in the same form of rows that
    are not unbounded. No edit for streams and indices, in comprehensions, where the two stand in different functions,
    and, where a new variable is needed, for a question that spans lines or stands in an `elif` or a `while`.

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
        if first is None or first.node is subject.node or waits_for_change(first) or waits_for_change(subject):
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
        yield self.finding(file, subject.node, message, lambda: self._edit(subject, first, file))

    def _edit(self, subject: Evaluation, first: Evaluation, file: File) -> Edit | None:
        """The answer of the first run used for the second, where both ask for something that is no load of all rows."""
        source = file.source
        if How.STREAM in (subject.how, first.how) or How.INDEX in (subject.how, first.how):
            return None
        if subject.how.loads and (subject.by != first.by or subject.bound is Bound.UNBOUNDED):
            return None
        asked = awaited(source, first.call or first.node)
        again = awaited(source, subject.call or subject.node)
        statement = owning_statement(source, asked)
        if statement is None or not same_scope(source, asked, again):
            return None
        name = answer_name(source, statement, asked)
        if name is not None:
            parts = replace(source, again, name)
        else:
            name = free_name(source, first)
            parts = keep_in_name(source, statement, name, asked, again) if name else None
        return Edit(parts, safe=False) if parts else None

    def _first(self, subject: Evaluation) -> Evaluation | None:
        """The earlier run of the same SQL."""
        if subject.queryset.perhaps_loaded:
            return None
        if subject.how is How.STREAM and not subject.perhaps_cached and subject.streamed_before is not None:
            return subject.streamed_before
        if subject.how is How.INDEX:
            for earlier in subject.certainly_before:
                if earlier.how is subject.how and not subject.perhaps_cached and earlier.path == subject.path:
                    return earlier
        return subject.repeats
