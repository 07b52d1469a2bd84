"""What a function of the project returns, by running its body on values."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from flake8_djq.project.settings.state import State
from flake8_djq.project.settings.statements import Runner, as_conditions, fails_without_variables
from flake8_djq.project.settings.things import Arguments, Function
from flake8_djq.project.settings.values import (
    Choice,
    Constant,
    Item,
    Listing,
    Mapping,
    Unknown,
    Value,
    by_default,
    choose,
    truth,
    variables_of,
)

__all__ = ["result_of"]

# Statements of one call that are followed, over all of its paths.
MOST_STATEMENTS = 200
# A loop that returns is followed over so many turns.
LONGEST_LOOP = 8


class _Turn(NamedTuple):
    """The start of one turn of a loop."""

    target: ast.expr
    value: Value


class _Call:
    """One call: what is left of its budget."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.left = MOST_STATEMENTS

    def result(self, statements: Sequence[ast.stmt | _Turn]) -> Value | None:
        """What is returned from here on; None where an exception is raised on every path."""
        runner = self.runner
        for index, statement in enumerate(statements):
            self.left -= 1
            if self.left < 0:
                return Unknown()
            rest = [*statements[index + 1 :]]
            match statement:
                case _Turn():
                    runner.store(statement.target, statement.value, ())
                    continue
                case ast.Return():
                    return Constant(None) if statement.value is None else runner.value(statement.value)
                case ast.If():
                    return self._branches(statement, rest)
                case ast.Try():
                    return self._attempts(statement, rest)
                case ast.Match() if (conditions := as_conditions(statement)) is not None:
                    return self.result([*conditions, *rest])
                case ast.With():
                    return self.result([*statement.body, *rest])
                case ast.Raise():
                    return None
                case ast.For() if _returns(statement):
                    return self._turns(statement, rest)
                case ast.While() if _returns(statement):
                    return Unknown()
            runner.run([statement])
            if not runner.state.alive:
                return None
        return Constant(None)

    def _branches(self, node: ast.If, rest: list[ast.stmt | _Turn]) -> Value | None:
        test = self.runner.value(node.test)
        known = truth(test)
        if known is not None:
            return self.result([*(node.body if known else node.orelse), *rest])
        likely = truth(by_default(test))
        return self._join(
            [[*node.body, *rest], [*node.orelse, *rest]],
            None if likely is None else 0 if likely else 1,
            variables_of(test),
        )

    def _turns(self, node: ast.For, rest: list[ast.stmt | _Turn]) -> Value | None:
        """A loop that may return: its turns one after the other."""
        source = self.runner.value(node.iter)
        if not isinstance(source, Listing) or not source.is_exact or len(source.items) > LONGEST_LOOP:
            return Unknown()
        turns: list[ast.stmt | _Turn] = []
        for item in source.items:
            turns += [_Turn(node.target, item.value), *node.body]
        return self.result([*turns, *node.orelse, *rest])

    def _attempts(self, node: ast.Try, rest: list[ast.stmt | _Turn]) -> Value | None:
        fails = [fails_without_variables(node.body, handler) for handler in node.handlers]
        paths: list[list[ast.stmt | _Turn]] = [[*node.body, *node.orelse, *node.finalbody, *rest]]
        paths += [[*handler.body, *node.finalbody, *rest] for handler in node.handlers]
        return self._join(paths, fails.index(False) + 1 if False in fails else None, ())

    def _join(
        self, paths: list[list[ast.stmt | _Turn]], default: int | None, variables: tuple[str, ...]
    ) -> Value | None:
        start = self.runner.state
        results: list[Value] = []
        chosen: Value | None = None
        for index, path in enumerate(paths):
            self.runner.state = start.copy()
            found = self.result(path)
            if found is not None:
                results.append(found)
                if index == default:
                    chosen = found
        self.runner.state = start
        if not results:
            return None
        return choose(results, chosen, variables)


def result_of(runner: Runner, function: Function, arguments: Arguments) -> Value:
    """What a call of a function gives; ``runner`` has a state of its own, in which its parameters are bound."""
    node = function.node
    _bind(runner, function, arguments)
    if isinstance(node, ast.Lambda):
        return runner.value(node.body)
    if isinstance(node, ast.AsyncFunctionDef) or runner.reader.is_generator(node):
        return Unknown()
    found = _Call(runner).result(node.body)
    if found is None:
        return Unknown()
    if isinstance(found, Constant | Unknown | Choice):
        # The caller's line is what brings it in.
        found = copy(found)
        found.way = ()
    return found


def _bind(runner: Runner, function: Function, arguments: Arguments) -> None:
    parameters = function.node.args
    positional = [*parameters.posonlyargs, *parameters.args]
    given = list(arguments.positional)
    if function.owner is not None:
        given.insert(0, function.owner)
    defaults: dict[str, ast.expr] = {}
    for parameter, default in zip(reversed(positional), reversed(parameters.defaults), strict=False):
        defaults[parameter.arg] = default
    for parameter, keyword_default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if keyword_default is not None:
            defaults[parameter.arg] = keyword_default
    outer = Runner(runner.reader, runner.path, State(dict(runner.state.names)))
    for index, parameter in enumerate([*positional, *parameters.kwonlyargs]):
        name = parameter.arg
        if index < min(len(given), len(positional)):
            value = given[index]
        elif name in arguments.named:
            value = arguments.named[name]
        elif name in defaults and not arguments.is_open:
            value = outer.value(defaults[name])
        else:
            value = Unknown()
        runner.state.bind(name, value)
    if parameters.vararg is not None:
        more = tuple(Item(value) for value in given[len(positional) :])
        runner.state.bind(parameters.vararg.arg, Listing(more, not arguments.is_open))
    if parameters.kwarg is not None:
        names = {parameter.arg for parameter in (*positional, *parameters.kwonlyargs)}
        others = {name: value for name, value in arguments.named.items() if name not in names}
        runner.state.bind(parameters.kwarg.arg, Mapping(others, not arguments.is_open))


def _returns(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Return) for part in ast.walk(node))
