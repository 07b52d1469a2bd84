"""What operators make of values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from flake8_djq.patterns import Pattern
from flake8_djq.project.settings.values import (
    ABSENT,
    Choice,
    Constant,
    Item,
    Listing,
    Mapping,
    Unknown,
    Value,
    Way,
    choose,
    entry,
    lift,
    truth,
    variables_of,
)

__all__ = [
    "COMPARISONS",
    "NEGATIONS",
    "as_text",
    "both",
    "combined",
    "hashable",
    "is_one_of",
    "merged",
    "negated",
    "not_none",
    "unknown_from",
]

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
NEGATIONS: tuple[type[ast.cmpop], ...] = (ast.NotEq, ast.NotIn, ast.IsNot)
LONGEST_TEXT = 10_000
LARGEST_NUMBER = 1_000
WIDE_FORMAT = Pattern(r"%[^a-zA-Z%]*(\d{4}|\*)")


def hashable(value: Any) -> bool:
    """Whether a constant can be the key of a dict."""
    return isinstance(value, str | int | float | bool | None | bytes)


def is_one_of(value: Value, constants: set[Any]) -> bool:
    """Whether a value is certainly one of some constants."""
    return isinstance(value, Constant) and hashable(value.value) and value.value in constants


def unknown_from(*values: Value, way: Way = ()) -> Unknown:
    """Unknown, but for the variable that it hangs on."""
    return Unknown(next((name for value in values for name in variables_of(value)), ""), way=way)


def both(function: Callable[[Any, Any], Any], left: Value, right: Value, way: Way) -> Value:
    """Apply a function to two constants, or to each of several."""
    return lift(lambda one: lift(lambda two: _applied(function, one, two, way), right, way), left, way)


def combined(kind: ast.operator, left: Value, right: Value, way: Way) -> Value:
    """``left + right`` and the like, for texts, numbers, paths, lists and dicts."""
    if isinstance(left, Choice):
        return lift(lambda one: combined(kind, one, right, way), left, way)
    if isinstance(right, Choice):
        return lift(lambda two: combined(kind, left, two, way), right, way)
    if isinstance(kind, ast.Add | ast.BitOr) and (isinstance(left, Listing) or isinstance(right, Listing)):
        return _concatenated(left, right, way)
    if isinstance(kind, ast.Sub) and isinstance(left, Listing) and isinstance(right, Listing):
        gone = {item.value.value for item in right.items if isinstance(item.value, Constant)}
        kept = [item for item in left.items if not is_one_of(item.value, gone)]
        return Listing(tuple(kept), left.complete, way=way)
    if isinstance(kind, ast.BitOr) and (isinstance(left, Mapping) or isinstance(right, Mapping)):
        return merged(left, right)
    if isinstance(kind, ast.Mod) and isinstance(right, Listing) and right.is_exact:
        values = [item.value for item in right.items]
        if all(isinstance(value, Constant) for value in values):
            right = Constant(tuple(value.value for value in values if isinstance(value, Constant)))
    function = OPERATORS.get(type(kind))
    return _applied(function, left, right, way) if function is not None else Unknown(way=way)


def negated(value: Value, way: Way) -> Value:
    """``not value``."""
    known = truth(value)
    return unknown_from(value, way=way) if known is None else Constant(not known, way=way)


def not_none(value: Value) -> Value:
    """A value of which it is known that it is not None, since Python would not get further."""
    if not isinstance(value, Choice):
        return value
    options = [option for option in value.options if not (isinstance(option, Constant) and option.value is None)]
    default = value.default if value.default in options else None
    return choose(options, default, value.variables, value.way) if options else value


def as_text(value: Value) -> Value:
    """``str(value)``."""
    if isinstance(value, Constant) and isinstance(value.value, str | int | PurePath):
        return Constant(str(value.value), way=value.way)
    return unknown_from(value, way=value.way)


def merged(left: Value, right: Value) -> Value:
    """``{**left, **right}``."""
    if isinstance(left, Choice):
        return lift(lambda one: merged(one, right), left)
    if isinstance(right, Choice):
        return lift(lambda two: merged(left, two), right)
    if not isinstance(left, Mapping):
        if isinstance(right, Mapping):
            return Mapping(right.entries, False, way=right.way)
        return unknown_from(left, right)
    if not isinstance(right, Mapping):
        return Mapping({key: choose((held, Unknown())) for key, held in left.entries.items()}, False, way=left.way)
    entries = dict(left.entries)
    if not right.complete:
        entries = {key: choose((held, Unknown())) for key, held in entries.items()}
    for key, held in right.entries.items():
        entries[key] = _over(entry(left, key), held)
    return Mapping(entries, left.complete and right.complete, way=left.way)


def _over(before: Value, held: Value) -> Value:
    """An entry over another one; where it is absent on some paths, the one before stays there."""
    if isinstance(held, Choice):
        return lift(lambda option: before if option is ABSENT else option, held)
    return held


def _applied(function: Callable[[Any, Any], Any], left: Value, right: Value, way: Way) -> Value:
    if not isinstance(left, Constant) or not isinstance(right, Constant):
        unknown = unknown_from(left, right, way=way)
        if function in (operator.add, operator.truediv):
            slash = "/" if function is operator.truediv else ""
            unknown.pattern = (_pattern(left) + slash + _pattern(right)).replace("**", "*")
        return unknown
    is_text = any(isinstance(side.value, str | bytes) for side in (left, right))
    is_wide = function is operator.mod and WIDE_FORMAT.search(str(left.value))
    if is_text and (function is operator.mul or is_wide):
        return Unknown(way=way)  # what could fill the memory: `"x" * 10**9`, `"%999999999d" % 1`
    try:
        value = function(left.value, right.value)
    except Exception:  # noqa: BLE001 - what Python would raise here is the user's own affair
        return Unknown(way=way)
    is_large = (isinstance(value, int) and value.bit_length() > LARGEST_NUMBER) or (
        isinstance(value, str | bytes) and len(value) > LONGEST_TEXT
    )
    return Unknown(way=way) if is_large else Constant(value, way=way)


def _pattern(value: Value) -> str:
    if isinstance(value, Constant) and isinstance(value.value, str | PurePath):
        return str(value.value)
    return (value.pattern if isinstance(value, Unknown) else "") or "*"


def _concatenated(left: Value, right: Value, way: Way) -> Value:
    items: list[Item] = []
    for side in (left, right):
        items.extend(side.items if isinstance(side, Listing) else ())
    complete = all(isinstance(side, Listing) and side.complete for side in (left, right))
    return Listing(tuple(items), complete, way=way)
