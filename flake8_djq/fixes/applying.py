"""Applying the edits of one file's findings to its text."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from flake8_djq.findings import Finding, Replacement
from flake8_djq.fixes.imports import insert_import
from flake8_djq.fixes.wrapping import wrap_lines
from flake8_djq.source import Source

__all__ = ["Applied", "apply_edits", "replaced"]


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
        if finding.edit and not any(_overlap(finding, other) for other in chosen):
            chosen.append(finding)
    while chosen:
        text = _applied(source, chosen)
        if _is_python(text):
            return Applied(wrap_lines(source.normal_text, text, limit), tuple(chosen))
        chosen = [finding for finding in chosen if len(chosen) > 1 and _is_python(_applied(source, [finding]))][:1]
    return Applied(source.normal_text, ())


def _overlap(first: Finding, second: Finding) -> bool:
    """Whether two edits touch the same text; two insertions in one place do."""
    if first.edit is None or second.edit is None:
        return False
    return any(
        one.start <= other.end and other.start <= one.end
        for one in first.edit.replacements
        for other in second.edit.replacements
    )


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
