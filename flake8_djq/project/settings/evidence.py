"""What files beside the settings say of the database that a variable of the environment names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from flake8_djq.patterns import Pattern
from flake8_djq.project.files import Files, dependency_files
from flake8_djq.project.settings.backends import family_of
from flake8_djq.project.settings.engines import backend_of_url, family
from flake8_djq.project.settings.entry_points import FILES, Role
from flake8_djq.project.settings.variables import FALSE_TEXTS

__all__ = [
    "Evidence",
    "evidence_for",
    "mysql_drivers",
    "started_databases",
    "switched_off",
    "transaction_poolers",
]

# The image of a database that a compose file starts beside the project.
IMAGE = Pattern(
    r"\bimage:\s*[\"']?(?:[\w.-]+/)*((?:postg(?:res(?:ql)?|is)|mysql|mariadb|percona|timescaledb|pgvector)[\w-]*)"
)
IMAGES = {"percona": "mysql", "timescaledb": "postgresql", "pgvector": "postgresql"}

# The mode of a pooler that takes a connection back after each transaction: a line of pgbouncer.ini, a variable of the
# images that write one, an entry of a chart. What stands after the sign of a comment says nothing.
TRANSACTION_POOLING = Pattern(
    r"^(?![ \t]*[#;])[^#\n]*?(?<![\w-])((?:PGBOUNCER_)?POOL_?MODE[\"']?\s*(?:[:=]\s*)?(?:value:\s*)?"
    r"[\"']?(?:\$\{\w+:?-)?transaction\b)",
    re.IGNORECASE | re.MULTILINE,
)

MYSQL = "mysqlclient|mysql-python|mysql-connector(-python)?|pymysql"
OTHERS = r"psycopg\w*|cx[_-]oracle|oracledb|mssql-django"


def _asked(drivers: str) -> Pattern:
    return Pattern(rf"(?<![\w.-])({drivers})\b", re.IGNORECASE)


def _locked(drivers: str) -> Pattern:
    return Pattern(rf'^(?:name = "|[ \t]*"(?=[^"\n]*":))({drivers})\b', re.IGNORECASE | re.MULTILINE)


# In a list of what is asked for each mention counts. A lock file also names what its packages would ask for if somebody
# wanted their extras; there only a package's own entry counts: `name = "pymysql"`, or the key of a Pipfile.lock.
ASKED, LOCKED = (_asked(MYSQL), _asked(OTHERS)), (_locked(MYSQL), _locked(OTHERS))
# `requirements.lock` is none of them, but a list like any other.
LOCK_FILES = frozenset(("poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock"))


class Evidence(NamedTuple):
    """An engine, and the place that speaks of it."""

    engine: str
    place: str


def evidence_for(files: Files, variables: tuple[str, ...]) -> Iterator[Evidence]:
    """What files that say how a project is run set these variables to, and the databases that they start."""
    if not variables:
        return
    value = re.compile(rf"{_assigned(variables)}([\w.+-]+(?=[:\"'\s]|$)(?::(?=/))?)")
    for path, text in _texts(files):
        engines = [(found, family_of(backend_of_url(found[1]) or found[1], files)) for found in value.finditer(text)]
        engines += _images(text)
        for found, engine in engines:
            if engine:
                yield Evidence(engine, _place(files, path, text, found))


def started_databases(files: Files) -> Iterator[Evidence]:
    """The databases that compose files start beside the project."""
    for path, text in _texts(files):
        for found, engine in _images(text):
            yield Evidence(engine, _place(files, path, text, found))


def mysql_drivers(files: Files) -> Iterator[str]:
    """The places that ask for MySQL's driver, where no file asks for another database's."""
    roots = files.roots
    if roots is None:
        return
    paths = {path: None for folder in (roots.root, roots.top) for path in dependency_files(folder)}
    texts = [(Path(path), text) for path in paths if (text := files.text(Path(path)))]
    drivers = [(path, text, *(LOCKED if path.name in LOCK_FILES else ASKED)) for path, text in texts]
    if not any(others.search(text) for _, text, _, others in drivers):
        for path, text, mysql, _ in drivers:
            for found in mysql.finditer(text):
                yield _place(files, path, text, found)


def transaction_poolers(files: Files) -> Iterator[str]:
    """The places that put a pooler before the database which takes a connection back after each transaction."""
    for path, text in _texts(files):
        for found in TRANSACTION_POOLING.finditer(text):
            yield _place(files, path, text, found, 1)


def _images(text: str) -> list[tuple[re.Match[str], str]]:
    return [(found, IMAGES.get(found[1], "") or family(found[1])) for found in IMAGE.finditer(text)]


def switched_off(files: Files, variables: tuple[str, ...]) -> str:
    """The place that sets one of these variables to a text that means no, or ""."""
    if not variables:
        return ""
    off = re.compile(rf"{_assigned(variables)}(?:{'|'.join(filter(None, FALSE_TEXTS))})\b", re.IGNORECASE)
    found = ((path, text, off.search(text)) for path, text in _texts(files))
    return next((_place(files, path, text, match) for path, text, match in found if match), "")


def _assigned(variables: tuple[str, ...]) -> str:
    """The pattern of what stands before the value of a variable, in whatever kind of file."""
    return rf"(?<![\w-])(?:{'|'.join(map(re.escape, variables))})[\"']?\s*[:=]\s*[\"']?"


def _texts(files: Files) -> Iterator[tuple[Path, str]]:
    """The files that say how a project is run."""
    top = str(files.roots.top) if files.roots is not None else ""
    for path in files.listing() if top else ():
        name = str(path)[len(top) + 1 :].replace("\\", "/")
        role = next((role for pattern, role in FILES if pattern.search(name)), Role.TESTS)
        text = files.text(path) if role is not Role.TESTS else None
        if text:
            yield path, text


def _place(files: Files, path: Path, text: str, found: re.Match[str], group: int = 0) -> str:
    return f"{files.shown(path)}:{text.count(chr(10), 0, found.start(group)) + 1}"
