"""What the names of a module stand for at one point of its run, and what is in doubt there."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from flake8_djq.project.settings.values import ABSENT, Choice, Mapping, Unknown, Value, bounded, choose

__all__ = ["LEVELS", "Doubt", "Held", "Late", "Moment", "State", "force", "join_states"]

# Before the name of a logger: the name under which the level stands that `setLevel` gave it.
LEVELS = "logger:"
# Values of one name that wait one for the other: `MIDDLEWARE += ...` again and again.
DEEPEST = 16
# Settings that are often made of dicts with names of their own, which change later.
HOLDERS = ("DATABASES", "LOGGING")


class Doubt(NamedTuple):
    """Something that may bind names and cannot be read.

    ``what`` names it as a message would. Not ``certain`` where it may well not be there: a settings file for one
    machine, which the project imports only if it exists.
    """

    what: str
    certain: bool


class Late:
    """A value that is worked out when somebody asks for it: most names of a settings module are never asked for."""

    __slots__ = ("_make", "_value", "depth")

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make: Callable[[], Value] | None = make
        self._value: Value = ABSENT
        #: How many values that wait one for the other this one stands on.
        self.depth = 0

    def over(self, *others: Held | None) -> Held:
        """This value, made of others of the same name; worked out at once where too many of them wait."""
        self.depth = 1 + max((other.depth for other in others if isinstance(other, Late)), default=0)
        return self if self.depth < DEEPEST else self.value()

    def value(self) -> Value:
        """The value, worked out once; unknown to itself."""
        if self._make is not None:
            make, self._make = self._make, None
            self._value = Unknown()
            self._value = bounded(make())
            self.depth = 0
        return self._value


Held = Value | Late


def force(held: Held) -> Value:
    """The value itself."""
    return held.value() if isinstance(held, Late) else held


class Moment(NamedTuple):
    """A point of a module's run, to look at its names as they were then."""

    names: dict[str, Held]
    log: list[tuple[str, Held]]
    length: int

    def state(self) -> State:
        """A state with the names as they were."""
        earlier = dict(reversed(self.log[self.length :]))
        # Names that were bound later for the first time do no harm: nothing written here can mean them.
        return State({**self.names, **earlier} if earlier else self.names)


class State:
    """The names of a module, or of a class or function in it, while it runs."""

    __slots__ = ("alive", "doubt", "doubts", "log", "names", "touched")

    def __init__(self, names: dict[str, Held] | None = None) -> None:
        self.names: dict[str, Held] = names if names is not None else {}
        #: What names stood for before they were bound anew, in the order of these events.
        self.log: list[tuple[str, Held]] = []
        #: Names that were bound since the state was copied.
        self.touched: set[str] = set()
        #: What may have bound a name anew since it was bound here.
        self.doubts: dict[str, Doubt] = {}
        #: The same for every name that is not bound at all.
        self.doubt: Doubt | None = None
        #: False after `raise` and the like.
        self.alive = True

    def get(self, name: str) -> Value | None:
        """What a name stands for; None where it was never bound."""
        found = self.names.get(name)
        if isinstance(found, Late):
            found = self.names[name] = found.value()
        return found

    def moment(self) -> Moment:
        """This point of the run."""
        return Moment(self.names, self.log, len(self.log))

    def put(self, name: str, held: Held) -> None:
        """Bind a name; doubts about it stay: what is bound is a change of what it was."""
        if name in self.names:
            self.log.append((name, self.names[name]))
            if isinstance(held, Late):
                held = held.over(self.names[name])
        self.touched.add(name)
        self.names[name] = held

    def bind(self, name: str, held: Held) -> None:
        """Bind a name; whatever was in doubt about it is settled."""
        self.put(name, held)
        self.doubts.pop(name, None)

    def change(self, name: str, value: Value) -> None:
        """Put a changed list or dict in the place of the one before."""
        value = bounded(value)
        for other in HOLDERS:
            self.get(other)
        before = self.names.get(name)
        self.put(name, value)
        # Another name may stand for the same dict, or hold it: `DATABASES = {"default": config}`.
        if isinstance(before, Mapping | Choice | Unknown):
            for other, held in list(self.names.items()):
                if other != name and isinstance(held, Mapping):
                    new = _replaced(held, before, value)
                    if new is not held:
                        self.put(other, new)

    def remove(self, name: str) -> None:
        """`del` a name."""
        if name in self.names:
            self.put(name, ABSENT)

    def may_bind(self, doubt: Doubt) -> None:
        """Note that something unreadable may have bound any name."""
        self.doubt = doubt if self.doubt is None or doubt.certain else self.doubt
        self.doubts = {
            name: doubt if doubt.certain or name not in self.doubts else self.doubts[name] for name in self.names
        }

    def copy(self) -> State:
        """An independent state with the same names."""
        other = State(dict(self.names))
        other.doubts, other.doubt, other.alive = dict(self.doubts), self.doubt, self.alive
        return other

    def take(self, other: State) -> None:
        """Become what a copy of this state has become."""
        self.names, self.log = other.names, other.log
        self.doubts, self.doubt, self.alive = other.doubts, other.doubt, other.alive
        self.touched |= other.touched


def _replaced(value: Mapping, before: Value, after: Value, depth: int = 3) -> Value:
    """A dict with another one in the place of one that it holds; the same object where it does not hold it."""
    if value is before:
        return after
    changed = {}
    for key, held in value.entries.items():
        if held is before:
            changed[key] = after
        elif depth and isinstance(held, Mapping):
            new = _replaced(held, before, after, depth - 1)
            if new is not held:
                changed[key] = new
    return Mapping({**value.entries, **changed}, value.complete, way=value.way) if changed else value


def join_states(one: State, other: State, default: bool | None = None, variables: tuple[str, ...] = ()) -> State:
    """What holds where two paths meet that started from one state.

    ``default`` says whether the first is the one that is taken without any environment variable set.
    """
    if not one.alive or not other.alive:
        return other if other.alive else one
    joined = State(dict(one.names))
    joined.touched = one.touched | other.touched
    for name in joined.touched:
        here, there = one.names.get(name), other.names.get(name)
        if here is not there:
            late = _joined(_or_absent(here, one), _or_absent(there, other), default, variables)
            joined.names[name] = late.over(here, there)
    joined.doubts = {**other.doubts, **one.doubts}
    joined.doubt = one.doubt if one.doubt is not None and (one.doubt.certain or other.doubt is None) else other.doubt
    return joined


def _or_absent(held: Held | None, state: State) -> Held:
    """What a path leaves a name with; a name that it does not bind may still come from something unreadable."""
    if held is not None:
        return held
    return Unknown() if state.doubt is not None else ABSENT


def _joined(here: Held, there: Held, default: bool | None, variables: tuple[str, ...]) -> Late:
    def join() -> Value:
        values = (force(here), force(there))
        return choose(values, None if default is None else values[0 if default else 1], variables)

    return Late(join)
