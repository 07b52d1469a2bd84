"""What calls of functions do with querysets."""

from __future__ import annotations

import ast
from collections.abc import Sequence as Items
from dataclasses import replace

from flake8_djq.querysets import calls
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.recording import Recorder
from flake8_djq.querysets.values import (
    BATCH,
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
)
from flake8_djq.source import dotted_name

__all__ = ["FunctionCalls"]


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
            self.arguments(node)
            self.effects()
            return self.fresh(callee.gives, node, f"{name}({self.key(node)})")
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
            return Row(model)
        if last in calls.SUBQUERIES:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                self.expr(argument)
            return PLAIN
        if name == "open" or last in ("reader", "DictReader", "TextIOWrapper"):
            self.arguments(node)
            return Plain("file")
        if last in calls.PICKERS and first is not None:
            picked = self.expr(first)
            if isinstance(picked, Rows) and isinstance(picked.evaluation, Evaluation):
                picked.evaluation.list_needed = True
        imported = self.module.of_module(node.func)
        if isinstance(imported, ImportedFunction):
            return self._imported(imported.name, node)
        self.arguments(node)
        if isinstance(imported, LocalClass):
            return Instance(imported.name)
        return self._opaque(node)

    def _imported(self, name: str, node: ast.Call) -> Value:
        """Call a function of another file: it may change rows, and the project says what it gives."""
        self.arguments(node)
        self._opaque(node)
        return self.fresh(self.module.imported_value(name), node, f"{name}({self.key(node)})")

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

    def arguments(self, node: ast.Call, positional: Items[ast.expr] | None = None) -> None:
        """Evaluate the arguments of a call that may do anything with them."""
        for argument in node.args if positional is None else positional:
            self._hand_on(self.expr(argument), argument)
        for keyword in node.keywords:
            value = self.expr(keyword.value)
            self._hand_on(value, keyword.value)
            if keyword.arg == "choices" and isinstance(value, Rows) and isinstance(value.evaluation, Evaluation):
                value.evaluation.list_searched = True  # argparse and forms look each value up in it

    def _hand_on(self, value: Value, node: ast.expr) -> None:
        """An argument escapes; but what is only shown is not kept, and showing a queryset fills no cache."""
        if not (self.output and isinstance(value, QuerySet)):
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
        return self.fresh(summary.value, node, f"{name}({self.key(node)})")

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
                option = replace(option, node=node, key=key, shared=option.shared, loops=self.loops)
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


def _is_limited(value: Value) -> bool:
    return isinstance(value, QuerySet) and value.sliced and value.bound is Bound.BOUNDED
