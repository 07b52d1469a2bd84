"""Servers are found, databases come and go, and nothing is left out in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests import databases
from tests.databases import BadURL, address, created, database, missing, require

ROOT = Path(__file__).resolve().parents[1]


def nothing_is_named(patch: pytest.MonkeyPatch) -> None:
    patch.delenv("DJQ_POSTGRES_URL", raising=False)
    patch.delenv("DJQ_MARIADB_URL", raising=False)


def listed(name: str) -> list[str]:
    """The names of all databases of a server."""
    kind = databases.server(name)
    assert kind is not None
    listing = "SELECT datname FROM pg_database" if kind is databases.POSTGRESQL else "SHOW DATABASES"
    return databases._order(kind, address(kind), listing)


def entered(name: str, settings: dict[str, Any]) -> Any:
    """A connection to a database that was made."""
    kind = databases.server(name)
    assert kind is not None
    place = address(kind)
    return databases._enter(
        kind, databases.Address(place.host, place.port, place.user, place.password, settings["NAME"])
    )


def test_the_usual_ports_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_named(monkeypatch)
    postgresql = database("postgresql", "shop")
    assert (postgresql["HOST"], postgresql["PORT"], postgresql["USER"]) == ("127.0.0.1", "5432", "postgres")
    mariadb = database("mariadb", "shop")
    assert (mariadb["HOST"], mariadb["PORT"], mariadb["USER"]) == ("127.0.0.1", "3306", "root")
    assert database("sqlite", "shop.sqlite3") == {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}


def test_only_the_pooled_one_goes_without_server_side_cursors() -> None:
    found = {name: database(name, "shop").get("DISABLE_SERVER_SIDE_CURSORS", False) for name in databases.NAMES}
    assert found == {"sqlite": False, "postgresql": False, "postgresql-pooled": True, "mariadb": False}


def test_a_url_says_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJQ_POSTGRES_URL", "postgresql://jo%40home:p%2Fw@[::1]:6543/start")
    assert address(databases.POSTGRESQL) == databases.Address("::1", 6543, "jo@home", "p/w", "start")
    monkeypatch.setenv("DJQ_MARIADB_URL", "mysql://db.example")
    assert address(databases.MARIADB) == databases.Address("db.example", 3306, "root", "", "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("localhost:5432", "it begins with localhost://"),
        ("secret", "it begins with no scheme"),
        ("mysql://root:secret@localhost/", "it begins with mysql://"),
        ("postgresql://", "it names no host"),
        ("postgresql://user:secret@/shop", "it names no host"),
        ("postgresql://user:secret@localhost:many/", "Port could not be cast"),
        ("postgresql://user:secret@localhost:99999/", "Port out of range"),
        ("postgresql://user:secret@[::1/", "Invalid IPv6 URL"),
        ("postgresql://localhost/a/b", "its path is more than the name of a database"),
        ("postgresql://localhost/?password=secret", "options after ? or # are not supported"),
    ],
)
def test_a_url_that_cannot_be_read_is_one_clear_line(text: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJQ_POSTGRES_URL", text)
    with pytest.raises(BadURL) as raised:
        missing("postgresql")
    line = str(raised.value)
    assert line.startswith("DJQ_POSTGRES_URL is not a URL like postgresql://user:password@host:5432/: ")
    assert fault in line
    assert "\n" not in line
    assert "secret" not in line
    with pytest.raises(pytest.fail.Exception):
        require("postgresql")


def test_an_unknown_database_is_an_error() -> None:
    with pytest.raises(KeyError):
        missing("oracle")


@pytest.mark.parametrize(
    ("name", "variable", "url"),
    [
        ("postgresql", "DJQ_POSTGRES_URL", "postgresql://postgres@127.0.0.1:1/"),
        ("postgresql-pooled", "DJQ_POSTGRES_URL", "postgresql://postgres@127.0.0.1:1/"),
        ("mariadb", "DJQ_MARIADB_URL", "mysql://root@127.0.0.1:1/"),
    ],
)
def test_without_a_server_a_test_is_skipped_and_in_ci_it_fails(
    name: str, variable: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, url)
    monkeypatch.delenv("CI", raising=False)
    reason = missing(name)
    assert reason is not None
    assert reason.startswith(f"{name}: ")
    assert f"{variable}=" in reason
    with pytest.raises(pytest.skip.Exception, match=f"NOT TESTED: {name}: "):
        require("sqlite", name)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"{variable}="):
        require("sqlite", name)


def test_without_a_driver_a_test_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "MySQLdb", None)
    monkeypatch.setenv("DJQ_MARIADB_URL", "mysql://root@127.0.0.1:2/")
    assert "the driver mysqlclient is not installed" in str(missing("mariadb"))


def test_without_django_42_a_test_is_skipped_and_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJQ_DJANGO42_PYTHON", "/nowhere/python")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"NOT TESTED: Django 4\.2: .*DJQ_DJANGO42_PYTHON="):
        databases.django42()
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="DJQ_DJANGO42_PYTHON="):
        databases.django42()


def test_the_environment_with_django_42_has_it() -> None:
    command = [databases.django42(), "-c", "import django; print(django.VERSION[:2])"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "(4, 2)"


@pytest.mark.parametrize("word", ["", "0", "false", "No"])
def test_ci_may_be_set_to_a_word_for_no(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", word)
    assert not databases.in_ci()


@pytest.mark.parametrize("name", databases.SERVERS)
def test_a_database_is_made_and_dropped_even_with_a_transaction_open(name: str) -> None:
    require(name)
    with created(name) as first, created(name) as second:
        assert first["NAME"] != second["NAME"]
        assert {first["NAME"], second["NAME"]} <= set(listed(name))
        connection = entered(name, first)
        connection.autocommit(False) if name == "mariadb" else setattr(connection, "autocommit", False)
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE words (word text)")
        cursor.execute("INSERT INTO words VALUES ('naïve 🐘')")
        cursor.execute("SELECT word FROM words")
        assert cursor.fetchall()[0][0] == "naïve 🐘"
    assert not {first["NAME"], second["NAME"]} & set(listed(name))
    databases.drop(name, first)


def test_the_file_of_an_sqlite_database_is_removed() -> None:
    with created("sqlite") as settings:
        path = Path(settings["NAME"])
        path.write_text("")
        path.with_name(path.name + "-wal").write_text("")
    assert not list(path.parent.glob(path.name + "*"))
    databases.drop("sqlite", settings)


LEAVE = (
    "import os; from tests.databases import create; s = create('{}'); open(s['NAME'], 'a') if '/' in s['NAME'] else 0; "
)
AND_DIE = "print(s['NAME'], flush=True); os._exit(1)"


@pytest.mark.parametrize("name", databases.NAMES)
def test_what_a_process_left_that_died_is_dropped_by_the_next(name: str) -> None:
    require(name)
    left = run_python(LEAVE.format(name) + AND_DIE).strip()
    assert Path(left).exists() if name == "sqlite" else left in listed(name)
    with created(name) as mine:
        run_python(LEAVE.format(name) + "from tests.databases import drop; drop('" + name + "', s)")
        assert not Path(left).exists() if name == "sqlite" else left not in listed(name)
        assert name == "sqlite" or mine["NAME"] in listed(name)


def run_python(code: str) -> str:
    """Run code in a process of its own; what it prints."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout


def test_other_machines_and_living_processes_are_left_alone() -> None:
    own = databases._machine()
    assert not databases._is_leftover(f"{own}{os.getpid()}_1")
    assert databases._is_leftover(f"{own}{2**22 + 1}_1")
    assert not databases._is_leftover(f"djq_test_00000000_{2**22 + 1}_1")
    assert not databases._is_leftover(f"{own}x_1")
    assert not databases._is_leftover("shop")


@pytest.mark.parametrize("workers", ["-pno:xdist", "-n2"])
def test_the_end_of_the_run_says_loudly_what_was_left_out(workers: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_terminal_summary\n")
    (tmp_path / "test_it.py").write_text(
        dedent("""
            import pytest
            from tests.databases import require

            @pytest.mark.parametrize("number", range(3))
            def test_it(number):
                require("postgresql")

            @pytest.fixture
            def postgresql():
                require("postgresql")

            def test_fixture(postgresql):
                pass

            @pytest.mark.skip("for a reason of its own")
            def test_other():
                pass
        """)
    )
    environment = {**os.environ, "DJQ_POSTGRES_URL": "postgresql://jo@127.0.0.1:1/", "PYTHONPATH": str(ROOT)}
    environment.pop("CI", None)
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir=.", workers, "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "! NOT TESTED !" in done.stdout
    assert "4 skipped, postgresql: no server answers at 127.0.0.1:1 as jo" in done.stdout
    assert "DJQ_POSTGRES_URL=postgresql://user:password@host:5432/ names a server" in done.stdout
    environment["CI"] = "true"
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "3 failed, 1 skipped, 1 error" in done.stdout
