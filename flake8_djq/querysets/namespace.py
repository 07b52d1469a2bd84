"""What the names, classes and attributes of one file stand for, outside the function that is being read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from flake8_djq.options import Options
from flake8_djq.patterns import Pattern
from flake8_djq.querysets.declarations import OTHER_ORMS, ClassKind, Declarations, ImportedModel, ModelClass, is_self
from flake8_djq.querysets.exchange import from_json, renamed
from flake8_djq.querysets.expressions import Expressions
from flake8_djq.querysets.values import (
    NONE,
    ON_READING,
    PLAIN,
    UNIQUE,
    UNKNOWN,
    Bound,
    ImportedFunction,
    Instance,
    ListValue,
    LocalClass,
    LocalFunction,
    Manager,
    Model,
    ModelAttribute,
    QuerySet,
    Row,
    RowAttribute,
    Rows,
    Stream,
    Unknown,
    Value,
    join,
    kept,
)
from flake8_djq.source import Source, dotted_name

if TYPE_CHECKING:
    from flake8_djq.project.project import Project

__all__ = ["PLAIN_CLASS", "USER", "Namespace", "Summary"]

# How answers name a class that surely is no model, no manager and no queryset, and that works as it is written.
PLAIN_CLASS = "plain"
# The name of the model that get_user_model() gives.
USER = "User"

MODEL_MODULE = Pattern(r"(^|\.)models(\.|$)|^\.+$|(^|\.)models_?\w*\.")
# What code names of its own object, or of its class.
OF_SELF = Pattern(r"\b(?:self|cls)\.(\w+)")


class Summary(NamedTuple):
    """What calling a function of the file gives, and whether it may change rows."""

    value: Value
    has_effects: bool


class Namespace:
    """What a name, an attribute or a call means. The engine asks it about everything outside the function it reads."""

    def __init__(self, source: Source, options: Options, project: Project | None = None) -> None:
        self.source = source
        self.options = options
        self.project = project
        self._declarations = Declarations(source, self._imported_model)
        self._imported_models: dict[str, ImportedModel | None] = {}
        self._functions = {function.name: function for function in source.functions}
        self._globals: dict[str, Value] = {}
        self._assigned: dict[str, frozenset[str]] = {}
        self._named: dict[str, frozenset[str]] = {}
        self._lineages: dict[str, tuple[str, ...]] = {}
        #: Models of other files that this one does not import, by their own names: "" where several have one name.
        self._met: dict[str, str] = {}

    def summary(self, name: str) -> Summary:
        """What a call of one of the file's functions gives."""
        raise NotImplementedError

    def value_of(self, node: ast.expr) -> Value:
        """What an expression outside functions holds."""
        raise NotImplementedError

    def stored_by(self, method: str, attribute: str) -> list[Value]:
        """What a method assigns to an attribute of ``self``; empty while the method is being read."""
        raise NotImplementedError

    def imported_property(self, owner: str, name: str) -> Value | None:
        """What a property gives that another file declares; None where there is no such."""
        raise NotImplementedError

    def name(self, name: str) -> Value:
        """What a name outside the functions stands for."""
        if name not in self._globals:
            self._globals[name] = UNKNOWN  # a value that needs itself is unknown
            self._globals[name] = self._global(name)
        return self._globals[name]

    def _global(self, name: str) -> Value:
        if name in self.source.classes:
            kind = self.kind(name)
            if kind is ClassKind.MODEL:
                return Model(name)
            return PLAIN if kind is ClassKind.FOREIGN else LocalClass(name)
        if name in self._functions:
            return LocalFunction(name)
        resolved = self.source.imports.get(name)
        if resolved is not None:
            if resolved.partition(".")[0] in OTHER_ORMS:
                return PLAIN
            known = self._imported_name(name, resolved)
            if known is not None:
                return known
            module = resolved.rpartition(".")[0]
            if name[:1].isupper() and not name.isupper() and MODEL_MODULE.search(module) and not self.is_foreign:
                return (
                    UNKNOWN if module == "django.db.models" or module.startswith("django.db.models.") else Model(name)
                )
            return UNKNOWN
        assigned = self._assignments.get(name)
        if assigned is None:
            return UNKNOWN
        value = self.value_of(assigned)
        if isinstance(value, QuerySet):
            value = replace(value, shared=True)
        return value if isinstance(value, QuerySet | Model | Manager) or _all_models(value) else UNKNOWN

    @cached_property
    def _assignments(self) -> dict[str, ast.expr]:
        """What names hold that are assigned once at the top level."""
        found: dict[str, ast.expr] = {}
        twice = set()
        for statement in self.source.tree.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name):
                    if target.id in found:
                        twice.add(target.id)
                    found[target.id] = statement.value
        for statement in self.source.statements:
            if isinstance(statement, ast.Global):
                twice.update(statement.names)
        return {name: value for name, value in found.items() if name not in twice}

    # -- what other files say ------------------------------------------------------------------------------------------

    def _imported_name(self, name: str, resolved: str) -> Value | None:
        """What the file that declares an imported name says of it; None where that is not known."""
        if self.project is None:
            return None
        dotted = self.project.absolute(self.source.path, resolved)
        kind, content = self.project.value(dotted)
        if kind == "class" and content == PLAIN_CLASS:
            return LocalClass(self.project.origin(dotted))
        if kind == "class":
            return {ClassKind.MODEL.value: Model(name), ClassKind.FOREIGN.value: PLAIN}.get(content)
        if kind == "function":
            return ImportedFunction(content)
        if kind == "value":
            value = self.here(from_json(content))
            return replace(value, shared=True) if isinstance(value, QuerySet) else None
        return None

    def of_module(self, node: ast.expr) -> Value:
        """A function, class or model of the project that is named through its module: ``search.rebuild``."""
        name = dotted_name(node)
        if self.project is None or "." not in name or name.partition(".")[0] not in self.source.imports:
            return UNKNOWN
        dotted = self.project.absolute(self.source.path, self.source.resolve(node))
        kind, content = self.project.value(dotted)
        if kind == "function":
            return ImportedFunction(content)
        if kind == "class" and content in (PLAIN_CLASS, ClassKind.MODEL.value):
            origin = self.project.origin(dotted)
            return LocalClass(origin) if content == PLAIN_CLASS else Model(self.local_model(origin))
        return UNKNOWN

    def imported_value(self, name: str) -> Value:
        """What a call of a function of another file gives."""
        return self.here(self.project.call(name)) if self.project is not None else UNKNOWN

    def absolute(self, name: str) -> str:
        """The absolute name of a class that this file declares, imports, or has met; "" where that is not known."""
        if self.project is None or "." in name:
            return name
        if name in self.source.classes:
            return f"{self.project.module_of(self.source.path)}.{name}"
        if name in self.source.imports:
            return self.project.origin(self.project.absolute(self.source.path, self.source.imports[name]))
        if name in self._met:
            return self._met[name]
        return self.project.user_model if name == USER else ""

    def local_model(self, absolute: str) -> str:
        """The name of a model in this file: the one that it has or imports it under, or else its own."""
        last = absolute.rpartition(".")[2]
        if absolute == last:
            return last
        names = [last, *(name for name, resolved in self.source.imports.items() if resolved.endswith("." + last))]
        for name in names:
            if (name in self.source.classes or name in self.source.imports) and self.absolute(name) == absolute:
                return name
        if last in self.source.classes or last in self.source.imports:
            return ""  # the name stands for another class here
        if self._met.setdefault(last, absolute) != absolute:
            self._met[last] = ""
        return last

    def abroad(self, value: Value) -> Value:
        """A value of this file as other files name its models and classes."""
        return renamed(value, lambda name: self.absolute(name) or name)

    def here(self, value: Value) -> Value:
        """A value of another file as this one names its models."""
        return renamed(value, self.local_model) if not isinstance(value, Unknown | Instance) else value

    def star_origin(self, name: str) -> str:
        """Where ``from ... import *`` brings a name from; "" where that is not certain."""
        if self.project is None or name.startswith("_"):
            return ""
        for statement in self.source.statements:
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                module = "." * statement.level + (statement.module or "")
                resolved = f"{module}.{name}" if statement.module else module + name
                if self.project.value(self.project.absolute(self.source.path, resolved))[0] in ("class", "function"):
                    return resolved
        return ""

    def _imported_model(self, name: str) -> ImportedModel | None:
        """The declaration of a model that this file has imported under a name, or has met."""
        if self.project is None or not name:
            return None
        if name not in self.source.imports:
            absolute = self.absolute(name) if name in self._met or name == USER else ""
            return self._model_abroad(absolute) if absolute else None
        return self._model_abroad(self.project.absolute(self.source.path, self.source.imports[name]))

    def _model_abroad(self, dotted: str) -> ImportedModel | None:
        if dotted not in self._imported_models:
            self._imported_models[dotted] = None
            self._imported_models[dotted] = self.project.model(dotted) if self.project is not None else None
        return self._imported_models[dotted]

    def kind(self, name: str) -> ClassKind:
        """What kind of class a name of this file is."""
        return self._declarations.kind(name)

    def declared(self, model: str) -> ModelClass | None:
        """The declaration of a model that this file declares or imports."""
        if model in self.source.classes:
            return self._declarations.models.get(model)
        return self._imported_model(model)

    def bound_of(self, model: str) -> Bound:
        """Whether a whole table is few rows."""
        if model in self.options.small_models:
            return Bound.BOUNDED
        declared = self.declared(model)
        return Bound.BOUNDED if declared is not None and declared.one_row else Bound.UNBOUNDED

    def method(self, owner: str, name: str) -> str | None:
        """The qualified name of a method of a class of this file, its own or inherited inside the file."""
        for candidate in self._lineage(owner):
            if f"{candidate}.{name}" in self._functions:
                return f"{candidate}.{name}"
            if name in self.assigned_in(candidate):
                return None
        return None

    def assigned_in(self, owner: str) -> frozenset[str]:
        """The names that the body of a class of this file assigns, and those that its methods assign to ``self``."""
        if owner not in self._assigned:
            self._assigned[owner] = frozenset(_assigned_in(self.source, self.source.classes[owner]))
        return self._assigned[owner]

    def _lineage(self, name: str) -> tuple[str, ...]:
        """A class of this file and its bases in it."""
        if name not in self._lineages:
            pending, found = [name], dict[str, None]()
            while pending:
                current = pending.pop(0)
                if current not in found and current in self.source.classes:
                    found[current] = None
                    pending.extend(dotted_name(base) for base in self.source.classes[current].bases)
            self._lineages[name] = tuple(found)
        return self._lineages[name]

    def query_method(self, model: str, name: str) -> Value | None:
        """What a method of the manager and queryset classes of a model gives; None where none has it."""
        declared = self.declared(model)
        if isinstance(declared, ImportedModel):
            given = self.project.query_method(declared, name) if self.project is not None else None
            return self.here(given) if given is not None else None
        for node in declared.managers.values() if declared else ():
            found = self._manager_method(node, name)
            if found is not None:
                return found
        return None

    def _manager_method(self, manager: ast.expr, name: str) -> Value | None:
        """What a method gives of one of the classes named in ``BookManager.from_queryset(BookQuerySet)()``."""
        for child in ast.walk(manager):
            if isinstance(child, ast.Name | ast.Attribute):
                found = self.class_method(dotted_name(child), name)
                if found is not None:
                    return found
        return None

    def class_method(self, owner: str, name: str) -> Value | None:
        """What a method of a class gives, of this file or of one that it imports; None where it has none."""
        local = self.method(owner, name)
        if local is not None:
            return self.summary(local).value
        inherited = [base for part in self._lineage(owner) for base in self.source.classes[part].bases]
        for base in [dotted_name(base) for base in inherited] or [owner]:
            if self.project is not None and base.partition(".")[0] in self.source.imports:
                head, dot, rest = base.partition(".")
                dotted = self.project.absolute(self.source.path, self.source.imports[head] + dot + rest)
                found = self.project.method(dotted, name)
                if found is not None:
                    return self.here(found)
        return None

    def class_attribute(self, owner: str, name: str) -> Value:
        """What a class of this file assigns to an attribute in its body."""
        for candidate in self._lineage(owner):
            if f"{candidate}.{name}" in self._functions:
                break
            for statement in self.source.classes[candidate].body:
                if isinstance(statement, ast.Assign) and any(
                    dotted_name(target) == name for target in statement.targets
                ):
                    value = self.value_of(statement.value)
                    if name == "model" and not isinstance(value, Model):
                        # A base class leaves it None for its subclasses to set.
                        return Model(dotted_name(statement.value).rpartition(".")[2] or "model")
                    return replace(value, shared=True) if isinstance(value, QuerySet) else value
        if name == "model" and self.kind(owner) in (ClassKind.MANAGER, ClassKind.QUERYSET):
            return Model("model")
        local = self.method(owner, name)
        return LocalFunction(local) if local else UNKNOWN

    def instance_attribute(self, owner: str, name: str, asking: Expressions) -> Value:
        """What ``self.name`` holds: a property, or what the class's methods and body assign."""
        local = self.method(owner, name)
        if local is not None:
            function = self._functions[local]
            if any("property" in ast.unparse(decorator) for decorator in function.node.decorator_list):
                return self._property(local, asking, own=asking.owner is not None and asking.owner.name == owner)
            return LocalFunction(local)
        imported = self.imported_property(owner, name)
        if imported is not None:
            return imported
        values = [self._shared(value, owner, name) for value in self._stored(owner, name, asking)]
        if values and all(value == NONE for value in values) and self._has_writers(owner, name):
            values.append(UNKNOWN)  # another method sets it, and is being read
        declared = self.class_attribute(owner, name)
        if not isinstance(declared, Unknown) and not (values and declared == PLAIN):
            values.append(declared)
        return join(values)

    def _has_writers(self, owner: str, name: str) -> bool:
        return sum(len(self._writers.get((candidate, name), ())) for candidate in self._lineage(owner)) > 1

    def keeps(self, owner: str, name: str) -> bool:
        """Whether each reading of an attribute gives the same object: it is no method and no property."""
        return "." not in owner and self.method(owner, name) is None and self.imported_property(owner, name) is None

    def _stored(self, owner: str, name: str, asking: Expressions) -> Iterator[Value]:
        """What the methods of a class assign to ``self.name``.

        Rows that one method has asked for and another goes over, whoever calls it, are loaded from its second call on.
        """
        for candidate in self._lineage(owner):
            for method in self._writers.get((candidate, name), ()):
                # A method that is being read builds on what the others assign: "self.rows = self.rows[:10]".
                values = self.stored_by(method, name)
                fresh = method.endswith(".__init__") or self._is_part_of(asking, method, owner)
                yield from values if fresh else map(kept, values)

    def _is_part_of(self, asking: Expressions, method: str, owner: str) -> bool:
        """Whether the method that asks is one that a method calls on ``self``, or one that these call."""
        wanted = asking.function.node.name if asking.function is not None else ""
        pending, seen = [method], set[str]()
        while pending:
            current = pending.pop()
            if current in seen or current not in self._functions:
                continue
            seen.add(current)
            named = self._read_of_self(current)
            if wanted in named or current.rpartition(".")[2] == wanted:
                return True
            pending.extend(local for local in (self.method(owner, part) for part in named) if local)
        return False

    def _read_of_self(self, method: str) -> frozenset[str]:
        """The attributes of ``self`` that a method names."""
        if method not in self._named:
            function = self._functions[method]
            text = "\n".join(self.source.lines[function.node.lineno - 1 : function.last_line])
            self._named[method] = frozenset(OF_SELF.findall(text))
        return self._named[method]

    @cached_property
    def _writers(self) -> dict[tuple[str, str], list[str]]:
        """The methods that assign to ``self.name``, by class and name."""
        found: dict[tuple[str, str], list[str]] = {}
        for statement in self.source.statements:
            if not isinstance(statement, ast.Assign | ast.AnnAssign):
                continue
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                for part in _attributes_in(target):
                    if dotted_name(part.value) != "self":
                        continue
                    function = self.source.function_at(statement.lineno)
                    if function is not None and function.owner is not None:
                        methods = found.setdefault((function.owner.name, part.attr), [])
                        if function.name not in methods:
                            methods.append(function.name)
        return found

    def _shared(self, value: Value, owner: str, name: str) -> Value:
        if isinstance(value, QuerySet):
            return replace(value, shared=True, key=f"{owner}.{name}", names=frozenset({"self"}), loops=())
        return UNKNOWN if isinstance(value, ListValue | Row) else value

    def _property(self, local: str, asking: Expressions, own: bool) -> Value:
        summary = self.summary(local)
        function = self._functions[local].node
        if summary.has_effects:
            asking.effects()
        node = ast.Name(function.name, ast.Load(), lineno=1, col_offset=0)
        # Of another object than the one that is asking, nobody knows here which it is.
        value = asking.fresh(summary.value, node, local if own else f"{local}?")
        cached = any("cached" in ast.unparse(decorator) for decorator in function.decorator_list)
        return kept(self._shared(value, "", local)) if cached else value

    def model_attribute(self, model: Model, name: str) -> Value:
        """An attribute of a model class: a manager, a method, or what its use will show."""
        declared = self.declared(model.name)
        if isinstance(declared, ImportedModel) and name in declared.starts:
            return Manager(model.name, self.bound_of(model.name), start=declared.starts[name])
        if declared is not None and name in declared.managers:
            return Manager(model.name, self.bound_of(model.name), start=self._start_of(declared.managers[name]))
        local = self.method(model.name, name)
        if local is not None:
            return LocalFunction(local)
        if name in ("objects", "_default_manager", "_base_manager"):
            return Manager(model.name, self.bound_of(model.name))
        if not name.islower() or name in ("query", "_meta", "session"):
            return UNKNOWN
        return ModelAttribute(model.name, name)

    def _start_of(self, node: ast.expr) -> QuerySet | None:
        """The queryset that a manager starts with."""
        value = self._manager_method(node, "get_queryset")
        return value if isinstance(value, QuerySet) else None

    def row_attribute(self, row: Row, name: str) -> Value | None:
        """An attribute of a row, as far as the file declares its model, and as the project knows its relations."""
        declared = self.declared(row.model)
        if declared is not None and name in declared.columns:
            return UNIQUE if name in declared.unique else PLAIN
        relation = self._relation(row, name)
        if relation is not None or declared is None:
            return relation
        if name in declared.to_many:
            prefetched = row.of is None or row.of.prefetches or row.of.shared
            return Manager(declared.to_many[name], Bound.BOUNDED, perhaps_prefetched=prefetched)
        if name in declared.to_one and name not in declared.to_many:
            return RowAttribute(row.model, name)
        if isinstance(declared, ImportedModel):
            value = self.project.row_attribute(declared, name) if self.project is not None else None
            value = self.here(value) if value is not None else None
            if isinstance(value, QuerySet):
                return replace(value, key="?", names=frozenset(), loops=ON_READING)
            return value
        local = self.method(row.model, name)
        if local is not None:
            function = self._functions[local].node
            if any("property" in ast.unparse(decorator) for decorator in function.decorator_list):
                value = self.summary(local).value
                cached = any("cached" in ast.unparse(decorator) for decorator in function.decorator_list)
                if isinstance(value, QuerySet):
                    value = replace(value, key=f"{local}?", names=frozenset(), loops=ON_READING)
                    return replace(value, shared=True, perhaps_loaded=True) if cached else value
                return value if isinstance(value, Rows | Stream) else UNKNOWN
            return LocalFunction(local)
        return None

    def _relation(self, row: Row, name: str) -> Value | None:
        """What the project says that a row has under the name of a relation, wherever this is declared."""
        absolute = self.absolute(row.model) if self.project is not None else ""
        relation = self.project.relation(absolute, name) if self.project is not None and absolute else None
        if relation is None:
            return None
        kind, target = relation[0], self.local_model(relation[1])
        prefetched = row.of is None or row.of.prefetches or row.of.shared or not row.of.certain
        if kind == "one":
            return RowAttribute(row.model, name, prefetched, target)
        declared = self.declared(target)
        starts = list(declared.starts.values()) if isinstance(declared, ImportedModel) else []
        # Rows that belong to another one come from the first manager of their model.
        start = starts[0] if len(starts) == 1 else None
        return Manager(target or name, Bound.BOUNDED, start, perhaps_prefetched=prefetched)

    @cached_property
    def mixes_orms(self) -> bool:
        """Whether the file imports another library whose objects have ``filter`` methods."""
        return any(resolved.partition(".")[0] in OTHER_ORMS for resolved in self.source.imports.values())

    @cached_property
    def is_django(self) -> bool:
        """Whether anything in the file says that it belongs to a Django project."""
        return any(
            resolved.startswith("django") or MODEL_MODULE.search(resolved) for resolved in self.source.imports.values()
        )

    @cached_property
    def is_foreign(self) -> bool:
        """Whether ``objects`` in this file belongs to another ORM."""
        tops = {resolved.partition(".")[0] for resolved in self.source.imports.values()}
        other = tops & {"mongoengine", "flask_mongoengine", "tortoise", "ormar", "cassandra", "mongomotor", "umongo"}
        return bool(other) and not any(top.startswith("django") for top in tops)


def _assigned_in(source: Source, node: ast.ClassDef) -> set[str]:
    found = set()
    for statement in source.statements_in(node):
        for target in _targets(statement):
            for part in _attributes_in(target):
                if isinstance(part.ctx, ast.Store) and is_self(part.value):
                    found.add(part.attr)
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                found |= {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            found.add(dotted_name(statement.target))
    return found


def _attributes_in(target: ast.expr) -> Iterator[ast.Attribute]:
    """The attributes in what a statement binds. Most targets are a plain name, which takes no walk."""
    if not isinstance(target, ast.Name):
        yield from (part for part in ast.walk(target) if isinstance(part, ast.Attribute))


def _targets(statement: ast.stmt) -> list[ast.expr]:
    """What a statement binds."""
    if isinstance(statement, ast.Assign):
        return statement.targets
    if isinstance(statement, ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor):
        return [statement.target]
    if isinstance(statement, ast.With | ast.AsyncWith):
        return [item.optional_vars for item in statement.items if item.optional_vars is not None]
    return []


def _all_models(value: Value) -> bool:
    """Whether a constant is a list of models (or of tuples that begin with one)."""
    items = getattr(value, "items", ())
    return bool(items) and all(isinstance(item, Model) or _all_models(item) for item in items)
