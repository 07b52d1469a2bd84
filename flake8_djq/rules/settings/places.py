"""Where a finding about settings stands: on the line of the linted module that brings a value in."""

from __future__ import annotations

import ast
import os.path
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flake8.defaults import NOQA_INLINE_REGEXP

from flake8_djq.findings import Edit, Finding
from flake8_djq.rules.base import File, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from flake8_djq.project.settings.values import Way

__all__ = ["brought_in", "is_inherited", "origin", "report", "statement_of"]


def statement_of(way: Way, file: File) -> ast.stmt | None:
    """The statement of the linted file that a way starts with."""
    if not way or not _is_here(way, file):
        return None
    return next((node for node in file.source.statements if node.lineno == way[0].line), None)


def _is_here(way: Way, file: File) -> bool:
    return os.path.abspath(file.source.path) == way[0].path


def is_inherited(way: Way) -> bool:
    """Whether a value is written down in another file."""
    return len({step.path for step in way}) > 1


def brought_in(way: Way, file: File) -> str:
    """The other file that writes a value down, and those between: ``from shop.settings.base:4 through ...``."""
    *between, origin = way[1:]
    names = file.settings.files
    through = ", ".join(f"{names.name(step.path)}:{step.line}" for step in between)
    return f"from {names.name(origin.path)}:{origin.line}" + (f" through {through}" if through else "")


def origin(way: Way, file: File) -> str:
    """The same as a part of a sentence, with its comma; "" for a value that this file writes down itself."""
    return f", {brought_in(way, file)}" if is_inherited(way) else ""


def report(
    rule: Rule[File],
    file: File,
    way: Way,
    message: str,
    edit: Callable[[], Edit | None] | None = None,
    text: str = "",
) -> Iterator[Finding]:
    """A finding on the line that a way starts with; ``text`` is the constant on that line that it is about.

    Imports of everything often carry a bare `# noqa` that is meant for F403. That must not hide what they bring in, so
    such a finding stands on another line and says why; a `# noqa` that names the code hides it as everywhere.
    """
    if way and _is_here(way, file):
        statement = statement_of(way, file)
        node = (_constant(file, way[0].line, text) if text else None) or statement
        if node is None:
            return
        if is_inherited(way) and statement is not None and _is_silenced(file, statement):
            code = rule.code
            message = f"line {node.lineno}: {message} (not hidden by that line's `# noqa`, but by `# noqa: {code}`)"
            yield Finding(_free_line(file), 0, code, message)
        else:
            yield rule.finding(file, node, message, edit)


def _constant(file: File, line: int, text: str) -> ast.expr | None:
    for statement in file.source.statements:
        if statement.lineno <= line <= (statement.end_lineno or line):
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and node.value == text and node.lineno == line:
                    return node
    return None


def _has_bare_noqa(text: str) -> bool:
    match = NOQA_INLINE_REGEXP.search(text)
    # flake8 takes one for `DJQ`, without a number, as bare; who writes it means this plugin.
    return match is not None and match["codes"] is None and "DJQ" not in text[match.end() :]


def _is_silenced(file: File, statement: ast.stmt) -> bool:
    lines = file.source.lines[statement.lineno - 1 : statement.end_lineno]
    return any(_has_bare_noqa(line) for line in lines)


def _free_line(file: File) -> int:
    """The first line whose findings no bare `# noqa` hides; the one after the last where each line has one."""
    silenced: set[int] = set()
    for statement in file.source.statements:
        if not hasattr(statement, "body") and _is_silenced(file, statement):
            silenced.update(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    for number, line in enumerate(file.source.lines, 1):
        if number not in silenced and not _has_bare_noqa(line):
            return number
    return len(file.source.lines) + 1
