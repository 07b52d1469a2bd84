"""DJQ202 probe-then-load."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial

from flake8_djq.context import Kind
from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import Replacements, drop, is_test, replace
from flake8_djq.fixes.statements import follows_at_once, owning_statement, without_condition
from flake8_djq.querysets.evaluations import Evaluation, How, Use
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import spell

__all__ = ["ProbeThenLoad"]

Make = Callable[[], Replacements | None]

LOADS = (How.LOOP, How.MATERIALIZE, How.STREAM)


class ProbeThenLoad(Rule[Evaluation]):
    """A query asks whether there are rows, or how many, and the next one loads them.

    ## What it does
    Flags `.exists()`, `.count()` or `len()`-like probes of a queryset that is loaded whole afterwards, where
    the load itself could answer, and a truth test of a queryset that is then streamed: the test has filled the cache,
    and `.iterator()` ignores it.

    ## Why is this bad?
    One query too many, on every call: 2 statements where 1 does. `if queryset:` before `queryset.iterator()` is worse:
    it loads the whole table first and streams it then. Measured on a table of 30,000 rows of about 650 bytes (Django
    5.2, Python 3.11; the tests in `tests/proof/rules` run it): with the test 37 MB above the idle process on SQLite and
    59 MB on PostgreSQL, without it 6 MB; where the driver does not stream, 73 MB on MariaDB and 81 MB on PostgreSQL
    without server-side cursors, without it 44 and 52 MB.

    ## Example
    ```python
    orders = Order.objects.filter(paid=False)[:100]
    if orders.exists():
        for order in orders:
            remind(order)
    ```

    ## Use instead
    ```python
    for order in Order.objects.filter(paid=False)[:100]:
        remind(order)
    ```

    ## When it is silent
    Where the load does not follow on every path: under a further condition, behind another `return`, only to word an
    error. Where code in between may have changed the rows. On a count *after* the load, which reads the cache. On a
    count that is only shown (a log, `print`, the total of a progress bar) and on any number that is needed before rows
    are streamed, or in batch code before all rows of a table are loaded. On relations that a prefetch may have filled.
    Under `select_for_update()`, where it matters when the rows are locked. Where the rows may be loaded already, and
    where only the name of a method of the project suggests that it gives a queryset.

    ## Fix safety
    Three edits are written: an `if` that guards nothing but the loop over the rows goes away, since a loop over no rows
    does nothing; `rows.exists()` in a test becomes `rows`, whose cache the loop then reads; and `rows.count()` becomes
    `len(rows)`. The last two want a variable that holds the very queryset that is loaded. Safe where the load comes
    right after the probe, as the next statement or the first under its `if`, and where the test loads the rows itself:
    then they are loaded no earlier than they were. Unsafe where other statements stand in between.

    ## References
    - [Don't overuse contains(), count(), and exists()](https://docs.djangoproject.com/en/5.2/topics/db/optimization/#don-t-overuse-contains-count-and-exists)
    """

    code = "DJQ202"
    name = "probe-then-load"
    on = On.EVERYWHERE
    fix = Fix.SAFE_OR_UNSAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        queryset = subject.queryset
        if subject.perhaps_cached or not queryset.certain or queryset.perhaps_prefetched:
            return
        if "select_for_update" in queryset.steps:
            return  # a load locks the rows: when it comes matters
        message = ""
        make: Make = _none
        if subject.how is How.TRUTH:
            streams = subject.later_uses(How.STREAM)
            if streams and not any(use.how in (How.LOOP, How.MATERIALIZE, How.INDEX) for use in subject.later):
                message = (
                    f"this test loads all of {spell(subject.node)}, and line {streams[0].line} streams them again;"
                    " go through them once and see if one comes"
                )
                make = partial(self._without_probe, subject, streams[0], file)
        elif subject.how in (How.EXISTS, How.COUNT) and subject.by.removeprefix("a") in ("exists", "count"):
            message, make = self._probe(subject, file)
        if message:
            yield self.finding(file, subject.node, message, lambda: self._edit(make(), subject, file))

    def _edit(self, parts: Replacements | None, subject: Evaluation, file: File) -> Edit | None:
        return Edit(parts, self._is_safe(subject, file)) if parts else None

    def _is_safe(self, subject: Evaluation, file: File) -> bool:
        """Whether the rows are loaded no earlier than they were: nothing runs between the probe and the load."""
        if subject.how is How.TRUTH:
            return True
        probe = owning_statement(file.source, subject.node)
        load = owning_statement(file.source, self._loads_of(subject)[0].node)
        return probe is not None and load is not None and follows_at_once(file.source, probe, load)

    def _loads_of(self, subject: Evaluation) -> list[Use]:
        """The loads of the same rows that surely follow a probe, in the order of the text."""
        loads = (use for use in subject.later if use.how in LOADS and use.undisturbed and use.alone)
        return sorted(filter(subject.surely_follows, loads), key=lambda use: use.line)

    def _probe(self, subject: Evaluation, file: File) -> tuple[str, Make]:
        """The message, "" for none, and what makes the edit."""
        loads = self._loads_of(subject)
        if not loads or any(_ends_in_raise(node) for use in loads for node in use.path):
            return "", _none
        load = loads[0]
        text = spell(subject.node)
        streamed = any(use.how is How.STREAM for use in subject.later)
        unbounded = subject.bound is Bound.UNBOUNDED and file.context_of_line(subject.node.lineno).kind is Kind.BATCH
        if subject.how is How.EXISTS or subject.asks_existence is not None:
            if streamed or unbounded:
                message = (
                    f"{text} asks what the rows on line {load.line} show anyway; go through them and see if one comes"
                )
                return message, partial(self._without_probe, subject, load, file)
            message = f"{text} costs a query of its own; test the rows themselves, which line {load.line} loads anyway"
            return message, partial(self._rows_instead, subject, load, file)
        if subject.in_output or streamed or unbounded or not load.same_object:
            return "", _none  # rows that are streamed cannot be counted first
        if subject.result_used:
            message = (
                f"{text} asks for a number that the rows loaded on line {load.line} give for free; take their len()"
            )
        else:
            message = f"{text} only feeds output and costs a query; after the load on line {load.line} len() is free"
        return message, partial(self._length_instead, subject, load, file)

    def _without_probe(self, subject: Evaluation, load: Use, file: File) -> Replacements | None:
        """`if rows.exists():` taken away around the loop that is all it guards."""
        statement = owning_statement(file.source, subject.node)
        if not isinstance(statement, ast.If) or statement.orelse or len(statement.body) != 1:
            return None
        loop = statement.body[0]
        if not isinstance(loop, ast.For | ast.AsyncFor) or loop.orelse or not _is_whole_test(subject, statement.test):
            return None
        goes_over_rows = any(node is load.node for node in ast.walk(loop.iter))
        return without_condition(file.source, statement) if goes_over_rows else None

    def _rows_instead(self, subject: Evaluation, load: Use, file: File) -> Replacements | None:
        """`rows.exists()` -> `rows`, in a test."""
        call, source = subject.call, file.source
        if not _is_same_name(call, load) or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            return None
        if subject.how is How.COUNT:
            if not isinstance(subject.whole, ast.Compare):
                return drop(source, source.span(call.func.value)[1], source.span(call)[1])
            return replace(
                source, subject.whole, ("" if subject.asks_existence else "not ") + source.text_of(call.func.value)
            )
        if not is_test(source, call):
            return None
        return drop(source, source.span(call.func.value)[1], source.span(call)[1])

    def _length_instead(self, subject: Evaluation, load: Use, file: File) -> Replacements | None:
        """`rows.count()` -> `len(rows)`."""
        call = subject.call
        if not _is_same_name(call, load) or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            return None
        return replace(file.source, call, f"len({file.source.text_of(call.func.value)})")


def _none() -> Replacements | None:
    """No edit."""
    return None


def _is_whole_test(subject: Evaluation, test: ast.expr) -> bool:
    """Whether a test is true where there are rows, and asks for nothing else."""
    if subject.how is How.COUNT:
        return test is subject.whole and subject.asks_existence is True
    if subject.how is How.TRUTH:
        return test is subject.node
    return test is subject.call or (isinstance(test, ast.Await) and test.value is subject.call)


def _is_same_name(call: ast.Call | None, load: Use) -> bool:
    """Whether a variable is asked and loaded later, so that its result cache serves both."""
    func = call.func if call is not None else None
    return (
        load.same_object
        and isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name)
        and func.attr[0] != "a"
    )


def _ends_in_raise(node: ast.AST) -> bool:
    """Where the load only words an error, the usual way runs one query."""
    return isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise)
