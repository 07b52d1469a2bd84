"""What an expression holds, and what evaluating it does."""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Sequence as Items
from dataclasses import replace
from typing import Any

from flake8_djq.querysets import calls
from flake8_djq.querysets.conditions import Conditions
from flake8_djq.querysets.evaluations import Evaluation, How, Loop, Use
from flake8_djq.querysets.paging import Paging
from flake8_djq.querysets.spelling import names_in
from flake8_djq.querysets.state import State, meet
from flake8_djq.querysets.values import (
    BATCH,
    NONE,
    PLAIN,
    UNKNOWN,
    Bound,
    Count,
    Either,
    Instance,
    ListValue,
    LocalClass,
    Manager,
    Model,
    ModelAttribute,
    Plain,
    QuerySet,
    Row,
    RowAttribute,
    Rows,
    Sequence,
    Unknown,
    Value,
    alternatives,
    join,
)
from flake8_djq.source import dotted_name

__all__ = ["Expressions"]


# A comprehension with more clauses than this was written by a machine.
MOST_CLAUSES = 20


class Expressions(Paging):
    """Reads the expressions of one function, in the order in which Python evaluates them."""

    def expr(self, node: ast.expr) -> Value:
        """Evaluate an expression: its value, with everything that evaluating it does to the state."""
        handler = EXPRESSIONS.get(type(node))
        return handler(self, node) if handler else self._children(node)

    def _children(self, node: ast.AST) -> Value:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.escape(self.expr(child), child)
            elif isinstance(child, ast.keyword | ast.Slice):
                self._children(child)
        return UNKNOWN

    def _read_Constant(self, node: ast.Constant) -> Value:
        return NONE if node.value is None else PLAIN

    def _read_JoinedStr(self, node: ast.JoinedStr) -> Value:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.shown(self.expr(part.value), part.value)
        return PLAIN

    def _read_Name(self, node: ast.Name) -> Value:
        value = self.state.names.get(node.id)
        if value is None:
            value = self.module.name(node.id)
        if isinstance(value, Count):
            self._result_used(value)
        elif isinstance(value, Rows) and isinstance(value.evaluation, Evaluation):
            value.evaluation.list_reads.add(node)
        return value

    def _read_Attribute(self, node: ast.Attribute) -> Value:
        dotted = dotted_name(node) if node.attr in self.state.attributes else ""
        if dotted and dotted in self.state.names:
            return self.state.names[dotted]
        if node.attr == "user" and dotted_name(node.value).rpartition(".")[2] == "request":
            return Row("User", stored=True)
        base = self.expr(node.value)
        if base is PLAIN:
            return UNKNOWN
        if isinstance(base, Either):
            return join(self._attribute(value, node) for value in base.options)
        value = self._attribute(base, node)
        if isinstance(base, Instance) and self.module.keeps(base.name, node.attr):
            # Each later reading gives the same object, with the cache that this function has filled.
            self.state.keep_attribute(f"{dotted_name(node.value)}.{node.attr}", value)
        return value

    def _attribute(self, base: Value, node: ast.Attribute) -> Value:
        name = node.attr
        if isinstance(base, Model):
            return self.module.model_attribute(base, name)
        if isinstance(base, QuerySet | Manager):
            return Model(base.model) if name == "model" else UNKNOWN
        if isinstance(base, Row | RowAttribute):
            return self._row_attribute(base, node)
        if isinstance(base, Instance):
            return self.module.instance_attribute(base.name, name, self)
        if isinstance(base, LocalClass):
            return self.module.class_attribute(base.name, name)
        if isinstance(base, Unknown) and self._is_manager_name(node):
            model = self._model_name(node.value)
            return Manager(model, self.module.bound_of(model))
        return UNKNOWN

    def _row_attribute(self, base: Row | RowAttribute, node: ast.Attribute) -> Value:
        row = Row(base.target) if isinstance(base, RowAttribute) and base.target else base
        if isinstance(row, Row):
            declared = self.module.row_attribute(row, node.attr)
            if isinstance(declared, Manager | RowAttribute) and row is not base:
                return replace(declared, perhaps_prefetched=_perhaps_prefetched(base))
            if declared is not None:
                return declared
        return RowAttribute(base.model, node.attr, _perhaps_prefetched(base))

    def _is_manager_name(self, node: ast.Attribute) -> bool:
        """Whether ``x.objects`` of an unknown x is a manager: x is written like a model."""
        if node.attr in ("_default_manager", "_base_manager"):
            return True
        if node.attr != "objects" or self.module.is_foreign:
            return False
        base = node.value
        if isinstance(base, ast.Subscript):
            return dotted_name(base.value) == "orm"  # South's historic models
        last = dotted_name(base).rpartition(".")[2]
        if last[:1].isupper() and not (last.isupper() and "_" in last):
            return True
        return bool(calls.MODEL_NAME.search(last)) or dotted_name(base).endswith("__class__")

    def _read_Subscript(self, node: ast.Subscript) -> Value:
        base = self.expr(node.value)
        querysets = self.querysets(base)
        if not isinstance(node.slice, ast.Slice):
            self.expr(node.slice)
            if querysets:
                self.evaluate(How.INDEX, node, querysets, "[]")
                return Row(querysets[0].model, stored=True) if not querysets[0].values else PLAIN
            if isinstance(base, Rows):
                self.searched(base)
                return self.row(base.queryset)
            if isinstance(base, Sequence):
                index = node.slice.value if isinstance(node.slice, ast.Constant) else None
                if isinstance(index, int) and -len(base.items) <= index < len(base.items):
                    return base.items[index]
            if isinstance(base, Manager | ModelAttribute):
                return UNKNOWN
            self.escape(base, node.value)
            return UNKNOWN
        self._children(node.slice)
        if not querysets:
            if isinstance(base, Rows) and self._stops(node.slice):
                return Rows(replace(base.queryset, bound=Bound.BOUNDED))  # a batch of them
            if isinstance(base, Unknown) and self._stops(node.slice):
                return BATCH
            return base if isinstance(base, Rows | Plain) else UNKNOWN
        if node.slice.step is not None:
            self.evaluate(How.MATERIALIZE, node, querysets, "[::]")
            return Rows(querysets[0])
        self.sliced(node, node.slice, querysets)
        return join(self._slice(queryset, node, node.slice) for queryset in querysets)

    def _stops(self, part: ast.Slice) -> bool:
        return part.upper is not None and self.value_of(part.upper) != NONE

    def _slice(self, queryset: QuerySet, node: ast.Subscript, part: ast.Slice) -> QuerySet:
        if any(earlier.how.fills_cache for earlier in self.facts_of(queryset)):
            # A filled cache is sliced as a list.
            self._use(queryset, How.INDEX, node)
        key = f"{queryset.key}[{self.key(part)}]"
        bound = Bound.BOUNDED if self._stops(part) else queryset.bound
        return replace(
            queryset,
            node=node,
            key=key,
            names=queryset.names.union(names_in(part)),
            bound=bound,
            sliced=True,
            shared=False,
            perhaps_loaded=False,
            loops=self.loops,
        )

    def _read_Call(self, node: ast.Call) -> Value:
        func = node.func
        if self.is_paginator(func):
            return self.paginator(node)
        output = calls.is_output(node)
        self.output += output
        try:
            if isinstance(func, ast.Attribute):
                return self._method(node, func)
            return self._function(node, self.expr(func))
        finally:
            self.output -= output

    def _read_Await(self, node: ast.Await) -> Value:
        return self.expr(node.value)

    def _read_NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.expr(node.value)
        self.state.bind(node.target.id, value)
        return value

    def _read_IfExp(self, node: ast.IfExp) -> Value:
        self.truth(node.test)
        true, false = self.outcomes
        with self.branch(node):
            self.state = true.copy()
            first = self.expr(node.body)
            after, self.state = self.state, false.copy()
            second = self.expr(node.orelse)
        self.state = meet((after, self.state))
        return join((first, second))

    def _read_BoolOp(self, node: ast.BoolOp) -> Value:
        values = [self.truth(node.values[0])]
        with self.branch(node):
            values.extend(self.truth(operand) for operand in node.values[1:-1])
            before = self.state.copy()
            values.append(self.expr(node.values[-1]))
        self.state = meet((before, self.state))
        # "a and b" gives a only where it is false: an empty collection or None, never rows.
        return values[-1] if isinstance(node.op, ast.And) else join(values)

    def _read_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            self.truth(node.operand)
            return PLAIN
        return self._children(node)

    def _read_BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.expr(node.left), self.expr(node.right)
        querysets = [*self.querysets(left), *self.querysets(right)]
        if querysets and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.BitXor):
            worst = self.worst(querysets)
            either = replace(
                worst, node=node, key=self.key(node), shared=False, perhaps_loaded=False, certain=True, loops=self.loops
            )
            return self.together(querysets, either)
        self.escape(left, node.left)
        self.escape(right, node.right)
        if isinstance(node.op, ast.Sub | ast.BitAnd) and (isinstance(left, Rows) or left == BATCH):
            return Rows(left.queryset) if isinstance(left, Rows) else BATCH  # no more than there were
        return PLAIN if left == PLAIN or right == PLAIN else UNKNOWN

    def _read_Tuple(self, node: ast.Tuple | ast.List) -> Value:
        if isinstance(node.ctx, ast.Store):
            return UNKNOWN
        items = []
        for item in node.elts:
            value = self.expr(item)
            self.escape(value, item)
            items.append(UNKNOWN if isinstance(item, ast.Starred) else value)
        return Sequence(tuple(items))

    def _read_List(self, node: ast.List) -> Value:
        value = self._read_Tuple(node)
        return value if node.elts else ListValue(node)

    def _read_Set(self, node: ast.Set) -> Value:
        self._children(node)
        return PLAIN

    def _read_Dict(self, node: ast.Dict) -> Value:
        for key in node.keys:
            if key is not None:
                self.escape(self.expr(key), key)
        for value in node.values:
            self.put_away(self.expr(value), value)
        return PLAIN

    def _read_Starred(self, node: ast.Starred) -> Value:
        value = self.expr(node.value)
        querysets = self.querysets(value)
        if querysets:
            self.evaluate(How.MATERIALIZE, node.value, querysets, "*")
        else:
            self.escape(value, node.value)
        return UNKNOWN

    def _read_Lambda(self, node: ast.Lambda) -> Value:
        before = self.state.copy()
        with self.branch(node):
            for argument in [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]:
                self.state.bind(argument.arg, UNKNOWN)
            self.escape(self.expr(node.body), node.body)
        self._capture(node, before)
        self.state = before
        return PLAIN

    def _capture(self, node: ast.AST, state: State) -> None:
        """A function inside the function keeps the querysets that it names: their rows may be used at any time."""
        if not any(isinstance(value, QuerySet | Either) for value in state.names.values()):
            return
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                for value in alternatives(state.names.get(child.id, UNKNOWN)):
                    if isinstance(value, QuerySet):
                        state.escaped(value)
                        for earlier in self.facts_of(value):
                            earlier.later[Use(How.ESCAPE, child)] = None

    def _read_Yield(self, node: ast.Yield) -> Value:
        self.is_generator = True
        if node.value is not None:
            self.escape(self.expr(node.value), node.value)
        self.effects()  # whoever goes through the generator may write between its turns
        return UNKNOWN

    def _read_YieldFrom(self, node: ast.YieldFrom) -> Value:
        self.is_generator = True
        self.consume(self.expr(node.value), node.value, How.LOOP, "yield from")
        self.effects()
        return UNKNOWN

    def _read_ListComp(self, node: ast.ListComp) -> Value:
        grows = self._comprehension(node, [node.elt])
        result = ListValue(node)
        if grows:
            self.state.growth[result] = grows
        return result

    def _read_SetComp(self, node: ast.SetComp) -> Value:
        self._comprehension(node, [node.elt])
        return PLAIN

    def _read_GeneratorExp(self, node: ast.GeneratorExp) -> Value:
        grows = self._comprehension(node, [node.elt])
        result = ListValue(node)
        if grows:
            self.state.growth[result] = grows
        return result

    def _read_DictComp(self, node: ast.DictComp) -> Value:
        self._comprehension(node, [node.key, node.value])
        return PLAIN

    def _comprehension(self, node: ast.expr, elements: list[ast.expr]) -> str:
        """Read a comprehension; returns what its result grows with, when nothing bounds that."""
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        if len(generators) > MOST_CLAUSES:
            return ""
        targets = {name for generator in generators for name in names_in(generator.target)}
        hidden, early = (
            {name: (self.state.names.get(name), self.state.versions.get(name, 0)) for name in targets},
            self.left_early,
        )
        outer_loops, grows, self.left_early = self.loops, "", False
        for generator in generators:
            value = self.expr(generator.iter)
            self.consumed = []
            by = "async for" if generator.is_async else "comprehension"
            item = self.consume(value, generator.iter, How.LOOP, by)
            grows = grows or self.grows_with(value, generator.iter)
            self.loops = (*self.loops, Loop(node, value, self.path))
            self._feed(self.loops[-1])
            self.bind(generator.target, item)
            for condition in generator.ifs:
                self.truth(condition)
        if any(generator.ifs for generator in generators):
            with self.branch(node):
                self._elements(elements)
        else:
            self._elements(elements)
        self.loops, self.left_early = outer_loops, early
        for name, (outer, version) in hidden.items():
            self.state.names.pop(name, None)
            if outer is not None:
                self.state.names[name] = outer
            self.state.versions[name] = version
        return grows

    def _elements(self, elements: Items[ast.expr]) -> None:
        for element in elements:
            self.escape(self.expr(element), element)


def _perhaps_prefetched(base: Row | RowAttribute) -> bool:
    """Whether a prefetch elsewhere may have filled a row's relations; the looped queryset may show that none did."""
    if isinstance(base, RowAttribute):
        return base.perhaps_prefetched
    return base.of is None or base.of.prefetches or base.of.shared or not base.of.certain


EXPRESSIONS: dict[type[ast.AST], Callable[[Expressions, Any], Value]] = {
    getattr(ast, name.removeprefix("_read_")): method
    for kind in (Conditions, Expressions)
    for name, method in vars(kind).items()
    if name.startswith("_read_")
}
