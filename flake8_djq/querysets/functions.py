"""What calls of functions do with querysets."""

from __future__ import annotations

import ast
from collections.abc import Sequence as Items
from dataclasses import replace
from functools import cached_property
from typing import TypeGuard

from flake8_djq.querysets import calls
from flake8_djq.querysets.declarations import is_self
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.recording import Recorder
from flake8_djq.querysets.spelling import names_in
from flake8_djq.querysets.values import (
    BATCH,
    NONE,
    ON_READING,
    PLAIN,
    UNKNOWN,
    Bound,
    Count,
    ImportedFunction,
    InnerFunction,
    Instance,
    ListValue,
    LocalClass,
    LocalFunction,
    Manager,
    Model,
    Plain,
    QuerySet,
    Row,
    Rows,
    Stream,
    Unknown,
    Value,
    Wrapped,
    alternatives,
    join,
    kept,
)
from flake8_djq.source import dotted_name

__all__ = ["FunctionCalls", "Passed"]

# What a call passes: by place and by keyword; under None where a star leaves it open.
Passed = dict[int | str | None, Value]


class FunctionCalls(Recorder):
    """Calls of builtins, of wrappers and collectors, and of the file's own functions."""

    def _function(self, node: ast.Call, callee: Value) -> Value:
        """A call of anything that is not a method."""
        name = dotted_name(node.func)
        if len(alternatives(callee)) > 1 and name in calls.WRAPPERS:
            return self._wrap(name, node)
        if isinstance(callee, LocalFunction):
            return self.call_local(callee.name, node)
        if isinstance(callee, ImportedFunction):
            return self._imported(callee.name, node)
        if isinstance(callee, InnerFunction):
            passed = self.arguments(node)
            self.effects()
            return self.given_back(callee.gives, node, f"{name}({self.key(node)})", passed, is_inner=True)
        if isinstance(callee, Model):
            self.arguments(node)
            return Row(callee.name)
        if isinstance(callee, LocalClass) and name not in calls.SPECIAL:
            self.arguments(node)
            return Instance(callee.name)
        if isinstance(callee, Unknown | Plain | LocalClass):
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
            tested = self.evaluations.get((first, How.TRUTH))
            if tested is not None:
                tested.whole = node
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
            return Row(model, stored=True)
        if last in calls.SUBQUERIES:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                self.expr(argument)
            return PLAIN
        if name == "open" or last in ("reader", "DictReader", "TextIOWrapper"):
            self.arguments(node)
            return Plain("file")
        imported = self.module.of_module(node.func)
        if isinstance(imported, ImportedFunction):
            return self._imported(imported.name, node)
        passed = self.arguments(node)
        picked = passed.get(0) if last in calls.PICKERS else None
        if isinstance(picked, Rows) and isinstance(picked.evaluation, Evaluation):
            picked.evaluation.list_needed = True
        if isinstance(imported, LocalClass):
            return Instance(imported.name)
        return self._opaque(node)

    def _imported(self, name: str, node: ast.Call) -> Value:
        """Call a function of another file: it may change rows, and the project says what it gives."""
        passed = self.arguments(node)
        self._opaque(node)
        return self.given_back(self.module.imported_value(name), node, f"{name}({self.key(node)})", passed)

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
            return Rows(evaluation.queryset, evaluation)
        if isinstance(value, Stream):
            if isinstance(value.evaluation, Evaluation):
                value.evaluation.stream_read = True
            return Rows(value.queryset)
        if isinstance(value, Wrapped):
            # list(islice(rows, 500)) keeps one piece; the rows themselves stay in the result cache.
            how = How.LOOP if value.by in calls.PIECES else How.MATERIALIZE
            self.consume(value, node, how, "for" if value.by in calls.PIECES else by)
            return PLAIN
        self.escape(value, node)
        return value if isinstance(value, Rows | ListValue) or value == BATCH else PLAIN

    def _length(self, value: Value, node: ast.expr, call: ast.Call) -> Value:
        querysets = self.querysets(value)
        if not querysets:
            self.escape(value, node)
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

    def arguments(self, node: ast.Call, positional: Items[ast.expr] | None = None) -> Passed:
        """Evaluate the arguments of a call that may do anything with them."""
        passed: Passed = {}
        for place, argument in enumerate(node.args if positional is None else positional):
            passed[place] = value = self.expr(argument)
            self._hand_on(value, argument)
            if isinstance(argument, ast.Starred):
                passed[None] = UNKNOWN
        for keyword in node.keywords:
            passed[keyword.arg] = value = self.expr(keyword.value)
            self._hand_on(value, keyword.value)
            if keyword.arg == "choices" and isinstance(value, Rows) and isinstance(value.evaluation, Evaluation):
                value.evaluation.list_searched = True  # argparse and forms look each value up in it
        return passed

    def _hand_on(self, value: Value, node: ast.expr) -> None:
        """An argument escapes; but what is only shown is not kept."""
        if self.output and isinstance(value, QuerySet):
            self.shown(value, node)
            return
        self.escape(value, node)
        if isinstance(value, QuerySet):
            self.state.escaped(value, to_code=True)

    def _opaque(self, node: ast.Call) -> Value:
        """A call of which nothing is known but perhaps that it changes no rows."""
        if not calls.is_harmless(node, self.source):
            self.effects()
        return UNKNOWN

    def call_local(self, name: str, node: ast.Call) -> Value:
        """Call a function or method of this file."""
        values = [self.expr(argument) for argument in node.args]
        keywords = {keyword.arg: self.expr(keyword.value) for keyword in node.keywords}
        passed = [self._as_passed(value) for value in values]
        for value, argument in zip(values, node.args, strict=True):
            self._hand_on(value, argument)
        for keyword in node.keywords:
            self._hand_on(keywords[keyword.arg], keyword.value)
        self.module.passes(name, node, passed, keywords)
        summary = self.module.summary(name)
        if summary.has_effects:
            self.effects()
            self.state.forget_attributes("self")
        given: Passed = dict(enumerate(values))
        given.update(keywords.items())
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            given[None] = UNKNOWN
        key = f"{name} {self.key(node.func)}" if isinstance(node.func, ast.Attribute) else name
        return self.given_back(summary.value, node, f"{key}({self.key(node)})", given)

    def given_back(self, value: Value, node: ast.Call, key: str, passed: Passed, is_inner: bool = False) -> Value:
        """What a call gives by what it passes: a queryset made from an argument has the argument's bounds.

        A filter that the function puts on it on some path may leave few rows, which only the caller can know. Where
        something else is given only if the caller passes nothing, it does not count for this call.
        """
        options = alternatives(value)
        made = [option for option in options if isinstance(option, QuerySet) and bool(option.given)]
        made = [option for option in made if not (is_inner and option.given[0])]
        narrowed = any(option.narrowed or option.sliced for option in made)
        takes = any(_argument_of(option, passed) not in (UNKNOWN, NONE) for option in made)
        found: list[Value] = []
        for option in options:
            if isinstance(option, QuerySet) and option in made:
                arguments = alternatives(_argument_of(option, passed))
                found.extend(self._made_from(argument, option, narrowed) for argument in arguments)
            elif isinstance(option, QuerySet) and takes:
                found.append(replace(option, bound=_at_least(option.bound, Bound.UNKNOWN)))
            else:
                found.append(option)
        return self.fresh(join(found), node, key)

    def _made_from(self, argument: Value, option: QuerySet, narrowed: bool) -> Value:
        """What a function makes of one of its arguments: ``option`` is what it makes of the parameter."""
        if isinstance(argument, Manager):
            bound = _at_least(argument.bound, Bound.UNKNOWN if narrowed else option.bound)
            return replace(option, model=argument.model or option.model, bound=bound, given=argument.given)
        if not isinstance(argument, QuerySet):
            return replace(option, bound=_at_least(option.bound, Bound.UNKNOWN), given=())
        is_itself = option.shared
        loaded = is_itself and (
            argument.perhaps_loaded or any(earlier.how.fills_cache for earlier in self.facts_of(argument))
        )
        return replace(
            option,
            model=argument.model or option.model,
            bound=_at_least(argument.bound, Bound.UNKNOWN if narrowed else option.bound),
            steps=(*argument.steps, *option.steps),
            certain=argument.certain and option.certain,
            prefetches=argument.prefetches or option.prefetches,
            ordered=argument.ordered or option.ordered,
            sliced=argument.sliced or option.sliced,
            combined=argument.combined or option.combined,
            values=argument.values or option.values,
            groups=argument.groups or option.groups,
            one_row=argument.one_row or option.one_row,
            raw=argument.raw or option.raw,
            walkable=argument.walkable and option.walkable,
            order=option.order or argument.order,
            ordering=argument.ordering if option.ordering == "kept" else option.ordering,
            fields=option.fields or argument.fields,
            origin=argument.origin,
            perhaps_prefetched=argument.perhaps_prefetched or option.perhaps_prefetched,
            perhaps_loaded=loaded or option.perhaps_loaded,
            given=argument.given,
            narrowed=argument.narrowed or narrowed,
            reads_more=argument.reads_more or option.reads_more or narrowed,
        )

    def with_loads(self, value: Value) -> Value:
        """What this function returns, marked where it has perhaps loaded the rows itself."""
        loaded = {evaluation.queryset for evaluation in self.evaluations.values() if evaluation.how.fills_cache}
        return join(
            replace(option, perhaps_loaded=True) if isinstance(option, QuerySet) and option in loaded else option
            for option in alternatives(value)
        )

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a target: what outlives the call and is asked for first is a cache of rows."""
        if self._is_memo(target):
            self.escape(value, target)
            value = join(map(kept, alternatives(value)))
        self._place(value)
        super().bind(target, value)

    def _is_memo(self, target: ast.expr) -> bool:
        """Whether a target is filled once for many calls: ``if self.rows is None: self.rows = ...``."""
        if self.function is None or isinstance(target, ast.Tuple | ast.List | ast.Starred):
            return False
        if isinstance(target, ast.Name):
            return target.id in self._globals
        if not _is_own_attribute(target):
            return False
        name = target.attr
        if any(_asks_for(node, name) for node in self.path):
            return True
        return any(part.lineno < target.lineno and _asks_for(part, name) for part in self._guards)

    @cached_property
    def _statements(self) -> tuple[ast.stmt, ...]:
        """Every statement of the function."""
        return self.source.statements_in(self.function.node) if self.function is not None else ()

    @cached_property
    def _globals(self) -> frozenset[str]:
        if "global " not in self.source.text:
            return frozenset()
        return frozenset(name for part in self._statements if isinstance(part, ast.Global) for name in part.names)

    @cached_property
    def _guards(self) -> tuple[ast.If, ...]:
        """The conditions under which the function ends early."""
        return tuple(
            part
            for part in self._statements
            if isinstance(part, ast.If) and isinstance(part.body[-1], ast.Return | ast.Raise)
        )

    def evaluate(
        self, how: How, node: ast.expr, querysets: Items[QuerySet], by: str, call: ast.Call | None = None
    ) -> Evaluation:
        """A queryset runs its SQL here, or reads its cache."""
        for queryset in querysets:
            self._place(queryset)
        return super().evaluate(how, node, querysets, by, call)

    def _place(self, value: Value) -> None:
        """A queryset that the reading of an attribute has made stands in the loops where it is first met."""
        for option in alternatives(value):
            if isinstance(option, QuerySet) and option.loops == ON_READING:
                option.loops = self.loops

    def _as_passed(self, value: Value) -> Value:
        """A queryset whose rows the caller has loaded already: the function that it is passed to reads its cache."""
        if isinstance(value, QuerySet) and any(earlier.how.fills_cache for earlier in self.facts_of(value)):
            return replace(value, perhaps_loaded=True)
        return value

    def fresh(self, value: Value, node: ast.expr, key: str) -> Value:
        """What a call returns: a queryset that it builds is a new object at each call.

        One that is sliced on some paths only may be so for what this call passes.
        """
        found: list[Value] = []
        options = alternatives(value)
        passes = isinstance(node, ast.Call) and bool(node.args or node.keywords)
        perhaps_sliced = passes and any(_is_limited(option) for option in options)
        for option in options:
            if isinstance(option, QuerySet):
                option = replace(option, node=node, key=key, loops=self.loops, names=option.names.union(names_in(node)))
                if perhaps_sliced and option.bound is Bound.UNBOUNDED:
                    option.bound = Bound.UNKNOWN
            elif isinstance(option, ListValue):
                option = UNKNOWN
            found.append(option)
        return join(found) if found else UNKNOWN

    def _model_name(self, node: ast.expr) -> str:
        named = self.module.of_module(node)
        if isinstance(named, Model):
            return named.name
        return dotted_name(node).rpartition(".")[2] or ast.unparse(node)


def _is_own_attribute(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and is_self(node.value)


def _asks_for(node: ast.AST, attribute: str) -> bool:
    """Whether a condition asks for an attribute of ``self``, or a ``try`` whether there is one."""
    if isinstance(node, ast.Try):
        return any("AttributeError" in ast.unparse(part.type) for part in node.handlers if part.type) and any(
            _names(part, attribute) for part in node.body
        )
    return isinstance(node, ast.If | ast.IfExp | ast.While) and _names(node.test, attribute)


def _names(node: ast.AST, attribute: str) -> bool:
    """Whether code names an attribute of ``self``, also in ``hasattr(self, "rows")``."""
    return any(
        (_is_own_attribute(part) and part.attr == attribute)
        or (isinstance(part, ast.Constant) and part.value == attribute)
        for part in ast.walk(node)
    )


def _argument_of(option: QuerySet, passed: Passed) -> Value:
    """What a call passes for the parameter that a queryset is made from; UNKNOWN where that cannot be told."""
    _, place, name = option.given
    if None in passed:
        return UNKNOWN
    return passed.get(place, passed.get(name, UNKNOWN))


def _at_least(bound: Bound, other: Bound) -> Bound:
    return max(bound, other, key=lambda one: one.value)


def _is_limited(value: Value) -> bool:
    return isinstance(value, QuerySet) and value.sliced and value.bound is Bound.BOUNDED
