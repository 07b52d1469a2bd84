"""What a setting may hold, as far as its modules can be read: constants, lists, mappings, one of several, unknown.

Values are never changed in place: whoever changes a list makes a new one. Each value knows its way: the lines that
bring it in, from the module that was asked about to the one that writes it down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

__all__ = [
    "ABSENT",
    "Choice",
    "Constant",
    "Item",
    "Listing",
    "Mapping",
    "Step",
    "Thing",
    "Unknown",
    "Value",
    "Way",
    "bounded",
    "by_default",
    "choose",
    "lift",
    "size_of",
    "through",
    "truth",
    "variables_of",
    "with_entry",
]

# More alternatives than this tell nobody anything.
MOST_OPTIONS = 8
# Values of more parts than this are taken for unknown.
LARGEST = 2_000


class Step(NamedTuple):
    """One line of one file."""

    path: str
    line: int


Way = tuple[Step, ...]


@dataclass(slots=True, eq=False)
class Value:
    """Base of all values."""

    way: Way = field(default=(), kw_only=True)


@dataclass(slots=True, eq=False)
class Constant(Value):
    """A text, a number, a truth value or None."""

    value: Any


@dataclass(slots=True, eq=False)
class Unknown(Value):
    """Something that cannot be read.

    ``variable`` is the environment variable that it hangs on, if it does on one; ``pattern`` what is known of a text,
    with a star for every other part: ``shop.settings.*``.
    """

    variable: str = ""
    pattern: str = ""


class Item(NamedTuple):
    """An element of a list; not ``certain`` where it is there on some paths only."""

    value: Value
    certain: bool = True


@dataclass(slots=True, eq=False)
class Listing(Value):
    """A list, tuple or set; not ``complete`` where it may hold more than its items."""

    items: tuple[Item, ...] = ()
    complete: bool = True
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = 1 + sum(size_of(item.value) for item in self.items)

    @property
    def is_exact(self) -> bool:
        """Whether it holds all of its items and nothing else, in this order."""
        return self.complete and all(item.certain for item in self.items)


@dataclass(slots=True, eq=False)
class Mapping(Value):
    """A dict; not ``complete`` where it may hold more than its entries."""

    entries: dict[Any, Value]
    complete: bool = True
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = 1 + sum(size_of(held) for held in self.entries.values())


@dataclass(slots=True, eq=False)
class Choice(Value):
    """One of several values.

    ``default`` is the one that holds where no environment variable is set, if that is known; ``variables`` are those
    that decide.
    """

    options: tuple[Value, ...]
    default: Value | None = None
    variables: tuple[str, ...] = ()
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = 1 + sum(size_of(option) for option in self.options)


@dataclass(slots=True, eq=False)
class Thing(Value):
    """Anything else that a name stands for: a module, a class, a function, an ``Env`` object."""

    #: Whether it is certain to be true where it is asked for its truth.
    is_true: ClassVar[bool] = True
    #: Whether a second one of the same name only stands in where a library is missing.
    has_substitutes: ClassVar[bool] = True


class _Absent(Value):
    """What a name or a key holds where nothing was assigned."""


ABSENT = _Absent()


def size_of(value: Value) -> int:
    """How many values it is made of, one that stands in several places counted in each."""
    return getattr(value, "size", 1)


def bounded(value: Value) -> Value:
    """The value; unknown where it is so large that work on it would take long: lists that double, dicts in dicts."""
    return Unknown(way=value.way) if size_of(value) > LARGEST else value


def _key(value: Value) -> tuple[Any, Any]:
    """What values have in common that are the same, wherever they come from."""
    if isinstance(value, Constant):
        return type(value.value), value.value
    return (Unknown, value.pattern) if isinstance(value, Unknown) else (Value, id(value))


def by_default(value: Value) -> Value:
    """The value where no environment variable is set; unknown where that cannot be told."""
    if isinstance(value, Choice):
        return Unknown(way=value.way) if value.default is None else by_default(value.default)
    return value


def variables_of(value: Value) -> tuple[str, ...]:
    """The environment variables that a value depends on."""
    if isinstance(value, Choice):
        return value.variables
    return (value.variable,) if isinstance(value, Unknown) and value.variable else ()


def choose(
    options: Iterable[Value], default: Value | None = None, variables: Sequence[str] = (), way: Way = ()
) -> Value:
    """One of several values, in the simplest form: dicts become one dict with choices in it, lists one list."""
    options = list(options)
    if all(option is options[0] for option in options):
        return options[0]
    parts: dict[Any, Value] = {}
    names = dict.fromkeys(variables)
    for option in options:
        for part in option.options if isinstance(option, Choice) else (option,):
            parts.setdefault(_key(part), part)
        names |= dict.fromkeys(variables_of(option))
    flat = list(parts.values())
    if len(flat) > MOST_OPTIONS:
        flat = [*flat[: MOST_OPTIONS - 1], Unknown()]
    default = by_default(default) if default is not None else None
    if isinstance(default, Unknown):
        default = None
    if len(flat) == 1 or all(isinstance(option, Thing) and option.has_substitutes for option in flat):
        return flat[0]
    mappings = [option for option in flat if isinstance(option, Mapping)]
    if len(mappings) == len(flat):
        return _one_mapping(mappings, default, tuple(names), way)
    listings = [option for option in flat if isinstance(option, Listing)]
    if len(listings) == len(flat):
        return _one_listing(listings, way)
    # Where it comes from is where its likeliest value comes from.
    return Choice(tuple(flat), default, tuple(names), way=way or (default or flat[0]).way)


def _one_mapping(options: list[Mapping], default: Value | None, variables: tuple[str, ...], way: Way) -> Mapping:
    keys = dict.fromkeys(key for option in options for key in option.entries)
    entries = {}
    for key in keys:
        chosen = entry(default, key) if isinstance(default, Mapping) else None
        entries[key] = choose((entry(option, key) for option in options), chosen, variables)
    return Mapping(entries, all(option.complete for option in options), way=way or options[0].way)


def _one_listing(options: list[Listing], way: Way) -> Listing:
    certain = [{_key(item.value) for item in option.items if item.certain} for option in options]
    items: dict[Any, Item] = {}
    for item in (item for option in options for item in option.items):
        key = _key(item.value)
        if key not in items:
            items[key] = Item(item.value, all(key in keys for keys in certain))
    return Listing(tuple(items.values()), all(option.complete for option in options), way=way or options[0].way)


def entry(mapping: Mapping, key: Any) -> Value:
    """What a dict holds under a key."""
    found = mapping.entries.get(key)
    if found is not None:
        return found
    return ABSENT if mapping.complete else Unknown(way=mapping.way)


def with_entry(mapping: Mapping, key: Any, value: Value) -> Mapping:
    """A dict with one entry set."""
    return Mapping({**mapping.entries, key: value}, mapping.complete, way=mapping.way)


def lift(function: Callable[[Value], Value], value: Value, way: Way = ()) -> Value:
    """Apply a function to each of several values."""
    if not isinstance(value, Choice):
        return function(value)
    default = function(value.default) if value.default is not None else None
    return choose((function(option) for option in value.options), default, value.variables, way)


def truth(value: Value) -> bool | None:
    """Whether a value is true; None where that cannot be told."""
    if isinstance(value, Constant):
        return bool(value.value)
    if isinstance(value, Listing):
        if any(item.certain for item in value.items):
            return True
        return False if value.complete and not value.items else None
    if isinstance(value, Mapping):
        if any(found is not ABSENT and not isinstance(found, Choice) for found in value.entries.values()):
            return True
        return False if value.complete and not value.entries else None
    if isinstance(value, Choice):
        truths = {truth(option) for option in value.options}
        return truths.pop() if len(truths) == 1 else None
    return (value.is_true or None) if isinstance(value, Thing) else False if value is ABSENT else None


def through(value: Value, step: Step) -> Value:
    """The same value as another module sees it that imports it on this line."""
    if value is ABSENT or isinstance(value, Thing):
        return value
    moved = copy(value)
    moved.way = (step, *value.way)
    if isinstance(moved, Listing):
        moved.items = tuple(Item(through(item.value, step), item.certain) for item in moved.items)
    elif isinstance(moved, Mapping):
        moved.entries = {key: through(found, step) for key, found in moved.entries.items()}
    elif isinstance(moved, Choice):
        # The default stays one of the options, where it was one.
        moved.default = through(moved.default, step) if moved.default is not None else None
        moved.options = tuple(through(option, step) for option in moved.options)
    return moved
