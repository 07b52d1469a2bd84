"""What names of settings modules stand for besides values: modules, classes, functions, readers of the environment."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from flake8_djq.project.settings.state import Held, State
from flake8_djq.project.settings.values import Thing, Value
from flake8_djq.source import FunctionNode

__all__ = [
    "Arguments",
    "Class",
    "Env",
    "External",
    "Function",
    "Include",
    "Instance",
    "Logger",
    "OpenFile",
    "ProjectModule",
]


@dataclass(slots=True, eq=False)
class External(Thing):
    """Something of Python itself or of a library, by its dotted name: ``os.environ``. It may be anything."""

    is_true: ClassVar[bool] = False

    name: str


@dataclass(slots=True, eq=False)
class ProjectModule(Thing):
    """A module of the project, read to its end."""

    has_substitutes: ClassVar[bool] = False

    path: str
    state: State


@dataclass(slots=True, eq=False)
class Function(Thing):
    """A function of the project, with the names that its module had when it was asked for."""

    node: FunctionNode | ast.Lambda
    path: str
    state: State
    owner: Value | None = None

    @property
    def is_property(self) -> bool:
        """Whether an object of the class shows what it returns: `property`, `cached_property`, `classproperty`."""
        decorators = [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list
        return any("property" in ast.unparse(decorator) for decorator in decorators)


@dataclass(slots=True, eq=False)
class Class(Thing):
    """A class of the project with all names that it has or inherits; not ``complete`` where a base is unknown.

    ``inherited`` are those of its bases alone, ``origins`` the dotted names of its bases outside the project.
    """

    name: str
    names: dict[str, Held]
    inherited: dict[str, Held]
    complete: bool
    origins: frozenset[str]


@dataclass(slots=True, eq=False)
class Instance(Thing):
    """An object of a class of the project."""

    of: Class


@dataclass(slots=True, eq=False)
class Env(Thing):
    """A reader of environment variables: ``environ.Env()``, ``environs.Env()``, decouple's ``Config(...)``."""

    library: str
    defaults: dict[str, Value]
    casts: dict[str, Value]


@dataclass(slots=True, eq=False)
class Include(Thing):
    """What django-split-settings calls ``optional("local.py")``."""

    path: Value


@dataclass(slots=True, eq=False)
class Logger(Thing):
    """``logging.getLogger("django.db.backends")``."""

    name: str


@dataclass(slots=True, eq=False)
class OpenFile(Thing):
    """What ``open(path)`` gives."""

    path: Value


class Arguments(NamedTuple):
    """The values that a call is given; ``is_open`` where there are more that cannot be told (`**options`)."""

    positional: list[Value]
    named: dict[str, Value]
    is_open: bool

    def get(self, position: int, *names: str) -> Value | None:
        """One argument by its position or by one of its names; a position below 0 stands for none."""
        for name in names:
            if name in self.named:
                return self.named[name]
        return self.positional[position] if 0 <= position < len(self.positional) else None
