"""Which folder a project starts in, in the ways that repositories are laid out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flake8_djq.project import files as project_files
from flake8_djq.project.files import Files
from flake8_djq.project.project import open_project
from flake8_djq.project.roots import find_roots
from tests.support import flake8, options

LAYOUTS = [
    # files, the one that is linted, its root, the top of the repository, its dotted name
    ("manage.py shop/x.py", "shop/x.py", ".", ".", "shop.x"),
    ("setup.cfg shop/x.py", "shop/x.py", ".", ".", "shop.x"),
    ("pyproject.toml shop/x.py", "shop/x.py", ".", ".", "shop.x"),
    (".git/config shop/x.py", "shop/x.py", ".", ".", "shop.x"),
    # Two projects in one repository, and what they share.
    (".git/config a/manage.py b/manage.py a/shop/x.py", "a/shop/x.py", "a", ".", "shop.x"),
    (".git/config a/manage.py b/manage.py b/shop/x.py", "b/shop/x.py", "b", ".", "shop.x"),
    (".git/config a/manage.py b/manage.py common/x.py", "common/x.py", ".", ".", "common.x"),
    # manage.py in a folder of its own, with pyproject.toml above or below it.
    ("pyproject.toml web/manage.py web/shop/x.py", "web/shop/x.py", "web", ".", "shop.x"),
    ("pyproject.toml web/manage.py lib/x.py", "lib/x.py", ".", ".", "lib.x"),
    (".git/config manage.py lib/pyproject.toml lib/x.py", "lib/x.py", ".", ".", "lib.x"),
    ("manage.py setup.cfg web/manage.py web/shop/x.py", "web/shop/x.py", "web", ".", "shop.x"),
    # A repository within another one.
    (".git/config manage.py lib/.git/config lib/shop/x.py", "lib/shop/x.py", "lib", "lib", "shop.x"),
    ("manage.py lib/.git lib/shop/x.py", "lib/shop/x.py", "lib", "lib", "shop.x"),
    # src layouts; a package of that name is none.
    ("pyproject.toml src/shop/__init__.py src/shop/x.py", "src/shop/x.py", ".", ".", "shop.x"),
    ("pyproject.toml src/__init__.py src/x.py", "src/x.py", ".", ".", "src.x"),
    ("pyproject.toml src/manage.py src/shop/x.py", "src/shop/x.py", "src", ".", "shop.x"),
    # Namespace packages have no __init__.py.
    ("manage.py company/shop/x.py", "company/shop/x.py", ".", ".", "company.shop.x"),
]


def write(folder: Path, names: str) -> None:
    for name in names.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of the user, in which everything lies."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


@pytest.mark.parametrize(("names", "linted", "root", "top", "dotted"), LAYOUTS)
def test_layouts(names: str, linted: str, root: str, top: str, dotted: str, home: Path) -> None:
    place = home / "work"
    write(place, names)
    roots = find_roots(str(place / linted))
    assert roots is not None
    assert (roots.root, roots.top) == (place / root, place / top)
    assert roots.module_of(place / linted) == dotted
    assert roots.file_of(dotted) == place / linted


def test_a_namespace_package_is_no_file_but_leads_to_some(home: Path) -> None:
    write(home / "work", "manage.py company/shop/x.py")
    roots = find_roots(str(home / "work" / "company" / "shop" / "x.py"))
    assert roots is not None
    assert roots.file_of("company") is None
    assert roots.file_of("company.shop.x") is not None


@pytest.mark.parametrize(
    "names", [".git/config", "setup.cfg", "pyproject.toml", ".git/config setup.cfg pyproject.toml"]
)
def test_a_home_folder_is_no_root(names: str, home: Path) -> None:
    write(home, f"{names} scripts/x.py site/manage.py site/x.py site/lib/setup.cfg")
    assert find_roots(str(home / "scripts" / "x.py")) is None
    roots = find_roots(str(home / "site" / "x.py"))
    assert roots is not None
    assert roots.root == roots.top == home / "site"


def test_a_home_folder_that_holds_a_project_is_its_root(home: Path) -> None:
    # As in containers whose user has the folder of the application as home.
    write(home, ".git/config manage.py shop/x.py")
    roots = find_roots(str(home / "shop" / "x.py"))
    assert roots is not None
    assert roots.root == roots.top == home


def test_a_file_outside_of_any_project(home: Path) -> None:
    write(home / "work", "x.py")
    assert find_roots(str(home / "work" / "x.py")) is None
    assert open_project(str(home / "work" / "x.py"), options()) is None


def test_the_root_of_the_disk_is_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def isfile(path: object) -> bool:
        asked.append(os.path.dirname(os.fspath(path)))  # type: ignore[call-overload]
        return True

    monkeypatch.setattr(os.path, "isfile", isfile)
    assert find_roots("/x.py") is None
    assert set(asked) == {"/"}
    assert len(asked) == 1


def test_without_a_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / "work", "manage.py x.py")
    monkeypatch.delenv("HOME")
    roots = find_roots(str(home / "work" / "x.py"))
    assert roots is not None
    assert roots.root == home / "work"


def test_standard_input_is_read_with_the_project_around_its_display_name(home: Path) -> None:
    place = home / "work"
    write(place, "manage.py shop/__init__.py shop/management/commands/x.py")
    (place / "search.py").write_text(
        "from shop.models import Book\n\n\ndef overdue():\n    return Book.objects.filter(x=1)\n", encoding="utf-8"
    )
    (place / "shop" / "models.py").write_text(
        "from django.db import models\n\n\nclass Book(models.Model):\n    x = models.IntegerField()\n", encoding="utf-8"
    )
    text = "from search import overdue\n\n\ndef run():\n    for book in overdue():\n        print(book)\n"
    name = "shop/management/commands/x.py"
    done = flake8("--isolated", "--stdin-display-name", name, "-", cwd=place, text=text)
    assert (done.stderr, done.stdout.split()[:2]) == ("", [f"{name}:5:17:", "DJQ101"])
    done = flake8("--isolated", "--stdin-display-name", str(place / name), "-", cwd=home, text=text)
    assert (done.stderr, done.stdout.split()[:2]) == ("", [f"{place / name}:5:17:", "DJQ101"])
    # Of a file that is not there, nobody knows the project.
    done = flake8("--isolated", "--stdin-display-name", "shop/management/commands/y.py", "-", cwd=place, text=text)
    assert (done.stderr, done.stdout) == ("", "")


# How much of a large root is looked at


def test_a_listing_ends(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = " ".join(f"d{number}/{name}" for number in range(20) for name in ("a.py", "b.bin", "c.bin", "d.bin"))
    write(home / "work", f"manage.py {names}")
    roots = find_roots(str(home / "work" / "manage.py"))
    assert len(Files(roots).listing()) == 81
    monkeypatch.setattr(project_files, "MOST_NAMES", 40)
    # The top, and folders up to the limit.
    assert len(Files(roots).listing()) == 1 + 5 * 4
    monkeypatch.setattr(project_files, "MOST_FILES", 7)
    assert len(Files(roots).listing()) == 7
