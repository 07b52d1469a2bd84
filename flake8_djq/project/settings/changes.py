"""Methods that change a list or a dict, as functions that give the changed one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from flake8_djq.project.settings.operators import combined, merged
from flake8_djq.project.settings.things import Arguments
from flake8_djq.project.settings.values import Constant, Item, Listing, Mapping, Unknown, Value, Way, with_entry

__all__ = ["CHANGES", "without"]


def without(container: Mapping, key: Any) -> Mapping:
    """A dict without one of its entries."""
    entries = {name: value for name, value in container.entries.items() if name != key}
    return Mapping(entries, container.complete, way=container.way)


def _appended(owner: Value, arguments: Arguments, way: Way) -> Value:
    return combined(ast.Add(), owner, Listing(tuple(Item(value) for value in arguments.positional[-1:])), way)


def _extended(owner: Value, arguments: Arguments, way: Way) -> Value:
    return combined(ast.Add(), owner, arguments.get(0) or Unknown(), way)


def _removed(owner: Value, arguments: Arguments, way: Way) -> Value:
    gone = arguments.get(0)
    if not isinstance(owner, Listing) or not isinstance(gone, Constant):
        return owner
    kept = [item for item in owner.items if not (isinstance(item.value, Constant) and item.value.value == gone.value)]
    return Listing(tuple(kept), owner.complete, way=owner.way)


def _updated(owner: Value, arguments: Arguments, way: Way) -> Value:
    result = owner
    for value in (*arguments.positional, Mapping(arguments.named, way=way)):
        result = merged(result, value)
    return result


def _set_default(owner: Value, arguments: Arguments, way: Way) -> Value:
    key = arguments.get(0)
    if not isinstance(owner, Mapping) or not isinstance(key, Constant) or key.value in owner.entries:
        return owner
    return with_entry(owner, key.value, arguments.get(1) or Constant(None, way=way))


def _popped(owner: Value, arguments: Arguments, way: Way) -> Value:
    key = arguments.get(0)
    if isinstance(owner, Mapping) and isinstance(key, Constant):
        return without(owner, key.value)
    if isinstance(owner, Listing):
        return Listing(tuple(Item(item.value, False) for item in owner.items), owner.complete, way=owner.way)
    return owner


def _cleared(owner: Value, arguments: Arguments, way: Way) -> Value:
    return Mapping({}, way=way) if isinstance(owner, Mapping) else Listing(way=way)


CHANGES: dict[str, Callable[[Value, Arguments, Way], Value]] = {
    "append": _appended,
    "insert": _appended,
    "add": _appended,
    "extend": _extended,
    "update": _updated,
    "setdefault": _set_default,
    "remove": _removed,
    "discard": _removed,
    "pop": _popped,
    "clear": _cleared,
}
