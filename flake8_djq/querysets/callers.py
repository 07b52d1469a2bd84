"""What in a function hangs on its callers: where these stand in other files, nobody can say what they pass."""

from __future__ import annotations

import ast

from flake8_djq.patterns import Pattern
from flake8_djq.querysets.evaluations import Evaluation, How, Subject
from flake8_djq.source import FunctionNode

__all__ = ["hangs_on_callers"]

# A lookup by a collection that is not written out: how long it is, its maker knows.
BY_COLLECTION = Pattern(r"__(in|overlap)=(?!List\(|Tuple\(|Set\()")


def hangs_on_callers(subject: Subject, function: FunctionNode) -> bool:
    """Whether what the callers of a function pass may decide if something happens there, and to how many rows."""
    if not isinstance(subject, Evaluation):
        return True
    arguments = function.args
    given = {part.arg for part in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    given |= {part.arg for part in (arguments.vararg, arguments.kwarg) if part is not None}
    queryset = subject.queryset
    if queryset.shared or subject.limited_by or _root(queryset.node) in given or BY_COLLECTION.search(queryset.key):
        return True
    if subject.how is How.MATERIALIZE and _gives(function, subject):
        return True
    tests = [node.test for node in subject.path if isinstance(node, ast.If | ast.IfExp | ast.While)]
    return any(isinstance(node, ast.Name) and node.id in given for test in tests for node in ast.walk(test))


def _root(node: ast.expr) -> str:
    """The name that a chain of calls and attributes begins with."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _gives(function: FunctionNode, subject: Evaluation) -> bool:
    """Whether a collection is what a function is there to return: its callers know what they need of it."""
    return any(isinstance(node, ast.Return) and node.value is subject.call for node in ast.walk(function))
