"""``flake8-djq table-sizes`` on each database: what the file says, what it never does, and what stops it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import django
import pytest

from flake8_djq.sizes.command import _write
from tests.databases import created, database, require
from tests.sizes.fill import ACCOUNTS, ASIDES, AUTHORS, CATEGORIES, EVENTS, MAGAZINES, PUBLICATIONS, VISITS
from tests.support import ROOT, SHOP

MODULE = "sizes_settings"
LIMIT = 1_000_000
DOUBT = "is this the database of production?"
# Prints every statement, which DEBUG alone makes Django log.
LOUD = """
from sizes_settings import *

DEBUG = True
LOGGING = {
    "version": 1,
    "formatters": {"sql": {"format": "<<%(sql)s>>"}},
    "handlers": {"sql": {"class": "logging.StreamHandler", "formatter": "sql"}},
    "loggers": {"django.db.backends": {"level": "DEBUG", "handlers": ["sql"], "propagate": False}},
}
"""


@dataclass
class Project:
    """A folder with settings modules, as the command sees it."""

    folder: Path

    def write(self, databases: dict[str, Any], more: str = "") -> None:
        """Write the settings of the shop and ``extra``."""
        text = (
            "from shop.settings.base import *\n"
            'INSTALLED_APPS = [*INSTALLED_APPS, "tests.sizes.extra"]\n'
            'AUTH_USER_MODEL = "extra.Account"\n'
            f"DATABASES = {databases!r}\n"
        )
        (self.folder / f"{MODULE}.py").write_text(text + more, encoding="utf-8")

    def fill(self, *arguments: str) -> None:
        done = self._python("-m", "tests.sizes.fill", *arguments, settings=MODULE)
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str, module: str = MODULE, settings: str = "") -> subprocess.CompletedProcess[str]:
        """The command, as a user gives it in the project's folder; ``settings`` is what the environment says."""
        script = "import sys; from flake8_djq.cli import main; sys.exit(main())"
        named = ["--settings", module] if module else []
        return self._python("-c", script, "table-sizes", *named, *arguments, settings=settings)

    def _python(self, *arguments: str, settings: str) -> subprocess.CompletedProcess[str]:
        search = os.pathsep.join([str(SHOP), str(ROOT), *([str(self.folder)] if settings else [])])
        environment = {**os.environ, "PYTHONPATH": search, "DJANGO_SETTINGS_MODULE": settings}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@dataclass
class Measured:
    """One run of the command over one database, which all tests of what it writes look at."""

    database: str
    text: str
    output: str
    errors: str

    @cached_property
    def content(self) -> dict[str, Any]:
        found = json.loads(self.text)
        assert isinstance(found, dict)
        return found

    def entry(self, model: str) -> dict[str, Any]:
        found = self.content["models"][model]
        assert isinstance(found, dict)
        return found

    def rows(self, model: str) -> int:
        found = self.entry(model)["rows"]
        assert isinstance(found, int)
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """The shop and more, filled, on one database."""
    name = request.param
    require(name)
    with created(name) as settings:
        project = Project(tmp_path_factory.mktemp(name))
        if name == "postgresql":
            settings["OPTIONS"]["options"] = "-c search_path=public,side"
        project.write({"default": settings})
        (project.folder / "loud_settings.py").write_text(LOUD, encoding="utf-8")
        project.fill()
        done = project.run("--output", "sizes.json", module="loud_settings")
        assert done.returncode == 0, done.stderr
        left = sorted(path.name for path in project.folder.iterdir() if path.is_file())
        assert left == ["loud_settings.py", "sizes.json", "sizes_settings.py"]
        text = (project.folder / "sizes.json").read_text(encoding="utf-8")
        yield Measured(name, text, done.stdout, done.stderr)


@pytest.fixture
def bare(tmp_path: Path) -> Project:
    """A project whose settings a test writes."""
    return Project(tmp_path)


@pytest.fixture
def small(bare: Project) -> Project:
    """A project with an empty SQLite database."""
    bare.write({"default": database("sqlite", "x.sqlite3")})
    bare.fill("--small")
    return bare


# What the file says


def test_the_file(measured: Measured) -> None:
    assert "djq-table-sizes = sizes.json" in measured.output.splitlines()
    content = dict(measured.content)
    models = content.pop("models")
    assert content == {
        "format": 1,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "django": django.get_version(),
        "databases": {"default": {"mariadb": "mysql"}.get(measured.database, measured.database)},
    }
    assert list(models) == sorted(models)
    for model, entry in models.items():
        assert set(entry) - {"at_least"} == {"table", "rows"}
        assert f'\n    "{model}": {{"table": "{entry["table"]}"' in measured.text
    assert models["catalog.Book"] == {"table": "catalog_book", "rows": 0}
    assert models["catalog.Book_categories"] == {"table": "catalog_book_categories", "rows": 0}
    assert measured.text.count("\n") == len(models) + 8


def test_estimates_are_near(measured: Measured) -> None:
    assert measured.rows("reports.Event") == pytest.approx(EVENTS, rel=0.2)
    assert measured.rows("extra.Visit") == pytest.approx(VISITS, rel=0.2)
    assert measured.rows("catalog.Author") == pytest.approx(AUTHORS, rel=0.2)
    assert measured.rows("catalog.Category") == CATEGORIES


def test_numbers_are_rounded(measured: Measured) -> None:
    assert measured.rows("catalog.Author") % 10 == 0


def test_proxies_children_and_swapped_models(measured: Measured) -> None:
    assert measured.entry("extra.LoudEvent") == measured.entry("reports.Event")
    assert measured.rows("extra.Publication") == PUBLICATIONS
    assert measured.rows("extra.Magazine") == MAGAZINES
    assert measured.entry("auth.User") == {"table": "extra_account", "rows": ACCOUNTS}
    assert measured.entry("extra.Account") == measured.entry("auth.User")


def test_a_view_is_not_counted(measured: Measured) -> None:
    assert measured.entry("extra.Summary") == {"table": "extra_summary", "rows": None}


def test_the_search_path_counts(measured: Measured) -> None:
    assert measured.rows("extra.Aside") == ASIDES


def test_a_missing_table_is_left_out_and_named(measured: Measured) -> None:
    assert "extra.Lost" not in measured.content["models"]
    named = [line for line in measured.errors.splitlines() if "extra.Lost" in line]
    assert named == ["flake8-djq table-sizes: left out extra.Lost: database 'default' has no table extra_lost"]


def test_counting_stops_at_a_million(measured: Measured) -> None:
    if measured.database == "mariadb":
        return  # it has statistics of every table that has rows
    assert measured.entry("extra.Huge") == {"table": "extra_huge", "rows": LIMIT, "at_least": True}


def test_it_only_reads_and_counts_no_table_that_has_statistics(measured: Measured) -> None:
    statements = [" ".join(text.split()) for text in re.findall(r"<<(.*?)>>", measured.errors, re.DOTALL)]
    assert len(statements) > 10
    # Django says so to MySQL and MariaDB at the start of each connection.
    rest = [text for text in statements if text != "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"]
    assert [text for text in rest if not text.startswith(("SELECT ", "WITH "))] == []
    counting = [text for text in statements if "COUNT(" in text]
    assert [text for text in counting if not text.endswith(f" LIMIT {LIMIT}) AS part")] == []
    counted = {match[1] for text in counting if (match := re.search(r"FROM [`\"]?(\w+)[`\"]? LIMIT", text))}
    assert "catalog_book" in counted
    with_statistics = {"reports_event", "visits_old"}
    assert with_statistics & counted == ({"reports_event"} if measured.database == "sqlite" else set())


def test_neither_hosts_nor_databases_are_named(measured: Measured) -> None:
    where = database(measured.database, "")
    told = [value for value in (where.get("HOST"), where.get("PORT"), "djq_test_") if value and value in measured.text]
    assert told == []


def test_a_database_without_a_large_table_is_doubted(measured: Measured, small: Project) -> None:
    assert DOUBT not in measured.errors
    done = small.run("--output", "-")
    assert done.returncode == 0
    assert DOUBT in done.stderr


# Several databases, and other places


def test_each_model_is_asked_for_in_its_own_database(bare: Project) -> None:
    files = {alias: database("sqlite", str(bare.folder / f"{alias}.sqlite3")) for alias in ("default", "archive")}
    bare.write(files, 'DATABASE_ROUTERS = ["tests.sizes.extra.routers.ReportsElsewhere"]\n')
    bare.fill("--small")
    done = bare.run("--output", "-")
    content = json.loads(done.stdout)
    assert content["databases"] == {"archive": "sqlite", "default": "sqlite"}
    assert content["models"]["reports.Event"] == {"table": "reports_event", "rows": 0}
    assert content["models"]["catalog.Author"] == {"table": "catalog_author", "rows": 0}
    # The router sends the proxy, which is in another app, to the other database.
    assert "left out extra.LoudEvent: database 'default' has no table reports_event" in done.stderr


def test_the_default_name_and_pythonpath(bare: Project) -> None:
    inner = Project(bare.folder / "src")
    inner.folder.mkdir()
    inner.write({"default": database("sqlite", str(bare.folder / "x.sqlite3"))}, 'print("settings that talk")\n')
    inner.fill("--small")
    done = bare.run()
    assert done.returncode == 2
    assert "cannot import sizes_settings from .: ModuleNotFoundError" in done.stderr
    assert "--pythonpath" in done.stderr
    done = bare.run("--pythonpath", "src")
    assert done.returncode == 0, done.stderr
    assert "talk" not in done.stdout
    assert "catalog.Author" in (bare.folder / "djq-table-sizes.json").read_text(encoding="utf-8")


def test_standard_output_and_settings_from_the_environment(small: Project) -> None:
    done = small.run("--output", "-", module="", settings=MODULE)
    assert "catalog.Author" in json.loads(done.stdout)["models"]
    assert not list(small.folder.glob("*.json"))


# What stops it


def stopped(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says why: the last one, after the models that are left out."""
    assert (done.returncode, done.stdout) == (2, "")
    *before, line = done.stderr.splitlines()
    assert [text for text in before if "left out" not in text and DOUBT not in text] == []
    assert line.startswith("flake8-djq table-sizes: ")
    return line.removeprefix("flake8-djq table-sizes: ")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"ENGINE": "django.db.backends.sqlite3", "NAME": "nowhere.sqlite3"},
            "database 'default' cannot be reached: there is no file nowhere.sqlite3",
        ),
        (
            {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": "1", "NAME": "shop"},
            "database 'default' cannot be reached: OperationalError: ",
        ),
        (
            {"ENGINE": "django.db.backends.mysql", "HOST": "127.0.0.1", "PORT": "1", "NAME": "shop"},
            "database 'default' cannot be reached: OperationalError: ",
        ),
        ({"ENGINE": "django.db.backends.dummy"}, "database 'default' cannot be reached: ImproperlyConfigured: "),
        ({"ENGINE": "nothing.like.it"}, "Django does not start with sizes_settings: ImproperlyConfigured: "),
    ],
)
def test_a_database_that_cannot_be_reached(settings: dict[str, str], reason: str, bare: Project) -> None:
    require(*{"postgresql": ["postgresql"], "mysql": ["mariadb"]}.get(settings["ENGINE"].rpartition(".")[2], []))
    bare.write({"default": {**settings, "PASSWORD": "swordfish"}})
    line = stopped(bare.run())
    assert line.startswith(reason)
    assert "swordfish" not in line
    assert [path.name for path in bare.folder.iterdir() if path.is_file()] == ["sizes_settings.py"]


def test_an_empty_database_leaves_the_file_alone(bare: Project) -> None:
    (bare.folder / "empty.sqlite3").touch()
    (bare.folder / "djq-table-sizes.json").write_text("kept", encoding="utf-8")
    bare.write({"default": database("sqlite", "empty.sqlite3")})
    assert stopped(bare.run()) == "none of the models has a table there; nothing is written"
    assert (bare.folder / "djq-table-sizes.json").read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import os; os.environ['SIZES_SECRET']", "cannot import broken from .: KeyError: 'SIZES_SECRET'"),
        ("this is no Python", "cannot import broken from .: SyntaxError: "),
        ("INSTALLED_APPS = ['nothing_like_it']", "Django does not start with broken: ModuleNotFoundError: "),
    ],
)
def test_broken_settings(text: str, reason: str, bare: Project) -> None:
    (bare.folder / "broken.py").write_text(text, encoding="utf-8")
    assert stopped(bare.run(module="broken")).startswith(reason)


def test_no_settings(bare: Project) -> None:
    assert stopped(bare.run(module="")).startswith("--settings names the settings module")


@pytest.mark.parametrize(
    ("output", "reason"), [("no/such/folder.json", "No such file or directory"), ("folder", "Is a directory")]
)
def test_a_place_that_cannot_be_written_to(output: str, reason: str, small: Project) -> None:
    (small.folder / "folder").mkdir()
    assert stopped(small.run("--output", output)) == f"cannot write {output}: {reason}"


def test_without_django(bare: Project) -> None:
    """-S keeps the installed packages away."""
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from flake8_djq.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script, "table-sizes", "--settings", MODULE],
        cwd=bare.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "flake8-djq table-sizes: Django is not installed in this environment; run it where your project runs:"
        " python -m pip install 'flake8-djq[django]'\n"
    )


# Writing


def test_a_file_that_was_there_is_replaced_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sizes.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    (tmp_path / "link.json").symlink_to(path)
    _write(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert path.read_text(encoding="utf-8") == "new"
    assert path.stat().st_mode & 0o777 == 0o640

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        _write(path, "newer")
    assert path.read_text(encoding="utf-8") == "new"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["link.json", "sizes.json"]
