"""Collections of values that a function makes once to look things up in them on the turns of a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from flake8_djq.querysets.evaluations import Evaluation
from flake8_djq.rules.memory.own_attributes import is_in_turns, passes_over, targets_of
from flake8_djq.source import FunctionNode, Source

__all__ = ["is_needed_on_turns"]


def is_needed_on_turns(evaluation: Evaluation, source: Source) -> bool:
    """Whether what a comprehension makes of values goes to a name that a later loop needs on each of its turns."""
    made = evaluation.feeds.node if evaluation.feeds is not None else None
    if not evaluation.queryset.values or not isinstance(made, ast.expr):
        return False
    names = {target.id for target in targets_of(made, source) if isinstance(target, ast.Name)}
    function = source.function_at(made.lineno)
    if not names or function is None:
        return False
    found = [node for name in names for node in _names_in(function.node)[name]]
    if len(names) < sum(not isinstance(node.ctx, ast.Load) for node in found):
        return False  # the name may hold something else by then
    around = set(_around(made, source))
    return any(
        is_in_turns(read, source, around) and passes_over(read, source) is None
        for read in found
        if isinstance(read.ctx, ast.Load)
    )


@lru_cache(maxsize=8)
def _names_in(function: FunctionNode) -> dict[str, list[ast.Name]]:
    found: dict[str, list[ast.Name]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            found.setdefault(node.id, []).append(node)
    return found


def _around(node: ast.AST, source: Source) -> Iterator[ast.AST]:
    while node in source.parents:
        node = source.parents[node]
        yield node
