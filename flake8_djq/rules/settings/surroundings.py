"""What stands around a statement: its function, its class, and the conditions under which it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from flake8_djq.patterns import Pattern
from flake8_djq.source import FunctionNode, Source

__all__ = ["Surroundings", "expressions"]

# What the test of an `if` mentions when somebody has to ask for the diagnosis that it guards.
REQUEST = Pattern(
    r"\b(options?|opts|args|kwargs|settings|environ|getenv|argv)\b|debug|profil|verbos|trac(e|ing)|sql|quer(y|ies)"
    r"|logging|log_|_log|measure|memory|bench",
    re.IGNORECASE,
)
# Words in the names of functions and classes that exist in order to diagnose.
DIAGNOSIS = frozenset(
    (
        *("profile", "profiled", "profiler", "profiling", "trace", "traced", "tracer", "tracing", "tracemalloc"),
        *("bench", "benchmark", "benchmarks", "measure", "measured", "monitor"),
    )
)

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """Every node of a statement's own expressions: no statements inside it, and no bodies of lambdas."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if node is not statement:
            yield node
        if not isinstance(node, ast.Lambda):
            pending.extend(
                child
                for child in ast.iter_child_nodes(node)
                if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
            )


def _words(name: str) -> set[str]:
    """The words of `snake_case` and `CamelCase`, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _is_negated(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _asks(test: ast.expr) -> bool:
    return bool(REQUEST.search(ast.unparse(test)))


class Surroundings:
    """The tree of a file's statements, seen from below."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parents: dict[ast.AST, tuple[ast.AST, str]] = {}
        pending: list[ast.AST] = [source.tree]
        while pending:
            node = pending.pop()
            for block in _BLOCKS:
                for child in getattr(node, block, ()):
                    self._parents[child] = (node, block)
                    pending.append(child)

    def function(self, statement: ast.AST) -> FunctionNode | None:
        """The function that a statement is part of."""
        for node, _, _ in self._outwards(statement):
            if isinstance(node, FunctionNode):
                return node
        return None

    def owner(self, statement: ast.AST) -> ast.ClassDef | None:
        """The nearest class around a statement."""
        for node, _, _ in self._outwards(statement):
            if isinstance(node, ast.ClassDef):
                return node
        return None

    def is_conditional(self, statement: ast.stmt) -> bool:
        """Whether a statement runs only on some condition, whatever it is."""
        return self._holds(statement, self._under_condition)

    def is_requested(self, statement: ast.stmt) -> bool:
        """Whether a statement runs only when an option, a setting or a flag asks for a diagnosis."""
        return self._holds(statement, self._under_request)

    def is_diagnosis(self, statement: ast.stmt) -> bool:
        """Whether a statement belongs to a function or class that is there for diagnosis, by its name."""
        return any(
            isinstance(node, ast.ClassDef | FunctionNode) and _words(node.name) & DIAGNOSIS
            for node, _, _ in self._outwards(statement)
        )

    def _outwards(self, node: ast.AST) -> Iterator[tuple[ast.AST, str, ast.AST]]:
        """Each parent of a node, with the block of it that leads to the node, and that block's own statement."""
        while node in self._parents:
            parent, block = self._parents[node]
            yield parent, block, node
            node = parent

    def _holds(self, statement: ast.stmt, condition: Callable[[ast.stmt], bool]) -> bool:
        """Whether a condition holds for a statement, or for every call of the function that it is part of."""
        if condition(statement):
            return True
        function = self.function(statement)
        calls = self._calls(function.name) if function else []
        return bool(calls) and all(condition(call) for call in calls)

    def _calls(self, name: str) -> list[ast.stmt]:
        """The statements of the file that call a function or method of this name."""
        return [
            statement
            for statement in self._source.statements
            for node in expressions(statement)
            if isinstance(node, ast.Call)
            and (
                (isinstance(node.func, ast.Name) and node.func.id == name)
                or (isinstance(node.func, ast.Attribute) and node.func.attr == name)
            )
        ]

    def _inside_function(self, statement: ast.stmt) -> Iterator[tuple[ast.AST, str, ast.AST]]:
        for step in self._outwards(statement):
            if isinstance(step[0], FunctionNode):
                yield step
                return
            yield step

    def _under_condition(self, statement: ast.stmt) -> bool:
        for parent, block, child in self._inside_function(statement):
            if isinstance(parent, ast.If) and not _is_main(parent.test):
                return True
            if isinstance(parent, ast.ExceptHandler | ast.match_case):
                return True
            if self._after_refusal(parent, block, child):
                return True
        return False

    def _under_request(self, statement: ast.stmt) -> bool:
        for parent, block, child in self._inside_function(statement):
            if isinstance(parent, ast.If) and _asks(parent.test) and _is_negated(parent.test) == (block == "orelse"):
                return True
            if self._after_refusal(parent, block, child):
                return True
        return False

    @staticmethod
    def _after_refusal(parent: ast.AST, block: str, child: ast.AST) -> bool:
        """Whether an earlier statement leaves the block unless asked: `if not options["profile"]: return`."""
        for sibling in getattr(parent, block):
            if sibling is child:
                return False
            if (
                isinstance(sibling, ast.If)
                and isinstance(sibling.body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)
                and _is_negated(sibling.test)
                and _asks(sibling.test)
            ):
                return True
        return False
