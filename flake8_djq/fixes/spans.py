"""How rules write edits: replacements around the nodes that they judge, with every other character left as it stands.

Each function gives the replacements that do one thing, or None where it cannot be done without touching more than it
should: a comment would be lost, or the new text would mean something else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from flake8_djq.findings import Replacement
from flake8_djq.source import Source, dotted_name

__all__ = [
    "ATOMS",
    "Replacements",
    "ancestors",
    "call_on",
    "call_on_inside",
    "can_be_edited",
    "drop",
    "feeds_a_loop",
    "insert_after",
    "is_parenthesized",
    "is_test",
    "on_one_line",
    "pass_instead",
    "pass_to",
    "replace",
    "stands_alone",
    "starts_query",
    "with_argument",
]

Replacements = tuple[Replacement, ...]

# What a method can be called on without parentheses.
ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
TAKE_ITERABLES = frozenset(
    {"list", "tuple", "set", "frozenset", "sorted", "dict", "sum", "any", "all", "min", "max"}
) | {
    "enumerate",
    "zip",
    "map",
    "filter",
}


def ancestors(source: Source, node: ast.AST) -> list[ast.AST]:
    """The nodes around a node, from the module down to its parent."""
    found: list[ast.AST] = []
    parent = source.parents.get(node)
    while parent is not None:
        found.append(parent)
        parent = source.parents.get(parent)
    return found[::-1]


def replace(source: Source, node: ast.expr | ast.stmt, text: str) -> Replacements | None:
    """Write a text in the place of a whole node."""
    start, end = source.span(node)
    return None if _has_comment(source, start, end) else (Replacement(start, end, text),)


def drop(source: Source, start: int, end: int) -> Replacements | None:
    """Take a span of text away."""
    return None if _has_comment(source, start, end) else (Replacement(start, end, ""),)


def call_on(source: Source, node: ast.expr, call: str) -> Replacements | None:
    """Call a query method on a node: ``Event.objects.all()`` becomes ``Event.objects.exists()``."""
    start, end = source.span(node)
    if starts_query(node) and isinstance(node, ast.Call):
        name = source.span(node.func)[1] - len("all")
        if not _has_comment(source, name, end):
            return (Replacement(name, end, call),)
    if isinstance(node, ATOMS):
        dot = _dot(source, node)
        place = _behind_comment(source, end) if "\n" in dot else end
        return (Replacement(place, place, dot + call),)
    if is_parenthesized(source, node):
        close = source.normal_text.index(")", end) + 1
        return None if _has_comment(source, end, close) else (Replacement(close, close, f".{call}"),)
    return Replacement(start, start, "("), Replacement(end, end, f").{call}")


def starts_query(node: ast.expr) -> bool:
    """Whether a node is ``Model.objects.all()``, so that another method can stand in the place of ``all()``.

    On a variable ``all()`` means something: a new queryset with an empty cache.
    """
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "all"):
        return False
    manager = node.func.value
    if node.args or node.keywords or not isinstance(manager, ast.Attribute):
        return False
    holder = dotted_name(manager.value).rpartition(".")[2]
    return manager.attr in ("objects", "_default_manager", "_base_manager") or holder[:1].isupper()


def _dot(source: Source, node: ast.expr) -> str:
    """The dot before a method that is called on a node: on a line of its own in a chain that is written so."""
    inner = node.func if isinstance(node, ast.Call) else node
    if not isinstance(inner, ast.Attribute):
        return "."
    dot = source.normal_text.rindex(".", 0, source.span(inner)[1])
    line_start = source.normal_text.rfind("\n", 0, dot) + 1
    before = source.normal_text[line_start:dot]
    is_continued = source.normal_text[:line_start].endswith("\\\n")
    return "." if before.strip() or is_continued or line_start == 0 else f"\n{before}."


def feeds_a_loop(source: Source, node: ast.expr) -> bool:
    """Whether an expression is gone through right where it stands, by something that takes any iterable."""
    around = ancestors(source, node)
    parent = around[-1] if around else None
    if isinstance(parent, ast.For | ast.AsyncFor | ast.comprehension):
        return node is parent.iter
    return isinstance(parent, ast.Call) and dotted_name(parent.func) in TAKE_ITERABLES and node in parent.args


def _behind_comment(source: Source, place: int) -> int:
    """The end of the line, where nothing but a comment follows: it belongs to what stands before it."""
    text = source.normal_text
    line_end = text.find("\n", place)
    return line_end if line_end >= 0 and text[place:line_end].lstrip().startswith("#") else place


def can_be_edited(source: Source, node: ast.expr | ast.stmt) -> bool:
    """Whether a node has a place of its own in the text: parts of f-strings have no reliable one before Python 3.12."""
    around = ancestors(source, node)
    return bool(around) and not any(isinstance(part, ast.JoinedStr) for part in around)


def is_test(source: Source, node: ast.expr) -> bool:
    """Whether only the truth of an expression counts where it stands."""
    inner: ast.AST = node
    for outer in reversed(ancestors(source, node)):
        if isinstance(outer, ast.If | ast.While | ast.IfExp | ast.Assert):
            return inner is outer.test
        if not isinstance(outer, ast.BoolOp) and not (isinstance(outer, ast.UnaryOp) and isinstance(outer.op, ast.Not)):
            return False
        inner = outer
    return False


def is_parenthesized(source: Source, node: ast.expr) -> bool:
    """Whether parentheses of its own stand around a node; those of a call that it is an argument of do not count."""
    start, end = source.span(node)
    text = source.normal_text
    if not (text[:start].rstrip().endswith("(") and text[end:].lstrip().startswith(")")):
        return False
    around = ancestors(source, node)
    parent = around[-1] if around else None
    if isinstance(parent, ast.Call):
        return node is parent.func
    return not isinstance(parent, ast.keyword | ast.ClassDef)


def insert_after(source: Source, node: ast.expr, text: str) -> Replacements:
    """Write a text right behind a node; nothing for an empty one."""
    end = source.span(node)[1]
    return (Replacement(end, end, text),) if text else ()


def pass_instead(source: Source, around: ast.expr, node: ast.expr, function: str, more: str) -> Replacements | None:
    """Pass a node to a function in the place of the expression around it: ``list(rows)`` -> ``walk(rows)``."""
    start, end = source.span(around)
    inner_start, inner_end = source.span(node)
    if _has_comment(source, start, inner_start) or _has_comment(source, inner_end, end):
        return None
    return Replacement(start, inner_start, f"{function}("), Replacement(inner_end, end, f"{more})")


def pass_to(source: Source, node: ast.expr, function: str, more: str = "") -> Replacements:
    """Pass a node to a function, with further arguments; parentheses around the node become those of the call."""
    start, end = source.span(node)
    if is_parenthesized(source, node):
        opened = source.normal_text.rindex("(", 0, start)
        return Replacement(opened, opened, function), *insert_after(source, node, more)
    if not _has_lines(node) or any(
        isinstance(part, ast.Constant | ast.JoinedStr) and _has_lines(part) for part in ast.walk(node)
    ):
        return Replacement(start, start, f"{function}("), Replacement(end, end, f"{more})")
    line = source.lines[node.lineno - 1]
    margin, step = line[: len(line) - len(line.lstrip())], "\t" if line.startswith("\t") else "    "
    starts = [source.offset(number, 0) for number in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)]
    return (
        Replacement(start, start, f"{function}(\n{margin}{step}"),
        *(Replacement(place, place, step) for place in starts if source.normal_text[place] != "\n"),
        Replacement(end, end, f"{more}\n{margin})"),
    )


def call_on_inside(
    source: Source, outer: ast.expr, inner: ast.expr, call: str, before: str = ""
) -> Replacements | None:
    """Put a method call on an inner node in the place of the node around it: ``len(rows)`` becomes ``rows.count()``.

    ``before`` is written in front.
    """
    start, end = source.span(outer)
    inner_start, inner_end = source.span(inner)
    if _has_comment(source, start, inner_start) or _has_comment(source, inner_end, end):
        return None
    called = call_on(source, inner, call)
    if called is None:
        return None
    has_lines = not stands_alone(source.text_of(inner)) or any("\n" in part.text for part in called)
    front, rest = source.normal_text[start:inner_start], source.normal_text[inner_end:end]
    above = front[len(front.rstrip()) :] if front.rstrip().endswith("(") else ""
    below = rest[: len(rest) - len(rest.lstrip())] if rest.lstrip().startswith((")", ",")) else ""
    if has_lines and not is_parenthesized(source, outer):
        # The lines of a chain need the parentheses that go away.
        opened, closed = f"{before}({above}", f"{below}).{call}"
        return Replacement(start, inner_start, opened), Replacement(inner_end, end, closed)
    if not has_lines:
        above = below = ""
    inside = [part for part in called if inner_start <= part.start and part.end <= inner_end]
    if len(inside) != len(called):
        return None
    head, tail = Replacement(start, inner_start, before + above), Replacement(inner_end, end, below)
    shifted = [] if above else _moved_left(source, inner, _margin_at(source, inner_start) - _margin_at(source, start))
    return _merged(sorted([head, *inside, *shifted, tail]))


def _margin_at(source: Source, place: int) -> int:
    """How far the line of a place is indented, in characters."""
    line = source.lines[source.line_of(place) - 1]
    return len(line) - len(line.lstrip())


def _moved_left(source: Source, node: ast.expr, columns: int) -> list[Replacement]:
    """The further lines of a node moved to the left; nothing where they have strings of several lines."""
    if columns <= 0 or _has_long_string(node):
        return []
    starts = [source.offset(line, 0) for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)]
    blank = " " * columns
    return [
        Replacement(start, start + columns, "")
        for start in starts
        if source.normal_text[start : start + columns] == blank
    ]


def _has_long_string(node: ast.expr) -> bool:
    """Whether a string in a node has several lines, which must stay where they are."""
    return any(isinstance(part, ast.Constant | ast.JoinedStr) and _has_lines(part) for part in ast.walk(node))


def _has_lines(node: ast.expr) -> bool:
    return node.lineno != node.end_lineno


def _merged(parts: Sequence[Replacement]) -> Replacements:
    """Replacements that touch made into one."""
    merged: list[Replacement] = []
    for part in parts:
        if merged and merged[-1].end == part.start:
            last = merged.pop()
            part = Replacement(last.start, part.end, last.text + part.text)
        merged.append(part)
    return tuple(part for part in merged if part.start < part.end or part.text)


def stands_alone(text: str) -> bool:
    """Whether the text of an expression is one without the parentheses that may stand around it."""
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def on_one_line(text: str) -> str:
    """The text of an expression with its line breaks taken out, where no string spans one."""
    joined = re.sub(r"(?<=[(\[{])\s*\n\s*|,?\s*\n\s*(?=[)\]}])", "", text)
    joined = re.sub(r"\s*\n\s*", " ", joined)
    try:
        same = ast.dump(ast.parse(f"({joined})", mode="eval")) == ast.dump(ast.parse(f"({text})", mode="eval"))
    except SyntaxError:
        return text
    return joined if same else text


def with_argument(source: Source, call: ast.Call, argument: str) -> Replacements | None:
    """Add a keyword argument to a call, after the others, in the form in which they are written."""
    text = source.normal_text
    close = source.span(call)[1] - 1
    given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if not given:
        opened = text.rindex("(", 0, close)
        return None if text[opened + 1 : close].strip() else (Replacement(opened + 1, close, argument),)
    last = max(given, key=lambda part: (part.end_lineno or 0, part.end_col_offset or 0))
    start, end = source.offset(last.lineno, last.col_offset), source.offset(last.end_lineno, last.end_col_offset)
    if isinstance(last, ast.GeneratorExp) and end == close + 1:
        # "f(x for x in y)": the generator has been living in the parentheses of the call.
        if _has_lines(call):
            return None  # its lines would have to move
        return Replacement(start, start, "("), Replacement(close, close, f"), {argument}")
    rest = text[end:close]
    comma = _comma(rest)
    if comma < 0:
        return (
            Replacement(_after_parentheses(text, end, close), _after_parentheses(text, end, close), f", {argument}"),
        )
    place = end + comma + 1
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if "\n" in rest[comma:] and not line.strip():
        place = _behind_comment(source, place)
        return (Replacement(place, place, f"\n{line}{argument},"),)
    return (Replacement(place, place, f" {argument}"),)


def _comma(rest: str) -> int:
    """Where a trailing comma stands in what follows the last argument, or -1; commas in comments do not count."""
    position = 0
    for line in rest.splitlines(keepends=True):
        comma = line.partition("#")[0].find(",")
        if comma >= 0:
            return position + comma
        position += len(line)
    return -1


def _after_parentheses(text: str, end: int, close: int) -> int:
    """The end of an argument with the parentheses that may stand around it."""
    inner = text.rfind(")", end, close)
    return inner + 1 if inner >= 0 and "#" not in text[end:inner] else end


def _has_comment(source: Source, start: int, end: int) -> bool:
    """Whether a span may hold a comment; a number sign in a string counts too, to be on the safe side."""
    return "#" in source.normal_text[start:end]
