"""The project around the files that are linted: what one file wants to know of the others.

Nothing is read before it is asked for. An answer is kept on disk with the state of every file that it was made from,
and counts as long as these have not changed.
"""

from __future__ import annotations

import ast
import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from flake8_djq import __version__
from flake8_djq.options import Options
from flake8_djq.project.overview import Overview
from flake8_djq.project.roots import Roots, find_roots
from flake8_djq.project.store import Store, fingerprint
from flake8_djq.querysets.declarations import ImportedModel
from flake8_djq.querysets.exchange import from_json
from flake8_djq.querysets.module import Module
from flake8_djq.querysets.services import Member
from flake8_djq.querysets.values import UNKNOWN, QuerySet, Value
from flake8_djq.source import Source

__all__ = ["Project", "open_project"]

# How far an answer may lead from file to file: re-exports, bases, functions that call functions.
DEEPEST = 6
Stamp = tuple[int, ...]
# What the names of modules that are not there begin with, among the files that an answer was made from.
ABSENT = "?"
# Among the files that an answer was made from: the relations of a model, which files together declare.
RELATIONS_OF = "relations of "


def open_project(path: str, options: Options) -> Project | None:
    """The project around a file; None where there is none around it, or where the options want none."""
    if not options.index:
        return None
    roots = _roots_of(os.path.dirname(os.path.abspath(path)), path)
    return _open(roots, options) if roots is not None else None


_found: dict[str, Roots | None] = {}


def _roots_of(folder: str, path: str) -> Roots | None:
    """The project around a file; asked once for each folder."""
    if folder not in _found:
        _found[folder] = find_roots(path)
    return _found[folder]


_opened: dict[tuple[Path, Options], Project] = {}


def _open(roots: Roots, options: Options) -> Project:
    """One project for each root: what was asked for one file is known for the next."""
    matter = Options(
        small_models=options.small_models, batch_paths=options.batch_paths, batch_settings=options.batch_settings
    )
    if (roots.root, matter) not in _opened:
        made_with = f"{__version__} {_age_of_code()} {sorted(matter.small_models)}"
        version = fingerprint(made_with)
        _opened[roots.root, matter] = Project(roots, matter, Store(roots.root, version))
    return _opened[roots.root, matter]


def _age_of_code() -> int:
    """When the code that makes the answers was last changed: they count for no other."""
    here = Path(__file__).parent
    folders = (here, here / "settings", here.parent / "querysets", here.parent)
    return max(
        entry.stat().st_mtime_ns for folder in folders for entry in os.scandir(folder) if entry.name.endswith(".py")
    )


class Project:
    """One project, as one linted file asks about it. It never imports or runs what it reads."""

    def __init__(self, roots: Roots, options: Options, store: Store) -> None:
        self._roots = roots
        self._options = options
        self._store = store
        self._answers: dict[str, Any] = {}
        self._modules: dict[str, Module | None] = {}
        self._stamps: dict[str, Stamp | None] = {}
        self._used: list[dict[str, Stamp | None]] = []
        # By module: what one answer has made it read, the next one finds read.
        self._used_by: dict[str, dict[str, Stamp | None]] = {}

    @cached_property
    def overview(self) -> Overview:
        """What a look at all files tells."""
        return Overview(self._roots, self._store, self._options)

    def way_to(self, path: str, function: str) -> str:
        """How batch work of other files reaches a function of a file; "" where it does not."""
        return self.overview.way_to(f"{self._roots.module_of(Path(path))}.{function}")

    def is_relation(self, name: str) -> bool:
        """Whether some model's rows have many others under this name."""
        if name in self.overview.relations:
            return True
        return name.endswith("_set") and any(name in relations for relations in self.overview.models.values())

    def relation(self, model: str, name: str) -> tuple[str, str] | None:
        """What the rows of a model have under a name, and of which model: see ``RelationTable``; None for no relation.

        ``model`` is an absolute name, and so is that of the other model, which is "" where it is not known.
        """
        if self._used:
            # No file says alone what points at a model: the answer counts as long as these relations stay.
            self._note({RELATIONS_OF + model: self._stamp(RELATIONS_OF + model)})
        found = self.overview.models.get(model, {}).get(name)
        return (found[0], found[1]) if found and found[0] else None

    def has_heirs(self, name: str) -> bool:
        """Whether other classes of the project are made from one of this name."""
        return name in self.overview.bases

    @property
    def user_model(self) -> str:
        """The absolute name of the model that ``settings.AUTH_USER_MODEL`` names; "" where nobody can tell."""
        return self.overview.user_model

    def module_of(self, path: str) -> str:
        """The absolute name of a file's module."""
        return self._roots.module_of(Path(path))

    def absolute(self, path: str, resolved: str) -> str:
        """The absolute name of what a file imports: in ``shop/tasks.py`` ``.models.Book`` is ``shop.models.Book``."""
        level = len(resolved) - len(resolved.lstrip("."))
        if not level:
            return resolved
        package = self._roots.module_of(Path(path)).split(".")
        if os.path.basename(path) != "__init__.py":
            package = package[:-1]
        if level - 1:
            package = package[: -(level - 1)]
        return ".".join([*package, resolved.lstrip(".")])

    def may_give(self, dotted: str) -> bool:
        """Whether a name may stand for a queryset, or a module has names that do."""
        if self._roots.file_of(dotted) is not None:
            return bool(self._ask(dotted, "gives:"))
        module, _, name = self.origin(dotted).rpartition(".")
        return name in (self._ask(module, "gives:") or ())

    def value(self, dotted: str) -> tuple[str, Any]:
        """What an imported name is: ("class", kind), ("function", dotted name), ("value", a value) or ("", None)."""
        for _ in range(DEEPEST):
            module, _, name = dotted.rpartition(".")
            found = self._ask(module, f"name:{name}")
            if not found:
                return "", None
            kind, content = found
            if kind != "import":
                return kind, dotted if kind == "function" else content
            dotted = self._absolute_in(module, content)
        return "", None

    def origin(self, dotted: str) -> str:
        """Where a name is defined, re-exports followed to their end: the one absolute name of a class or function."""
        for _ in range(DEEPEST):
            module, _, name = dotted.rpartition(".")
            found = self._ask(module, f"name:{name}")
            if not found or found[0] != "import":
                return dotted
            dotted = self._absolute_in(module, found[1])
        return dotted

    def model(self, dotted: str) -> ImportedModel | None:
        """The declaration of a model, with what it inherits from models of other files."""
        module, _, name = self.origin(dotted).rpartition(".")
        data = self._ask(module, f"model:{name}")
        if not data:
            return None
        starts: dict[str, QuerySet | None] = {}
        for manager, start in data["starts"].items():
            value = from_json(start) if start else None
            starts[manager] = value if isinstance(value, QuerySet) else None
        return ImportedModel(module, data, starts)

    def declaring(self, dotted: str) -> tuple[Module, str] | None:
        """The file that defines a name, and the name there; None where the project has no such file."""
        module, _, name = self.origin(dotted).rpartition(".")
        path = self._roots.file_of(module) if module else None
        if path is None:
            return None
        self._note({str(path): self._stamp(str(path)), **self._used_by.get(module, {})})
        read = self._module(module, path)
        return (read, name) if read is not None else None

    def call(self, dotted: str) -> Value:
        """What a call of a function gives."""
        module, _, name = dotted.rpartition(".")
        return self._value(module, f"call:{name}") or UNKNOWN

    def given_members(self, dotted: str) -> frozenset[str]:
        """The names of the methods and properties of a class that may give querysets."""
        module, _, owner = self.origin(dotted).rpartition(".")
        return frozenset(self._ask(module, f"members:{owner}") or ())

    def member(self, dotted: str, name: str) -> Member | None:
        """What a method or a property of a class that is no model gives; None where the class has no such."""
        module, _, owner = self.origin(dotted).rpartition(".")
        data = self._ask(module, f"member:{owner}.{name}")
        return Member(data[0], from_json(data[1]), frozenset(data[2])) if data else None

    def method(self, dotted: str, name: str) -> Value | None:
        """What a method of a class gives; None where the class has no such method."""
        module, _, owner = self.origin(dotted).rpartition(".")
        return self._value(module, f"method:{owner}.{name}")

    def query_method(self, model: ImportedModel, name: str) -> Value | None:
        """What a method of a model's managers and their querysets gives; None where they have no such method."""
        return self._value(model.module, f"query:{model.name}.{name}")

    def row_attribute(self, model: ImportedModel, name: str) -> Value | None:
        """What a property of a model gives; None where it has no such property."""
        return self._value(model.module, f"row:{model.name}.{name}")

    def _value(self, module: str, question: str) -> Value | None:
        data = self._ask(module, question)
        return from_json(data) if data else None

    def _absolute_in(self, module: str, resolved: str) -> str:
        path = self._roots.file_of(module)
        return self.absolute(str(path), resolved) if path is not None else resolved

    # -- asking ---------------------------------------------------------------------------------------------------

    def _ask(self, module: str, question: str) -> Any:
        path = self._roots.file_of(module) if module else None
        if path is None:
            self._note_absence(module)
            return None
        key = f"{path}|{question}"
        if key not in self._answers:
            self._answers[key] = None  # files that ask each other in a circle
            kept = self._store.read(key)
            if kept is not None and all(self._stamp(name) == tuple(stamp) for name, stamp in kept[0].items()):
                self._answers[key] = kept[1]
                with self._uses(module):
                    self._note(kept[0])
            else:
                with self._uses(module) as used:
                    self._answers[key] = self._read_answer(module, path, question)
                if None not in used.values():
                    self._store.write(key, [used, self._answers[key]])
        else:
            self._note(self._used_by.get(module, {}))
        return self._answers[key]

    def _read_answer(self, module: str, path: Path, question: str) -> Any:
        self._note({str(path): self._stamp(str(path))})
        if len(self._used) > DEEPEST:
            return None
        if question.startswith("name:") and path.name == "__init__.py":
            self._note_absence(f"{module}.{question.removeprefix('name:')}")
        # A run that finds its answers ready needs none of what makes them.
        from flake8_djq.project.answers import answer

        read = self._module(module, path)
        try:
            return answer(read, question) if read is not None else None
        except RecursionError:
            return None

    def _module(self, name: str, path: Path) -> Module | None:
        if name not in self._modules:
            from flake8_djq.fixes.files import NotWritten, read_file

            self._modules[name] = None
            try:
                text = read_file(path).text
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    tree = ast.parse(text)
            except (NotWritten, SyntaxError, ValueError, RecursionError, MemoryError):
                return None
            self._modules[name] = Module(Source(str(path), text, tree), self._options, self)
        return self._modules[name]

    @contextmanager
    def _uses(self, module: str) -> Iterator[dict[str, Stamp | None]]:
        """Gather the files that an answer of a module is made from; those of an answer within it count for both."""
        used = self._used_by.setdefault(module, {})
        self._used.append(used)
        try:
            yield used
        finally:
            self._used.pop()
            self._note(used)

    def _note(self, used: dict[str, Any]) -> None:
        if self._used:
            self._used[-1].update({name: tuple(stamp) if stamp else None for name, stamp in used.items()})

    def _note_absence(self, module: str) -> None:
        """That there is no such module counts too, until there is one; a whole package that is missing counts once."""
        top = module.partition(".")[0]
        name = ABSENT + (module if top in self._tops else top)
        if top:
            self._note({name: self._stamp(name)})

    @cached_property
    def _tops(self) -> frozenset[str]:
        """What stands in the folders that dotted names start from."""
        found: set[str] = set()
        for folder in self._roots.sources:
            with suppress(OSError):
                found.update(name.partition(".")[0] for name in os.listdir(folder))
        return frozenset(found)

    def _stamp(self, name: str) -> Stamp | None:
        if name not in self._stamps:
            if name.startswith(ABSENT):
                module = name.removeprefix(ABSENT)
                self._stamps[name] = (module in self._tops, self._roots.file_of(module) is not None)
                return self._stamps[name]
            if name.startswith(RELATIONS_OF):
                relations = self.overview.models.get(name.removeprefix(RELATIONS_OF), {})
                self._stamps[name] = (zlib.crc32(repr(sorted(relations.items())).encode()),)
                return self._stamps[name]
            try:
                status = os.stat(name)
                # A tool may set back the time of a change, but not that of the entry itself.
                self._stamps[name] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
            except OSError:
                self._stamps[name] = None
        return self._stamps[name]
