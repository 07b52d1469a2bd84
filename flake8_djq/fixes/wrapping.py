"""Which lines an edit has made too long, and how long lines may be."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path

from flake8_djq.fixes.lines import break_line

__all__ = ["line_limit", "wrap_lines"]

# flake8's own max-line-length where nobody sets another, and the longest that formatters are commonly set to.
USUAL, LONGEST = 79, 120
# Where formatters are told how long lines may be: file, table, and the length that they take where it does not say.
FORMATTERS = (
    ("pyproject.toml", "tool.black", 88),
    ("pyproject.toml", "tool.ruff", None),
    ("ruff.toml", "", None),
    (".ruff.toml", "", None),
)
TABLE = re.compile(r"^\s*\[([^\[\]]+)\]")
LINE_LENGTH = re.compile(r"^\s*line[-_]length\s*=\s*(\d+)")


def line_limit(path: Path, configured: int, text: str) -> int:
    """How long a line of a file may be, in characters.

    Black's or Ruff's ``line-length`` above the file says so, or else flake8's ``max-line-length`` (``configured``);
    where neither was set, the longest line that the file has already, between 79 and 120.
    """
    for folder in path.resolve().parents:
        for name, table, usual in FORMATTERS:
            length = _line_length(folder / name, table, usual)
            if length is not None:
                return length
        if (folder / ".git").exists():
            break
    if configured != USUAL:
        return configured
    return min(max(USUAL, *map(len, text.split("\n"))), LONGEST)


def _line_length(path: Path, table: str, usual: int | None) -> int | None:
    """What a table of a TOML file says about the length of lines; ``usual`` where it is there and says nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    here, length = "", None
    for line in lines:
        head, value = TABLE.match(line), LINE_LENGTH.match(line)
        here = head[1].strip() if head else here
        if here == table and head:
            length = usual
        elif here == table and value:
            return int(value[1])
    return length


def wrap_lines(before: str, after: str, limit: int) -> str:
    """Break the lines of ``after`` that are longer than ``limit`` and that ``before`` did not have; meaning stays."""
    lines = after.split("\n")
    known = _long_before(before.split("\n"), lines, limit)
    step = "\t" if any(line.startswith("\t") for line in lines) else "    "
    # From the last line up: the numbers of those above stay.
    for number in reversed(range(len(lines))):
        line = lines[number]
        if len(line) <= limit or line in known:
            continue
        inside, whole = _layout(after)
        broken = break_line(line, number + 1 in inside, number + 1 in whole, limit, step)
        wrapped = "\n".join([*lines[:number], *broken, *lines[number + 1 :]])
        if max(map(len, broken)) < len(line) and _means(wrapped) == _means(after):
            lines[number : number + 1] = broken
            after = wrapped
    return after


def _long_before(before: list[str], after: list[str], limit: int) -> set[str]:
    """The long lines of a text that were there before, or that stand for lines that were no shorter."""
    known = set(before)
    if all(len(line) <= limit or line in known for line in after):
        return known
    for what, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "replace":
            for line in after[new_start:new_end]:
                origin = get_close_matches(line, before[start:end], 1) if len(line) > limit else []
                if origin and len(line) <= len(origin[0]):
                    known.add(line)
    return known


def _layout(text: str) -> tuple[set[int], set[int]]:
    """The lines that begin in brackets, and those that hold a whole statement or the whole first line of one."""
    inside, whole = set[int](), set[int]()
    depth, first, last = 0, 0, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if depth:
            inside.update(range(last + 1, token.start[0] + 1))
        if token.type == tokenize.NEWLINE:
            whole |= {first} & {token.start[0]}
            first = 0
        elif token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT):
            first = first or token.start[0]
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        last = token.end[0]
    return inside, whole


def _means(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return ""
