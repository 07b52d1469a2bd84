"""What an expression of another file holds, as JSON: enough of it for the file that asks."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flake8_djq.querysets.values import (
    NONE,
    PLAIN,
    UNKNOWN,
    Bound,
    Either,
    Instance,
    Manager,
    Model,
    Plain,
    QuerySet,
    Row,
    Rows,
    Stream,
    Value,
    join,
)

__all__ = ["from_json", "renamed", "to_json"]

# The parts of a queryset that mean the same in every file.
PARTS = (
    *("model", "steps", "certain", "shared", "prefetches", "ordered", "sliced", "combined", "values", "groups"),
    *("one_row", "raw", "walkable", "order", "ordering", "fields", "perhaps_prefetched", "perhaps_loaded"),
    *("given", "narrowed"),
)
NOWHERE = ast.Name("", ast.Load(), lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)


def to_json(value: Value) -> Any:
    """The value as lists, texts and numbers; what other files cannot use is unknown to them."""
    if isinstance(value, QuerySet):
        return ["queryset", value.bound.name, {part: getattr(value, part) for part in PARTS}]
    if isinstance(value, Rows | Stream):
        return ["rows" if isinstance(value, Rows) else "stream", to_json(value.queryset)]
    if isinstance(value, Manager):
        return ["manager", value.bound.name, value.model, to_json(value.start) if value.start else None]
    if isinstance(value, Row):
        return ["row", value.model]
    if isinstance(value, Model):
        return ["model", value.name]
    if isinstance(value, Instance) and value.is_imported:
        return ["instance", value.name]
    if isinstance(value, Either):
        return ["either", [to_json(option) for option in value.options]]
    if isinstance(value, Plain):
        return ["plain", value.what]
    return ["unknown"]


def from_json(data: Any) -> Value:
    """The value again. Its querysets have no key and no place: the call that gives them sets both."""
    kind = data[0]
    if kind == "queryset":
        parts: dict[str, Any] = {
            name: tuple(part) if isinstance(part, list) else part for name, part in data[2].items()
        }
        empty = QuerySet("", "?", NOWHERE, Bound[data[1]])
        return replace(empty, **parts)
    if kind in ("rows", "stream"):
        queryset = from_json(data[1])
        assert isinstance(queryset, QuerySet)
        return Rows(queryset) if kind == "rows" else Stream(queryset)
    if kind == "manager":
        start = from_json(data[3]) if data[3] else None
        return Manager(data[2], Bound[data[1]], start if isinstance(start, QuerySet) else None)
    if kind == "row":
        return Row(data[1])
    if kind == "model":
        return Model(data[1])
    if kind == "instance":
        return Instance(data[1])
    if kind == "either":
        return join(from_json(option) for option in data[1])
    if kind == "plain":
        return NONE if data[1] == "none" else Plain(data[1]) if data[1] else PLAIN
    return UNKNOWN


def renamed(value: Value, name_of: Callable[[str], str]) -> Value:
    """The value with every model and class in it under another name; loops and evaluations are left behind."""
    if isinstance(value, QuerySet):
        return replace(value, model=name_of(value.model))
    if isinstance(value, Rows | Stream):
        queryset = renamed(value.queryset, name_of)
        assert isinstance(queryset, QuerySet)
        return type(value)(queryset)
    if isinstance(value, Manager):
        return replace(value, model=name_of(value.model))
    if isinstance(value, Row | Model):
        return Row(name_of(value.model)) if isinstance(value, Row) else Model(name_of(value.name))
    if isinstance(value, Instance):
        return Instance(name_of(value.name))
    if isinstance(value, Either):
        return join(renamed(option, name_of) for option in value.options)
    return value
