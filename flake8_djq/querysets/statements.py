"""How knowledge flows through the statements of one function: assignments, branches, loops, ``with``, ``try``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Sequence as Items
from typing import TYPE_CHECKING, Any

from flake8_djq.querysets.evaluations import How, Loop, Subject
from flake8_djq.querysets.expressions import Expressions
from flake8_djq.querysets.ordering import from_callers
from flake8_djq.querysets.state import State, meet
from flake8_djq.querysets.values import (
    NONE,
    PLAIN,
    UNKNOWN,
    InnerFunction,
    ListValue,
    Plain,
    Stream,
    Unknown,
    Value,
    join,
)
from flake8_djq.source import Function, dotted_name

if TYPE_CHECKING:
    from flake8_djq.querysets.module import Module

__all__ = ["FunctionReader"]

# Loops nested deeper than this are read once instead of twice: each level read twice doubles the work.
DEEPEST_REREAD = 3
ENDLESS = (ast.Constant,)


class FunctionReader(Expressions):
    """Reads one function body from its first statement to its last."""

    def __init__(self, module: Module, function: Function | None) -> None:
        super().__init__(module, function)
        self.returned: list[Value] = []
        # Whether it may end without a value, as in ``if rows: return rows``.
        self.may_give_none = False
        self.given: dict[str, Value] = {}
        self._leaving: list[tuple[list[State], list[State]]] = []

    def read(self, body: Items[ast.stmt], names: dict[str, Value]) -> None:
        """Read a body with its parameters bound."""
        self.given = names
        for name, value in names.items():
            self.state.bind(name, from_callers(value))
        self.block(body)
        self.may_give_none |= self.state.alive

    @property
    def subjects(self) -> list[Subject]:
        """Everything found, for the rules."""
        return [*self.evaluations.values(), *self.others.values()]

    def block(self, body: Items[ast.stmt]) -> None:
        for statement in body:
            if not self.state.alive:
                return
            handler = STATEMENTS.get(type(statement))
            if handler:
                handler(self, statement)
                self.state.tidy()

    # -- simple statements --------------------------------------------------------------------------------------------

    def _run_Expr(self, node: ast.Expr) -> None:
        value = node.value
        name = value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
        if name in ("bool", "len", "list") and isinstance(value, ast.Call) and value.args:
            # Nothing takes the result: the rows are loaded now on purpose.
            held = self.expr(value.args[0])
            if self.querysets(held):
                self.evaluate(How.LOOP, value.args[0], self.querysets(held), name).shared = True
            return
        self.expr(value)

    def _run_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if (
            len(node.targets) == 1
            and isinstance(target, ast.Tuple)
            and isinstance(node.value, ast.Tuple)
            and len(target.elts) == len(node.value.elts)
        ):
            # "a, b = x, y" binds name by name: nothing escapes into a tuple.
            for element, value in zip(target.elts, [self.expr(item) for item in node.value.elts], strict=True):
                self.bind(element, value)
            return
        value = self.expr(node.value)
        for target in node.targets:
            self.bind(target, value)

    def _run_AnnAssign(self, node: ast.AnnAssign) -> None:
        value = self.expr(node.value) if node.value is not None else UNKNOWN
        if isinstance(value, Unknown):
            value = self.module.annotated(node.annotation, dotted_name(node.target))
        self.bind(node.target, value)

    def _run_AugAssign(self, node: ast.AugAssign) -> None:
        value = self.expr(node.value)
        if isinstance(node.op, ast.BitOr | ast.BitAnd) and isinstance(node.target, ast.Name):
            combined = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            ast.copy_location(combined, node.value)
            ast.copy_location(combined.left, node.value)
            self.bind(node.target, self._read_BinOp(combined))
            return
        held = self.expr(_loaded(node.target))
        if isinstance(held, ListValue) and isinstance(node.op, ast.Add):
            self.consume(value, node.value, How.LOOP, "+=")
            grows = self.grows_with(value, node.value)
            if grows:
                self.state.growth[held] = grows
            else:
                self._grow(held, dotted_name(node.target))
            return
        self.escape(value, node.value)
        self.bind(node.target, PLAIN if PLAIN in (held, value) else UNKNOWN)

    def _run_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            value = self.expr(node.value)
            self.escape(value, node.value)
            self.returned.append(value)
        else:
            self.may_give_none = True
        self._depart()

    def _run_Raise(self, node: ast.Raise) -> None:
        if node.exc is not None:
            self.expr(node.exc)
        self._depart()

    def _run_Assert(self, node: ast.Assert) -> None:
        self.truth(node.test)
        if node.msg is not None:
            self.expr(node.msg)

    def _run_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.state.bind(target.id, UNKNOWN)
            elif isinstance(target, ast.Subscript):
                held = self.expr(target.value)
                if isinstance(held, ListValue):
                    self.state.growth.pop(held, None)

    def _depart(self) -> None:
        """What follows is not reached on this path."""
        self.departures.append(self.path)
        self.left_early = True
        self.state.alive = False

    def _run_Break(self, node: ast.Break) -> None:
        if self._leaving:
            self._leaving[-1][0].append(self.state.copy())
        self._depart()

    def _run_Continue(self, node: ast.Continue) -> None:
        if self._leaving:
            self._leaving[-1][1].append(self.state.copy())
        self._depart()

    def _run_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = (alias.asname or alias.name).partition(".")[0]
            self.state.bind(name, self.module.name(name))

    _run_ImportFrom = _run_Import

    # -- branches -----------------------------------------------------------------------------------------------------

    def _run_If(self, node: ast.If) -> None:
        self.truth(node.test)
        true, false = self.outcomes
        with self.branch(node):
            self.state = true.copy()
            self._narrow(node.test, sense=True)
            self.block(node.body)
            after, self.state = self.state, false.copy()
            self._narrow(node.test, sense=False)
            self.block(node.orelse)
        self.state = meet((after, self.state))

    def _narrow(self, test: ast.expr, sense: bool) -> None:
        """What ``if qs is None`` and ``if isinstance(qs, QuerySet)`` tell about a name on one of their branches."""
        if sense and isinstance(test, ast.Call) and dotted_name(test.func) == "isinstance" and len(test.args) == 2:
            name, of = test.args
            if isinstance(name, ast.Name) and isinstance(self.value_of(name), Unknown):
                self.state.names[name.id] = self.module.annotated(of, name.id)
            return
        if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.left, ast.Name):
            return
        operator, other = test.ops[0], test.comparators[0]
        if not (isinstance(other, ast.Constant) and other.value is None):
            return
        value = self.state.names.get(test.left.id)
        if value is None or not isinstance(operator, ast.Is | ast.IsNot):
            return
        is_none = isinstance(operator, ast.Is) is sense
        options = getattr(value, "options", (value,))
        if is_none:
            self.state.names[test.left.id] = NONE
        elif NONE in options and len(options) > 1:
            self.state.names[test.left.id] = join(option for option in options if option != NONE)

    def _run_Match(self, node: ast.Match) -> None:
        self.escape(self.expr(node.subject), node.subject)
        before = self.state.copy()
        ends = [before]
        with self.branch(node):
            for case in node.cases:
                self.state = before.copy()
                for pattern in ast.walk(case.pattern):
                    name = getattr(pattern, "name", None) or getattr(pattern, "rest", None)
                    if isinstance(name, str):
                        self.state.bind(name, UNKNOWN)
                if case.guard is not None:
                    self.truth(case.guard)
                self.block(case.body)
                ends.append(self.state)
        self.state = meet(ends)

    def _run_Try(self, node: ast.Try) -> None:
        before = self.state.copy()
        with self.branch(node):
            # The body runs each time, but what it does must stay where its handlers are.
            self.block(node.body)
            done = self.state
            ends = []
            if done.alive:
                self.block(node.orelse)
                ends.append(self.state)
            interrupted = done.copy()
            interrupted.alive = True
            for handler in node.handlers:
                self.state = meet((before.copy(), interrupted.copy()))
                if handler.name:
                    self.state.bind(handler.name, UNKNOWN)
                self.block(handler.body)
                ends.append(self.state)
        self.state = meet(ends)
        if node.finalbody:
            alive = self.state.alive
            if not alive:
                self.state = meet((before, interrupted))
            self.block(node.finalbody)
            self.state.alive = self.state.alive and alive

    _run_TryStar = _run_Try

    def _run_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.expr(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value if isinstance(value, Plain | Stream) else UNKNOWN)
        self.block(node.body)

    _run_AsyncWith = _run_With

    # -- loops --------------------------------------------------------------------------------------------------------

    def _run_For(self, node: ast.For | ast.AsyncFor) -> None:
        value = self.expr(node.iter)
        by = "async for" if isinstance(node, ast.AsyncFor) else "for"
        self.consumed = []
        item = self.consume(value, node.iter, How.LOOP, by)
        if isinstance(value, Unknown):
            self.escape(value, node.iter)
        loop = Loop(node, value, (*self.path, node))
        self._feed(loop)
        self._loop(loop, node, item)

    _run_AsyncFor = _run_For

    def _run_While(self, node: ast.While) -> None:
        self._loop(Loop(node, UNKNOWN, (*self.path, node)), node, None)

    def _loop(self, loop: Loop, node: ast.For | ast.AsyncFor | ast.While, item: Value | None) -> None:
        """Read a body twice: the second time with what the first turn leaves for the next."""
        rounds = 2 if len(self.loops) < DEEPEST_REREAD else 1
        outer = self.loops
        self.loops = (*outer, loop)
        entry = self.state
        breaks: list[State] = []
        left_early = self.left_early
        with self.branch(node):
            for _ in range(rounds):
                self._leaving.append(([], []))
                self.left_early = False
                self.state = entry.copy()
                if isinstance(node, ast.While):
                    self.truth(node.test)
                    tested = self.state.copy()
                else:
                    tested = entry.copy()
                    self.bind(node.target, item if item is not None else UNKNOWN)
                self.block(node.body)
                breaks, continues = self._leaving.pop()
                end = meet([self.state, *continues])
                if not end.alive:
                    break
                before, entry = entry, meet((entry, end))
                if not entry.differs(before):
                    break
        self.loops, self.left_early = outer, left_early
        endless = isinstance(node, ast.While) and isinstance(node.test, ENDLESS)
        after = meet((tested, end)) if end.alive else tested
        if endless:
            after.alive = False
        self.state = after
        if after.alive:
            self.block(node.orelse)
        self.state = meet([self.state, *breaks])

    # -- functions inside the function --------------------------------------------------------------------------------

    def _run_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Read the body where it is defined: with what the outer names hold there."""
        outer, loops, leaving, returned, generator, may_give_none = (
            self.state,
            self.loops,
            self._leaving,
            self.returned,
            self.is_generator,
            self.may_give_none,
        )
        self._capture(node, outer)
        self.state, self.loops, self._leaving, self.returned = outer.copy(), (), [], []
        self.is_generator = False
        with self.branch(node):
            for name, value in self.module.parameters(node).items():
                self.state.bind(name, value)
            self.block(node.body)
            if self.state.alive and self.returned:
                self.returned.append(NONE)
        gives = UNKNOWN if self.is_generator or not self.returned else join(self.returned)
        self.state, self.loops, self._leaving, self.returned = outer, loops, leaving, returned
        self.is_generator, self.may_give_none = generator, may_give_none
        self.state.bind(node.name, InnerFunction(gives))

    _run_AsyncFunctionDef = _run_FunctionDef

    def _run_ClassDef(self, node: ast.ClassDef) -> None:
        self.state.bind(node.name, self.module.name(node.name))


def _loaded(target: ast.expr) -> ast.expr:
    """The target of an augmented assignment, as the expression that reads it."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return target


STATEMENTS: dict[type[ast.AST], Callable[[FunctionReader, Any], None]] = {
    getattr(ast, name.removeprefix("_run_")): method
    for name, method in vars(FunctionReader).items()
    if name.startswith("_run_") and hasattr(ast, name.removeprefix("_run_"))  # Python 3.10 has no TryStar
}
