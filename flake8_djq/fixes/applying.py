"""Applying the edits of one file's findings to its text."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from flake8_djq.findings import Edit, Finding, Replacement
from flake8_djq.fixes.imports import insert_import
from flake8_djq.fixes.wrapping import wrap_lines
from flake8_djq.source import Source

__all__ = ["Applied", "apply_edits", "replaced"]

NEW_NAME = re.compile(r"[ \t]*(\w+) = ")


@dataclass(frozen=True)
class Applied:
    """A new text, and the findings whose edits it holds; the others wait for the next pass."""

    text: str
    findings: tuple[Finding, ...]


def apply_edits(source: Source, findings: Sequence[Finding], limit: int) -> Applied:
    """Apply the edits of the findings to a file's text; of edits that overlap, the first by place wins.

    ``limit`` is the length, in characters, beyond which lines that an edit has changed are broken. An edit whose result
    would not be Python is left out.
    """
    chosen: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: (finding.line, finding.column, finding.code)):
        if finding.edit and not any(_clash(source, finding, other) for other in chosen):
            chosen.append(finding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of the user's escapes
        while chosen:
            text = _applied(source, chosen)
            if _is_python(text):
                return Applied(wrap_lines(source.normal_text, text, limit), tuple(chosen))
            good = [finding for finding in chosen if _is_python(_applied(source, [finding]))]
            chosen = good if len(good) < len(chosen) else good[:1]
    return Applied(source.normal_text, ())


def _clash(source: Source, first: Finding, second: Finding) -> bool:
    """Whether two edits touch the same text (two insertions in one place do), or set one new name in one function."""
    if first.edit is None or second.edit is None:
        return False
    touch = any(
        one.start <= other.end and other.start <= one.end
        for one in first.edit.replacements
        for other in second.edit.replacements
    )
    same_names = _new_names(first.edit) & _new_names(second.edit)
    return touch or (bool(same_names) and source.function_at(first.line) is source.function_at(second.line))


def _new_names(edit: Edit) -> set[str]:
    """The variables that an edit sets in new lines."""
    lines = (part.text for part in edit.replacements if part.start == part.end)
    return {match[1] for match in map(NEW_NAME.match, lines) if match}


def _applied(source: Source, findings: Sequence[Finding]) -> str:
    parts = [part for finding in findings if finding.edit for part in finding.edit.replacements]
    needs: dict[str, int] = {}
    for finding in findings:
        if finding.edit and finding.edit.needs:
            line = min(source.line_of(part.start) for part in finding.edit.replacements)
            needs[finding.edit.needs] = min(line, needs.get(finding.edit.needs, line))
    parts += [insert_import(source, statement, line) for statement, line in needs.items()]
    return replaced(source.normal_text, parts)


def replaced(text: str, parts: Sequence[Replacement]) -> str:
    """A text with replacements made; they do not overlap."""
    done, position = [], 0
    for part in sorted(parts):
        done += [text[position : part.start], part.text]
        position = part.end
    return "".join([*done, text[position:]])


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
