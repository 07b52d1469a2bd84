"""DJQ203 invariant-query-in-loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import spell

__all__ = ["InvariantQueryInLoop"]


class InvariantQueryInLoop(Rule[Evaluation]):
    """A query that does not depend on the loop runs on every turn of it.

    ## What it does
    Flags the evaluation of a queryset inside a ``for`` loop or a comprehension when nothing in the query changes from turn to turn.

    ## Why is this bad?
    The loop asks the database the same question as often as it has turns, and gets the same answer: 10,000 turns at half a
    millisecond each are five seconds of waiting.

    ## Example
    ```python
    for row in rows:
        default = Category.objects.get(slug="default")
        save(row, default)
    ```

    ## Use instead
    ```python
    default = Category.objects.get(slug="default")
    for row in rows:
        save(row, default)
    ```

    ## When it is silent
    When the query depends on the loop variable or on anything that the loop assigns. When the loop writes to the model, or calls code that the
    linter does not know and that may. When the query does not run on every turn (under an ``if``, a ``try`` handler). In ``while True`` loops, which
    often wait for an answer to change. On a queryset object from outside the loop that is loaded once and then cached.

    ## Fix safety
    Unsafe: code elsewhere may change the rows while the loop runs.

    ## References
    - [Database access optimization](https://docs.djangoproject.com/en/5.2/topics/db/optimization/)
    """

    code = "DJQ203"
    name = "invariant-query-in-loop"
    on = On.EVERYWHERE
    fix = Fix.UNSAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        queryset = subject.queryset
        if not subject.loops or not subject.every_turn or not queryset.certain or "?" in queryset.key:
            return
        loop = subject.loops[-1]
        if loop.opaque or queryset.model in loop.writes or _proves_little(loop.node):
            return
        if subject.repeated_by_loop and (subject.how.fills_cache or subject.perhaps_cached):
            return  # the first turn fills the cache for the others
        names = queryset.names | {
            name.id for name in ast.walk(subject.call or subject.node) if isinstance(name, ast.Name)
        }
        if names & loop.bound_names or "self" in names and queryset.shared:
            return
        text, line = spell(subject.node), getattr(loop.node, "lineno", 0)
        message = f"{text} does not depend on the loop and runs on each of its turns; ask once, before line {line}"
        yield self.finding(file, subject.node, message)


def _proves_little(node: ast.AST) -> bool:
    """``while True`` waits for something that changes elsewhere; a body that ends in ``break`` has one turn."""
    if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
        return True
    return isinstance(node, ast.For | ast.AsyncFor | ast.While) and isinstance(
        node.body[-1], ast.Break | ast.Return | ast.Raise
    )
