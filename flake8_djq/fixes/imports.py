"""The import that an edit needs: under which name, and where it goes."""

from __future__ import annotations

import ast
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
        if isinstance(statement, ast.ImportFrom) and _imports_from(source, statement, module):
            for alias in statement.names:
                bound = alias.asname or alias.name
                if alias.name == name and not _is_rebound(source, bound):
                    return bound, ""
    used = set(_names(source))
    for bound in (name, f"{module.rpartition('.')[2]}_{name}"):
        if bound not in used:
            return bound, f"from {module} import {name}" + (f" as {bound}" if bound != name else "")
    return None


def _imports_from(source: Source, statement: ast.ImportFrom, module: str) -> bool:
    """Whether a statement imports from a module; where a relative import starts is told by the path of the file."""
    if not statement.level:
        return statement.module == module
    folders = source.path.split("/")[: -statement.level]
    written = ".".join([*(part for part in folders if part not in ("", ".")), *filter(None, [statement.module])])
    return f".{written}".endswith(f".{module}") or (bool(statement.module) and f".{module}".endswith(f".{written}"))


def _names(source: Source) -> Iterator[str]:
    """Every name that stands in the code for something, be it a variable, a function, an argument or an import."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Constant | ast.keyword | ast.ImportFrom):
            continue
        for value in vars(node).values():
            yield from (part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str))


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
    the last import; where there is none, below the docstring and ``from __future__``. Where the file calls
    ``django.setup()``, it goes below that.
    """
    setup = _django_setup(source, before_line)
    first_line = setup.lineno if setup is not None else 0
    found = [node for node in _leading_imports(source) if first_line < node.lineno < before_line]
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
    if setup is not None:
        return _after(source, setup, f"\n{statement}\n")
    return _at_top(source, statement)


def _django_setup(source: Source, before_line: int) -> ast.stmt | None:
    """The last call of ``django.setup()`` above a line; what a project holds is imported after it."""
    calls = (
        node
        for node in source.tree.body
        if node.lineno < before_line
        and isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and source.resolve(node.value.func) == "django.setup"
    )
    return max(calls, key=lambda node: node.lineno, default=None)


def _leading_imports(source: Source) -> Iterator[Import]:
    """The imports of the module itself above its first function or class."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return
        if isinstance(node, Import):
            yield node


def _module(node: Import) -> str:
    if isinstance(node, ast.Import):
        return node.names[0].name
    return "." * node.level + (node.module or "")


def _after(source: Source, node: ast.stmt, text: str) -> Replacement:
    """Insert lines below the line that a statement ends on; code that follows at once is kept at a distance."""
    lines = source.normal_text
    end = lines.find("\n", source.span(node)[1])
    if end < 0:
        return Replacement(len(lines), len(lines), f"\n{text}")
    rest = lines[end + 1 :]
    if text.startswith("\n") and rest.strip() and not rest.startswith(("\n", "import ", "from ")):
        text += "\n"
    return Replacement(end + 1, end + 1, text)


def _before(source: Source, node: ast.stmt, text: str) -> Replacement:
    """Insert lines above the line that a statement starts on."""
    start = source.offset(node.lineno, 0)
    return Replacement(start, start, text)


def _at_top(source: Source, statement: str) -> Replacement:
    """Below the docstring and ``__future__``, or else above the first statement and the comments that belong to it."""
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
    above = line
    while above > 1 and source.lines[above - 2].startswith("#"):
        above -= 1
    # Comments that begin with the file are about the file: its interpreter, its encoding, its licence.
    start = source.offset(above if above > 1 else line, 0)
    gap = "\n" if isinstance(first, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else ""
    return Replacement(start, start, f"{statement}\n\n{gap}")
