"""Fixing files: pass after pass until no edit is left, then written at once."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from os.path import relpath
from pathlib import Path

from flake8_djq.findings import Finding
from flake8_djq.fixes.applying import apply_edits
from flake8_djq.fixes.files import NotWritten, TextFile, read_file, write_file
from flake8_djq.fixes.running import Reported, run_flake8
from flake8_djq.fixes.wrapping import line_limit
from flake8_djq.linter import lint
from flake8_djq.source import Source

__all__ = ["Choice", "FixedFile", "fix_file"]

# Each pass fixes something; this many would mean that two rules undo each other.
MOST_PASSES = 20

NO_FIX = "without a fix"
UNSAFE = "with an unsafe fix (--unsafe applies it)"
MISFIT = "with a fix that does not fit the code"
CHANGED = "not found again: the file has changed meanwhile"
SKIPPED = "in files that were left alone"


@dataclass(frozen=True)
class Choice:
    """Which edits the user wants: those of rules whose codes begin so, the unsafe ones too or not."""

    codes: tuple[str, ...] = ("DJQ",)
    unsafe: bool = False

    def takes(self, code: str) -> bool:
        return code.startswith(self.codes)

    def applies(self, finding: Finding) -> bool:
        return self.takes(finding.code) and finding.edit is not None and (finding.edit.safe or self.unsafe)

    def why_not(self, finding: Finding) -> str:
        """Why a finding is left, as the end of "left 3 findings ..."."""
        if finding.edit is None:
            return NO_FIX
        return MISFIT if self.applies(finding) else UNSAFE


@dataclass
class FixedFile:
    """What became of one file: its new text, what was fixed by code, what is left by reason."""

    path: str
    before: TextFile | None = None
    text: str = ""
    fixed: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    skipped: str = ""

    @property
    def changed(self) -> bool:
        return self.before is not None and not self.skipped and self.text != self.before.text

    def diff(self) -> bytes:
        """The change as a unified diff in the file's own encoding and line ends, such as ``git apply`` takes."""
        assert self.before is not None
        new = self.before.with_text(self.text)
        name = Path(relpath(self.path)).as_posix()
        rows = unified_diff(_lines(self.before.content), _lines(new), f"a/{name}", f"b/{name}")
        parts = (row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)
        return "".join(parts).encode("utf-8", "surrogateescape")

    def write(self, root: Path) -> None:
        """Write the new text; where that cannot be, the file is skipped and its findings are left."""
        assert self.before is not None
        try:
            write_file(self.before, self.before.with_text(self.text), root)
        except NotWritten as error:
            self.skip(str(error))

    def skip(self, why: str) -> None:
        self.skipped = why
        self.left = Counter({SKIPPED: self.left.total() + self.fixed.total()})
        self.fixed.clear()


def _lines(content: bytes) -> list[str]:
    """The lines of a file with their ends, byte for byte; only ``\\n`` ends a line, as for git."""
    *lines, last = content.decode("utf-8", "surrogateescape").split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def fix_file(path: str, reported: Reported, choice: Choice, flake8_arguments: Sequence[str]) -> FixedFile:
    """Apply to one file the edits of what flake8 reported there; nothing is written yet.

    ``flake8_arguments`` are those that flake8 ran with; a text that was changed once is shown to flake8 again under
    the name of its file, so that ``noqa`` and ``per-file-ignores`` hold in every pass.
    """
    result = FixedFile(path)
    try:
        result.before = read_file(Path(path))
        source = _source(path, result.before.text)
    except (NotWritten, SyntaxError, ValueError) as error:
        result.left[NO_FIX] = len(reported.violations)
        result.skip(str(error))
        return result
    limit = line_limit(Path(path), reported.line_length, source.normal_text)
    for _ in range(MOST_PASSES):
        result.text = source.normal_text
        findings, result.left = _reported_findings(source, reported, choice)
        applied = apply_edits(source, [finding for finding in findings if choice.applies(finding)], limit)
        result.text = applied.text
        result.fixed.update(finding.code for finding in applied.findings)
        left = [finding for finding in findings if finding not in applied.findings]
        result.left.update(choice.why_not(finding) for finding in left)
        if not applied.findings:
            break
        source = _source(path, applied.text)
        again = [finding for finding in lint(source, reported.options, with_edits=True) if choice.takes(finding.code)]
        if not any(map(choice.applies, again)) and _codes(again) == _codes(left):
            break
        shown = applied.text.encode(result.before.encoding, "replace")
        reported = run_flake8([f"--stdin-display-name={path}", *flake8_arguments, "-"], shown)
    try:
        result.before.with_text(result.text)
    except NotWritten as error:
        result.skip(str(error))
    return result


def _codes(findings: Iterable[Finding]) -> list[str]:
    return sorted(finding.code for finding in findings)


def _source(path: str, text: str) -> Source:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of the user's escapes
        return Source(path, text, ast.parse(text))


def _reported_findings(source: Source, reported: Reported, choice: Choice) -> tuple[list[Finding], Counter[str]]:
    """The findings, with their edits, of what flake8 has reported; what of it is not found here counts as left."""
    wanted = {item[1:] for item in reported.violations if choice.takes(item.code)}
    found = {
        (finding.line, finding.column + 1, finding.code, finding.message): finding
        for finding in lint(source, reported.options, with_edits=True)
    }
    missing = len(wanted - found.keys())
    findings = [finding for place, finding in found.items() if place in wanted]
    return findings, Counter({CHANGED: missing} if missing else {})
