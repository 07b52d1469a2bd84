"""Loops that keep every row: streaming them gains nothing."""

from __future__ import annotations

import ast
from functools import lru_cache

from flake8_djq.querysets.evaluations import Evaluation, Loop
from flake8_djq.source import FunctionNode, dotted_name

__all__ = ["asks_a_person", "is_kept_on_purpose", "kept_in"]

LEAVES = (ast.Break, ast.Continue, ast.Raise, ast.Return)
KEEPS = frozenset({"add", "append", "appendleft"})
CACHES = frozenset({"add", "aadd", "aset", "get_or_set", "set"})
MEMOISING = frozenset({"cache", "lru_cache", "memoize", "memoized"})
COMPREHENSIONS = {ast.ListComp: "a list", ast.SetComp: "a set", ast.DictComp: "a dict"}


def kept_in(evaluation: Evaluation) -> tuple[str, bool]:
    """The collection that rows go into as they are and that outlives the loop, in words, and whether all of them do.

    ("", False) where there is none, or where the loop empties it.
    """
    loop = evaluation.feeds
    if loop is None:
        return "", False
    if not isinstance(loop.node, ast.For | ast.AsyncFor):
        return _comprehension(loop, evaluation.node)
    if not isinstance(loop.node.target, ast.Name):
        return "", False
    row, always = loop.node.target.id, True
    for part in loop.node.body:
        name = _kept_by(part, row)
        if name and name not in loop.resets:
            return name, always
        inner = [node for node in ast.walk(part) if node is not part]
        found = next((_kept_by(node, row) for node in inner if isinstance(node, ast.stmt) and _kept_by(node, row)), "")
        if found and found not in loop.resets:
            return found, False
        always = always and not any(isinstance(node, LEAVES) for node in (part, *inner))
    return "", False


def _comprehension(loop: Loop, iterated: ast.expr) -> tuple[str, bool]:
    made = COMPREHENSIONS.get(type(loop.node), "")
    generators: list[ast.comprehension] = getattr(loop.node, "generators", [])
    if not made or len(generators) != 1 or generators[0].iter is not iterated:
        return "", False
    kept = loop.node.value if isinstance(loop.node, ast.DictComp) else getattr(loop.node, "elt", None)
    target = generators[0].target
    if not isinstance(target, ast.Name) or kept is None or not _is_row(kept, target.id):
        return "", False
    return made, not generators[0].ifs


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
    """Whether a collection made of the rows is there to be kept: memoised, in a global name, in a cache."""
    made_by = evaluation.feeds.node if evaluation.feeds is not None else evaluation.call
    if function is None or isinstance(made_by, ast.For | ast.AsyncFor):
        return False
    decorators = {
        dotted_name(part.func if isinstance(part, ast.Call) else part).rpartition(".")[2]
        for part in function.decorator_list
    }
    if decorators & MEMOISING:
        return True
    return made_by in _held_elsewhere(function)


@lru_cache(maxsize=8)
def _held_elsewhere(function: FunctionNode) -> frozenset[ast.AST]:
    """What a function assigns to global names, or puts into Django's cache."""
    nodes = list(ast.walk(function))
    names = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    names |= {
        part.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CACHES
        if "cache" in dotted_name(node.func.value)
        for part in node.args
        if isinstance(part, ast.Name)
    }
    return frozenset(
        node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id in names for target in node.targets)
    )


def asks_a_person(function: FunctionNode | None) -> bool:
    """Whether a function waits for what somebody types: such a function goes through few rows, and shows them."""
    return function is not None and _asks(function)


@lru_cache(maxsize=8)
def _asks(function: FunctionNode) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "input"
        for node in ast.walk(function)
    )
