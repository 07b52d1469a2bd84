"""What an expression may hold, as far as the linter cares: models, managers, querysets, rows, or none of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

__all__ = [
    "BATCH",
    "KEYS",
    "NONE",
    "ON_READING",
    "PLAIN",
    "UNIQUE",
    "UNKNOWN",
    "Bound",
    "Count",
    "Either",
    "ImportedFunction",
    "InnerFunction",
    "Instance",
    "ListValue",
    "LocalClass",
    "LocalFunction",
    "Manager",
    "Model",
    "ModelAttribute",
    "Plain",
    "QuerySet",
    "Row",
    "RowAttribute",
    "Rows",
    "Sequence",
    "Stream",
    "Unknown",
    "Value",
    "Wrapped",
    "alternatives",
    "join",
    "kept",
]


# Nobody could read a message about more things that a name may hold; of such a name so many querysets stay in sight.
MOST_OPTIONS = 12
MOST_IN_SIGHT = 50


# The names of the primary key.
KEYS = frozenset({"pk", "id"})


# The loops around a queryset that is made each time that an attribute is read: those around the reading.
ON_READING: tuple[object, ...] = ("on reading",)


class Bound(Enum):
    """Whether something visible limits the number of rows."""

    UNBOUNDED = 0
    UNKNOWN = 1
    BOUNDED = 2


class Value:
    """Base of everything that an expression may hold. Values of one kind with equal parts are equal, and none changes.

    The two methods below stand in for those that dataclasses would generate for each class, at ten times the cost of
    importing this module: a run over one file is over before they could pay.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


class Identity(Value):
    """Base of values that stand for one object of the program: only the same is equal."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclass(eq=False, repr=False)
class Unknown(Value):
    """Anything at all; rules are silent about it."""


@dataclass(eq=False, repr=False)
class Plain(Value):
    """Certainly no queryset: a number, a text, a dict ...

    ``what`` is "none" for None, "file" for an open file or another source of unknown length, "batch" for a slice of
    something else, and "unique" for a value that only one row has.
    """

    what: str = ""


UNKNOWN = Unknown()
PLAIN = Plain()
NONE = Plain("none")
BATCH = Plain("batch")
UNIQUE = Plain("unique")


@dataclass(eq=False, repr=False)
class Model(Value):
    """A model class. ``name`` is its own name, or the name of the variable where the class is not known."""

    name: str


@dataclass(eq=False, repr=False)
class ModelAttribute(Value):
    """An attribute of a model class: perhaps a manager, which a query method called on it will show."""

    model: str
    name: str


@dataclass(eq=False, repr=False)
class Manager(Value):
    """A manager: each query method called on it starts a new queryset.

    ``perhaps_prefetched`` marks the manager of a relation that a prefetch may have filled. ``start`` is the queryset
    that the manager's own ``get_queryset`` builds, where the file declares it. ``given`` as of a QuerySet.
    """

    model: str
    bound: Bound = Bound.UNBOUNDED
    start: QuerySet | None = None
    perhaps_prefetched: bool = False
    given: tuple[str | int, ...] = ()


@dataclass(eq=False, repr=False)
class QuerySet(Identity):
    """One queryset object: two names for the same object share its result cache, so identity counts.

    ``key`` spells the query with the versions of the names that it depends on: equal keys, equal SQL. ``names`` are
    those names. ``node`` is the expression that built the object, ``steps`` the methods called on the way.

    ``walkable`` says that a keyset iterator surely can walk it in the same order: its lookups follow no relations,
    which might give a row twice, and its order, if it names one, is one of plain fields.

    ``order`` are the fields that it is ordered by, as far as they are written out ("?" for one that is not).

    ``ordering`` says where its order comes from: "kept" where it is that of the manager and the model that it began
    with, "set" where it names one, "none" where it surely has none, "unknown". ``manager`` is the name of that manager
    of the model; "" where it began with something else.

    ``certain`` is False where only a custom method's usual meaning says that this is a queryset. ``shared`` says that
    code outside the function holds the same object (a parameter, an attribute): its rows may be used there.
    ``perhaps_loaded`` says that its rows may be in the result cache already.

    ``given`` is the parameter that it is made from: the function, the place among the arguments and the name; empty
    where it is made from something else. ``reads_more`` says that a condition is held by a name: it may ask any table.
    ``narrowed`` says that a filter has been put on it that is no constant.
    """

    model: str
    key: str
    node: ast.expr
    bound: Bound = Bound.UNBOUNDED
    names: frozenset[str] = frozenset()
    steps: tuple[str, ...] = ()
    certain: bool = True
    shared: bool = False
    prefetches: bool = False
    ordered: bool = False
    sliced: bool = False
    combined: bool = False
    values: bool = False
    groups: bool = False
    one_row: bool = False
    raw: bool = False
    walkable: bool = True
    order: tuple[str, ...] = ()
    ordering: str = "kept"
    manager: str = ""
    fields: tuple[str, ...] = ()
    origin: str = ""
    perhaps_prefetched: bool = False
    perhaps_loaded: bool = False
    given: tuple[str | int, ...] = ()
    narrowed: bool = False
    reads_more: bool = False
    loops: tuple[object, ...] = field(default=())

    def may_read(self, model: str) -> bool:
        """Whether another answer may come once rows of a model have changed."""
        return model == self.model or self.reads_more or model.rpartition(".")[2] in self.key

    @property
    def ordered_by_key(self) -> bool:
        """Whether a row's place in its order cannot change."""
        return len(self.order) == 1 and self.order[0].removeprefix("-") in KEYS

    @property
    def totally_ordered(self) -> bool:
        """Whether no two rows tie in its order."""
        return bool(self.order) and self.order[-1].removeprefix("-") in KEYS


@dataclass(eq=False, repr=False)
class Stream(Value):
    """What ``.iterator()`` returned, by which evaluation."""

    queryset: QuerySet
    evaluation: object = None


@dataclass(eq=False, repr=False)
class Row(Value):
    """One row; ``of`` is the queryset that is being looped over, where there is one.

    ``stored`` says that it surely comes from the database.
    """

    model: str
    of: QuerySet | None = None
    stored: bool = False


@dataclass(eq=False, repr=False)
class RowAttribute(Value):
    """An attribute of a row, at any depth: a value, another row, or a relation's manager, which its use will show.

    ``target`` is the model of the one row that a known relation leads to; "" where that is not known.
    """

    model: str
    name: str
    perhaps_prefetched: bool = True
    target: str = ""


@dataclass(eq=False, repr=False)
class Rows(Value):
    """A list, set or tuple into which a queryset was loaded, by which evaluation."""

    queryset: QuerySet
    evaluation: object = None


@dataclass(eq=False, repr=False)
class ListValue(Identity):
    """A list that the function builds itself. What makes it grow is part of the state, since it changes."""

    node: ast.expr


@dataclass(eq=False, repr=False)
class Sequence(Value):
    """A tuple or list written out."""

    items: tuple[Value, ...]


@dataclass(eq=False, repr=False)
class Wrapped(Value):
    """Lazy wrappers that loop over what they hold once they are looped over: ``enumerate``, ``zip``, ``tqdm`` ..."""

    parts: tuple[Value, ...]
    by: str
    nodes: tuple[ast.expr, ...]


@dataclass(eq=False, repr=False)
class LocalFunction(Value):
    """A function or method of the same file, by its qualified name."""

    name: str


@dataclass(eq=False, repr=False)
class ImportedFunction(Value):
    """A function of another file of the project, by its dotted name."""

    name: str


@dataclass(eq=False, repr=False)
class InnerFunction(Value):
    """A function that is defined inside the one that is being read, by what its body returns there."""

    gives: Value


@dataclass(eq=False, repr=False)
class LocalClass(Value):
    """A class that is no model: of the same file, or of another file of the project by its absolute name."""

    name: str


@dataclass(eq=False, repr=False)
class Instance(Value):
    """An object of a class that is no model, named like a LocalClass: mostly ``self``."""

    name: str

    @property
    def is_imported(self) -> bool:
        """Whether another file declares the class; then the object was made by calling it, and is of no subclass."""
        return "." in self.name


@dataclass(eq=False, repr=False)
class Count(Value):
    """The number that an evaluation gave; kept to see what it is used for."""

    evaluation: object


@dataclass(eq=False, repr=False)
class Either(Value):
    """One of several, by the path that was taken."""

    options: tuple[Value, ...]


def alternatives(value: Value) -> tuple[Value, ...]:
    """The values that a value may be, one by one."""
    return value.options if isinstance(value, Either) else (value,)


def join(values: Iterable[Value]) -> Value:
    """The value of a name after paths meet on which it holds different things.

    A queryset stays in sight beside the unknown: what is done with the name may be done with it.
    """
    found: dict[Value, None] = {}
    for value in values:
        if isinstance(value, Either):
            found.update(dict.fromkeys(value.options))
        else:
            found[value] = None
    if not found:
        return UNKNOWN
    if UNKNOWN in found and not any(isinstance(value, QuerySet | Rows) for value in found):
        return UNKNOWN
    if len(found) == 1:
        return next(iter(found))
    if len(found) > MOST_OPTIONS:
        querysets = [value for value in found if isinstance(value, QuerySet)]
        return Either((UNKNOWN, *querysets[:MOST_IN_SIGHT])) if querysets else UNKNOWN
    return Either(tuple(found))


def kept(value: Value) -> Value:
    """The value as one that later calls find again: a queryset may have its rows by then."""
    return replace(value, shared=True, perhaps_loaded=True) if isinstance(value, QuerySet) else value
