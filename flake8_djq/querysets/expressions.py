"""What an expression holds, and what evaluating it does: the half of the engine that reads expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence as Items
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flake8_djq.querysets import calls
from flake8_djq.querysets.api import MANAGER_METHODS, METHODS, RAW_METHODS, Gives, Method, Runs
from flake8_djq.querysets.declarations import ClassKind
from flake8_djq.querysets.evaluations import BulkWrite, Evaluation, How, Loop, ManagerTruth, Subject, Use
from flake8_djq.querysets.lookups import bound_of_lookups, finds_one_row
from flake8_djq.querysets.state import State
from flake8_djq.querysets.values import (
    NONE,
    PLAIN,
    UNKNOWN,
    Bound,
    Count,
    Either,
    Instance,
    ListValue,
    LocalClass,
    LocalFunction,
    Manager,
    Model,
    ModelAttribute,
    Plain,
    QuerySet,
    Row,
    RowAttribute,
    Rows,
    Sequence,
    Stream,
    Unknown,
    Value,
    Wrapped,
    alternatives,
    join,
)
from flake8_djq.source import Function, dotted_name

if TYPE_CHECKING:
    from flake8_djq.querysets.module import Module

__all__ = ["Expressions"]

QUERY_METHODS = {**METHODS, **MANAGER_METHODS}
HOW_RUN = {
    Gives.STREAM: How.STREAM,
    Gives.ROW: How.ROW,
    Gives.ROW_OR_NONE: How.ROW,
    Gives.NUMBER: How.COUNT,
    Gives.TRUTH: How.EXISTS,
}
ROW_WRITES = frozenset({"save", "delete", "asave", "adelete"})
RELATION_WRITES = frozenset({"add", "remove", "set", "clear", "aadd", "aremove", "aset", "aclear"})
LIST_GROWS = frozenset({"append", "extend", "insert", "add"})
EXISTENCE = {
    # (operator, constant): whether the comparison asks "are there rows?" (True) or "are there none?" (False)
    (ast.Gt, 0): True,
    (ast.NotEq, 0): True,
    (ast.GtE, 1): True,
    (ast.Eq, 0): False,
    (ast.Lt, 1): False,
    (ast.LtE, 0): False,
}
SWAPPED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}


class Expressions:
    """Reads the expressions of one function, in the order in which Python evaluates them."""

    def __init__(self, module: Module, function: Function | None) -> None:
        self.module = module
        self.source = module.source
        self.function = function
        self.owner = function.owner if function else None
        self.state = State()
        self.loops: tuple[Loop, ...] = ()
        self.branches = 0
        self.output = 0
        self.evaluations: dict[tuple[ast.expr, How], Evaluation] = {}
        self.others: dict[ast.expr, Subject] = {}
        self.has_effects = False
        self.is_generator = False
        self.attributes: dict[str, list[Value]] = {}

    # -- what an expression holds -------------------------------------------------------------------------------------

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
                self.expr(part.value)
        return PLAIN

    def _read_Name(self, node: ast.Name) -> Value:
        value = self.state.names.get(node.id)
        if value is None:
            value = self.module.name(node.id)
        if isinstance(value, Count):
            self._result_used(value)
        return value

    def _result_used(self, value: Count) -> None:
        evaluation = value.evaluation
        if isinstance(evaluation, Evaluation) and not self.output:
            evaluation.result_used = True

    def _read_Attribute(self, node: ast.Attribute) -> Value:
        dotted = dotted_name(node) if node.attr in self.state.attributes else ""
        if dotted and dotted in self.state.names:
            return self.state.names[dotted]
        if node.attr == "user" and dotted_name(node.value).rpartition(".")[2] == "request":
            return Row("User")
        base = self.expr(node.value)
        if base is PLAIN:
            return UNKNOWN
        if isinstance(base, Either):
            return join(self._attribute(value, node) for value in base.options)
        value = self._attribute(base, node)
        if isinstance(base, Instance) and self.module.method(base.name, node.attr) is None:
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
        if isinstance(base, Row):
            declared = self.module.row_attribute(base, node.attr)
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
        if last[:1].isupper() and not last.isupper():
            return True
        return bool(calls.MODEL_NAME.search(last)) or dotted_name(base).endswith("__class__")

    def _model_name(self, node: ast.expr) -> str:
        return dotted_name(node).rpartition(".")[2] or ast.unparse(node)

    def _read_Subscript(self, node: ast.Subscript) -> Value:
        base = self.expr(node.value)
        querysets = self.querysets(base)
        if not isinstance(node.slice, ast.Slice):
            self.expr(node.slice)
            if querysets:
                self.evaluate(How.INDEX, node, querysets, "[]")
                return Row(querysets[0].model) if not querysets[0].values else PLAIN
            if isinstance(base, Rows):
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
            return base if isinstance(base, Rows | Plain) else UNKNOWN
        if node.slice.step is not None:
            self.evaluate(How.MATERIALIZE, node, querysets, "[::]")
            return Rows(querysets[0])
        return join(self._slice(queryset, node, node.slice) for queryset in querysets)

    def _slice(self, queryset: QuerySet, node: ast.Subscript, part: ast.Slice) -> QuerySet:
        if any(earlier.how.fills_cache for earlier in self.facts_of(queryset)):
            # A filled cache is sliced as a list.
            self._use(queryset, How.INDEX, node)
        stops = part.upper is not None and self.value_of(part.upper) != NONE
        key = f"{queryset.key}[{self.key(part)}]"
        bound = Bound.BOUNDED if stops else queryset.bound
        return replace(queryset, node=node, key=key, bound=bound, sliced=True, shared=False, loops=self.loops)

    def _read_Call(self, node: ast.Call) -> Value:
        func = node.func
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
        before = self.state.copy()
        with self.branch():
            first = self.expr(node.body)
            after = self.state
            self.state = before
            second = self.expr(node.orelse)
        self.state = self.module.meet((after, self.state))
        return join((first, second))

    def _read_BoolOp(self, node: ast.BoolOp) -> Value:
        values = []
        for operand in node.values[:-1]:
            values.append(self.truth(operand))
        with self.branch():
            values.append(self.expr(node.values[-1]))
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
            return replace(worst, node=node, key=self.key(node), shared=False, certain=True, loops=self.loops)
        self.escape(left, node.left)
        self.escape(right, node.right)
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
        self._children(node)
        return PLAIN

    def _read_Starred(self, node: ast.Starred) -> Value:
        value = self.expr(node.value)
        querysets = self.querysets(value)
        if querysets:
            self.evaluate(How.MATERIALIZE, node.value, querysets, "*")
        return UNKNOWN

    def _read_Lambda(self, node: ast.Lambda) -> Value:
        before = self.state.copy()
        with self.branch():
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
        return UNKNOWN

    def _read_YieldFrom(self, node: ast.YieldFrom) -> Value:
        self.is_generator = True
        self.consume(self.expr(node.value), node.value, How.LOOP, "yield from")
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
        targets = {name for generator in generators for name in self.names_in(generator.target)}
        hidden = {name: (self.state.names.get(name), self.state.versions.get(name, 0)) for name in targets}
        outer_loops, grows = self.loops, ""
        for generator in generators:
            value = self.expr(generator.iter)
            item = self.consume(value, generator.iter, How.LOOP, "comprehension")
            grows = grows or self.grows_with(value, generator.iter)
            self.loops = (*self.loops, Loop(node, value, branches=self.branches))
            self.bind(generator.target, item)
            for condition in generator.ifs:
                self.truth(condition)
        if any(generator.ifs for generator in generators):
            with self.branch():
                self._elements(elements)
        else:
            self._elements(elements)
        self.loops = outer_loops
        for name, (value, version) in hidden.items():
            self.state.names.pop(name, None)
            if value is not None:
                self.state.names[name] = value
            self.state.versions[name] = version
        return grows

    def _elements(self, elements: Items[ast.expr]) -> None:
        for element in elements:
            self.escape(self.expr(element), element)

    # -- conditions ---------------------------------------------------------------------------------------------------

    def truth(self, node: ast.expr, negated: bool = False) -> Value:
        """Evaluate an expression where only its truth counts; the value is what it held."""
        if isinstance(node, ast.BoolOp):
            values = [self.truth(node.values[0])]
            with self.branch():
                values.extend(self.truth(operand) for operand in node.values[1:])
            return join(values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.truth(node.operand, not negated)
            return PLAIN
        value = self.expr(node)
        target = node.value if isinstance(node, ast.NamedExpr) else node
        if isinstance(value, Count) and isinstance(value.evaluation, Evaluation):
            if value.evaluation.call is _awaited(target):
                value.evaluation.asks_existence = not negated
                value.evaluation.whole = node
            return value
        querysets = self.querysets(value)
        if querysets:
            evaluation = self.evaluate(How.TRUTH, node, querysets, "not" if negated else "if")
            evaluation.asks_existence = not negated
            if len(querysets) < len(alternatives(value)):
                evaluation.shared = True  # None on some path: the test asks for more than rows
        elif isinstance(value, Manager):
            self.others[node] = ManagerTruth(node)
        return value

    def _read_Compare(self, node: ast.Compare) -> Value:
        sides = [node.left, *node.comparators]
        if len(node.ops) == 1:
            operator = node.ops[0]
            if isinstance(operator, ast.In | ast.NotIn):
                return self._membership(node)
            values = [self.expr(side) for side in sides]
            self._existence(node, type(operator), values)
            if not isinstance(operator, ast.Is | ast.IsNot):
                for value, side in zip(values, sides, strict=True):
                    self._compared(value, side)
        else:
            for side in sides:
                self.expr(side)
        return PLAIN

    def _compared(self, value: Value, node: ast.expr) -> None:
        for queryset in self.querysets(value):
            self._use(queryset, How.ESCAPE, node)

    def _membership(self, node: ast.Compare) -> Value:
        self.expr(node.left)
        container = node.comparators[0]
        value = self.expr(container)
        querysets = self.querysets(value)
        if querysets:
            evaluation = self.evaluate(How.MEMBERSHIP, container, querysets, "in")
            evaluation.whole, evaluation.member = node, node.left
            evaluation.asks_existence = isinstance(node.ops[0], ast.In)
        return PLAIN

    def _existence(self, node: ast.Compare, operator: type[ast.cmpop], values: list[Value]) -> None:
        """``qs.count() > 0``, ``0 == len(qs)``: a comparison that only asks whether there are rows."""
        for value, side, other, swap in (
            (values[0], node.left, node.comparators[0], False),
            (values[1], node.comparators[0], node.left, True),
        ):
            if not isinstance(value, Count) or not isinstance(value.evaluation, Evaluation):
                continue
            evaluation = value.evaluation
            if evaluation.call is not _awaited(side) or not isinstance(other, ast.Constant):
                evaluation.result_used = True
                continue
            used = SWAPPED.get(operator, operator) if swap else operator  # type: ignore[call-overload]
            asks = EXISTENCE.get((used, other.value))
            if asks is None and evaluation.queryset.one_row and other.value == 1 and used is ast.Eq:
                asks = True
            if asks is None:
                evaluation.result_used = True
            else:
                evaluation.asks_existence, evaluation.whole = asks, node

    # -- calls --------------------------------------------------------------------------------------------------------

    def _function(self, node: ast.Call, callee: Value) -> Value:
        """A call of anything that is not a method."""
        name = dotted_name(node.func)
        if len(alternatives(callee)) > 1 and name in calls.WRAPPERS:
            return self._wrap(name, node)
        if isinstance(callee, LocalFunction):
            return self.call_local(callee.name, node)
        if isinstance(callee, Model):
            self.arguments(node)
            return Row(callee.name)
        if isinstance(callee, LocalClass):
            self.arguments(node)
            return Instance(callee.name)
        if isinstance(callee, Unknown | Plain):
            return self._known_function(name, node)
        self.arguments(node)
        return self._opaque(node)

    def _known_function(self, name: str, node: ast.Call) -> Value:
        last = name.rpartition(".")[2]
        first = node.args[0] if node.args else None
        if last in ("get_model", "get_user_model", "get_current_user_model"):
            return self.model_from_call(last, node)
        if last in calls.COLLECTORS and name == last and first is not None and not isinstance(first, ast.Starred):
            value = self.expr(first)
            for keyword in node.keywords:
                self.expr(keyword.value)
            return self._collect(value, first, last, node)
        if last in calls.CONSUMERS and name == last and first is not None and len(node.args) == 1:
            for keyword in node.keywords:
                self.expr(keyword.value)
            self.consume(self.expr(first), first, How.LOOP, last)
            return PLAIN
        if name == "len" and first is not None:
            return self._length(self.expr(first), first, node)
        if name == "bool" and first is not None:
            self.truth(first)
            return PLAIN
        if last in calls.WRAPPERS:
            return self._wrap(last, node)
        if name in ("isinstance", "hasattr", "type", "id", "callable", "getattr"):
            for argument in node.args:
                self.expr(argument)
            return UNKNOWN
        if last == "get_object_or_404" and first is not None:
            value = self.expr(first)
            self.arguments(node, node.args[1:])
            model = value.name if isinstance(value, Model) else self._model_name(first)
            return Row(model)
        if name == "open" or last in ("reader", "DictReader", "TextIOWrapper"):
            self.arguments(node)
            return Plain("file")
        self.arguments(node)
        return self._opaque(node)

    def model_from_call(self, name: str, node: ast.Call) -> Value:
        """``apps.get_model("shop", "Order")``, ``get_user_model()``."""
        self.arguments(node)
        if name != "get_model":
            return Model("User")
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        texts += [keyword.value.value for keyword in node.keywords if isinstance(keyword.value, ast.Constant)]
        last = texts[-1] if texts and isinstance(texts[-1], str) else ""
        return Model(last.rpartition(".")[2] or "model")

    def _collect(self, value: Value, node: ast.expr, by: str, call: ast.Call) -> Value:
        querysets = self.querysets(value)
        if querysets:
            evaluation = self.evaluate(How.MATERIALIZE, node, querysets, by, call=call)
            return Rows(evaluation.queryset)
        if isinstance(value, Stream):
            return Rows(value.queryset)
        if isinstance(value, Wrapped):
            # list(islice(rows, 500)) keeps one piece; the rows themselves stay in the result cache.
            how = How.LOOP if value.by in calls.PIECES else How.MATERIALIZE
            self.consume(value, node, how, "for" if value.by in calls.PIECES else by)
            return PLAIN
        self.escape(value, node)
        if isinstance(value, Rows | ListValue):
            return value
        return PLAIN

    def _length(self, value: Value, node: ast.expr, call: ast.Call) -> Value:
        querysets = self.querysets(value)
        if not querysets:
            return PLAIN
        evaluation = self.evaluate(How.LENGTH, node, querysets, "len", call=call)
        if len(querysets) < len(alternatives(value)):
            evaluation.shared = True
        return Count(evaluation)

    def _wrap(self, name: str, node: ast.Call) -> Value:
        which = calls.WRAPPERS[name]
        wrapped = range(len(node.args))[which]
        parts, nodes = [], []
        for index, argument in enumerate(node.args):
            value = self.expr(argument)
            if index in wrapped:
                parts.append(value)
                nodes.append(argument)
            else:
                self.escape(value, argument)
        for keyword in node.keywords:
            self.expr(keyword.value)
        return Wrapped(tuple(parts), name, tuple(nodes))

    def arguments(self, node: ast.Call, positional: Items[ast.expr] | None = None) -> None:
        """Evaluate the arguments of a call that may do anything with them."""
        for argument in node.args if positional is None else positional:
            self.escape(self.expr(argument), argument)
        for keyword in node.keywords:
            self.escape(self.expr(keyword.value), keyword.value)

    def _opaque(self, node: ast.Call) -> Value:
        """A call of which nothing is known but perhaps that it changes no rows."""
        if not calls.is_harmless(node, self.source):
            self.effects()
        return UNKNOWN

    def effects(self) -> None:
        """Something happens that may change any row."""
        self.has_effects = True
        self.state.anything_written()
        for loop in self.loops:
            loop.opaque = True

    def written(self, model: str) -> None:
        """Rows of one model change."""
        self.has_effects = True
        self.state.written(model)
        for loop in self.loops:
            loop.writes.add(model)

    def call_local(self, name: str, node: ast.Call, bound_to: Value = UNKNOWN) -> Value:
        """Call a function or method of this file."""
        values = [self.expr(argument) for argument in node.args]
        keywords = {keyword.arg: self.expr(keyword.value) for keyword in node.keywords}
        for value, argument in zip(values, node.args, strict=True):
            self.escape(value, argument)
        for keyword in node.keywords:
            self.escape(keywords[keyword.arg], keyword.value)
        self.module.passes(name, node, values, keywords)
        summary = self.module.summary(name)
        if summary.has_effects:
            self.effects()
            self.state.forget_attributes("self")
        return self.fresh(summary.value, node, f"{name}({self.key(node)})")

    def fresh(self, value: Value, node: ast.expr, key: str) -> Value:
        """What a call returns: a queryset that it builds is a new object at each call."""
        found: list[Value] = []
        for option in alternatives(value):
            if isinstance(option, QuerySet):
                option = replace(option, node=node, key=key, shared=option.shared, loops=self.loops)
            elif isinstance(option, ListValue):
                option = UNKNOWN
            found.append(option)
        return join(found) if found else UNKNOWN

    # -- methods ------------------------------------------------------------------------------------------------------

    def _method(self, node: ast.Call, func: ast.Attribute) -> Value:
        name = func.attr
        if isinstance(func.value, ast.Call) and dotted_name(func.value.func) == "super":
            return self._super(node, name)
        base = self.expr(func.value)
        options = [option for option in alternatives(base) if option != NONE]
        querysets = [self._as_queryset(option, func, node) for option in options]
        if querysets and all(querysets):
            return self._query(node, [queryset for queryset in querysets if queryset], func)
        if len(options) == 1:
            return self._method_of(options[0], node, func)
        self.escape(base, func.value)
        self.arguments(node)
        return self._opaque(node)

    def _as_queryset(self, value: Value, func: ast.Attribute, call: ast.Call) -> QuerySet | None:
        """The queryset that a method is called on, with a manager starting a new one."""
        if isinstance(value, QuerySet):
            return value
        if isinstance(value, Manager):
            return self.start(value, func.value)
        if isinstance(value, ModelAttribute) and calls.shows_query(call, func.attr):
            return self.start(Manager(value.model, self.module.bound_of(value.model)), func.value)
        if isinstance(value, RowAttribute) and calls.shows_query(call, func.attr):
            manager = Manager(value.name, Bound.BOUNDED, True, None, value.perhaps_prefetched)
            return self.start(manager, func.value)
        if isinstance(value, Unknown) and self._looks_like_query(call, func):
            names = frozenset(self.names_in(func.value))
            return QuerySet("", self.key(func.value), func.value, Bound.UNKNOWN, names, shared=True, loops=self.loops)
        return None

    def _looks_like_query(self, call: ast.Call, func: ast.Attribute) -> bool:
        if self.module.mixes_orms:
            return False
        if not dotted_name(func.value):
            # "x.all().count()": lists and their like have no such pair.
            inner = func.value
            is_all = isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "all"
            return is_all and calls.shows_query(call, func.attr) and self.module.is_django
        if func.attr in ("filter", "exclude"):
            return calls.shows_query(call, func.attr) and self.module.is_django
        return func.attr in calls.QUERY_EVIDENCE and self.module.is_django

    def start(self, manager: Manager, node: ast.expr) -> QuerySet:
        """The queryset that a manager starts with."""
        names = frozenset(self.names_in(node))
        queryset = QuerySet(manager.model, self.key(node), node, manager.bound, names, loops=self.loops)
        queryset.perhaps_prefetched = manager.perhaps_prefetched
        if manager.start is not None:
            begun = manager.start
            queryset = replace(queryset, prefetches=begun.prefetches, ordered=begun.ordered, groups=begun.groups)
            if begun.bound is Bound.BOUNDED:
                queryset.bound = Bound.BOUNDED
        model = self.module.declared(manager.model)
        if model is not None and model.ordered:
            queryset.ordered = True
        return queryset

    def _super(self, node: ast.Call, name: str) -> Value:
        self.arguments(node)
        owner = self.owner
        kind = self.module.kind(owner.name) if owner else ClassKind.OTHER
        if owner is not None and name == "get_queryset":
            if kind is ClassKind.MANAGER:
                return QuerySet("", f"{owner.name}.super", node, Bound.UNBOUNDED, loops=self.loops)
            declared = self.module.class_attribute(owner.name, "queryset")
            if isinstance(declared, QuerySet):
                return self.fresh(replace(declared, shared=False), node, f"{owner.name}.queryset")
            return QuerySet("", f"{owner.name}.super", node, Bound.UNKNOWN, loops=self.loops)
        if kind in (ClassKind.MANAGER, ClassKind.QUERYSET) and name in METHODS:
            base = QuerySet("", f"{owner.name if owner else ''}.super", node, Bound.UNKNOWN, loops=self.loops)
            return self._query(node, [base], None)
        return self._opaque(node)

    def _method_of(self, value: Value, node: ast.Call, func: ast.Attribute) -> Value:
        name = func.attr
        if isinstance(value, Instance | LocalClass | Row | Model):
            local = self.module.method(value.name if isinstance(value, Instance | LocalClass | Model) else value.model, name)
            if local is not None:
                return self.call_local(local, node, value)
        if isinstance(value, Instance | LocalClass) and name in ("get_queryset", "get_query_set"):
            self.arguments(node)
            return self._inherited_queryset(value.name, node)
        if isinstance(value, Row) and name in ROW_WRITES:
            self.arguments(node)
            self.written(value.model)
            return PLAIN
        if isinstance(value, RowAttribute) and name in ROW_WRITES | RELATION_WRITES:
            self.arguments(node)
            self.effects()
            return PLAIN
        if isinstance(value, ListValue):
            return self._list_method(value, node, name)
        if isinstance(value, Plain) and name == "join" and node.args:
            first = node.args[0]
            self._collect(self.expr(first), first, "join", node)
            return PLAIN
        if isinstance(value, Plain) and value != NONE and not isinstance(func.value, ast.Name):
            self.arguments(node)
            return self._opaque(node)
        if name in ("readlines", "splitlines") and "read" in dotted_name(func) + ast.unparse(func.value)[-20:]:
            return Plain("file")
        if name in ("DataFrame", "from_records") and node.args:
            first = node.args[0]
            self._collect(self.expr(first), first, name, node)
            return PLAIN
        if isinstance(value, Unknown | Plain) and dotted_name(func):
            return self._known_function(dotted_name(func), node)
        self.arguments(node)
        return self._opaque(node)

    def _inherited_queryset(self, owner: str, node: ast.Call) -> Value:
        """``self.get_queryset()`` of a class whose base brings the method: it gives what ``queryset`` or ``model`` says."""
        declared = self.module.class_attribute(owner, "queryset")
        if isinstance(declared, QuerySet):
            return self.fresh(replace(declared, shared=False), node, f"{owner}.get_queryset")
        model = self.module.class_attribute(owner, "model")
        name = model.name if isinstance(model, Model) else ""
        bound = self.module.bound_of(name) if name else Bound.UNKNOWN
        return QuerySet(name, f"{owner}.get_queryset", node, bound, loops=self.loops)

    def _list_method(self, value: ListValue, node: ast.Call, name: str) -> Value:
        for argument in node.args:
            item = self.expr(argument)
            if name == "extend":
                self.consume(item, argument, How.LOOP, "extend")
                grows = self.grows_with(item, argument)
                if grows:
                    self.state.growth[value] = grows
            else:
                self.escape(item, argument)
        if name in LIST_GROWS and name != "extend":
            self._grow(value, node)
        elif name == "clear":
            self.state.growth.pop(value, None)
        return PLAIN

    def _grow(self, value: ListValue, node: ast.Call) -> None:
        """A list grows inside loops: with what the outermost unbounded one of them goes through, unless it is emptied."""
        target = dotted_name(node.func).rpartition(".")[0]
        for loop in self.loops:
            if not target or target in loop.resets:
                return
            grows = self.grows_with(loop.value, loop.node.iter) if isinstance(loop.node, ast.For | ast.AsyncFor) else ""
            if grows:
                self.state.growth[value] = grows
                return

    def grows_with(self, value: Value, node: ast.expr) -> str:
        """What a collection made from a value grows with, when nothing bounds the value; "" otherwise."""
        for option in alternatives(value):
            if isinstance(option, QuerySet | Stream | Rows):
                queryset = option if isinstance(option, QuerySet) else option.queryset
                if queryset.bound is Bound.UNBOUNDED and not queryset.groups:
                    return self.module.spell(node if isinstance(option, QuerySet | Stream) else queryset.node)
            elif isinstance(option, Wrapped):
                for part, inner in zip(option.parts, option.nodes, strict=True):
                    found = self.grows_with(part, inner)
                    if found:
                        return found
            elif isinstance(option, ListValue):
                found = self.state.growth.get(option, "")
                if found:
                    return found
            elif option == Plain("file"):
                return self.module.spell(node)
        return ""

    def _query(self, node: ast.Call, querysets: list[QuerySet], func: ast.Attribute | None) -> Value:
        """A method called on a queryset."""
        name = func.attr if func is not None else node.func.attr  # type: ignore[attr-defined]
        worst = self.worst(querysets)
        table = RAW_METHODS if worst.raw else QUERY_METHODS
        method = table.get(name)
        values = self._lookups(node, name)
        if method is None:
            return self._custom(node, worst, name)
        if method.gives is Gives.QUERYSET:
            return join(self._derive(queryset, node, method) for queryset in querysets)
        if method.gives is Gives.RAW:
            key = f"{worst.key}.raw({self.key(node)})"
            return replace(worst, node=node, key=key, raw=True, bound=Bound.UNKNOWN, shared=False, loops=self.loops)
        if method.gives is Gives.MANAGER:
            return Manager(worst.model, worst.bound)
        if method.runs is Runs.WRITE:
            return self._write(node, worst, method, values)
        return self._run(node, querysets, method)

    def _run(self, node: ast.Call, querysets: list[QuerySet], method: Method) -> Value:
        how = HOW_RUN.get(method.gives, How.OTHER)
        evaluation = self.evaluate(how, node, querysets, method.name, call=node)
        if how is How.STREAM:
            return Stream(evaluation.queryset)
        if how is How.COUNT:
            return Count(evaluation)
        if how is How.ROW:
            return self.row(evaluation.queryset)
        return PLAIN

    def row(self, queryset: QuerySet) -> Value:
        """One item of a queryset."""
        return PLAIN if queryset.values else Row(queryset.model, queryset)

    def _lookups(self, node: ast.Call, name: str) -> list[Value]:
        """The arguments of a query method: a queryset among them becomes a subquery and stays unevaluated."""
        values = []
        for argument in node.args:
            value = self.expr(argument)
            if not self.querysets(value):
                self.escape(value, argument)
            values.append(value)
        for keyword in node.keywords:
            value = self.expr(keyword.value)
            if name in ("bulk_create", "bulk_update", "abulk_create", "abulk_update"):
                values.append(value)
            elif not self.querysets(value):
                self.escape(value, keyword.value)
        return values

    def _derive(self, queryset: QuerySet, node: ast.Call, method: Method) -> QuerySet:
        key = queryset.key if method.effect == "same" and method.name != "using" else (
            f"{queryset.key}.{method.name}({self.key(node)})"
        )
        derived = replace(
            queryset,
            node=node,
            key=key,
            names=queryset.names.union(*(self.names_in(part) for part in (*node.args, *node.keywords))),
            steps=(*queryset.steps, method.name),
            certain=True,
            shared=False,
            perhaps_prefetched=queryset.perhaps_prefetched and method.effect == "same",
            loops=self.loops,
        )
        effect = method.effect
        if effect == "filters":
            model = self.module.declared(queryset.model)
            bound = bound_of_lookups(node, self.value_of, model)
            if bound.value > derived.bound.value:
                derived.bound = bound
            derived.one_row = derived.one_row or finds_one_row(node, model)
        elif effect == "values":
            fields = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            derived.values, derived.fields = True, tuple(str(field) for field in fields)
        elif effect == "annotates":
            derived.groups = derived.groups or (queryset.values and bool(queryset.fields))
        elif effect == "distinct":
            derived.groups = derived.groups or (queryset.values and "pk" not in queryset.fields and "id" not in queryset.fields)
        elif effect == "groups":
            derived.groups, derived.values = True, True
        elif effect == "empties":
            derived.bound = Bound.BOUNDED
        elif effect == "orders":
            derived.ordered = bool(node.args)
        elif effect == "prefetches":
            derived.prefetches = not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value is None)
        elif effect == "combines":
            derived.combined = True
        if derived.groups:
            # Each distinct value once: as many rows as there are values, which are few where people ask for them.
            derived.bound = max(derived.bound, Bound.UNKNOWN, key=lambda bound: bound.value)
        return derived

    def _custom(self, node: ast.Call, queryset: QuerySet, name: str) -> Value:
        """A method that Django does not have: of a manager or queryset class of the project."""
        local = self.module.query_method(queryset.model, name)
        if local is not None:
            summary = self.module.summary(local)
            results = [option for option in alternatives(summary.value) if isinstance(option, QuerySet)]
            if results and len(results) == len(alternatives(summary.value)):
                return join(
                    replace(
                        queryset,
                        node=node,
                        key=f"{queryset.key}.{name}({self.key(node)})",
                        bound=max(queryset.bound, result.bound if result.bound is Bound.BOUNDED else Bound.UNBOUNDED,
                                  key=lambda bound: bound.value),
                        prefetches=queryset.prefetches or result.prefetches,
                        values=queryset.values or result.values,
                        groups=queryset.groups or result.groups,
                        shared=False,
                        loops=self.loops,
                    )
                    for result in results
                )
            return summary.value if not results else UNKNOWN
        if not calls.is_custom_query(name, node):
            self._use(queryset, How.ESCAPE, node)
            return self._opaque(node)
        key = f"{queryset.key}.{name}({self.key(node)})"
        return replace(queryset, node=node, key=key, certain=False, shared=False, loops=self.loops)

    def _write(self, node: ast.Call, queryset: QuerySet, method: Method, values: list[Value]) -> Value:
        name = method.name.removeprefix("a") if method.asynchronous else method.name
        if name in ("bulk_create", "bulk_update") and values:
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            grows = self.grows_with(values[0], arguments[0])
            if grows:
                self.others[node] = BulkWrite(node, name, grows)
            for option in self.querysets(values[0]):
                self._use(option, How.ESCAPE, node)
        self.written(queryset.model)
        if method.gives is Gives.ROW:
            return Row(queryset.model)
        if method.gives is Gives.ROW_AND_CREATED:
            return Sequence((Row(queryset.model), PLAIN))
        return UNKNOWN if method.gives is Gives.ROWS else PLAIN

    # -- evaluations --------------------------------------------------------------------------------------------------

    def querysets(self, value: Value) -> list[QuerySet]:
        """The querysets that a value may be; none where it may be anything else but None."""
        if not isinstance(value, QuerySet | Either):
            return []
        options = [option for option in alternatives(value) if option != NONE]
        found = [option for option in options if isinstance(option, QuerySet)]
        return found if len(found) == len(options) else []

    def worst(self, querysets: Items[QuerySet]) -> QuerySet:
        """Of several querysets the one with the fewest bounds: a bound on one path only is no bound."""
        return min(querysets, key=lambda queryset: queryset.bound.value)

    def facts_of(self, queryset: QuerySet) -> tuple[Evaluation, ...]:
        facts = self.state.facts.get(queryset)
        return facts.perhaps if facts else ()

    def consume(self, value: Value, node: ast.expr, how: How, by: str) -> Value:
        """Loop over a value; gives what each turn brings."""
        items = []
        for option in alternatives(value):
            if isinstance(option, Stream):
                items.append(self.row(option.queryset))
            elif isinstance(option, Rows):
                items.append(self.row(option.queryset))
            elif isinstance(option, Wrapped):
                items.append(self._consume_wrapped(option, how, by))
            elif isinstance(option, Sequence):
                items.append(join(option.items))
            elif isinstance(option, QuerySet):
                items.append(self.row(option))
            elif option != NONE:
                items.append(UNKNOWN)
        querysets = self.querysets(value)
        if querysets:
            self.evaluate(how, node, querysets, by)
        return join(items)

    def _consume_wrapped(self, value: Wrapped, how: How, by: str) -> Value:
        items = [
            self.consume(part, node, how, by if by != "for" else value.by)
            for part, node in zip(value.parts, value.nodes, strict=True)
        ]
        if value.by == "enumerate" and items:
            return Sequence((PLAIN, items[0]))
        if value.by.startswith("zip"):
            return Sequence(tuple(items))
        return join(items) if items and value.by in calls.SAME_ITEMS else UNKNOWN

    def evaluate(
        self, how: How, node: ast.expr, querysets: Items[QuerySet], by: str, call: ast.Call | None = None
    ) -> Evaluation:
        """A queryset runs its SQL here, or reads its cache."""
        queryset = self.worst(querysets)
        facts = self.state.facts.get(queryset)
        certain = facts.certain if facts else ()
        evaluation = self.evaluations.get((node, how))
        if evaluation is None:
            evaluation = Evaluation(how, node, queryset, by, queryset.bound, call, certainly_before=certain)
            evaluation.loops = self.loops
            evaluation.every_turn = bool(self.loops) and self.branches == self.loops[-1].branches
            evaluation.in_output = self.output > 0
            self.evaluations[node, how] = evaluation
        else:
            evaluation.queryset, evaluation.bound = queryset, queryset.bound
            evaluation.certainly_before = tuple(
                earlier for earlier in evaluation.certainly_before if earlier in certain and earlier is not evaluation
            )
        evaluation.perhaps_before = tuple(
            dict.fromkeys((*evaluation.perhaps_before, *(facts.perhaps if facts else ())))
        )
        evaluation.shared = (
            evaluation.shared or queryset.shared or queryset.perhaps_prefetched or bool(facts and facts.escaped)
        )
        for option in querysets:
            self._use(option, how, node)
        if not evaluation.perhaps_cached and len(querysets) == 1:
            self._remember(evaluation)
        for option in querysets:
            self.state.evaluated(option, evaluation)
        return evaluation

    def _remember(self, evaluation: Evaluation) -> None:
        """Look for the same SQL run before, and keep this run for later."""
        queryset, how = evaluation.queryset, evaluation.how
        if "?" in queryset.key:
            return
        if how.loads:
            family = "load"
        elif how is How.ROW or how is How.OTHER or how is How.EXISTS:
            family = f"{evaluation.by}({self.key(evaluation.call)})" if evaluation.call else evaluation.by
        elif how is How.INDEX:
            family = "index"
        else:
            family = how.name
        if "?" in family:
            return
        if how is How.LENGTH or how is How.TRUTH or how is How.MEMBERSHIP:
            return
        if how.loads:
            for probe in ("COUNT", "exists()", "aexists()"):
                earlier = self.state.queries.get((queryset.key, probe))
                if earlier is not None and earlier.queryset is not queryset:
                    earlier.later[Use(how, evaluation.node, same_object=False)] = None
        known = self.state.queries.get((queryset.key, family))
        if known is not None and known is not evaluation and (known.queryset is not queryset or not how.loads):
            evaluation.repeats = known
        self.state.queries[queryset.key, family] = evaluation

    def _use(self, queryset: QuerySet, how: How, node: ast.expr) -> None:
        for earlier in self.facts_of(queryset):
            earlier.later[Use(how, node)] = None

    def escape(self, value: Value, node: ast.expr) -> None:
        """A value goes where it cannot be followed: its rows may be used there."""
        if value is UNKNOWN or value is PLAIN:
            return
        for option in alternatives(value):
            if isinstance(option, QuerySet):
                self._use(option, How.ESCAPE, node)
                self.state.escaped(option)
            elif isinstance(option, Wrapped):
                for part, inner in zip(option.parts, option.nodes, strict=True):
                    self.escape(part, inner)
            elif isinstance(option, Count) and isinstance(option.evaluation, Evaluation):
                if option.evaluation.call is not node or not self.output:
                    self._result_used(option)

    # -- names --------------------------------------------------------------------------------------------------------

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a target."""
        if isinstance(target, ast.Name):
            self.state.bind(target.id, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, UNKNOWN)
        elif isinstance(target, ast.Tuple | ast.List):
            items = value.items if isinstance(value, Sequence) else ()
            if len(items) != len(target.elts) or any(isinstance(item, ast.Starred) for item in target.elts):
                items = (PLAIN if value == PLAIN else UNKNOWN,) * len(target.elts)
            for element, item in zip(target.elts, items, strict=True):
                self.bind(element, item)
        elif isinstance(target, ast.Attribute):
            self._bind_attribute(target, value)
        elif isinstance(target, ast.Subscript):
            self.escape(self.expr(target.value), target.value)
            self.expr(target.slice)
            self.escape(value, target)

    def _bind_attribute(self, target: ast.Attribute, value: Value) -> None:
        holder = self.expr(target.value)
        if isinstance(holder, Row) and holder.of is not None:
            for (_, how), evaluation in self.evaluations.items():
                if how is How.LOOP and evaluation.queryset is holder.of:
                    evaluation.mutates_rows = True
        self.escape(value, target)
        dotted = dotted_name(target)
        if dotted:
            self.state.bind_attribute(dotted, value)
            if dotted.startswith("self.") and dotted.count(".") == 1:
                self.attributes.setdefault(target.attr, []).append(value)

    @contextmanager
    def branch(self) -> Iterator[None]:
        """Code that does not run each time."""
        self.branches += 1
        try:
            yield
        finally:
            self.branches -= 1

    def value_of(self, node: ast.expr) -> Value:
        """What an argument that was evaluated already holds."""
        if isinstance(node, ast.Name):
            return self.state.names.get(node.id) or self.module.name(node.id)
        if isinstance(node, ast.Constant):
            return NONE if node.value is None else PLAIN
        if isinstance(node, ast.Attribute):
            return self._read_Attribute(node)
        return UNKNOWN

    def names_in(self, node: ast.AST) -> Iterable[str]:
        """The names that an expression depends on."""
        while isinstance(node, ast.Attribute | ast.keyword):
            node = node.value
        if isinstance(node, ast.Name):
            return (node.id,)
        if isinstance(node, ast.Constant):
            return ()
        return [child.id for child in ast.walk(node) if isinstance(child, ast.Name)]

    def key(self, node: ast.AST) -> str:
        """Spell an expression so that equal spellings mean equal values: names with their versions.

        A "?" in it says that the value may differ at each evaluation. For a call of a query method only the arguments
        are spelled.
        """
        if isinstance(node, ast.Call):
            parts = [self._spell(argument) for argument in node.args]
            parts += [f"{keyword.arg}={self._spell(keyword.value)}" for keyword in node.keywords]
            return ",".join(parts)
        return self._spell(node)

    def _spell(self, node: ast.AST | None) -> str:
        if node is None:
            return ""
        if isinstance(node, ast.Constant):
            return repr(node.value).replace("?", "") if node.value != "?" else "?"
        if isinstance(node, ast.Name):
            return f"{node.id}@{self.state.versions.get(node.id, 0)}"
        if isinstance(node, ast.Attribute):
            version = self.state.versions.get(dotted_name(node), "")
            return f"{self._spell(node.value)}.{node.attr}{version}"
        if isinstance(node, ast.Call):
            last = dotted_name(node.func).rpartition(".")[2]
            known = isinstance(node.func, ast.Attribute) and (node.func.attr in METHODS)
            mark = "" if last[:1].isupper() or known else "?"
            return f"{self._spell(node.func)}{mark}({self.key(node)})"
        if isinstance(node, ast.Slice):
            return f"{self._spell(node.lower)}:{self._spell(node.upper)}:{self._spell(node.step)}"
        if isinstance(node, ast.Lambda | ast.GeneratorExp | ast.ListComp | ast.NamedExpr | ast.Await | ast.Yield):
            return "?"
        children = ",".join(self._spell(child) for child in ast.iter_child_nodes(node))
        return f"{type(node).__name__}({children})"


def _awaited(node: ast.expr) -> ast.expr:
    """``await x`` -> ``x``."""
    return node.value if isinstance(node, ast.Await) else node


def _perhaps_prefetched(base: Row | RowAttribute) -> bool:
    """Whether a prefetch elsewhere may have filled a row's relations: not where the looped queryset shows that it has none."""
    if isinstance(base, RowAttribute):
        return base.perhaps_prefetched
    return base.of is None or base.of.prefetches or base.of.shared or not base.of.certain


EXPRESSIONS: dict[type[ast.AST], Callable[[Expressions, Any], Value]] = {
    getattr(ast, name.removeprefix("_read_")): method
    for name, method in vars(Expressions).items()
    if name.startswith("_read_")
}
