"""Which functions batch work reaches through other files, which it does not, and what the message says of the way."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_djq.project.calls import FileCalls, file_calls
from flake8_djq.project.reach import reached
from flake8_djq.source import Source
from tests.support import SHOP, marked

COMMAND = "search/management/commands/reindex.py"


def facts_of(files: dict[str, str]) -> dict[str, FileCalls]:
    """The calls of a project; a file that Python cannot parse has none."""
    facts = {}
    for path, text in files.items():
        text = dedent(text).lstrip("\n")
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        facts[module] = file_calls(Source(path, text, tree), module)
    return facts


def ways(files: dict[str, str], *batch_modules: str) -> dict[str, str]:
    return reached(facts_of(files), batch_modules)


def from_command(body: str, imports: str, files: dict[str, str]) -> set[str]:
    """What a command with this body reaches."""
    return set(ways({COMMAND: f"{imports}\nclass Command:\n    def handle(self):\n        {body}\n", **files}))


ENGINE = """
from . import documents

class Base:
    def run(self):
        self.fetch()
        self.close()
    def fetch(self): ...
    def close(self): ...

class Indexer(Base):
    def __init__(self): ...
    def fetch(self):
        documents.store()
    @property
    def rows(self): ...

def rebuild():
    documents.store()

def other(): ...
"""
FILES = {
    "search/__init__.py": "from .engine import Indexer as Index, rebuild\n",
    "search/engine.py": ENGINE,
    "search/documents.py": "def store():\n    _write()\ndef _write(): ...\ndef rebuild(): ...\n",
    "search/lookalike.py": ENGINE,
}
REBUILD = {"search.engine.rebuild", "search.documents.store", "search.documents._write"}
RUN = {
    *("search.engine.Base.run", "search.engine.Indexer.fetch", "search.engine.Base.close"),
    *("search.engine.Indexer.__init__", "search.documents.store", "search.documents._write"),
}
BASE = ("run", "fetch", "close")


@pytest.mark.parametrize(
    ("imports", "body", "names"),
    [
        ("from search.engine import rebuild", "rebuild()", REBUILD),
        ("from search import rebuild", "rebuild()", REBUILD),
        ("from search import rebuild as again", "again()", REBUILD),
        ("import search", "search.rebuild()", REBUILD),
        ("import search.engine", "search.engine.rebuild()", REBUILD),
        ("from search import engine", "engine.rebuild()", REBUILD),
        ("from ...engine import rebuild", "rebuild()", REBUILD),
        ("from ... import rebuild", "rebuild()", REBUILD),
        ("from search import *", "rebuild()", REBUILD),
        ("from search.engine import *", "rebuild()", REBUILD),
        ("from search.engine import rebuild", "map(rebuild, [])", REBUILD),
        ("", "from search.engine import rebuild; rebuild()", REBUILD),
        ("from search.engine import Indexer", "Indexer().run()", RUN),
        ("from search import Index", "Index().run()", RUN),
        ("from search import Index", "it = Index(); it.run()", RUN),
        ("from search import Index", "Index()", {"search.engine.Indexer.__init__"}),
        ("from search import Index", "call(Index)", set()),
        ("from search import Index", "Index.run(self)", RUN - {"search.engine.Indexer.__init__"}),
        ("from search import Index", "Index.missing()", set()),
        ("from search.engine import Base", "Base().run()", {f"search.engine.Base.{name}" for name in BASE}),
        ("from search.engine import rebuild", "rebuild.delay()", set()),
        ("from search.engine import rebuild", "rebuild().store()", REBUILD),
        ("from search.engine import rebuild", "it = rebuild(); it.store()", REBUILD),
        ("from search.engine import missing", "missing()", set()),
        ("from search.missing import rebuild", "rebuild()", set()),
        ("from missing import rebuild", "rebuild()", set()),
        ("from ..... import rebuild", "rebuild()", set()),
        ("import search.engine", "engine.rebuild()", set()),
        ("from search import engine", "engine.Indexer.rows", set()),
        ("", "rebuild()", set()),
        ("", "self.rebuild()", set()),
        ("from search.engine import _private", "_private()", set()),
    ],
)  # fmt: skip
def test_calls_into_other_files(imports: str, body: str, names: set[str]) -> None:
    assert from_command(body, imports, FILES) == names


def test_the_message_names_the_entry_and_the_last_function_on_the_way() -> None:
    assert ways(
        {
            COMMAND: "from search import engine\nclass Command:\n    def handle(self):\n        self.go()\n"
            "    def go(self):\n        engine.rebuild()\n",
            "search/engine.py": "from .documents import store\ndef rebuild():\n    store()\n",
            "search/documents.py": "from .disk import Disk\ndef store():\n    Disk().write()\n",
            "search/disk.py": "class Disk:\n    def write(self):\n        self.flush()\n    def flush(self): ...\n",
        }
    ) == {
        "search.engine.rebuild": "reached from manage.py reindex",
        "search.documents.store": "reached from manage.py reindex via search.engine.rebuild",
        "search.disk.Disk.write": "reached from manage.py reindex via search.documents.store",
        "search.disk.Disk.flush": "reached from manage.py reindex via search.disk.Disk.write",
    }


def test_the_shortest_way_counts() -> None:
    files = {
        "a/tasks.py": "from celery import shared_task\nfrom b import far\n@shared_task\ndef nightly():\n    far()\n",
        "z/tasks.py": "from celery import shared_task\nfrom b import near\n@shared_task\ndef nightly():\n    near()\n",
        "b.py": "def far():\n    near()\ndef near(): ...\n",
    }
    for order in (files, dict(reversed(files.items()))):
        assert ways(order) == {
            "b.far": "reached from task a.tasks.nightly",
            "b.near": "reached from task z.tasks.nightly",
        }


def test_of_equal_ways_the_first_by_the_alphabet_counts() -> None:
    task = "from celery import shared_task\nfrom b import near\n@shared_task\ndef nightly():\n    near()\n"
    files = {"a/tasks.py": task, "z/tasks.py": task, "b.py": "def near(): ...\n"}
    for order in (files, dict(reversed(files.items()))):
        assert ways(order) == {"b.near": "reached from task a.tasks.nightly"}


def test_what_a_star_import_hands_on() -> None:
    files = {
        "a.py": "from b import *\nfrom c import *\n",
        "b.py": "def one(): ...\ndef _one(): ...\n",
        "c.py": "def two(): ...\n",
    }
    assert from_command("a.one(); a.two(); a._one()", "import a", files) == {"b.one", "c.two"}


def test_names_in_a_message_are_short() -> None:
    files = {
        "company/shop/search/tasks.py": "from celery import shared_task\nfrom company.shop.search.deep import one\n"
        "@shared_task\ndef nightly():\n    one()\n",
        "company/shop/search/deep.py": "def one():\n    two()\ndef two(): ...\n",
    }
    assert ways(files)["company.shop.search.deep.two"] == "reached from task search.tasks.nightly via search.deep.one"


@pytest.mark.parametrize(
    ("body", "reaches"),
    [
        ("if notify:\n        send()", False),
        ("print(send() if notify else 1)", False),
        ("if kind == 'daily':\n        send()\n    else:\n        print()", False),
        ("if kind is Kind.DAILY and rows:\n        send()", False),
        ("if words.get('notify'):\n        send()", False),
        ("if 'notify' in words and words['notify']:\n        send()", False),
        ("if rows.get('notify'):\n        send()", True),
        ("if rows:\n        send()", True),
        ("if kind != 'daily':\n        send()", True),
        ("if rows.kind == 'daily':\n        send()", True),
        ("if notify:\n        send()\n    send()", True),
    ],
)
def test_calls_that_only_some_callers_ask_for(body: str, reaches: bool) -> None:
    imports, functions = "from search.engine import rebuild", "def send(): ...\n\n"
    engine = f"{functions}def rebuild(rows, kind=Kind.WEEKLY, notify=False, **words):\n    {body}\n"
    found = from_command("rebuild(rows)", imports, {"search/engine.py": engine})
    assert ("search.engine.send" in found) is reaches


def test_what_a_user_may_ask_a_command_for() -> None:
    command = "from search.engine import rebuild\nclass Command:\n    def handle(self, dry=False):\n"
    command += "        if dry:\n            rebuild()\n"
    assert set(ways({COMMAND: command, "search/engine.py": "def rebuild(): ...\n"})) == {"search.engine.rebuild"}


def test_a_task_that_another_file_schedules_is_no_step_of_its_own_way() -> None:
    files = {
        "search/jobs.py": "from search.engine import check\nscheduler.add_job(check, 'cron')\n",
        "search/engine.py": "def check():\n    send()\ndef send(): ...\n",
    }
    assert ways(files)["search.engine.send"] == "reached from task search.engine.check"


def test_a_way_through_functions_that_call_each_other_ends() -> None:
    files = {
        "a.py": "from b import even\ndef odd():\n    even()\n    odd()\n",
        "b.py": "from a import odd\ndef even():\n    odd()\n",
    }
    assert from_command("odd()", "from a import odd", files) == {"a.odd", "b.even"}


def test_the_same_name_in_two_files() -> None:
    files = {"a.py": "def rebuild(): ...\n", "b.py": "def rebuild(): ...\n", "c/a.py": "def rebuild(): ...\n"}
    assert from_command("rebuild()", "from a import rebuild", files) == {"a.rebuild"}


@pytest.mark.parametrize(
    "text",
    [
        "def rebuild(): ...\ndef rebuild(): ...\n",
        "from b import rebuild\ndef rebuild(): ...\n",
        "try:\n    from b import rebuild\nexcept ImportError:\n    from c import rebuild\n",
        "rebuild = wrap(1)\n",
        "class rebuild:\n    def __init__(self): ...\nclass A:\n    class rebuild:\n        def __init__(self): ...\n",
        "def other(): ...\n",
    ],
)
def test_what_nobody_can_tell(text: str) -> None:
    files = {"a.py": text, "b.py": "def rebuild(): ...\n", "c.py": "def rebuild(): ...\n"}
    assert from_command("rebuild()", "from a import rebuild", files) == set()


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "from b import rebuild\n", "b.py": "from a import rebuild\n"},
        {"a.py": "from a import rebuild\n"},
        {"a.py": "from b import x as rebuild\n", "b.py": "from a.rebuild import x\n"},
        {"a.py": "rebuild = a.rebuild.rebuild\nimport a\n"},
        {"a.py": "from b import *\n", "b.py": "from a import *\n"},
        {"a.py": "from a import *\n"},
        {"a.py": "def rebuild(:\n"},
        {"a.py": "class A(B): ...\nclass B(A): ...\nrebuild = A().run\n"},
    ],
)
def test_broken_projects(files: dict[str, str]) -> None:
    assert from_command("rebuild()", "from a import rebuild", files) == set()


def test_star_imports_in_a_circle_end_soon() -> None:
    names = [f"m{number}" for number in range(60)]
    package = "".join(f"from .{name} import *\n" for name in names)
    files = {f"p/{name}.py": "from p import gone\nclass A(gone): ...\n" for name in names}
    start = time.process_time()
    assert from_command("lost()", "from p import lost", {"p/__init__.py": package, **files}) == set()
    assert time.process_time() - start < 2


def test_a_long_chain_of_files() -> None:
    files = {f"m{number}.py": f"from m{number + 1} import f\ndef g():\n    f()\n" for number in range(2000)}
    calls = {f"n{number}.py": f"import n{number + 1}\ndef f():\n    n{number + 1}.f()\n" for number in range(2000)}
    assert from_command("f()", "from m0 import f", files) == set()
    assert len(from_command("f()", "from n0 import f", calls)) == 2000
    for numbers in (range(2000), reversed(range(2000))):
        text = "class C0:\n    def run(self): ...\n" + "".join(f"class C{n + 1}(C{n}): ...\n" for n in numbers)
        assert from_command("C2000().run()", "from c import C2000", {"c.py": text}) <= {"c.C0.run"}


BASES = """
class Root:
    def run(self):
        self.fetch()
    def fetch(self): ...
class Left(Root):
    def fetch(self):
        super().fetch()
class Right(Root):
    def fetch(self): ...
class Both(Left, Right): ...
class Unrelated(Root):
    def fetch(self): ...
"""


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("Root().run()", {"Root.run", "Root.fetch"}),
        ("Left().run()", {"Root.run", "Left.fetch", "Root.fetch"}),
        ("Right().run()", {"Root.run", "Right.fetch"}),
        ("Both().run()", {"Root.run", "Left.fetch", "Right.fetch"}),
    ],
)
def test_methods_of_base_classes(body: str, names: set[str]) -> None:
    assert from_command(body, "from a import *", {"a.py": BASES}) == {f"a.{name}" for name in names}


def test_a_manager_and_an_attribute() -> None:
    files = {
        "shop/models.py": "from .managers import Orders\nfrom .disk import Disk\n"
        "class Order(Model):\n    objects = Orders.as_manager()\n    def __init__(self):\n        self.disk = Disk()\n"
        "    def save(self):\n        self.disk.write()\n        self.other.write()\n",
        "shop/managers.py": "class Orders(QuerySet):\n    def export(self): ...\n    def ship(self): ...\n",
        "shop/disk.py": "class Disk:\n    def write(self): ...\n",
    }
    imports = "from shop.models import Order"
    assert from_command("Order.objects.export()", imports, files) == {"shop.managers.Orders.export"}
    assert from_command("Order.objects.all().export()", imports, files) == set()
    assert from_command("Order().save()", imports, files) == {
        "shop.models.Order.__init__", "shop.models.Order.save", "shop.disk.Disk.write"
    }  # fmt: skip


def test_functions_that_a_migration_takes_from_another_file() -> None:
    files = {
        "search/migrations/0003_fill.py": "from search.helpers import fill\nx = [migrations.RunPython(fill)]\n",
        "search/helpers.py": "def fill(apps, editor):\n    store()\ndef store(): ...\ndef other(): ...\n",
    }
    assert ways(files) == {
        "search.helpers.fill": "reached from migration search.0003_fill",
        "search.helpers.store": "reached from migration search.0003_fill via search.helpers.fill",
    }


def test_job_classes_with_their_base_in_another_file() -> None:
    files = {
        "shop/base.py": "from celery import Task\nclass Base(Task):\n    def run(self):\n        self.work()\n"
        "    def work(self): ...\n",
        "shop/jobs.py": "from shop.base import Base\nclass Nightly(Base):\n    def work(self): ...\n"
        "class Weekly(Base):\n    def run(self): ...\nclass Other:\n    def run(self): ...\n",
    }
    assert ways(files) == {
        "shop.base.Base.work": "reached from task shop.base.Base",
        "shop.jobs.Nightly.work": "reached from task shop.jobs.Nightly",
        "shop.jobs.Weekly.run": "reached from task shop.jobs.Weekly",
    }


def test_commands_with_their_base_in_another_file() -> None:
    files = {
        "shop/base.py": "from django.core.management import BaseCommand\nclass Base(BaseCommand):\n"
        "    def handle(self):\n        self.prepare()\n    def prepare(self): ...\n    def other(self): ...\n",
        COMMAND: "from shop.base import Base\nclass Command(Base):\n    def prepare(self):\n    super().prepare()\n",
    }
    assert set(ways(files)) == {"shop.base.Base.prepare"}


def test_commands_with_a_mixin() -> None:
    files = {
        "shop/mixins.py": "class Mixin:\n    def handle(self):\n        self.work()\n    def work(self): ...\n",
        COMMAND: "from django.core.management import BaseCommand\nfrom shop.mixins import Mixin\n"
        "class Command(Mixin, BaseCommand): ...\n",
    }
    assert ways(files) == {
        "shop.mixins.Mixin.handle": "reached from manage.py reindex",
        "shop.mixins.Mixin.work": "reached from manage.py reindex via shop.mixins.Mixin.handle",
    }


def test_modules_that_the_user_calls_batch() -> None:
    files = {"tools/export.py": "from a import b\ndef main():\n    b()\n", "a.py": "def b(): ...\n"}
    assert ways(files) == {}
    assert ways(files, "tools.export") == {"a.b": "reached from tools.export"}


def test_code_that_runs_on_import_is_no_batch_work() -> None:
    files = {"a.py": "from b import load\nload()\ndef work(): ...\n", "b.py": "def load(): ...\n"}
    assert from_command("work()", "from a import work", files) == {"a.work"}


# Helpers of everybody

HELPER = "def setting():\n    load()\ndef load(): ...\n"


def views(count: int) -> dict[str, str]:
    return {
        "shop/views.py": "from shop.helpers import setting\n"
        + "".join(f"def view{number}(request):\n    setting()\n" for number in range(count))
    }


@pytest.mark.parametrize(("outside", "is_batch"), [(0, True), (1, True), (4, True), (5, False), (30, False)])
def test_a_helper_that_mostly_others_call(outside: int, is_batch: bool) -> None:
    found = from_command("setting()", "from shop.helpers import setting", {"shop/helpers.py": HELPER, **views(outside)})
    assert found == ({"shop.helpers.setting", "shop.helpers.load"} if is_batch else set())


def test_a_helper_that_mostly_batch_work_calls() -> None:
    task = "from celery import shared_task\nfrom shop.helpers import setting\n"
    task += "".join(f"@shared_task\ndef task{number}():\n    setting()\n" for number in range(6))
    files = {"shop/helpers.py": HELPER, "shop/tasks.py": task}
    assert len(ways({**files, **views(6)})) == 2
    assert len(ways({**files, **views(7)})) == 0


def test_callers_that_batch_work_reaches_are_no_others() -> None:
    engine = "from shop.helpers import setting\n"
    engine += "".join(f"def step{number}():\n    setting()\n" for number in range(6))
    engine += "def rebuild():\n" + "".join(f"    step{number}()\n" for number in range(6))
    found = from_command("rebuild()", "from shop.engine import rebuild", {
        "shop/helpers.py": HELPER, "shop/engine.py": engine, **views(6)
    })  # fmt: skip
    assert {"shop.helpers.setting", "shop.helpers.load"} <= found


def test_huge_fan_out_is_quick() -> None:
    files = {
        f"m{number}.py": "".join(
            f"from m{(number * 7 + other) % 500} import f{other} as g{other}\n"
            f"def f{other}():\n    g{other}()\n    f{(other + 1) % 20}()\n"
            for other in range(20)
        )
        for number in range(500)
    }
    facts = facts_of({COMMAND: "from m0 import f0\ndef go():\n    f0()\n", **files})
    start = time.process_time()
    assert len(reached(facts)) == 10_000
    # It takes about 100 ms for these 10,000 functions.
    assert time.process_time() - start < 2


# The shop


def test_the_functions_of_the_shop() -> None:
    """Every marked function of the flagged documents is reached, and none of their twins."""
    texts = {path.relative_to(SHOP).as_posix(): path.read_text(encoding="utf-8") for path in sorted(SHOP.rglob("*.py"))}
    found = ways(texts)
    for path, text in texts.items():
        if Path(path).parent.name == "search" and marked(text, "", "web", "project"):
            source = Source(path, text, ast.parse(text))
            risky = {source.function_at(line) for line, _ in marked(text, "", "web", "project")}
            names = {f"{path.removesuffix('.py').replace('/', '.')}.{function.name}" for function in risky if function}
            assert names & found.keys() == (names if "flagged" in path else set()), path
            assert len(names) > 5
    assert found["reports.search.djq101_flagged_documents.fetch_events"] == (
        "reached from manage.py reindex via search.engine.Indexer.fetch"
    )
    assert found["reports.search.djq101_flagged_documents.Writer.flush"] == "reached from task search.tasks.flush"
    assert "reports.djq101_flagged_reached._turnover" in found
    assert "reports.djq101_flagged_reached.nobody_calls_this" not in found


def test_a_method_that_another_one_calls_on_a_condition_of_its_caller() -> None:
    """Neither as a call, nor as an attribute that may be a property."""
    importer = "class Importer:\n    def __init__(self, file=None):\n        {}\n            self.extract()\n"
    importer += "    def extract(self): ...\n"
    found = {}
    for condition in ("if file:", "if ready():"):
        files = {"shop/importing.py": importer.format(condition)}
        found[condition] = from_command("Importer()", "from shop.importing import Importer", files)
    assert "shop.importing.Importer.extract" not in found["if file:"]
    assert "shop.importing.Importer.extract" in found["if ready():"]


def test_a_function_that_only_names_an_address() -> None:
    views = "def account(request): ...\n"
    routes = "def {}(view):\n    return view.__name__\n"
    for name, is_called in (("get_app_route_url", False), ("view_link", False), ("url_for", False), ("render", True)):
        body = f"{name}(account)"
        imports = f"from shop.routes import {name}\nfrom shop.views import account"
        files = {"shop/views.py": views, "shop/routes.py": routes.format(name)}
        assert ("shop.views.account" in from_command(body, imports, files)) is is_called
