"""What an expression keeps of the row of a loop: the row for certain, perhaps, or nothing of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import IntEnum

from flake8_djq.querysets.calls import COLLECTORS, gives_plain
from flake8_djq.source import Source, dotted_name

__all__ = ["Held", "Holders", "held_as_key", "held_in"]

# Names of what makes an object, besides those of classes: ``self.model(order=row)``.
MAKERS = frozenset({"cls", "dict", "klass", "model"})
# Calls that give one of their arguments back, as it is or item by item, and the place of that argument.
GIVES_BACK = {
    "typing.assert_type": 0,
    "typing.cast": 1,
    "typing_extensions.assert_type": 0,
    "typing_extensions.cast": 1,
    **dict.fromkeys(COLLECTORS, 0),
}
DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict)


class Held(IntEnum):
    """Whether a value keeps a row. What a call makes of its arguments only the code behind it knows."""

    NOT = 0
    PERHAPS = 1
    SURELY = 2


# The names that hold a row.
Holders = Mapping[str, Held]


def held_in(node: ast.expr, holders: Holders, source: Source) -> Held:
    """Whether an expression is a row, holds it beside other values, or is made with it.

    A new object keeps what it is given by name: ``Payment(order=row)``.
    """
    if isinstance(node, ast.Name):
        return holders.get(node.id, Held.NOT)
    if isinstance(node, ast.Call):
        return _held_by_result(node, holders, source)
    if isinstance(node, ast.IfExp):
        arms = {held_in(arm, holders, source) for arm in (node.body, node.orelse)}
        return arms.pop() if len(arms) == 1 else Held.PERHAPS
    keys = [held_as_key(key, holders, source) for key in node.keys if key] if isinstance(node, ast.Dict) else []
    return max([*keys, *(held_in(part, holders, source) for part in _parts(node))], default=Held.NOT)


def held_as_key(node: ast.expr, holders: Holders, source: Source) -> Held:
    """The same for the key of a dict: what a call makes of a row to be a key is a text or a number."""
    held = held_in(node, holders, source)
    return held if held is Held.SURELY else Held.NOT


def _parts(node: ast.expr) -> list[ast.expr]:
    """What a new object keeps as it is."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return node.elts
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.Starred | ast.Await | ast.NamedExpr):
        return [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.left, DISPLAYS):
        return [node.left, node.right]
    return [node.right] if isinstance(node, ast.BinOp) and isinstance(node.right, DISPLAYS) else []


def _held_by_result(call: ast.Call, holders: Holders, source: Source) -> Held:
    place = GIVES_BACK.get(source.resolve(call.func), len(call.args))
    if place < len(call.args):
        return held_in(call.args[place], holders, source)
    if gives_plain(call, source):
        return Held.NOT
    if _keeps_words(dotted_name(call.func).rpartition(".")[2]):
        words = (held_in(word.value, holders, source) for word in call.keywords if word.arg is not None)
        if Held.SURELY in words:
            return Held.SURELY
    given = (*call.args, *(word.value for word in call.keywords))
    return min(Held.PERHAPS, max((held_in(part, holders, source) for part in given), default=Held.NOT))


def _keeps_words(callee: str) -> bool:
    """``dict(row=row)`` and ``Payment(order=row)`` keep what they are made with."""
    return callee in MAKERS or (callee[:1].isupper() and not callee.isupper())
