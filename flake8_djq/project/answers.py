"""What one file says to another: its models, its functions, the names it hands on. Everything is JSON."""

from __future__ import annotations

import ast
from typing import Any

from flake8_djq.querysets.declarations import ClassKind
from flake8_djq.querysets.exchange import to_json
from flake8_djq.querysets.module import Module
from flake8_djq.querysets.values import LocalFunction, Manager, Model

__all__ = ["answer"]


def answer(module: Module, question: str) -> Any:
    """The answer to one question, None where there is none.

    ``gives:`` (names that may stand for querysets), ``name:rebuild``, ``model:Book``, ``call:rebuild``,
    ``method:BookQuerySet.published``, ``query:Book.published`` or ``row:Book.open_orders``.
    """
    kind, _, name = question.partition(":")
    return ANSWERS[kind](module, name)


def _gives(module: Module, _: str) -> list[str]:
    return sorted(module.names_that_give())


def _name(module: Module, name: str) -> list[Any]:
    """What a name of the file is: its kind, and for a name that is imported where it comes from."""
    if name in module.source.classes:
        return ["class", module.kind(name).value]
    if name in module.source.imports:
        return ["import", module.source.imports[name]]
    value = module.name(name)
    return ["function", name] if isinstance(value, LocalFunction) else ["value", to_json(value)]


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
        "ordered": declared.ordered,
        "unique": sorted(declared.unique),
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
    return to_json(module.summary(value.name).value) if isinstance(value, LocalFunction) else None


def _method(module: Module, name: str) -> Any:
    owner, _, method = name.partition(".")
    given = module.class_method(owner, method)
    return to_json(given) if given is not None else None


def _query(module: Module, name: str) -> Any:
    model, _, method = name.partition(".")
    given = module.query_method(model, method)
    return to_json(given) if given is not None else None


def _row(module: Module, name: str) -> Any:
    """What a property of a model gives."""
    model, _, attribute = name.partition(".")
    local = module.method(model, attribute)
    function = module.function(local) if local else None
    if function is None or not any("property" in ast.unparse(part) for part in function.node.decorator_list):
        return None
    return to_json(module.summary(function.name).value)


ANSWERS = {
    "gives": _gives,
    "name": _name,
    "model": _model,
    "call": _call,
    "method": _method,
    "query": _query,
    "row": _row,
}
