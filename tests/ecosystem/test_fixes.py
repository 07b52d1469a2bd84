"""The check of fixes on real projects, on a made-up one and on changes that no fix should make."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flake8_djq.fixes.files import TextFile
from tests.ecosystem import fixes
from tests.ecosystem.fixes import ROUNDS, findings_in, main, problems_of, statements

PATH = "./tiny/management/commands/export.py"
BEFORE = """\
from django.core.management.base import BaseCommand

from tiny.models import Book


class Command(BaseCommand):
    def handle(self, *args, **options):
        for book in Book.objects.all():  # every one
            print(book.title)
        if len(Book.objects.filter(sold=True)) > 0:
            print("sold")
"""
AFTER = BEFORE.replace("all()", "iterator(chunk_size=2000)").replace(
    "len(Book.objects.filter(sold=True)) > 0", "Book.objects.filter(sold=True).exists()"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are relative to a project."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A cache that holds one project with two findings, and the list that pins it."""
    commands = tmp_path / "sources" / "tiny-1.0" / Path(PATH).parent
    commands.mkdir(parents=True)
    (commands / "export.py").write_text(BEFORE, encoding="utf-8")
    (commands / "broken.py").write_text("def broken(:\n", encoding="utf-8")
    (tmp_path / "projects.txt").write_text("tiny==1.0\n", encoding="utf-8")
    return tmp_path


def check(folder: Path, *arguments: str) -> int:
    return main(["--jobs=1", f"--projects={folder / 'projects.txt'}", f"--cache={folder}", *arguments])


def problems(after: str, before: str = BEFORE) -> list[str]:
    """What the checks say of a change of one file by the safe fixes."""
    Path(PATH).parent.mkdir(parents=True, exist_ok=True)
    Path(PATH).write_text(after, encoding="utf-8", newline="")
    files = [TextFile(Path(PATH), text.encode(), "utf-8", text.replace("\r\n", "\n")) for text in (before, after)]
    found = findings_in(PATH, before, ROUNDS[0].options) or []
    return problems_of(files[0], files[1], found, [item for item in found if item.edit and item.edit.safe], ROUNDS[0])


def test_a_project_is_fixed_in_a_copy(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tiny, "--diffs", str(tiny / "diffs")) == 0
    printed = capsys.readouterr().out
    assert "tiny, safe: fixed 2 in 1 files (DJQ101 1, DJQ104 1); left 0 (none)" in printed
    assert "tiny, unsafe: fixed 0 in 0 files (none)" in printed
    assert "tiny, keyset: fixed 2 in 1 files" in printed
    assert printed.endswith("0 problems\n")
    names = [path.relative_to(tiny / "diffs").as_posix() for path in (tiny / "diffs").rglob("*.diff")]
    file = "tiny.management.commands.export.py.diff"
    assert sorted(names) == [f"tiny/keyset/{file}", f"tiny/safe/{file}"]
    assert "+from project.db import keyset_iterator\n" in (tiny / "diffs" / "tiny" / "keyset" / file).read_text()
    assert (tiny / "sources" / "tiny-1.0" / PATH).read_text() == BEFORE


def test_the_real_command_gives_the_same(tiny: Path) -> None:
    source = tiny / "sources" / "tiny-1.0"
    with fixes.copy_of(source) as folder:
        outcome = fixes.fix_project(folder, ROUNDS[0], 1)
        assert outcome.fixed.total() == 2
        assert fixes.differs_from_command(source, folder, ROUNDS[:1]) == []


def test_another_text_by_the_real_command_is_a_problem(tiny: Path) -> None:
    source = tiny / "sources" / "tiny-1.0"
    told = fixes.differs_from_command(source, source, ROUNDS[:1])
    assert told == [f"{PATH}: the command gives another text"]


def test_an_unknown_project(tiny: Path) -> None:
    with pytest.raises(SystemExit, match=r"not in projects.txt: huge"):
        check(tiny, "--project", "huge")


def test_what_the_fixes_give_is_right() -> None:
    assert problems(AFTER) == []


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        (AFTER.replace('print("sold")', 'print("gone")'), ":11: was changed, and no finding names it"),
        (AFTER.replace("class Command", "x = 1\n\n\nclass Command"), "more was added than imports"),
        (AFTER.replace('            print("sold")', '            pass\n        print("sold")'), "more was added"),
        (AFTER.replace('("sold")', "('sold')"), ":11: this line was changed, and no statement on it"),
        (AFTER.replace("every one", "each"), "its comments are not the same"),
        (AFTER.replace("\n\n\nclass", "\n\nclass"), ":5: this line was changed, and no statement on it"),
        (AFTER.replace("\n", "\r\n"), "this line was changed, and no statement on it"),
        (AFTER + "        )\n", "does not parse any more"),
        (AFTER.replace("iterator(chunk_size=2000)", "all().all()"), "DJQ101 was fixed and is still reported"),
        (AFTER.replace("iterator(chunk_size=2000)", "iterator()"), "DJQ301 is new where an edit was made"),
        (AFTER.replace("iterator(chunk_size=2000)", "iterator()"), "fixing again changes it again"),
    ],
)
def test_what_no_fix_should_do_is_told(after: str, problem: str) -> None:
    assert any(problem in line for line in problems(after)), problems(after)


def test_a_moved_statement_is_told() -> None:
    after = AFTER.replace("            print(book.title)\n", "            pass\n")
    assert any("no finding names it" in line for line in problems(after))
    within = "if a:\n    b()\nc()\n"
    assert [item.block for item in statements(ast.parse(within))] == [(0, "body"), (1, "body"), (0, "body")]


def test_statements_own_their_heads() -> None:
    text = (
        "@deco\ndef f(\n    a,\n):\n    # note\n    try:\n"
        "        x = [\n            1,\n        ]\n    except E:\n        pass\n"
        "match x:\n    case [\n        1\n    ] if y:\n        z()\n"
    )
    own = [(item.first, item.last, item.kind.__name__) for item in statements(ast.parse(text))]
    assert own == [
        (1, 5, "FunctionDef"),
        (6, 6, "Try"),
        (7, 9, "Assign"),
        (10, 10, "ExceptHandler"),
        (11, 11, "Pass"),
        (12, 12, "Match"),
        (13, 15, "match_case"),
        (16, 16, "Expr"),
    ]
