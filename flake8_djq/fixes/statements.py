"""Edits of whole statements: moving a line, giving a result a name, taking a condition away."""

from __future__ import annotations

import ast
import re

from flake8_djq.findings import Replacement
from flake8_djq.fixes.spans import Replacements, ancestors
from flake8_djq.querysets.evaluations import Evaluation
from flake8_djq.source import Source, dotted_name

__all__ = [
    "answer_name",
    "awaited",
    "follows_at_once",
    "free_name",
    "keep_in_name",
    "keeps_its_value",
    "move_above",
    "owning_statement",
    "same_scope",
    "without_condition",
]

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)
# How a variable that keeps the answer of a query method is named after the model.
RESULT_NAMES = {
    "count": "{}_count",
    "exists": "{}_exists",
    "get": "{}",
    "first": "first_{}",
    "last": "last_{}",
    "latest": "latest_{}",
    "earliest": "earliest_{}",
    "aggregate": "{}_totals",
    "in_bulk": "{}_by_id",
}


def awaited(source: Source, node: ast.expr) -> ast.expr:
    """The ``await`` around a node, if there is one, or else the node."""
    around = ancestors(source, node)
    return around[-1] if around and isinstance(around[-1], ast.Await) else node


def owning_statement(source: Source, node: ast.AST) -> ast.stmt | None:
    """The innermost statement that an expression stands in."""
    around = [part for part in ancestors(source, node) if isinstance(part, ast.stmt)]
    return around[-1] if around else None


def same_scope(source: Source, first: ast.AST, second: ast.AST) -> bool:
    """Whether two nodes stand in one function and in no comprehension, so that a variable serves both."""
    scopes = [[part for part in ancestors(source, node) if isinstance(part, SCOPES)] for node in (first, second)]
    return scopes[0] == scopes[1] and not any(isinstance(part, COMPREHENSIONS) for part in scopes[0])


def answer_name(source: Source, statement: ast.stmt, asked: ast.expr) -> str | None:
    """The variable that a statement keeps an answer in, if nothing else in the file assigns a variable of that name."""
    if not (isinstance(statement, ast.Assign) and statement.value is asked and len(statement.targets) == 1):
        return None
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return None
    stores = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Name) and node.id == target.id and not isinstance(node.ctx, ast.Load)
    ]
    return target.id if len(stores) == 1 else None


def free_name(source: Source, evaluation: Evaluation) -> str | None:
    """A name for what an evaluation gives, after its variable or model and its method, that the file does not use."""
    model = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", evaluation.queryset.model).lower()
    asked = evaluation.call.func if evaluation.call else None
    if isinstance(asked, ast.Attribute) and isinstance(asked.value, ast.Name):
        model = asked.value.id
    if not model.isidentifier() or model == "objects":
        return None
    by = evaluation.by if evaluation.by in RESULT_NAMES else evaluation.by.removeprefix("a")
    name = RESULT_NAMES.get(by, "{}_rows").format(model)
    for candidate in (name, f"{name}_now", f"same_{name}"):
        if not re.search(rf"\b{candidate}\b", source.normal_text):
            return candidate
    return None


def margin(source: Source, statement: ast.stmt) -> str | None:
    """The indentation of a statement; None where something else stands before it on its line, such as ``elif``."""
    start = source.offset(statement.lineno, 0)
    before = source.normal_text[start : source.offset(statement.lineno, statement.col_offset)]
    written = source.normal_text[start + len(before) :]
    is_elif = isinstance(statement, ast.If) and written.startswith("elif")
    return None if before.strip() or is_elif or isinstance(statement, ast.While) else before


def own_lines(source: Source, statement: ast.stmt) -> tuple[int, int] | None:
    """The span of a statement's lines, with the last line end, where no other statement stands on them."""
    text = source.normal_text
    start, end = source.offset(statement.lineno, 0), source.span(statement)[1]
    line_end = text.find("\n", end)
    rest = text[end:line_end] if line_end >= 0 else text[end:]
    if text[start : source.span(statement)[0]].strip() or (rest.strip() and not rest.lstrip().startswith("#")):
        return None
    return (start, line_end + 1) if line_end >= 0 else None


def keeps_its_value(loop: ast.stmt, statement: ast.stmt, name: str) -> bool:
    """Whether a variable that a statement of a loop assigns has no other value anywhere in the loop."""
    changed = []
    for node in ast.walk(loop):
        if isinstance(node, ast.Name) and node.id == name:
            if isinstance(node.ctx, ast.Load) and node.lineno <= statement.lineno:
                return False
            if not isinstance(node.ctx, ast.Load) and node.lineno != statement.lineno:
                return False
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            changed.append(dotted_name(node.value))
    return name not in changed


def move_above(source: Source, statement: ast.stmt, loop: ast.stmt) -> Replacements | None:
    """Move a one-line statement out of the body of a loop, to the line above the loop."""
    indentation, lines = margin(source, loop), own_lines(source, statement)
    if indentation is None or lines is None or statement.lineno != statement.end_lineno:
        return None
    start = source.offset(loop.lineno, 0)
    text = indentation + source.normal_text[lines[0] : lines[1]].lstrip()
    return Replacement(start, start, text), Replacement(*lines, "")


def keep_in_name(source: Source, statement: ast.stmt, name: str, *nodes: ast.expr) -> Replacements | None:
    """Give an expression a name above a statement, and write the name wherever one of the (equal) nodes stands."""
    indentation = margin(source, statement)
    start, end = source.span(nodes[0])
    text = source.normal_text[start:end]
    if indentation is None or "\n" in text or _runs_perhaps(source, nodes[0]):
        return None
    if any(isinstance(part, ast.ClassDef) for part in ancestors(source, statement)[-1:]):
        return None  # a comprehension in a class body does not see the names of the class
    place = source.offset(statement.lineno, 0)
    named = Replacement(place, place, f"{indentation}{name} = {text}\n")
    return (named, *(Replacement(*source.span(node), name) for node in nodes))


def _runs_perhaps(source: Source, node: ast.expr) -> bool:
    """Whether the statement that a node stands in may do without it, so that asking before would be a query more."""
    around = ancestors(source, node)
    for outer, inner in zip(around, [*around[1:], node], strict=False):
        if isinstance(inner, ast.stmt):
            continue
        if isinstance(outer, ast.BoolOp) and inner is not outer.values[0]:
            return True
        if isinstance(outer, ast.IfExp) and inner is not outer.test:
            return True
        if isinstance(outer, ast.Lambda):
            return True
    return False


def follows_at_once(source: Source, first: ast.stmt, second: ast.stmt) -> bool:
    """Whether a statement comes right after another one: next to it, or first in the body of an ``if``."""
    if isinstance(first, ast.If) and first.body[0] is second:
        return True
    parent = ancestors(source, first)[-1:]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent[0], name, None) if parent else None
        if isinstance(block, list) and first in block:
            index = block.index(first)
            return block[index + 1 : index + 2] == [second]
    return False


def without_condition(source: Source, condition: ast.If) -> Replacements | None:
    """Take an ``if`` away and move its body one level to the left."""
    lines, body = own_lines(source, condition), condition.body
    indentation = margin(source, condition)
    if lines is None or indentation is None or body[0].lineno == condition.lineno:
        return None
    if any(isinstance(node, ast.Constant | ast.JoinedStr) and _has_lines(node) for node in ast.walk(condition)):
        return None  # the lines of a string must stay where they are
    first = source.offset(condition.lineno, 0)
    inner = source.offset(body[0].lineno, 0)
    if "#" in source.normal_text[first:inner]:
        return None
    step = source.normal_text[inner : source.span(body[0])[0]].removeprefix(indentation)
    parts = [Replacement(first, inner, "")]
    place = inner
    while place < lines[1]:
        line_end = source.normal_text.index("\n", place) + 1
        line = source.normal_text[place:line_end]
        if line.startswith(indentation + step):
            cut = place + len(indentation)
            parts.append(Replacement(cut, cut + len(step), ""))
        elif line.strip():
            return None
        place = line_end
    return tuple(parts)


def _has_lines(node: ast.expr) -> bool:
    return node.lineno != node.end_lineno
