"""Fixing a text in this process, and the command in a project of its own."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from textwrap import dedent
from typing import Any

from flake8_djq.cli import main
from flake8_djq.findings import Finding
from flake8_djq.fixes.applying import apply_edits
from flake8_djq.linter import lint
from flake8_djq.source import Source
from tests.support import COMMAND, options

HELPER = "shop.db.keyset.keyset_iterator"
# As the console scripts do it: without the current folder on the module path.
START = "import sys; sys.path = [part for part in sys.path if part]; "
SCRIPT = f"{START}from flake8_djq.cli import main; sys.exit(main())"
FLAKE8 = f"{START}from flake8.main.cli import main; sys.exit(main())"

# Both answers would be kept in "category": the second one has to wait for the next pass.
TWO_PASSES = """\
def view(rows):
    for row in rows:
        print(row, Category.objects.get(slug="a").name)
    for row in rows:
        print(row, Category.objects.get(slug="b").name)
"""
AFTER_TWO_PASSES = """\
def view(rows):
    category = Category.objects.get(slug="a")
    for row in rows:
        print(row, category.name)
    category_now = Category.objects.get(slug="b")
    for row in rows:
        print(row, category_now.name)
"""


def plain(text: str) -> str:
    """A text written indented in a test, as it would stand in a file."""
    return dedent(text).lstrip("\n")


def fixable(text: str, path: str = COMMAND, unsafe: bool = False, **changes: Any) -> tuple[Source, list[Finding]]:
    """A text, and what is found in it that would be fixed."""
    source = Source(path, text, ast.parse(text))
    found = lint(source, options(**changes), with_edits=True)
    return source, [finding for finding in found if finding.edit and (finding.edit.safe or unsafe)]


def fixed(text: str, path: str = COMMAND, unsafe: bool = False, limit: int = 120, **changes: Any) -> str:
    """A text with everything fixed that can be, pass after pass.

    Nothing that was fixed may be found again where it was fixed, and each pass has to get somewhere.
    """
    text = plain(text)
    for _ in range(10):
        source, found = fixable(text, path, unsafe, **changes)
        applied = apply_edits(source, found, limit)
        if not applied.findings:
            assert not found, f"an edit was made and could not be applied: {found}"
            return text
        assert applied.text != text
        text = applied.text
    raise AssertionError(f"no end of fixing:\n{text}")


def environment() -> dict[str, str]:
    """The environment without what Python, pytest and git would read of it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "GIT_"))}
    who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    return {**kept, **who, "PYTHONUTF8": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def run(script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a Python script in a process of its own, in a folder."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )


def fix_apart(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``flake8-djq fix`` in a folder."""
    return run(SCRIPT, "fix", *arguments, cwd=cwd)


def fix(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The same from this process, which is faster; flake8 itself runs in another one anyway."""
    before = Path.cwd()
    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    try:
        os.chdir(cwd)
        with redirect_stdout(output), redirect_stderr(errors):
            status = main(["fix", *arguments])
    finally:
        os.chdir(before)
    output.flush()
    errors.flush()
    said, failed = (stream.buffer.getvalue() for stream in (output, errors))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(["flake8-djq", "fix", *arguments], status, said, failed)


def left_by_flake8(cwd: Path, *arguments: str) -> list[str]:
    """The codes of this plugin that flake8 itself reports in a folder."""
    done = run(FLAKE8, "--format=%(code)s", *arguments, cwd=cwd)
    assert not done.stderr, done.stderr.decode()
    return [line for line in done.stdout.decode().splitlines() if line.startswith("DJQ")]


def git(cwd: Path, *arguments: str) -> str:
    """Run git in a folder; it must succeed."""
    done = subprocess.run(["git", *arguments], cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(root: Path, files: dict[str, str | bytes]) -> None:
    """Write files with their folders; text as UTF-8 with the line ends that it has."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder, with what it holds; git's and the index of the project are none of them."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".git", ".flake8_djq_cache"} & set(path.parts)
    }
