"""What is known at one point of a function: what names hold, and what each queryset object has been through."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from flake8_djq.querysets.evaluations import Evaluation
from flake8_djq.querysets.values import (
    ListValue,
    Plain,
    QuerySet,
    Row,
    Rows,
    Sequence,
    Stream,
    Unknown,
    Value,
    Wrapped,
    alternatives,
    join,
)

__all__ = ["Facts", "State", "meet"]

_versions = itertools.count(1)

# Values that tell a reader nothing.
DULL = (Unknown, Plain)

# From how many querysets on it pays to forget those that are gone.
MOST_FACTS = 60

# What counts as the same query run again: how it was run, besides its key.
Signature = tuple[str, str]


class Facts(NamedTuple):
    """What one queryset object has been through on the paths to here."""

    certain: tuple[Evaluation, ...] = ()
    perhaps: tuple[Evaluation, ...] = ()
    escaped: bool = False
    handed_on: bool = False


@dataclass(eq=False, repr=False)
class State:
    """The knowledge at one point. ``alive`` is False behind a return, raise, break or continue."""

    names: dict[str, Value] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    facts: dict[QuerySet, Facts] = field(default_factory=dict)
    queries: dict[Signature, Evaluation] = field(default_factory=dict)
    growth: dict[ListValue, str] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()
    alive: bool = True

    def copy(self) -> State:
        return State(
            self.names.copy(),
            self.versions.copy(),
            self.facts.copy(),
            self.queries.copy(),
            self.growth.copy(),
            self.attributes,
            self.alive,
        )

    def bind(self, name: str, value: Value) -> None:
        """A name is assigned; what was known of the attributes of the object that it held before is void."""
        self.names[name] = value
        self.versions[name] = next(_versions)
        if self.attributes:
            self.forget_attributes(name)

    def bind_attribute(self, dotted: str, value: Value) -> None:
        """An attribute is assigned: ``self.orders = ...``."""
        self.versions[dotted] = next(_versions)
        self.keep_attribute(dotted, value)

    def keep_attribute(self, dotted: str, value: Value) -> None:
        """Remember what an attribute holds. ``attributes`` has the last parts, to tell quickly what is not there."""
        self.names[dotted] = value
        self.attributes |= {dotted.rpartition(".")[2]}

    def forget_attributes(self, name: str) -> None:
        """Attributes of an object may have changed."""
        for other in [other for other in self.names if other.startswith(name + ".")]:
            del self.names[other]

    def differs(self, earlier: State) -> bool:
        """Whether what was known at an earlier point has changed in a way that reading the code again would show."""
        if self.queries != earlier.queries or self.growth != earlier.growth:
            return True
        facts = self.facts
        if any(facts.get(queryset) is not known for queryset, known in earlier.facts.items()):
            return True
        names = self.names
        return any(
            names.get(name) is not value and not (type(value) in DULL and type(names.get(name)) in DULL)
            for name, value in earlier.names.items()
        )

    def evaluated(self, queryset: QuerySet, evaluation: Evaluation) -> None:
        facts = self.facts.get(queryset, Facts())
        self.facts[queryset] = facts._replace(
            certain=_with(facts.certain, evaluation), perhaps=_with(facts.perhaps, evaluation)
        )

    def escaped(self, queryset: QuerySet, to_code: bool = False) -> None:
        """The object is held elsewhere too; ``to_code`` says that code has had it, which may have loaded its rows."""
        facts = self.facts.get(queryset, Facts())
        self.facts[queryset] = facts._replace(escaped=True, handed_on=facts.handed_on or to_code)

    def tidy(self) -> None:
        """Forget querysets that no name holds any more: they cannot be used again, and keeping them costs time."""
        if len(self.facts) > MOST_FACTS:
            held = {queryset for value in self.names.values() for queryset in _held(value)}
            self.facts = {queryset: facts for queryset, facts in self.facts.items() if queryset in held}
        if len(self.queries) > MOST_FACTS:
            self.queries = dict(list(self.queries.items())[-MOST_FACTS // 2 :])

    def written(self, model: str) -> None:
        """Rows of a model changed: what was asked about it before may have another answer now."""
        self.queries = {key: earlier for key, earlier in self.queries.items() if not earlier.queryset.may_read(model)}
        for queryset, facts in list(self.facts.items()):
            if queryset.model == model:
                self.facts[queryset] = facts._replace(certain=())

    def anything_written(self) -> None:
        """Code ran that may have changed any row."""
        self.queries = {}


def _held(value: Value) -> Iterator[QuerySet]:
    """The querysets that a value holds on to."""
    for option in alternatives(value):
        if isinstance(option, QuerySet):
            yield option
        elif isinstance(option, Stream | Rows):
            yield option.queryset
        elif isinstance(option, Row) and option.of is not None:
            yield option.of
        elif isinstance(option, Wrapped):
            for part in option.parts:
                yield from _held(part)
        elif isinstance(option, Sequence):
            for item in option.items:
                yield from _held(item)


def _with(evaluations: tuple[Evaluation, ...], evaluation: Evaluation) -> tuple[Evaluation, ...]:
    return evaluations if evaluation in evaluations else (*evaluations, evaluation)


def meet(states: Iterable[State]) -> State:
    """The knowledge where paths meet; dead paths do not count."""
    living = [state for state in states if state.alive]
    if not living:
        return State(alive=False)
    if len(living) == 1:
        return living[0]
    first, *others = living
    result = first.copy()
    for state in others:
        _merge(result, state)
    return result


def _merge(result: State, other: State) -> None:
    result.attributes |= other.attributes
    for name, value in other.names.items():
        mine = result.names.get(name)
        if mine is None:
            result.names[name] = value
        elif mine is not value:
            result.names[name] = join((mine, value))
    for name, version in other.versions.items():
        if result.versions.get(name) != version:
            result.versions[name] = next(_versions)
    for queryset, facts in other.facts.items():
        known = result.facts.get(queryset)
        if known is None:
            result.facts[queryset] = facts._replace(certain=())
        elif known is not facts:
            result.facts[queryset] = Facts(
                tuple(earlier for earlier in known.certain if earlier in facts.certain),
                tuple(dict.fromkeys(known.perhaps + facts.perhaps)),
                known.escaped or facts.escaped,
                known.handed_on or facts.handed_on,
            )
    for queryset, facts in result.facts.items():
        if queryset not in other.facts and facts.certain:
            result.facts[queryset] = facts._replace(certain=())
    result.queries = {key: value for key, value in result.queries.items() if other.queries.get(key) is value}
    for listed, source in other.growth.items():
        result.growth[listed] = result.growth.get(listed) or source
