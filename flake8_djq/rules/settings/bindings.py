"""What a name of a settings module is bound to once the module has been read to its end.

Only code that runs when the module is imported counts: the module's own statements, also those inside `if`, `try`,
`with` and loops, and nothing inside functions and classes.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum

from flake8_djq.source import Source

__all__ = ["Assignment", "Bindings"]

Assignment = ast.Assign | ast.AnnAssign


class _Other(Enum):
    """What can stand behind a name besides an assignment that can be read."""

    NOTHING = "not bound yet"
    HIDDEN = "bound in a way that cannot be read: an import, a loop, a function"
    MAYBE = "perhaps bound by code elsewhere: import *, exec, globals()"


_Binding = Assignment | _Other
_State = frozenset[_Binding]

# Calls through which other code can bind names of this module.
OPEN_CALLS = frozenset(("globals", "locals", "vars", "exec", "execfile", "include", "optional", "setattr"))


class Bindings:
    """The assignments of one name, and which of them may hold at the end of the module."""

    def __init__(self, source: Source, name: str) -> None:
        self._name = name
        #: Every assignment of the name, whether it still holds at the end or not.
        self.assignments: list[Assignment] = []
        self._superseded: set[_Binding] = set()
        # Most statements have nothing to do with the name; to walk through all of them would cost more than the rest.
        words = [word for word in (name, *OPEN_CALLS) if word in source.text]
        self._lines = [line for line, text in enumerate(source.lines, 1) if any(word in text for word in words)]
        self._end = self._block(source.tree.body, frozenset((_Other.NOTHING,)))
        if any(isinstance(node, ast.Global) and name in node.names for node in source.statements):
            self._end |= {_Other.HIDDEN}

    @property
    def effective(self) -> Assignment | None:
        """The one assignment that is certain to hold at the end of the module."""
        return self._only(self._end)

    @property
    def effective_here(self) -> Assignment | None:
        """The same, as far as this module's own text decides: what a later `import *` may bring is left aside."""
        return self._only(self._end - {_Other.MAYBE})

    @property
    def is_unbound(self) -> bool:
        """Whether nothing in this module's own text binds the name."""
        return not self._end - {_Other.NOTHING, _Other.MAYBE}

    @property
    def lasting(self) -> list[Assignment]:
        """The assignments that hold at the end on some path and that no later one replaces on another."""
        return [node for node in self.assignments if node in self._end and node not in self._superseded]

    @staticmethod
    def _only(state: _State) -> Assignment | None:
        if len(state) != 1:
            return None
        (binding,) = state
        return None if isinstance(binding, _Other) else binding

    def _block(self, statements: Sequence[ast.stmt], state: _State) -> _State:
        for statement in statements:
            state = self._statement(statement, state)
        return state

    def _statement(self, node: ast.stmt, state: _State) -> _State:
        match node:
            case ast.If():
                state = self._effects(node.test, state)
                return self._block(node.body, state) | self._block(node.orelse, state)
            case ast.For() | ast.AsyncFor() | ast.While():
                if not isinstance(node, ast.While) and self._binds(node.target):
                    state |= self._bind(_Other.HIDDEN, state)
                return self._block(node.orelse, state | self._block(node.body, state))
            case ast.With() | ast.AsyncWith():
                if any(item.optional_vars is not None and self._binds(item.optional_vars) for item in node.items):
                    state = self._bind(_Other.HIDDEN, state)
                return self._block(node.body, state)
            case ast.Match():
                return state.union(*(self._block(case.body, state) for case in node.cases))
            case ast.Raise():
                return frozenset()
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._bind(_Other.HIDDEN, state) if node.name == self._name else state
            case ast.Import() | ast.ImportFrom():
                return self._import(node, state)
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self._try(node, state)
        return self._simple(node, state)

    def _try(self, node: ast.stmt, state: _State) -> _State:
        # `try` and `try ... except*` (Python 3.11) have the same fields and no common class.
        body, handlers, orelse, final = (getattr(node, name) for name in ("body", "handlers", "orelse", "finalbody"))
        known = len(self.assignments)
        done = self._block(body, state)
        broken = state | done | frozenset(self.assignments[known:])
        done = self._block(orelse, done)
        return self._block(final, done.union(*(self._block(handler.body, broken) for handler in handlers)))

    def _import(self, node: ast.Import | ast.ImportFrom, state: _State) -> _State:
        for alias in node.names:
            if alias.name == "*":
                state |= {_Other.MAYBE}
            elif (alias.asname or alias.name.partition(".")[0]) == self._name:
                state = self._bind(_Other.HIDDEN, state)
        return state

    def _simple(self, node: ast.stmt, state: _State) -> _State:
        if isinstance(node, ast.Assign) and any(self._is_name(target) for target in node.targets):
            return self._bind(node, state)
        if isinstance(node, ast.AnnAssign) and self._is_name(node.target):
            return state if node.value is None else self._bind(node, state)
        return self._effects(node, state)

    def _effects(self, node: ast.stmt | ast.expr, state: _State) -> _State:
        """The state after whatever else an expression or statement does to the name."""
        found = bisect_left(self._lines, node.lineno)
        if found == len(self._lines) or self._lines[found] > (node.end_lineno or node.lineno):
            return state
        for child in ast.walk(node):
            if self._is_name(child) and not isinstance(child.ctx, ast.Load):  # type: ignore[attr-defined]
                state = self._bind(_Other.HIDDEN, state)
            elif isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in OPEN_CALLS:
                state |= {_Other.MAYBE}
        return state

    def _bind(self, binding: _Binding, state: _State) -> _State:
        if not isinstance(binding, _Other):
            self.assignments.append(binding)
        self._superseded |= state
        return frozenset((binding,))

    def _is_name(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self._name

    def _binds(self, target: ast.expr) -> bool:
        return any(self._is_name(node) for node in ast.walk(target))
