"""What the engine tells the rules: where a queryset runs its SQL, how, and what its rows are used for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from flake8_djq.querysets.values import Bound, QuerySet, Value
from flake8_djq.source import dotted_name

__all__ = [
    "MUTATORS",
    "BulkWrite",
    "By",
    "Evaluation",
    "How",
    "Loop",
    "ManagerTruth",
    "Pages",
    "Subject",
    "Use",
    "parts_of",
]


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
    SHOWN = "printed or logged"

    @property
    def fills_cache(self) -> bool:
        """Whether the queryset object holds all its rows afterwards."""
        return self in _FILLS

    @property
    def uses_rows(self) -> bool:
        """Whether rows that are cached already would be used."""
        return self in _FILLS or self in (How.INDEX, How.ESCAPE, How.SHOWN)

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


def parts_of(node: ast.AST) -> set[str]:
    """The names and chains of names whose values an expression is made from: ``self.start + size``.

    Of ``page.next_page_number()`` it is the page.
    """
    dotted = dotted_name(node)
    if dotted:
        return {dotted, dotted.removesuffix(".next_page_number")}
    return {part for child in ast.iter_child_nodes(node) for part in parts_of(child)}


class Subject:
    """Base of what rules judge about querysets."""


@dataclass(eq=False, repr=False)
class Loop:
    """A loop around an evaluation.

    ``path`` are the conditions and loops that its body stands in. ``writes`` are the models that the body changes,
    ``saves`` those of them of which it does not only delete rows, ``adds_to`` those to which it may add some;
    ``opaque`` says that code runs in it which may change anything in the database.
    """

    node: ast.AST
    value: Value
    path: tuple[ast.AST, ...]
    writes: set[str] = field(default_factory=set)
    saves: set[str] = field(default_factory=set)
    adds_to: set[str] = field(default_factory=set)
    opaque: bool = False

    @cached_property
    def proves_little(self) -> bool:
        """``while True`` waits for something that changes elsewhere; a body that ends in ``break`` has one turn."""
        if isinstance(self.node, ast.While) and isinstance(self.node.test, ast.Constant):
            return True
        return isinstance(self.node, ast.For | ast.AsyncFor | ast.While) and isinstance(
            self.node.body[-1], ast.Break | ast.Return | ast.Raise
        )

    @cached_property
    def _nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.node))

    @cached_property
    def _assigned(self) -> frozenset[str]:
        return frozenset(
            child.id
            for child in self._nodes
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store | ast.Del)
        )

    @cached_property
    def target_names(self) -> frozenset[str]:
        """What the loop itself calls the things that it goes over."""
        target = getattr(self.node, "target", None)
        return frozenset(part.id for part in ast.walk(target) if isinstance(part, ast.Name)) if target else frozenset()

    @cached_property
    def bound_names(self) -> frozenset[str]:
        """The names that change from turn to turn, or whose objects do."""
        names = set(self._assigned)
        for child in self._nodes:
            if (isinstance(child, ast.Attribute | ast.Subscript) and isinstance(child.ctx, ast.Store | ast.Del)) or (
                isinstance(child, ast.Attribute) and child.attr in MUTATORS
            ):
                names.add(dotted_name(child.value).partition(".")[0])
        return frozenset(names)

    @cached_property
    def moving(self) -> frozenset[str]:
        """The names that move on with the turns: the loop's targets, and what a turn makes of what an earlier one left.

        ``start += size`` and ``end = start + size`` move; ``rows = []`` and ``start = randrange(9)`` do not.
        """
        generators = getattr(self.node, "generators", [])
        targets = [part.target for part in (self.node, *generators) if hasattr(part, "target")]
        given = {part for target in targets for part in _bound(target)}
        made_from: dict[str, set[str]] = {}
        for child in self._nodes:
            for part, sources in _made(child):
                made_from.setdefault(part, set()).update(sources)
        moving = given | set(made_from)
        while True:
            still = {part for part in moving if part in given or made_from[part] & moving}
            if still == moving:
                return frozenset(moving)
            moving = still

    @cached_property
    def resets(self) -> frozenset[str]:
        """The collections that the body empties or replaces; ``rows += more`` does neither."""
        grown = {
            child.target
            for child in self._nodes
            if isinstance(child, ast.AugAssign) and isinstance(child.op, ast.Add | ast.BitOr)
        }
        names = {
            child.id
            for child in self._nodes
            if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load) and child not in grown
        }
        for child in self._nodes:
            if isinstance(child, ast.Assign):
                names.update(dotted_name(target) for target in child.targets)
            elif isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute) and child.func.attr == "clear":
                names.add(dotted_name(child.func.value))
            elif isinstance(child, ast.Delete):
                names.update(dotted_name(target.value) for target in child.targets if isinstance(target, ast.Subscript))
        return frozenset(names)


def _bound(target: ast.expr) -> set[str]:
    """The names and chains of names that a target assigns."""
    if isinstance(target, ast.Tuple | ast.List):
        return {part for element in target.elts for part in _bound(element)}
    return {dotted_name(target.value if isinstance(target, ast.Starred) else target)} - {""}


def _made(node: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """What a statement or a ``:=`` assigns, with what it is made from."""
    if isinstance(node, ast.Assign):
        pairs = [(target, parts_of(node.value)) for target in node.targets]
    elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
        pairs = [(node.target, parts_of(node.value))]
    elif isinstance(node, ast.AugAssign):
        pairs = [(node.target, parts_of(node.target) | parts_of(node.value))]
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        pairs = [(node.target, parts_of(node.iter))]
    else:
        return
    for target, sources in pairs:
        for part in _bound(target):
            yield part, sources


class Use(NamedTuple):
    """A later use of the same queryset object (or, with ``same_object`` False, of the same query built anew).

    ``path`` are the conditions and loops that it stands in; ``left`` those of each ``return``, ``raise``, ``break`` and
    ``continue`` on the way here; ``undisturbed`` says that nothing in between may have changed rows, and ``alone`` that
    no other queryset may be used there instead, such as a slice that a branch has made.
    """

    how: How
    node: ast.expr
    path: tuple[ast.AST, ...] = ()
    same_object: bool = True
    left: frozenset[tuple[ast.AST, ...]] = frozenset()
    undisturbed: bool = True
    alone: bool = True

    @property
    def line(self) -> int:
        return self.node.lineno


@dataclass(eq=False, repr=False)
class Evaluation(Subject):
    """One place where a queryset runs its SQL, or would if its cache were empty.

    ``node`` is the expression that is evaluated, as the user wrote it, ``call`` the call that evaluates it, if any,
    and ``by`` the word for it: ``for``, ``list``, ``count`` ... ``certainly_before`` are the evaluations of the same
    object on every path to here, ``perhaps_before`` those on some; ``later`` the uses on some path from here.
    ``repeats`` is an earlier evaluation, on every path and with nothing in between that may write, of the same SQL
    through another object. ``list_loops`` and ``list_reads`` are what becomes of a list that was made: loops over it,
    and anything else; ``list_searched`` says that it serves many ``in`` tests, ``list_needed`` that something
    picks from it again and again, ``list_outlives_write`` that its rows may have changed before it was read.
    ``limited_by`` are the names in the slices and conditions that bound the queryset on other paths.
    ``handed_on_before`` says that code elsewhere has had the object and may have loaded it; ``streamed_before`` is a
    stream of the same object that was gone through just before. ``feeds`` is the loop that goes over the rows, and
    ``member_is_row`` says that an ``in`` test looks for a row that came from a query. ``stream_read`` says that
    something goes through a stream, ``stream_handed_on`` are the places where it goes to code that is not followed.
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
    path: tuple[ast.AST, ...] = ()
    departures: int = 0
    writes: int = 0
    effects: int = 0
    handed_on_before: bool = False
    streamed_before: Evaluation | None = None
    every_turn: bool = False
    shared: bool = False
    asks_existence: bool | None = None
    in_output: bool = False
    result_used: bool = False
    mutates_rows: bool = False
    member: ast.expr | None = None
    member_is_row: bool = False
    feeds: Loop | None = None
    list_loops: set[ast.expr] = field(default_factory=set)
    list_reads: set[ast.expr] = field(default_factory=set)
    list_searched: bool = False
    list_needed: bool = False
    limited_by: frozenset[str] = frozenset()
    list_outlives_write: bool = False
    stream_read: bool = False
    stream_handed_on: set[ast.expr] = field(default_factory=set)

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
        around = self.loops if self.brought_by is None else self.loops[: self.loops.index(self.brought_by)]
        return any(loop.node not in inside for loop in around)

    @property
    def brought_by(self) -> Loop | None:
        """The loop that brings another queryset on each turn: ``for rows in [books, authors]: for row in rows``."""
        name = self.node.id if isinstance(self.node, ast.Name) else ""
        return next((loop for loop in self.loops if name in loop.target_names), None)

    @property
    def same_on_each_turn(self) -> bool:
        """Whether the innermost loop runs this query on each of its turns although nothing in it changes."""
        queryset = self.queryset
        if not self.loops or not self.every_turn or not queryset.certain or "?" in queryset.key:
            return False
        loop = self.loops[-1]
        if loop.opaque or any(map(queryset.may_read, loop.writes)) or loop.proves_little or queryset.perhaps_prefetched:
            return False
        if self.repeated_by_loop and (self.how.fills_cache or self.perhaps_cached):
            return False  # the first turn fills the cache for the others
        part = self.call or self.node
        names = queryset.names | {name.id for name in ast.walk(part) if isinstance(name, ast.Name)}
        return not names & loop.bound_names and not ("self" in names and queryset.shared)

    def surely_follows(self, use: Use) -> bool:
        """Whether the use comes whenever this evaluation says that there are rows: no other condition in between."""
        mine = [node for node in self.path if not isinstance(node, ast.BoolOp)]
        theirs = list(use.path)
        if theirs[: len(mine)] != mine or not all(path and self._decides(path[-1]) for path in use.left):
            return False
        return all(self._decides(node) for node in theirs[len(mine) :])

    def _decides(self, node: ast.AST) -> bool:
        """Whether a condition asks this evaluation whether there are rows: with none, there is nothing to load."""
        if self.how is How.COUNT and self.asks_existence is None:
            return False  # the number may decide either way
        return isinstance(node, ast.If) and any(part is self.node for part in ast.walk(node.test))

    def later_uses(self, *hows: How) -> list[Use]:
        """The later uses of the same object in one of these ways, in the order of the text."""
        return sorted((use for use in self.later if use.how in hows and use.same_object), key=lambda use: use.line)


class By(Enum):
    """What cuts a queryset into pages."""

    SLICES = "slices"
    PAGINATOR = "a Paginator"


@dataclass(eq=False, repr=False)
class Pages(Subject):
    """A queryset that a loop goes through page by page: each turn asks for the rows after so many others.

    ``node`` is the queryset as the user wrote it, where it is sliced or given to the ``Paginator``. ``loop`` is the one
    whose turns move on from page to page. ``unordered`` says that the queryset surely has no order, ``perhaps_loaded``
    that its rows may be in the result cache: then the pages are cut from a list.
    """

    node: ast.expr
    queryset: QuerySet
    by: By
    loop: Loop
    unordered: bool = False
    perhaps_loaded: bool = False


@dataclass(eq=False, repr=False)
class BulkWrite(Subject):
    """A ``bulk_create`` or ``bulk_update`` whose list grows with something unbounded, spelled in ``grows_with``."""

    node: ast.Call
    method: str
    grows_with: str


@dataclass(eq=False, repr=False)
class ManagerTruth(Subject):
    """A manager, which is always true, in a truth test; ``negated`` under ``not``."""

    node: ast.expr
