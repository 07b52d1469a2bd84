"""``flake8-djq keyset PATH``: the keyset iterator written into a project, and running there by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import asgiref
import django
import pytest
import sqlparse

import flake8_djq.keyset
from flake8_djq.cli import main
from tests.fixes.support import HELPER, environment, fixed, write

TEXT = Path(flake8_djq.keyset.__file__).read_bytes()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def option(output: str) -> str:
    """The dotted name that is to be set, from the last line of what the command says."""
    head, _, name = output.splitlines()[-1].partition(" = ")
    assert head == "djq-keyset-helper"
    return name


@pytest.mark.parametrize(
    ("files", "path", "dotted"),
    [
        (["shop/__init__.py", "shop/db/__init__.py"], "shop/db/keyset.py", "shop.db.keyset"),
        (["shop/__init__.py", "shop/db/__init__.py"], "shop/db", "shop.db.keyset"),
        (["shop/__init__.py"], "shop/walking.py", "shop.walking"),
        (["src/shop/__init__.py", "src/shop/db/__init__.py"], "src/shop/db/keyset.py", "shop.db.keyset"),
        (["backend/shop/__init__.py"], "backend/shop/keyset.py", "shop.keyset"),
        (["shop/db/models.py"], "shop/db/keyset.py", "shop.db.keyset"),
        (["src/shop/models.py"], "src/shop/keyset.py", "shop.keyset"),
        (["src/__init__.py", "src/shop/__init__.py"], "src/shop/keyset.py", "src.shop.keyset"),
        (["my-tools/import/x.py"], "my-tools/import/keyset.py", "keyset"),
        (["my-tools/shop/x.py"], "my-tools/shop/keyset.py", "shop.keyset"),
        ([], "keyset.py", "keyset"),
        ([], ".", "keyset"),
    ],
)
def test_it_is_written_and_its_name_is_said(
    files: list[str], path: str, dotted: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, dict.fromkeys(files, ""))
    assert main(["keyset", path]) == 0
    written = project / path if path.endswith(".py") else project / path / "keyset.py"
    assert written.read_bytes() == TEXT
    assert b"MIT" in TEXT.splitlines()[0]
    output = capsys.readouterr().out
    assert option(output) == f"{dotted}.keyset_iterator"
    assert "[flake8]\n" in output


def test_an_absolute_path(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"shop/__init__.py": ""})
    assert main(["keyset", str(project / "shop" / "keyset.py")]) == 0
    assert option(capsys.readouterr().out) == "shop.keyset.keyset_iterator"


def test_the_name_that_is_said_is_one_that_fixes_take(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"shop/__init__.py": "", "shop/db/__init__.py": ""})
    main(["keyset", "shop/db"])
    assert option(capsys.readouterr().out) == HELPER
    text = "for e in Event.objects.all():\n    print(e)\n"
    assert "import keyset_iterator" in fixed(text, remedy="keyset", keyset_helper=HELPER, unsafe=True)


def test_never_over_another_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"keyset.py": "mine = 1\n"})
    assert main(["keyset", "keyset.py"]) == 2
    assert (project / "keyset.py").read_text() == "mine = 1\n"
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "flake8-djq keyset: keyset.py exists and is another file; --force writes over it\n"
    assert main(["keyset", "keyset.py", "--force"]) == 0
    assert (project / "keyset.py").read_bytes() == TEXT


def test_the_same_file_again_is_fine(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keyset", "keyset.py"]) == 0
    first = capsys.readouterr().out
    assert main(["keyset", "keyset.py"]) == 0
    assert option(capsys.readouterr().out) == option(first)
    assert (project / "keyset.py").read_bytes() == TEXT


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("shop/db/keyset.py", "there is no folder shop/db; make it first"),
        ("keyset.txt", "keyset.txt is no name for a Python module; give one, such as shop/db/keyset.py"),
        ("keyset", "keyset is no name for a Python module"),
        ("key-set.py", "key-set.py is no name for a Python module"),
        ("class.py", "class.py is no name for a Python module"),
        ("file.py/keyset.py", "there is no folder file.py; make it first"),
    ],
)
def test_a_path_that_will_not_do(path: str, said: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"file.py": ""})
    assert main(["keyset", path]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    [line] = output.err.splitlines()
    assert line.startswith(f"flake8-djq keyset: {said}")
    assert sorted(entry.name for entry in project.iterdir()) == ["file.py"]


def test_a_full_disk(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    assert main(["keyset", "keyset.py"]) == 2
    assert capsys.readouterr().err == "flake8-djq keyset: keyset.py: No space left on device\n"


WALK = """
import sys

import django
from django.conf import settings
from django.db import connection, models

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()


class Event(models.Model):
    name = models.TextField()

    class Meta:
        app_label = "shop"


with connection.schema_editor() as editor:
    editor.create_model(Event)
Event.objects.bulk_create(Event(name=str(number % 3)) for number in range(25))

from keyset import keyset_chunks, keyset_iterator

assert "flake8_djq" not in sys.modules and "flake8" not in sys.modules
print([event.pk for event in keyset_iterator(Event.objects.all(), chunk_size=4)])
print([(event.name, event.pk) for event in keyset_iterator(Event.objects.order_by("-name"), chunk_size=4)])
print([len(chunk) for chunk in keyset_chunks(Event.objects.all(), chunk_size=10)])
"""


def test_what_is_written_runs_with_django_alone(project: Path) -> None:
    """With nothing on the module path but Django and what it needs."""
    assert main(["keyset", "keyset.py"]) == 0
    packages = project / "packages"
    packages.mkdir()
    for module in (django, asgiref, sqlparse):
        (packages / module.__name__).symlink_to(Path(module.__file__).parent)
    (packages / "typing_extensions.py").write_text("from typing import *\n")
    write(project, {"walk.py": WALK})
    done = subprocess.run(
        [sys.executable, "-S", "walk.py"],
        cwd=project,
        env={**environment(), "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    by_name = sorted(((str(number % 3), number + 1) for number in range(25)), reverse=True)
    assert done.stdout.splitlines() == [str(list(range(1, 26))), str(by_name), "[10, 10, 5]"]
