"""Walking a queryset in pages: slices whose start moves with a loop, and Django's ``Paginator`` page after page."""

from __future__ import annotations

import ast
from collections.abc import Sequence as Items
from dataclasses import dataclass

from flake8_djq.querysets.evaluations import By, Evaluation, How, Loop, Pages, parts_of
from flake8_djq.querysets.ordering import Ordering
from flake8_djq.querysets.values import UNKNOWN, QuerySet, Value, alternatives

__all__ = ["Paging"]

PAGINATORS = frozenset({"Paginator", "AsyncPaginator"})
ASKS_FOR_PAGE = frozenset({"page", "get_page", "apage", "aget_page"})


@dataclass(eq=False, repr=False)
class Paginated(Value):
    """A queryset, which ``node`` spells, with a ``Paginator`` or a slice around it."""

    querysets: tuple[QuerySet, ...]
    node: ast.expr
    perhaps_loaded: bool


class Paging(Ordering):
    """Sees the loops that go through a queryset page by page."""

    def sliced(self, node: ast.Subscript, part: ast.Slice, querysets: Items[QuerySet]) -> None:
        """A queryset is sliced: a page, if a loop moves the slice from turn to turn."""
        if self.loops and part.lower is not None and part.upper is not None:
            loaded = self._perhaps_loaded(querysets)
            self._page(node, Paginated(tuple(querysets), node.value, loaded), self._mover(part.lower, part.upper))

    def is_paginator(self, func: ast.expr) -> bool:
        """Whether a call of this makes a ``Paginator`` of Django."""
        last = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        return last in PAGINATORS and self.source.resolve(func) == f"django.core.paginator.{last}"

    def paginator(self, node: ast.Call) -> Value:
        """Make a ``Paginator``: it takes the queryset as it is, and asks nothing yet."""
        made: Value = UNKNOWN
        parts = [("object_list" if index == 0 else "", part) for index, part in enumerate(node.args)]
        parts += [(keyword.arg or "", keyword.value) for keyword in node.keywords]
        for name, part in parts:
            value = self.expr(part)
            querysets = self.querysets(value)
            if name == "object_list" and querysets:
                made = Paginated(tuple(querysets), part, self._perhaps_loaded(querysets))
            self._hand_on(value, part)
        return made

    def consume(self, value: Value, node: ast.expr, how: How, by: str) -> Value:
        """Looping over a ``Paginator`` asks for each of its pages."""
        for option in alternatives(value):
            if isinstance(option, Paginated):
                self._page(option.node, option, Loop(node, value, self.path))
        return super().consume(value, node, how, by)

    def evaluate(
        self, how: How, node: ast.expr, querysets: Items[QuerySet], by: str, call: ast.Call | None = None
    ) -> Evaluation:
        """What a turn loads, the later turns slice as a list."""
        if how.fills_cache:
            for pages in self.others.values():
                if isinstance(pages, Pages) and pages.queryset in querysets and pages.loop in self.loops:
                    pages.perhaps_loaded = True
        return super().evaluate(how, node, querysets, by, call)

    def _method_of(self, value: Value, node: ast.Call, func: ast.Attribute) -> Value:
        if not isinstance(value, Paginated):
            return super()._method_of(value, node, func)
        if func.attr in ASKS_FOR_PAGE and self.loops and node.args:
            self._page(value.node, value, self._mover(node.args[0]))
        return super()._method_of(UNKNOWN, node, func)

    def _mover(self, *parts: ast.expr) -> Loop | None:
        """The innermost loop around that moves all of these from turn to turn."""
        names = [parts_of(part) for part in parts]
        return next((loop for loop in reversed(self.loops) if all(loop.moving & found for found in names)), None)

    def _page(self, place: ast.expr, paginated: Paginated, loop: Loop | None) -> None:
        """A page is asked for, the next one on each turn of a loop."""
        querysets = paginated.querysets
        if loop is None or any(queryset.names & loop.bound_names for queryset in querysets):
            return  # else it is another query on each turn
        by = By.PAGINATOR if place is paginated.node else By.SLICES
        loaded = paginated.perhaps_loaded or self._loaded_here(querysets)
        unordered = all(self.surely_unordered(queryset) for queryset in querysets)
        self.others[place] = Pages(paginated.node, self.worst(querysets), by, loop, unordered, loaded)

    def _loaded_here(self, querysets: Items[QuerySet]) -> bool:
        return any(earlier.how.fills_cache for queryset in querysets for earlier in self.facts_of(queryset))

    def _perhaps_loaded(self, querysets: Items[QuerySet]) -> bool:
        """Whether the rows may be in the result cache, by this function or by others that have had the object."""
        if self._loaded_here(querysets):
            return True
        facts = [self.state.facts.get(queryset) for queryset in querysets]
        return any(found.handed_on for found in facts if found) or any(
            queryset.shared or queryset.perhaps_loaded for queryset in querysets
        )
