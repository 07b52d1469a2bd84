"""Which functions of a project batch work reaches, from the calls of all its files.

Calls are followed from every entry (a command, a task, a data migration ...) however far they lead. A method is
followed for the class that it is called on: what ``self.fetch()`` means in a base class depends on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from flake8_djq.context import job_of
from flake8_djq.project.calls import MODULE, FileCalls, short_name

__all__ = ["reached"]

# How far names and bases may lead from file to file: what is deeper is a circle that grows.
DEEPEST = 40
# So many callers that batch work does not reach make no function a helper of everybody. In ten large projects the limit
# takes away a fifth of the reached functions and 5 of 57 findings in them: whole small tables, kept in a registry.
# With 2 it would take 8 more, of which half are worth having.
FEW = 4


class _Class(NamedTuple):
    module: str
    name: str


class _Function(NamedTuple):
    """A function, or a method with the class that it is called on."""

    module: str
    name: str
    receiver: _Class | None = None

    @property
    def dotted(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def shown(self) -> str:
        """The name in a message."""
        return f"{short_name(self.module)}.{self.name}"


def reached(facts: Mapping[str, FileCalls], batch_modules: Collection[str] = ()) -> dict[str, str]:
    """The functions that batch work reaches from other places, and the way there as a message words it.

    ``facts`` are the calls of every file by the dotted name of its module; ``batch_modules`` are the modules that the
    user has declared batch code. The keys are ``search.engine.rebuild`` and ``search.engine.Indexer.run``, the values
    ``reached from manage.py reindex via search.rebuild``: where batch work enters, and the last function on the
    shortest way. A function with which batch work starts is none of them, and neither is a helper of everybody:
    one that more functions call which batch work does not reach.
    """
    project = _Project(facts)
    entries = dict(project.entries(batch_modules))
    starts = {function.dotted for function in entries}
    for function, words in chain(project.handed(), project.jobs()):
        entries.setdefault(function, words)
    # Several ways of the same length: the first by the alphabet, so that a message is the same in every run.
    first = sorted(entries, key=lambda function: (function.dotted not in starts, entries[function], function.dotted))
    everybodys = _everybodys(project, first)
    # Who called: the words for the entry, and the function unless it is itself the entry.
    came = {function: (entries[function], "" if function.dotted in starts else function.shown) for function in first}
    ways = {function.dotted: f"reached from {entries[function]}" for function in first if function.dotted not in starts}
    pending = deque(first)
    while pending:
        caller = pending.popleft()
        words, through = came[caller]
        for function in project.called(caller, caller.dotted in starts):
            if function not in came and function.dotted not in everybodys:
                came[function] = (words, function.shown)
                if function.dotted not in starts:
                    via = f" via {through}" if through and not words.endswith(f" {through}") else ""
                    ways.setdefault(function.dotted, f"reached from {words}{via}")
                pending.append(function)
    return ways


def _everybodys(project: _Project, entries: Collection[_Function]) -> set[str]:
    """The functions that batch work reaches, but that belong to others: most of their callers it cannot reach."""
    seen = set(entries)
    pending = deque(entries)
    inside: dict[str, set[str]] = {}
    while pending:
        caller = pending.popleft()
        for function in project.called(caller, optional=True):
            inside.setdefault(function.dotted, set()).add(caller.dotted)
            if function not in seen:
                seen.add(function)
                pending.append(function)
    callers = {function.dotted for function in seen}
    outside: dict[str, set[str]] = {}
    for caller, references in project.callers_of(inside):
        if caller.dotted not in callers:
            for function in project.meant(references, caller):
                if function.dotted in inside:
                    outside.setdefault(function.dotted, set()).add(caller.dotted)
    return {name for name, others in outside.items() if len(others) > max(len(inside[name]), FEW)}


class _Project:
    """The files of a project, and what their references mean in each other."""

    def __init__(self, facts: Mapping[str, FileCalls]) -> None:
        self.facts = facts
        self._found: dict[str, _Function | _Class | None] = {}
        self._depth = 0
        self._orders: dict[_Class, tuple[_Class, ...]] = {}

    def own_function(self, module: str, name: str) -> _Function:
        """A function by its place; a method is taken to be called on the class that defines it."""
        owner = name.rpartition(".")[0]
        return _Function(module, name, _Class(module, owner) if owner else None)

    def callers_of(self, called: Collection[str]) -> Iterator[tuple[_Function, list[str]]]:
        """The functions, and modules for the code outside functions, that may call one of these, and the calls.

        Told by names alone, since to find what each of them stands for would take longer than all the rest.
        """
        names = {name.rpartition(".")[2] for name in called}
        for module, facts in self.facts.items():
            for name, target in facts.names.items():
                last = name.rpartition(".")[2]
                if last != target.rpartition(".")[2]:
                    names.add(last)
            for name in facts.classes:
                owner = _Class(module, name)
                made = self._member(owner, self.order(owner), ["__init__"])
                if isinstance(made, _Function) and made.dotted in called:
                    names.add(name)
        names |= {f"{name}()" for name in names}
        for module, facts in self.facts.items():
            for name, references in facts.functions.items():
                all_references = chain(references, facts.optional.get(name, ()))
                some = [reference for reference in all_references if reference.rpartition(".")[2] in names]
                if some:
                    yield self.own_function(module, name), some

    def entries(self, batch_modules: Collection[str]) -> Iterator[tuple[_Function, str]]:
        """The functions with which batch work starts, and the words for it."""
        for module, facts in self.facts.items():
            entries = facts.entries
            if module in batch_modules:
                entries = dict.fromkeys(facts.functions, short_name(module))
            for name, words in entries.items():
                yield self.own_function(module, name), words

    def called(self, caller: _Function, optional: bool) -> Iterator[_Function]:
        """The functions of the project that one of them calls or hands on; ``optional``: where it is asked to, too."""
        facts = self.facts[caller.module]
        yield from self.meant(facts.functions[caller.name], caller)
        if optional:
            yield from self.meant(facts.optional.get(caller.name, ()), caller)

    def meant(self, references: Iterable[str], caller: _Function) -> Iterator[_Function]:
        """The functions of the project that some references in one of them stand for."""
        for reference in references:
            head, _, rest = reference.partition(".")
            if head in ("self", "super") and caller.receiver is not None:
                order = self.order(caller.receiver)
                if head == "super":
                    owner = _Class(caller.module, caller.name.rpartition(".")[0])
                    order = order[order.index(owner) + 1 :] if owner in order else ()
                found = self._member(caller.receiver, order, rest.split("."))
            else:
                found = self._find(reference)
            if isinstance(found, _Class) and reference.endswith("()"):
                found = self._member(found, self.order(found), ["__init__"])
            if isinstance(found, _Function):
                yield found

    def jobs(self) -> Iterator[tuple[_Function, str]]:
        """The methods that run as a command, task or job since a base in another file makes the class one."""
        for module, facts in self.facts.items():
            for name in facts.classes:
                owner = _Class(module, name)
                order = self.order(owner)
                job = next(filter(None, (job_of(base) for other in order for base in self._bases(other))), None)
                if job is None:
                    continue
                what, methods = job
                for method in methods:
                    found = self._member(owner, order, [method])
                    if isinstance(found, _Function):
                        yield found, facts.entries.get(MODULE, f"{what} {short_name(module)}.{name}")

    def handed(self) -> Iterator[tuple[_Function, str]]:
        """The functions that other files hand to a scheduler or to a migration."""
        for facts in self.facts.values():
            for reference, words in facts.handed.items():
                found = self._find(reference)
                if isinstance(found, _Function):
                    yield found, words

    def _find(self, reference: str) -> _Function | _Class | None:
        """What an absolute reference is; None for everything that is no function or class of the project."""
        if reference not in self._found:
            self._found[reference] = None  # names that stand for each other in a circle
            parts = reference.split(".")
            if self._depth < DEEPEST:
                self._depth += 1
                self._found[reference] = self._look_up(parts)
                self._depth -= 1
        return self._found[reference]

    def _look_up(self, parts: list[str]) -> _Function | _Class | None:
        for size in range(len(parts) - 1, 0, -1):
            module = ".".join(parts[:size])
            if module in self.facts:
                return self._in_module(module, parts[size:], set())
        return None

    def _in_module(self, module: str, parts: list[str], seen: set[str]) -> _Function | _Class | None:
        facts = self.facts[module]
        name = parts[0].removesuffix("()")
        if name in facts.names:
            return self._other(facts.names[name], parts)
        if name in facts.functions:
            return self.own_function(module, name) if len(parts) == 1 else None
        if name in facts.classes:
            found = _Class(module, name)
            return found if len(parts) == 1 else self._member(found, self.order(found), parts[1:])
        if not name.startswith("_"):
            for star in facts.stars:
                if star in self.facts and star not in seen:
                    seen.add(star)
                    found_there = self._in_module(star, parts, seen)
                    if found_there is not None:
                        return found_there
        return None

    def _member(self, receiver: _Class, order: Collection[_Class], parts: list[str]) -> _Function | _Class | None:
        """What an attribute of a class or of its instances is, looked up in the classes of ``order``."""
        member = parts[0].removesuffix("()")
        for module, owner in order:
            facts = self.facts[module]
            key = f"{owner}.{member}"
            if key in facts.names:
                return self._other(facts.names[key], parts)
            if key in facts.functions:
                return _Function(module, key, receiver) if len(parts) == 1 else None
        return None

    def _other(self, target: str, parts: list[str]) -> _Function | _Class | None:
        """What the first of the parts leads to, since it only stands for ``target``."""
        call = "()" if parts[0].endswith("()") else ""
        return self._find(".".join([target + call, *parts[1:]])) if target else None

    def _bases(self, owner: _Class) -> list[str]:
        return self.facts[owner.module].classes.get(owner.name, [])

    def order(self, owner: _Class) -> tuple[_Class, ...]:
        """The class and its bases of this project, in the order in which Python looks for an attribute."""
        if owner not in self._orders:
            self._orders[owner] = (owner,)  # classes that inherit from each other in a circle
            self._depth += 1
            bases = [self._find(base) for base in self._bases(owner)]
            orders = [self.order(base) for base in bases if isinstance(base, _Class)]
            self._depth -= 1
            # The last of several mentions counts: a base comes after all classes that are made from it.
            later = dict.fromkeys(name for names in reversed(orders) for name in reversed(names) if name != owner)
            self._orders[owner] = (owner, *reversed(later))
        return self._orders[owner]
