"""Breaking lines that an edit has made too long, in the form that Black and Ruff give them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

__all__ = ["line_limit", "wrap_lines"]

# flake8's own max-line-length where nobody sets another, and the longest that formatters are commonly set to.
USUAL, LONGEST = 79, 120
LINE_LENGTH = re.compile(r"^\s*line[-_]length\s*=\s*(\d+)", re.MULTILINE)
CONFIGURATIONS = ("pyproject.toml", "ruff.toml", ".ruff.toml")


def line_limit(path: Path, configured: int, text: str) -> int:
    """How long a line of a file may be, in characters.

    Black's or Ruff's ``line-length`` above the file says so, or else flake8's ``max-line-length`` (``configured``);
    where neither was set, the longest line that the file has already, between 79 and 120.
    """
    for folder in path.resolve().parents:
        for name in CONFIGURATIONS:
            try:
                match = LINE_LENGTH.search((folder / name).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError):
                continue
            if match:
                return int(match[1])
        if (folder / ".git").exists():
            break
    if configured != USUAL:
        return configured
    return min(max(USUAL, *map(len, text.split("\n"))), LONGEST)


def wrap_lines(before: str, after: str, limit: int) -> str:
    """Break the lines of ``after`` that are longer than ``limit`` and that ``before`` did not have; meaning stays."""
    known = set(before.split("\n"))
    for _ in range(1000):
        lines = after.split("\n")
        long = (number for number, line in enumerate(lines) if len(line) > limit and line not in known)
        number = next(long, None)
        if number is None:
            break
        known.add(lines[number])
        tree = ast.dump(ast.parse(after))
        for candidate in _candidates(lines, number, after, limit):
            wrapped = "\n".join([*lines[:number], *candidate, *lines[number + 1 :]])
            if all(len(line) <= limit for line in candidate) and _means(wrapped) == tree:
                after = wrapped
                break
    return after


def _means(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return ""


@dataclass(frozen=True)
class _Brackets:
    """A pair of brackets on one line: the columns of the opening one and of the closing one."""

    start: int
    end: int
    depth: int


def _candidates(lines: list[str], number: int, text: str, limit: int) -> Iterator[list[str]]:
    """The ways to break one line, the most usual first."""
    line = lines[number]
    margin = line[: len(line) - len(line.lstrip())]
    step = _step(lines)
    if line.lstrip().startswith("."):
        yield from _at_last_dot(line, margin)
    chain = _chain(text, number + 1, line)
    if chain is not None and len(chain.pieces) > 2:
        yield chain.broken(line, margin, step)
    pairs = _brackets(line)
    for pair in sorted((pair for pair in pairs if pair.depth == 0), key=lambda pair: -pair.start):
        if len(line[: pair.start + 1]) <= limit:
            yield from _exploded(line, pair, margin, step)
    if chain is not None and chain.pieces:
        yield chain.broken(line, margin, step)
    yield from _at_last_dot(line, margin)
    for pair in sorted(pairs, key=lambda pair: (pair.depth, -pair.start)):
        yield from _exploded(line, pair, margin, step)


def _step(lines: list[str]) -> str:
    """One level of indentation, as the file has it."""
    return "\t" if any(line.startswith("\t") for line in lines) else "    "


def _exploded(line: str, pair: _Brackets, margin: str, step: str) -> Iterator[list[str]]:
    """What stands in brackets on a line of its own, or on a line for each part."""
    head, inner, tail = line[: pair.start + 1], line[pair.start + 1 : pair.end], line[pair.end :]
    if not inner.strip():
        return
    yield [head, f"{margin}{step}{inner.strip()}", f"{margin}{tail}"]
    parts = _parts(inner)
    if len(parts) > 1:
        yield [head, *(f"{margin}{step}{part}," for part in parts), f"{margin}{tail}"]


def _parts(inner: str) -> list[str]:
    """The arguments in a text, split at its outer commas."""
    commas = [column for column, depth in _operators(inner, ",") if depth == 0]
    edges = [-1, *commas, len(inner)]
    parts = [inner[start + 1 : end].strip() for start, end in pairwise(edges)]
    return [part for part in parts if part]


def _at_last_dot(line: str, margin: str) -> Iterator[list[str]]:
    """Inside brackets, a further line for the last call of a chain."""
    dots = [column for column, depth in _operators(line, ".") if depth == 0 and line[:column].strip()]
    if dots:
        yield [line[: dots[-1]], f"{margin}{line[dots[-1] :]}"]


@dataclass(frozen=True)
class _Chain:
    """The value of a one-line statement: where it starts and ends, and its calls."""

    start: int
    end: int
    pieces: tuple[str, ...]

    def broken(self, line: str, margin: str, step: str) -> list[str]:
        """The statement with its value in parentheses, a line for each call."""
        inner = [f"{margin}{step}{piece}" for piece in self.pieces]
        return [f"{line[: self.start]}(", *inner, f"{margin}){line[self.end :]}"]


def _chain(text: str, number: int, line: str) -> _Chain | None:
    """The value of the statement on a line, where the whole of it stands there."""
    for node in ast.walk(ast.parse(text)):
        if getattr(node, "lineno", 0) == number and isinstance(node, ast.stmt):
            value = getattr(node, "iter", None) or getattr(node, "value", None) or getattr(node, "test", None)
            if isinstance(value, ast.expr) and value.lineno == value.end_lineno == number and line.isascii():
                start, end = value.col_offset, value.end_col_offset or 0
                return _Chain(start, end, _pieces(line[start:end]))
    return None


def _pieces(value: str) -> tuple[str, ...]:
    """``Order.objects.filter(a).exclude(b)`` -> ``Order.objects.filter(a)``, ``.exclude(b)``."""
    dots = [column for column, depth in _operators(value, ".") if depth == 0]
    calls = [dot for dot in dots if re.match(r"\.\w+\(", value[dot:])][1:]
    edges = [0, *calls, len(value)]
    return tuple(value[start:end] for start, end in pairwise(edges))


def _operators(line: str, *wanted: str) -> list[tuple[int, int]]:
    """The columns and depths of operators in a line, those in strings and comments left out."""
    found, depth = [], 0
    for token in _tokens(line):
        if token.type != tokenize.OP:
            continue
        depth -= token.string in ")]}"
        if token.string in wanted:
            found.append((token.start[1], depth))
        depth += token.string in "([{"
    return found


def _brackets(line: str) -> list[_Brackets]:
    """The pairs of brackets that open and close on a line."""
    opened: list[int] = []
    found = []
    for column, _ in _operators(line, *"([{)]}"):
        if line[column] in "([{":
            opened.append(column)
        elif opened:
            found.append(_Brackets(opened.pop(), column, len(opened)))
    return found


def _tokens(line: str) -> Iterator[tokenize.TokenInfo]:
    """The tokens of one line, as far as a line alone can be read."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(line.strip()).readline):
            if token.start[0] == 1:
                margin = len(line) - len(line.lstrip())
                yield token._replace(start=(1, token.start[1] + margin))
    except (tokenize.TokenError, SyntaxError):
        return
