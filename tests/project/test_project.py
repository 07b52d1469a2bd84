"""What other files declare decides what is found, and a file that changes is read again."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from flake8_djq.linter import lint
from flake8_djq.source import Source
from tests.support import forget, options, project_on_disk

COMMAND = "shop/management/commands/x.py"
FILES = {
    "manage.py": "",
    "shop/__init__.py": "",
    "search/__init__.py": "from .engine import overdue\n",
    "core.py": """
        from django.db import models
        class Base(models.Model):
            created = models.DateTimeField()
            class Meta:
                abstract = True
    """,
    "shop/models.py": """
        from core import Base
        from django.db import models
        from .querysets import BookQuerySet, LiveManager
        class Book(Base):
            isbn = models.CharField(max_length=13, unique=True)
            objects = BookQuerySet.as_manager()
            live = LiveManager()
    """,
    "shop/querysets.py": """
        from django.db import models
        class BookQuerySet(models.QuerySet):
            def sellable(self):
                return self.filter(stock__gt=0)
            def top(self):
                return self.order_by("-sold")[:10]
        class LiveManager(models.Manager):
            def get_queryset(self):
                return super().get_queryset().prefetch_related("authors")
    """,
    "search/engine.py": """
        from shop.models import Book
        def overdue():
            return Book.objects.filter(overdue=True)
        def titles():
            return list(overdue())
    """,
}
HEAD = "from search import engine, overdue\nfrom search.engine import titles\nfrom shop.models import Book\n\n\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on disk, in the current folder, that nobody has asked anything yet."""
    return project_on_disk(tmp_path, FILES, monkeypatch)


def found(loop: str, **changes: object) -> list[str]:
    text = f"{HEAD}def run(x):\n    {loop}\n        print(book)\n"
    Path(COMMAND).write_text(text, encoding="utf-8")
    return [finding.code for finding in lint(Source(COMMAND, text, ast.parse(text)), options(**changes))]


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("for book in overdue():", ["DJQ101"]),
        ("for book in engine.overdue():", ["DJQ101"]),
        ("for book in Book.objects.sellable():", ["DJQ101"]),
        ("for book in Book.live.iterator():", ["DJQ302"]),
        ("for book in titles():", []),
        ("for book in Book.objects.top():", []),
        ("for book in Book.objects.filter(isbn=x):", []),
        ("for book in Book.objects.filter(isbn__in=['a', 'b']):", []),
    ],
)
def test_what_other_files_declare(shop: Path, loop: str, expected: list[str]) -> None:
    assert found(loop) == expected


@pytest.mark.parametrize(
    ("base", "expected"), [("solo.models.SingletonModel", []), ("other.NumberedModel", ["DJQ101"])]
)
def test_tables_of_one_row(base: str, expected: list[str], shop: Path) -> None:
    module, _, name = base.rpartition(".")
    field = "size = models.IntegerField()"
    (shop / "core.py").write_text(
        f"from django.db import models\nfrom {module} import {name}\nclass Base({name}): {field}\n", encoding="utf-8"
    )
    (shop / "shop" / "models.py").write_text("from core import Base\nclass Book(Base): pass\n", encoding="utf-8")
    assert found("for book in Book.objects.all():") == expected


def test_without_the_index_other_files_are_unknown(shop: Path) -> None:
    assert found("for book in overdue():", index=False) == []
    assert not (shop / ".flake8_djq_cache").exists()


def test_an_answer_counts_until_a_file_it_came_from_changes(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = "for book in Book.objects.sellable():"
    assert found(loop) == ["DJQ101"]
    file = shop / "shop" / "querysets.py"
    before = file.stat()
    file.write_text(file.read_text(encoding="utf-8").replace("(stock__gt=0)", "(stock__gt=0)[:9]"), encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    forget(monkeypatch)
    assert found(loop) == []


def test_files_that_cannot_be_read_do_no_harm(shop: Path) -> None:
    (shop / "search" / "engine.py").write_text("def overdue(:\n", encoding="utf-8")
    (shop / "core.py").write_text("from shop.models import Book\nBase = Book\n", encoding="utf-8")
    assert found("for book in overdue():") == []
    assert found("for book in Book.objects.all():") == ["DJQ101"]


def test_an_answer_counts_for_the_files_of_answers_that_were_known_before(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found("for book in Book.objects.sellable():") == ["DJQ101"]
    assert found("for book in overdue():") == ["DJQ101"]
    file = shop / "shop" / "models.py"
    file.write_text("class Book:\n    objects = None\n", encoding="utf-8")
    forget(monkeypatch)
    assert found("for book in overdue():") == []


def test_a_method_of_a_manager_may_write(shop: Path) -> None:
    models = (
        "from django.db import models\n"
        "class EventManager(models.Manager):\n"
        "    def renew(self):\n"
        "        self.filter(kind=1).update(kind=2)\n"
        "    def renewed(self):\n"
        "        return self.filter(kind=2)\n"
        "class Event(models.Model):\n"
        "    kind = models.IntegerField()\n"
        "    objects = EventManager()\n"
    )
    Path("shop/events.py").write_text(models, encoding="utf-8")
    count = "Event.objects.filter(kind=1).count()"
    for between, expected in (("renew", []), ("renewed", ["DJQ201"])):
        text = f"from shop.events import Event\ndef run():\n    return {count}, Event.objects.{between}(), {count}\n"
        Path(COMMAND).write_text(text, encoding="utf-8")
        assert [finding.code for finding in lint(Source(COMMAND, text, ast.parse(text)), options())] == expected
