"""What reading environment variables gives: by `os`, by libraries, and by helpers whose names say that they do."""

from __future__ import annotations

from collections.abc import Callable

from flake8_djq.project.settings.engines import backend_of_url
from flake8_djq.project.settings.expressions import Evaluator
from flake8_djq.project.settings.operators import unknown_from
from flake8_djq.project.settings.things import Arguments, Class, Env, External, Function
from flake8_djq.project.settings.values import (
    Constant,
    Listing,
    Mapping,
    Unknown,
    Value,
    Way,
    choose,
    lift,
    truth,
)
from flake8_djq.project.settings.variables import (
    FALSE_TEXTS,
    GETS_BOOLEAN,
    READS_BOOLEAN,
    READS_VARIABLE,
    TO_BOOL,
    TRUE_TEXTS,
)

__all__ = [
    "as_boolean",
    "configurations_value",
    "database_of_url",
    "dj_database_url",
    "guessed",
    "new_env",
    "read_env",
    "read_environ",
    "strtobool",
    "text_of",
]


def text_of(value: Value | None) -> str:
    """The text that a value is, or ""."""
    return value.value if isinstance(value, Constant) and isinstance(value.value, str) else ""


def read_environ(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    """``os.environ.get("DEBUG", "1")``."""
    name = text_of(arguments.get(0, "key"))
    if not name:
        return Unknown(way=way)
    default = arguments.get(1, "default") or Constant(None, way=way)
    return evaluator.reader.variable(name, default, evaluator.state, way)


def as_boolean(value: Value, way: Way) -> Value:
    """The truth value that a text stands for."""
    if isinstance(value, Constant):
        if isinstance(value.value, str):
            text = value.value.strip().lower()
            return Constant(text in TRUE_TEXTS, way=way) if text in TRUE_TEXTS | FALSE_TEXTS else Unknown(way=way)
        return Constant(bool(value.value), way=way)
    return unknown_from(value, way=way)


def strtobool(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    """``strtobool("yes")``."""
    return lift(lambda one: as_boolean(one, way), arguments.positional[0], way) if arguments.positional else Unknown()


def database_of_url(url: Value, way: Way, more: dict[str, Value] | None = None) -> Value:
    """The entry of ``DATABASES`` that a URL stands for."""

    def database(one: Value) -> Value:
        backend = backend_of_url(one.value) if isinstance(one, Constant) and isinstance(one.value, str) else ""
        engine: Value = Constant(backend, way=way) if backend else unknown_from(one, way=way)
        entries = {"ENGINE": engine, **(more or {})}
        location = one.value.rpartition("@")[2] if isinstance(one, Constant) and isinstance(one.value, str) else ""
        if ":6432" in location or "pgbouncer" in location:
            entries["HOST"] = Constant(location, way=way)
        return Mapping(entries, False, way=way)

    return lift(database, url, way)


def _url_of(evaluator: Evaluator, variable: str, default: Value | None, way: Way) -> Value:
    """The URL that a variable holds; of a default that is put together its scheme says enough."""

    def known(one: Value) -> Value:
        if isinstance(one, Unknown) and backend_of_url(one.pattern):
            return Constant(one.pattern, way=one.way)
        return one

    default = lift(known, default) if default is not None else None
    return evaluator.reader.variable(variable, default, evaluator.state, way)


def dj_database_url(is_config: bool) -> Callable[[Evaluator, Arguments, Way], Value]:
    """How to read ``dj_database_url.config(...)``, or ``dj_database_url.parse(url)``."""

    def read(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
        if is_config:
            variable = text_of(arguments.named.get("env")) or "DATABASE_URL"
            url = _url_of(evaluator, variable, arguments.get(0, "default"), way)
        else:
            url = arguments.get(0, "url") or Unknown(way=way)
        engine = arguments.named.get("engine")
        more = {"ENGINE": engine} if engine is not None and truth(engine) else {}
        cursors = arguments.named.get("disable_server_side_cursors")
        if cursors is not None:
            more["DISABLE_SERVER_SIDE_CURSORS"] = cursors
        return database_of_url(url, way, more)

    return read


def guessed(evaluator: Evaluator, name: str, arguments: Arguments, way: Way) -> Value:
    """What a function that cannot be read gives, by what its name says: `get_env_bool("DEBUG", True)`."""
    first = arguments.get(0, "name", "var", "key", "variable", "value")
    if TO_BOOL.match(name) and first is not None and len(arguments.positional) == 1:
        return lift(lambda one: as_boolean(one, way), first, way)
    variable = text_of(first)
    default = arguments.get(1, "default", "fallback", "default_value")
    if not variable or default is None or not variable.replace("_", "").replace(".", "").isalnum():
        return Unknown(way=way)
    if READS_BOOLEAN.search(name) or (GETS_BOOLEAN.match(name) and variable.isupper()):
        read = evaluator.reader.variable(variable, default, evaluator.state, way)
        return lift(lambda one: as_boolean(one, way), read, way)
    if READS_VARIABLE.match(name) and variable.isupper():
        return evaluator.reader.variable(variable, default, evaluator.state, way)
    return Unknown(way=way)


def new_env(library: str, arguments: Arguments, way: Way) -> Value:
    """``environ.Env(DEBUG=(bool, False))``."""
    defaults, casts = {}, {}
    for name, scheme in arguments.named.items():
        if isinstance(scheme, Listing) and len(scheme.items) == 2:
            casts[name], defaults[name] = (item.value for item in scheme.items)
        else:
            casts[name] = scheme
    return Env(library, defaults, casts, way=way)


# Methods of Env objects that give an entry of DATABASES.
URL_METHODS = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "dj_db_url": "DATABASE_URL", "db_url_config": ""}
BOOLEANS = frozenset(("bool", "getboolean", "get_bool"))
ENV_SETS_NOTHING = frozenset(("read_env", "prefixed", "seal", "read_envfile"))


def read_env(evaluator: Evaluator, env: Env, method: str, arguments: Arguments, way: Way) -> Value:
    """``env("DEBUG")``, ``env.bool("DEBUG", True)``, decouple's ``config("DEBUG", default=True, cast=bool)``."""
    if method in URL_METHODS:
        name = text_of(arguments.get(0, "var", "name")) or URL_METHODS[method]
        url = _url_of(evaluator, name, arguments.get(1, "default") or env.defaults.get(name), way)
        engine = arguments.named.get("engine")
        return database_of_url(url, way, {"ENGINE": engine} if engine is not None and truth(engine) else None)
    name = text_of(arguments.get(0, "var", "name", "option", "key"))
    if not name or method in ENV_SETS_NOTHING:
        return Unknown(way=way)
    default, cast = arguments.get(1, "default"), arguments.get(2, "cast")
    if env.library == "environ" and not method:
        # django-environ takes (variable, cast, default); most people write keywords.
        second = arguments.get(1)
        is_cast = isinstance(second, External | Function | Class)
        default = arguments.named.get("default") or (arguments.get(2) if is_cast else second)
        cast = arguments.named.get("cast") or (second if is_cast else None)
    default = default if default is not None else env.defaults.get(name)
    cast = cast if cast is not None else env.casts.get(name)
    value = evaluator.reader.variable(name, default, evaluator.state, way)
    if method in BOOLEANS:
        return lift(lambda one: as_boolean(one, way), value, way)
    return _cast(evaluator, cast, value, way)


def _cast(evaluator: Evaluator, cast: Value | None, value: Value, way: Way) -> Value:
    """A value as the function that ``cast`` names returns it."""
    name = cast.name if isinstance(cast, External) else ""
    if name == "bool" or TO_BOOL.match(name.rpartition(".")[2]) or name.endswith("strtobool"):
        return lift(lambda one: as_boolean(one, way), value, way)
    if name in ("dj_database_url.parse", "dj_database_url.config") or name.endswith((".db_url", ".parse_url")):
        return database_of_url(value, way)
    if isinstance(cast, Function):
        function = cast
        return lift(lambda one: evaluator.reader.call(function, Arguments([one], {}, False)), value, way)
    if cast is None or name in ("str", "int", "float"):
        return value
    return unknown_from(value, way=way)


def configurations_value(evaluator: Evaluator, kind: str, arguments: Arguments, way: Way) -> Value:
    """``values.BooleanValue(True)`` of django-configurations; the variable is the name that it is assigned to."""
    default = arguments.get(0, "default")
    if truth(arguments.named.get("environ", Constant(True))) is False:
        return default or Constant(None, way=way)
    variable = text_of(arguments.named.get("environ_name"))
    if kind == "DatabaseURLValue":
        url = evaluator.reader.variable(variable or "DATABASE_URL", default, evaluator.state, way)
        alias = text_of(arguments.named.get("alias")) or "default"
        return Mapping({alias: database_of_url(url, way)}, way=way)
    if default is None:
        return Unknown(variable, way=way)
    return choose((default, Unknown(variable)), default, (variable,) if variable else (), way)
