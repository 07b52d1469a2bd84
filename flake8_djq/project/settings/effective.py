"""The settings that matter to batch work, as one settings module has them at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import PurePath
from typing import NamedTuple

from flake8_djq.project.settings.engines import POSTGRESQL
from flake8_djq.project.settings.state import LEVELS, Doubt, State
from flake8_djq.project.settings.values import (
    ABSENT,
    Choice,
    Constant,
    Listing,
    Mapping,
    Thing,
    Unknown,
    Value,
    Way,
    by_default,
    entry,
    truth,
    variables_of,
)

__all__ = ["DEFAULT", "POOLED", "Database", "Debug", "Effective", "Entry", "Switch"]

# Gives the family of the database that an ``ENGINE`` names.
FamilyOf = Callable[[str], str]
DEFAULT = "default"
SQL_LOGGERS = ("django.db.backends", "django.db", "django")
DEBUG_LEVELS = ("DEBUG", 10)
# PostgreSQL behind a pooler, where a server-side cursor is not to be had or does not last.
POOLED = f"{POSTGRESQL}-pooled"
POOLER_PORT = "6432"
POOLER = "pgbouncer"
# Only PostgreSQL knows DISABLE_SERVER_SIDE_CURSORS; SQLite beside it is what stands in on developers' machines.
MAY_BE_POSTGRESQL = frozenset(("", "sqlite", POSTGRESQL))


class Switch(str, Enum):
    """What is known of a setting that is on or off."""

    ON = "on"
    OFF = "off"
    ON_BY_DEFAULT = "on where no environment variable says otherwise"
    OFF_BY_DEFAULT = "off where no environment variable says otherwise"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Debug:
    """The effective ``DEBUG``.

    ``way`` is the lines that bring it in, from the module that was asked about to the one that assigns it; empty where
    nothing assigns it and Django's own default holds. ``unless`` names a settings file that may change it where it
    exists, such as ``.local``.
    """

    state: Switch
    way: Way = ()
    variables: tuple[str, ...] = ()
    unless: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it is certain to be on."""
        return self.state is Switch.ON and not self.unless

    @property
    def is_on_by_default(self) -> bool:
        """Whether it is certain to be on where no environment variable says otherwise."""
        return self.state is Switch.ON_BY_DEFAULT and not self.unless

    @property
    def is_said_to_be_off(self) -> bool:
        """Whether the settings switch it off, at least where no environment variable says otherwise."""
        return self.state in (Switch.OFF, Switch.OFF_BY_DEFAULT) and bool(self.way) and not self.unless

    @property
    def is_decided_elsewhere(self) -> bool:
        """Whether it is left to a module, or to other code, that cannot be read."""
        return self.state is Switch.UNKNOWN and bool(self.unless)


@dataclass(frozen=True)
class Database:
    """One entry of ``DATABASES``.

    ``engine`` is ``postgresql``, ``mysql``, ``sqlite``, ``oracle``, ``other``, or "" where it is unknown.
    ``is_default`` says that a variable may name another one. ``loads_everything`` is ``DISABLE_SERVER_SIDE_CURSORS``,
    which ``cursors_variables`` may change. ``pooler`` is what speaks of a connection pooler: a host or port.
    ``options`` are the engines that it has on some path, each with the lines that bring it in.
    """

    alias: str
    engine: str
    is_default: bool = False
    loads_everything: bool = False
    pooler: str = ""
    variables: tuple[str, ...] = ()
    way: Way = ()
    cursors_way: Way = ()
    cursors_variables: tuple[str, ...] = ()
    options: tuple[tuple[str, Way], ...] = ()

    @property
    def name(self) -> str:
        """The engine as the option ``djq-database`` names it; "" where it is unknown."""
        return POOLED if self.engine == POSTGRESQL and self.loads_everything else self.engine


class Entry(NamedTuple):
    """An element of ``INSTALLED_APPS`` or ``MIDDLEWARE`` that is certain to be there."""

    name: str
    way: Way


class Effective:
    """What one settings module comes to, each setting worked out when it is asked for.

    What ends in ``unless`` names a settings file that may change the setting where it exists, as for ``Debug``.
    """

    def __init__(self, state: State, family_of: FamilyOf) -> None:
        self._state = state
        self._family_of = family_of

    @cached_property
    def debug(self) -> Debug:
        """``DEBUG``."""
        return _debug(self._state)

    @cached_property
    def databases(self) -> dict[str, Database]:
        """The entries of ``DATABASES`` by alias; where they cannot be told, a default one of unknown engine."""
        return _databases(_value(self._state, "DATABASES"), self._family_of)

    @property
    def databases_unless(self) -> str:
        return _unless(self._state, "DATABASES")

    @property
    def routers(self) -> bool | None:
        """Whether there are database routers; None where that cannot be told."""
        return truth(_value(self._state, "DATABASE_ROUTERS"))

    @cached_property
    def apps(self) -> tuple[Entry, ...]:
        """What is certain to be in ``INSTALLED_APPS``."""
        return tuple(_entries(_value(self._state, "INSTALLED_APPS")))

    @property
    def apps_unless(self) -> str:
        return _unless(self._state, "INSTALLED_APPS")

    @cached_property
    def middleware(self) -> tuple[Entry, ...]:
        """What is certain to be in ``MIDDLEWARE``."""
        return tuple(_entries(_value(self._state, "MIDDLEWARE")))

    @property
    def middleware_unless(self) -> str:
        return _unless(self._state, "MIDDLEWARE")

    @property
    def guarded_tools(self) -> frozenset[str]:
        """The debugging tools of which a function of the project, or a share, decides for which requests they work."""
        config = _value(self._state, "DEBUG_TOOLBAR_CONFIG")
        has_callback = isinstance(config, Mapping) and "SHOW_TOOLBAR_CALLBACK" in config.entries
        found = {"debug_toolbar", "debug_panel"} if has_callback else set()
        if {"SILKY_INTERCEPT_FUNC", "SILKY_INTERCEPT_PERCENT"} & self._state.names.keys():
            found.add("silk")
        return frozenset(found)

    @cached_property
    def sql_logger(self) -> tuple[str, Way]:
        """The logger that logs every statement at DEBUG level, and what sets it so; "" for none."""
        return _sql_logger(self._state)

    @property
    def logging_unless(self) -> str:
        # A level that a call has set does not come from LOGGING.
        is_called = f"{LEVELS}{self.sql_logger[0]}" in self._state.names
        return "" if is_called else _unless(self._state, "LOGGING")

    @property
    def is_settings(self) -> bool:
        """Whether the module holds the settings of a project; one that it imports and that cannot be read may do so."""
        names = self._state.names
        return "INSTALLED_APPS" in names or "DATABASES" in names or self._state.doubt is not None


def _doubt(state: State, name: str) -> Doubt | None:
    return state.doubts.get(name) if name in state.names else state.doubt


def _unless(state: State, name: str) -> str:
    doubt = _doubt(state, name)
    return doubt.what if doubt is not None else ""


def _value(state: State, name: str) -> Value:
    """What a setting holds; absent where nothing binds it, unknown where something unreadable may."""
    try:
        found = state.get(name)
    except RecursionError:
        return Unknown()
    if found is None:
        return Unknown() if state.doubt is not None else ABSENT
    return found


def _debug(state: State) -> Debug:
    value = _value(state, "DEBUG")
    doubt = _doubt(state, "DEBUG")
    if doubt is not None and doubt.certain:
        return Debug(Switch.UNKNOWN, value.way, unless=doubt.what)
    unless = doubt.what if doubt is not None else ""
    if isinstance(value, Thing):
        return Debug(Switch.UNKNOWN, value.way, unless=unless)
    known = truth(value)
    if known is not None:
        return Debug(Switch.ON if known else Switch.OFF, value.way, unless=unless)
    likely = truth(by_default(value))
    if likely is None:
        return Debug(Switch.UNKNOWN, value.way, variables_of(value), unless)
    switch = Switch.ON_BY_DEFAULT if likely else Switch.OFF_BY_DEFAULT
    return Debug(switch, value.way, variables_of(value), unless)


def _databases(value: Value, family_of: FamilyOf) -> dict[str, Database]:
    if isinstance(value, Choice):
        # Known on some paths only. On one without any database nobody asks which it is.
        options = [_databases(option, family_of) for option in value.options if option is not ABSENT]
        found: dict[str, Database] = {}
        for alias in dict.fromkeys(alias for option in options for alias in option):
            engines = {option[alias].engine if alias in option else "" for option in options}
            first = next(option[alias] for option in options if alias in option)
            default = _databases(value.default, family_of).get(alias) if value.default is not None else None
            every = tuple(pair for option in options if alias in option for pair in option[alias].options)
            if len(engines) == 1:
                found[alias] = first
            elif default is not None and default.engine:
                found[alias] = replace(default, is_default=True, variables=value.variables, options=every)
            else:
                found[alias] = Database(alias, "", variables=value.variables, way=first.way, options=every)
        return found
    unknown = {DEFAULT: Database(DEFAULT, "", variables=variables_of(value), way=value.way)}
    if not isinstance(value, Mapping):
        return {} if value is ABSENT else unknown
    found = {
        alias: _database(alias, held, family_of)
        for alias, held in value.entries.items()
        if isinstance(alias, str) and held is not ABSENT
    }
    return found if value.complete else unknown | found


def _database(alias: str, value: Value, family_of: FamilyOf) -> Database:
    if isinstance(value, Choice):
        mappings = [option for option in value.options if isinstance(option, Mapping)]
        if len(mappings) == 1 and all(option is ABSENT for option in value.options if option is not mappings[0]):
            value = mappings[0]  # an alias that is only there on some paths
        elif isinstance(by_default(value), Mapping):
            found = _database(alias, by_default(value), family_of)
            return replace(found, is_default=True, variables=value.variables)
    if not isinstance(value, Mapping):
        return Database(alias, "", variables=variables_of(value), way=value.way)
    engine = value.entries.get("ENGINE", ABSENT if value.complete else Unknown(way=value.way))
    options = engine.options if isinstance(engine, Choice) else (engine,)
    families = [(_family(option, family_of), option.way or engine.way or value.way) for option in options]
    names = {name for name, _ in families}
    likely = _family(by_default(engine), family_of)
    cursors = value.entries.get("DISABLE_SERVER_SIDE_CURSORS", ABSENT)
    loads = truth(by_default(cursors)) if not isinstance(cursors, Unknown) else None
    name = likely if likely or len(names) > 1 else next(iter(names))
    if loads and names <= MAY_BE_POSTGRESQL and names != {"sqlite"}:
        name = POSTGRESQL
    return Database(
        alias,
        name,
        is_default=bool(name) and names != {name},
        loads_everything=loads is True,
        pooler=_pooler(value),
        variables=variables_of(engine),
        way=(engine.way if engine is not ABSENT else ()) or value.way,
        cursors_way=cursors.way if loads else (),
        cursors_variables=variables_of(cursors) if loads else (),
        options=tuple(families),
    )


def _family(value: Value, family_of: FamilyOf) -> str:
    text = value.value if isinstance(value, Constant) and isinstance(value.value, str) else ""
    if not text and isinstance(value, Unknown):
        # "django.db.backends." + name: only what follows would tell.
        text = value.pattern if value.pattern.count("*") == 1 and not value.pattern.endswith("*") else ""
    return family_of(text)


def _pooler(database: Mapping) -> str:
    """What of an entry speaks of a connection pooler."""
    for key in ("HOST", "PORT"):
        value = by_default(database.entries.get(key, ABSENT))
        text = str(value.value) if isinstance(value, Constant) and isinstance(value.value, str | int | PurePath) else ""
        if POOLER in text or text == POOLER_PORT or f":{POOLER_PORT}" in text:
            return f"{key} = {text}"
    return ""


def _entries(value: Value) -> Iterator[Entry]:
    if isinstance(value, Choice):
        # What every option holds.
        options = [{held.name: held for held in _entries(option)} for option in value.options]
        for name, held in options[0].items():
            if all(name in option for option in options):
                yield held
    elif isinstance(value, Listing):
        for item in value.items:
            if item.certain and isinstance(item.value, Constant) and isinstance(item.value.value, str):
                yield Entry(item.value.value, item.value.way or value.way)


def _sql_logger(state: State) -> tuple[str, Way]:
    """The logger that makes Django log each SQL statement: the nearest of those above that has a level."""
    logging = _value(state, "LOGGING")
    loggers = logging.entries.get("loggers") if isinstance(logging, Mapping) else None
    handlers = logging.entries.get("handlers") if isinstance(logging, Mapping) else None
    for name in SQL_LOGGERS:
        level = state.get(f"{LEVELS}{name}")
        logger = loggers.entries.get(name) if isinstance(loggers, Mapping) else None
        if level is None and isinstance(logger, Mapping):
            level = logger.entries.get("level")
        if level is not None:
            is_debug = isinstance(level, Constant) and level.value in DEBUG_LEVELS
            return (name, level.way) if is_debug and not _go_nowhere(loggers, handlers) else ("", ())
        if logger is not None and not isinstance(logger, Mapping):
            return "", ()
    return "", ()


def _go_nowhere(loggers: Value | None, handlers: Value | None) -> bool:
    """Whether no handler takes SQL statements: none of their logger's, nor of those above that they are passed on to.

    Where there is no handler at all, `logging` itself prints what is a warning or worse: no statements.
    """
    for name in SQL_LOGGERS:
        logger = entry(loggers, name) if isinstance(loggers, Mapping) else None
        if logger is ABSENT:
            continue
        if not isinstance(logger, Mapping) or not _are_deaf(entry(logger, "handlers"), handlers):
            return False
        propagate = entry(logger, "propagate")
        if propagate is not ABSENT and truth(propagate) is False:
            return True
    return False


def _are_deaf(named: Value, handlers: Value | None) -> bool:
    """Whether none of the handlers that a logger names takes what is logged at DEBUG level; it may name none."""
    if truth(named) is False:
        return True
    if not isinstance(named, Listing) or not named.complete:
        return False
    return all(isinstance(item.value, Constant) and _is_deaf(handlers, item.value.value) for item in named.items)


def _is_deaf(handlers: Value | None, name: object) -> bool:
    handler = handlers.entries.get(name) if isinstance(handlers, Mapping) else None
    if not isinstance(handler, Mapping):
        return False
    kind, level = handler.entries.get("class"), handler.entries.get("level")
    if isinstance(kind, Constant) and str(kind.value).endswith("NullHandler"):
        return True
    if not isinstance(level, Constant):
        return level is not None  # who knows what else decides it
    return level.value not in (*DEBUG_LEVELS, "NOTSET", 0)
