"""One file as the linter sees it: its text, its syntax tree, and what its imports bind."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

__all__ = ["Function", "FunctionNode", "Source", "dotted_name", "last_name"]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def dotted_name(node: ast.AST) -> str:
    """Spell out ``a.b.c`` as written, or return "" for anything that is not a plain chain of names."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def last_name(node: ast.AST) -> str:
    """The last part of a name, whatever stands before it: ``c`` of ``a().b.c``; "" for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


class Function(NamedTuple):
    """A function or method that is not inside another function."""

    node: FunctionNode
    owner: ast.ClassDef | None

    @property
    def name(self) -> str:
        """``total`` or ``Order.total``."""
        return f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name

    @property
    def first_line(self) -> int:
        """The line of the first decorator, or of the ``def``."""
        return min([self.node.lineno, *(decorator.lineno for decorator in self.node.decorator_list)])

    @property
    def last_line(self) -> int:
        return self.node.end_lineno or self.node.lineno


# Where statements hold statements.
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def _in_name(character: str) -> bool:
    return character.isalnum() or character == "_"


class Source:
    """The text and the tree of one file.

    flake8 has parsed the file already, for its own checks, and hands the tree on: reading it costs nothing, while a
    second parse of the same text by another parser would cost more than flake8's whole work on the file.
    """

    def __init__(self, path: str, text: str, tree: ast.Module) -> None:
        self.path = path.replace("\\", "/")
        self.text = text
        self.tree = tree

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text without their ends, as Python's own parser counts them."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def _line_ends(self) -> list[int]:
        return list(accumulate(len(line) + 1 for line in self.lines))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node of the tree: for edits, which look at what stands around them."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def normal_text(self) -> str:
        """The text with every line end as one ``\\n``: what offsets count in."""
        return "\n".join(self.lines)

    def offset(self, line: int | None, column: int | None) -> int:
        """The offset in characters of a place of the tree: a line from 1 and a column in bytes of UTF-8."""
        index = (line or 1) - 1
        text = self.lines[index]
        start = self._line_ends[index] - len(text) - 1
        return start + (column or 0 if text.isascii() else len(text.encode()[:column].decode(errors="replace")))

    def text_of(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node, without parentheses around it."""
        start, end = self.span(node)
        return self.normal_text[start:end]

    def line_of(self, offset: int) -> int:
        """The line that an offset stands on, from 1."""
        return bisect_right(self._line_ends, offset) + 1

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node starts and ends in ``normal_text``; parentheses around it are not part of it."""
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def lines_with(self, words: Iterable[str], whole: bool = False) -> set[int]:
        """The lines that hold any of the words; with ``whole`` only as whole names. Fast: no pattern is matched."""
        text, found = self.normal_text, set()
        for word in words:
            start = text.find(word)
            while start >= 0:
                end = start + len(word)
                if not whole or not (_in_name(text[start - 1 : start]) or _in_name(text[end : end + 1])):
                    line = bisect_right(self._line_ends, start)
                    found.add(line + 1)
                    # The rest of the line tells nothing new.
                    end = self._line_ends[line]
                start = text.find(word, end)
        return found

    @cached_property
    def statements(self) -> tuple[ast.stmt, ...]:
        """Every statement of the file, in the order of the text; expressions are not entered, so this is cheap."""
        found: list[ast.stmt] = []
        pending: list[ast.AST] = [self.tree]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.stmt):
                found.append(node)
            parts = vars(node)
            if "body" in parts or "cases" in parts:
                for name in BLOCKS:
                    pending.extend(parts.get(name, ()))
        return tuple(sorted(found, key=lambda statement: statement.lineno))

    def statements_in(self, node: ast.stmt) -> tuple[ast.stmt, ...]:
        """The statements within a function or a class, without looking at anything else of the file."""
        start = bisect_right(self._statement_lines, node.lineno)
        return self.statements[start : bisect_right(self._statement_lines, node.end_lineno or node.lineno)]

    @cached_property
    def _statement_lines(self) -> list[int]:
        return [statement.lineno for statement in self.statements]

    @cached_property
    def imports(self) -> dict[str, str]:
        """What each imported name stands for: ``{"shared_task": "celery.shared_task", "np": "numpy"}``.

        Relative imports keep their dots: ``{"Book": ".models.Book"}``. Imports inside functions count too.
        """
        bound: dict[str, str] = {}
        for node in self.statements:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.asname:
                        bound[alias.asname] = alias.name
                    else:
                        top = alias.name.partition(".")[0]
                        bound[top] = top
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                separator = "" if module.endswith(".") else "."
                for alias in node.names:
                    bound[alias.asname or alias.name] = f"{module}{separator}{alias.name}"
        return bound

    def resolve(self, node: ast.AST) -> str:
        """Spell out a chain of names with its first name replaced by what was imported under it, or ""."""
        name = dotted_name(node)
        head, dot, rest = name.partition(".")
        return self.imports.get(head, head) + dot + rest

    def column(self, node: ast.expr | ast.stmt) -> int:
        """The column of a node in characters; the tree counts bytes of UTF-8."""
        line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        if line.isascii():
            return node.col_offset
        return len(line.encode()[: node.col_offset].decode(errors="replace"))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function that is not inside another one, in the order of the text."""
        found: list[Function] = []
        pending: list[tuple[ast.AST, ast.ClassDef | None]] = [(self.tree, None)]
        while pending:
            parent, owner = pending.pop()
            for name in ("body", "orelse", "finalbody", "handlers"):
                for node in getattr(parent, name, ()):
                    if isinstance(node, FunctionNode):
                        found.append(Function(node, owner))
                    else:
                        pending.append((node, node if isinstance(node, ast.ClassDef) else owner))
        return tuple(sorted(found, key=lambda function: function.first_line))

    def function_at(self, line: int) -> Function | None:
        """The outermost function that a line stands in, its decorators included."""
        index = bisect_right(self._first_lines, line) - 1
        return self.functions[index] if index >= 0 and line <= self.functions[index].last_line else None

    @cached_property
    def _first_lines(self) -> list[int]:
        return [function.first_line for function in self.functions]

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The classes of the file by name; of two with one name the last counts, as at run time."""
        found = [node for node in self.statements if isinstance(node, ast.ClassDef)]
        return {node.name: node for node in sorted(found, key=lambda node: node.lineno)}
