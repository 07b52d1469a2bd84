"""The comparison with settings that were read by hand, on made-up projects: nothing is downloaded here."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ecosystem import settings
from tests.ecosystem.ecosystem import HERE, Project, read_projects
from tests.ecosystem.settings import ASSIGNS, main, read_rows, source_distribution, verdict

TINY = Project("tiny", "1.0")
SETTINGS = 'DEBUG = True\nDATABASES = {"default": {"ENGINE": "django.db.backends.mysql"}}\n'


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A cache that holds one project of each kind."""
    for name in ("tiny-1.0-sdist", "wheel-2.0"):
        folder = tmp_path / "sources" / name / "shop"
        folder.mkdir(parents=True)
        (folder / "settings.py").write_text(SETTINGS, encoding="utf-8")
        (folder / "models.py").write_text("class Book: ...\n", encoding="utf-8")
    (tmp_path / "sources" / "tiny-1.0-sdist" / "pyproject.toml").touch()
    (tmp_path / "projects.txt").write_text("wheel==2.0\n", encoding="utf-8")
    (tmp_path / "more.txt").write_text("tiny==1.0\n", encoding="utf-8")
    return tmp_path


def compare(folder: Path, table: str, *arguments: str) -> int:
    (folder / "settings.txt").write_text(table, encoding="utf-8")
    given = {"--projects": "projects.txt", "--more-projects": "more.txt", "--settings": "settings.txt", "--cache": "."}
    return main([*(part for option, name in given.items() for part in (option, str(folder / name))), *arguments])


RIGHT = "# a comment\n\ntiny | shop/settings.py | True | mysql | 1, 2\nwheel | shop/settings.py | True | mysql | 1, 2\n"


def test_what_agrees(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tiny, RIGHT) == 0
    printed = capsys.readouterr().out
    assert "tiny/shop/settings.py   True, mysql  True, mysql  right\n" in printed
    assert "2 modules of 2 projects, 4 values: 4 right, 0 unknown to the tool, 0 wrong" in printed


def test_only_one_project(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tiny, RIGHT, "--project", "Tiny") == 0
    assert "1 modules of 1 projects, 2 values: 2 right" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"not in the lists of projects.*: other"):
        compare(tiny, RIGHT, "--project", "other")


def test_what_is_wrong(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(tiny, "tiny | shop/settings.py | False | mysql | 1, 2\n") == 1
    assert "1 right, 0 unknown to the tool, 1 wrong" in capsys.readouterr().out


def test_what_only_the_tool_does_not_know(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tiny / "sources/tiny-1.0-sdist/shop/settings.py").write_text("DEBUG = load()\n", encoding="utf-8")
    assert compare(tiny, "tiny | shop/settings.py | True | none | 1\n") == 0
    assert "1 right, 1 unknown to the tool, 0 wrong" in capsys.readouterr().out


def test_a_module_that_nobody_has_read(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tiny / "sources/tiny-1.0-sdist/shop/more.py").write_text("INSTALLED_APPS += ['x']\n", encoding="utf-8")
    assert compare(tiny, RIGHT) == 1
    assert "not in settings.txt: tiny/shop/more.py\n" in capsys.readouterr().out
    assert compare(tiny, RIGHT + "tiny | shop/more.py | - | - | no settings\n") == 0


@pytest.mark.parametrize(
    ("by_hand", "tool", "expected"),
    [
        ("True", "True", "right"),
        ("unknown", "unknown", "right"),
        ("True unless local", "True unless .local", "right"),
        ("True", "unknown", "unknown"),
        ("True unless local", "unknown", "unknown"),
        ("True", "False", "wrong"),
        ("True", "True by default", "wrong"),
        ("True", "True unless .local", "wrong"),
        ("True unless local", "True", "wrong"),
        ("unknown", "True", "wrong"),
    ],
)
def test_verdicts(by_hand: str, tool: str, expected: str) -> None:
    assert verdict(by_hand, tool) == expected


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("DEBUG = True\n", True),
        ("DEBUG: bool = True\n", True),
        ("class Live(Configuration):\n    DEBUG = True\n", True),
        ("if x:\n    DATABASES = {}\n", True),
        ("INSTALLED_APPS += ['x']\n", True),
        ("override(DEBUG=True)\n", False),
        ("DEBUG_TOOLBAR = True\n", False),
        ("if DEBUG == x:\n    pass\n", False),
    ],
)
def test_what_assigns_settings(text: str, does: bool) -> None:
    assert bool(ASSIGNS.search(text)) is does


def archive(*members: tuple[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as files:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            files.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("tiny-1.0/shop/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hosts"
        files.addfile(link)
    return held.getvalue()


def index(held: bytes, digest: str = "") -> Callable[[str], bytes]:
    digest = digest or hashlib.sha256(held).hexdigest()
    page = f'<a href="../../packages/tiny-0.9.tar.gz#sha256={"0" * 64}">x</a> '
    page += f'<a href="../../packages/Tiny-1.0.tar.gz#sha256={digest}">x</a>'
    answers = {
        "https://pypi.org/simple/tiny/": page.encode(),
        "https://pypi.org/packages/Tiny-1.0.tar.gz": held,
        "https://pypi.org/simple/other/": b"",
    }
    return answers.__getitem__


def test_a_source_distribution_is_unpacked_and_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = archive(
        ("tiny-1.0/setup.py", b"raise SystemExit\n"),
        ("tiny-1.0/shop/settings.py", b"DEBUG = True\n"),
        ("tiny-1.0/shop/data.json", b"{}"),
        ("tiny-1.0/../../outside.py", b""),
        ("/tiny-1.0/absolute.py", b""),
    )
    monkeypatch.setattr(settings, "_read", index(held))
    folder = source_distribution(TINY, tmp_path / "cache")
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    top = "cache/sources/tiny-1.0-sdist"
    expected = ["pyproject.toml", "setup.py", "shop/settings.py", "tiny-1.0/absolute.py"]
    assert found == [f"{top}/{name}" for name in expected]
    monkeypatch.setattr(settings, "_read", None)
    assert source_distribution(TINY, tmp_path / "cache") == folder


def test_a_wrong_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_read", index(archive(), "1" * 64))
    with pytest.raises(SystemExit, match="is not what"):
        source_distribution(TINY, tmp_path)
    with pytest.raises(SystemExit, match="no source distribution of other"):
        source_distribution(Project("other", "1.0"), tmp_path)
    assert list(tmp_path.rglob("*.py")) == []


def test_the_table_that_is_kept() -> None:
    rows = read_rows(HERE / "settings.txt")
    lists = [*read_projects(HERE / "projects.txt"), *read_projects(HERE / "settings_projects.txt")]
    projects = {row.project for row in rows if row.is_settings}
    assert len(projects) >= 10
    assert projects <= {project.name for project in lists}
    assert len({(row.project, row.module) for row in rows}) == len(rows)
    values = {row.debug.partition(" unless ")[0] for row in rows if row.is_settings}
    assert values == set(settings.STATES.values())
    assert all(row.read_at for row in rows)
