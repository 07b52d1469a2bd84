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

    ``managers`` are the expressions that its managers are assigned from, ``inherited_starts`` the querysets that
    the managers of base classes in other files begin with. ``one_row`` says that the table has a row or a few: each
    save writes the same one.
    """

    name: str
    unique: set[str] = field(default_factory=set)
    to_one: dict[str, str] = field(default_factory=dict)
    to_many: dict[str, str] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    managers: dict[str, ast.expr] = field(default_factory=dict)
    ordered: bool = False
    one_row: bool = False
    inherited_starts: dict[str, QuerySet | None] = field(default_factory=dict)


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
            columns=set(data["columns"]),
            ordered=data["ordered"],
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
                model.ordered = any(
                    isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "ordering"
                    for line in statement.body
                )
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
                if _flag(value, "unique") or _flag(value, "primary_key"):
                    model.unique.add(target)
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


def _inherit(model: ModelClass, parent: ModelClass) -> None:
    model.unique |= parent.unique
    model.columns |= parent.columns
    model.to_one = {**parent.to_one, **model.to_one}
    model.to_many = {**parent.to_many, **model.to_many}
    model.managers = {**parent.managers, **model.managers}
    model.ordered = model.ordered or parent.ordered
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
