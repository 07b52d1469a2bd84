"""DJQ102 materialized-queryset."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.calls import COLLECTORS, CONSUMERS, WRAPPERS, is_output
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.turns import is_asked_on_each_turn
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.memory.hoarding import Share, kept_in
from flake8_djq.rules.memory.on_purpose import asks_a_person, is_kept_on_purpose
from flake8_djq.rules.memory.own_attributes import is_needed_on_self
from flake8_djq.rules.memory.streaming import Remedy, remedy_for
from flake8_djq.rules.wording import spell
from flake8_djq.source import dotted_name, last_name

__all__ = ["MaterializedQueryset"]


# What makes the key of `sorted()` from names of attributes or items.
GETTERS = frozenset({"attrgetter", "itemgetter"})
# Calls that a query or a stream could serve as well.
SERVED = frozenset({"join", "len", *COLLECTORS, *CONSUMERS, *WRAPPERS})


class MaterializedQueryset(Rule[Evaluation]):
    """A whole table is made into a list, set, dict or data frame in batch code.

    ## What it does
    Flags `list()`, `set()`, `tuple()`, `sorted()`, `frozenset()`, `dict()`, `*queryset`, `",".join()`
    and `pandas.DataFrame()` of a queryset that nothing bounds.

    ## Why is this bad?
    All rows are in memory at once, twice for a moment: in the queryset's result cache and in the collection. To load
    300,000 rows of about 360 bytes took 269 MB above the idle process on SQLite, 307 MB on MariaDB and 387 MB on
    PostgreSQL (`make proof`; Django 5.2, Python 3.11). The same rows streamed took 4 to 5 MB where the driver streams,
    and 2 to 4 MB by key on all of them. `list()` itself, of 30,000 rows of about 650 bytes and made only to be looped
    over (the tests in `tests/proof/rules` run it): 39 MB on SQLite and 66 MB on PostgreSQL, streamed 6 to 7 MB.

    ## Example
    ```python
    events = list(Event.objects.filter(sent=False))
    for event in events:
        send(event)
    ```

    ## Use instead
    ```python
    for event in Event.objects.filter(sent=False).iterator(chunk_size=2000):
        send(event)
    ```

    ## When it is silent
    Outside batch code. On what is bounded: a slice with a stop (`list(queryset[:100])`), a lookup by key, children of
    one parent, small models. On GROUP BY results (`values("day").annotate(...)`) and on `distinct()` values, which are
    few where people ask for them. On `list(queryset.iterator())`. On values that are looked up on each turn of a loop
    (`in`, `.get()`, an index). On lists that are gone through on each turn of a loop, that the code changes, or that
    something picks from. On a collection that is kept on purpose: what a function with `functools.cache` gives, what a
    `global` name, a class (`Shelf.books = ...`) or Django's cache holds, or what the class keeps on `self` and looks
    things up in, changes or goes through more than once. On values (`values_list()`) that are handed on, compared or
    searched together. In functions that ask a person (`input()`). On rows that are loaded before a write to their
    model, and read after it: they are the rows as they were. Where the rows were looped over or made into a collection
    before, or the queryset is looped over or handed on later. Inside a loop that does not change the query (that is
    DJQ203). On `raw()`. Under `select_for_update()`,
    which locks what is loaded.

    ## Fix safety
    Unsafe: a list can be read again, indexed and measured; a stream cannot. It is written only for a `list()` or
    `tuple()` that exactly one loop goes over and nothing else reads: the call goes away, and `.iterator()` or the
    keyset iterator takes its place, as `--djq-database` and `--djq-remedy` say (see DJQ101, which also says where there
    is no edit at all).

    ## References
    - [When QuerySets are
    evaluated](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#when-querysets-are-evaluated)"""

    code = "DJQ102"
    name = "materialized-queryset"
    on = On.BATCH
    fix = Fix.UNSAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.MATERIALIZE or subject.bound is not Bound.UNBOUNDED or subject.queryset.raw:
            return
        if "select_for_update" in subject.queryset.steps:
            return  # the rows are loaded to be locked, all at once
        if subject.list_needed or (subject.list_searched and subject.queryset.values):
            return  # one load serves many lookups
        if subject.list_outlives_write:
            return  # the rows as they were before
        if subject.queryset.perhaps_loaded or subject.later_uses(How.ESCAPE, How.LOOP, How.MATERIALIZE):
            return  # the cache has them already, or holds them for what comes
        if subject.queryset.values and (
            any(_is_needed_whole(node, file) for node in (subject.call, *subject.list_reads) if node is not None)
            or any(_is_joined(node, file) for node in subject.list_loops)
        ):
            return
        if any(
            earlier.how in (How.LOOP, How.MATERIALIZE) for earlier in subject.perhaps_before if earlier is not subject
        ):
            return
        if is_asked_on_each_turn(subject):
            return  # of an outer loop: that is DJQ203
        function = file.function_at(subject.node)
        if is_kept_on_purpose(subject, function) or asks_a_person(function):
            return
        if is_needed_on_self(subject, "", file.source):
            return
        built = {"*": "* holds", "[::]": "a slice with a step loads", "join": "join() holds"}.get(
            subject.by, f"{subject.by}() holds"
        )
        remedy = self._remedy(subject, file)
        message = f"{built} every row of {spell(subject.node)} in memory; {remedy.text}"
        yield self.finding(file, subject.node, message, remedy.edit, subject.queryset.model)

    def _is_looped_once(self, subject: Evaluation) -> bool:
        return len(subject.list_loops) == 1 and not subject.list_reads - subject.list_loops

    def _remedy(self, subject: Evaluation, file: File) -> Remedy:
        looped_once = self._is_looped_once(subject)
        if looped_once and subject.by == "sorted" and subject.call is not None and _sorts_as_database(subject.call):
            sort = f"let the database sort and stream it: {spell(subject.node)}.order_by(...).iterator(...)"
            return Remedy(sort, None)
        if looped_once and subject.by in ("list", "tuple"):
            kept = kept_in(subject, file.source)
            if kept.share in (Share.NONE, Share.PERHAPS):
                remedy = remedy_for(subject, file, subject.call)
                return remedy._replace(text=remedy.text + kept.remark)
        if subject.by == "join":
            return Remedy("the text grows with the table: work in batches", None)
        # What else a collection is for, a stream could not do.
        return Remedy("ask the database for what is needed of them, or work in batches", None)


def _sorts_as_database(call: ast.Call) -> bool:
    """Whether `sorted()` sorts by what rows hold: the rows themselves, their attributes or items, or some of these."""
    key = next((word.value for word in call.keywords if word.arg == "key"), None)
    if isinstance(key, ast.Call):
        return dotted_name(key.func).rpartition(".")[2] in GETTERS
    return key is None or (
        isinstance(key, ast.Lambda) and not any(isinstance(part, ast.Call) for part in ast.walk(key))
    )


def _is_joined(node: ast.expr, file: File) -> bool:
    """Whether all values of a list go into one text: ``", ".join(map(str, keys))``, or with a comprehension."""
    around: ast.AST | None = node
    while isinstance(around, ast.expr | ast.comprehension):
        around = file.source.parents.get(around)
        if isinstance(around, ast.Call) and last_name(around.func) == "join":
            return True
    return False


def _is_needed_whole(node: ast.expr, file: File) -> bool:
    """Whether an expression that holds values is used in a way that neither a query nor a stream could serve."""
    parents = file.source.parents
    around = parents.get(node)
    if isinstance(around, ast.keyword):
        return not (around.arg or "").endswith("__in")
    if isinstance(around, ast.Call) and node is not around.func:
        last = last_name(around.func)
        return last not in SERVED and not is_output(around)
    return isinstance(
        around, ast.Return | ast.Yield | ast.BinOp | ast.Compare | ast.Dict | ast.List | ast.Tuple | ast.Set
    )
