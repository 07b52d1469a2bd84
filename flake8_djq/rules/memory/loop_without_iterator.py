"""DJQ101 loop-without-iterator."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.memory.streaming import Remedy, remedy_for
from flake8_djq.rules.wording import spell

__all__ = ["LoopWithoutIterator"]

# Uses that read the rows from the cache that a loop has filled.
READS = (How.LOOP, How.MATERIALIZE, How.LENGTH, How.INDEX, How.MEMBERSHIP, How.TRUTH)


class LoopWithoutIterator(Rule[Evaluation]):
    """A loop in batch code holds every row of a table in memory.

    ## What it does
    Flags a loop (`for`, `async for`, a comprehension, `enumerate`, `zip`, `tqdm` ...) over a queryset that
    nothing bounds, where it goes through the queryset's result cache.

    ## Why is this bad?
    A queryset that is looped over keeps all its rows as objects until the queryset itself goes away. The memory of the
    process grows with the table. Measured with 300,000 rows of about 330 bytes (Django 5.2, Python 3.11), peak above
    the idle process:

    | | plain loop | `.iterator(2000)` |
    |---|---|---|
    | SQLite | 233 MB | 5 MB |
    | PostgreSQL (psycopg 3) | 347 MB | 4 MB |
    | PostgreSQL, `DISABLE_SERVER_SIDE_CURSORS` | 347 MB | 284 MB |
    | MariaDB (mysqlclient) | 281 MB | 281 MB |

    ## Example
    ```python
    for event in Event.objects.all():
        archive(event)
    ```

    ## Use instead
    ```python
    for event in Event.objects.iterator(chunk_size=2000):
        archive(event)
    ```
    Where the driver loads the whole result first (MySQL, MariaDB, PostgreSQL behind a transaction pooler), walk the
    table by its primary key in batches instead; tell the linter with `--djq-database`.

    ## When it is silent
    Outside batch code (`--djq-contexts=batch,web` adds the rest). Where something bounds the rows: a slice with a
    stop, a lookup by key, children of one parent row, a small model. Where the rows are cached already by an earlier
    loop. Where the loop changes the rows and the same queryset is handed on afterwards (`bulk_update`). Where the
    linter does not know that the thing is a queryset. A queryset that is looped over twice is flagged once, and
    `.iterator()` is not offered: it would run the query twice.

    ## Fix safety
    `.iterator()` gives the same rows in the same order. It does not fill the result cache, so it is offered only
    where nothing reads that cache later.

    ## References
    - [QuerySet.iterator()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#iterator)
    - [When QuerySets are evaluated](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#when-querysets-are-evaluated)
    """

    code = "DJQ101"
    name = "loop-without-iterator"
    on = On.BATCH
    fix = Fix.SAFE_OR_UNSAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.LOOP or subject.bound is not Bound.UNBOUNDED or subject.queryset.raw:
            return
        if any(
            earlier.how in (How.LOOP, How.MATERIALIZE) for earlier in subject.perhaps_before if earlier is not subject
        ):
            return
        if subject.handed_on_before or subject.queryset.perhaps_loaded:
            return  # its rows may be loaded already: then a stream would load them again
        if subject.same_on_each_turn:
            return  # asked anew on each turn of an outer loop: that is DJQ203
        reuse = self._reuse(subject)
        if reuse is None:
            return
        text = spell(subject.node)
        origin = f" (here {subject.queryset.origin})" if subject.queryset.origin else ""
        message = f"this loop holds every row of {text}{origin} in memory; "
        remedy = Remedy(reuse, None) if reuse else remedy_for(subject, file)
        yield self.finding(file, subject.node, message + remedy.text, remedy.edit)

    def _reuse(self, subject: Evaluation) -> str | None:
        """What else uses the cached rows, as the end of the message; "" for nothing, None where that is not known."""
        own = {subject.node}
        later = [use for use in subject.later_uses(*READS) if use.node not in own]
        if later and subject.mutates_rows:
            return None
        if later:
            use = later[0]
            if all(other.how is How.LENGTH for other in later):
                return f"line {use.line} takes their len(): ask .count() once before, then stream the rows here"
            return (
                f"line {use.line} reads the same rows again, so .iterator() would run the query twice:"
                " do both in one pass over the rows"
            )
        if subject.later_uses(How.ESCAPE):
            return None
        streams = subject.later_uses(How.STREAM)
        if streams:
            return f"line {streams[0].line} runs the query again for a stream: do both in one pass over the rows"
        if any(use.node in own for use in subject.later_uses(How.LOOP)):
            return (
                None
                if not subject.every_turn
                else (
                    "an outer loop goes over them on its later turns too, so .iterator() would run the query each time:"
                    " narrow it before that loop"
                )
            )
        filled = [earlier for earlier in subject.perhaps_before if earlier.how.fills_cache and earlier is not subject]
        if filled:
            earlier = filled[0]
            if len(filled) > 1:
                lines = " and ".join(str(other.node.lineno) for other in filled)
                return f"lines {lines} need them loaded too: do all of it in one pass over the rows"
            line = earlier.node.lineno
            if earlier.how is How.LENGTH and earlier.asks_existence is None:
                return f"line {line} has loaded them for their len(): ask .count() there, then stream the rows here"
            return f"line {line} has loaded them for its test: stream them here, and see by them whether there are any"
        return ""
