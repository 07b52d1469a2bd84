"""What a rule is: a code, a name, when it speaks, and a check of one thing that the engine has found.

A rule is one class in one file below this folder. Its docstring is its documentation page, in these sections: ``What
it does``, ``Why is this bad?``, ``Example``, ``Use instead``, ``When it is silent``, ``Fix safety``, ``References``.
A class is found by being there: nothing else needs to be told of it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import ClassVar, Generic, TypeVar

from flake8_djq import rules
from flake8_djq.context import Context, Contexts, Kind
from flake8_djq.findings import Edit, Finding
from flake8_djq.options import Options
from flake8_djq.source import Source

__all__ = ["File", "Fix", "On", "Rule", "all_rules"]

Subject = TypeVar("Subject")


class On(Enum):
    """Where a rule speaks unless the user says otherwise."""

    BATCH = "in batch code"
    EVERYWHERE = "everywhere outside tests"
    OPT_IN = "only when selected"


class Fix(Enum):
    """What the fix of a rule may change."""

    NONE = "none"
    SAFE = "safe"
    UNSAFE = "unsafe"
    SAFE_OR_UNSAFE = "safe or unsafe"


class File:
    """What a rule may ask about the file that it looks at. It is also the subject of rules that judge a whole file."""

    def __init__(self, source: Source, contexts: Contexts, options: Options) -> None:
        self.source = source
        self.contexts = contexts
        self.options = options

    def context_of(self, node: ast.expr | ast.stmt) -> Context:
        """The context of the code that a node stands in."""
        return self.contexts.of_line(node.lineno)


class Rule(Generic[Subject]):
    """Base of all rules.

    ``Subject`` is the type of what :meth:`check` is handed, and ``subject`` that type at run time.
    ``mentions`` are words of which the text of a file must hold at least one before the rule is asked at all; empty
    for rules that the queryset engine feeds, which has such words of its own.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    on: ClassVar[On]
    fix: ClassVar[Fix] = Fix.NONE
    subject: ClassVar[type]
    mentions: ClassVar[tuple[str, ...]] = ()

    def check(self, subject: Subject, file: File) -> Iterable[Finding]:
        """Judge one thing that the engine found; yields one finding for each violation."""
        raise NotImplementedError

    def finding(self, file: File, node: ast.expr | ast.stmt, message: str, edit: Edit | None = None) -> Finding:
        """A finding where a node starts; the way into batch code, if the place does not show it, ends the message."""
        way = file.context_of(node).way
        if way:
            message = f"{message} ({way})"
        return Finding(node.lineno, file.source.column(node), self.code, message, edit)

    def speaks_in(self, kind: Kind, options: Options) -> bool:
        """Whether the rule looks at code of this kind under these options."""
        if kind is Kind.TESTS:
            return "tests" in options.contexts
        if self.on is On.BATCH:
            return ("batch" if kind is Kind.BATCH else "web") in options.contexts
        return True


@cache
def all_rules() -> tuple[type[Rule[object]], ...]:
    """Every rule, by code."""
    found: set[type[Rule[object]]] = set()
    for module in pkgutil.walk_packages(rules.__path__, rules.__name__ + "."):
        if module.name == __name__ or module.ispkg:
            continue
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(member, Rule) and member.__module__ == module.name:
                found.add(member)
    return tuple(sorted(found, key=lambda rule: rule.code))
