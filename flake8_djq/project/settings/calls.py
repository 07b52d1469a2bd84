"""What calls in settings modules give: functions of Python and of libraries, methods of texts, paths and dicts."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable
from copy import copy
from math import prod
from pathlib import PurePath
from typing import Any

from flake8_djq.patterns import Pattern
from flake8_djq.project.settings.environment import (
    configurations_value,
    dj_database_url,
    guessed,
    new_env,
    read_env,
    read_environ,
    strtobool,
    text_of,
)
from flake8_djq.project.settings.expressions import Evaluator
from flake8_djq.project.settings.operators import merged, unknown_from
from flake8_djq.project.settings.things import (
    Arguments,
    Class,
    Env,
    External,
    Function,
    Include,
    Instance,
    Logger,
    OpenFile,
    ProjectModule,
)
from flake8_djq.project.settings.values import (
    ABSENT,
    Choice,
    Constant,
    Item,
    Listing,
    Mapping,
    Unknown,
    Value,
    Way,
    choose,
    entry,
    lift,
    truth,
    variables_of,
)

__all__ = ["call"]

TEXT_METHODS = frozenset(
    (
        *("lower", "upper", "strip", "lstrip", "rstrip", "casefold", "title", "capitalize", "replace", "startswith"),
        *("endswith", "removeprefix", "removesuffix", "isdigit", "split", "rsplit", "partition", "rpartition"),
    )
)
LONGEST = 2_000
# `"{:>999999999}"` would fill the memory.
FORMATTED = Pattern(r"\{[^}]*:")
# Combinations of arguments that are tried.
MOST_WAYS = 64
PATH_METHODS = frozenset(("resolve", "absolute", "expanduser", "as_posix"))
PATH_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "os.path.join": lambda *parts: PurePath(*parts),
    "os.path.dirname": lambda path: PurePath(path).parent,
    "os.path.abspath": PurePath,
    "os.path.realpath": PurePath,
    "os.path.normpath": lambda path: PurePath(os.path.normpath(path)),
    "os.path.basename": lambda path: PurePath(path).name,
    "pathlib.Path": PurePath,
    "environ.Path": PurePath,
    "str": lambda value="": str(value),
    "int": lambda value=0: int(value),
    "json.loads": json.loads,
    "ast.literal_eval": ast.literal_eval,
    "eval": ast.literal_eval,
}
ENVS = frozenset(("environ.Env", "environ.FileAwareEnv", "environs.Env", "environs.FileAwareEnv", "envparse.Env"))
DECOUPLE = frozenset(("decouple.Config", "decouple.AutoConfig"))
SAME = frozenset(
    ("list", "tuple", "set", "frozenset", "sorted", "copy.copy", "copy.deepcopy", "deepcopy", "collections.OrderedDict")
)


def call(evaluator: Evaluator, node: ast.Call) -> Value:
    """What a call gives. What it changes is not this function's business."""
    way = evaluator.way(node)
    if isinstance(node.func, ast.Attribute):
        owner = evaluator.value(node.func.value)
        name = node.func.attr
        return lift(lambda one: _method(evaluator, one, name, node, way), owner, way)
    if isinstance(node.func, ast.Name):
        called = node.func.id
        return lift(lambda one: _function(evaluator, one, called, node, way), evaluator.value(node.func), way)
    return Unknown(way=way)


def _function(evaluator: Evaluator, function: Value, name: str, node: ast.Call, way: Way) -> Value:
    if name == "super" and not node.args:
        return evaluator.named("super()", way)
    arguments = evaluator.arguments(node)
    if isinstance(function, External):
        return _external(evaluator, function.name, arguments, way)
    if isinstance(function, Function):
        return _called(evaluator, function, name, arguments, way)
    if isinstance(function, Class):
        return Instance(function, way=way)
    if isinstance(function, Env):
        return read_env(evaluator, function, "", arguments, way)
    return guessed(evaluator, name, arguments, way)


def _called(evaluator: Evaluator, function: Function, name: str, arguments: Arguments, way: Way) -> Value:
    """What a function of the project gives; where its body is too much, what its name says, or its `fallback`."""
    result = evaluator.reader.call(function, arguments)
    if isinstance(result, Constant | Unknown | Choice) and not result.way:
        result = copy(result)
        result.way = way
    if not isinstance(result, Unknown) and (not isinstance(result, Choice) or result.default is not None):
        return result
    if "fallback" in arguments.named:
        return _with_fallback(arguments, way)
    guess = guessed(evaluator, name, arguments, way)
    return result if isinstance(guess, Unknown) else guess


def _with_fallback(arguments: Arguments, way: Way) -> Value:
    """configparser's ``get(section, option, fallback=...)``, and objects that imitate it."""
    texts = [part.value for part in arguments.positional if isinstance(part, Constant) and isinstance(part.value, str)]
    fallback = arguments.named["fallback"]
    return choose((fallback, Unknown(".".join(texts[:2]))), fallback, way=way)


def _method(evaluator: Evaluator, owner: Value, name: str, node: ast.Call, way: Way) -> Value:
    arguments = evaluator.arguments(node)
    if isinstance(owner, External):
        return _external(evaluator, f"{owner.name}.{name}", arguments, way)
    if isinstance(owner, Env):
        return read_env(evaluator, owner, name, arguments, way)
    if isinstance(owner, ProjectModule | Class | Instance):
        found = evaluator.attribute(owner, name, way)
        if isinstance(found, Function):
            return _called(evaluator, found, name, arguments, way)
        return Instance(found, way=way) if isinstance(found, Class) else guessed(evaluator, name, arguments, way)
    if isinstance(owner, Constant) and isinstance(owner.value, str):
        return _of_text(owner, name, arguments, way)
    if isinstance(owner, Constant) and isinstance(owner.value, PurePath):
        return _of_path(evaluator, owner, name, arguments, way)
    if isinstance(owner, Mapping):
        return _of_mapping(owner, name, arguments, way)
    if isinstance(owner, Listing) and name == "copy":
        return owner
    if "fallback" in arguments.named:
        return _with_fallback(arguments, way)
    guess = guessed(evaluator, name, arguments, way)
    return unknown_from(owner, way=way) if isinstance(guess, Unknown) and not guess.variable else guess


def _of_text(owner: Constant, name: str, arguments: Arguments, way: Way) -> Value:
    values = [*arguments.positional, *arguments.named.values()]
    if any(len(str(part.value)) > LONGEST for part in (owner, *values) if isinstance(part, Constant)):
        return Unknown(way=way)  # `replace` and `format` can make much of it
    if name == "format" and not arguments.is_open and "{" in owner.value and not FORMATTED.search(owner.value):
        known = all(isinstance(value, Constant) for value in values)
        if known:
            return _tried(
                lambda: owner.value.format(
                    *(value.value for value in arguments.positional if isinstance(value, Constant)),
                    **{key: value.value for key, value in arguments.named.items() if isinstance(value, Constant)},
                ),
                way,
            )
        return unknown_from(*values, way=way)
    if name in TEXT_METHODS and not arguments.named:
        return _of_constants(lambda *parts: getattr(owner.value, name)(*parts), arguments, way)
    return Unknown(way=way)


def _tried(make: Callable[[], Any], way: Way) -> Value:
    """The result of a pure function of Python's own as a value."""
    try:
        result = make()
    except Exception:  # noqa: BLE001 - what Python would raise here is the user's own affair
        return Unknown(way=way)
    return _from_python(result, way)


def _from_python(result: Any, way: Way) -> Value:
    if isinstance(result, list | tuple | set | frozenset):
        return Listing(tuple(Item(_from_python(part, way)) for part in result), way=way)
    if isinstance(result, dict):
        return Mapping({key: _from_python(part, way) for key, part in result.items()}, way=way)
    return Constant(result, way=way)


def _of_constants(function: Callable[..., Any], arguments: Arguments, way: Way) -> Value:
    """A pure function of Python's own, applied to constants, or to each of several."""
    if arguments.is_open:
        return Unknown(way=way)

    def applied(known: tuple[Any, ...], rest: list[Value]) -> Value:
        if not rest:
            return _tried(lambda: function(*known), way)
        return lift(
            lambda one: (
                applied((*known, one.value), rest[1:]) if isinstance(one, Constant) else unknown_from(one, way=way)
            ),
            rest[0],
            way,
        )

    ways = prod(len(one.options) for one in arguments.positional if isinstance(one, Choice))
    return applied((), arguments.positional) if ways <= MOST_WAYS else unknown_from(*arguments.positional, way=way)


def _of_path(evaluator: Evaluator, owner: Constant, name: str, arguments: Arguments, way: Way) -> Value:
    if name in PATH_METHODS:
        return Constant(owner.value, way=way)
    if name == "joinpath":
        return _of_constants(lambda *parts: owner.value.joinpath(*parts), arguments, way)
    return Unknown(way=way)


def _of_mapping(owner: Mapping, name: str, arguments: Arguments, way: Way) -> Value:
    if name == "copy":
        return owner
    key = arguments.get(0, "key")
    if name in ("get", "pop", "setdefault") and key is not None:
        default = arguments.get(1, "default") or Constant(None, way=way)

        def held(one: Value) -> Value:
            if not isinstance(one, Constant):
                return choose((*owner.entries.values(), default), None, variables_of(one), way)
            found = entry(owner, one.value)
            return lift(lambda part: default if part is ABSENT else part, found)

        return lift(held, key, way)
    if name in ("keys", "__iter__"):
        return Listing(tuple(Item(Constant(key, way=way)) for key in owner.entries), owner.complete, way=way)
    if name == "values":
        return Listing(tuple(Item(part) for part in owner.entries.values()), owner.complete, way=way)
    return Unknown(way=way)


# -- functions of libraries ---------------------------------------------------------------------------------------


def _external(evaluator: Evaluator, name: str, arguments: Arguments, way: Way) -> Value:
    last = name.rpartition(".")[2]
    if name in PATH_FUNCTIONS:
        return _of_constants(PATH_FUNCTIONS[name], arguments, way)
    if name in SAME and arguments.positional:
        return lift(
            lambda one: one if isinstance(one, Listing | Mapping) else Unknown(way=way), arguments.positional[0]
        )
    if name in SAME:
        return Listing(way=way)
    if name in ENVS:
        return new_env(name.partition(".")[0], arguments, way)
    if name in DECOUPLE:
        return Env("decouple", {}, {}, way=way)
    if name == "decouple.config":
        return read_env(evaluator, Env("decouple", {}, {}), "", arguments, way)
    if name.startswith("configurations.values."):
        return configurations_value(evaluator, last, arguments, way)
    if name.startswith("split_settings.tools.") and last == "optional":
        return Include(arguments.get(0, "filename") or Unknown(way=way), way=way)
    handler = EXTERNAL.get(name) or EXTERNAL.get(last if last in ANYWHERE else "")
    if handler is not None:
        return handler(evaluator, arguments, way)
    if "fallback" in arguments.named:
        return _with_fallback(arguments, way)
    return guessed(evaluator, last, arguments, way)


def _bool(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    def known(value: Value) -> Value:
        found = truth(value)
        return unknown_from(value, way=way) if found is None else Constant(found, way=way)

    return lift(known, arguments.positional[0], way) if arguments.positional else Constant(False, way=way)


def _dict(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    named = Mapping(dict(arguments.named), not arguments.is_open, way=way)
    return merged(arguments.positional[0], named) if arguments.positional else named


def _getattr(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    name = text_of(arguments.get(1))
    if not name or not arguments.positional:
        return Unknown(way=way)
    owner = arguments.positional[0]
    found = evaluator.attribute(owner, name, way)
    default = arguments.get(2)
    if default is not None and isinstance(found, Unknown | External):
        # An object that cannot be read, such as a module of settings that lies elsewhere.
        return choose((default, Unknown(way=way)), default, way=way)
    return found


def _quantified(every: bool) -> Callable[[Evaluator, Arguments, Way], Value]:
    def decide(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
        listing = arguments.positional[0] if arguments.positional else None
        if not isinstance(listing, Listing) or not listing.complete:
            return Unknown(way=way)
        truths = [truth(item.value) if item.certain else None for item in listing.items]
        if (not every) in truths:
            return Constant(not every, way=way)
        return Unknown(way=way) if None in truths else Constant(every, way=way)

    return decide


def _open(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    return OpenFile(arguments.get(0, "file") or Unknown(), way=way)


def _import_module(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    return evaluator.reader.modules_named(arguments.get(0, "name") or Unknown(), evaluator.path, way)


def _vars(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    return arguments.positional[0] if arguments.positional else Unknown(way=way)


def _get_logger(evaluator: Evaluator, arguments: Arguments, way: Way) -> Value:
    return Logger(text_of(arguments.get(0, "name")), way=way)


EXTERNAL: dict[str, Callable[[Evaluator, Arguments, Way], Value]] = {
    "os.environ.get": read_environ,
    "os.environ.setdefault": read_environ,
    "os.environ.pop": read_environ,
    "os.getenv": read_environ,
    "bool": _bool,
    "dict": _dict,
    "getattr": _getattr,
    "any": _quantified(every=False),
    "all": _quantified(every=True),
    "open": _open,
    "io.open": _open,
    "dj_database_url.config": dj_database_url(is_config=True),
    "dj_database_url.parse": dj_database_url(is_config=False),
    "importlib.import_module": _import_module,
    "django.utils.module_loading.import_module": _import_module,
    "vars": _vars,
    "logging.getLogger": _get_logger,
    "strtobool": strtobool,
}
# Functions that several libraries offer under one name.
ANYWHERE = frozenset(("strtobool",))
