"""What happens to the querysets of one function: evaluations, uses of their rows, growing lists."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from collections.abc import Sequence as Items
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flake8_djq.querysets import calls
from flake8_djq.querysets.evaluations import Evaluation, How, Loop, Subject, Use
from flake8_djq.querysets.spelling import shorten, spell_key
from flake8_djq.querysets.state import State
from flake8_djq.querysets.values import (
    NONE,
    PLAIN,
    UNKNOWN,
    Bound,
    Count,
    Either,
    ListValue,
    Plain,
    QuerySet,
    Row,
    Rows,
    Sequence,
    Stream,
    Value,
    Wrapped,
    alternatives,
    join,
)
from flake8_djq.source import Function, dotted_name

if TYPE_CHECKING:
    from flake8_djq.querysets.module import Module

__all__ = ["Recorder"]


class Recorder:
    """The state of one function that is being read, and what happens to its querysets.

    The classes built on it read the code; this one keeps what they find.
    """

    def __init__(self, module: Module, function: Function | None) -> None:
        self.module = module
        self.source = module.source
        self.function = function
        self.owner = function.owner if function else None
        self.state = State()
        self.loops: tuple[Loop, ...] = ()
        self.path: tuple[ast.AST, ...] = ()
        self.left_early = False
        self.departures: list[tuple[ast.AST, ...]] = []
        self.disturbances: list[tuple[Loop, ...]] = []
        self.writes: list[str] = []
        self.outcomes: tuple[State, State] = (self.state, self.state)
        self.counted: tuple[QuerySet, bool] | None = None
        self.output = 0
        self.evaluations: dict[tuple[ast.expr, How], Evaluation] = {}
        self.others: dict[ast.expr, Subject] = {}
        self.consumed: list[Evaluation] = []
        self.has_effects = False
        self.is_generator = False
        self.attributes: dict[str, list[Value]] = {}
        self.lookup_values: dict[ast.expr, Value] = {}

    def expr(self, node: ast.expr) -> Value:
        """Evaluate an expression: its value, with everything that evaluating it does to the state."""
        raise NotImplementedError

    def truth(self, node: ast.expr, negated: bool = False) -> Value:
        """Evaluate an expression where only its truth counts; the value is what it held."""
        raise NotImplementedError

    def key(self, node: ast.AST) -> str:
        """Spell an expression with the versions of the names in it; of a call only the arguments."""
        return spell_key(node, self.state.versions)

    def _result_used(self, value: Count) -> None:
        evaluation = value.evaluation
        if isinstance(evaluation, Evaluation) and not self.output:
            evaluation.result_used = True

    def effects(self) -> None:
        """Something happens that may change any row."""
        self.has_effects = True
        self.disturbances.append(self.loops)
        self.state.anything_written()
        for loop in self.loops:
            loop.opaque = True

    def written(self, model: str, adds: bool = False, deletes: bool = False) -> None:
        """Rows of one model change, or are added or deleted."""
        self.has_effects = True
        self.writes.append(model)
        self.state.written(model)
        for loop in self.loops:
            loop.writes.add(model)
            if not deletes:
                loop.saves.add(model)
            if adds:
                loop.adds_to.add(model)

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
                if isinstance(option.evaluation, Evaluation):
                    self.consumed.append(option.evaluation)
                    option.evaluation.stream_read = True
            elif isinstance(option, Rows):
                items.append(self.row(option.queryset))
                if isinstance(option.evaluation, Evaluation):
                    self.consumed.append(option.evaluation)
                    again = self.loops != option.evaluation.loops
                    option.evaluation.list_needed |= again
                    around = option.evaluation.path  # the ``try`` that the load stands in, for one
                    elsewhere = again or self.path[: len(around)] != around
                    (option.evaluation.list_reads if elsewhere else option.evaluation.list_loops).add(node)
                    # Keys that were read before unknown code ran may be meant to be those of then.
                    was_disturbed = option.queryset.values and option.evaluation.effects < len(self.disturbances)
                    if was_disturbed or option.queryset.model in self.writes[option.evaluation.writes :]:
                        option.evaluation.list_outlives_write = True
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
        elif isinstance(value, Either):
            self.escape(value, node)
        return join(items)

    def searched(self, value: Rows) -> None:
        """Something looks for one item in a collection of rows."""
        if isinstance(value.evaluation, Evaluation):
            value.evaluation.list_searched |= self.loops != value.evaluation.loops

    def _feed(self, loop: Loop) -> None:
        """What has just been consumed goes through this loop."""
        for evaluation in self.consumed:
            evaluation.feeds = loop

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

    def row(self, queryset: QuerySet) -> Value:
        """One item of a queryset."""
        return PLAIN if queryset.values else Row(queryset.model, queryset)

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
            evaluation.path, evaluation.departures = self.path, len(self.departures)
            evaluation.every_turn = bool(self.loops) and self.path == self.loops[-1].path and not self.left_early
            evaluation.in_output = self.output > 0
            evaluation.handed_on_before = bool(facts and facts.handed_on) and not queryset.shared
            evaluation.effects, evaluation.writes = len(self.disturbances), len(self.writes)
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
        evaluation.limited_by |= {
            name
            for option in querysets
            if option.bound is not Bound.UNBOUNDED
            for name in option.names - queryset.names
        }
        self.consumed.append(evaluation)
        if how is How.STREAM:
            evaluation.streamed_before = next((earlier for earlier in certain if self._just_streamed(earlier)), None)
        for option in querysets:
            self._use(option, how, node, alone=len(querysets) == 1)
        if not evaluation.perhaps_cached and len(querysets) == 1:
            self._remember(evaluation)
        for option in querysets:
            self.state.evaluated(option, evaluation)
        return evaluation

    def _just_streamed(self, earlier: Evaluation) -> bool:
        """Whether an earlier stream was gone through and nothing but the body of its loop has had effects since."""
        if earlier.how is not How.STREAM or earlier.path != self.path:
            return False
        since = self.disturbances[earlier.effects :]
        return all(any(getattr(loop.node, "iter", None) is earlier.node for loop in loops) for loops in since)

    def _remember(self, evaluation: Evaluation) -> None:
        """Look for the same SQL run before, and keep this run for later."""
        queryset, how = evaluation.queryset, evaluation.how
        if "?" in queryset.key or how in (How.LENGTH, How.TRUTH, How.MEMBERSHIP):
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
        if how.loads:
            for probe in ("COUNT", "exists()", "aexists()"):
                earlier = self.state.queries.get((queryset.key, probe))
                if earlier is not None and earlier.queryset is not queryset:
                    left = frozenset(self.departures[earlier.departures :])
                    earlier.later[Use(how, evaluation.node, self.path, same_object=False, left=left)] = None
        known = self.state.queries.get((queryset.key, family))
        if known is not None and known is not evaluation and (known.queryset is not queryset or not how.loads):
            evaluation.repeats = known
        self.state.queries[queryset.key, family] = evaluation

    def _use(self, queryset: QuerySet, how: How, node: ast.expr, alone: bool = True) -> None:
        for earlier in self.facts_of(queryset):
            undisturbed = earlier in self.state.queries.values()
            left = frozenset(self.departures[earlier.departures :])
            earlier.later[Use(how, node, self.path, left=left, undisturbed=undisturbed, alone=alone)] = None

    def shown(self, value: Value, node: ast.expr) -> None:
        """A value is made a text: a queryset reads the cache for that, and fills none."""
        for queryset in self.querysets(value):
            self._use(queryset, How.SHOWN, node)

    def escape(self, value: Value, node: ast.expr) -> None:
        """A value goes where it cannot be followed: its rows may be used there."""
        if value is UNKNOWN or value is PLAIN:
            return
        for option in alternatives(value):
            if isinstance(option, QuerySet):
                self._use(option, How.ESCAPE, node)
                self.state.escaped(option)
            elif isinstance(option, Rows) and isinstance(option.evaluation, Evaluation):
                option.evaluation.list_reads.add(node)
            elif isinstance(option, Stream) and isinstance(option.evaluation, Evaluation):
                option.evaluation.stream_handed_on.add(node)
            elif isinstance(option, Wrapped):
                for part, inner in zip(option.parts, option.nodes, strict=True):
                    self.escape(part, inner)
            elif isinstance(option, Count):
                self._result_used(option)

    def put_away(self, value: Value, node: ast.expr) -> None:
        """A value goes into a collection: whoever has that may load its rows, or read them from its cache."""
        self.escape(value, node)
        for option in self.querysets(value):
            self.state.escaped(option, to_code=True)

    def grows_with(self, value: Value, node: ast.expr) -> str:
        """What a collection made from a value grows with, when nothing bounds the value; "" otherwise."""
        for option in alternatives(value):
            if isinstance(option, QuerySet | Stream | Rows):
                queryset = option if isinstance(option, QuerySet) else option.queryset
                if queryset.bound is Bound.UNBOUNDED and not queryset.groups:
                    return shorten(node if isinstance(option, QuerySet | Stream) else queryset.node)
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
                return shorten(node)
        return ""

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
            self.put_away(value, target)

    def _bind_attribute(self, target: ast.Attribute, value: Value) -> None:
        holder = self.expr(target.value)
        if isinstance(holder, Row) and target.attr in ("pk", "id"):
            self.written(holder.model, adds=True)  # it will be saved as another row
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
    def branch(self, node: ast.AST) -> Iterator[None]:
        """Code that does not run each time: an arm of this node."""
        outer = self.path
        self.path = (*outer, node)
        try:
            yield
        finally:
            self.path = outer

    def value_of(self, node: ast.expr) -> Value:
        """What an argument that was evaluated already holds."""
        if isinstance(node, ast.Name):
            return self.state.names.get(node.id) or self.module.name(node.id)
        if isinstance(node, ast.Constant):
            return NONE if node.value is None else PLAIN
        if isinstance(node, ast.Attribute):
            return self.expr(node)
        return self.lookup_values.get(node, UNKNOWN)
