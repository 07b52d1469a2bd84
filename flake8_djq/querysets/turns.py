"""Which queries run again on each turn of a loop although nothing in them changes."""

from __future__ import annotations

import ast

from flake8_djq.querysets.evaluations import Evaluation, Loop
from flake8_djq.source import dotted_name

__all__ = ["is_asked_on_each_turn", "may_be_asked_on_each_turn", "waits_for_change"]


def is_asked_on_each_turn(evaluation: Evaluation) -> bool:
    """Whether the innermost loop runs this query on each of its turns although nothing in it changes.

    Also where the loop makes a queryset of the same words on each turn before it goes over that
    (``rules = Rule.objects.all()`` and then ``for rule in rules``), and where all of that stands in a ``try``.
    """
    if evaluation.same_on_each_turn:
        return True
    if not may_be_asked_on_each_turn(evaluation):
        return False
    loop = evaluation.loops[-1]
    return not loop.opaque and not any(map(evaluation.queryset.may_read, loop.writes))


def may_be_asked_on_each_turn(evaluation: Evaluation) -> bool:
    """The same, unless the loop changes rows that the query reads: perhaps it does, or code that nobody can follow."""
    queryset = evaluation.queryset
    if not evaluation.how.loads or not evaluation.loops or not queryset.certain or queryset.perhaps_prefetched:
        return False
    loop = evaluation.loops[-1]
    if loop.proves_little or "?" in queryset.key:
        return False
    if evaluation.repeated_by_loop or evaluation.perhaps_cached or evaluation.handed_on_before:
        return False  # the rows may be in the cache
    return _on_each_turn(evaluation, loop) and not _names(evaluation, loop) & loop.bound_names


def waits_for_change(evaluation: Evaluation) -> bool:
    """Whether a loop ends by what the query answers: then somebody else changes its rows."""
    loop = evaluation.loops[-1].node if evaluation.loops else None
    return isinstance(loop, ast.While) and any(part is evaluation.node for part in ast.walk(loop.test))


def _on_each_turn(evaluation: Evaluation, loop: Loop) -> bool:
    """Whether each turn runs the query: nothing but the body of a ``try`` is around it, and no turn is the last one."""
    if evaluation.every_turn:
        return True
    inside = evaluation.path[len(loop.path) :]
    if evaluation.path[: len(loop.path)] != loop.path:
        return False
    if not all(isinstance(part, ast.Try) and _holds(part.body, evaluation.node) for part in inside):
        return False
    return not any(
        isinstance(part, ast.Break | ast.Return | ast.Raise)
        or (isinstance(part, ast.Continue) and part.lineno < evaluation.node.lineno)
        for part in ast.walk(loop.node)
    )


def _holds(body: list[ast.stmt], node: ast.expr) -> bool:
    return body[0].lineno <= node.lineno <= (body[-1].end_lineno or 0)


def _names(evaluation: Evaluation, loop: Loop) -> frozenset[str]:
    """The names that the query is made of: of a variable of the loop those of what each turn puts in it."""
    queryset, node, variable = evaluation.queryset, evaluation.node, dotted_name(evaluation.node)
    names = queryset.names | _names_in(evaluation.call or node)
    made = _made_in(loop, variable)
    if made is None or made.value is not queryset.node or made.lineno >= node.lineno:
        return names
    return (names - {variable}) | _names_in(made.value)


def _names_in(node: ast.expr) -> frozenset[str]:
    return frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _made_in(loop: Loop, name: str) -> ast.Assign | None:
    """The one statement of a loop that assigns a variable, where each turn runs it."""
    if not name.isidentifier() or not isinstance(loop.node, ast.For | ast.AsyncFor | ast.While):
        return None
    stored = [
        part
        for part in ast.walk(loop.node)
        if isinstance(part, ast.Name) and part.id == name and not isinstance(part.ctx, ast.Load)
    ]
    assigned = (part for part in loop.node.body if isinstance(part, ast.Assign) and part.targets == stored)
    return next(assigned, None)
