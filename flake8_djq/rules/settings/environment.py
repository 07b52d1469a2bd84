"""What a settings module makes of environment variables: which it reads, and what comes out where they are missing.

Known are `os.environ` and `os.getenv`, django-environ, environs, decouple, and helpers of a project whose names say
that they read a boolean from the environment (`get_env_bool`). Whatever else stands in an expression is unknown,
and so is everything that depends on it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from flake8_djq.project.settings.variables import ABOUT_DEBUG, FALSE_TEXTS, PLATFORM, TO_BOOL, TRUE_TEXTS
from flake8_djq.rules.settings.bindings import Bindings
from flake8_djq.source import Source, dotted_name

__all__ = ["ABOUT_DEBUG", "Read", "Schemes", "WithoutVariables", "raw_text", "written"]

# What to write instead of a default that means yes.
OPPOSITES = {"True": "False", "1": "0"} | {
    repr(form(yes)): f'"{form(no)}"'
    for yes, no in (("1", "0"), ("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"))
    for form in (str.lower, str.title, str.upper)
}

OS_READERS = frozenset(("os.environ.get", "os.getenv"))
PRODUCTION = frozenset(("prod", "production", "live", "stage", "staging", "release"))


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN = _Unknown.UNKNOWN


class Read(NamedTuple):
    """One place that reads an environment variable.

    `call` is the expression that reads it, `default` what stands in for it where it is missing, and `scheme` the
    call `environ.Env(...)` that declares this default, if the reading call itself has none.
    """

    variable: str
    call: ast.expr
    default: ast.expr | None = None
    scheme: ast.Call | None = None


class Schemes:
    """The variables that a module declares in calls of `environ.Env(DEBUG=(bool, True))`, by the object's name."""

    def __init__(self, source: Source) -> None:
        self.calls: dict[str, ast.Call] = {}
        for node in source.tree.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
                continue
            if source.resolve(node.value.func).endswith(("environ.Env", "environ.FileAwareEnv")):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self.calls[dotted_name(target)] = node.value

    def true_by_default(self, variable: str) -> ast.Call | None:
        """The call that declares a variable as a boolean that is true where it is missing."""
        for call in self.calls.values():
            if self.default(call, variable) is not None:
                return call
        return None

    @staticmethod
    def default(call: ast.Call, variable: str) -> ast.expr | None:
        """The default that a call declares for a boolean variable, if that is `True`."""
        for keyword in call.keywords:
            if keyword.arg != variable or not isinstance(keyword.value, ast.Tuple) or len(keyword.value.elts) != 2:
                continue
            kind, default = keyword.value.elts
            if dotted_name(kind) == "bool" and isinstance(default, ast.Constant) and default.value is True:
                return default
        return None


def written(node: ast.expr, source: Source) -> str:
    """An expression as its author wrote it, on one line. (`ast.get_source_segment` takes apart the whole file.)"""
    last = node.end_lineno or node.lineno
    lines = [line.encode() for line in source.lines[node.lineno - 1 : last]]
    lines[-1] = lines[-1][: node.end_col_offset]
    lines[0] = lines[0][node.col_offset :]
    return " ".join(b" ".join(lines).decode(errors="replace").split())


def _keyword(call: ast.Call, *names: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg in names), None)


def _argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    named = _keyword(call, *names)
    if named is not None:
        return named
    if len(call.args) > position and not any(isinstance(argument, ast.Starred) for argument in call.args):
        return call.args[position]
    return None


def _variable(call: ast.Call) -> str:
    """The name of the variable that a reading call is given, or ""."""
    node = _argument(call, 0, "name", "var", "key", "option", "varname")
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _os_read(node: ast.expr, source: Source) -> Read | None:
    """A read of `os.environ`; of `os.environ["X"]` too, which fails where the variable is missing."""
    if isinstance(node, ast.Call) and source.resolve(node.func) in OS_READERS and _variable(node):
        return Read(_variable(node), node, _argument(node, 1, "default"))
    if isinstance(node, ast.Subscript) and source.resolve(node.value) == "os.environ":
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return Read(key.value, node)
    return None


def raw_text(node: ast.expr, source: Source) -> Read | None:
    """The read whose text, as it stands, decides whether an expression is true."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return raw_text(node.values[0], source)
    if isinstance(node, ast.IfExp):
        is_test = _truth(node.body) is True and _truth(node.orelse) is False
        return raw_text(node.test, source) if is_test else None
    read = _os_read(node, source)
    if read is not None:
        return read if ABOUT_DEBUG.search(read.variable) else None
    if isinstance(node, ast.Call) and not node.keywords:
        if dotted_name(node.func) in ("bool", "str") and len(node.args) == 1:
            return raw_text(node.args[0], source)
        if isinstance(node.func, ast.Attribute) and node.func.attr in TEXT_METHODS:
            return raw_text(node.func.value, source)
    # decouple hands the text on unless it is told what to cast it to, whatever the type of the default.
    if isinstance(node, ast.Call) and source.resolve(node.func) == "decouple.config" and len(node.args) < 3:
        is_cast = _keyword(node, "cast") is not None or any(keyword.arg is None for keyword in node.keywords)
        if not is_cast and ABOUT_DEBUG.search(_variable(node)):
            return Read(_variable(node), node, _argument(node, 1, "default"))
    return None


def _truth(node: ast.expr) -> bool | None:
    return bool(node.value) if isinstance(node, ast.Constant) else None


TEXT_METHODS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "strip": str.strip,
    "casefold": str.casefold,
    "title": str.title,
    "capitalize": str.capitalize,
}


class WithoutVariables:
    """Works out what expressions of a module come to where no environment variable is set.

    `reads` collects the reads that went into the answers.
    """

    def __init__(self, source: Source) -> None:
        self.reads: list[Read] = []
        self._source = source
        self._schemes = Schemes(source)
        self._open: set[str] = set()

    def truth(self, node: ast.expr) -> bool | None:
        """Whether an expression is true, or None where that cannot be told."""
        if isinstance(node, ast.BoolOp):
            # One operand can decide, whatever the others are.
            truths = [self.truth(operand) for operand in node.values]
            decisive = isinstance(node.op, ast.Or)
            if decisive in truths:
                return decisive
            return None if None in truths else not decisive
        value = self._value(node)
        if isinstance(value, str):
            # A text is true as such; one that says "no" is somebody else's mistake.
            return True if value.lower() in TRUE_TEXTS else None
        # Other numbers are levels, not switches.
        return bool(value) if isinstance(value, bool | int) and value in (0, 1) else None

    def _value(self, node: ast.expr) -> object:
        match node:
            case ast.Constant():
                return node.value
            case ast.Tuple() | ast.List() | ast.Set():
                return tuple(self._value(element) for element in node.elts)
            case ast.Name():
                return self._name(node.id)
            case ast.BoolOp():
                return self._bool_op(node)
            case ast.UnaryOp(op=ast.Not()):
                value = self._value(node.operand)
                # `not os.environ.get("X")` asks whether X is there at all: a platform's variable as a rule.
                return not value if isinstance(value, bool | int) else UNKNOWN
            case ast.IfExp():
                truth = self.truth(node.test)
                return UNKNOWN if truth is None else self._value(node.body if truth else node.orelse)
            case ast.Compare():
                return self._compare(node)
            case ast.Call():
                return self._call(node)
        return UNKNOWN

    def _name(self, name: str) -> object:
        """The value of a name that the module assigns once."""
        if name in self._open:
            return UNKNOWN
        bindings = Bindings(self._source, name)
        node = bindings.effective_here
        if node is None or node.value is None or len(bindings.assignments) != 1:
            return UNKNOWN
        self._open.add(name)
        try:
            return self._value(node.value)
        finally:
            self._open.discard(name)

    def _bool_op(self, node: ast.BoolOp) -> object:
        value: object = UNKNOWN
        for operand in node.values:
            value = self._value(operand)
            if value is UNKNOWN or bool(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _compare(self, node: ast.Compare) -> object:
        if len(node.ops) != 1:
            return UNKNOWN
        known = len(self.reads)
        left, right = self._value(node.left), self._value(node.comparators[0])
        options = right if isinstance(right, tuple) else (right,)
        # To compare with None or "" is to ask whether the variable is there at all.
        if left is UNKNOWN or UNKNOWN in options or None in options or "" in options:
            return UNKNOWN
        operator = node.ops[0]
        if left is None and isinstance(operator, ast.NotEq | ast.NotIn) and not self._is_about(known, options):
            return UNKNOWN
        match operator:
            case ast.Eq():
                return left == right
            case ast.NotEq():
                return left != right
            case ast.In() | ast.NotIn() if isinstance(right, tuple) or (
                isinstance(right, str) and isinstance(left, str)
            ):
                return (left in right) is isinstance(operator, ast.In)
        return UNKNOWN

    def _is_about(self, known: int, options: tuple[object, ...]) -> bool:
        """Whether `X != "production"` is clearly about debugging, or about not being in production."""
        if any(ABOUT_DEBUG.search(read.variable) for read in self.reads[known:]):
            return True
        return all(isinstance(option, str) and option.lower() in PRODUCTION for option in options)

    def _call(self, node: ast.Call) -> object:
        for reader in (self._read_os, self._read_boolean, self._read_cast):
            for value in reader(node):
                return value
        name = dotted_name(node.func)
        if isinstance(node.func, ast.Attribute) and not node.args and node.func.attr in TEXT_METHODS:
            value = self._value(node.func.value)
            return TEXT_METHODS[node.func.attr](value) if isinstance(value, str) else UNKNOWN
        if len(node.args) == 1 and not node.keywords and name:
            return self._convert(self._source.resolve(node.func), self._value(node.args[0]))
        return UNKNOWN

    def _convert(self, function: str, value: object) -> object:
        """The value of a call of a function that turns the text of a variable into something else."""
        if TO_BOOL.match(function.rpartition(".")[2]):
            return _as_bool(value)
        try:
            match function:
                case "str":
                    return str(value) if isinstance(value, str | int) else UNKNOWN
                case "int":
                    return int(value) if isinstance(value, str | int) else UNKNOWN
                case "bool":
                    return bool(value) if isinstance(value, bool | int) else UNKNOWN
                case "ast.literal_eval" | "eval" if isinstance(value, str):
                    value = ast.literal_eval(value)
                case "json.loads" if isinstance(value, str):
                    value = json.loads(value)
                case _:
                    return UNKNOWN
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return UNKNOWN
        return value if isinstance(value, bool | int | str) else UNKNOWN

    def _note(self, read: Read) -> bool:
        """Count a read in, unless what is missing says nothing: a platform's variable, or one that is set before."""
        variable = re.escape(read.variable)
        set_before = rf"(setdefault\(\s*|environ\[)['\"]{variable}['\"](\s*,|\]\s*=[^=])"
        if PLATFORM.match(read.variable) or re.search(set_before, self._source.text):
            return False
        self.reads.append(read)
        return True

    def _read_os(self, node: ast.Call) -> Iterator[object]:
        read = _os_read(node, self._source)
        if read is not None:
            value = None if read.default is None else self._value(read.default)
            yield value if self._note(read) else UNKNOWN

    def _read_boolean(self, node: ast.Call) -> Iterator[object]:
        """`env.bool("DEBUG", default=True)`, `get_env_bool("DEBUG", True)`."""
        name = self._source.resolve(node.func).lower()
        is_method = isinstance(node.func, ast.Attribute) and node.func.attr in ("bool", "get_bool")
        if _variable(node) and (is_method or ("env" in name and "bool" in name)):
            value = self._default(node, _argument(node, 1, "default"))
            # Libraries hand a default on as it is: "False" as a text, which is true.
            is_no = isinstance(value, str) and value.lower() in FALSE_TEXTS
            yield UNKNOWN if is_no else _as_bool(value)

    def _read_cast(self, node: ast.Call) -> Iterator[object]:
        """`env("DEBUG", default=True)` and decouple's `config("DEBUG", default=True, cast=bool)`."""
        name = dotted_name(node.func).rpartition(".")[2]
        if not _variable(node) or name not in ("env", "config"):
            return
        default, cast = _argument(node, 1, "default"), _argument(node, 2, "cast")
        if name == "env":
            # django-environ takes (name, cast, default), environs (name, default).
            second = node.args[1] if len(node.args) > 1 else None
            if not isinstance(second, ast.Constant | None):
                cast, default = second, _argument(node, 2, "default")
            elif len(node.args) > 2:
                default, cast = _argument(node, 2, "default"), _keyword(node, "cast")
        elif self._source.resolve(node.func) != "decouple.config":
            # Another library's `config`: only what is named is certain.
            default, cast = _keyword(node, "default"), _keyword(node, "cast")
        value = self._default(node, default)
        if cast is None or value is UNKNOWN:
            yield value
        elif dotted_name(cast) == "bool":
            yield _as_bool(value)
        else:
            yield self._convert(self._source.resolve(cast), value)

    def _default(self, node: ast.Call, default: ast.expr | None) -> object:
        """What a reading call gives where its variable is missing: its own default, or the one of its scheme."""
        scheme = None
        if default is None:
            name = dotted_name(node.func)
            scheme = self._schemes.calls.get(name) or self._schemes.calls.get(name.rpartition(".")[0])
            default = self._schemes.default(scheme, _variable(node)) if scheme is not None else None
        if default is None:
            return UNKNOWN
        value = self._value(default)
        return value if self._note(Read(_variable(node), node, default, scheme)) else UNKNOWN


def _as_bool(value: object) -> object:
    if isinstance(value, bool | int):
        return bool(value)
    if isinstance(value, str):
        return True if value.lower() in TRUE_TEXTS else False if value.lower() in FALSE_TEXTS else UNKNOWN
    return UNKNOWN
