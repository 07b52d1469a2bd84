"""Edits against each other: which of those that overlap is made, and what is never made."""

from __future__ import annotations

import ast
import warnings

import pytest

from flake8_djq.findings import Edit, Finding, Replacement
from flake8_djq.fixes.applying import apply_edits
from flake8_djq.source import Source

TEXT = "one = 1\ntwo = 2\n"


def finding(line: int, *parts: tuple[int, int, str], needs: str = "") -> Finding:
    edit = Edit(tuple(Replacement(*part) for part in parts), safe=True, needs=needs)
    return Finding(line, 0, "DJQ999", "", edit)


def applied(*findings: Finding, text: str = TEXT) -> tuple[str, int]:
    """The new text and how many edits it holds."""
    result = apply_edits(Source("x.py", text, ast.parse(text)), findings, 120)
    return result.text, len(result.findings)


def test_edits_at_different_places_are_made_together() -> None:
    assert applied(finding(2, (14, 15, "20")), finding(1, (6, 7, "10"))) == ("one = 10\ntwo = 20\n", 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 7, "x = 1"), (6, 7, "5")),
        ((6, 7, "5"), (7, 7, "0")),
        ((6, 6, "-"), (6, 6, "+")),
        ((0, 3, "x"), (3, 4, "")),
    ],
)
def test_of_edits_that_overlap_the_first_by_place_is_made(
    first: tuple[int, int, str], second: tuple[int, int, str]
) -> None:
    one, other = finding(1, first), Finding(1, 5, "DJQ998", "", finding(1, second).edit)
    assert applied(other, one) == applied(one)
    assert applied(one)[1] == 1


def test_an_edit_is_made_whole_or_not_at_all() -> None:
    together = finding(2, (0, 3, "six"), (8, 11, "ten"))
    assert applied(finding(1, (0, 3, "big")), together) == ("big = 1\ntwo = 2\n", 1)


def test_an_edit_that_would_not_be_python_is_left_out() -> None:
    assert applied(finding(1, (6, 7, "("))) == (TEXT, 0)
    good = finding(2, (14, 15, "20")), finding(2, (8, 11, "ten"))
    assert applied(finding(1, (6, 7, "(")), *good) == ("one = 1\nten = 20\n", 2)


def test_of_edits_that_are_python_only_alone_the_first_is_made() -> None:
    keyword, positional = finding(1, (2, 2, "a=1,")), finding(2, (3, 3, "b"))
    assert applied(keyword, positional, text="f(\n)\n") == ("f(a=1,\n)\n", 1)


SCOPES = "def f():\n    a(1)\n    b(2)\n\n\ndef g():\n    c(3)\n"


def named(line: int, place: int, call: int) -> Finding:
    """An edit that sets a variable in a line of its own, and uses it."""
    parts = (Replacement(place, place, f"    name = {line}\n"), Replacement(call, call + 1, "name"))
    return Finding(line, 4, "DJQ999", "", Edit(parts, safe=True))


def test_a_new_variable_is_set_once_in_a_function() -> None:
    first, second, other = (
        named(SCOPES[:at].count("\n") + 1, SCOPES.rindex("\n", 0, at) + 1, at) for at in (15, 24, 44)
    )
    assert applied(first, second, text=SCOPES)[1] == 1
    assert applied(first, other, text=SCOPES)[1] == 2


def test_an_import_that_two_edits_need_is_written_once() -> None:
    needs = "from shop.db import walk"
    text, _ = applied(finding(1, (6, 7, "walk()"), needs=needs), finding(2, (14, 15, "walk()"), needs=needs))
    assert text == "from shop.db import walk\n\none = walk()\ntwo = walk()\n"


def test_what_python_thinks_of_other_lines_is_not_said() -> None:
    text = 'pattern = "\\d"\none = 1\n'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = Source("x.py", text, ast.parse(text))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert apply_edits(source, [finding(2, (21, 22, "2" * 200))], 120).text.startswith('pattern = "\\d"\none = 2')
    assert said == []
