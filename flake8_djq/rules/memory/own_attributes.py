"""What a class keeps on ``self`` for its methods: whether they look things up in it, and whether they empty it."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator
from typing import TypeGuard

from flake8_djq.querysets.calls import COLLECTORS, is_output
from flake8_djq.querysets.declarations import is_self
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.source import FunctionNode, Source, dotted_name

__all__ = ["TAKES_OUT", "emptied_elsewhere", "is_in_turns", "is_needed_on_self", "passes_over", "targets_of"]

LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Methods that take items out of a collection.
TAKES_OUT = frozenset({"clear", "discard", "pop", "popitem", "popleft", "remove"})
# Methods that give all that a collection holds, for one pass over it.
WHOLE = frozenset({"copy", "items", "keys", "values"})
# Builtins that ask a collection only for its number of items.
NUMBERS = frozenset({"bool", "len"})


def is_needed_on_self(evaluation: Evaluation, kept: str, source: Source) -> bool:
    """Whether rows go to an attribute of ``self`` that its class needs for more than one pass over them.

    Its methods look something up in it, change it, or go through it again. ``kept`` is the collection that a loop puts
    all its rows into, "" for none.
    """
    made_by: ast.AST = evaluation.call or evaluation.node
    if evaluation.how is not How.MATERIALIZE and evaluation.feeds is not None:
        made_by = evaluation.feeds.node
    if isinstance(made_by, LOOPS):
        names = {kept.partition(".")[2]} if kept.startswith(("self.", "cls.")) else set()
    else:
        names = {target.attr for target in (*evaluation.list_reads, *targets_of(made_by, source)) if _is_own(target)}
    passes = [passes_over(read, source) for read in _reads(names, made_by, source)] if names else []
    return None in passes or sum(filter(None, passes)) > 1


def emptied_elsewhere(node: ast.stmt, source: Source) -> frozenset[str]:
    """The attributes of ``self`` that methods of the class empty or replace, but for the one around a node."""
    function = source.function_at(node.lineno)
    if function is None or function.owner is None:
        return frozenset()
    others = (
        part
        for owner in _family(function.owner, source)
        for method in owner.body
        if isinstance(method, FunctionNode) and method is not function.node and method.name != "__init__"
        for part in ast.walk(method)
    )
    return frozenset(dotted_name(emptied) for part in others if (emptied := _emptied(part)) is not None)


def _emptied(node: ast.AST) -> ast.expr | None:
    """The attribute of ``self`` that a node empties, replaces or takes items out of."""
    held = node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TAKES_OUT:
        held = node.func.value
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Del):
        held = node.value
    elif not isinstance(node, ast.Attribute) or isinstance(node.ctx, ast.Load):
        return None
    return held if _is_own(held) else None


def _is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and is_self(node.value)


def _family(owner: ast.ClassDef, source: Source) -> list[ast.ClassDef]:
    """A class with those of the file that it is built on, and those that are built on it."""
    own = _lineage(owner.name, source)
    return [node for name, node in source.classes.items() if name in own or owner.name in _lineage(name, source)]


def _lineage(name: str, source: Source) -> set[str]:
    pending, found = [name], set[str]()
    while pending:
        name = pending.pop()
        if name in source.classes and name not in found:
            found.add(name)
            pending.extend(map(dotted_name, source.classes[name].bases))
    return found


def targets_of(made: ast.AST, source: Source) -> Iterable[ast.expr]:
    """What a new collection is assigned to: ``self.rows`` of ``self.rows = sorted([*queryset])``."""
    around = source.parents.get(made)
    while (
        (isinstance(around, ast.Call) and dotted_name(around.func) in COLLECTORS)
        or isinstance(around, ast.Starred)
        or (isinstance(around, ast.List | ast.Tuple | ast.Set) and isinstance(made, ast.Starred))
    ):
        made, around = around, source.parents.get(around)
    if isinstance(around, ast.AnnAssign):
        return [around.target]
    return around.targets if isinstance(around, ast.Assign) else []


def _reads(names: set[str], made_by: ast.AST, source: Source) -> Iterator[ast.Attribute]:
    """Where a class reads its attributes; what the code that fills them does meanwhile does not count."""
    function = source.function_at(getattr(made_by, "lineno", 0))
    if function is None or function.owner is None:
        return
    filling = set(ast.walk(made_by))
    for owner in _family(function.owner, source):
        for node in ast.walk(owner):
            if _is_own(node) and node.attr in names and isinstance(node.ctx, ast.Load) and node not in filling:
                yield node


def passes_over(read: ast.expr, source: Source) -> int | None:
    """How many passes over a collection reading it may be; None where something is looked up in it, or changed."""
    around = source.parents[read]
    if isinstance(around, ast.Attribute):
        call = source.parents[around]
        if isinstance(call, ast.Call) and call.func is around:
            if around.attr not in WHOLE:
                return None
            read, around = call, source.parents[call]
    if isinstance(around, ast.Subscript) and around.value is read:
        is_part = isinstance(around.slice, ast.Slice | ast.Constant) and isinstance(around.ctx, ast.Load)
        if not is_part:
            return None
    if isinstance(around, ast.Compare) and any(isinstance(test, ast.In | ast.NotIn) for test in around.ops):
        return None
    if _asks_for_number(read, around):
        return 0
    return None if is_in_turns(read, source) else 1


def _asks_for_number(read: ast.expr, around: ast.AST) -> bool:
    if isinstance(around, ast.If | ast.While | ast.IfExp | ast.Assert):
        return around.test is read
    if isinstance(around, ast.Compare):
        return all(isinstance(test, ast.Is | ast.IsNot) for test in around.ops)
    if isinstance(around, ast.Call):
        return dotted_name(around.func) in NUMBERS or is_output(around)
    return isinstance(around, ast.UnaryOp)


def is_in_turns(node: ast.AST, source: Source, but_for: Container[ast.AST] = ()) -> bool:
    """Whether a node stands in what a loop or a comprehension does on each of its turns, inside of ``but_for``."""
    around = source.parents.get(node)
    while around is not None and not isinstance(around, FunctionNode) and around not in but_for:
        if isinstance(around, LOOPS) and node is not getattr(around, "iter", None) and node not in around.orelse:
            return True
        if isinstance(around, ast.comprehension) and node is not around.iter:
            return True
        if isinstance(around, COMPREHENSIONS) and node is not around.generators[0]:
            return True
        node, around = around, source.parents.get(around)
    return False
