"""What a rule is: a code, a name, when it speaks, and a check of one thing that the engine has found.

A rule is one class in one file below this folder. Its docstring is its documentation page, in these sections: ``What
it does``, ``Why is this bad?``, ``Example``, ``Use instead``, ``When it is silent``, ``Fix safety``, ``References``.
A class is found by being there: nothing else needs to be told of it.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache, cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from flake8_djq import rules
from flake8_djq.context import Context, Contexts, Kind
from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import can_be_edited
from flake8_djq.options import Options
from flake8_djq.project.kept import open_kept
from flake8_djq.project.overview import DJANGO, LISTING, Production
from flake8_djq.project.versions import ANY, Versions
from flake8_djq.source import FunctionNode, Source

if TYPE_CHECKING:
    from flake8_djq.project.project import Project
    from flake8_djq.project.settings.room import ProjectSettings

__all__ = ["File", "Fix", "On", "Rule", "all_rules", "rules_in"]

Subject = TypeVar("Subject")
MakeEdit = Callable[[], Edit | None]


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
    """What a rule may ask about the file that it looks at. It is also the subject of rules that judge a whole file.

    ``with_edits`` says that somebody will apply the edits of the findings: a lint run makes none.
    """

    def __init__(self, source: Source, contexts: Contexts, options: Options, with_edits: bool = False) -> None:
        self.source = source
        self.contexts = contexts
        self.options = options
        self.with_edits = with_edits

    @cached_property
    def project(self) -> Project | None:
        """The project around the file: what other files declare. It is looked for only when it is asked for."""
        if not self.options.index:
            return None
        from flake8_djq.project.project import open_project

        return open_project(self.source.path, self.options)

    @cached_property
    def settings(self) -> ProjectSettings:
        """The settings of the project around the file; those of the file alone where no other one is to be read."""
        from flake8_djq.project.settings.room import open_settings

        kept = open_kept(self.source.path, self.options)
        if kept is None:
            return open_settings(self.source.path, self.source.tree, alone=not self.options.index)
        kept.note(LISTING)
        return open_settings(self.source.path, self.source.tree, note=kept.note)

    @cached_property
    def django_versions(self) -> Versions:
        """The versions of Django that the project may run on: by the option, by its files, by what is installed."""
        if self.options.django_version is not None:
            return Versions(self.options.django_version, self.options.django_version)
        kept = open_kept(self.source.path, self.options)
        if kept is None:
            return ANY
        kept.note(DJANGO)
        return kept.overview.django

    @cached_property
    def database(self) -> Production:
        """The database in production, by the option or by the settings of the project."""
        if self.options.database != "auto" or self.project is None:
            return Production(self.options.database)
        return self.project.database

    def context_of_line(self, line: int) -> Context:
        """The context of the code on a line; code that only other files show to be batch code is among it."""
        context = self.contexts.of_line(line)
        if context.kind is not Kind.WEB or self.project is None:
            return context
        function = self.source.function_at(line)
        way = self.project.way_to(self.source.path, function.name) if function is not None else ""
        return Context(Kind.BATCH, way) if way else context

    def function_at(self, node: ast.expr) -> FunctionNode | None:
        """The outermost function around an expression."""
        function = self.source.function_at(node.lineno)
        return function.node if function is not None else None

    def is_reached_from_elsewhere(self, line: int) -> bool:
        """Whether only other files show that the code on a line is batch code; not where web code counts as well."""
        if "web" in self.options.contexts or self.contexts.of_line(line).kind is not Kind.WEB:
            return False
        return self.context_of_line(line).kind is Kind.BATCH


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

    def finding(
        self, file: File, node: ast.expr | ast.stmt, message: str, edit: MakeEdit | None = None, model: str = ""
    ) -> Finding:
        """A finding where a node starts; the way into batch code, if the place does not show it, ends the message.

        ``edit`` makes the edit that mends it; it is asked only where edits are wanted.

        A rule whose risk grows with a table names its ``model``: before the way, the message says how many rows it has.
        """
        sizes = file.options.table_sizes
        size = sizes.words_for(model) if sizes is not None else ""
        # Where the rule speaks anyway, nobody need look for callers in other files.
        context = file.context_of_line if self.on is On.BATCH else file.contexts.of_line
        asides = [aside for aside in (size, context(node.lineno).way) if aside]
        if asides:
            message = f"{message} ({'; '.join(asides)})"
        made = edit() if edit is not None and file.with_edits and can_be_edited(file.source, node) else None
        return Finding(node.lineno, file.source.column(node), self.code, message, made, self.on is On.OPT_IN)

    def speaks_on(self, line: int, file: File) -> bool:
        """Whether the rule looks at the code on a line, by its context and the options."""
        contexts = file.options.contexts
        if file.contexts.of_line(line).kind is Kind.TESTS:
            return "tests" in contexts
        if self.on is On.BATCH and not {"batch", "web"} <= contexts:
            return ("batch" if file.context_of_line(line).kind is Kind.BATCH else "web") in contexts
        return True


@cache
def all_rules() -> tuple[type[Rule[object]], ...]:
    """Every rule, by code."""
    return rules_in(*(folder.name for folder in pkgutil.iter_modules(rules.__path__) if folder.ispkg), "")


@cache
def rules_in(*folders: str) -> tuple[type[Rule[object]], ...]:
    """The rules of folders beside this file, by code; "" for those that stand in none."""
    found: set[type[Rule[object]]] = set()
    for folder in folders:
        package = f"{rules.__name__}.{folder}".rstrip(".")
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            if module.name == __name__ or module.ispkg:
                continue
            for member in vars(importlib.import_module(module.name)).values():
                if isinstance(member, type) and issubclass(member, Rule) and member.__module__ == module.name:
                    found.add(member)
    return tuple(sorted(found, key=lambda rule: rule.code))
