"""How a test reaches SQLite, PostgreSQL and MariaDB, each in a database of its own that is dropped again.

A test asks for a database with ``require(name)`` and makes one with ``created(name)``::

    def test_something():
        require("mariadb")
        with created("mariadb") as settings:
            ...  # settings is what belongs into Django's DATABASES

Servers are looked for at the usual ports of this machine, or where ``DJQ_POSTGRES_URL`` and ``DJQ_MARIADB_URL`` say.
Nothing here needs Django to be set up, and pytest only where a test is skipped.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import os
import platform
import sys
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

NAMES = ("sqlite", "postgresql", "postgresql-pooled", "mariadb")
"""Every database: ``postgresql-pooled`` is PostgreSQL without server-side cursors, as behind PgBouncer."""

SERVERS = ("postgresql", "postgresql-pooled", "mariadb")
"""Those that need a server."""

NOT_TESTED = "NOT TESTED: "
"""How the reason of a skip begins that the end of the test run must repeat."""

DJANGO42_VARIABLE = "DJQ_DJANGO42_PYTHON"
"""The environment variable that names the Python of an environment with Django 4.2."""

PREFIX = "djq_test_"
SECONDS_TO_CONNECT = 5
ROOT = Path(__file__).resolve().parents[1]

_numbers = itertools.count(1)


class BadURL(ValueError):
    """An environment variable names a server in a way that cannot be read; the text is one line, without passwords."""


@dataclass(frozen=True)
class Server:
    """A kind of server: how Django, its driver and the environment call it."""

    variable: str
    example: str
    schemes: tuple[str, ...]
    engine: str
    driver: str
    package: str
    port: int
    user: str


POSTGRESQL = Server(
    variable="DJQ_POSTGRES_URL",
    example="postgresql://user:password@host:5432/",
    schemes=("postgresql", "postgres"),
    engine="django.db.backends.postgresql",
    driver="psycopg",
    package="psycopg[binary]",
    port=5432,
    user="postgres",
)
MARIADB = Server(
    variable="DJQ_MARIADB_URL",
    example="mysql://user:password@host:3306/",
    schemes=("mysql", "mariadb"),
    engine="django.db.backends.mysql",
    driver="MySQLdb",
    package="mysqlclient",
    port=3306,
    user="root",
)


@dataclass(frozen=True)
class Address:
    """Where a server is, and as whom to enter; ``entrance`` is the database to connect to for making others."""

    host: str
    port: int
    user: str
    password: str
    entrance: str


def server(name: str) -> Server | None:
    """The kind of server of a database, None for SQLite.

    Raises:
        KeyError: the name is none of ``NAMES``.
    """
    return {"sqlite": None, "postgresql": POSTGRESQL, "postgresql-pooled": POSTGRESQL, "mariadb": MARIADB}[name]


def address(kind: Server) -> Address:
    """Where the environment says that the server is, or else at its usual port on this machine.

    Raises:
        BadURL: the environment variable cannot be read.
    """
    text = os.environ.get(kind.variable, "").strip()
    if not text:
        return Address("127.0.0.1", kind.port, kind.user, "", "")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise _bad_url(kind, str(error)) from None
    if fault := _fault(kind, url):
        raise _bad_url(kind, fault)
    return Address(
        host=url.hostname or "",
        port=port or kind.port,
        user=unquote(url.username or kind.user),
        password=unquote(url.password or ""),
        entrance=unquote(url.path.strip("/")),
    )


def _fault(kind: Server, url: SplitResult) -> str:
    if url.scheme not in kind.schemes:
        return f"it begins with {url.scheme + '://' if url.scheme else 'no scheme'}"
    if not url.hostname:
        return "it names no host"
    if url.query or url.fragment:
        return "options after ? or # are not supported"
    return "its path is more than the name of a database" if "/" in url.path.strip("/") else ""


def _bad_url(kind: Server, fault: str) -> BadURL:
    return BadURL(f"{kind.variable} is not a URL like {kind.example}: {fault}")


def database(name: str, database_name: str) -> dict[str, Any]:
    """What stands in Django's ``DATABASES`` for one of ``NAMES``.

    Args:
        name: one of ``NAMES``.
        database_name: the database on the server; for SQLite the path of its file.

    Raises:
        BadURL: the environment names the server in a way that cannot be read.
    """
    kind = server(name)
    if kind is None:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": database_name}
    place = address(kind)
    settings: dict[str, Any] = {
        "ENGINE": kind.engine,
        "NAME": database_name,
        "HOST": place.host,
        "PORT": str(place.port),
        "USER": place.user,
        "PASSWORD": place.password,
        "OPTIONS": {"connect_timeout": SECONDS_TO_CONNECT},
    }
    if kind is MARIADB:
        settings["OPTIONS"]["charset"] = "utf8mb4"
    if name == "postgresql-pooled":
        settings["DISABLE_SERVER_SIDE_CURSORS"] = True
    return settings


def missing(name: str) -> str | None:
    """Why a database cannot be used here, in one line that says how to name a server; None where it can.

    Raises:
        BadURL: the environment names the server in a way that cannot be read.
    """
    kind = server(name)
    if kind is None:
        return None
    place = address(kind)
    why = _unreachable(kind, place)
    if not why:
        return None
    return f"{name}: {why}; {kind.variable}={kind.example} names a server"


@functools.cache
def _unreachable(kind: Server, place: Address) -> str:
    try:
        _enter(kind, place).close()
    except ImportError as error:
        return f"the driver {kind.package} is not installed ({error})"
    except Exception as error:  # noqa: BLE001 - each driver has a hierarchy of errors of its own
        reason = " ".join(str(error).split())
        return f"no server answers at {place.host}:{place.port} as {place.user} ({reason})"
    return ""


def _enter(kind: Server, place: Address) -> Any:
    driver: Any = importlib.import_module(kind.driver)
    if kind is POSTGRESQL:
        return driver.connect(
            host=place.host,
            port=place.port,
            user=place.user,
            password=place.password or None,
            dbname=place.entrance or "postgres",
            connect_timeout=SECONDS_TO_CONNECT,
            autocommit=True,
        )
    return driver.connect(
        host=place.host,
        port=place.port,
        user=place.user,
        password=place.password,
        database=place.entrance,
        connect_timeout=SECONDS_TO_CONNECT,
        autocommit=True,
    )


def require(*names: str) -> None:
    """Skip the running test where a database is not there; fail it where ``CI`` is set or a URL cannot be read."""
    for name in names:
        try:
            reason = missing(name)
        except BadURL as error:
            _fail(str(error))
        if reason:
            leave_out(reason)


def django42() -> str:
    """The Python of an environment with Django 4.2; the running test is skipped, or fails in CI, where there is none.

    ``make test`` makes ``.venv-django42``; the environment variable ``DJQ_DJANGO42_PYTHON`` names another one.
    """
    scripts = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    path = Path(os.environ.get(DJANGO42_VARIABLE) or ROOT / ".venv-django42" / scripts)
    if not path.exists():
        leave_out(f"Django 4.2: there is no {path}; make test makes it, or {DJANGO42_VARIABLE}=python names one")
    return str(path)


def leave_out(reason: str) -> NoReturn:
    """Skip the running test so that the end of the run repeats the reason; in CI fail it."""
    if in_ci():
        _fail(reason)
    import pytest

    pytest.skip(NOT_TESTED + reason)


def in_ci() -> bool:
    """Whether nothing may be skipped: the environment variable ``CI`` is set, and not to a word for no."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


def _fail(reason: str) -> NoReturn:
    import pytest

    pytest.fail(reason, pytrace=False)


@contextlib.contextmanager
def created(name: str) -> Iterator[dict[str, Any]]:
    """A new, empty database for the time of a ``with``, as it stands in Django's ``DATABASES``; dropped afterwards.

    Connections that are still open to it are ended by the server then.
    """
    settings = create(name)
    try:
        yield settings
    finally:
        drop(name, settings)


def create(name: str) -> dict[str, Any]:
    """Make a new, empty database with a name of its own; what belongs into Django's ``DATABASES`` for it.

    The name holds the machine and the process: parallel test processes do not meet, and what a process left behind
    that died is dropped by the next one.

    Raises:
        BadURL: the environment names the server in a way that cannot be read.
        Exception: the driver's error, where the server does not answer or does not allow it.
    """
    kind = server(name)
    own = f"{_machine()}{os.getpid()}_{next(_numbers)}"
    if kind is None:
        _drop_leftover_files()
        return database(name, str(Path(tempfile.gettempdir()) / f"{own}.sqlite3"))
    place = address(kind)
    _drop_leftovers(kind, place)
    form = "TEMPLATE template0 ENCODING 'UTF8'" if kind is POSTGRESQL else "CHARACTER SET utf8mb4"
    _order(kind, place, f"CREATE DATABASE {own} {form}")
    return database(name, own)


def drop(name: str, settings: dict[str, Any]) -> None:
    """Drop what ``create`` has made; nothing happens where it is gone already."""
    kind = server(name)
    if kind is None:
        _drop_file(Path(settings["NAME"]))
    else:
        _drop(kind, address(kind), settings["NAME"])


def _drop(kind: Server, place: Address, database_name: str) -> None:
    if kind is POSTGRESQL:
        _order(kind, place, f"DROP DATABASE IF EXISTS {database_name} WITH (FORCE)")
        return
    # A transaction that is still open would keep DROP waiting for ever.
    for connection in _order(
        kind, place, f"SELECT id FROM information_schema.processlist WHERE db = '{database_name}'"
    ):
        with contextlib.suppress(Exception):
            _order(kind, place, f"KILL CONNECTION {connection}")
    _order(kind, place, f"DROP DATABASE IF EXISTS {database_name}")


def _drop_file(path: Path) -> None:
    for ending in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _order(kind: Server, place: Address, statement: str) -> list[str]:
    """Run one statement; the first column of what it answers."""
    with contextlib.closing(_enter(kind, place)) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        return [str(row[0]) for row in cursor.fetchall()] if cursor.description else []


@functools.cache
def _drop_leftovers(kind: Server, place: Address) -> None:
    listing = "SELECT datname FROM pg_database" if kind is POSTGRESQL else "SHOW DATABASES"
    for name in _order(kind, place, listing):
        if _is_leftover(name):
            # Another test process may be dropping it at the same moment.
            with contextlib.suppress(Exception):
                _drop(kind, place, name)


@functools.cache
def _drop_leftover_files() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_machine()}*.sqlite3"):
        if _is_leftover(path.stem):
            with contextlib.suppress(OSError):
                _drop_file(path)


@functools.cache
def _machine() -> str:
    """How the names of all databases of this machine begin: on a shared server, other machines' processes may live."""
    return f"{PREFIX}{zlib.crc32(platform.node().encode()):08x}_"


def _is_leftover(database_name: str) -> bool:
    if not database_name.startswith(_machine()):
        return False
    process = database_name.removeprefix(_machine()).partition("_")[0]
    return process.isdigit() and not _lives(int(process))


def _lives(process: int) -> bool:
    if sys.platform == "win32":
        return True  # There, a signal of 0 would end the process that it only means to ask for.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
