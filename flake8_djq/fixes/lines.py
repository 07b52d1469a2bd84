"""Breaking one line of code that is too long, into the form that Black gives it.

A line is broken at its last pair of brackets: what stands in them goes on a line of its own, or, where that is still
too long, on a line for each part. Around the value of a statement brackets may be added for that. The rules are Black's
own, as far as they matter for a line that was in order before an edit made it longer.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter

__all__ = ["break_line"]

CLAUSE, COMMA, TERNARY, LOGIC, STRING, COMPARISON, DOT = 20, 18, 16, 14, 12, 10, 1
ARITHMETIC = {
    "|": 9,
    "^": 8,
    "&": 7,
    "<<": 6,
    ">>": 6,
    "+": 5,
    "-": 5,
    "*": 4,
    "/": 4,
    "//": 4,
    "%": 4,
    "@": 4,
    "**": 2,
}
COMPARATORS = frozenset({"<", ">", "==", "!=", "<=", ">="})
# What a statement begins with whose value may be put in brackets.
VALUES = frozenset({"return", "if", "elif", "while", "assert", "for", "async", "in"})


class _CannotBreak(Exception):
    """This way of breaking the line does not work; another may."""


@dataclass(eq=False)
class _Token:
    """A token with the space before it; brackets that are not written have the text ""."""

    text: str
    gap: str = ""
    is_string: bool = False
    opens: bool = False
    closes: bool = False

    def __len__(self) -> int:
        return len(self.gap) + len(self.text)


@dataclass(eq=False)
class _Line:
    """A line on its way: ``margin`` is its indentation, ``inside`` says that it stands in brackets."""

    tokens: list[_Token]
    margin: str
    inside: bool = False
    explode: bool = False

    def __str__(self) -> str:
        return (self.margin + "".join(token.gap + token.text for token in self.tokens).lstrip()).rstrip()

    @property
    def opening(self) -> dict[_Token, _Token]:
        """Each closing bracket with the opening one; those that stand on other lines are left out."""
        found, opened = {}, list[_Token]()
        for token in self.tokens:
            if token.opens:
                opened.append(token)
            elif token.closes and opened:
                found[token] = opened.pop()
        return found

    @property
    def breaks(self) -> dict[int, int]:
        """The places outside of brackets where the line can be broken: behind which token, with what priority."""
        found: dict[int, int] = {}
        depth, variables, has_for = 0, list[tuple[str, int]](), False
        for index, token in enumerate(self.tokens):
            before = self.tokens[index - 1] if index else None
            ends_variable = bool(variables) and variables[-1] == (token.text, depth)
            if ends_variable:
                variables.pop()
                depth -= 1
            depth -= token.closes
            if depth == 0 and not token.is_string:
                priority = 0 if ends_variable or before is None else _before(token, before, has_for)
                if priority:
                    found[index - 1] = priority
                elif token.text == ",":
                    found[index] = COMMA
                has_for = (has_for or token.text == "for") and token.text != ","
            elif depth == 0 and before is not None and before.is_string:
                found[index - 1] = STRING
            depth += token.opens
            if token.text in ("for", "lambda") and not token.is_string:
                depth += 1
                variables.append(("in" if token.text == "for" else ":", depth))
        return found


def _before(token: _Token, before: _Token, has_for: bool) -> int:
    """The priority of a break before a token; 0 for none."""
    text = token.text
    if text == ".":
        return DOT if before.closes else 0
    if text in ARITHMETIC:
        return ARITHMETIC[text] if before.closes or before.is_string or _is_operand(before.text) else 0
    if text in COMPARATORS or text == "is":
        return COMPARISON
    if text == "in":
        return 0 if before.text == "not" else COMPARISON
    if text == "not":
        return COMPARISON if before.closes or before.is_string or _is_operand(before.text) else 0
    if text in ("for", "async"):
        return 0 if before.text == "async" else CLAUSE
    if text == "if":
        return CLAUSE if has_for else TERNARY
    if text == "else":
        return TERNARY
    return LOGIC if text in ("and", "or") else 0


def _is_operand(text: str) -> bool:
    """Whether a token is a name or a number, so that an operator behind it has two sides."""
    return (text[:1].isalnum() or text[:1] == "_") and (
        not keyword.iskeyword(text) or text in ("None", "True", "False")
    )


@dataclass
class _Split:
    """A line broken at a pair of brackets."""

    head: _Line
    body: _Line
    tail: _Line
    opened: _Token
    closed: _Token


def break_line(line: str, inside: bool, is_statement: bool, limit: int, step: str) -> list[str]:
    """Break a line that is longer than ``limit``, as far as that can be.

    ``inside`` says that it begins in brackets, ``is_statement`` that it is a whole statement or the whole first line of
    one, and ``step`` is one level of indentation.
    """
    tokens = _tokens(line)
    margin = line[: len(line) - len(line.lstrip())]
    if tokens and tokens[0].text == "from" and is_statement and not tokens[-1].closes:
        head, _, names = line.partition(" import ")
        return [f"{head} import (", f"{margin}{step}{names},", f"{margin})"]
    if not tokens or tokens[0].text in ("def", "class", "import", "from", "@", "#"):
        return [line]
    if is_statement:
        tokens = _with_optional_brackets(tokens)
    return [str(part) for part in _Breaker(limit, step).broken(_Line(tokens, margin, inside))]


def _tokens(line: str) -> list[_Token]:
    """The tokens of a line, a comment joined to the last of them; none where the line alone cannot be read."""
    found: list[_Token] = []
    end, nested = 0, 0
    text = line.strip()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[token.type]
            nested -= name in ("FSTRING_END", "TSTRING_END")
            if nested or not token.string.strip():
                continue
            if name in ("FSTRING_START", "TSTRING_START"):
                nested += 1
                found.append(_Token("", text[end : token.start[1]], is_string=True))
                end = token.start[1]
                continue
            gap, string = text[end : token.start[1]], text[token.start[1] : token.end[1]]
            end = token.end[1]
            if name in ("FSTRING_END", "TSTRING_END"):
                found[-1].text = gap + string
            elif name == "COMMENT" and found:
                found[-1].text += gap + string
            else:
                is_bracket = name == "OP"
                found.append(
                    _Token(
                        string, gap, name == "STRING", is_bracket and string in "([{", is_bracket and string in ")]}"
                    )
                )
    except tokenize.TokenError:
        pass  # a bracket stays open
    except SyntaxError:
        return []
    return found if end == len(text) else []


def _with_optional_brackets(tokens: list[_Token]) -> list[_Token]:
    """Put brackets that are not written around the value of a statement, where Black may write them."""
    depth, colon, starts = 0, len(tokens), list[int]()
    first = tokens[0].text
    for index, token in enumerate(tokens):
        depth += token.opens - token.closes
        if depth or token.is_string:
            continue
        if token.text in ("lambda",):
            break
        if token.text == ":" and first in VALUES | {"with"}:
            colon = index
            break
        is_value = token.text in ("return", "if", "elif", "while", "assert") and index == 0
        is_iterable = token.text == "in" and first in ("for", "async")
        is_message = token.text == "," and first == "assert"
        is_assignment = token.text == "=" or (token.text[-1:] == "=" and token.text[:-1] in ARITHMETIC)
        if is_value or (is_iterable and not starts) or is_message or (is_assignment and first not in VALUES):
            starts.append(index + 1)
    result = list(tokens)
    for start in reversed(starts):
        end = colon
        if first == "assert" and start == 1 and len(starts) > 1:
            end = starts[1] - 1
        if start >= end or (first not in VALUES and start != starts[-1]):
            continue
        value = result[start:end]
        if value[0].text == "(" and _Line(value, "").opening.get(value[-1]) is value[0]:
            continue
        opened, closed = _Token("", value[0].gap, opens=True), _Token("", closes=True)
        value[0].gap = ""
        result[start:end] = [opened, *value, closed]
    return result


class _Breaker:
    """Black's ways of breaking a line, one after the other until one works."""

    def __init__(self, limit: int, step: str) -> None:
        self.limit = limit
        self.step = step

    def fits(self, line: _Line, less: int = 0) -> bool:
        return len(str(line)) <= self.limit - less

    def broken(self, line: _Line, forced: bool = False) -> list[_Line]:
        """The lines that a line is broken into; itself where it fits or cannot be broken."""
        if self.fits(line) and not line.explode:
            return [line]
        if line.inside:
            with suppress(_CannotBreak):
                return [part for piece in self._at_breaks(line) for part in self.broken(piece)]
        with suppress(_CannotBreak):
            return self._at_best_brackets(line, forced)
        return [line]

    def _at_best_brackets(self, line: _Line, forced: bool) -> list[_Line]:
        """Broken at brackets; ``forced`` are those that would be written for it, also where others would do."""
        before = str(line)
        unwritten = [token for token in line.tokens if (token.opens or token.closes) and not token.text]
        result: list[_Line] = []
        for piece in self._at_brackets(line, forced):
            if str(piece) == before:
                raise _CannotBreak
            result += self.broken(piece, forced)
        if forced or not unwritten or any(token.text for token in unwritten) or self.fits(result[0]):
            return result
        with suppress(_CannotBreak):
            second = self._at_best_brackets(line, forced=True)
            if all(map(self.fits, second)):
                return second
        for token in unwritten:
            token.text = ""
        return result

    def _at_breaks(self, line: _Line) -> Iterator[_Line]:
        """A line for each part, at the breaks of the highest priority."""
        breaks = line.breaks
        breaks.pop(len(line.tokens) - 1, None)
        highest = max(breaks.values(), default=0)
        places = [index for index, priority in breaks.items() if priority == highest]
        if not highest or (highest == DOT and len(places) == 1 and line.tokens[0].text != "."):
            raise _CannotBreak
        start = 0
        for place in [*places, len(line.tokens) - 1]:
            tokens = line.tokens[start : place + 1]
            if highest == COMMA and tokens[-1].text != ",":
                tokens = [*tokens, _Token(",")]
            yield _Line(tokens, line.margin, line.inside)
            start = place + 1

    def _at_brackets(self, line: _Line, forced: bool = False) -> list[_Line]:
        """Three lines: what ends with an opening bracket, what stands in it, and the rest."""
        for omitted in self._omissions(line):
            try:
                lines = self._chosen(line, omitted, forced)
            except _CannotBreak:
                break
            if self.fits(lines[0]):
                return self._written(lines)
        return self._written(self._chosen(line, frozenset(), forced))

    @staticmethod
    def _written(lines: list[_Line]) -> list[_Line]:
        """Write the brackets that the line was broken at."""
        if lines[0].tokens[-1].opens and not lines[0].tokens[-1].text:
            lines[0].tokens[-1].text, lines[-1].tokens[0].text = "(", ")"
        return lines

    def _omissions(self, line: _Line) -> Iterator[frozenset[_Token]]:
        """The closing brackets at which not to break: none, then those at the end as long as what they hold fits."""
        yield frozenset()
        omitted: set[_Token] = set()
        inner: set[_Token] = set()
        opening, length = line.opening, len(line.margin)
        opened: _Token | None = None
        closed: _Token | None = None
        for index in reversed(range(len(line.tokens))):
            token = line.tokens[index]
            length += len(token)
            if length > self.limit:
                return
            if opened is not None:
                if token is opened:
                    opened = None
                elif token.closes:
                    inner.add(token)
            elif token.closes:
                if index and line.tokens[index - 1].opens:
                    inner.add(token)
                    continue
                if closed is not None:
                    omitted |= {closed, *inner}
                    inner.clear()
                    yield frozenset(omitted)
                if token.text:
                    opened, closed = opening.get(token), token

    def _split(self, line: _Line, omitted: frozenset[_Token]) -> _Split:
        """The line broken at its last pair of brackets that is not omitted."""
        places = {token: index for index, token in enumerate(line.tokens)}
        pairs = [(places[opened], places[closed]) for closed, opened in line.opening.items() if closed not in omitted]
        # Brackets with nothing in them are no place to break.
        start, end = max((pair for pair in pairs if pair[1] - pair[0] > 1), key=itemgetter(1), default=(-1, -1))
        if start < 0:
            raise _CannotBreak
        head, body, tail = line.tokens[: start + 1], line.tokens[start + 1 : end], line.tokens[end:]
        inner = _Line(body, line.margin + self.step, inside=True)
        inner.explode = _is_exploded(inner, head)
        return _Split(_Line(head, line.margin), inner, _Line(tail, line.margin), head[-1], tail[0])

    def _chosen(self, line: _Line, omitted: frozenset[_Token], forced: bool) -> list[_Line]:
        split = self._split(line, omitted)
        if not split.opened.text and not forced and self._can_omit(split.body):
            try:
                other = self._split(line, omitted | {split.closed})
                if self._is_better(other, split):
                    return self._chosen(line, omitted | {split.closed}, forced)
            except _CannotBreak:
                if len(split.body.tokens) < 2 and not self.fits(split.body):
                    raise
        return [split.head, split.body, split.tail]

    def _is_better(self, other: _Split, split: _Split) -> bool:
        """Whether breaking at brackets that are written is better than writing some around the value."""
        head = split.head.tokens
        if len(head) < 2 or head[-2].text != "=" or not any(token.closes and token.text for token in head[:-1]):
            return True
        if not self.fits(split.head, less=1):
            return True
        texts = [token.text for token in other.head.tokens]
        after = other.head.tokens[len(texts) - texts[::-1].index("=") :] if "=" in texts else []
        return any(token.closes and token.text for token in after) or ("=" in texts and self.fits(other.head))

    def _can_omit(self, body: _Line) -> bool:
        """Whether a value may do without brackets around it, since there are better places in it to break."""
        breaks = body.breaks
        if not breaks:
            return True
        highest = max(breaks.values())
        if list(breaks.values()).count(highest) > 1:
            return False
        if highest == DOT:
            return True
        first, last, opening = body.tokens[0], body.tokens[-1], body.opening
        if first.opens and not body.tokens[1].closes and self._fits_behind(body, first):
            return True
        if last.text in (")", "}") or (last.text == "]" and _is_display(body.tokens, opening.get(last))):
            if body.tokens[-2].opens:
                return False
            return self._fits_up_to(body, opening.get(last))
        return False

    def _fits_behind(self, body: _Line, first: _Token) -> bool:
        length, behind, opening = len(body.margin), False, body.opening
        for token in body.tokens:
            behind = behind or opening.get(token) is first
            if behind:
                length += len(token)
                if length > self.limit:
                    return False
                behind = not token.opens
        return True

    def _fits_up_to(self, body: _Line, opened: _Token | None) -> bool:
        length, others = len(body.margin), False
        for token in body.tokens:
            length += len(token)
            if token is opened:
                return others or length <= self.limit
            others = others or token.opens
        return False


def _is_exploded(body: _Line, head: Sequence[_Token]) -> bool:
    """Whether what stands in brackets goes on a line for each part although it may fit on one."""
    breaks = body.breaks
    has_comma = breaks.pop(len(body.tokens) - 1, 0) == COMMA
    return max(breaks.values(), default=0) == COMMA and (has_comma or _is_display(head, head[-1]))


def _is_display(tokens: Sequence[_Token], opened: _Token | None) -> bool:
    """Whether a bracket opens a list, a tuple, a dict or a set, and not arguments or an index."""
    if opened is None or not opened.text:
        return False
    index = next(index for index, token in enumerate(tokens) if token is opened)
    before = tokens[index - 1] if index else None
    return before is None or not (before.closes or before.is_string or _is_operand(before.text))
