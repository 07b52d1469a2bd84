"""Loops that keep every row: streaming them gains nothing."""

from __future__ import annotations

import ast
from functools import lru_cache

from flake8_djq.querysets.evaluations import Evaluation, Loop
from flake8_djq.source import FunctionNode, dotted_name

__all__ = ["is_kept_on_purpose", "kept_in"]

KEEPS = frozenset({"add", "append", "appendleft"})
MEMOISING = frozenset({"cache", "lru_cache", "memoize", "memoized"})
COMPREHENSIONS = {ast.ListComp: "a list", ast.SetComp: "a set", ast.DictComp: "a dict"}


def kept_in(evaluation: Evaluation) -> str:
    """The collection that every row goes into as it is and that outlives the loop, in words; "" where there is none.

    Rows that are kept under a condition, or in a collection that the loop empties, are not meant.
    """
    loop = evaluation.feeds
    if loop is None:
        return ""
    if isinstance(loop.node, ast.For | ast.AsyncFor) and isinstance(loop.node.target, ast.Name):
        row = loop.node.target.id
        return next((name for part in loop.node.body if (name := _kept_by(part, row)) and name not in loop.resets), "")
    return _comprehension(loop, evaluation.node)


def _comprehension(loop: Loop, iterated: ast.expr) -> str:
    made = COMPREHENSIONS.get(type(loop.node), "")
    generators: list[ast.comprehension] = getattr(loop.node, "generators", [])
    if not made or len(generators) != 1 or generators[0].ifs or generators[0].iter is not iterated:
        return ""
    kept = loop.node.value if isinstance(loop.node, ast.DictComp) else getattr(loop.node, "elt", None)
    target = generators[0].target
    return made if isinstance(target, ast.Name) and kept is not None and _is_row(kept, target.id) else ""


def _kept_by(statement: ast.stmt, row: str) -> str:
    """The collection into which a statement puts the row."""
    if isinstance(statement, ast.Assign) and _is_row(statement.value, row):
        held = next((target.value for target in statement.targets if isinstance(target, ast.Subscript)), None)
        return _name(held)
    call = statement.value if isinstance(statement, ast.Expr) else None
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in KEEPS
        and len(call.args) == 1
        and _is_row(call.args[0], row)
    ):
        return _name(call.func.value)
    return ""


def _name(node: ast.expr | None) -> str:
    """``groups`` of ``groups[key]`` and of ``groups.setdefault(key, [])``."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else getattr(node.func, "value", None)
    return dotted_name(node) if node is not None else ""


def _is_row(node: ast.expr, row: str) -> bool:
    """Whether an expression is the row, or holds it beside other values."""
    if isinstance(node, ast.Tuple | ast.List):
        return any(_is_row(part, row) for part in node.elts)
    return isinstance(node, ast.Name) and node.id == row


def is_kept_on_purpose(evaluation: Evaluation, function: FunctionNode | None) -> bool:
    """Whether a collection made of the rows is there to be kept: a memoised result, or one in a global name."""
    made_by = evaluation.feeds.node if evaluation.feeds is not None else evaluation.call
    if function is None or isinstance(made_by, ast.For | ast.AsyncFor):
        return False
    decorators = {
        dotted_name(part.func if isinstance(part, ast.Call) else part).rpartition(".")[2]
        for part in function.decorator_list
    }
    if decorators & MEMOISING:
        return True
    return made_by in _held_by_globals(function)


@lru_cache(maxsize=8)
def _held_by_globals(function: FunctionNode) -> frozenset[ast.AST]:
    """What a function assigns to global names."""
    nodes = list(ast.walk(function))
    names = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    return frozenset(
        node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id in names for target in node.targets)
    )
