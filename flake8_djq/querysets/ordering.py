"""Where the order of a queryset comes from: its model, its manager, ``order_by()``, or nowhere."""

from __future__ import annotations

import ast
from collections.abc import Sequence as Items
from dataclasses import replace

from flake8_djq.querysets.api import Method
from flake8_djq.querysets.conditions import Conditions
from flake8_djq.querysets.default_order import has_default_order
from flake8_djq.querysets.values import Manager, Model, ModelAttribute, QuerySet, Value, alternatives, join
from flake8_djq.source import dotted_name

__all__ = ["Ordering", "from_callers"]

# What makes a GROUP BY of annotate() and alias(), where the order of Meta.ordering does not count.
AGGREGATES = frozenset(
    {"Avg", "Count", "Max", "Min", "StdDev", "Sum", "Variance", "AnyValue", "StringAgg"}
    | {"ArrayAgg", "BitAnd", "BitOr", "BitXor", "BoolAnd", "BoolOr", "JSONBAgg"}
)
# Names that may stand for a subclass, whose order is not known.
ANY_CLASS = frozenset({"cls", "klass", "self"})


class Ordering(Conditions):
    """Follows the order through what builds querysets, as ``QuerySet.ordered`` in ``django/db/models/query.py``."""

    def surely_unordered(self, queryset: QuerySet) -> bool:
        """Whether a queryset has no order, neither its own nor one of its manager or model, and more than one row."""
        if queryset.raw or queryset.one_row:
            return False
        if queryset.ordering != "kept":
            return queryset.ordering == "none"
        if queryset.ordered or queryset.origin or not queryset.manager:
            return False
        return has_default_order(self.module, queryset.model, queryset.manager) is False

    def start(self, manager: Manager, node: ast.expr) -> QuerySet:
        queryset = super().start(manager, node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in ANY_CLASS:
            queryset.manager = node.attr if isinstance(self.value_of(node.value), Model) else ""
        if manager.start is not None:
            queryset.ordering = manager.start.ordering
        return queryset

    def _as_queryset(self, value: Value, func: ast.Attribute, call: ast.Call) -> QuerySet | None:
        queryset = super()._as_queryset(value, func, call)
        if queryset is not None and not isinstance(value, QuerySet | Manager | ModelAttribute):
            queryset.ordering = "unknown"
        return queryset

    def _derive(self, queryset: QuerySet, node: ast.Call, method: Method) -> QuerySet:
        derived = super()._derive(queryset, node, method)
        derived.ordering = _ordering_after(queryset, node, method)
        return derived

    def _custom(self, node: ast.Call, queryset: QuerySet, name: str) -> Value:
        """A method of the project: it keeps the order where its body, which begins with ``self``, is seen to."""
        value = super()._custom(node, queryset, name)
        if not self.querysets(value):
            return value
        given = self.module.query_method(queryset.model, name)
        found = (
            {
                option.ordering if isinstance(option, QuerySet) and not option.model else "unknown"
                for option in alternatives(given)
            }
            if given is not None
            else {"unknown"}
        )
        ordering = found.pop() if len(found) == 1 else "unknown"
        return _with_ordering(value, queryset.ordering if ordering == "kept" else ordering)

    def _super(self, node: ast.Call, name: str) -> Value:
        """What ``get_queryset()`` of a view begins with, Django may have ordered by its ``ordering``."""
        return _with_ordering(super()._super(node, name), "unknown", only_of_models=True)

    def _inherited_queryset(self, owner: str, node: ast.Call) -> Value:
        return _with_ordering(super()._inherited_queryset(owner, node), "unknown")

    def together(self, querysets: Items[QuerySet], made: QuerySet) -> QuerySet:
        """``one | other``, which takes the order of either."""
        orderings = {(queryset.ordering, queryset.manager, queryset.model) for queryset in querysets}
        if len(orderings) > 1:
            made.ordering = "unknown"
        return made


def _ordering_after(queryset: QuerySet, node: ast.Call, method: Method) -> str:
    """Where the order comes from after a method."""
    if method.effect in ("groups", "empties"):
        return "set"  # dates() orders by itself, and none() counts as ordered
    if method.effect == "orders":
        return "set" if node.args else "none"
    if method.effect == "combines" and node.args:
        return "unknown" if "none" in queryset.steps else "none"
    if method.name == "extra" and _may_order(node):
        return "set"
    if method.name in ("annotate", "alias") and queryset.ordering == "kept" and _aggregates(node):
        return "none"
    return queryset.ordering


def _may_order(call: ast.Call) -> bool:
    return bool(call.args) or any(keyword.arg in (None, "order_by") for keyword in call.keywords)


def _aggregates(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(
        isinstance(value, ast.Call) and dotted_name(value.func).rpartition(".")[2] in AGGREGATES for value in values
    )


def _with_ordering(value: Value, ordering: str, only_of_models: bool = False) -> Value:
    return join(
        replace(option, ordering=ordering)
        if isinstance(option, QuerySet) and (option.model or not only_of_models)
        else option
        for option in alternatives(value)
    )


def from_callers(value: Value) -> Value:
    """What a parameter holds: callers in other files may pass querysets of any order."""
    return join(
        replace(option, manager="") if isinstance(option, QuerySet) and option.manager else option
        for option in alternatives(value)
    )
