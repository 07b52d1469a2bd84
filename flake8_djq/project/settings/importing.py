"""Binds what imports, classes and functions of a settings module bring in."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from flake8_djq.project.settings.binding import Binder
from flake8_djq.project.settings.state import LEVELS, Doubt, Held, Late, State, force
from flake8_djq.project.settings.things import Class, External, Function, Instance, ProjectModule
from flake8_djq.project.settings.values import ABSENT, Constant, Listing, Step, Unknown, Value, through

if TYPE_CHECKING:
    from flake8_djq.project.settings.modules import Reader

__all__ = ["Importer", "through_later"]

# Settings whose doubts go along with an import of them by name.
WATCHED = frozenset(("DEBUG", "DATABASES", "INSTALLED_APPS", "MIDDLEWARE", "LOGGING"))


class Importer(Binder):
    """A binder that also imports and defines; ``rebound`` are names that functions bind, whenever they are called."""

    def __init__(self, reader: Reader, path: str, state: State) -> None:
        super().__init__(reader, path, state)
        self.rebound: set[str] = set()

    def import_(self, node: ast.Import) -> None:
        """``import base``."""
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self.state.bind(alias.asname or top, self._module_later(alias.name if alias.asname else top, 0))

    def _module_later(self, dotted: str, level: int) -> Held:
        """A module, read when something of it is asked for: most imports of a settings module are of no interest."""
        return Late(lambda: self.reader.module(dotted, level, self.path))

    def import_from(self, node: ast.ImportFrom) -> None:
        """``from .base import *``, ``from .base import DEBUG``."""
        dotted = node.module or ""
        step = Step(self.path, node.lineno)
        for alias in node.names:
            if alias.name == "*":
                self.star(dotted, node.level, step)
                continue
            bound = alias.asname or alias.name
            self.state.bind(bound, self._imported_later(alias.name, dotted, node.level, step))
            if alias.name in WATCHED:
                module = self.reader.module(dotted, node.level, self.path)
                doubt = module.state.doubts.get(alias.name) if isinstance(module, ProjectModule) else None
                if doubt is not None:
                    self.state.doubts[bound] = doubt

    def _imported_later(self, name: str, dotted: str, level: int, step: Step) -> Late:
        def bring() -> Value:
            below = f"{dotted}.{name}".lstrip(".")
            if self.reader.file(dotted, level, self.path) is None:
                # A folder without `__init__.py`, or something outside the project.
                found = self.reader.module(below, level, self.path)
                return Unknown(way=(step,)) if level and isinstance(found, External) else found
            module = self.reader.module(dotted, level, self.path)
            if isinstance(module, ProjectModule) and name not in module.state.names:
                found = self.reader.module(below, level, self.path)
                if isinstance(found, ProjectModule):
                    return found
            return through(self.attribute(module, name, ()), step)

        return Late(bring)

    def star(self, dotted: str, level: int, step: Step) -> None:
        """``from .base import *``."""
        module = self.reader.module(dotted, level, self.path)
        if isinstance(module, ProjectModule):
            self.bring(module.state, step)
            if self.reader.is_running(module.path):
                # A circle: what it has bound by now depends on who was imported first.
                self.state.may_bind(Doubt("." * level + dotted, certain=False))
        elif dotted == "django.conf.global_settings":
            self.state.bind("DEBUG", Constant(False, way=(step,)))
        else:
            self.state.may_bind(Doubt("." * level + dotted, certain=False))

    def bring(self, other: State, step: Step) -> None:
        """Bind every name of another module, as `import *` does."""
        listed = other.get("__all__") if "__all__" in other.names else None
        public: set[str] | None = None
        if isinstance(listed, Listing) and listed.complete:
            public = {item.value.value for item in listed.items if isinstance(item.value, Constant)}
        for name, held in list(other.names.items()):
            if held is ABSENT:
                continue
            if name.startswith(("$", LEVELS)):
                self.state.bind(name, held)
            elif name in public if public is not None else not name.startswith("_"):
                self.state.bind(name, through_later(held, step))
                if name in other.doubts:
                    self.state.doubts[name] = other.doubts[name]
        if other.doubt is not None:
            self.state.doubt = other.doubt
            for name in self.state.names:
                if name not in other.names:
                    self.state.doubts.setdefault(name, other.doubt)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """``def name(): ...``."""
        for statement in node.body:
            if isinstance(statement, ast.Global):
                self.rebound.update(statement.names)
        self.state.bind(node.name, Function(node, self.path, self.state, way=self.way(node)))

    def define(self, node: ast.ClassDef, body: State) -> Class:
        """The class that a body, which has been run, makes with its bases."""
        step = Step(self.path, node.lineno)
        inherited: dict[str, Held] = {}
        complete = True
        origins: set[str] = set()
        for base in reversed(node.bases):
            found = self.value(base)
            if isinstance(found, Class):
                below = dict(inherited)
                for name, held in found.names.items():
                    inherited[name] = through_later(held, step)
                    self._let_super_find(inherited, name, held, {**below, **found.inherited})
                complete = complete and found.complete
                origins |= found.origins
            elif isinstance(found, External):
                origins.add(found.name)
            else:
                complete = False
        own = {name: body.names[name] for name in body.touched}
        way = self.way(node)
        names = {**inherited, **own}
        defined = Class(node.name, names, inherited, complete, frozenset(origins), way=way)
        for name, held in own.items():
            self._let_super_find(names, name, held, inherited, defined)
        return defined

    def _let_super_find(
        self, names: dict[str, Held], name: str, held: Held, inherited: dict[str, Held], defined: Class | None = None
    ) -> None:
        """Give a method the names that its `super()` has: those of the bases that come after its class."""
        if isinstance(held, Function) and inherited:
            state = held.state.copy()
            state.bind("super()", Instance(Class("super()", inherited, {}, True, frozenset())))
            if defined is not None:
                state.bind(defined.name, defined)
            names[name] = Function(held.node, held.path, state, way=held.way)


def through_later(held: Held, step: Step) -> Late:
    """A value as a module sees it that imports it on this line."""
    return Late(lambda: through(force(held), step))
