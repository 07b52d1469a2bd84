"""Reads the modules of a project that make up its settings, each once."""

from __future__ import annotations

import ast
import fnmatch
import os
from copy import copy
from pathlib import Path

from flake8_djq.patterns import Pattern
from flake8_djq.project.files import Files
from flake8_djq.project.roots import file_below
from flake8_djq.project.settings import calls
from flake8_djq.project.settings.binding import CODE
from flake8_djq.project.settings.expressions import Evaluator
from flake8_djq.project.settings.functions import result_of
from flake8_djq.project.settings.importing import through_later
from flake8_djq.project.settings.state import Doubt, Late, State, join_states
from flake8_djq.project.settings.statements import Runner
from flake8_djq.project.settings.things import Arguments, Class, External, Function, Instance, OpenFile, ProjectModule
from flake8_djq.project.settings.values import (
    ABSENT,
    Choice,
    Constant,
    Step,
    Unknown,
    Value,
    Way,
    choose,
)
from flake8_djq.project.settings.variables import PLATFORM

__all__ = ["Reader"]

MOST_MODULES = 80
DEEPEST_CALL = 8
# What one question about a module may cost: so much for a statement or an expression, and 1 for each part of a value
# that is looked at. The largest of the real settings in tests/ecosystem need less than a fifth of it.
STEP = 10
MOST_WORK = 500_000
# Modules for one machine: they may lie here and be missing there.
LOCAL = Pattern(r"(^|_)(local|locals|private|secrets?|overrides?|custom|customi[sz]ed|machine|personal|user|host)(_|$)")


class TooMuchWork(RecursionError):
    """A module that takes too long to follow. It is given up where one that is nested too deeply is."""


class Reader:
    """The settings modules of one project. It reads files; it never imports or runs them."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._modules: dict[str, ProjectModule] = {}
        self._running: list[str] = []
        self._depth = 0
        self._generators: dict[ast.FunctionDef, bool] = {}
        self._left = MOST_WORK

    def start(self) -> None:
        """Begin with another question."""
        self._left = MOST_WORK

    def work(self, parts: int = STEP) -> None:
        """Count one statement or expression, or the parts of a value that is to be worked on."""
        self._left -= parts
        if self._left < 0:
            raise TooMuchWork

    # -- modules --------------------------------------------------------------------------------------------------

    def read(self, path: str, tree: ast.Module | None = None) -> ProjectModule:
        """A module at the end of its run; one that is being run already, as far as it has come."""
        if path not in self._modules:
            state = State()
            self._modules[path] = ProjectModule(path, state)
            tree = tree if tree is not None else self.files.tree(Path(path))
            if tree is None or len(self._modules) > MOST_MODULES:
                state.may_bind(Doubt(self.files.name(path), certain=True))
            else:
                self._run(Runner(self, path, state), tree, path)
        return self._modules[path]

    def _run(self, runner: Runner, tree: ast.Module, path: str) -> None:
        self._running.append(path)
        try:
            runner.run(tree.body)
        except RecursionError:
            runner.state.may_bind(CODE)
        finally:
            self._running.pop()
        runner.state.doubts |= dict.fromkeys(runner.rebound, CODE)

    def is_running(self, path: str) -> bool:
        """Whether a module has not come to its end yet: it is imported in a circle."""
        return path in self._running

    def file(self, dotted: str, level: int, origin: str) -> Path | None:
        """The file of an imported module, inside the project."""
        return self.files.module(dotted, level, Path(origin))

    def module(self, dotted: str, level: int, origin: str) -> Value:
        """An imported module: of the project, or only its name."""
        path = self.file(dotted, level, origin)
        return self.read(str(path)) if path is not None else External("." * level + dotted)

    def submodule(self, package: str, name: str) -> Value | None:
        """A module of a package, named as an attribute of it."""
        path = file_below(Path(package).parent, [name])
        return self.read(str(path)) if path is not None else None

    def is_certain_import(self, node: ast.Import | ast.ImportFrom, origin: str) -> bool:
        """Whether an import cannot fail: its modules belong to the project and not to one machine."""
        level = node.level if isinstance(node, ast.ImportFrom) else 0
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        files = [self.file(name, level, origin) for name in names]
        return all(path is not None and not LOCAL.search(path.stem) for path in files)

    def modules_named(self, name: Value, origin: str, way: Way) -> Value:
        """``import_module(name)``; where only a part of the name is known, each module that fits it."""

        def found(one: Value) -> Value:
            if isinstance(one, Constant) and isinstance(one.value, str):
                level = len(one.value) - len(one.value.lstrip("."))
                module = self.module(one.value.lstrip("."), level, origin)
                return module if isinstance(module, ProjectModule) else Unknown(way=way)
            if isinstance(one, Unknown) and one.pattern.strip(".*"):
                package, _, last = one.pattern.strip(".").rpartition(".")
                level = len(one.pattern) - len(one.pattern.lstrip("."))
                path = self.file(package, level, origin)
                folder = path.parent if path is not None else Path(origin).parent
                files = self._matching(folder, f"{last}.py")
                options: list[Value] = [self.read(str(file)) for file in files if str(file) not in self._running]
                # Not `choose`: it would take the first of several modules.
                return Choice(tuple(options), way=way) if options else Unknown(way=way)
            return Unknown(way=way)

        if not isinstance(name, Choice):
            return found(name)
        default = found(name.default) if name.default is not None else None
        options = [found(option) for option in name.options]
        flat = [part for one in options for part in (one.options if isinstance(one, Choice) else (one,))]
        return Choice(tuple(flat), default, name.variables, way=way)

    def _matching(self, folder: Path, pattern: str) -> list[Path]:
        """Files of one folder whose names fit a pattern."""
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            return []
        fitting = [name for name in fnmatch.filter(names, pattern) if name != "__init__.py"]
        return [folder / name for name in fitting if (folder / name).is_file()]

    # -- files that run inside another ----------------------------------------------------------------------------

    def include(self, runner: Runner, path: Value, call: ast.Call, optional: bool) -> None:
        """Run the files that a path or a pattern names, with the names of the module that includes them."""
        if isinstance(path, Choice):
            runner.of_several(path, lambda one: self.include(runner, one, call, optional))
            return
        pattern = str(path.value) if isinstance(path, Constant) else path.pattern if isinstance(path, Unknown) else ""
        if not pattern.strip("*/"):
            runner.state.may_bind(Doubt(ast.unparse(call), certain=False))
            return
        full = Path(os.path.normpath(os.path.join(os.path.dirname(runner.path), pattern)))
        roots = self.files.roots
        inside = roots is not None and full.is_relative_to(roots.top)
        files = self._matching(full.parent, full.name) if inside else []
        if not files:
            shown = os.path.relpath(full, os.path.dirname(runner.path)) if inside else pattern
            runner.state.may_bind(Doubt(shown.replace(os.sep, "/"), certain=False))
        elif isinstance(path, Constant):
            for file in files:
                self._run_inside(runner, file, call, optional or LOCAL.search(file.stem) is not None)
        else:
            # One of them, whichever the variable names.
            options: list[Value] = [Constant(str(file)) for file in files]
            runner.of_several(Choice(tuple(options)), lambda one: self.include(runner, one, call, optional))

    def _run_inside(self, runner: Runner, file: Path, call: ast.Call, optional: bool) -> None:
        tree = self.files.tree(file)
        if tree is None or str(file) in self._running or len(self._running) > DEEPEST_CALL:
            runner.state.may_bind(Doubt(self.files.name(file), certain=True))
            return
        inner = Runner(self, str(file), runner.state.copy())
        self._run(inner, tree, str(file))
        done = inner.state
        step = Step(runner.path, call.lineno)
        for name in done.touched:
            if not name.startswith("$"):
                done.names[name] = through_later(done.names[name], step)
        runner.state.take(join_states(runner.state.copy(), done) if optional else done)

    def execute(self, runner: Runner, call: ast.Call) -> None:
        """``exec(open("local.py").read())``: read like an include where the file is plain to see."""
        for node in ast.walk(call):
            if isinstance(node, ast.Call | ast.Name):
                found = runner.value(node)
                if isinstance(found, OpenFile) and isinstance(found.path, Constant | Choice):
                    self.include(runner, found.path, call, optional=runner.depth > 0)
                    return
        runner.unreadable()

    # -- functions and classes ------------------------------------------------------------------------------------

    def calls(self, evaluator: Evaluator, node: ast.Call) -> Value:
        """What a call gives."""
        return calls.call(evaluator, node)

    def call(self, function: Function, arguments: Arguments) -> Value:
        """What a call of a function of the project gives."""
        if self._depth >= DEEPEST_CALL:
            return Unknown()
        self._depth += 1
        try:
            runner = Runner(self, function.path, State(dict(function.state.names)))
            return result_of(runner, function, arguments)
        finally:
            self._depth -= 1

    def is_generator(self, node: ast.FunctionDef) -> bool:
        """Whether a function yields."""
        if node not in self._generators:
            self._generators[node] = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node))
        return self._generators[node]

    def members(self, of: Class) -> State:
        """The settings that an object of a class has: its names in capitals, properties included."""
        state = State()
        evaluator = Evaluator(self, "", state)
        instance = Instance(of)
        for name in of.names:
            if name.isupper() and not name.startswith("_"):
                state.names[name] = Late(lambda name=name: evaluator.attribute(instance, name, ()))  # type: ignore[misc]
        if not of.complete:
            state.may_bind(Doubt(f"a base of {of.name}", certain=True))
        return state

    # -- the environment ------------------------------------------------------------------------------------------

    def variable(self, name: str, default: Value | None, state: State, way: Way) -> Value:
        """What reading an environment variable gives; ``default`` is what stands in where it is missing."""
        before = state.get(f"${name}") if name else None
        if before is not None and before is not ABSENT:
            moved = copy(before)
            moved.way = way
            return moved
        text = Unknown(name, way=way)
        if default is None:
            return text
        return choose((default, text), None if PLATFORM.match(name) else default, (name,) if name else (), way)

    def is_set(self, name: str, state: State, way: Way) -> Value:
        """``name in os.environ``."""
        if state.get(f"${name}") is not None:
            return Constant(True, way=way)
        default = None if PLATFORM.match(name) else Constant(False, way=way)
        return Choice((Constant(False, way=way), Constant(True, way=way)), default, (name,), way=way)
