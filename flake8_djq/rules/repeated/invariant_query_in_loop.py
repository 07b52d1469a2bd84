"""DJQ203 invariant-query-in-loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.statements import awaited, free_name, keep_in_name, keeps_its_value, move_above, owning_statement
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.turns import is_asked_on_each_turn, waits_for_change
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import spell
from flake8_djq.source import dotted_name

__all__ = ["InvariantQueryInLoop"]


class InvariantQueryInLoop(Rule[Evaluation]):
    """A query that does not depend on the loop runs on every turn of it.

    ## What it does
    Flags the evaluation of a queryset inside a `for` loop or a comprehension when nothing in the query changes from
    turn to turn.

    ## Why is this bad?
    The loop asks the database the same question as often as it has turns, and gets the same answer. Measured with
    `get()` of one row in a loop of 500 turns, in a table of 20 rows (Django 5.2, Python 3.11; the tests in
    `tests/proof/rules` run it): 500 statements took 0.23 seconds on SQLite, 0.41 on MariaDB and 1.09 to 1.17 on
    PostgreSQL; the one above the loop took 0.01 to 0.02 seconds.

    ## Example
    ```python
    for row in rows:
        default = Category.objects.get(slug="default")
        lines.append(f"{row}: {default.name}")
    ```

    ## Use instead
    ```python
    default = Category.objects.get(slug="default")
    for row in rows:
        lines.append(f"{row}: {default.name}")
    ```

    ## When it is silent
    When the query depends on the loop variable or on anything that the loop assigns, other than the queryset itself.
    When the loop writes to the model, or calls code that the linter does not know and that may. When the query does not
    run on every turn (under an `if`, a `try` handler, or, unless it loads rows, in a `try` at all), or the body ends in
    `break`, `return` or `raise`. In `while True` loops, and in the test of any `while`, which often wait for an answer
    to change, and in generators, since whoever goes through one may write between its turns. On a queryset object
    from outside the loop that is loaded once and then cached. On relations that a prefetch may have filled, and where
    only the name of a method of the project suggests that it gives a queryset.

    ## Fix safety
    Unsafe: code elsewhere may change the rows while the loop runs, and the question is asked once even where the loop
    has no turns. A line that only gives the answer a name is moved above the loop; of any other the question is kept in
    a new variable above it, and the variable stands in its place. No edit for streams and indices, inside a `try`,
    where the loop gives the queryset a name before it asks it, where the variable has another value elsewhere in the
    loop, where the question spans lines, and where it may not run at all (behind `and`, `or`, in an arm of a
    conditional expression).

    ## References
    - [Database access optimization](https://docs.djangoproject.com/en/5.2/topics/db/optimization/)
    """

    code = "DJQ203"
    name = "invariant-query-in-loop"
    on = On.EVERYWHERE
    fix = Fix.UNSAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if not is_asked_on_each_turn(subject) or waits_for_change(subject) or _is_in_a_world_of_its_own(subject, file):
            return
        text, line = spell(subject.node), getattr(subject.loops[-1].node, "lineno", 0)
        message = (
            f"{text} does not depend on the loop and runs on each turn of line {line}; ask once and keep the answer"
        )
        yield self.finding(file, subject.node, message, lambda: self._edit(subject, file))

    def _edit(self, subject: Evaluation, file: File) -> Edit | None:
        """The line that asks moved above the loop; or the question kept in a variable there."""
        source, loop = file.source, subject.loops[-1].node
        asked = awaited(source, subject.call or subject.node)
        statement = owning_statement(source, asked)
        outer = loop if isinstance(loop, ast.stmt) else owning_statement(source, loop)
        if statement is None or outer is None or subject.how in (How.STREAM, How.INDEX):
            return None
        if not subject.same_on_each_turn:
            return None  # the loop makes the queryset that it asks, or catches what asking raises
        kept = _kept_in(statement, asked)
        if kept and not keeps_its_value(outer, statement, kept):
            return None
        if kept and statement in bodies(outer) and len(bodies(outer)) > 1:
            parts = move_above(source, statement, outer)
        else:
            name = free_name(source, subject)
            parts = keep_in_name(source, outer, name, asked) if name else None
        return Edit(parts, safe=False) if parts else None


def _is_in_a_world_of_its_own(evaluation: Evaluation, file: File) -> bool:
    """Whether each turn asks within what it has set up: ``with schema_of(tenant): Token.objects.count()``."""
    loop = evaluation.loops[-1]
    around = file.source.parents.get(evaluation.node)
    while around is not None and around is not loop.node:
        for item in getattr(around, "items", ()):
            if any(isinstance(part, ast.Name) and part.id in loop.bound_names for part in ast.walk(item.context_expr)):
                return True
        around = file.source.parents.get(around)
    return False


def _kept_in(statement: ast.stmt, asked: ast.expr) -> str:
    """The variable of a statement that does nothing but give the answer a name."""
    if isinstance(statement, ast.Assign) and statement.value is asked and len(statement.targets) == 1:
        return dotted_name(statement.targets[0])
    return ""


def bodies(loop: ast.stmt) -> list[ast.stmt]:
    """The statements that a loop runs on each turn."""
    return loop.body if isinstance(loop, ast.For | ast.AsyncFor | ast.While) else []
