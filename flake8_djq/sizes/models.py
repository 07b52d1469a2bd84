"""The models of a project with their tables, and the rows of these, by running Django with the project's settings."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flake8_djq.sizes.statistics import VENDORS, Estimate, NoTable, estimate

__all__ = ["CannotMeasure", "Measured", "Table", "measure", "start_django"]


class CannotMeasure(Exception):
    """The sizes cannot be had; the text is one line that says why."""


@dataclass(frozen=True)
class Table:
    """The table of one model: ``model`` is the label ``app_label.Model``."""

    model: str
    name: str
    estimate: Estimate


@dataclass
class Measured:
    """What the databases said: ``databases`` maps each alias to its vendor, ``left_out`` each model to the reason."""

    tables: list[Table] = field(default_factory=list)
    databases: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def start_django(settings: str, folder: Path) -> str:
    """Set Django up in this process; gives its version.

    Args:
        settings: the dotted name of the settings module.
        folder: where to import it from, as ``manage.py`` imports from its own folder.

    Raises:
        CannotMeasure: Django is not installed, or does not start with these settings.
    """
    if importlib.util.find_spec("django") is None:
        raise CannotMeasure(
            "Django is not installed in this environment; run it where your project runs:"
            " python -m pip install 'flake8-djq[django]'"
        )
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    sys.path.insert(0, str(folder.resolve()))
    import django

    # What the project prints must not end up in the output.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            importlib.import_module(settings)
        except Exception as error:  # noqa: BLE001 - a settings module may raise anything
            hint = "; --pythonpath names the folder of manage.py" if isinstance(error, ModuleNotFoundError) else ""
            raise CannotMeasure(f"cannot import {settings} from {folder}: {_line(error)}{hint}") from None
        try:
            django.setup()
        except Exception as error:  # noqa: BLE001 - it runs the code of every app
            raise CannotMeasure(f"Django does not start with {settings}: {_line(error)}") from None
    return str(django.get_version())


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def measure() -> Measured:
    """Estimate the rows of every model; Django has to be set up.

    Raises:
        CannotMeasure: a database cannot be reached, or keeps statistics in a way that is not known here.
    """
    from django.db import Error

    measured = Measured()
    known: dict[tuple[str, str], Estimate | str] = {}
    for model, alias, table in _tables():
        connection = _connection(alias)
        measured.databases[alias] = connection.vendor
        if (alias, table) not in known:
            try:
                known[alias, table] = estimate(connection, table)
            except NoTable:
                known[alias, table] = f"database {alias!r} has no table {table}"
            except Error as error:
                known[alias, table] = _line(error)
                connection.close()  # it may be in a transaction that has failed
        found = known[alias, table]
        if isinstance(found, str):
            measured.left_out[model] = found
        else:
            measured.tables.append(Table(model, table, found))
    return measured


def _tables() -> Iterator[tuple[str, str, str]]:
    """Every model with the alias of its database and its table.

    A proxy has the table of its model, and a swapped model, as ``auth.User`` often is, that of the one in its place:
    code says their names too. The table of a child of another model holds a row for each child.
    """
    from django.apps import apps
    from django.db import router

    for model in apps.get_models(include_auto_created=True, include_swapped=True):
        try:
            holder = apps.get_model(model._meta.swapped) if model._meta.swapped else model
        except LookupError:
            continue  # swapped for a model of an app that is not installed: nothing can use either
        yield model._meta.label, router.db_for_read(holder), holder._meta.db_table


def _connection(alias: str) -> Any:
    """A connection that is open.

    Raises:
        CannotMeasure: the database cannot be reached, or is none of those that are known.
    """
    from django.core.exceptions import ImproperlyConfigured
    from django.db import Error, connections
    from django.utils.connection import ConnectionDoesNotExist

    try:
        connection = connections[alias]
        if connection.vendor == "sqlite":
            _check_file(alias, connection)
        connection.ensure_connection()
    except (Error, ImproperlyConfigured, ConnectionDoesNotExist) as error:
        raise CannotMeasure(f"database {alias!r} cannot be reached: {_line(error)}") from None
    if connection.vendor not in VENDORS:
        raise CannotMeasure(f"database {alias!r} is {connection.vendor}, and only {', '.join(VENDORS)} can be asked")
    return connection


def _check_file(alias: str, connection: Any) -> None:
    """SQLite would make a file that is not there."""
    name = str(connection.settings_dict["NAME"])
    if not connection.is_in_memory_db() and not name.startswith("file:") and not Path(name).exists():
        raise CannotMeasure(f"database {alias!r} cannot be reached: there is no file {name}")
