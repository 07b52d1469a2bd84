"""What the classes of one file declare: models with fields, relations and managers, manager and queryset classes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from flake8_djq.patterns import Pattern
from flake8_djq.querysets.values import QuerySet
from flake8_djq.source import Source, dotted_name

__all__ = ["ClassKind", "Declarations", "ImportedModel", "ModelClass", "is_self"]

RELATIONS_TO_ONE = frozenset({"ForeignKey", "OneToOneField", "ParentalKey", "TreeForeignKey", "TreeOneToOneField"})
RELATIONS_TO_MANY = frozenset(
    {"ManyToManyField", "GenericRelation", "ParentalManyToManyField", "SortedManyToManyField", "TreeManyToManyField"}
)

# Fields of texts, of which most rows have one of their own unless `choices` says which there are.
TEXTS = Pattern(r"(Char|Text|Slug|Email|URL|UUID|IPAddress)Field$")

# Bases from elsewhere, by their usual names.
MODEL_BASES = Pattern(
    r"(^|\.)(models\.Model|db\.models\.Model|gis\.db\.models\.Model|MPTTModel|MP_Node|NS_Node|AL_Node)$"
)
MODEL_BASE_NAMES = Pattern(
    r"(^|\.)(Abstract\w+|\w*TimeStampedModel|\w+Model|PolymorphicModel|AbstractUser|AbstractBaseUser|PermissionsMixin)$"
)
# Bases of models whose table has one row, or one for each site: of django-solo, of Wagtail, and those that say so.
ONE_ROW_BASES = Pattern(r"(^|\.)(\w*Singleton\w*|BaseGenericSetting|BaseSiteSetting)$")
MANAGER_BASES = Pattern(r"(^|\.)\w*Manager$")
QUERYSET_BASES = Pattern(r"(^|\.)\w*Query[Ss]et$")

# ORMs whose classes look like Django's: nothing from them, or built on them, is a queryset of ours.
OTHER_ORMS = frozenset(
    {"mongoengine", "peewee", "playhouse", "tortoise", "ormar", "pony", "sqlalchemy", "flask_sqlalchemy", "sqlmodel"}
    | {"flask_mongoengine", "mongomotor", "umongo", "beanie", "piccolo", "gino", "orator", "pynamodb", "cassandra"}
    | {"elasticsearch_dsl", "django_elasticsearch_dsl", "opensearch_dsl", "opensearchpy", "boto3", "pandas", "polars"}
    | {"pyspark", "dask", "google", "neomodel", "django_cassandra_engine", "haystack", "redis_om", "aredis_om"}
)


class ClassKind(Enum):
    """What a class of the file is, as far as querysets care."""

    MODEL = "model"
    MANAGER = "manager"
    QUERYSET = "queryset"
    FOREIGN = "a class of another ORM"
    OTHER = "other"


@dataclass(eq=False, repr=False)
class ModelClass:
    """The fields of a model class, by name.

    ``unique`` are fields of which no two rows have the same value, ``unique_together`` groups of fields of which that
    holds together, and ``key`` is the primary key if the class names one. ``texts`` are fields of free text. ``order``
    is ``Meta.ordering``, with "?" for what is not written out. ``managers`` are the expressions that its managers are
    assigned from, ``inherited_starts`` the querysets that the managers of base classes in other files begin with.
    ``one_row`` says that the table has a row or a few: each save writes the same one.
    """

    name: str
    unique: set[str] = field(default_factory=set)
    unique_together: list[list[str]] = field(default_factory=list)
    key: str = ""
    texts: set[str] = field(default_factory=set)
    to_one: dict[str, str] = field(default_factory=dict)
    to_many: dict[str, str] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    managers: dict[str, ast.expr] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    one_row: bool = False
    inherited_starts: dict[str, QuerySet | None] = field(default_factory=dict)

    def by_key(self, field: str) -> str:
        """A field as lookups and orders name it; "pk" and "-pk" stand for the primary key, whatever its name."""
        sign = "-" if field.startswith("-") else ""
        return f"{sign}pk" if self.key and field.removeprefix("-") == self.key else field


class ImportedModel(ModelClass):
    """A model that another file declares.

    ``module`` is that file's dotted name, ``starts`` the querysets that its managers begin with, where known.
    """

    def __init__(self, module: str, data: dict[str, Any], starts: dict[str, QuerySet | None]) -> None:
        super().__init__(
            data["name"],
            unique=set(data["unique"]),
            to_one=data["to_one"],
            to_many=data["to_many"],
            unique_together=data["unique_together"],
            key=data["key"],
            texts=set(data["texts"]),
            columns=set(data["columns"]),
            order=tuple(data["order"]),
            one_row=data["one_row"],
        )
        self.module = module
        self.starts = starts


class Declarations:
    """The classes of one file and what they are.

    ``imported`` gives the declaration of a model that the file imports under a name, where the project has it.
    """

    def __init__(self, source: Source, imported: Callable[[str], ImportedModel | None]) -> None:
        self._source = source
        self._imported = imported
        self._kinds: dict[str, ClassKind] = {}

    def kind(self, name: str) -> ClassKind:
        """What the class of this name in this file is; OTHER also for a name that is no class here."""
        if name not in self._kinds:
            self._kinds[name] = ClassKind.OTHER  # a class cannot be its own base: cyclic bases end here
            node = self._source.classes.get(name)
            if node is not None:
                self._kinds[name] = self._judge(node)
        return self._kinds[name]

    def _judge(self, node: ast.ClassDef) -> ClassKind:
        bases = [base.func if isinstance(base, ast.Call) else base for base in node.bases]
        resolved = [self._source.resolve(base) for base in bases]
        if any(name.partition(".")[0] in OTHER_ORMS for name in resolved):
            return ClassKind.FOREIGN
        kinds = [self.kind(name) for name in resolved if name in self._source.classes and name != node.name]
        for kind in (ClassKind.FOREIGN, ClassKind.MODEL, ClassKind.MANAGER, ClassKind.QUERYSET):
            if kind in kinds:
                return kind
        # Manager.from_queryset(...) is a call, whose function's last name says nothing of the class.
        managers = [name.removesuffix(".from_queryset") for name in resolved]
        if any(MANAGER_BASES.search(name) for name in managers) and not any(
            name.startswith("django.db.models.base") for name in resolved
        ):
            return ClassKind.MANAGER
        if any(QUERYSET_BASES.search(name) for name in resolved):
            return ClassKind.QUERYSET
        if any(MODEL_BASES.search(name) for name in resolved):
            return ClassKind.MODEL
        if any(MODEL_BASE_NAMES.search(name) for name in resolved) and self._has_field(node):
            return ClassKind.MODEL
        if any(self._imported(dotted_name(base)) for base in bases):
            return ClassKind.MODEL
        return ClassKind.OTHER

    def _has_field(self, node: ast.ClassDef) -> bool:
        return any(
            isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Call)
            and self._source.resolve(statement.value.func).startswith(("django.db.models.", "django.contrib.gis.db."))
            for statement in node.body
        )

    @cached_property
    def models(self) -> dict[str, ModelClass]:
        """The models that the file declares, with the relations that point at them from the same file."""
        found = {
            name: self._read_model(node)
            for name, node in self._source.classes.items()
            if self.kind(name) is ClassKind.MODEL
        }
        for name, node in self._source.classes.items():
            if name in found:
                for base in node.bases:
                    parent = found.get(dotted_name(base)) or self._imported(dotted_name(base))
                    if parent is not None:
                        _inherit(found[name], parent)
        for name, node in self._source.classes.items():
            if name in found:
                self._read_reverse_relations(name, node, found)
        return found

    def _read_model(self, node: ast.ClassDef) -> ModelClass:
        bases = (self._source.resolve(base) for base in node.bases)
        model = ModelClass(node.name, one_row=any(map(ONE_ROW_BASES.search, bases)) or _saves_one_row(node))
        for statement in node.body:
            if isinstance(statement, ast.ClassDef) and statement.name == "Meta":
                _read_meta(model, statement)
            target, value = _assigned(statement)
            if not target or not isinstance(value, ast.Call):
                continue
            kind = dotted_name(value.func).rpartition(".")[2]
            if kind in RELATIONS_TO_ONE:
                model.to_one[target] = _target(value)
                if kind == "OneToOneField":
                    model.unique.add(target)
            elif kind in RELATIONS_TO_MANY:
                model.to_many[target] = _target(value)
            elif kind.endswith("Manager") or kind in ("as_manager", "from_queryset") or _is_built_manager(value):
                model.managers[target] = value
            elif kind.endswith("Field"):
                model.columns.add(target)
                has_choices = any(keyword.arg == "choices" for keyword in value.keywords)
                if _flag(value, "unique") or _flag(value, "primary_key"):
                    model.unique.add(target)
                    model.one_row = model.one_row or has_choices  # a row for each choice at most
                if TEXTS.search(kind) and not has_choices:
                    model.texts.add(target)
            if _flag(value, "primary_key"):
                model.key = target
        return model

    def _read_reverse_relations(self, name: str, node: ast.ClassDef, models: dict[str, ModelClass]) -> None:
        for statement in node.body:
            _, value = _assigned(statement)
            if not isinstance(value, ast.Call):
                continue
            kind = dotted_name(value.func).rpartition(".")[2]
            related_name = next(
                (
                    keyword.value.value
                    for keyword in value.keywords
                    if keyword.arg == "related_name" and isinstance(keyword.value, ast.Constant)
                ),
                None,
            )
            target = _target(value)
            target = name if target == "self" else target
            if kind in ("ForeignKey", "ParentalKey", "ManyToManyField") and target in models:
                reverse = related_name if isinstance(related_name, str) else f"{name.lower()}_set"
                models[target].to_many.setdefault(reverse, name)


def _read_meta(model: ModelClass, meta: ast.ClassDef) -> None:
    """The order of a model, and the groups of fields that are unique together."""
    for line in meta.body:
        name, value = _assigned(line)
        items = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        if name == "ordering":
            model.order = _texts(items) if items or isinstance(value, ast.Tuple | ast.List) else ("?",)
        elif name == "unique_together":
            groups = [items] if any(isinstance(item, ast.Constant) for item in items) else map(_items, items)
            model.unique_together += [list(_texts(group)) for group in groups]
        elif name == "constraints":
            model.unique_together += [
                list(_texts(_items(word.value)))
                for item in items
                if isinstance(item, ast.Call) and dotted_name(item.func).rpartition(".")[2] == "UniqueConstraint"
                if not any(word.arg == "condition" for word in item.keywords)
                for word in item.keywords
                if word.arg == "fields"
            ]


def _items(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple | ast.List) else []


def _texts(items: list[ast.expr]) -> tuple[str, ...]:
    return tuple(str(item.value) if isinstance(item, ast.Constant) else "?" for item in items)


def _inherit(model: ModelClass, parent: ModelClass) -> None:
    model.unique |= parent.unique
    model.unique_together = [*model.unique_together, *parent.unique_together]
    model.key = model.key or parent.key
    model.texts |= parent.texts
    model.columns |= parent.columns
    model.to_one = {**parent.to_one, **model.to_one}
    model.to_many = {**parent.to_many, **model.to_many}
    model.managers = {**parent.managers, **model.managers}
    model.order = model.order or parent.order
    model.one_row = model.one_row or parent.one_row
    if isinstance(parent, ImportedModel):
        model.inherited_starts = {**parent.starts, **model.inherited_starts}


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return dotted_name(statement.targets[0]), statement.value
    if isinstance(statement, ast.AnnAssign):
        return dotted_name(statement.target), statement.value
    return "", None


def _target(call: ast.Call) -> str:
    """The model that a relation points at, by its own name."""
    arguments = call.args[:1] + [keyword.value for keyword in call.keywords if keyword.arg == "to"]
    for argument in arguments:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value.rpartition(".")[2]
        return dotted_name(argument).rpartition(".")[2]
    return ""


def _flag(call: ast.Call, name: str) -> bool:
    return any(
        keyword.arg == name and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in call.keywords
    )


def _is_built_manager(call: ast.Call) -> bool:
    """``BookManager.from_queryset(BookQuerySet)()``."""
    return isinstance(call.func, ast.Call) and dotted_name(call.func.func).endswith(".from_queryset")


def _saves_one_row(node: ast.ClassDef) -> bool:
    """Whether a model is saved under one and the same key: ``self.pk = 1`` in its ``save()``, on every path."""
    return any(
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, int)
        and any(dotted_name(target) in ("self.pk", "self.id") for target in statement.targets)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "save"
        for statement in method.body
    )


def is_self(node: ast.expr) -> bool:
    """Whether an expression is the object, or the class, that a method is called on."""
    return isinstance(node, ast.Name) and node.id in ("self", "cls")
