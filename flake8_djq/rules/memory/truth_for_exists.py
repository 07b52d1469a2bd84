"""DJQ104 truth-for-exists."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import Replacements, ancestors, call_on, call_on_inside
from flake8_djq.querysets.api import METHODS, Runs
from flake8_djq.querysets.evaluations import Evaluation, How, ManagerTruth, Subject, Use
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import called, spell
from flake8_djq.source import FunctionNode, Source, dotted_name, last_name

__all__ = ["TruthForExists"]

# What each way of asking makes the database or the process do.
WASTE = {
    How.TRUTH: "this test loads every row",
    How.LENGTH: "len() loads every row",
    How.COUNT: "this counts every row",
}


# Calls that are given the names of relations to prefetch.
PREFETCHING = frozenset({"prefetch_related", "Prefetch", "prefetch_related_objects"})


class TruthForExists(Rule[Subject]):
    """A queryset is loaded or counted only to know whether it has rows.

    ## What it does
    Flags `if queryset`, `not queryset`, `bool(queryset)`, `queryset.count() > 0`, `queryset.count() == 0`,
    `if queryset.count()`, `len(queryset) > 0` and the like, where no path uses the rows afterwards. A *manager*
    in a truth test gets a message of its own: it is an object like any other and always true.

    ## Why is this bad?
    A truth test loads every row, `.count()` makes the database visit every row; `.exists()` stops at the first.
    Measured on a table of 30,000 rows of about 650 bytes (Django 5.2, Python 3.11; the tests in `tests/proof/rules` run
    it): `if queryset` took 35 MB above the idle process and 0.5 seconds on SQLite, 59 MB and 0.7 seconds on PostgreSQL,
    52 MB and 0.5 seconds on MariaDB; with `.exists()` less than 1 MB and 0.01 seconds. It grows with the table: to load
    300,000 rows of about 360 bytes took 269 to 387 MB there (`make proof`).

    ## Example
    ```python
    if Order.objects.filter(paid=False):
        remind()
    ```

    ## Use instead
    ```python
    if Order.objects.filter(paid=False).exists():
        remind()
    ```

    ## When it is silent
    Where the rows are used later through the same object, printed too, or the queryset may be None: the test then asks
    something else or pays for itself. Where a count is also used as a number, or gets a name (`if number := ...`). On a
    slice with a stop, and on raw queries. On a relation that the function asks for more than once: one load may answer
    all, and on one that it, its class or its caller in the file prefetches by its name. Under `select_for_update()`.
    Inside a loop over an object from outside it: the first test fills the cache for all turns.

    ## Fix safety
    Safe: the answer is the same. A comparison is written anew as a whole: `queryset.count() == 0` becomes
    `not queryset.exists()`. A manager in a test gets no edit, since what is meant is not known; nor does a test that
    also gives the queryset a name (`:=`).

    ## References
    - [QuerySet.exists()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#exists)
    """

    code = "DJQ104"
    name = "truth-for-exists"
    on = On.EVERYWHERE
    fix = Fix.SAFE
    subject = Subject

    def check(self, subject: Subject, file: File) -> Iterator[Finding]:
        if isinstance(subject, ManagerTruth):
            text = spell(subject.node)
            message = (
                f"{text} is a manager, which is always true, so this test decides nothing;"
                f" leave it out, or if rows are meant ask for them: {text}.exists()"
            )
            yield self.finding(file, subject.node, message)
        elif isinstance(subject, Evaluation) and subject.asks_existence is not None:
            yield from self._evaluation(subject, file)

    def _evaluation(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how not in WASTE or subject.perhaps_cached or subject.result_used:
            return
        if subject.queryset.raw:
            return  # raw() gives rows and no question about them
        if "select_for_update" in subject.queryset.steps:
            return  # the rows are loaded to be locked
        if any(use.how.loads for use in subject.later):
            return
        if subject.queryset.one_row and any(use.how in (How.ROW, How.INDEX) for use in subject.later):
            return  # the one row is fetched anyway
        if subject.queryset.sliced and subject.bound is Bound.BOUNDED:
            return  # a page of rows
        queryset = subject.node
        if subject.how is not How.COUNT:
            # Loading pays where the rows are used later, perhaps by code elsewhere, or on the next turn of a loop.
            if (
                subject.shared
                or subject.repeated_by_loop
                or any(use.how.uses_rows or use.how is How.COUNT or _reads_cache(use) for use in subject.later)
            ):
                return
        else:
            if subject.call is None or not isinstance(subject.call.func, ast.Attribute):
                return
            queryset = subject.call.func.value
            if any(use.how is How.COUNT for use in subject.later):
                return  # one number answers both: that is DJQ201
            if subject.queryset.perhaps_prefetched and (
                _is_asked_more(queryset, file) or _is_prefetched_here(queryset, file)
            ):
                return
        exists = "aexists()" if subject.by == "acount" else "exists()"
        remedy = (
            ("" if subject.asks_existence else "not ")
            + ("await " if exists == "aexists()" else "")
            + called(queryset, exists)
        )
        waste = WASTE[subject.how].replace("every row", "the row") if subject.queryset.one_row else WASTE[subject.how]
        if subject.queryset.perhaps_prefetched:
            waste = f"unless they are prefetched, {waste}"
        message = f"{waste} of {spell(queryset)} to know whether there is one; ask just that: {remedy}"
        yield self.finding(file, subject.node, message, lambda: self._edit(subject, queryset, exists, file))

    def _edit(self, subject: Evaluation, queryset: ast.expr, exists: str, file: File) -> Edit | None:
        parts = self._parts(subject, queryset, exists, file)
        return Edit(parts, subject.queryset.certain) if parts else None

    def _parts(self, subject: Evaluation, queryset: ast.expr, exists: str, file: File) -> Replacements | None:
        """The test as a question: the whole of it is written anew, but a plain truth test only gets a call."""
        whole = subject.whole
        if whole is None:
            return None if isinstance(queryset, ast.NamedExpr) else call_on(file.source, queryset, exists)
        if isinstance(whole, ast.NamedExpr):
            return None
        around = ancestors(file.source, whole)
        denied = bool(around) and isinstance(around[-1], ast.UnaryOp) and isinstance(around[-1].op, ast.Not)
        # Of "if qs.count()" the test itself says which answer counts; a comparison says it inside.
        asks = subject.asks_existence if isinstance(whole, ast.Compare) else True
        if denied and not asks:
            whole, asks = around[-1], True  # type: ignore[assignment]
        before = ("" if asks else "not ") + ("await " if exists == "aexists()" else "")
        return call_on_inside(file.source, whole, queryset, exists, before)


def _is_asked_more(relation: ast.expr, file: File) -> bool:
    """Whether the function asks a relation for more than this: one load, or one count, could answer all."""
    function = file.function_at(relation)
    return function is not None and _asked(function)[dotted_name(relation)] > 1


def _is_prefetched_here(relation: ast.expr, file: File) -> bool:
    """Whether the function, one of the file that calls it, or its class prefetches a relation of this name.

    What ``get_queryset()`` and ``queryset`` of a view prefetch, ``self.get_object()`` has.
    """
    if isinstance(relation, ast.Call) and isinstance(relation.func, ast.Attribute):
        relation = relation.func.value  # order.lines.all()
    function, last = file.function_at(relation), dotted_name(relation).rpartition(".")[2]
    if function is None or "refetch" not in file.source.text:
        return False
    owner = next((found.owner for found in file.source.functions if found.node is function), None)
    return any(
        last in names and (where in (function, owner) or _mentions(where, function.name))
        for where, names in _prefetched(file.source).items()
    )


def _mentions(where: ast.AST, name: str) -> bool:
    """Whether a function calls another one of the file, or hands it on."""
    return any(last_name(node) == name for node in ast.walk(where))


@lru_cache(maxsize=2)
def _prefetched(source: Source) -> dict[ast.AST, frozenset[str]]:
    """The functions and classes of a file that prefetch relations, and the names of these; of ``books__tags`` each."""
    found: dict[ast.AST, frozenset[str]] = {}
    for where in (*(function.node for function in source.functions), *source.classes.values()):
        calls = (node for node in ast.walk(where) if isinstance(node, ast.Call))
        texts = [
            part.value
            for call in calls
            if last_name(call.func) in PREFETCHING
            for part in ast.walk(call)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        if texts:
            found[where] = frozenset(name for text in texts for name in text.split("__"))
    return found


@lru_cache(maxsize=8)
def _asked(function: FunctionNode) -> Counter[str]:
    """How often a function calls a method that reads rows, by the name of what it is called on."""
    names = (
        dotted_name(node.value)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr in METHODS and METHODS[node.attr].runs is not Runs.WRITE
    )
    return Counter(filter(None, names))


def _reads_cache(use: Use) -> bool:
    """`first()` and `last()` of an ordered queryset take a cached row; `get()` and `latest()` ask again."""
    func = use.node.func if isinstance(use.node, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr.removeprefix("a") in ("first", "last")
