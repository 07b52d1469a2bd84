"""Loops that keep every row: streaming them gains nothing."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from flake8_djq.querysets.calls import gives_plain, is_harmless
from flake8_djq.querysets.declarations import is_self
from flake8_djq.querysets.evaluations import Evaluation, Loop
from flake8_djq.rules.memory.keeping import Held, Holders, held_as_key, held_in
from flake8_djq.rules.memory.own_attributes import TAKES_OUT, emptied_elsewhere
from flake8_djq.source import FunctionNode, Source, dotted_name, last_name

__all__ = ["Kept", "Share", "kept_in"]

LEAVES = (ast.Break, ast.Continue, ast.Raise, ast.Return)
# Methods that put one of their arguments into a collection, by its place, which is the last.
KEEPS = {"add": 0, "append": 0, "appendleft": 0, "extend": 0, "insert": 1, "setdefault": 1}
# Calls that make an empty collection of nothing, or of what makes its values.
MAKES_EMPTY = frozenset({"Counter", "OrderedDict", "defaultdict", "deque", "dict", "list", "set"})
COMPREHENSIONS = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict"}
# Methods of pools and queues that keep what they are given until somebody has worked it off.
WAITING_ROOMS = frozenset({"create_task", "ensure_future", "put", "put_nowait", "submit"})
# What a comprehension makes its items of, and how these hold a row.
PARTS = {"elt": held_in, "key": held_as_key, "value": held_in}
# What calls make of a generator: the bulk writes of Django make a list first.
COLLECTED = {
    "list": "list",
    "sorted": "list",
    "tuple": "tuple",
    "set": "set",
    "frozenset": "set",
    "dict": "dict",
    "bulk_create": "list",
    "bulk_update": "list",
}


WAITS = "they wait for their turn in a pool or a queue"


class Share(IntEnum):
    """How many of the rows of a loop a collection keeps."""

    NONE = 0
    PERHAPS = 1
    SOME = 2
    ALL = 3


class Kept(NamedTuple):
    """The collection, in words, that rows go into and that outlives the loop; ``doubt`` says what PERHAPS hangs on.

    ``are_values`` says that they are values already: ``values_list("pk", flat=True)``.
    """

    share: Share = Share.NONE
    collection: str = ""
    doubt: str = ""
    are_values: bool = False

    @property
    def remedy(self) -> str:
        """What to do where all rows stay, so that no stream would gain anything; "" elsewhere."""
        if self.share is not Share.ALL:
            return ""
        if self.are_values:
            return f"they all stay in {self.collection}, which grows with the table: work in batches"
        return f"they all stay in {self.collection}: keep only what is needed of them, or work in batches"

    @property
    def remark(self) -> str:
        """What a message adds to the way to stream rows of which a part may be kept."""
        if self.share is Share.SOME and self.are_values:
            return ""
        return {
            Share.SOME: f", and keep only what is needed of those in {self.collection}",
            Share.PERHAPS: f", unless {self.doubt}",
        }.get(self.share, "")


def kept_in(evaluation: Evaluation, source: Source) -> Kept:
    """What keeps the rows of a loop. Nothing does where the loop empties it, or may have it emptied."""
    return _kept_in(evaluation, source)._replace(are_values=evaluation.queryset.values)


def _kept_in(evaluation: Evaluation, source: Source) -> Kept:
    loop = evaluation.feeds
    if loop is None:
        return _extended(evaluation, source)
    # Also what a list is made of first: ``for row in list(rows)``, be it on another line.
    rows = {evaluation.node, evaluation.call, *evaluation.list_loops} - {None}
    if not isinstance(loop.node, ast.For | ast.AsyncFor):
        return _comprehension(loop, rows, source)
    of_each = [_kept_of(row, loop, source) for row in _names_of_row(loop.node, rows)]
    return min(of_each, key=lambda kept: kept.share, default=Kept())


def _kept_of(row: str, loop: Loop, source: Source) -> Kept:
    """What keeps the row of a loop, or one column of it."""
    assert isinstance(loop.node, ast.For | ast.AsyncFor)
    turn = _Turn(loop.node, loop.resets, source)
    turn.read(loop.node.body, {row: Held.SURELY})
    found = max(turn.found, key=lambda kept: kept.share, default=Kept())
    everywhere = turn.kept_on_every_path(loop.node.body) if found.share is Share.SOME else None
    return Kept(Share.ALL, _listed(everywhere)) if everywhere else found


def _listed(names: set[str]) -> str:
    """``kept, old and sold``."""
    *first, last = sorted(names)
    return f"{', '.join(first)} and {last}" if first else last


def _extended(evaluation: Evaluation, source: Source) -> Kept:
    """What `found.extend(rows)` puts all of them into."""
    call = source.parents.get(evaluation.node) if evaluation.by == "extend" else None
    name = dotted_name(call.func.value) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""
    is_emptied = any(name in loop.resets for loop in evaluation.loops)
    return Kept(Share.ALL, name) if name and not is_emptied else Kept()


def _names_of_row(loop: ast.For | ast.AsyncFor, rows: Collection[ast.AST | None]) -> list[str]:
    """What a loop calls a row, or its columns: ``for name, price in rows``.

    Also in ``for number, row in enumerate(rows)`` and ``for row, name in zip(rows, x)``.
    """
    target, gone_over = loop.target, loop.iter
    if gone_over in rows:
        return _columns(target)
    if isinstance(target, ast.Tuple) and isinstance(gone_over, ast.Call):
        given = next((place for place, part in enumerate(gone_over.args) if part in rows), None)
        place = {"enumerate": 1, "zip": given}.get(dotted_name(gone_over.func))
        if given is not None and place is not None and place < len(target.elts):
            target = target.elts[place]
    return _columns(target) if not isinstance(target, ast.Tuple) else []


def _columns(target: ast.expr) -> list[str]:
    """The names that a row is taken apart to; none where they are no plain names."""
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []


class _Turn:
    """One turn of a loop: where what holds its row goes."""

    def __init__(self, loop: ast.For | ast.AsyncFor, resets: frozenset[str], source: Source) -> None:
        self.loop = loop
        self.source = source
        self.resets = resets
        self.found: list[Kept] = []
        # The collections that a statement surely puts the row into.
        self._kept_at: dict[ast.stmt, set[str]] = {}
        self.taken_out = resets | _taken_out(loop, source)
        self.emptied = self.taken_out | _handed_on(loop, source)

    def read(self, body: list[ast.stmt], holders: Holders, always: bool = True) -> Holders:
        """Read a block that each turn gets to or not; gives what holds a row at its end."""
        for part in body:
            self.found.extend(self._kept_by(part, holders, always))
            inside = _without(holders, _bound_names(getattr(part, "target", None)))
            ends = [self.read(block, inside, always=False) for block in _blocks(part)]
            always = always and not any(isinstance(node, LEAVES) for node in ast.walk(part))
            bound = _bound_names(part)
            on_some_path = {name for end in ends for name in end if name in bound or name not in holders}
            made = self._holders(part, holders)
            holders = {**_without(holders, bound), **dict.fromkeys(on_some_path, Held.PERHAPS), **made}
        return holders

    def _held(self, node: ast.expr, holders: Holders) -> Held:
        return held_in(node, holders, self.source)

    def _kept_by(self, statement: ast.stmt, holders: Holders, always: bool) -> Iterator[Kept]:
        """What a statement puts a row into, or hands it to code together with."""
        for held, name in self._put(statement, holders):
            # What hangs on a name that each turn gives a new meaning is another collection each time.
            if held and name and name not in self.emptied and name.partition(".")[0] not in self.resets:
                if name in _made_by_classes(self._scope):
                    yield Kept(Share.PERHAPS, name, f"they stay in {name}")
                else:
                    yield Kept(_share(held, always), name, f"what goes into {name} keeps them")
                    if held is Held.SURELY:
                        self._kept_at.setdefault(statement, set()).add(name)
        given = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(given, ast.Yield) and given.value is not None and self._held(given.value, holders):
            yield Kept(Share.PERHAPS, doubt="whoever goes through the generator keeps them")
        if any(_waits(call, holders, self.source) for call in _calls_of(statement)):
            yield Kept(Share.PERHAPS, doubt=WAITS)
        for name in self._handed_with_row(statement, holders):
            yield Kept(Share.PERHAPS, name, f"they stay in {name}")

    def kept_on_every_path(self, body: list[ast.stmt]) -> set[str] | None:
        """The collections of which one surely keeps the row by the end of a block that has been read; else None."""
        found: set[str] = set()
        for part in body:
            if part in self._kept_at:
                return found | self._kept_at[part]
            kept = [self.kept_on_every_path(path) for path in _paths(part)]
            names = {name for keeps in kept if keeps for name in keeps}
            if kept and None not in kept and (not isinstance(part, ast.If) or part.orelse):
                return found | names
            if any(isinstance(node, LEAVES) for node in ast.walk(part)):
                if not isinstance(part, ast.If) or part.orelse or None in kept:
                    return None
                found |= names  # ``if sold: old.append(book); continue``
        return None

    def _put(self, statement: ast.stmt, holders: Holders) -> Iterator[tuple[Held, str]]:
        if isinstance(statement, ast.Assign):
            for item in statement.targets:
                if isinstance(item, ast.Subscript):
                    key = held_as_key(item.slice, holders, self.source)
                    yield max(key, self._held(statement.value, holders)), _name(item.value)
        call = statement.value if isinstance(statement, ast.Expr) else None
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and KEEPS.get(call.func.attr) == len(call.args) - 1
            and not _may_be_relation(call.func)
        ):
            yield self._held(call.args[-1], holders), _name(call.func.value)

    def _handed_with_row(self, statement: ast.stmt, holders: Holders) -> Iterator[str]:
        """The collections that a statement hands to a function beside a row: ``collect(row, found)``."""
        for call in _calls_of(statement):
            given = _given(call)
            if gives_plain(call, self.source) or not any(self._held(part, holders) for part in given):
                continue
            yield from list(filter(self._fills, _filled_inside(self._scope).get(dotted_name(call.func), ())))[:1]
            names = [name for name in map(dotted_name, given) if self._fills(name)]
            if any(self._held(part, holders) for part in given if dotted_name(part) not in names):
                yield from names[:1]

    @property
    def _scope(self) -> ast.AST:
        """The function around the loop, or the module."""
        function = self.source.function_at(self.loop.lineno)
        return function.node if function is not None else self.source.tree

    def _fills(self, name: str) -> bool:
        """Whether a name holds a collection that was empty before the loop and that the turns do not empty."""
        made = _made_empty(self._scope).get(name)
        if made is None or made >= self.loop.lineno or name in self.taken_out:
            return False
        return name not in _handed_alone(self.loop, self.source)

    def _holders(self, statement: ast.stmt, holders: Holders) -> Holders:
        """The names that hold a row from a statement on: ``item = {"row": row}``, ``item["row"] = row``."""
        found: dict[str, Held] = {}
        for target, value in _assignments(statement):
            held = self._held(value, holders)
            if isinstance(target, ast.Tuple):
                # A part of a row is no row: only what a call gives may hold it in any of its parts.
                held = min(held, Held.PERHAPS) if isinstance(value, ast.Call | ast.Await) else Held.NOT
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(part, ast.Name) and held:
                    found[part.id] = held
                elif isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name) and held:
                    found[part.value.id] = max(held, holders.get(part.value.id, held))
        return found


def _waits(call: ast.Call, holders: Holders, source: Source) -> bool:
    """Whether a pool or a queue gets a row: it keeps it until somebody has worked it off."""
    return last_name(call.func) in WAITING_ROOMS and any(held_in(part, holders, source) for part in _given(call))


def _share(held: Held, always: bool) -> Share:
    return {Held.NOT: Share.NONE, Held.PERHAPS: Share.PERHAPS}.get(held, Share.ALL if always else Share.SOME)


def _without(holders: Holders, names: frozenset[str]) -> Holders:
    return {name: held for name, held in holders.items() if name not in names}


def _assignments(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is assigned to what; ``a, b = x, y`` name by name."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from zip(target.elts, value.elts, strict=True)
        elif target is not None and value is not None:
            yield target, value


def _calls_of(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls in a statement, but for those in the statements within it."""
    for part in ast.iter_child_nodes(statement):
        if isinstance(part, ast.expr | ast.withitem):
            yield from (node for node in ast.walk(part) if isinstance(node, ast.Call))


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for part in (statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield from (getattr(part, name) for name in ("body", "orelse", "finalbody") if hasattr(part, name))


def _paths(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The blocks of which a statement runs one to its end; none for loops, which may have no turn."""
    if isinstance(statement, ast.If):
        return [block for block in (statement.body, statement.orelse) if block]
    if isinstance(statement, ast.With | ast.AsyncWith):
        return [statement.body]
    if isinstance(statement, ast.Try):
        tried = [*statement.body, *statement.orelse, *statement.finalbody]
        return [tried, *(handler.body for handler in statement.handlers)]
    return []


def _bound_names(node: ast.AST | None) -> frozenset[str]:
    """The names that some code gives a new meaning."""
    nodes = ast.walk(node) if node is not None else ()
    return frozenset(part.id for part in nodes if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load))


def _taken_out(loop: ast.For | ast.AsyncFor, source: Source) -> frozenset[str]:
    """The collections that a loop takes items out of, or whose class does in a method of its own."""
    calls = [node for node in ast.walk(loop) if isinstance(node, ast.Call)]
    methods = [call.func for call in calls if isinstance(call.func, ast.Attribute)]
    taken = {_name(method.value) for method in methods if method.attr in TAKES_OUT}
    if any(is_self(method.value) for method in methods):
        taken |= emptied_elsewhere(loop, source)
    return frozenset(taken)


def _handed_on(loop: ast.For | ast.AsyncFor, source: Source) -> frozenset[str]:
    """The collections that a loop hands to code which may empty them."""
    calls = [node for node in ast.walk(loop) if isinstance(node, ast.Call) and not is_harmless(node, source)]
    return frozenset(dotted_name(part) for call in calls for part in _given(call))


def _handed_alone(loop: ast.For | ast.AsyncFor, source: Source) -> frozenset[str]:
    """Those that go to code with nothing that a turn brings: it can only do something with what they hold."""
    brought = _bound_names(loop)
    calls = [node for node in ast.walk(loop) if isinstance(node, ast.Call) and not is_harmless(node, source)]
    return frozenset(
        dotted_name(part)
        for call in calls
        if not any(
            isinstance(node, ast.Name) and node.id in brought for part in _given(call) for node in ast.walk(part)
        )
        for part in _given(call)
    )


@lru_cache(maxsize=8)
def _made_empty(scope: ast.AST) -> dict[str, int]:
    """The collections that some code makes empty, with the first line that does."""
    found: dict[str, int] = {}
    for statement in ast.walk(scope):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            for name in (dotted_name(target) for target, value in _assignments(statement) if _is_empty(value)):
                found[name] = min(statement.lineno, found.get(name, statement.lineno))
    found.pop("", None)  # ``found[key] = []``
    return found


@lru_cache(maxsize=8)
def _made_by_classes(scope: ast.AST) -> frozenset[str]:
    """The names of objects whose classes nobody knows here: what ``append()`` does there may be to save what it has."""
    made = (
        (target, statement.value)
        for statement in ast.walk(scope)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )
    opened = (
        (item.optional_vars, item.context_expr) for node in ast.walk(scope) for item in getattr(node, "items", ())
    )
    return frozenset(
        name.id
        for name, value in (*made, *opened)
        if isinstance(name, ast.Name) and isinstance(value, ast.Call) and _is_of_class(value)
    )


def _is_of_class(call: ast.Call) -> bool:
    name = dotted_name(call.func).rpartition(".")[2]
    return name[:1].isupper() and name not in MAKES_EMPTY


@lru_cache(maxsize=8)
def _filled_inside(scope: ast.AST) -> dict[str, list[str]]:
    """What each function inside of the scope puts something into: it may be a collection of the scope."""
    inner = (node for node in ast.walk(scope) if isinstance(node, FunctionNode) and node is not scope)
    return {
        function.name: [
            dotted_name(call.func.value)
            for call in ast.walk(function)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in KEEPS
        ]
        for function in inner
    }


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        name = dotted_name(node.func).rpartition(".")[2]
        return name in MAKES_EMPTY and len(_given(node)) <= (name == "defaultdict")
    return (isinstance(node, ast.List) and not node.elts) or (isinstance(node, ast.Dict) and not node.keys)


def _comprehension(loop: Loop, rows: Collection[ast.AST | None], source: Source) -> Kept:
    made = COMPREHENSIONS.get(type(loop.node), "") or _collected(loop.node, source)
    generators: list[ast.comprehension] = getattr(loop.node, "generators", [])
    if not made or len(generators) != 1 or generators[0].iter not in rows:
        return Kept()
    parts = [(getattr(loop.node, name, None), held_by) for name, held_by in PARTS.items()]
    held = min(
        (
            max(held_by(part, {row: Held.SURELY}, source) for part, held_by in parts if part is not None)
            for row in _columns(generators[0].target)
        ),
        default=Held.NOT,
    )
    calls = (node for node in ast.walk(loop.node) if isinstance(node, ast.Call))
    holders = dict.fromkeys(_columns(generators[0].target), Held.SURELY)
    if held is not Held.SURELY and any(_waits(call, holders, source) for call in calls):
        return Kept(Share.PERHAPS, doubt=WAITS)
    return Kept(_share(held, not generators[0].ifs), f"a {made}", f"what goes into the {made} keeps them")


def _collected(generator: ast.AST, source: Source) -> str:
    """What a call makes of a generator that it is passed first."""
    call = source.parents.get(generator)
    if not isinstance(call, ast.Call) or call.args[:1] != [generator]:
        return ""
    return COLLECTED.get(last_name(call.func), "")


def _may_be_relation(method: ast.Attribute) -> bool:
    """Whether a method may be that of a relation: ``order.tags.add(tag)`` writes a row and keeps nothing."""
    held = method.value
    return method.attr == "add" and isinstance(held, ast.Attribute) and not is_self(held.value)


def _name(node: ast.expr | None) -> str:
    """``groups`` of ``groups[key]`` and of ``groups.setdefault(key, [])``."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else getattr(node.func, "value", None)
    return dotted_name(node) if node is not None else ""
