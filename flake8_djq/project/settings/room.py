"""The settings of one project: what each module comes to, which of them batch work runs with, on which database."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from flake8_djq.context import SETTINGS_PATH, TEST_PATH
from flake8_djq.project.files import Files
from flake8_djq.project.roots import find_roots
from flake8_djq.project.settings.backends import family_of
from flake8_djq.project.settings.effective import DEFAULT, POOLED, Database, Effective
from flake8_djq.project.settings.engines import POSTGRESQL
from flake8_djq.project.settings.entry_points import IMAGE_NAME, EntryPoint, Role, entry_points
from flake8_djq.project.settings.evidence import (
    evidence_for,
    mysql_drivers,
    started_databases,
    switched_off,
    transaction_poolers,
)
from flake8_djq.project.settings.modules import Reader
from flake8_djq.project.settings.names import is_batch_name, is_development_name, is_example, is_production_name
from flake8_djq.project.settings.state import State
from flake8_djq.project.settings.things import Class
from flake8_djq.project.settings.values import Way

__all__ = ["UNKNOWN_DATABASE", "ProductionDatabase", "ProjectSettings", "Ranked", "open_settings"]

CONFIGURATIONS = "configurations."
UNKNOWN_DATABASE = "unknown"
MYSQL = "mysql"
# What the text of settings has: their own, or an import of everything from other ones.
SIGNS = ("INSTALLED_APPS", "DATABASES", "import *", "include(", "globals()", "Settings", "Configuration")


class Ranked(NamedTuple):
    """A settings module, or a class of django-configurations in one, and how sure it is that production uses it.

    ``reason`` says what makes it so: the place that names it; "" where its own name does.
    """

    path: str
    configuration: str
    role: Role
    reason: str


class ProductionDatabase(NamedTuple):
    """The answer to: which database does this project run on in production?

    ``name`` is ``postgresql``, ``mysql``, ``sqlite``, ``oracle``, ``postgresql-pooled`` or ``unknown``; ``reason`` is
    the place that says so, as a message names it: ``shop.settings.base:33``. ``mysql`` is the place that may make it
    MySQL, where it is unknown; "" where none does. ``breaks_cursors`` says that the place is that of a pooler which
    takes connections back after each transaction, while Django keeps using server-side cursors.
    """

    name: str
    reason: str = ""
    mysql: str = ""
    breaks_cursors: bool = False


class ProjectSettings:
    """What may be asked about the settings of one project. Nothing is read before it is asked for."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._reader = Reader(files)
        self._effective: dict[tuple[str, str], Effective] = {}

    def effective(self, path: str | Path, configuration: str = "") -> Effective:
        """What a settings module comes to, or one of its classes where the project uses django-configurations."""
        key = (os.path.abspath(path), configuration)
        if key not in self._effective:
            state = self._read(key[0])
            if configuration:
                state = self._reader.members(self._classes(key[0])[configuration])
            self._effective[key] = Effective(state, lambda engine: family_of(engine, self.files))
        return self._effective[key]

    def _read(self, path: str) -> State:
        """The names of a module at its end, its package first: that matters where modules import each other."""
        self._reader.start()
        package = os.path.join(os.path.dirname(path), "__init__.py")
        if self.files.roots is not None and os.path.isfile(package):
            self._reader.read(package)
        return self._reader.read(path).state

    def configurations(self, path: str | Path) -> tuple[str, ...]:
        """The classes of a module that are settings of django-configurations, in the order of the text."""
        return tuple(self._classes(os.path.abspath(path)))

    def _classes(self, path: str) -> dict[str, Class]:
        state = self._read(path)
        found = {}
        for name in list(state.names):
            value = state.get(name) if not name.isupper() else None
            if (
                isinstance(value, Class)
                and value.way
                and value.way[0].path == path
                and any(origin.startswith(CONFIGURATIONS) for origin in value.origins)
            ):
                found[name] = value
        return found

    def file_named(self, module: str, origin: str | Path) -> Path | None:
        """The file of a settings module that another file names."""
        return self.files.module(module, 0, Path(os.path.abspath(origin)))

    def place(self, way: Way) -> str:
        """The place that writes a value down, as a message names it."""
        return f"{self.files.name(way[-1].path)}:{way[-1].line}" if way else ""

    # -- who runs with what ---------------------------------------------------------------------------------------

    @cached_property
    def entry_points(self) -> tuple[EntryPoint, ...]:
        """Every place of the project that names a settings module."""
        return entry_points(self.files)

    @cached_property
    def ranked(self) -> tuple[Ranked, ...]:
        """The settings modules of the project, the surest ones of production first."""
        found: dict[tuple[str, str], Ranked] = {}
        for item in self._candidates():
            key = (item.path, item.configuration)
            if key not in found or item.role > found[key].role:
                found[key] = item
        return tuple(sorted(found.values(), key=lambda item: -item.role))

    def is_overruled_by_image(self, path: str | Path, configuration: str = "") -> bool:
        """Whether a container image of production sets the variable that settings come by to other ones."""
        return any(
            entry.role is Role.PRODUCTION
            and IMAGE_NAME.search(os.path.basename(entry.path))
            and (self.file_named(entry.module, entry.path), entry.configuration)
            not in ((None, ""), (Path(path), configuration))
            for entry in self.entry_points
        )

    def _candidates(self) -> Iterator[Ranked]:
        for entry in self.entry_points:
            file = self.file_named(entry.module, entry.path)
            if file is not None:
                role = entry.role
                if self._is_development(file, entry.configuration):
                    role = min(role, Role.DEVELOPMENT)
                yield Ranked(str(file), entry.configuration, role, f"{self.files.shown(entry.path)}:{entry.line}")
        yield from self._candidates_by_name()

    def _candidates_by_name(self) -> Iterator[Ranked]:
        """Modules of the project itself, not of the repository around it, that look like settings by their names."""
        roots = self.files.roots
        for file in self.files.listing():
            if roots is None or file.suffix != ".py" or not file.is_relative_to(roots.root):
                continue
            name = file.relative_to(roots.root).as_posix()
            if not SETTINGS_PATH.search(name) or TEST_PATH.search(name) or not file.stem.isidentifier():
                continue
            if is_development_name(name):
                yield Ranked(str(file), "", Role.DEVELOPMENT, "")
            elif not is_example(name) and self._is_settings(file):
                yield Ranked(str(file), "", Role.PRODUCTION if is_batch_name(name) else Role.TESTS, "")

    def _is_settings(self, file: Path) -> bool:
        """Whether a module holds settings of a project, and not those of one of its applications."""
        text = self.files.text(file) or ""
        if not any(sign in text for sign in SIGNS):
            return False
        return self.effective(file).is_settings or bool(self.configurations(file))

    def _name(self, path: str | Path) -> str:
        """A file as its project names it."""
        roots = self.files.roots
        file = Path(path)
        return file.relative_to(roots.top).as_posix() if roots and file.is_relative_to(roots.top) else file.as_posix()

    def _is_development(self, path: Path, configuration: str) -> bool:
        name = self._name(path)
        if configuration:
            return is_development_name(_snake(configuration))
        return is_development_name(name) or is_example(name) or TEST_PATH.search(name) is not None

    def batch_reason(self, path: str | Path, configuration: str = "") -> str | None:
        """What makes a module one that batch work runs with: the place that names it, "" for its name; else None.

        Defaults of `wsgi.py` and the like count only where no module says more clearly that it is production's.
        """
        # A file that stands alone is judged by the name that it was given, not by the folders that it lies in.
        file = Path(os.path.abspath(path)) if self.files.roots is not None else Path(path)
        if self._is_development(file, configuration):
            return None
        if is_batch_name(_snake(configuration) if configuration else self._name(file)):
            return ""
        if self.files.roots is None:
            return None
        for item in self.ranked:
            is_meant = item.path == str(file) and item.configuration in ("", configuration)
            if is_meant and (item.role is Role.PRODUCTION or self._is_only_service(item)):
                return item.reason
        return None

    def _is_only_service(self, item: Ranked) -> bool:
        """Whether a module is a service's default, and no other is the live site's, by name or by what deploys it."""
        return item.role is Role.SERVICE and not any(
            other.role is Role.PRODUCTION
            and other.path != item.path
            and (other.reason or is_production_name(self._name(other.path)))
            for other in self.ranked
        )

    # -- the database ---------------------------------------------------------------------------------------------

    def production_database(self, named: tuple[str, ...] = ()) -> ProductionDatabase:
        """Which database the project runs on in production; ``named`` are batch settings that the user names.

        The surest modules decide. Where they leave it to the environment, other files may say what it is set to; where
        those say nothing either, the next modules are asked. Where two of one rank disagree it is unknown.
        """
        try:
            found = self._production_database(named)
            if found.name == UNKNOWN_DATABASE:
                found = found._replace(mysql=next(self._places_of_mysql(named), ""))
            # Only PostgreSQL has such poolers.
            may_be_pooled = found.name == POSTGRESQL or (found.name == UNKNOWN_DATABASE and not found.mysql)
            pooler = next(transaction_poolers(self.files), "") if may_be_pooled else ""
            if pooler:
                return ProductionDatabase(POOLED, pooler, breaks_cursors=True)
        except RecursionError:
            return ProductionDatabase(UNKNOWN_DATABASE)
        return found

    def _places_of_mysql(self, named: tuple[str, ...]) -> Iterator[str]:
        """The lines of settings that make the database MySQL on some path, by a mode or a variable.

        After those the one of a compose file that starts MySQL and nothing else beside the project, and of a file that
        asks for MySQL's driver and for that of no other database.
        """
        roots = self.files.roots
        for item in (item for group in self._groups(named) for item in group):
            if roots is None or not Path(item.path).is_relative_to(roots.root):
                continue  # of another project in the same repository
            if not item.configuration or item.configuration in self._classes(item.path):
                database = self.effective(item.path, item.configuration).databases.get(DEFAULT)
                for engine, way in database.options if database is not None else ():
                    if engine == MYSQL:
                        yield self.place(way)
        started = {item.engine: item.place for item in started_databases(self.files)}
        if started.keys() == {MYSQL}:
            yield started[MYSQL]
        yield from mysql_drivers(self.files)

    def _production_database(self, named: tuple[str, ...]) -> ProductionDatabase:
        for group in self._groups(named):
            answers = [(item, self._default_database(item)) for item in group]
            known = {database.name: (item, database) for item, database in answers if database is not None}
            if len(known) > 1:
                return ProductionDatabase(UNKNOWN_DATABASE, "the settings modules disagree")
            if not known or any(database.is_default for _, database in known.values()):
                from_environment = self._from_environment(group)
                # The URL does not say whether there is a pooler before the database; the settings do.
                if from_environment is not None and [f"{from_environment.name}-pooled"] != list(known):
                    return from_environment
            for name, (_, database) in known.items():
                off = switched_off(self.files, database.cursors_variables)
                if off:
                    return ProductionDatabase(UNKNOWN_DATABASE, off)
                if name == "other":
                    return ProductionDatabase(UNKNOWN_DATABASE, self.place(database.way))
                return ProductionDatabase(name, self.place(database.cursors_way or database.way))
        return ProductionDatabase(UNKNOWN_DATABASE)

    def _groups(self, named: tuple[str, ...]) -> Iterator[list[Ranked]]:
        """The modules, those of one rank together, the surest first."""
        if self.files.roots is None:
            return
        files = [self.files.roots.file_of(name) for name in named]
        chosen = [Ranked(str(file), "", Role.PRODUCTION, "") for file in files if file is not None]
        if chosen:
            yield chosen
        for role in sorted(Role, reverse=True):
            group = [item for item in self._with_configurations() if item.role is role]
            if group and role is not Role.TESTS:
                yield group
        # Settings that nobody names: the only module, or the base of others.
        if all(item.role is Role.TESTS for item in self.ranked):
            yield [item for item in self.ranked if not item.reason]

    def _with_configurations(self) -> Iterator[Ranked]:
        """The ranked modules; of one with classes of django-configurations, those that its entry point may name."""
        for item in self.ranked:
            classes = () if item.configuration else self.configurations(item.path)
            for name in classes:
                role = Role.DEVELOPMENT if is_development_name(_snake(name)) else item.role
                yield item._replace(configuration=name, role=Role.PRODUCTION if is_batch_name(_snake(name)) else role)
            if not classes:
                yield item

    def _default_database(self, item: Ranked) -> Database | None:
        """The default database of a module, where it is known and no stand-in for another one."""
        if item.configuration and item.configuration not in self._classes(item.path):
            return None
        found = self.effective(item.path, item.configuration)
        database = found.databases.get(DEFAULT)
        if database is None or not database.name:
            return None
        # SQLite stands in templates, and on developers' machines, until something overrules it.
        is_stand_in = database.is_default or bool(found.databases_unless) or item.role < Role.COMMANDS
        others = {other.engine for other in found.databases.values()} - {database.engine}
        if found.routers and others:
            return None
        return None if database.engine == "sqlite" and is_stand_in else database

    def _from_environment(self, group: list[Ranked]) -> ProductionDatabase | None:
        """What other files say of the database that these modules leave to the environment."""
        variables: dict[str, None] = {}
        for item in group:
            if not item.configuration or item.configuration in self._classes(item.path):
                database = self.effective(item.path, item.configuration).databases.get(DEFAULT)
                variables |= dict.fromkeys(database.variables if database is not None else ())
        found = {item.engine: item.place for item in reversed(list(evidence_for(self.files, tuple(variables))))}
        found.pop("sqlite", None)
        if not found:
            return None
        if len(found) > 1:
            return ProductionDatabase(UNKNOWN_DATABASE, "other files disagree")
        ((engine, place),) = found.items()
        return ProductionDatabase(engine if engine != "other" else UNKNOWN_DATABASE, place)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def open_settings(
    path: str, tree: ast.Module | None = None, alone: bool = False, note: Callable[[str], None] | None = None
) -> ProjectSettings:
    """The settings of the project around a file; ``alone`` looks at nothing but the file.

    ``tree`` is the file's own syntax tree, where it is known. ``note`` is told the path of every file that is read.
    """
    roots = None if alone else find_roots(path)
    return ProjectSettings(Files(roots, (path, tree) if tree is not None else None, note))
