"""Findings are kept from run to run, and made anew as soon as anything that they come from is different."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_djq import judging, linter
from flake8_djq.project import django_version
from flake8_djq.rules.memory.loop_without_iterator import LoopWithoutIterator
from flake8_djq.source import Source
from tests.support import forget, options, project_on_disk

COMMAND = "shop/management/commands/x.py"
SETTINGS = "DEBUG = False\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\nINSTALLED_APPS = []\n"
FILES = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.production')\n",
    "requirements.txt": "Django==4.2\n",
    "shop/__init__.py": "",
    "shop/settings/__init__.py": "",
    "shop/settings/base.py": SETTINGS,
    "shop/settings/production.py": "from .base import *\n",
    "shop/settings/other.py": SETTINGS.replace("postgresql", "mysql"),
    "shop/models.py": """
        from django.db import models
        class Author(models.Model):
            name = models.TextField()
        class Book(models.Model):
            author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    """,
    "shop/selecting.py": """
        from shop.models import Book
        def overdue():
            return Book.objects.filter(overdue=True)
    """,
    "shop/rebuilding.py": """
        from shop.models import Author, Book
        def rebuild():
            for book in Book.objects.filter(open=True):
                print(book)
    """,
    COMMAND: """
        from shop.selecting import overdue
        from shop.models import Author, Book
        def run(author):
            for book in overdue():
                print(book)
            for book in Book.objects.prefetch_related("tags").iterator():
                print(book)
            if author.books.count() > 0:
                print(author)
    """,
}
Ask = Callable[..., list[str]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask for the findings of a file as a new run does: as messages."""
    project_on_disk(tmp_path, FILES, monkeypatch)

    def messages(path: str = COMMAND, **changes: object) -> list[str]:
        forget(monkeypatch)
        django_version._versions_of.cache_clear()
        text = Path(path).read_text(encoding="utf-8")
        found = linter.lint(Source(path, text, ast.parse(text)), options(**changes))
        return [f"{finding.line} {finding.code} {finding.message}" for finding in found]

    return messages


def nobody_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("the findings are made again")

    monkeypatch.setattr(judging, "judge", fail)


def test_what_is_kept_is_what_was_found(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask()
    assert [message.split()[1] for message in first] == ["DJQ101", "DJQ302", "DJQ104"]
    nobody_judges(monkeypatch)
    assert ask() == first


def test_a_file_without_findings_is_kept_too(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("shop/selecting.py") == []
    nobody_judges(monkeypatch)
    assert ask("shop/selecting.py") == []


def test_each_way_to_name_a_file_is_kept_for_itself(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file lies says what kind of code it is, by the name that flake8 was given."""
    assert ask(str(Path(COMMAND).resolve())) == ask()
    assert len(ask("shop/rebuilding.py", batch_paths=("shop/*",))) == 1
    assert ask("shop/rebuilding.py") == []
    nobody_judges(monkeypatch)
    assert len(ask("shop/rebuilding.py", batch_paths=("shop/*",))) == 1
    assert ask("shop/rebuilding.py") == []


def write(name: str, text: str) -> Callable[[], object]:
    return lambda: Path(name).write_text(dedent(text), encoding="utf-8")


MYSQL = SETTINGS.replace("postgresql", "mysql")


@pytest.mark.parametrize(
    ("change", "of", "expected"),
    [
        pytest.param(
            write("shop/selecting.py", "def overdue():\n    return []\n"),
            COMMAND,
            ["DJQ302", "DJQ104"],
            id="a function that it calls",
        ),
        pytest.param(Path("shop/selecting.py").unlink, COMMAND, ["DJQ302", "DJQ104"], id="a file that goes"),
        pytest.param(
            write("shop/models.py", dedent(FILES["shop/models.py"]).replace('"books"', '"volumes"')),
            COMMAND,
            ["DJQ101", "DJQ302"],
            id="the relations of a model",
        ),
        pytest.param(
            write("shop/settings/base.py", MYSQL), COMMAND, ["DJQ101 MySQL", "DJQ302", "DJQ104"], id="the database"
        ),
        pytest.param(
            write("shop/settings/production.py", MYSQL),
            COMMAND,
            ["DJQ101 MySQL", "DJQ302", "DJQ104"],
            id="the settings that production uses",
        ),
        pytest.param(
            write("supervisord.conf", "environment=DJANGO_SETTINGS_MODULE=shop.settings.other\n"),
            COMMAND,
            ["DJQ101 MySQL", "DJQ302", "DJQ104"],
            id="a new file that says what production runs with",
        ),
        pytest.param(
            write("pgbouncer.ini.j2", "[pgbouncer]\npool_mode = transaction\n"),
            COMMAND,
            ["DJQ101 pgbouncer.ini.j2:2", "DJQ302", "DJQ104"],
            id="a new pooler before the database",
        ),
        pytest.param(
            write("requirements.txt", "Django==5.2\n"),
            COMMAND,
            ["DJQ101", "DJQ302 ValueError", "DJQ104"],
            id="the version of Django",
        ),
        pytest.param(
            write("shop/management/commands/rebuild.py", "from shop.rebuilding import rebuild\nrebuild()\n"),
            "shop/rebuilding.py",
            ["DJQ101 reached"],
            id="a new caller",
        ),
        pytest.param(
            write("shop/settings/base.py", SETTINGS.replace("False", "True")),
            "manage.py",
            ["DJQ505"],
            id="the settings",
        ),
    ],
)
def test_findings_go_with_what_they_come_from(
    ask: Ask, change: Callable[[], object], of: str, expected: list[str]
) -> None:
    before = ask(of)
    change()
    after = ask(of)
    assert [message.split()[1] for message in after] == [words.split()[0] for words in expected]
    for words, message in zip(expected, after, strict=True):
        assert all(word in message for word in words.split())
    assert after != before
    # The same as if nothing had ever been kept.
    shutil.rmtree(".flake8_djq_cache")
    assert ask(of) == after


def test_what_does_not_matter_makes_nothing_anew(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask()
    for name in ("shop/rebuilding.py", "shop/settings/__init__.py"):
        with open(name, "a", encoding="utf-8") as file:
            file.write("# a word more\n")
    Path("shop/other.py").write_text("def other():\n    return other()\n", encoding="utf-8")
    nobody_judges(monkeypatch)
    assert ask() == first


def test_a_new_checkout_makes_nothing_anew(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives every file another time, and leaves what is in it."""
    first = ask()
    for path in [path for path in Path().rglob("*") if path.is_file() and ".flake8_djq_cache" not in path.parts]:
        copy = path.with_name("copy")
        shutil.copy(path, copy)
        os.utime(copy, (1, 1))
        copy.replace(path)
    nobody_judges(monkeypatch)
    assert ask() == first
    assert ask() == first


def test_code_without_django_gets_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project_on_disk(tmp_path, {"pyproject.toml": "", "tool.py": "import os\nprint(os.getcwd())\n"}, monkeypatch)
    text = Path("tool.py").read_text(encoding="utf-8")
    assert linter.lint(Source("tool.py", text, ast.parse(text)), options()) == []
    assert not Path(".flake8_djq_cache").exists()


def test_a_failure_is_not_kept(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("x")

    with monkeypatch.context() as broken:
        broken.setattr(LoopWithoutIterator, "check", fail)
        assert "DJQ900" in " ".join(ask())
    assert "DJQ900" not in " ".join(ask())


def test_a_run_that_finds_everything_ready_loads_no_engine(ask: Ask, tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        "from flake8.main.cli import main\n"
        "main(['--isolated', '-j1', '--select=DJQ', '--exit-zero', '--output-file=found.txt', '.'])\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    found, modules = [], []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
        )
        modules.append(set(json.loads(done.stdout)))
        found.append(Path("found.txt").read_text(encoding="utf-8"))
        Path("found.txt").unlink()
    assert found[0] == found[1]
    assert "DJQ101" in found[0]
    engine = {
        "flake8_djq.judging",
        "flake8_djq.querysets.module",
        "flake8_djq.rules.base",
        "flake8_djq.project.project",
    }
    assert engine <= modules[0]
    assert modules[1].isdisjoint(engine)
