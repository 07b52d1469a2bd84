"""DJQ101 loop-without-iterator."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from flake8_djq.findings import Finding
from flake8_djq.querysets.calls import PIECES
from flake8_djq.querysets.evaluations import Evaluation, How, Use
from flake8_djq.querysets.turns import is_asked_on_each_turn, may_be_asked_on_each_turn
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.memory.hoarding import Kept, Share, kept_in
from flake8_djq.rules.memory.looked_up import is_needed_on_turns
from flake8_djq.rules.memory.on_purpose import asks_a_person, is_kept_on_purpose
from flake8_djq.rules.memory.own_attributes import is_needed_on_self
from flake8_djq.rules.memory.streaming import Remedy, remedy_for, why_no_stream
from flake8_djq.rules.wording import spell

__all__ = ["LoopWithoutIterator"]

# Uses that read the rows from the cache that a loop has filled.
READS = (How.LOOP, How.MATERIALIZE, How.LENGTH, How.INDEX, How.MEMBERSHIP, How.TRUTH, How.COUNT, How.EXISTS)
# Those that need no rows.
NUMBERS = (How.LENGTH, How.TRUTH, How.COUNT, How.EXISTS)


class LoopWithoutIterator(Rule[Evaluation]):
    """A loop in batch code holds every row of a table in memory.

    ## What it does
    Flags a loop (`for`, `async for`, a comprehension, `enumerate`, `zip`, `tqdm` ...) over a queryset that
    nothing bounds, where it goes through the queryset's result cache.

    ## Why is this bad?
    A queryset that is looped over keeps all its rows as objects until the queryset itself goes away. The memory of the
    process grows with the table. Measured by `make proof` with 300,000 rows of about 360 bytes (Django 5.2, Python
    3.11), peak above the idle process:

    | | plain loop | `.iterator(chunk_size=2000)` | by key, 2,000 at a time |
    |---|---|---|---|
    | SQLite | 269 MB | 5 MB | 4 MB |
    | PostgreSQL (psycopg 3) | 387 MB | 4 MB | 2 MB |
    | PostgreSQL, `DISABLE_SERVER_SIDE_CURSORS` | 387 MB | 317 MB | 2 MB |
    | MariaDB (mysqlclient) | 307 MB | 307 MB | 3 MB |

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
    Where the driver loads the whole result first (MySQL, MariaDB, PostgreSQL with `DISABLE_SERVER_SIDE_CURSORS` or
    under a Django before 1.11), or server-side cursors break (PostgreSQL behind a transaction pooler: `pool_mode =
    transaction` in `pgbouncer.ini`, `POOL_MODE` in a compose file), walk the table by its key instead: `for event
    in keyset_iterator(Event.objects.all())`. `flake8-djq keyset PATH` writes that iterator, and
    `--djq-keyset-helper` names it. `--djq-database` decides which of the two is offered: by key on `mysql` (MariaDB
    too) and `postgresql-pooled`, and on `sqlite` where the loop saves the rows that it reads; otherwise
    `.iterator()`. `--djq-remedy=iterator` or `keyset` overrules it.

    ## When it is silent
    Outside batch code (`--djq-contexts=batch,web` adds the rest). Where something bounds the rows: a slice with a stop,
    a lookup by key, children of one parent row, a small model (one that `--djq-small-models` names, or that
    `--djq-table-sizes` shows to be small). Where the rows are cached already by an earlier loop, or may be since other
    code has had the queryset. Where the same queryset is handed on afterwards, or its rows are changed by the loop and
    read again (`bulk_update`). On `raw()`. Inside another loop that does not change the query (that is DJQ203); where
    the turns of a `while` share one cache. Where a collection is made of the rows to be kept: what a function with
    `functools.cache` gives, what a `global` name, a class (`Shelf.books = ...`) or Django's cache holds, or what the
    class keeps on `self` and looks things up in (or goes through more than once). Where a comprehension makes one of
    values (`values_list()`) that a later loop looks up, hands on or goes through on each of its turns. In a function
    that asks a person (`input()`). Where the linter does not know that the thing is a queryset, or whether a condition
    leaves a few rows: one held by a name, `filter(**lookups)`, equality of a field that mostly tells rows apart
    (`email`, `slug`, `name` ...), or its beginning (`slug__startswith=word`). In code that only other files show to be
    batch code, also where a parameter may limit the rows.

    A queryset that is looped over twice is flagged once, and `.iterator()` is not offered: it would run the query
    twice. Nor is it where every row goes into a collection that outlives the loop, as it is or inside a new dict,
    list or object (`objects.append(Payment(order=order))`), be it another one on each path: a stream would gain
    nothing, nor would a single pass. Nor where `.iterator()` would drop a prefetch (Django before 4.1). Where only
    other code knows whether a row stays, the message says so: where a call makes of it what goes into the
    collection (`stats.append(describe(order))`: "unless what goes into stats keeps them"), or is handed it beside a
    collection that was empty before the loop (`collect(order, found)`: "unless they stay in found"), where a
    generator gives them away, or a pool or queue gets them (`pool.submit(work, order)`).

    Where the loop stands in another one that runs the same query on each of its turns, and nobody can see whether that
    changes rows, the message says both: to ask once before the outer loop, or else to stream.

    ## Fix safety
    `.iterator()` gives the same rows, and it is safe where nothing that happens between the first row and the last
    could make a difference, and their order stays. That takes all of these:

    - The rows go through a `for` loop or a list, set or dict comprehension, or straight into `sum()`, `any()`, `all()`,
      `min()` or `max()`.
    - The body calls nothing that the linter does not know, does not `yield` or `await`, and ends no connection and no
      transaction.
    - It writes nothing, to any table, unless `--djq-database` is `postgresql` or `oracle`. SQLite may show a stream
      what its loop has written.
    - The queryset prefetches nothing, and is made by Django's own methods or by such of the project as the linter
      reads.
    - It has an order that ends with the key; or it has no order, joins no tables and computes no columns. PostgreSQL
      plans the cursor of a stream for its first rows, and so may take another way through the tables. Measured there
      with 10,000 rows: with `select_related()` and no order all of them came in another place than in a plain loop,
      with an order that has ties 8,967, with one that ends with the key none.

    Elsewhere it is unsafe, and always in generators and through `enumerate()`, `zip()`, `tqdm()` and the like.

    The keyset iterator is always unsafe: each chunk is a query of its own, which sees what was written by then. It
    needs `--djq-keyset-helper`; without it the message says how to get one. It is offered for querysets that surely can
    be walked in their own order: no slices, unions or groups, and no lookups or orders across relations.

    There is no edit under `select_for_update()`; where the loop adds rows to the table that it reads, since a walk by
    key would never end, nor would a stream on SQLite; where it saves the rows that it reads, in an order that does not
    end with the key, since it may move them within it; where the rows are read later or were loaded before, since
    `.iterator()` would run the query again; where code outside the function holds the queryset too; around
    `reversed()`; and for `.aiterator()` with a prefetch, which Django does from 5.0 on only.

    ## References
    - [QuerySet.iterator()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#iterator) - [When QuerySets are
    evaluated](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#when-querysets-are-evaluated)"""

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
        if is_asked_on_each_turn(subject):
            return  # asked anew on each turn of an outer loop: that is DJQ203
        reuse = self._reuse(subject, file)
        function = file.function_at(subject.node)
        if reuse is None or is_kept_on_purpose(subject, function) or asks_a_person(function):
            return
        if is_needed_on_turns(subject, file.source):
            return  # one load serves many lookups
        kept = kept_in(subject, file.source)
        if kept.share is Share.ALL and is_needed_on_self(subject, kept.collection, file.source):
            return
        text = spell(subject.node)
        origin = f" (here {subject.queryset.origin})" if subject.queryset.origin else ""
        message = f"this loop holds every row of {text}{origin} in memory; "
        remedy = self._remedy(subject, file, reuse, kept)
        yield self.finding(file, subject.node, message + remedy.text, remedy.edit, subject.queryset.model)

    def _remedy(self, subject: Evaluation, file: File, reuse: str, kept: Kept) -> Remedy:
        if kept.remedy or reuse:
            # Rows that an outer loop goes over on each turn stay anyway.
            return Remedy(reuse if subject.repeated_by_loop else kept.remedy or reuse)
        remedy = remedy_for(subject, file)
        text = remedy.text + kept.remark
        # A ``while`` that asks anew waits for others to change the rows.
        if may_be_asked_on_each_turn(subject) and not isinstance(subject.loops[-1].node, ast.While):
            line = getattr(subject.loops[-1].node, "lineno", subject.node.lineno)
            text = f"line {line} asks for them on each turn: ask once before it if it changes none of them, else {text}"
        return remedy._replace(text=text)

    def _reuse(self, subject: Evaluation, file: File) -> str | None:
        """What else uses the cached rows, as the end of the message; "" for nothing, None where that is not known."""
        own = {subject.node}
        later = [use for use in subject.later_uses(*READS) if use.node not in own]
        before = [earlier for earlier in subject.perhaps_before if earlier is not subject]
        filled = [earlier for earlier in before if earlier.how.fills_cache or earlier.perhaps_cached]
        if later and subject.mutates_rows:
            return None
        if later:
            return self._read_too([*filled, *later], subject, file)
        if subject.later_uses(How.ESCAPE):
            return None
        streams = subject.later_uses(How.STREAM)
        if streams:
            return f"line {streams[0].line} runs the query again for a stream: do both in one pass over the rows"
        waits = bool(subject.loops) and isinstance(subject.loops[-1].node, ast.While)
        one_pass = waits and subject.by in PIECES  # of one and the same iterator
        on_next_turn = subject.brought_by is None and any(use.node in own for use in subject.later_uses(How.LOOP))
        if not one_pass and (subject.repeated_by_loop or on_next_turn):
            if waits or not subject.every_turn:
                return None
            return (
                "an outer loop goes over them on its later turns too, so .iterator() would run the query each time:"
                " only a single pass, with that loop inside, could stream"
            )
        return self._read_too(filled, subject, file) if filled else ""

    def _read_too(self, others: Sequence[Evaluation | Use], subject: Evaluation, file: File) -> str | None:
        """The end of the message where others read the cached rows too: before the loop, or after it."""
        lines = sorted({other.node.lineno for other in others})
        if subject.node.lineno in lines:
            return None  # zip(repeat(x, len(rows)), rows): one load for both
        shown = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"
        if not all(other.how in NUMBERS for other in others):
            reads = "reads" if len(lines) == 1 else "read"
            return (
                f"{shown} {reads} the same rows too, so .iterator() would run the query twice:"
                " only a single pass over them could stream"
            )
        pass_over = "walk the rows by key" if why_no_stream(subject, file) else "stream the rows"
        if len(lines) > 1:
            return f"{shown} need only their number: ask .count() once before, then {pass_over} here"
        [first, *_] = others
        if first.how is How.TRUTH or (isinstance(first, Evaluation) and first.asks_existence is not None):
            tests = "has loaded them for its test" if lines[0] < subject.node.lineno else "tests whether there are any"
            return f"{shown} {tests}: {pass_over} here, and see by them whether there are any"
        number = "takes their len()" if first.how is How.LENGTH else "asks for their number, which the cache has"
        return f"{shown} {number}: ask .count() once before, then {pass_over} here"
