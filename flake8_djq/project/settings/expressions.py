"""What an expression of a settings module comes to."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from flake8_djq.project.settings.operators import (
    COMPARISONS,
    NEGATIONS,
    as_text,
    both,
    combined,
    hashable,
    is_one_of,
    merged,
    negated,
    not_none,
    unknown_from,
)
from flake8_djq.project.settings.state import State, force
from flake8_djq.project.settings.things import Arguments, Class, External, Function, Instance, ProjectModule
from flake8_djq.project.settings.values import (
    ABSENT,
    Choice,
    Constant,
    Item,
    Listing,
    Mapping,
    Step,
    Unknown,
    Value,
    Way,
    bounded,
    by_default,
    choose,
    entry,
    lift,
    size_of,
    truth,
    variables_of,
)
from flake8_djq.project.settings.variables import DEVELOPMENT_COMMANDS

if TYPE_CHECKING:
    from flake8_djq.project.settings.modules import Reader

__all__ = ["Evaluator", "is_own_settings"]

BUILTINS = frozenset(
    (
        *("all", "any", "bool", "dict", "eval", "exec", "execfile", "filter", "float", "frozenset", "getattr"),
        *("globals", "hasattr", "int", "len", "list", "locals", "map", "open", "set", "setattr", "sorted", "str"),
        *("tuple", "type", "vars"),
    )
)
# The levels of Python's own `logging`.
LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
ARGUMENTS = "sys.argv"
ONE_ARGUMENT = "sys.argv[]"
MODULES = "sys.modules"
# Test runners that stand in `sys.modules` while tests run.
TEST_MODULES = frozenset(("pytest", "_pytest", "unittest", "nose", "behave"))


class Evaluator:
    """Works out expressions at one point of a module's run. It changes nothing but for names bound by ``:=``."""

    def __init__(self, reader: Reader, path: str, state: State) -> None:
        self.reader = reader
        self.path = path
        self.state = state

    def way(self, node: ast.expr | ast.stmt) -> Way:
        """The way of a value that is written down here."""
        return (Step(self.path, node.lineno),)

    def value(self, node: ast.expr) -> Value:
        """What an expression comes to."""
        self.reader.work()
        handler = HANDLERS.get(type(node))
        if handler is None:
            return Unknown(way=self.way(node))
        found = bounded(handler(self, node))
        self.reader.work(size_of(found))
        return found

    # -- names ----------------------------------------------------------------------------------------------------

    def _name(self, node: ast.Name) -> Value:
        return self.named(node.id, self.way(node))

    def named(self, name: str, way: Way) -> Value:
        """What a name stands for."""
        found = self.state.get(name)
        if found is not None:
            return found if found is not ABSENT else Unknown(way=way)
        if name in ("__file__", "__name__"):
            return Constant(PurePath(self.path) if name == "__file__" else name, way=way)
        return External(name, way=way) if name in BUILTINS else Unknown(way=way)

    def _attribute(self, node: ast.Attribute) -> Value:
        return lift(lambda owner: self.attribute(owner, node.attr, self.way(node)), self.value(node.value))

    def attribute(self, owner: Value, name: str, way: Way) -> Value:
        """What ``owner.name`` is."""
        if isinstance(owner, External):
            if is_own_settings(owner):
                return self.state.get(name) or Unknown(way=way)
            if owner.name == "logging" and name in LEVELS:
                return Constant(LEVELS[name], way=way)
            return External(f"{owner.name}.{name}", way=way)
        if isinstance(owner, ProjectModule):
            found = owner.state.get(name)
            if found is None and owner.path.endswith("__init__.py"):
                return self.reader.submodule(owner.path, name) or Unknown(way=way)
            return found if found is not None and found is not ABSENT else Unknown(way=way)
        if isinstance(owner, Class | Instance):
            held = (owner if isinstance(owner, Class) else owner.of).names.get(name)
            found = force(held) if held is not None else None
            if isinstance(found, Function) and found.is_property and isinstance(owner, Instance):
                return self.reader.call(found, Arguments([owner], {}, False))
            if isinstance(found, Function) and isinstance(owner, Instance):
                return Function(found.node, found.path, found.state, owner)
            return found if found is not None and found is not ABSENT else Unknown(way=way)
        if isinstance(owner, Constant) and isinstance(owner.value, PurePath):
            part = getattr(owner.value, name, None)
            return Constant(part, way=way) if isinstance(part, PurePath | str) else Unknown(way=way)
        return unknown_from(owner, way=way)

    # -- literals -------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Value:
        return Constant(node.value, way=self.way(node))

    def _listing(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        items: list[Item] = []
        complete = True
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self.value(element.value)
                items.extend(inner.items if isinstance(inner, Listing) else ())
                complete = complete and isinstance(inner, Listing) and inner.complete
            else:
                items.append(Item(self.value(element)))
        return Listing(tuple(items), complete, way=self.way(node))

    def _mapping(self, node: ast.Dict) -> Value:
        way = self.way(node)
        entries: dict[Any, Value] = {}
        complete = True
        for key, value in zip(node.keys, node.values, strict=True):
            name = self.value(key) if key is not None else None
            if name is None:
                merge = merged(Mapping(entries, complete, way=way), self.value(value))
                complete = isinstance(merge, Mapping) and merge.complete
                entries = dict(merge.entries) if isinstance(merge, Mapping) else entries
            elif isinstance(name, Constant) and hashable(name.value):
                entries[name.value] = self.value(value)
            else:
                complete = False
        return Mapping(entries, complete, way=way)

    def _text(self, node: ast.JoinedStr) -> Value:
        result: Value = Constant("", way=self.way(node))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                plain = part.format_spec is None and part.conversion in (-1, 115)
                piece = lift(as_text, self.value(part.value)) if plain else Unknown()
            else:
                piece = self.value(part)
            result = both(operator.add, result, piece, self.way(node))
        return result

    # -- operators ------------------------------------------------------------------------------------------------

    def _binary(self, node: ast.BinOp) -> Value:
        return combined(node.op, self.value(node.left), self.value(node.right), self.way(node))

    def _boolean(self, node: ast.BoolOp) -> Value:
        decisive = isinstance(node.op, ast.Or)
        result = self.value(node.values[0])
        for operand in node.values[1:]:
            if truth(result) is decisive:
                return result
            result = self._either(result, self.value(operand), decisive, self.way(node))
        return result

    def _either(self, left: Value, right: Value, decisive: bool, way: Way) -> Value:
        def pick(one: Value) -> Value:
            known = truth(one)
            if known is not None:
                return one if known is decisive else right
            if truth(right) is decisive and (not decisive or (isinstance(right, Constant) and right.value is True)):
                return right  # whatever the other is
            return choose((one, right), None, variables_of(one), way)

        if not isinstance(left, Choice):
            return pick(left)
        default = pick(left.default) if left.default is not None else None
        return choose((pick(option) for option in left.options), default, left.variables, way)

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return lift(lambda one: negated(one, self.way(node)), value, self.way(node))
        if isinstance(node.op, ast.USub):
            return lift(lambda one: both(operator.mul, one, Constant(-1), self.way(node)), value)
        return Unknown(way=self.way(node))

    def _conditional(self, node: ast.IfExp) -> Value:
        test = self.value(node.test)
        known = truth(test)
        if known is not None:
            return self.value(node.body if known else node.orelse)
        options = (self.value(node.body), self.value(node.orelse))
        likely = truth(by_default(test))
        default = None if likely is None else options[0 if likely else 1]
        return choose(options, default, variables_of(test), self.way(node))

    def _compare(self, node: ast.Compare) -> Value:
        way = self.way(node)
        left = self.value(node.left)
        if len(node.ops) > 1:
            return Unknown(way=way)
        kind, right = node.ops[0], self.value(node.comparators[0])
        if isinstance(kind, ast.In | ast.NotIn):
            right = not_none(right)
            found = lift(lambda one: lift(lambda two: self._contains(one, two, way), right, way), left, way)
            return lift(lambda one: negated(one, way), found, way) if isinstance(kind, ast.NotIn) else found
        if _is_development_command(left, right):
            return Constant(isinstance(kind, NEGATIONS), way=way)
        function = COMPARISONS[type(kind)]
        return both(lambda one, two: bool(function(one, two)), left, right, way)

    def _contains(self, needle: Value, hay: Value, way: Way) -> Value:
        if isinstance(hay, External):
            return self._in_external(needle, hay.name, way)
        if isinstance(needle, Constant):
            if isinstance(hay, Listing):
                found = [item for item in hay.items if is_one_of(item.value, {needle.value})]
                if any(item.certain for item in found):
                    return Constant(True, way=way)
                is_known = hay.complete and all(isinstance(item.value, Constant) for item in hay.items)
                return Constant(False, way=way) if is_known and not found else Unknown(way=way)
            if isinstance(hay, Mapping) and hashable(needle.value):
                held = entry(hay, needle.value)
                if not isinstance(held, Choice | Unknown) or (
                    isinstance(held, Unknown) and needle.value in hay.entries
                ):
                    return Constant(held is not ABSENT, way=way)
            if isinstance(hay, Constant) and isinstance(hay.value, str) and isinstance(needle.value, str):
                return Constant(needle.value in hay.value, way=way)
            if isinstance(hay, Unknown) and not hay.variable:
                # A configuration that lies elsewhere: like a variable, what it does not say is the default.
                return Choice((Constant(False, way=way), Constant(True, way=way)), Constant(False, way=way), way=way)
        return unknown_from(needle, hay, way=way)

    def _in_external(self, needle: Value, name: str, way: Way) -> Value:
        """`"test" in sys.argv`: production does not run tests, and a batch job is no development server."""
        text = needle.value if isinstance(needle, Constant) else None
        if name in (ARGUMENTS, ONE_ARGUMENT) and text in DEVELOPMENT_COMMANDS:
            return Constant(False, way=way)
        if name == MODULES and text in TEST_MODULES:
            return Constant(False, way=way)
        if name == "os.environ" and isinstance(text, str):
            return self.reader.is_set(text, self.state, way)
        return Unknown(way=way)

    # -- parts ----------------------------------------------------------------------------------------------------

    def _subscript(self, node: ast.Subscript) -> Value:
        way = self.way(node)
        container = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            is_whole = node.slice.lower is None and node.slice.upper is None and node.slice.step is None
            if is_whole:
                return container
            if isinstance(container, External):
                return container
            if isinstance(container, Listing):
                return Listing(tuple(Item(item.value, False) for item in container.items), False, way=way)
            return unknown_from(container, way=way)
        key = self.value(node.slice)
        return lift(lambda one: lift(lambda two: self.item(one, two, way), key, way), container, way)

    def item(self, container: Value, key: Value, way: Way) -> Value:
        """What ``container[key]`` is."""
        if isinstance(container, External):
            if container.name == "os.environ" and isinstance(key, Constant) and isinstance(key.value, str):
                return self.reader.variable(key.value, None, self.state, way)
            return External(ONE_ARGUMENT, way=way) if container.name == ARGUMENTS else Unknown(way=way)
        if isinstance(key, Constant):
            if isinstance(container, Mapping) and hashable(key.value):
                found = entry(container, key.value)
                return found if found is not ABSENT else Unknown(way=way)
            if isinstance(container, Listing) and isinstance(key.value, int) and container.is_exact:
                items = container.items[key.value : key.value + 1 or None]
                return items[0].value if items else Unknown(way=way)
        elif isinstance(container, Mapping) and container.complete and container.entries:
            # One of the entries, whichever the variable names.
            return choose(container.entries.values(), None, variables_of(key), way)
        return unknown_from(container, key, way=way)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        way = self.way(node)
        generator = node.generators[0]
        source = self.value(generator.iter)
        if len(node.generators) > 1 or not isinstance(generator.target, ast.Name):
            return Listing((), False, way=way)
        if isinstance(source, External) and source.name == ARGUMENTS:
            source = Listing((Item(External(ONE_ARGUMENT)),))
        if not isinstance(source, Listing):
            return Listing((), False, way=way)
        inner = Evaluator(self.reader, self.path, self.state.copy())
        items = []
        for item in source.items:
            inner.state.bind(generator.target.id, item.value)
            kept = [truth(inner.value(condition)) for condition in generator.ifs]
            if False not in kept:
                items.append(Item(inner.value(node.elt), item.certain and None not in kept))
        return Listing(tuple(items), source.complete, way=way)

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.state.bind(node.target.id, value)
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.path, self.state.copy(), way=self.way(node))

    def _call(self, node: ast.Call) -> Value:
        return self.reader.calls(self, node)

    def arguments(self, node: ast.Call) -> Arguments:
        """The values that a call is given."""
        positional: list[Value] = []
        is_open = False
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                inner = self.value(argument.value)
                if isinstance(inner, Listing) and inner.is_exact:
                    positional.extend(item.value for item in inner.items)
                else:
                    is_open = True
            else:
                positional.append(self.value(argument))
        named = {}
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, Mapping) and value.complete:
                named |= {str(key): held for key, held in value.entries.items()}
            else:
                is_open = True
        return Arguments(positional, named, is_open)


HANDLERS: dict[type[ast.expr], Callable[[Evaluator, Any], Value]] = {
    ast.Name: Evaluator._name,
    ast.Attribute: Evaluator._attribute,
    ast.Constant: Evaluator._constant,
    ast.List: Evaluator._listing,
    ast.Tuple: Evaluator._listing,
    ast.Set: Evaluator._listing,
    ast.Dict: Evaluator._mapping,
    ast.JoinedStr: Evaluator._text,
    ast.BinOp: Evaluator._binary,
    ast.BoolOp: Evaluator._boolean,
    ast.UnaryOp: Evaluator._unary,
    ast.IfExp: Evaluator._conditional,
    ast.Compare: Evaluator._compare,
    ast.Subscript: Evaluator._subscript,
    ast.ListComp: Evaluator._comprehension,
    ast.SetComp: Evaluator._comprehension,
    ast.GeneratorExp: Evaluator._comprehension,
    ast.NamedExpr: Evaluator._walrus,
    ast.Lambda: Evaluator._lambda,
    ast.Call: Evaluator._call,
}


def is_own_settings(value: Value) -> bool:
    """Whether it is `django.conf.settings`: while a settings module runs, that shows what it has bound by now."""
    return isinstance(value, External) and value.name == "django.conf.settings"


def _is_development_command(left: Value, right: Value) -> bool:
    """Whether `sys.argv[1] == "test"` is asked, or `sys.argv[1:2] == ["test"]`."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, External) and one.name in (ARGUMENTS, ONE_ARGUMENT):
            texts = [item.value for item in other.items] if isinstance(other, Listing) else [other]
            return any(isinstance(text, Constant) and text.value in DEVELOPMENT_COMMANDS for text in texts)
    return False
