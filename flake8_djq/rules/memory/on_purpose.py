"""Rows that are loaded to stay, or for a person to look at: nothing to tell anybody about."""

from __future__ import annotations

import ast
from functools import lru_cache

from flake8_djq.querysets.evaluations import Evaluation
from flake8_djq.source import FunctionNode, dotted_name

__all__ = ["asks_a_person", "is_kept_on_purpose"]

CACHES = frozenset({"add", "aadd", "aset", "get_or_set", "set"})
MEMOISING = frozenset({"cache", "lru_cache", "memoize", "memoized"})


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
    """What a function assigns to global names or to classes, or puts into Django's cache."""
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
    held = {
        node.value
        for node in nodes
        if isinstance(node, ast.Assign) and any(_outlives(target, names, function.name) for target in node.targets)
    }
    return frozenset(held | {part for value in held if isinstance(value, ast.Call) for part in value.args})


def _outlives(target: ast.expr, names: set[str], function: str) -> bool:
    """Whether what is assigned stays: in a global name, on a class (``Supervisor.all = ...``), on the function."""
    if isinstance(target, ast.Attribute):
        holder = target.value.id if isinstance(target.value, ast.Name) else ""
        return holder in ("cls", function) or holder[:1].isupper()
    return isinstance(target, ast.Name) and target.id in names


def asks_a_person(function: FunctionNode | None) -> bool:
    """Whether a function waits for what somebody types: such a function goes through few rows, and shows them."""
    return function is not None and _asks(function)


@lru_cache(maxsize=8)
def _asks(function: FunctionNode) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "input"
        for node in ast.walk(function)
    )
