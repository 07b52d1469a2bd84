"""The comparison with real projects, on a made-up one that lies in the cache already: nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ecosystem import ecosystem
from tests.ecosystem.ecosystem import (
    CROSS_CHECKED,
    HERE,
    Linted,
    Place,
    Reported,
    differences,
    main,
    normal,
    read_projects,
    read_snapshot,
)

COMMAND = """\
from django.core.management.base import BaseCommand

from tiny.models import Book


class Command(BaseCommand):
    def handle(self, *args, **options):
        for book in Book.objects.all():
            print(book.title)
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A cache that holds one project with one finding, and the list that pins it."""
    commands = tmp_path / "sources" / "tiny-1.0" / "tiny" / "management" / "commands"
    commands.mkdir(parents=True)
    (commands / "export.py").write_text(COMMAND, encoding="utf-8")
    (commands / "broken.py").write_text("def broken(:\n", encoding="utf-8")
    (tmp_path / "projects.txt").write_text("# a comment\nTiny==1.0  # another\n", encoding="utf-8")
    return tmp_path


def compare(folder: Path, *arguments: str) -> int:
    given = {"--projects": "projects.txt", "--snapshot": "snapshot.txt", "--cache": "."}
    places = [part for option, name in given.items() for part in (option, str(folder / name))]
    return main(["--jobs", "1", *places, *arguments])


def test_what_is_new_is_told_with_its_message(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tiny) == 1
    printed = capsys.readouterr().out
    assert "+ tiny/tiny/management/commands/export.py:8:21: DJQ101 this loop holds every row" in printed
    assert "Python cannot parse tiny/management/commands/broken.py" in printed


def test_an_updated_snapshot_agrees(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tiny, "--update") == 0
    assert read_snapshot(tiny / "snapshot.txt") == [Place("tiny/tiny/management/commands/export.py", 8, "DJQ101")]
    assert compare(tiny) == 0
    assert "0 differences" in capsys.readouterr().out


def test_what_is_gone_is_told(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare(tiny, "--update")
    with (tiny / "snapshot.txt").open("a", encoding="utf-8") as snapshot:
        snapshot.write("tiny/tiny/views.py 3 DJQ103\nformer/views.py 1 DJQ104\n")
    capsys.readouterr()
    assert compare(tiny) == 1
    assert "- tiny/tiny/views.py 3 DJQ103" in capsys.readouterr().out
    assert compare(tiny, "--project", "tiny", "--findings") == 1
    printed = capsys.readouterr().out
    assert "former" not in printed
    assert "\ntiny/tiny/management/commands/export.py:8:21: DJQ101" in printed


def test_updating_one_project_keeps_the_others(tiny: Path) -> None:
    (tiny / "projects.txt").write_text("tiny==1.0\nother==2\n", encoding="utf-8")
    (tiny / "snapshot.txt").write_text(
        "dropped/a.py 1 DJQ101\nother/a.py 1 DJQ101\ntiny/a.py 1 DJQ101\n", encoding="utf-8"
    )
    assert compare(tiny, "--project", "tiny", "--update") == 0
    assert [place.path for place in read_snapshot(tiny / "snapshot.txt")] == [
        "other/a.py",
        "tiny/tiny/management/commands/export.py",
    ]


def test_an_unknown_project_is_refused(tiny: Path) -> None:
    with pytest.raises(SystemExit, match=r"not in projects\.txt: nobody"):
        compare(tiny, "--project", "nobody")


def test_an_internal_error_never_gets_into_the_snapshot(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Linted(1, 1, (), (Reported("tiny/a.py", 1, 1, "DJQ900 internal error: ..."),))
    monkeypatch.setattr(ecosystem, "lint_sources", lambda *arguments: broken)
    assert compare(tiny, "--update") == 1
    assert "tiny/a.py:1:1: DJQ900" in capsys.readouterr().out
    assert not (tiny / "snapshot.txt").exists()


def test_two_findings_of_one_code_on_one_line_are_two() -> None:
    found = [Reported("p/a.py", 3, column, "DJQ103 len() ...") for column in (5, 20)]
    place = Place("p/a.py", 3, "DJQ103")
    assert differences([place, place], found) == []
    assert differences([place], found) == ["+ p/a.py:3:20: DJQ103 len() ..."]
    assert differences([place, place, place], found) == ["- p/a.py 3 DJQ103"]


def test_the_real_list_is_pinned() -> None:
    projects = read_projects(HERE / "projects.txt")
    assert all(project.name == normal(project.name) and project.version for project in projects)
    assert CROSS_CHECKED in {project.name for project in projects}


def test_the_snapshot_is_sorted_and_of_these_projects() -> None:
    path = HERE / "snapshot.txt"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[0] != "#"] if path.exists() else []
    assert lines == [str(place) for place in read_snapshot(path)]
    assert {line.partition("/")[0] for line in lines} <= {item.name for item in read_projects(HERE / "projects.txt")}
