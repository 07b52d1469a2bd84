"""What a file calls: every way of calling a function of the project, and what only looks like one."""

from __future__ import annotations

import ast
import json
import os
import time
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_djq.project.calls import MODULE, NOTHING, FileCalls, file_calls
from flake8_djq.project.facts import calls_of, read_facts
from flake8_djq.source import Source


def calls(text: str, module: str = "shop.search.engine", path: str = "") -> FileCalls:
    text = dedent(text).lstrip("\n")
    return file_calls(Source(path or module.replace(".", "/") + ".py", text, ast.parse(text)), module)


OWN = """
from catalog import books as library
from catalog.books import rebuild, rebuild as build_again
from . import documents
from .documents import Store, store
from .. import shelves
import catalog.authors
import catalog.authors as writers

class Indexer:
    def fetch(self): ...
    @classmethod
    def make(cls): ...

def own(): ...

indexer = Indexer()
again = own
"""


def work(body: str) -> set[str]:
    """The references of a function with this body."""
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().split("\n"))
    return set(calls(f"{OWN}\ndef work(argument, *, option=None):\n{lines}").functions["work"])


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        ("rebuild()", "catalog.books.rebuild()"),
        ("build_again(1)", "catalog.books.rebuild()"),
        ("library.rebuild()", "catalog.books.rebuild()"),
        ("catalog.authors.rebuild()", "catalog.authors.rebuild()"),
        ("writers.rebuild()", "catalog.authors.rebuild()"),
        ("store()", "shop.search.documents.store()"),
        ("documents.store()", "shop.search.documents.store()"),
        ("shelves.sort()", "shop.shelves.sort()"),
        ("own()", "shop.search.engine.own()"),
        ("again()", "shop.search.engine.own()"),
        ("Indexer().fetch()", "shop.search.engine.Indexer().fetch()"),
        ("Indexer.make()", "shop.search.engine.Indexer.make()"),
        ("Store(1).flush()", "shop.search.documents.Store().flush()"),
        ("store_it = Store(1)\nstore_it.flush()", "shop.search.documents.Store().flush()"),
        ("store_it: Store = Store(1)\nstore_it.flush()", "shop.search.documents.Store().flush()"),
        ("store_it = None\nstore_it = Store(1)\nstore_it.flush()", "shop.search.documents.Store().flush()"),
        ("documents.Store().flush()", "shop.search.documents.Store().flush()"),
        ("indexer.fetch()", "shop.search.engine.Indexer().fetch()"),
        ("from catalog.late import load\nload()", "catalog.late.load()"),
        ("from .late import load\nload()", "shop.search.late.load()"),
        ("import catalog.late as late\nlate.load()", "catalog.late.load()"),
        ("[rebuild() for _ in range(3)]", "catalog.books.rebuild()"),
        ("return [x for x in rebuild()]", "catalog.books.rebuild()"),
        ("for row in rebuild(): pass", "catalog.books.rebuild()"),
        ("if (rows := rebuild()): pass", "catalog.books.rebuild()"),
        ("def inner():\n    rebuild()\ninner()", "catalog.books.rebuild()"),
        ("on_commit(lambda: rebuild())", "catalog.books.rebuild()"),
        ("x = {1: rebuild()}", "catalog.books.rebuild()"),
        ("await rebuild()", "catalog.books.rebuild()"),
        ("yield from rebuild()", "catalog.books.rebuild()"),
        ("match argument:\n    case 1: rebuild()", "catalog.books.rebuild()"),
        ("map(rebuild, [])", "catalog.books.rebuild"),
        ("functools.partial(rebuild, 1)", "catalog.books.rebuild"),
        ("executor.submit(library.rebuild)", "catalog.books.rebuild"),
        ("Thread(target=rebuild)", "catalog.books.rebuild"),
        ("threading.Timer(5, rebuild)", "catalog.books.rebuild"),
        ("call(indexer.fetch)", "shop.search.engine.Indexer().fetch"),
    ],
)
def test_ways_of_calling(body: str, reference: str) -> None:
    if "await" in body:
        assert reference in calls(f"{OWN}\nasync def work():\n    {body}\n").functions["work"]
    else:
        assert reference in work(body)


@pytest.mark.parametrize(
    "body",
    [
        "argument.rebuild()",
        "option.rebuild()",
        "unknown.rebuild()",
        "unknown()",
        "rebuild",
        "handlers = {'a': rebuild}",
        "handlers = {'a': lambda: rebuild()}\nhandlers[argument]()",
        "return rebuild",
        "rebuild = argument\nrebuild()",
        "for rebuild in argument: rebuild()",
        "with argument as rebuild: rebuild()",
        "try: pass\nexcept Error as rebuild: rebuild()",
        "[rebuild() for rebuild in argument]",
        "def rebuild(): pass\nrebuild()",
        "def inner(rebuild):\n    rebuild()",
        "(lambda rebuild: rebuild())(argument)",
        "match argument:\n    case [*rebuild]: rebuild()",
        "match argument:\n    case {'a': 1, **rebuild}: rebuild()",
        "class rebuild: pass\nrebuild()",
        "from catalog.one import load\nfrom catalog.two import load\nload()",
        "post_save.disconnect(rebuild)",
        "signals.connect(rebuild, sender=1)",
        "Route('/rebuild', rebuild)",
        "isinstance(argument, rebuild)",
        "self.rebuild()",
        "'rebuild()'.rebuild()",
        "argument[0].rebuild()",
        "x: 'rebuild()' = 1",
    ],
)
def test_lookalikes(body: str) -> None:
    assert work(body) == set()


def test_a_rebound_variable_is_nobodys() -> None:
    assert work("it = Store()\nit = argument\nit.flush()") == {"shop.search.documents.Store()"}
    assert work("it = Store()\nfor it in argument: it.flush()") == {"shop.search.documents.Store()"}
    assert work("it = Store()\nit += 1\nit.flush()") == {"shop.search.documents.Store()"}


def test_a_variable_that_is_assigned_from_itself_ends() -> None:
    assert work("it = it.next()\nit.flush()\na = b\nb = a\na.run()\nb()") == set()


def test_a_chain_that_is_too_long_is_left_out() -> None:
    chain = "own()" + ".filter()" * 3000
    source = Source("a.py", "", ast.parse("def own(): ...\ndef work(): ..."))
    call: ast.expr = ast.Name("own", ast.Load())
    for name in ["filter"] * 3000:
        call = ast.Call(ast.Attribute(call, name, ast.Load()), [], [])
    source.tree.body[1].body = [ast.Expr(call)]  # type: ignore[attr-defined]
    assert len(file_calls(source, "a").functions["work"]) < 10, chain[:20]


METHODS = """
from .base import Base
from .documents import Store
from catalog.models import Order as Sale

class Indexer(Base[int], Store):
    sales = Sale
    makes = Store()

    def __init__(self):
        self.store = Store()
        self.many = Store()
        self.many = []
        self.nothing = None

    def work(self, other):
        {body}

    @classmethod
    def make(cls):
        {body}

    @staticmethod
    def still(self):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        ("self.fetch()", "self.fetch"),
        ("call(self.fetch)", "self.fetch"),
        ("return list(self.rows)", "self.rows"),
        ("super().fetch()", "super.fetch()"),
        ("super(Indexer, self).fetch()", "super.fetch()"),
        ("type(self).fetch()", "self.fetch()"),
        ("self.__class__.fetch()", "self.fetch()"),
        ("self.store.flush()", "self.store.flush()"),
        ("Indexer.fetch(self)", "shop.search.engine.Indexer.fetch()"),
    ],
)
def test_calls_of_methods(body: str, reference: str) -> None:
    facts = calls(METHODS.format(body=body))
    assert reference in facts.functions["Indexer.work"]
    assert reference not in {name for name in facts.functions["Indexer.still"] if name.startswith(("self", "super"))}


def test_calls_on_the_class() -> None:
    assert "self.fetch" in calls(METHODS.format(body="cls.fetch()")).functions["Indexer.make"]
    assert "self.fetch()" in calls(METHODS.format(body="cls().fetch()")).functions["Indexer.make"]


@pytest.mark.parametrize("body", ["other.fetch()", "other.self.fetch()", "self = other; self.fetch()"])
def test_lookalikes_of_methods(body: str) -> None:
    assert calls(METHODS.format(body=body)).functions["Indexer.work"] == []


def test_classes_and_their_attributes() -> None:
    facts = calls(METHODS.format(body="pass"))
    assert facts.classes == {"Indexer": ["shop.search.base.Base", "shop.search.documents.Store"]}
    assert facts.names == {
        "Base": "shop.search.base.Base",
        "Store": "shop.search.documents.Store",
        "Sale": "catalog.models.Order",
        "Indexer.sales": "catalog.models.Order",
        "Indexer.makes": "shop.search.documents.Store()",
        "Indexer.store": "shop.search.documents.Store()",
    }


def test_managers() -> None:
    facts = calls("class Orders(QuerySet): ...\nclass Order(Model):\n    objects = Orders.as_manager()\n")
    assert facts.names == {"Order.objects": "shop.search.engine.Orders()"}


@pytest.mark.parametrize(
    "text",
    [
        "def rebuild(): ...\ndef rebuild(): ...",
        "if fast:\n    def rebuild(): ...\nelse:\n    def rebuild(): ...",
        "try:\n    from fast import rebuild\nexcept ImportError:\n    def rebuild(): ...",
        "try:\n    from fast import rebuild\nexcept ImportError:\n    from slow import rebuild\ndef rebuild(): ...",
        "def rebuild(): ...\nrebuild = cached(rebuild)",
        "class rebuild: ...\nclass rebuild: ...",
    ],
)
def test_names_that_are_defined_twice(text: str) -> None:
    facts = calls(text + "\ndef work():\n    rebuild()\n")
    assert facts.names["rebuild"] == ""
    assert facts.functions["work"] == []


def test_methods_that_are_defined_twice() -> None:
    text = "class Order:\n    def pay(self): ...\n    def pay(self): ...\n    def ship(self): ...\n    ship = None\n"
    text += "    def __init__(self):\n        self.send = 1\n    def send(self): ...\n"
    assert calls(text).names == {"Order.pay": "", "Order.ship": "", "Order.send": ""}


def test_an_import_that_may_fail_is_no_second_definition() -> None:
    text = "try:\n    from fast import rebuild\nexcept ImportError:\n    rebuild = None\ndef work():\n    rebuild()\n"
    assert calls(text).functions["work"] == ["fast.rebuild()"]


def test_a_package_hands_on_what_it_imports() -> None:
    text = "from .engine import rebuild, Indexer as Index\nfrom .documents import *\nfrom django.db import models\n"
    facts = calls(text, "shop.search", "shop/search/__init__.py")
    assert facts.names == {"rebuild": "shop.search.engine.rebuild", "Index": "shop.search.engine.Indexer"}
    assert facts.stars == ["shop.search.documents"]


def test_names_of_a_star_import() -> None:
    facts = calls("from .documents import *\ndef work(argument):\n    store()\n    len(argument)\n")
    assert facts.functions["work"] == ["shop.search.engine.store()"]
    assert calls("def work(argument):\n    store()\n").functions["work"] == []


@pytest.mark.parametrize(
    ("module", "path", "statement", "origin"),
    [
        ("shop.search.engine", "shop/search/engine.py", "from . import x", "shop.search.x()"),
        ("shop.search.engine", "shop/search/engine.py", "from .. import x", "shop.x()"),
        ("shop.search.engine", "shop/search/engine.py", "from ..base import x", "shop.base.x()"),
        ("shop.search", "shop/search/__init__.py", "from . import x", "shop.search.x()"),
        ("shop.search", "shop/search/__init__.py", "from ..base import x", "shop.base.x()"),
        ("shop.search.engine", "shop/search/engine.py", "from ... import x", ""),
        ("shop.search.engine", "shop/search/engine.py", "from .....base import x", ""),
        ("engine", "engine.py", "from . import x", ""),
        ("engine", "engine.py", "from .base import x", ""),
    ],
)
def test_relative_imports(module: str, path: str, statement: str, origin: str) -> None:
    facts = calls(f"{statement}\ndef work():\n    x()\n", module, path)
    assert facts.functions["work"] == ([origin] if origin else [])


def test_code_outside_functions() -> None:
    facts = calls(OWN + "\nif True:\n    rebuild()\nclass A:\n    rows = store()\ndef work(default=own()):\n    pass\n")
    assert facts.functions[MODULE] == [
        "catalog.books.rebuild()",
        "shop.search.documents.store()",
        "shop.search.engine.Indexer()",
    ]
    assert facts.functions["work"] == []


# Where batch work enters


@pytest.mark.parametrize(
    ("module", "text", "entries"),
    [
        (
            "search.management.commands.reindex",
            "class Command(BaseCommand):\n    def handle(self): ...\ndef helper(): ...\n",
            dict.fromkeys([MODULE, "Command.handle", "helper"], "manage.py reindex"),
        ),
        (
            "search.management.commands._base",
            "def helper(): ...\n",
            dict.fromkeys([MODULE, "helper"], "commands._base"),
        ),
        (
            "search.tasks",
            "from celery import shared_task\n@shared_task\ndef rebuild(): ...\ndef other(): ...\n",
            {"rebuild": "task search.tasks.rebuild"},
        ),
        (
            "company.shop.search.tasks",
            "from celery import shared_task\n@shared_task\ndef rebuild(): ...\ndef other(): ...\n",
            {"rebuild": "task search.tasks.rebuild"},
        ),
        (
            "search.tasks",
            "from celery import Task\nclass Rebuild(Task):\n    def run(self): ...\n    def other(self): ...\n",
            {"Rebuild.run": "task search.tasks.Rebuild"},
        ),
        (
            "search.cron",
            "from django_cron import CronJobBase\nclass Nightly(CronJobBase):\n    def do(self): ...\n",
            {"Nightly.do": "job search.cron.Nightly"},
        ),
        (
            "search.base",
            "from django.core.management import BaseCommand\nclass Base(BaseCommand):\n    def handle(self): ...\n",
            {"Base.handle": "command search.base.Base"},
        ),
        (
            "search.migrations.0003_fill",
            "def fill(apps, editor): ...\nmigrations.RunPython(fill)\n",
            {"fill": "migration search.0003_fill"},
        ),
        (
            "tools.export",
            "import django\ndjango.setup()\ndef main(): ...\n",
            dict.fromkeys([MODULE, "main"], "script tools.export"),
        ),
        ("search.views", "def rebuild(request): ...\n", {}),
        ("search.tests.tasks", "from celery import shared_task\n@shared_task\ndef rebuild(): ...\n", {}),
    ],
)
def test_entries(module: str, text: str, entries: dict[str, str]) -> None:
    assert calls(text, module).entries == entries


@pytest.mark.parametrize(
    ("module", "text", "handed"),
    [
        (
            "search.migrations.0003_fill",
            "from search import helpers\nfrom helpers import undo\nx = [RunPython(helpers.fill, reverse_code=undo)]\n",
            {"search.helpers.fill": "migration search.0003_fill", "helpers.undo": "migration search.0003_fill"},
        ),
        (
            "search.migrations.0003_fill",
            "from helpers import fill\nmigrations.RunPython(lambda apps, editor: fill(apps), RunPython.noop)\n",
            {"helpers.fill": "migration search.0003_fill"},
        ),
        (
            "search.apps",
            "from helpers import fill\ndef go():\n  scheduler.add_job(fill, 'cron')\n  async_task('helpers.undo')\n",
            {"helpers.fill": "task helpers.fill", "helpers.undo": "task helpers.undo"},
        ),
        (
            "settings",
            "CRONJOBS = [('*/5 * * * *', 'search.cron.fill')]\n",
            {"search.cron.fill": "job search.cron.fill"},
        ),
        ("search.apps", "from helpers import fill\nadd(fill)\nscheduler.add_job(argument)\nasync_task('fill')\n", {}),
        ("search.apps", "def fill(): ...\nscheduler.add_job(fill)\n", {}),
    ],
)
def test_functions_of_other_files_that_are_handed_on(module: str, text: str, handed: dict[str, str]) -> None:
    assert calls(text, module).handed == handed


def test_tests_have_no_calls() -> None:
    assert calls("from a import b\ndef test():\n    b()\n", "shop.tests.test_a") == NOTHING


def test_json_holds_all_of_it() -> None:
    facts = calls(METHODS.format(body="self.fetch()"), "search.management.commands.reindex")
    assert FileCalls(*json.loads(json.dumps(facts))) == facts


def test_it_is_quick() -> None:
    text = OWN + "".join(
        f"\ndef work{number}(rows):\n    for row in rows.objects.filter(a=1, b=row.c).exclude(d=[1, 2, 3]):\n"
        "        it = Store(row)\n        it.flush()\n        print(row.name, row.value, own())\n"
        for number in range(3000)
    )
    source = Source("a.py", text, ast.parse(text))
    start = time.process_time()
    file_calls(source, "a")
    # It takes 5 to 10 microseconds a line; the limit only tells that it grows with the lines.
    assert (time.process_time() - start) / text.count("\n") < 60e-6


def test_facts_come_from_this_copy_of_the_linter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are files enough for a second process, and that finds another copy first."""
    other = tmp_path / "flake8_djq" / "project"
    other.mkdir(parents=True)
    (other.parent / "__init__.py").touch()
    (other / "__init__.py").touch()
    (other / "facts.py").write_text("def main():\n    print('[' + '{},' * 124 + '{}]')\n", encoding="utf-8")
    files = [(str(tmp_path / f"{number}.py"), f"shop.part{number}") for number in range(250)]
    for path, _ in files:
        Path(path).write_text("def work():\n    rest()\ndef rest(): ...\n", encoding="utf-8")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = read_facts(files)
    assert all(
        calls_of(facts).functions["work"] == [f"{module}.rest()"]
        for facts, (_, module) in zip(found, files, strict=True)
    )
