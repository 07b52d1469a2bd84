"""What method calls do: on querysets by the table of the API, on rows, lists and objects by what the file says."""

from __future__ import annotations

import ast
from dataclasses import replace

from flake8_djq.querysets import calls
from flake8_djq.querysets.api import MANAGER_METHODS, METHODS, RAW_METHODS, Gives, Method, Runs
from flake8_djq.querysets.declarations import ClassKind
from flake8_djq.querysets.evaluations import MUTATORS, BulkWrite, Evaluation, How
from flake8_djq.querysets.functions import FunctionCalls
from flake8_djq.querysets.lookups import asks_for_row, bound_of_lookups, finds_one_row, is_constant, keeps_walkable
from flake8_djq.querysets.spelling import names_in
from flake8_djq.querysets.values import (
    KEYS,
    NONE,
    PLAIN,
    UNKNOWN,
    Bound,
    Count,
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
    Stream,
    Unknown,
    Value,
    alternatives,
    join,
)
from flake8_djq.source import dotted_name

__all__ = ["QueryMethods"]

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
GETS_QUERYSET = frozenset({"get_queryset", "get_query_set"})
# Keywords of values_list(); every other one names a computed column.
VALUES_OPTIONS = frozenset({"flat", "named"})
LIST_GROWS = frozenset({"append", "extend", "insert", "add"})


class QueryMethods(FunctionCalls):
    """Methods called on managers, querysets, rows and lists."""

    def _method(self, node: ast.Call, func: ast.Attribute) -> Value:
        name = func.attr
        if isinstance(func.value, ast.Call) and dotted_name(func.value.func) == "super":
            return self._super(node, name)
        base = self.expr(func.value)
        options = [option for option in alternatives(base) if option != NONE]
        if len(options) > 1 and UNKNOWN in options:
            method = METHODS.get(name)
            if method is None or method.gives is not Gives.QUERYSET:
                self.escape(base, func.value)
            options = [UNKNOWN]
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
            manager = Manager(value.name, Bound.BOUNDED, perhaps_prefetched=value.perhaps_prefetched)
            return self.start(manager, func.value)
        if isinstance(value, Unknown) and self._is_relation(call, func):
            names = frozenset(names_in(func.value))
            relation = QuerySet(
                "", self.key(func.value), func.value, Bound.BOUNDED, names, shared=True, loops=self.loops
            )
            relation.perhaps_prefetched = True
            return relation
        if isinstance(value, Unknown) and self._looks_like_query(call, func):
            names = frozenset(names_in(func.value))
            return QuerySet("", self.key(func.value), func.value, Bound.UNKNOWN, names, shared=True, loops=self.loops)
        return None

    def _is_relation(self, call: ast.Call, func: ast.Attribute) -> bool:
        """``order.lines.count()`` of an unknown order: some model calls a relation so, and no list counts nothing."""
        if func.attr not in calls.ASK or call.args or call.keywords or not isinstance(func.value, ast.Attribute):
            return False
        project = self.module.project
        if project is None or self.module.mixes_orms or not self.module.is_django:
            return False
        return project.is_relation(func.value.attr)

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
        names = frozenset(names_in(node))
        queryset = QuerySet(manager.model, self.key(node), node, manager.bound, names, loops=self.loops)
        queryset.perhaps_prefetched, queryset.given = manager.perhaps_prefetched, manager.given
        if manager.start is not None:
            begun = manager.start
            queryset = replace(queryset, prefetches=begun.prefetches, ordered=begun.ordered, groups=begun.groups)
            queryset.walkable, queryset.order = begun.walkable, begun.order
            if begun.bound is Bound.BOUNDED:
                queryset.bound = Bound.BOUNDED
        model = self.module.declared(manager.model)
        if model is not None and model.order and not queryset.ordered:
            queryset.ordered, queryset.order = True, tuple(map(model.by_key, model.order))
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
                return self.fresh(replace(declared, shared=False, perhaps_loaded=False), node, f"{owner.name}.queryset")
            return QuerySet("", f"{owner.name}.super", node, Bound.UNKNOWN, loops=self.loops)
        if kind in (ClassKind.MANAGER, ClassKind.QUERYSET) and name in METHODS:
            base = QuerySet("", f"{owner.name if owner else ''}.super", node, Bound.UNKNOWN, loops=self.loops)
            return self._query(node, [base], None)
        return self._opaque(node)

    def _method_of(self, value: Value, node: ast.Call, func: ast.Attribute) -> Value:
        name = func.attr
        if isinstance(value, Instance | LocalClass | Row | Model):
            local = self.module.method(
                value.name if isinstance(value, Instance | LocalClass | Model) else value.model, name
            )
            if local is not None:
                return self.call_local(local, node)
        if isinstance(value, Instance | LocalClass) and dotted_name(func) not in self.state.names:
            given = self.module.called_member(value, name)
            if given is not None and not (isinstance(given, Unknown) and name in GETS_QUERYSET):
                passed = self.arguments(node)
                self._opaque(node)
                return self.given_back(given, node, f"{self.key(func)}({self.key(node)})", passed)
        if isinstance(value, Instance | LocalClass) and "." not in value.name and name in GETS_QUERYSET:
            self.arguments(node)
            return self._inherited_queryset(value.name, node)
        if isinstance(value, Row) and name in ROW_WRITES:
            self.arguments(node)
            is_new = value.of is None and not value.stored and name.endswith("save")
            self.written(value.model, adds=is_new, deletes=name.endswith("delete"))
            return PLAIN
        if isinstance(value, RowAttribute) and name in ROW_WRITES | RELATION_WRITES:
            self.arguments(node)
            self.effects()
            return PLAIN
        if isinstance(value, ListValue):
            return self._list_method(value, node, name)
        if isinstance(value, Rows):
            self.searched(value)  # ``names.get(code)``
            if name in MUTATORS and isinstance(value.evaluation, Evaluation):
                value.evaluation.list_needed = True
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
        """``self.get_queryset()`` where a base brings the method: it gives what ``queryset`` or ``model`` says."""
        declared = self.module.class_attribute(owner, "queryset")
        if isinstance(declared, QuerySet):
            return self.fresh(replace(declared, shared=False, perhaps_loaded=False), node, f"{owner}.get_queryset")
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
            self._grow(value, dotted_name(node.func).rpartition(".")[0])
        elif name == "clear":
            self.state.growth.pop(value, None)
        return PLAIN

    def _grow(self, value: ListValue, target: str) -> None:
        """A list grows inside loops with what the outermost unbounded one goes through, unless it is emptied."""
        for loop in self.loops:
            if not target or target in loop.resets:
                return
            grows = self.grows_with(loop.value, loop.node.iter) if isinstance(loop.node, ast.For | ast.AsyncFor) else ""
            if grows:
                self.state.growth[value] = grows
                return

    def _query(self, node: ast.Call, querysets: list[QuerySet], func: ast.Attribute | None) -> Value:
        """A method called on a queryset."""
        name = func.attr if func is not None else node.func.attr  # type: ignore[attr-defined]
        worst = self.worst(querysets)
        table = RAW_METHODS if worst.raw else QUERY_METHODS
        method = table.get(name)
        values = self._lookups(node, name, is_custom=method is None)
        if method is None:
            return self._custom(node, worst, name)
        if method.gives is Gives.QUERYSET:
            return join(self._derive(queryset, node, method) for queryset in querysets)
        if method.gives is Gives.RAW:
            key = f"{worst.key}.raw({self.key(node)})"
            return replace(
                worst,
                node=node,
                key=key,
                raw=True,
                bound=Bound.UNKNOWN,
                shared=False,
                perhaps_loaded=False,
                loops=self.loops,
            )
        if method.gives is Gives.MANAGER:
            return Manager(worst.model, worst.bound)
        if method.runs is Runs.WRITE:
            return self._write(node, worst, method, values)
        return self._run(node, querysets, method)

    def _run(self, node: ast.Call, querysets: list[QuerySet], method: Method) -> Value:
        how = HOW_RUN.get(method.gives, How.OTHER)
        evaluation = self.evaluate(how, node, querysets, method.name, call=node)
        if how is How.STREAM:
            return Stream(evaluation.queryset, evaluation)
        if how is How.COUNT:
            return Count(evaluation)
        if how is How.ROW:
            if method.gives is Gives.ROW_OR_NONE and not evaluation.queryset.values:
                return Row(evaluation.queryset.model, stored=True)
            return self.row(evaluation.queryset)
        return PLAIN

    def _lookups(self, node: ast.Call, name: str, is_custom: bool = False) -> list[Value]:
        """The arguments of a query method: a queryset among them becomes a subquery and stays unevaluated.

        What a method of the project does with it is its own affair.
        """
        values = []
        for argument in node.args:
            value = self.lookup_values[argument] = self.expr(argument)
            if is_custom or not self.querysets(value):
                self.escape(value, argument)
            values.append(value)
        for keyword in node.keywords:
            value = self.lookup_values[keyword.value] = self.expr(keyword.value)
            if name in ("bulk_create", "bulk_update", "abulk_create", "abulk_update"):
                values.append(value)
            elif is_custom or not self.querysets(value):
                self.escape(value, keyword.value)
        return values

    def _rows_of_loops(self) -> frozenset[str]:
        """What the loops around call their rows."""
        targets = (getattr(loop.node, "target", None) for loop in self.loops)
        return frozenset(name for target in targets if target is not None for name in names_in(target))

    def _derive(self, queryset: QuerySet, node: ast.Call, method: Method) -> QuerySet:
        key = (
            queryset.key
            if method.effect == "same" and method.name != "using"
            else (f"{queryset.key}.{method.name}({self.key(node)})")
        )
        derived = replace(
            queryset,
            node=node,
            key=key,
            names=queryset.names.union(*(names_in(part) for part in (*node.args, *node.keywords))),
            steps=(*queryset.steps, method.name),
            certain=True,
            shared=False,
            perhaps_loaded=False,
            perhaps_prefetched=queryset.perhaps_prefetched and method.effect == "same",
            loops=self.loops,
        )
        effect = method.effect
        if method.name in ("filter", "exclude", "annotate", "alias"):
            derived.reads_more |= any(isinstance(part, ast.Name | ast.Attribute | ast.Starred) for part in node.args)
        if effect in ("filters", "combines"):
            derived.narrowed = derived.narrowed or not is_constant(node)
        if effect == "filters":
            model = self.module.declared(queryset.model)
            bound = bound_of_lookups(node, self.value_of, model)
            if bound is Bound.UNBOUNDED and asks_for_row(node, self._rows_of_loops()):
                bound = Bound.UNKNOWN
            if bound.value > derived.bound.value:
                derived.bound = bound
            derived.one_row = derived.one_row or finds_one_row(node, model)
        elif effect == "values":
            fields = [str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.args]
            fields += [keyword.arg or "?" for keyword in node.keywords if keyword.arg not in VALUES_OPTIONS]
            derived.values, derived.fields = True, tuple(fields)
            derived.groups = derived.groups or (
                "distinct" in queryset.steps and bool(fields) and not KEYS & set(fields)
            )
        elif effect == "annotates":
            derived.groups = derived.groups or (queryset.values and bool(queryset.fields))
        elif effect == "distinct":
            derived.groups = derived.groups or (
                queryset.values and "pk" not in queryset.fields and "id" not in queryset.fields
            )
        elif effect == "groups":
            derived.groups, derived.values = True, True
        elif effect == "empties":
            derived.bound = Bound.BOUNDED
        elif effect == "orders":
            derived.ordered = bool(node.args)
            fields = [str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.args]
            model = self.module.declared(queryset.model)
            derived.order = tuple(fields if model is None else map(model.by_key, fields))
        elif effect == "prefetches":
            derived.prefetches = not (
                node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value is None
            )
        elif effect == "combines":
            derived.combined = True
        derived.walkable = queryset.walkable and keeps_walkable(node, method)
        if derived.groups:
            # Each distinct value once: as many rows as there are values, which are few where people ask for them.
            derived.bound = max(derived.bound, Bound.UNKNOWN, key=lambda bound: bound.value)
        return derived

    def _custom(self, node: ast.Call, queryset: QuerySet, name: str) -> Value:
        """A method that Django does not have: of a manager or queryset class of the project."""
        given = self.module.query_method(queryset.model, name)
        if given is not None and not isinstance(given, Unknown):
            results = [option for option in alternatives(given) if isinstance(option, QuerySet)]
            arguments = (*node.args, *(keyword.value for keyword in node.keywords))
            takes = not all(isinstance(argument, ast.Constant) for argument in arguments)
            if results and len(results) == len(alternatives(given)):
                return join(
                    replace(
                        queryset,
                        node=node,
                        key=f"{queryset.key}.{name}({self.key(node)})",
                        bound=max(
                            queryset.bound,
                            # What a method leaves open for constants, it has from the queryset itself.
                            result.bound
                            if takes or result.groups or result.bound is Bound.BOUNDED
                            else Bound.UNBOUNDED,
                            key=lambda bound: bound.value,
                        ),
                        prefetches=queryset.prefetches or result.prefetches,
                        raw=queryset.raw or result.raw,
                        values=queryset.values or result.values,
                        groups=queryset.groups or result.groups,
                        walkable=queryset.walkable and result.walkable,
                        shared=False,
                        perhaps_loaded=False,
                        narrowed=queryset.narrowed or takes or result.narrowed,
                        loops=self.loops,
                    )
                    for result in results
                )
            self._opaque(node)  # who gives no queryset may be there to write
            return given if not results else UNKNOWN
        if not calls.is_custom_query(name, node):
            self._use(queryset, How.ESCAPE, node)
            return self._opaque(node)
        key = f"{queryset.key}.{name}({self.key(node)})"
        return replace(
            queryset,
            node=node,
            key=key,
            certain=False,
            walkable=False,
            shared=False,
            perhaps_loaded=False,
            narrowed=queryset.narrowed or not is_constant(node),
            loops=self.loops,
        )

    def _write(self, node: ast.Call, queryset: QuerySet, method: Method, values: list[Value]) -> Value:
        name = method.name.removeprefix("a") if method.asynchronous else method.name
        if name in ("bulk_create", "bulk_update") and values:
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            grows = self.grows_with(values[0], arguments[0])
            if grows:
                self.others[node] = BulkWrite(node, name, grows)
            for option in self.querysets(values[0]):
                self._use(option, How.ESCAPE, node)
        self.written(queryset.model, adds="create" in name, deletes=name == "delete")
        if name in ("update", "delete"):
            self.state.facts.pop(queryset, None)  # both empty the result cache
        if method.gives is Gives.ROW:
            return Row(queryset.model)
        if method.gives is Gives.ROW_AND_CREATED:
            return Sequence((Row(queryset.model), PLAIN))
        return UNKNOWN if method.gives is Gives.ROWS else PLAIN
