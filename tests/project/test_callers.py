"""What a function makes of what its callers pass, and what a class binds anew, across files."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_djq.linter import lint
from flake8_djq.source import Source
from tests.support import options, project_on_disk

COMMAND = "shop/management/commands/x.py"
FILES = {
    "manage.py": "",
    "shop/__init__.py": "",
    "search/__init__.py": "",
    "shop/models.py": """
        from django.db import models
        class Starter(models.Model):
            slug = models.CharField(max_length=9, unique=True)
            kind = models.CharField(max_length=9)
        class Shelf(models.Model):
            starter = models.ForeignKey(Starter, on_delete=models.CASCADE)
            word = models.CharField(max_length=9, choices=[("live", "live"), ("feature", "feature")])
            number = models.IntegerField()
            @property
            def related(self):
                return Shelf.objects.filter(number=self.number)
            @property
            def features(self):
                return Shelf.objects.filter(word="feature")
    """,
    "search/functions.py": """
        from django.db.models import Q, QuerySet
        from shop.models import Shelf
        names = []
        def narrowed(shelves: QuerySet[Shelf]):
            if names:
                shelves = shelves.filter(Q(word__in=names))
            return shelves
        def limited(shelves: QuerySet[Shelf], most=None):
            if most:
                shelves = shelves[:most]
            return shelves
        def live(shelves: QuerySet[Shelf]):
            return shelves.filter(word="live")
        def one(shelves: QuerySet[Shelf]):
            return shelves.filter(pk=1)
        def same(shelves: QuerySet[Shelf]):
            return shelves
        def tested(shelves: QuerySet[Shelf]):
            if not shelves:
                raise ValueError
            return shelves
        def twice(shelves: QuerySet[Shelf]):
            return live(same(shelves))
        def or_all(shelves: QuerySet[Shelf] | None = None):
            if shelves is None:
                shelves = Shelf.objects.all()
            return shelves
        def second(first, *, shelves: QuerySet[Shelf]):
            return shelves
    """,
    "search/bases.py": """
        from django.core.management.base import BaseCommand
        from django.db.models import Q, QuerySet
        from shop.models import Shelf
        class ShelfCommand(BaseCommand):
            def narrowed(self, shelves: QuerySet[Shelf]) -> QuerySet[Shelf]:
                if self.names:
                    shelves = shelves.filter(Q(word__in=self.names))
                return shelves
            def live(self, shelves: QuerySet[Shelf]) -> QuerySet[Shelf]:
                return shelves.filter(word="live")
            @property
            def features(self):
                return Shelf.objects.filter(word="feature")
    """,
}
HEAD = """
from search import functions
from search.bases import ShelfCommand
from search.functions import limited, live, narrowed, one, or_all, same, second, tested, twice
from shop.models import Shelf, Starter


"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on disk, in the current folder, that nobody has asked anything yet."""
    return project_on_disk(tmp_path, FILES, monkeypatch)


def messages(text: str) -> list[str]:
    text = HEAD.lstrip() + dedent(text).lstrip()
    Path(COMMAND).write_text(text, encoding="utf-8")
    return [f"{finding.code} {finding.message}" for finding in lint(Source(COMMAND, text, ast.parse(text)), options())]


def codes(text: str) -> list[str]:
    return [message.partition(" ")[0] for message in messages(text)]


@pytest.mark.parametrize(
    "called",
    [
        "same(Shelf.objects.all())",
        "same(shelves=Shelf.objects.all())",
        "functions.same(Shelf.objects.all())",
        "live(Shelf.objects.all())",
        "live(Shelf.objects)",
        "twice(Shelf.objects.all())",
        "or_all()",
        "or_all(Shelf.objects.all())",
        "second(x, shelves=Shelf.objects.all())",
    ],
)
def test_a_parameter_that_comes_back_has_the_bounds_of_the_argument(shop: Path, called: str) -> None:
    assert codes(f"def run(x):\n    for shelf in {called}: print(shelf)\n") == ["DJQ101"]


@pytest.mark.parametrize(
    "called",
    [
        "narrowed(Shelf.objects.all())",
        "narrowed(shelves=Shelf.objects.all())",
        "functions.narrowed(Shelf.objects.all())",
        "limited(Shelf.objects.all(), 5)",
        "one(Shelf.objects.all())",
        # The argument is a few rows, or nobody knows.
        "same(Shelf.objects.filter(starter=x))",
        "live(Shelf.objects.filter(starter=x))",
        "twice(Shelf.objects.all()[:5])",
        "same(x.shelf_set.all())",
        "same(x)",
        "same(*x)",
        "same(**x)",
        "or_all(Shelf.objects.filter(starter=x))",
        "second(Shelf.objects.all(), shelves=x)",
        # Its rows are loaded already.
        "tested(Shelf.objects.all())",
    ],
)
def test_a_parameter_that_comes_back_is_never_more(shop: Path, called: str) -> None:
    assert codes(f"def run(x):\n    for shelf in {called}: print(shelf)\n") == []


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("self.live(Shelf.objects.all())", ["DJQ101"]),
        ("self.live(shelves=Shelf.objects.filter(starter=x))", []),
        ("self.narrowed(Shelf.objects.all())", []),
        ("self.narrowed(shelves=Shelf.objects.filter(starter=x))", []),
    ],
)
def test_methods_of_a_base(shop: Path, called: str, expected: list[str]) -> None:
    text = f"""
        class Command(ShelfCommand):
            def handle(self, x, **options):
                for shelf in {called}:
                    print(shelf)
    """
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", ["DJQ105"]),
        ("features = []", []),
        ("features: list = []", []),
        ("other, features = 1, []", []),
        ("other = []", ["DJQ105"]),
        ("def change(self, **settings): self.features = settings.pop('features')", []),
        ("def change(self, **settings): self.x, self.features = settings", []),
        ("def features(self): return []", []),
    ],
)
@pytest.mark.parametrize("base", ["ShelfCommand", "Between"])
def test_what_a_subclass_binds_anew(shop: Path, base: str, body: str, expected: list[str]) -> None:
    text = f"class Between(ShelfCommand):\n    pass\n\n\nclass Command({base}):\n    {body}\n"
    assert codes(text + "    def has(self, shelf):\n        return shelf in self.features\n") == expected


def test_what_a_model_binds_anew(shop: Path) -> None:
    model = "class Api(Shelf):\n    {}\n    def has(self, shelf):\n        return shelf in self.features\n"
    assert codes(model.format("features = []")) == []
    assert codes(model.format("def x(self, **y): self.features = y.pop('features')")) == []


def test_a_property_of_each_row(shop: Path) -> None:
    outer = "Shelf.objects.filter(pk__in=[1, 2])"
    for text in (
        f"for shelf in {outer}:\n        for other in shelf.related: print(other)",
        f"print([[other.pk for other in shelf.related] for shelf in {outer}])",
        f"print([shelf for shelf in {outer} if any(other.ok for other in shelf.related)])",
        f"print([shelf for shelf in {outer} if [other.ok for other in shelf.related]])",
    ):
        (message,) = messages(f"def run(x):\n    {text}\n")
        assert message.startswith("DJQ101")
        assert "outer loop" not in message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("starter.slug", []),
        ("starter.pk", []),
        ("slug", []),
        ("starter.kind", ["DJQ101"]),
        ("'a word'", ["DJQ101"]),
    ],
)
def test_what_equals_a_value_that_one_row_has(shop: Path, value: str, expected: list[str]) -> None:
    text = f"""
        def run():
            starter = Starter.objects.get(pk=1)
            slug = starter.slug
            for shelf in Shelf.objects.filter(word={value}):
                print(shelf, slug)
    """
    assert codes(text) == expected
