"""Classes that are no models but whose methods give querysets and rows, across files: ``OverdueBooks().rows()``.

What a method gives counts only where nothing can have taken its place: a decorator, a metaclass, a base that nobody
knows, or a class in between that defines anew what the method reads.
"""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from flake8_djq.options import Options
from flake8_djq.querysets.declarations import ClassKind, is_self
from flake8_djq.querysets.namespace import PLAIN_CLASS, Namespace
from flake8_djq.querysets.values import (
    ON_READING,
    UNKNOWN,
    Instance,
    LocalClass,
    LocalFunction,
    QuerySet,
    Value,
    alternatives,
)
from flake8_djq.source import Function, Source, dotted_name

if TYPE_CHECKING:
    from flake8_djq.project.project import Project

__all__ = ["NOBODY_KNOWS", "Member", "Services"]

# What a method is by its decorators, by their last names; one with another decorator may give anything.
DECORATORS = {
    "staticmethod": "static",
    "classmethod": "static",
    "property": "property",
    "cached_property": "cached",
    "atomic": "",
    "override": "",
    "final": "",
}
# Further definitions of a property.
ACCESSORS = ("setter", "deleter")
CLASS_DECORATORS = frozenset({"dataclass", "total_ordering", "final", "runtime_checkable", "deconstructible"})
METACLASSES = frozenset({"ABCMeta"})
TAKES_ANY_NAME = frozenset({"__getattr__", "__getattribute__"})
# Bases that bring no methods of their own.
EMPTY = frozenset({"object", "ABC", "Generic", "Protocol"})
# Any name: what a base in another file reads is not looked up.
ANYTHING = "*"


class Member(NamedTuple):
    """A method or a property of a class.

    ``how`` is "method", "static" (class methods too), "property" or "cached", and "" where nobody can tell. ``value``
    is what it gives, ``reads`` are the names that its class reads from ``self``: defined anew, they change it.
    """

    how: str
    value: Value
    reads: frozenset[str]


NOBODY_KNOWS = Member("", UNKNOWN, frozenset())


class Services(Namespace):
    """What the classes of a file inherit from classes of other files, and what those of other files give."""

    def __init__(self, source: Source, options: Options, project: Project | None = None) -> None:
        super().__init__(source, options, project)
        self._plain: dict[str, bool] = {}
        self._given_members: dict[str, frozenset[str]] = {}
        self._asked: set[tuple[str, str]] = set()

    @cached_property
    def own_names_that_give(self) -> set[str]:
        """The names of this file's functions and variables that may stand for querysets."""
        raise NotImplementedError

    def names_that_give(self) -> set[str]:
        """The names of this file's functions, classes and variables that may stand for querysets."""
        classes = {
            name for name in self.source.classes if self.kind(name) is ClassKind.OTHER and self.given_members(name)
        }
        return self.own_names_that_give | classes

    # -- what a class is ----------------------------------------------------------------------------------------------

    def is_plain(self, name: str) -> bool:
        """Whether a class of this file surely is no model, no manager and no queryset, and works as it is written."""
        if name not in self._plain:
            self._plain[name] = False  # classes that inherit from each other in a circle
            node = self.source.classes.get(name)
            self._plain[name] = node is not None and self._is_plain(node)
        return self._plain[name]

    def _is_plain(self, node: ast.ClassDef) -> bool:
        decorators = [part.func if isinstance(part, ast.Call) else part for part in node.decorator_list]
        return (
            self.kind(node.name) is ClassKind.OTHER
            and self._bound_once(node)
            and all(_last(keyword.value) in METACLASSES for keyword in node.keywords)
            and all(_last(part) in CLASS_DECORATORS for part in decorators)
            and not any(f"{node.name}.{name}" in self._functions for name in TAKES_ANY_NAME)
            and all(self._is_plain_base(base) for base in node.bases)
        )

    def _bound_once(self, node: ast.ClassDef) -> bool:
        """Whether the name of a class stands for nothing else in the file."""
        name = node.name
        if node not in self.source.tree.body or name in self.source.imports or name in self._functions:
            return False
        for statement in self.source.statements:
            if isinstance(statement, ast.ClassDef) and statement.name == name and statement is not node:
                return False
        return not any(
            isinstance(statement, ast.Assign) and any(dotted_name(target) == name for target in statement.targets)
            for statement in self.source.tree.body
        )

    def _is_plain_base(self, base: ast.expr) -> bool:
        name = _name_of(base)
        if name in self.source.classes:
            return self.is_plain(name)
        resolved = self.source.resolve(base.value if isinstance(base, ast.Subscript) else base)
        if name.partition(".")[0] not in self.source.imports:
            return hasattr(builtins, name)
        if resolved.partition(".")[0] in sys.stdlib_module_names:
            return True
        if resolved.startswith("django."):
            return ".db." not in resolved and ".models." not in resolved
        if self.project is None:
            return False
        return self.project.value(self.project.absolute(self.source.path, resolved)) == ("class", PLAIN_CLASS)

    def _base_of(self, base: ast.expr) -> str:
        """A base as a class of this file or by the absolute name of one of the project; "" for any other."""
        name = _name_of(base)
        if name in self.source.classes:
            return name
        head, dot, rest = name.partition(".")
        if self.project is None or head not in self.source.imports:
            return ""
        absolute = self.project.absolute(self.source.path, self.source.imports[head] + dot + rest)
        return absolute if self.project.value(absolute)[0] == "class" else ""

    # -- what its members give ----------------------------------------------------------------------------------------

    def given_members(self, owner: str) -> frozenset[str]:
        """The names of the methods and properties of a class that may give querysets, with those that it inherits."""
        if owner not in self._given_members:
            self._given_members[owner] = frozenset()
            self._given_members[owner] = self._find_given_members(owner)
        return self._given_members[owner]

    def _find_given_members(self, owner: str) -> frozenset[str]:
        if "." in owner:
            return self.project.given_members(owner) if self.project is not None else frozenset()
        node = self.source.classes.get(owner)
        if node is None:
            return frozenset()
        own = {function.node.name for function in self._own_functions(node)} & self.own_names_that_give
        inherited = (self.given_members(base) for base in map(self._base_of, node.bases) if base)
        return frozenset(own.union(*inherited))

    def inherited_member(self, owner: str, name: str) -> Member | None:
        """What a class of this file inherits from another file under a name, or what a class of another file has.

        None where there is no such member, or where a class that is made from this one may have another.
        """
        if self.project is None or name not in self.given_members(owner):
            return None
        if "." not in owner and (self.method(owner, name) is not None or self.project.has_heirs(owner)):
            return None
        found = self.member(owner, name)
        return found._replace(value=self.here(found.value)) if found is not None else None

    def called_member(self, of: Instance | LocalClass, name: str) -> Value | None:
        """What calling a member of another file's class gives; None where there is no such."""
        found = self.inherited_member(of.name, name)
        if found is None:
            return None
        callable_so = ("method", "static") if isinstance(of, Instance) else ("static",)
        return found.value if found.how in callable_so else UNKNOWN

    def imported_property(self, owner: str, name: str) -> Value | None:
        """What a property gives that another file declares; None where there is no such."""
        found = self.inherited_member(owner, name)
        if found is None or found.how not in ("property", "cached"):
            return None
        if found.how == "cached":
            return UNKNOWN  # one object for all readings, and nobody can tell which reading fills its cache
        value = found.value
        return replace(value, key="?", names=frozenset(), loops=ON_READING) if isinstance(value, QuerySet) else value

    def member(self, owner: str, name: str) -> Member | None:
        """A method or a property of a class, its own or inherited; None where it has no such."""
        if "." in owner:
            return self.project.member(owner, name) if self.project is not None else None
        node = self.source.classes.get(owner)
        if node is None or (owner, name) in self._asked:
            return None
        self._asked.add((owner, name))
        try:
            return self._own_member(node, name) or self._base_member(node, name)
        finally:
            self._asked.discard((owner, name))

    def _own_member(self, node: ast.ClassDef, name: str) -> Member | None:
        functions = [function for function in self._own_functions(node) if function.node.name == name]
        functions = [function for function in functions if not _is_accessor(function)]
        if name in self.assigned_in(node.name):
            return NOBODY_KNOWS
        if not functions:
            return None
        how = _how(functions[0])
        if len(functions) > 1 or functions[0].node not in node.body or not how:
            return NOBODY_KNOWS
        value = self.summary(functions[0].name).value
        if any(isinstance(option, Instance | LocalClass | LocalFunction) for option in alternatives(value)):
            return NOBODY_KNOWS  # ``return self`` gives an object of whatever class it is called on
        return Member(how, value, self._reads(node.name))

    def _base_member(self, node: ast.ClassDef, name: str) -> Member | None:
        found, certain = None, True
        for base in node.bases:
            owner = self._base_of(base)
            known = self.member(owner, name) if owner else None
            if known is not None:
                if found is not None:
                    return NOBODY_KNOWS  # which of two comes first depends on what they are made from
                found = known if certain else NOBODY_KNOWS
            certain = certain and (bool(owner) or _last(base) in EMPTY)
        if found is None:
            return None
        defined = {function.node.name for function in self._own_functions(node)} | self.assigned_in(node.name)
        changed = defined - {"__init__"} if ANYTHING in found.reads else defined & found.reads
        return NOBODY_KNOWS if changed else found

    def _own_functions(self, node: ast.ClassDef) -> list[Function]:
        return [function for function in self.source.functions if function.owner is node]

    def _reads(self, owner: str) -> frozenset[str]:
        """The names that a class and its bases read from ``self``."""
        found: set[str] = set()
        for name in self._lineage(owner):
            node = self.source.classes[name]
            found |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute) and is_self(part.value)}
            if any(self._base_of(base) not in ("", *self.source.classes) for base in node.bases):
                found.add(ANYTHING)
        return frozenset(found)


def _how(function: Function) -> str:
    """What a function in a class is by its decorators; "" for one that may be anything."""
    how = "method"
    for decorator in function.node.decorator_list:
        said = DECORATORS.get(_last(decorator.func if isinstance(decorator, ast.Call) else decorator))
        if said is None:
            return ""
        how = said or how
    return how


def _is_accessor(function: Function) -> bool:
    return any(_last(decorator) in ACCESSORS for decorator in function.node.decorator_list)


def _name_of(base: ast.expr) -> str:
    return dotted_name(base.value if isinstance(base, ast.Subscript) else base)


def _last(node: ast.expr) -> str:
    return _name_of(node).rpartition(".")[2]
