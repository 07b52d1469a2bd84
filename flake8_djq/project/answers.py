"""What one file says to another: its models, its functions, the names it hands on. Everything is JSON."""

from __future__ import annotations

import ast
from typing import Any

from flake8_djq.querysets.declarations import ClassKind
from flake8_djq.querysets.exchange import to_json
from flake8_djq.querysets.module import Module
from flake8_djq.querysets.namespace import PLAIN_CLASS
from flake8_djq.querysets.services import NOBODY_KNOWS
from flake8_djq.querysets.values import (
    UNKNOWN,
    LocalFunction,
    Manager,
    Model,
    QuerySet,
    Unknown,
    alternatives,
)

__all__ = ["answer"]


def answer(module: Module, question: str) -> Any:
    """The answer to one question, None where there is none.

    ``gives:`` (names that may stand for querysets), ``name:rebuild``, ``model:Book``, ``call:rebuild``,
    ``method:BookQuerySet.published``, ``members:OverdueBooks`` (those that may
    give querysets), ``member:OverdueBooks.rows``, ``query:Book.published`` or ``row:Book.open_orders``.
    """
    kind, _, name = question.partition(":")
    return ANSWERS[kind](module, name)


def _gives(module: Module, _: str) -> list[str]:
    return sorted(module.names_that_give())


def _name(module: Module, name: str) -> list[Any]:
    """What a name of the file is: its kind, and for a name that is imported where it comes from."""
    if name in module.source.classes:
        return ["class", PLAIN_CLASS if module.is_plain(name) else module.kind(name).value]
    if name in module.source.imports:
        return ["import", module.source.imports[name]]
    value = module.name(name)
    if isinstance(value, Unknown):
        origin = module.star_origin(name)
        if origin:
            return ["import", origin]
    return ["function", name] if isinstance(value, LocalFunction) else ["value", to_json(module.abroad(value))]


def _model(module: Module, name: str) -> dict[str, Any] | None:
    declared = module.declared(name) if module.kind(name) is ClassKind.MODEL else None
    if declared is None:
        return None
    starts = dict.fromkeys(declared.managers)
    for manager in declared.managers:
        value = module.model_attribute(Model(name), manager)
        starts[manager] = value.start if isinstance(value, Manager) else None
    return {
        "name": name,
        "order": declared.order,
        "one_row": declared.one_row,
        "unique": sorted(declared.unique),
        "unique_together": declared.unique_together,
        "key": declared.key,
        "texts": sorted(declared.texts),
        "columns": sorted(declared.columns),
        "to_one": declared.to_one,
        "to_many": declared.to_many,
        "starts": {
            manager: to_json(start) if start is not None else None
            for manager, start in {**declared.inherited_starts, **starts}.items()
        },
    }


def _call(module: Module, name: str) -> Any:
    value = module.name(name)
    return to_json(module.abroad(module.summary(value.name).value)) if isinstance(value, LocalFunction) else None


def _method(module: Module, name: str) -> Any:
    owner, _, method = name.partition(".")
    given = module.class_method(owner, method)
    return to_json(module.abroad(given)) if given is not None else None


def _member(module: Module, name: str) -> Any:
    """What a method or property of a class that is no model gives: see ``Member``."""
    owner, _, member = name.partition(".")
    found = module.member(owner, member)
    if found is not None and not module.is_plain(owner):
        found = NOBODY_KNOWS
    return [found.how, to_json(module.abroad(found.value)), sorted(found.reads)] if found is not None else None


def _members(module: Module, owner: str) -> list[str]:
    return sorted(module.given_members(owner))


def _query(module: Module, name: str) -> Any:
    model, _, method = name.partition(".")
    given = module.query_method(model, method)
    return to_json(module.abroad(given)) if given is not None else None


def _row(module: Module, name: str) -> Any:
    """What a property of a model gives."""
    model, _, attribute = name.partition(".")
    local = module.method(model, attribute)
    function = module.function(local) if local else None
    if function is None or not any("property" in ast.unparse(part) for part in function.node.decorator_list):
        return None
    value = module.abroad(module.summary(function.name).value)
    cached = any("cached" in ast.unparse(part) for part in function.node.decorator_list)
    # One object for all readings: nobody can tell which of them fills its cache.
    return to_json(UNKNOWN if cached and any(isinstance(part, QuerySet) for part in alternatives(value)) else value)


ANSWERS = {
    "gives": _gives,
    "name": _name,
    "model": _model,
    "call": _call,
    "method": _method,
    "member": _member,
    "members": _members,
    "query": _query,
    "row": _row,
}
