"""What the engine tells the rules: where a queryset runs its SQL, how, and what its rows are used for before and after."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from flake8_djq.querysets.values import Bound, QuerySet, Value
from flake8_djq.source import dotted_name

__all__ = ["BulkWrite", "Evaluation", "How", "Loop", "ManagerTruth", "Subject", "Use"]


class How(Enum):
    """The ways in which a queryset is evaluated or its rows are used."""

    LOOP = "looped over"
    MATERIALIZE = "made into a collection"
    LENGTH = "its len() taken"
    TRUTH = "tested for truth"
    MEMBERSHIP = "searched with in"
    INDEX = "indexed"
    COUNT = "counted"
    EXISTS = "asked whether it has rows"
    ROW = "asked for one row"
    STREAM = "streamed"
    OTHER = "asked for something else"
    ESCAPE = "handed on"

    @property
    def fills_cache(self) -> bool:
        """Whether the queryset object holds all its rows afterwards."""
        return self in _FILLS

    @property
    def uses_rows(self) -> bool:
        """Whether rows that are cached already would be used."""
        return self in _FILLS or self in (How.INDEX, How.ESCAPE)

    @property
    def loads(self) -> bool:
        """Whether all rows are fetched (unless cached)."""
        return self in _FILLS or self is How.STREAM


_FILLS = frozenset({How.LOOP, How.MATERIALIZE, How.LENGTH, How.TRUTH, How.MEMBERSHIP})


# Methods that change the object they are called on.
MUTATORS = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove"}
    | {"setdefault", "sort", "update"}
)


class Subject:
    """Base of what rules judge about querysets."""


@dataclass(eq=False)
class Loop:
    """A loop around an evaluation.

    ``branches`` is the depth of conditions at which its body starts. ``writes`` are the models that the body changes;
    ``opaque`` says that code runs in it which may change anything in the database.
    """

    node: ast.AST
    value: Value
    branches: int
    writes: set[str] = field(default_factory=set)
    opaque: bool = False
    evaluation: Evaluation | None = None

    @cached_property
    def _assigned(self) -> frozenset[str]:
        return frozenset(
            child.id
            for child in ast.walk(self.node)
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store | ast.Del)
        )

    @cached_property
    def bound_names(self) -> frozenset[str]:
        """The names that change from turn to turn, or whose objects do."""
        names = set(self._assigned)
        for child in ast.walk(self.node):
            if isinstance(child, ast.Attribute | ast.Subscript) and isinstance(child.ctx, ast.Store | ast.Del):
                names.add(dotted_name(child.value).partition(".")[0])
            elif isinstance(child, ast.Attribute) and child.attr in MUTATORS:
                names.add(dotted_name(child.value).partition(".")[0])
        return frozenset(names)

    @cached_property
    def resets(self) -> frozenset[str]:
        """The collections that the body empties or replaces."""
        names = set(self._assigned)
        for child in ast.walk(self.node):
            if isinstance(child, ast.Assign):
                names.update(dotted_name(target) for target in child.targets)
            elif isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute) and child.func.attr == "clear":
                names.add(dotted_name(child.func.value))
            elif isinstance(child, ast.Delete):
                names.update(dotted_name(target.value) for target in child.targets if isinstance(target, ast.Subscript))
        return frozenset(names)


@dataclass(frozen=True)
class Use:
    """A later use of the same queryset object (or, with ``same_object`` False, of the same query built anew)."""

    how: How
    node: ast.expr
    same_object: bool = True

    @property
    def line(self) -> int:
        return self.node.lineno


@dataclass(eq=False)
class Evaluation(Subject):
    """One place where a queryset runs its SQL, or would if its cache were empty.

    ``node`` is the expression that is evaluated, as the user wrote it, ``call`` the call that evaluates it, if any, and
    ``by`` the word for it: ``for``, ``list``, ``count`` ... ``certainly_before`` are the evaluations of the same object on every
    path to here, ``perhaps_before`` those on some; ``later`` the uses on some path from here. ``repeats`` is an earlier
    evaluation, on every path and with nothing in between that may write, of the same SQL through another object.
    """

    how: How
    node: ast.expr
    queryset: QuerySet
    by: str
    bound: Bound
    call: ast.Call | None = None
    whole: ast.expr | None = None
    certainly_before: tuple[Evaluation, ...] = ()
    perhaps_before: tuple[Evaluation, ...] = ()
    later: dict[Use, None] = field(default_factory=dict)
    repeats: Evaluation | None = None
    loops: tuple[Loop, ...] = ()
    every_turn: bool = False
    shared: bool = False
    asks_existence: bool | None = None
    in_output: bool = False
    result_used: bool = False
    result_named: bool = False
    mutates_rows: bool = False
    member: ast.expr | None = None

    @property
    def cached(self) -> Evaluation | None:
        """The evaluation that has certainly filled the cache before."""
        return next((earlier for earlier in self.certainly_before if earlier.how.fills_cache), None)

    @property
    def perhaps_cached(self) -> bool:
        """Whether the cache is filled before on some path."""
        return any(earlier.how.fills_cache for earlier in self.perhaps_before)

    @property
    def repeated_by_loop(self) -> bool:
        """Whether a loop evaluates one and the same object, which comes from outside the loop, on each turn."""
        inside = {loop.node for loop in self.queryset.loops if isinstance(loop, Loop)}
        return any(loop.node not in inside for loop in self.loops)

    def later_uses(self, *hows: How) -> list[Use]:
        """The later uses of the same object in one of these ways, in the order of the text."""
        return sorted((use for use in self.later if use.how in hows and use.same_object), key=lambda use: use.line)


@dataclass(eq=False)
class BulkWrite(Subject):
    """A ``bulk_create`` or ``bulk_update``; ``grows_with`` spells what its list grows with, when nothing bounds that."""

    node: ast.Call
    method: str
    grows_with: str


@dataclass(eq=False)
class ManagerTruth(Subject):
    """A manager, which is always true, in a truth test; ``negated`` under ``not``."""

    node: ast.expr
