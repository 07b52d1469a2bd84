"""The marks in fixtures/shop are exactly what is found there: no line more, no line less."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest

from flake8_djq.linter import lint
from flake8_djq.source import Source
from tests.support import MARK, SHOP, fixture_files, flake8, marked, options

FILES = fixture_files()


def read(path: str) -> str:
    return (SHOP / path).read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def in_the_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHOP)


def found(path: str, *contexts: str, index: bool = True) -> list[tuple[int, str]]:
    text = read(path)
    return sorted(
        (finding.line, finding.code)
        for finding in lint(Source(path, text, ast.parse(text)), options(contexts=contexts, index=index))
    )


@pytest.mark.parametrize("path", FILES)
def test_marks_are_what_is_found(path: str) -> None:
    assert found(path, "batch") == marked(read(path), "", "project")


@pytest.mark.parametrize("path", FILES)
def test_marks_for_web_are_what_is_found_in_addition(path: str) -> None:
    assert found(path, "batch", "web") == marked(read(path), "", "web", "project")


@pytest.mark.parametrize("path", FILES)
def test_marks_for_the_project_need_the_index(path: str) -> None:
    assert found(path, "batch", index=False) == marked(read(path), "", "alone")


@pytest.mark.parametrize("path", FILES)
def test_marks_are_spelled_right(path: str) -> None:
    """A mark with a mistake in it would ask for nothing."""
    text = read(path)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        alone = token.line[: token.start[1]].strip() == ""
        if token.type == tokenize.COMMENT and not alone:
            asked = [code for _, names in MARK.findall(token.string) for code in names.split()]
            assert asked == re.findall(r"[Dd][Jj][Qq] ?\d+", token.string), f"line {token.start[0]}: {token.string}"


def test_flake8_finds_the_same() -> None:
    done = flake8("--isolated", "--djq-contexts=batch,web", "-j2", "--format=%(path)s:%(row)d:%(code)s", ".", cwd=SHOP)
    assert done.stderr == ""
    reported = sorted(line.removeprefix("./") for line in done.stdout.splitlines())
    in_process = sorted(f"{path}:{line}:{code}" for path in FILES for line, code in found(path, "batch", "web"))
    assert len(in_process) > 100
    assert reported == in_process
