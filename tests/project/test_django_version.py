"""The version of Django is the one that the project's files name, and messages say no more than these."""

from __future__ import annotations

import ast
from importlib import metadata
from pathlib import Path

import pytest

from flake8_djq.context import Contexts
from flake8_djq.project import django_version, kept
from flake8_djq.project.django_version import LAST
from flake8_djq.project.versions import ANY, Versions
from flake8_djq.rules.base import File
from flake8_djq.rules.streaming.iterator_drops_prefetch import _effect
from flake8_djq.source import Source
from tests.support import options

UV = '[[package]]\nname = "asgiref"\nversion = "3.8.1"\n\n[[package]]\nname = "django"\nversion = "{}"\nsource = {{}}\n'
PIPFILE = '{"_meta": {}, "default": {"django": {"hashes": [], "version": "==%s"}}, "develop": {"django": {}}}'
PROJECT = '[project]\nname = "shop"\ndependencies = [\n    "celery[redis]>=5",  # it\'s "Django==3.2"\n    %s,\n]\n'
POETRY = '[tool.poetry]\nname = "shop"\n\n[tool.poetry.dependencies]\npython = "^3.12"\n%s\n\n[tool.other]\n'
SETUP = "[metadata]\nname = shop\n\n[options]\ninstall_requires =\n    celery\n    %s\n    \n[flake8]\nx = 100%%\n"


def only(major: int, minor: int) -> Versions:
    return Versions((major, minor), (major, minor))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a repository, with a file to ask about; Django is not installed beside it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "web" / "shop").mkdir(parents=True)
    (tmp_path / "web" / "manage.py").write_text("", encoding="utf-8")
    (tmp_path / "web" / "shop" / "x.py").write_text("", encoding="utf-8")
    installed(monkeypatch, "")
    django_version._versions_of.cache_clear()
    return tmp_path


def installed(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    def version_of(name: str) -> str:
        if not version:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", version_of)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def asked(project: Path) -> Versions:
    return versions_for(project / "web" / "shop" / "x.py")


def versions_for(path: Path, **changes: object) -> Versions:
    """What a rule is told, as in a new process."""
    kept._opened.clear()
    chosen = options(**changes)
    source = Source(str(path), "", ast.parse(""))
    return File(source, Contexts(source, chosen), chosen).django_versions


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"uv.lock": UV.format("5.2.1")}, only(5, 2)),
        ({"poetry.lock": UV.format("4.2.11").replace('"django"', '"Django"')}, only(4, 2)),
        ({"uv.lock": UV.format("4.2.11") + UV.format("5.2.1")}, Versions((4, 2), (5, 2))),
        ({"Pipfile.lock": PIPFILE % "4.1.3"}, only(4, 1)),
        ({"requirements.txt": "Django==4.2.11\n"}, only(4, 2)),
        ({"requirements.txt": "celery\ndjango[bcrypt]==5.1.2 \\\n    --hash=sha256:00\n    # via shop\n"}, only(5, 1)),
        (
            {"requirements/base.txt": "# Django==3.2\ndjango-filter==1.2\nDjango >= 4.2, < 5  # LTS\n"},
            Versions((4, 2), (4, LAST)),
        ),
        ({"requirements.in": "django>=4.2\n", "requirements.txt": "django==5.2.3\n"}, only(5, 2)),
        ({"requirements.txt": "django>=5.0\n", "requirements-dev.txt": "django==4.2\n"}, Versions((5, 0), None)),
        (
            {"requirements.txt": "django==5.2\n", "requirements-freeze-django1.10.txt": "django==1.10\n"},
            Versions((5, 2), (5, 2)),
        ),
        (
            {"requirements.txt": 'django==4.2; python_version < "3.10"\ndjango==5.2; python_version >= "3.10"\n'},
            Versions((4, 2), (5, 2)),
        ),
        ({"pyproject.toml": PROJECT % '"Django>=5.0,!=5.0.1"'}, Versions((5, 0), None)),
        ({"pyproject.toml": PROJECT % "'django[argon2] ~= 4.2.3 ; sys_platform != \"win32\"'"}, only(4, 2)),
        ({"pyproject.toml": POETRY % 'Django = "^4.2"'}, Versions((4, 2), (4, LAST))),
        ({"pyproject.toml": POETRY % 'django = {version = "~5.1", extras = ["bcrypt"]}'}, only(5, 1)),
        ({"setup.cfg": SETUP % "Django>=4.1,<5.0"}, Versions((4, 1), (4, LAST))),
        ({"setup.py": "REQUIRES = [\n    'celery',\n    'django>=1.11,<2.3',\n]\n"}, Versions((1, 11), (2, 2))),
        (
            {"setup.py": "classifiers=['Framework :: Django :: 1.8', 'Framework :: Django :: 1.11']\n"},
            Versions((1, 8), (1, 11)),
        ),
        # The lock says what runs, the other files what may.
        ({"uv.lock": UV.format("5.2.1"), "pyproject.toml": PROJECT % '"Django>=4.2"'}, only(5, 2)),
        ({"requirements.txt": "django==5.2\n", "pyproject.toml": PROJECT % '"Django>=4.2"'}, only(5, 2)),
        # Nobody knows.
        ({}, ANY),
        ({"requirements.txt": "django\ncelery==5.2\n"}, ANY),
        ({"requirements.txt": "django @ https://example.com/django-5.2.zip\n"}, ANY),
        ({"requirements.txt": "django-extensions==4.2\ndjangorestframework==3.15\n"}, ANY),
        ({"pyproject.toml": PROJECT % '"celery"'}, ANY),
        ({"pyproject.toml": "[project]\ndependencies = [\n"}, ANY),
        ({"pyproject.toml": '[dependency-groups]\ndev = ["django==4.2"]\n'}, ANY),
        ({"pyproject.toml": POETRY % 'django = "*"'}, ANY),
        ({"pyproject.toml": POETRY % 'django = "^4.2 || ^5.0"'}, ANY),
        ({"setup.cfg": "install_requires = Django==4.2\n"}, ANY),
        ({"setup.cfg": "[options\n"}, ANY),
        ({"Pipfile.lock": "[]"}, ANY),
        ({"Pipfile.lock": "{"}, ANY),
        ({"uv.lock": "\x00\x01"}, ANY),
    ],
)
def test_what_the_files_of_a_project_say(files: dict[str, str], expected: Versions, project: Path) -> None:
    write(project / "web", files)
    assert asked(project) == expected


def test_files_of_the_repository_count_where_the_project_has_none(project: Path) -> None:
    write(project, {"uv.lock": UV.format("4.2.1")})
    assert asked(project) == only(4, 2)
    write(project / "web", {"uv.lock": UV.format("5.2.1")})
    django_version._versions_of.cache_clear()
    assert asked(project) == only(5, 2)


def test_what_is_installed_is_the_last_guess(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "5.2.19")
    assert asked(project) == only(5, 2)
    write(project / "web", {"setup.cfg": SETUP % "Django>=4.2"})
    django_version._versions_of.cache_clear()
    assert asked(project) == Versions((4, 2), None)


def test_the_option_comes_first(project: Path) -> None:
    write(project / "web", {"uv.lock": UV.format("5.2.1")})
    path = project / "web" / "shop" / "x.py"
    assert versions_for(path, django_version=(4, 2)) == only(4, 2)
    assert versions_for(path, index=False) == ANY


def test_outside_of_any_project_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "5.2.19")
    assert versions_for(tmp_path / "gone.py") == ANY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("==5.2.1", only(5, 2)),
        ("==5.2.*", only(5, 2)),
        ("==5.*", Versions((5, 0), (5, LAST))),
        ("5.2.1", only(5, 2)),
        ("~=4.2", Versions((4, 2), (4, LAST))),
        ("~=4.2.1", only(4, 2)),
        ("~4", Versions((4, 0), (4, LAST))),
        (">=5", Versions((5, 0), None)),
        (">4.2,<6", Versions((4, 2), (5, LAST))),
        ("<5.1", Versions(None, (5, 0))),
        ("<5.0.3", Versions(None, (5, 0))),
        ("<5.0.0", Versions(None, (4, LAST))),
        ("<=5.1", Versions(None, (5, 1))),
        (">=4.2,>=5.0", Versions((5, 0), None)),
    ],
)
def test_conditions(text: str, expected: Versions) -> None:
    assert django_version._ranges(text) == [expected]


@pytest.mark.parametrize("text", ["!=5.0", ">=5,<4", "", "=>5", "^4|^5", "nonsense"])
def test_conditions_that_say_nothing(text: str) -> None:
    assert django_version._ranges(text) == []


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (ANY, "raises ValueError from Django 5.0 on and ignores the prefetch before"),
        (only(5, 2), "raises ValueError on Django 5.2"),
        (Versions((5, 0), (5, LAST)), "raises ValueError on Django 5.0 and later"),
        (Versions((5, 1), None), "raises ValueError on Django 5.1 and later"),
        (Versions((4, 2), None), "raises ValueError from Django 5.0 on and ignores the prefetch before"),
        (Versions((4, 2), (5, 2)), "raises ValueError from Django 5.0 on and ignores the prefetch before"),
        (Versions(None, (4, LAST)), "raises ValueError from Django 5.0 on and ignores the prefetch before"),
        (only(4, 2), "ignores the prefetch on Django 4.2, with a warning, and raises ValueError from 5.0 on"),
        (
            Versions((4, 2), (4, LAST)),
            "ignores the prefetch on Django 4.2, with a warning, and raises ValueError from 5.0 on",
        ),
        (
            Versions((4, 1), (4, LAST)),
            "ignores the prefetch on Django 4.1 and 4.2, with a warning, and raises ValueError from 5.0 on",
        ),
        (only(4, 1), "ignores the prefetch on Django 4.1, with a warning, and raises ValueError from 5.0 on"),
        (only(3, 2), "silently ignores the prefetch on Django 3.2"),
        (Versions((3, 0), (3, LAST)), "silently ignores the prefetch before Django 4.1"),
        (Versions(None, (4, 0)), "silently ignores the prefetch before Django 4.1"),
    ],
)
def test_what_djq302_says(versions: Versions, expected: str) -> None:
    assert _effect(versions) == expected
