"""One file for the engine: which functions to read, what names stand for, and what functions return."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from flake8_djq.options import Options
from flake8_djq.querysets.declarations import OTHER_ORMS, ClassKind
from flake8_djq.querysets.evaluations import Subject
from flake8_djq.querysets.expressions import Expressions
from flake8_djq.querysets.namespace import Summary
from flake8_djq.querysets.services import Services
from flake8_djq.querysets.spelling import shorten
from flake8_djq.querysets.statements import FunctionReader
from flake8_djq.querysets.values import (
    NONE,
    PLAIN,
    UNKNOWN,
    Bound,
    Instance,
    ListValue,
    LocalClass,
    Manager,
    Model,
    Plain,
    QuerySet,
    Row,
    Stream,
    Unknown,
    Value,
    alternatives,
    join,
)
from flake8_djq.source import Function, FunctionNode, Source, dotted_name

if TYPE_CHECKING:
    from flake8_djq.project.project import Project

__all__ = ["Module", "Summary", "mentions_querysets", "read_querysets"]

# What a text must hold for a queryset to be in it. Plain words, since looking for them costs next to nothing.
WORDS = (
    *(".objects", "_default_manager", "_base_manager", "ueryset", "uerySet", "Manager"),
    *(".iterator(", ".aiterator(", ".filter(", ".exclude(", ".all()", ".values_list(", ".select_related("),
    *(".prefetch_related(", ".bulk_create(", ".bulk_update(", ".count()", ".exists()", ".order_by("),
)


# The place of a parameter that has none among the positional ones.
ELSEWHERE = -1


def mentions_querysets(text: str) -> bool:
    """Whether a text may hold a queryset at all."""
    return any(word in text for word in WORDS)


def read_querysets(source: Source, options: Options, project: Project | None = None) -> list[Subject]:
    """Everything that happens to querysets in one file, in the order of the text."""
    return Module(source, options, project).read()


class Module(Services):
    """One file: which of its functions are read, and what each of them gives."""

    def __init__(self, source: Source, options: Options, project: Project | None = None) -> None:
        super().__init__(source, options, project)
        self._readers: dict[str, FunctionReader] = {}
        self._reading: set[str] = set()
        self._passed: dict[str, dict[str, Value]] = {}

    def read(self) -> list[Subject]:
        """Read every function that may hold a queryset, and the code outside functions."""
        subjects: list[Subject] = []
        worth = [name for name, function in self._functions.items() if self._is_worth_reading(function)]
        # Functions that call each other in a long chain are read from its end, where Python's stack is too short.
        for name in [name for name in worth if not self._try_to_read(name)][::-1]:
            self._try_to_read(name)
        # What callers in the file pass in may show that a parameter is a queryset: those functions are read again.
        for name in [name for name in self._passed if self._learned_more(name)]:
            self._readers.pop(name, None)
            self.reader(name)
        for name in self._functions:
            if name in self._readers:
                subjects.extend(self._readers[name].subjects)
        subjects.extend(self._top_level())
        return subjects

    def _try_to_read(self, name: str) -> bool:
        try:
            self.reader(name)
        except RecursionError:
            return False
        return True

    def _is_worth_reading(self, function: Function) -> bool:
        return self._mention_between(function.node.lineno, function.last_line)

    def _mention_between(self, first: int, last: int) -> bool:
        index = bisect_left(self._mentioned, first)
        return index < len(self._mentioned) and self._mentioned[index] <= last

    @cached_property
    def _mentioned(self) -> list[int]:
        """The lines that may hold a queryset: by a word of the API, or by a name that may stand for one."""
        imported = self._imported_sources()
        direct = self.source.lines_with(WORDS) | self.source.lines_with(imported, whole=True)
        names = self._local_sources(sorted(direct)) if imported else self.own_names_that_give
        return sorted(direct | self.source.lines_with(names, whole=True))

    @cached_property
    def own_names_that_give(self) -> set[str]:
        """The names of this file's functions and variables that may stand for querysets."""
        return self._local_sources(sorted(self.source.lines_with(WORDS)))

    def _imported_sources(self) -> set[str]:
        """The imported and the inherited names that may stand for querysets, by what the project says of them."""
        if self.project is None:
            return set()
        found = {name for owner in self.source.classes for name in self.given_members(owner)}
        for name, resolved in self.source.imports.items():
            dotted = self.project.absolute(self.source.path, resolved)
            if self.project.may_give(dotted):
                found.add(name)
        return found

    def function(self, name: str) -> Function:
        """A function of the file by its qualified name."""
        return self._functions[name]

    def _local_sources(self, mentioned: list[int]) -> set[str]:
        """The names of this file's own functions and attributes that may give a queryset."""
        names = set()
        for function in self.source.functions:
            index = bisect_left(mentioned, function.node.lineno)
            if index < len(mentioned) and mentioned[index] <= function.last_line and _gives_something(function):
                names.add(function.node.name)
        lines = set(mentioned)
        for statement in self.source.statements:
            if isinstance(statement, ast.Assign) and statement.lineno in lines:
                names.update(
                    dotted_name(target).rpartition(".")[2]
                    for target in statement.targets
                    if isinstance(target, ast.Attribute) or statement.col_offset <= 4
                )
        for model in self._declarations.models.values():
            names.update(model.to_many)
        return {name for name in names if name and not name.startswith("__")}

    def _learned_more(self, name: str) -> bool:
        """Whether a function was read before all that its callers pass was known, and that makes a difference."""
        reader = self._readers.get(name)
        given = reader.given if reader is not None else {}
        function = self._functions[name]
        return any(
            _origins(value) != _origins(given.get(parameter, UNKNOWN))
            for parameter, value in self.parameters(function.node, function).items()
            if parameter in self._passed[name]
        )

    def _top_level(self) -> Iterator[Subject]:
        """The code outside functions: of the file itself, and of the bodies of its classes."""
        bodies = [self.source.tree.body, *(node.body for node in self.source.classes.values())]
        for statements in bodies:
            body = [node for node in statements if not isinstance(node, FunctionNode | ast.ClassDef)]
            if any(self._mention_between(node.lineno, node.end_lineno or node.lineno) for node in body):
                reader = FunctionReader(self, None)
                reader.read(body, {})
                yield from reader.subjects

    def reader(self, name: str) -> FunctionReader | None:
        """The finished reading of a function; None while it is being read (it calls itself)."""
        if name in self._reading:
            return None
        if name not in self._readers:
            function = self._functions[name]
            self._reading.add(name)
            try:
                reader = FunctionReader(self, function)
                reader.read(function.node.body, self.parameters(function.node, function))
            finally:
                self._reading.discard(name)
            self._readers[name] = reader
        return self._readers[name]

    def summary(self, name: str) -> Summary:
        """What a call of one of the file's functions gives."""
        reader = self.reader(name)
        if reader is None:
            return Summary(UNKNOWN, has_effects=True)
        function = self._functions[name].node
        nothing = (NONE,) if reader.may_give_none else ()
        value = join((*reader.returned, *nothing)) if reader.returned else PLAIN
        if reader.is_generator:
            value = UNKNOWN
        elif UNKNOWN in alternatives(value) and function.returns is not None:
            value = self.annotated(function.returns, name, returned=True)
        else:
            value = reader.with_loads(value)
        return Summary(value, reader.has_effects)

    def passes(self, name: str, call: ast.Call, values: list[Value], keywords: dict[str | None, Value]) -> None:
        """Remember what a call inside the file passes to one of its functions."""
        function = self._functions[name].node
        parameters = [*function.args.posonlyargs, *function.args.args]
        if self._functions[name].owner is not None and not _is_static(function):
            parameters = parameters[1:]
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            return
        known = self._passed.setdefault(name, {})
        given = dict(zip([parameter.arg for parameter in parameters], values, strict=False))
        given.update({keyword: value for keyword, value in keywords.items() if keyword})
        for parameter, value in given.items():
            value = self._outside(value, name, parameter)
            if parameter in known:
                # Several callers: the message names none of them.
                value = join((_nameless(known[parameter]), _nameless(value)))
            known[parameter] = value

    def _outside(self, value: Value, name: str, parameter: str) -> Value:
        """A value as the function that is called sees it."""
        found: list[Value] = []
        for option in alternatives(value):
            if isinstance(option, QuerySet):
                origin = shorten(option.node)
                key = f"{name}.{parameter}"
                found.append(
                    replace(option, key=key, shared=True, names=frozenset({parameter}), origin=origin, loops=())
                )
            elif isinstance(option, ListValue) or (isinstance(option, Instance) and option.is_imported):
                found.append(UNKNOWN)  # other callers may pass an object of another class
            else:
                found.append(option)
        return join(found)

    def parameters(self, node: FunctionNode, function: Function | None = None) -> dict[str, Value]:
        """What the parameters of a function hold, by annotation, by the callers in the file, by what ``self`` is."""
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names: dict[str, Value] = {}
        for argument in arguments:
            names[argument.arg] = self.annotated(argument.annotation, argument.arg)
        if function is not None:
            for name, value in self._passed.get(function.name, {}).items():
                if (
                    name in names
                    and (_holds_queryset(value) or isinstance(names[name], Unknown))
                    and not isinstance(value, Row | Model)
                ):
                    names[name] = value
        has_self = function is not None and function.owner is not None and bool(arguments) and not _is_static(node)
        places = {argument.arg: place for place, argument in enumerate([*node.args.posonlyargs, *node.args.args])}
        for name, value in names.items():
            # No call of a function inside this one knows its name: "" stands for all of those.
            given = (function.name if function is not None else "", places.get(name, ELSEWHERE) - has_self, name)
            names[name] = _given(value, given)
        if function is not None and has_self:
            names[arguments[0].arg] = self._self(function, node)
        for extra in (node.args.vararg, node.args.kwarg):
            if extra is not None:
                names[extra.arg] = PLAIN if extra is node.args.kwarg else UNKNOWN
        return names

    def _self(self, function: Function, node: FunctionNode) -> Value:
        owner = function.owner
        assert owner is not None
        is_class = any(dotted_name(decorator) == "classmethod" for decorator in node.decorator_list)
        kind = self.kind(owner.name)
        if kind is ClassKind.MODEL:
            return Model(owner.name) if is_class else Row(owner.name)
        if is_class:
            return LocalClass(owner.name)
        if kind is ClassKind.MANAGER:
            return Manager("", Bound.UNKNOWN)
        if kind is ClassKind.QUERYSET:
            return QuerySet("", f"{owner.name}.self", owner, Bound.UNKNOWN, shared=True)  # type: ignore[arg-type]
        if kind is ClassKind.FOREIGN:
            return PLAIN
        return Instance(owner.name)

    def annotated(self, annotation: ast.expr | None, name: str, returned: bool = False) -> Value:
        """What an annotation says: ``QuerySet[Book]``, ``models.Manager``, ``type[Book]``, ``"Book"``."""
        if annotation is None:
            return UNKNOWN
        if isinstance(annotation, ast.Constant):
            if not isinstance(annotation.value, str):
                return UNKNOWN
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except (SyntaxError, ValueError):
                return UNKNOWN
        if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
            sides = [annotation.left, annotation.right]
            known = [side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)]
            return self.annotated(known[0], name, returned) if len(known) == 1 else UNKNOWN
        inner = annotation.slice if isinstance(annotation, ast.Subscript) else None
        outer = dotted_name(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
        last = outer.rpartition(".")[2]
        if last == "Optional" and inner is not None:
            return self.annotated(inner, name, returned)
        if last == "RawQuerySet":
            return UNKNOWN  # it has neither exists() nor count()
        if re.search(r"Query[Ss]et$", last) and not self.is_foreign and self._may_be_ours(outer):
            model = _inner_name(inner)
            bound = Bound.UNKNOWN if returned else max(Bound.UNBOUNDED, self.bound_of(model), key=lambda b: b.value)
            node = ast.Name(name, ast.Load(), lineno=annotation.lineno, col_offset=annotation.col_offset)
            return QuerySet(model, f"parameter {name}", node, bound, frozenset({name}), shared=True)
        if last in ("Manager", "BaseManager", "RelatedManager") and not self.is_foreign:
            bound = Bound.UNKNOWN if last == "RelatedManager" else Bound.UNBOUNDED
            return Manager(_inner_name(inner), bound)
        if last in ("Iterable", "Iterator", "Generator", "AsyncIterable", "AsyncIterator"):
            return Plain("file")
        if last.lower() == "type" and inner is not None:
            return Model(_inner_name(inner))
        value = self.name(outer) if outer.isidentifier() else UNKNOWN
        if isinstance(value, Model) and inner is None and not last.endswith(("Form", "Serializer", "Enum")):
            return Row(value.name)
        return UNKNOWN

    def _may_be_ours(self, name: str) -> bool:
        resolved = self.source.imports.get(name.partition(".")[0], "")
        return resolved.partition(".")[0] not in OTHER_ORMS

    def value_of(self, node: ast.expr) -> Value:
        """What an expression outside functions holds."""
        return Expressions(self, None).expr(node)

    def stored_by(self, method: str, attribute: str) -> list[Value]:
        """What a method assigns to an attribute of ``self``; empty while the method is being read."""
        reader = self.reader(method)
        return reader.attributes.get(attribute, []) if reader is not None else []


def _given(value: Value, given: tuple[str | int, ...]) -> Value:
    """What a parameter holds, marked as what the caller gives."""
    return join(_marked(option, given) for option in alternatives(value))


def _marked(value: Value, given: tuple[str | int, ...]) -> Value:
    if isinstance(value, QuerySet):
        return replace(value, given=given, narrowed=False)
    return replace(value, given=given) if isinstance(value, Manager) else value


def _origins(value: Value) -> set[str]:
    """Where the querysets of a value come from; empty where it holds none."""
    return {
        option.origin if isinstance(option, QuerySet) else ""
        for option in alternatives(value)
        if _holds_queryset(option)
    }


def _nameless(value: Value) -> Value:
    return join(
        replace(option, origin="") if isinstance(option, QuerySet) else option for option in alternatives(value)
    )


def _holds_queryset(value: Value) -> bool:
    return any(isinstance(option, QuerySet | Stream) for option in alternatives(value))


def _gives_something(function: Function) -> bool:
    """Whether a function returns a value."""
    pending: list[ast.AST] = list(function.node.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Return) and node.value is not None:
            return True
        for name in ("body", "orelse", "handlers", "finalbody"):
            pending.extend(getattr(node, name, ()))
    return False


def _is_static(node: FunctionNode) -> bool:
    return any(dotted_name(decorator) == "staticmethod" for decorator in node.decorator_list)


def _inner_name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rpartition(".")[2]
    if isinstance(node, ast.Tuple) and node.elts:
        return _inner_name(node.elts[0])
    return dotted_name(node).rpartition(".")[2] if node is not None else ""
