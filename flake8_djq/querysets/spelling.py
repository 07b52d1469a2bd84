"""How expressions are spelled: for messages, and so that equal spellings mean equal queries."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from flake8_djq.querysets.api import METHODS
from flake8_djq.source import dotted_name

__all__ = ["names_in", "shorten", "spell_key"]

# Characters from which on a message leaves arguments out.
LONGEST = 70


def names_in(node: ast.AST) -> Iterable[str]:
    """The names that an expression depends on."""
    while isinstance(node, ast.Attribute | ast.keyword):
        node = node.value
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Constant):
        return ()
    return [child.id for child in ast.walk(node) if isinstance(child, ast.Name)]


def spell_key(node: ast.AST, versions: dict[str, int]) -> str:
    """Spell an expression so that equal spellings mean equal values: names with their versions.

    A "?" in it says that the value may differ at each evaluation. For a call of a query method only the arguments
    are spelled.
    """
    if isinstance(node, ast.Call):
        parts = [_spell(argument, versions) for argument in node.args]
        parts += [f"{keyword.arg}={_spell(keyword.value, versions)}" for keyword in node.keywords]
        return ",".join(parts)
    return _spell(node, versions)


def _spell(node: ast.AST | None, versions: dict[str, int]) -> str:
    if node is None:
        return ""
    if isinstance(node, ast.Constant):
        return repr(node.value).replace("?", "") if node.value != "?" else "?"
    if isinstance(node, ast.Name):
        return f"{node.id}@{versions.get(node.id, 0)}"
    if isinstance(node, ast.Attribute):
        version = versions.get(dotted_name(node), "")
        return f"{_spell(node.value, versions)}.{node.attr}{version}"
    if isinstance(node, ast.Call):
        last = dotted_name(node.func).rpartition(".")[2]
        known = isinstance(node.func, ast.Attribute) and (node.func.attr in METHODS)
        mark = "" if last[:1].isupper() or known else "?"
        return f"{_spell(node.func, versions)}{mark}({spell_key(node, versions)})"
    if isinstance(node, ast.Slice):
        return f"{_spell(node.lower, versions)}:{_spell(node.upper, versions)}:{_spell(node.step, versions)}"
    if isinstance(node, ast.Lambda | ast.GeneratorExp | ast.ListComp | ast.NamedExpr | ast.Await | ast.Yield):
        return "?"
    children = ",".join(_spell(child, versions) for child in ast.iter_child_nodes(node))
    return f"{type(node).__name__}({children})"


def shorten(node: ast.AST) -> str:
    """Spell an expression in the user's own names, with long arguments left out."""
    text = ast.unparse(node)
    if len(text) <= LONGEST:
        return text
    if isinstance(node, ast.Call):
        inner = "..." if node.args or node.keywords else ""
        return f"{shorten(node.func)}({inner})"
    if isinstance(node, ast.Attribute):
        return f"{shorten(node.value)}.{node.attr}"
    if isinstance(node, ast.Subscript):
        return f"{shorten(node.value)}[...]"
    return text[: LONGEST - 3] + "..."
