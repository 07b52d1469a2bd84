"""The import that an edit needs: under which name, and where it goes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flake8_djq.findings import Replacement
from flake8_djq.source import Source

__all__ = ["import_for", "insert_import"]

Import = ast.Import | ast.ImportFrom


def import_for(source: Source, dotted: str) -> tuple[str, str] | None:
    """The name under which a file can call a function, and the import statement that it still needs ("" for none).

    ``dotted`` is the function's place, such as ``shop.db.keyset_iterator``. None where every name that would do is in
    use for something else.
    """
    module, _, name = dotted.rpartition(".")
    for statement in source.tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == module and not statement.level:
            for alias in statement.names:
                bound = alias.asname or alias.name
                if alias.name == name and not _is_rebound(source, bound):
                    return bound, ""
    for bound in (name, f"{module.rpartition('.')[2]}_{name}"):
        if not re.search(rf"\b{bound}\b", source.normal_text):
            return bound, f"from {module} import {name}" + (f" as {bound}" if bound != name else "")
    return None


def _is_rebound(source: Source, name: str) -> bool:
    """Whether anything but one import binds a name."""
    stores = 0
    for node in ast.walk(source.tree):
        if isinstance(node, ast.alias):
            stores += (node.asname or node.name) == name
        elif isinstance(node, ast.Name):
            stores += node.id == name and not isinstance(node.ctx, ast.Load)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
            stores += node.name == name
        elif isinstance(node, ast.arg):
            stores += node.arg == name
    return stores > 1


def insert_import(source: Source, statement: str, before_line: int) -> Replacement:
    """Where an import statement goes, so that what stands on ``before_line`` can use it.

    It goes to its relatives: among the imports of the same package by the alphabet, before relative imports, or after
    the last import; where there is none, below the docstring and ``from __future__``.
    """
    found = [node for node in _leading_imports(source) if node.lineno < before_line]
    package = statement.split()[1].partition(".")[0]
    relatives = [node for node in found if _module(node).partition(".")[0] == package]
    if relatives:
        earlier = [node for node in relatives if _module(node) < statement.split()[1]]
        if earlier:
            return _after(source, earlier[-1], f"{statement}\n")
        return _before(source, relatives[0], f"{statement}\n")
    local = next((node for node in found if isinstance(node, ast.ImportFrom) and node.level), None)
    if local is not None:
        return _before(source, local, f"{statement}\n\n")
    if found:
        return _after(source, found[-1], f"\n{statement}\n")
    return _at_top(source, statement)


def _leading_imports(source: Source) -> Iterator[Import]:
    """The imports of the module itself above its first function or class; ``__future__`` is no place for others."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return
        if isinstance(node, Import) and _module(node) != "__future__":
            yield node


def _module(node: Import) -> str:
    if isinstance(node, ast.Import):
        return node.names[0].name
    return "." * node.level + (node.module or "")


def _after(source: Source, node: ast.stmt, text: str) -> Replacement:
    """Insert lines below the line that a statement ends on."""
    lines = source.normal_text
    end = lines.find("\n", source.span(node)[1])
    if end < 0:
        return Replacement(len(lines), len(lines), f"\n{text}")
    return Replacement(end + 1, end + 1, text)


def _before(source: Source, node: ast.stmt, text: str) -> Replacement:
    """Insert lines above the line that a statement starts on."""
    start = source.offset(node.lineno, 0)
    return Replacement(start, start, text)


def _at_top(source: Source, statement: str) -> Replacement:
    head: ast.stmt | None = None
    for node in source.tree.body:
        is_docstring = head is None and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        head = node
    if head is not None:
        return _after(source, head, f"\n{statement}\n")
    first = source.tree.body[0]
    line = min([first.lineno, *(part.lineno for part in getattr(first, "decorator_list", ()))])
    start = source.offset(line, 0)
    return Replacement(
        start, start, f"{statement}\n\n" + ("\n" if isinstance(first, ast.ClassDef | ast.FunctionDef) else "")
    )
