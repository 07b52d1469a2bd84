"""Whether a model and its manager bring an order: what their classes say, if all of them can be read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from flake8_djq.querysets.api import METHODS
from flake8_djq.querysets.values import QuerySet, alternatives
from flake8_djq.source import FunctionNode, dotted_name

if TYPE_CHECKING:
    from flake8_djq.querysets.module import Module

__all__ = ["has_default_order"]

# Classes of Django and Python that bring no order, by the names that they are imported by.
WITHOUT_ORDER = frozenset(
    {"object", "typing.Generic", "abc.ABC"}
    | {f"django.db.models.{name}" for name in ("Model", "base.Model", "Manager", "manager.Manager")}
    | {f"django.db.models.{name}" for name in ("manager.BaseManager", "QuerySet", "query.QuerySet")}
    | {f"django.contrib.gis.db.models.{name}" for name in ("Model", "Manager", "QuerySet")}
    | {f"django.contrib.auth.models.{name}" for name in ("AbstractUser", "AbstractBaseUser", "PermissionsMixin")}
    | {f"django.contrib.auth.models.{name}" for name in ("BaseUserManager", "UserManager")}
    | {f"django.contrib.auth.base_user.{name}" for name in ("AbstractBaseUser", "BaseUserManager")}
)
ORDERS = frozenset({"ordering", "order_with_respect_to"})


class Class(NamedTuple):
    """A class and the file that declares it."""

    module: Module
    node: ast.ClassDef


class NotKnownError(Exception):
    """Something that cannot be read may bring an order."""


def has_default_order(module: Module, model: str, manager: str) -> bool | None:
    """Whether ``model.manager.all()`` is ordered; None where that cannot be known."""
    try:
        lineage = _lineage(module, [ast.Name(model, ast.Load())])
        return not lineage or _model_orders(lineage) or _manager_orders(lineage, manager)
    except NotKnownError:
        return None


def _lineage(module: Module, bases: list[ast.expr]) -> list[Class]:
    """The classes that some names stand for, with all that they inherit from; each once."""
    found: list[Class] = []
    pending = [(module, base) for base in bases]
    while pending:
        place, base = pending.pop(0)
        for declared in _classes_of(place, base):
            if declared not in found:
                if declared.node.keywords:
                    raise NotKnownError  # a metaclass
                found.append(declared)
                pending.extend((declared.module, inner) for inner in declared.node.bases)
    return found


def _classes_of(module: Module, node: ast.expr) -> Iterator[Class]:
    """What an expression for a class stands for: ``Book``, ``Generic[T]``, ``Books.from_queryset(BookQuerySet)``."""
    if isinstance(node, ast.Subscript):
        yield from _classes_of(module, node.value)
    elif isinstance(node, ast.Call) and dotted_name(node.func).endswith(".from_queryset"):
        assert isinstance(node.func, ast.Attribute)
        for part in (node.func.value, *node.args):
            yield from _classes_of(module, part)
    elif module.source.resolve(node) not in WITHOUT_ORDER:
        place, name = _declaration(module, dotted_name(node))
        built = _assigned(place.source.tree.body, name)
        if name in place.source.classes:
            yield Class(place, place.source.classes[name])
        elif isinstance(built, ast.Call):
            yield from _classes_of(place, built)
        else:
            raise NotKnownError


def _declaration(module: Module, name: str) -> tuple[Module, str]:
    """The file that declares what a name stands for, and the name there."""
    head, dot, rest = name.partition(".")
    if head not in module.source.imports or name in module.source.classes:
        return module, name
    if module.project is None:
        raise NotKnownError
    found = module.project.declaring(
        module.project.absolute(module.source.path, module.source.imports[head] + dot + rest)
    )
    if found is None:
        raise NotKnownError
    return found


def _assigned(body: list[ast.stmt], name: str) -> ast.expr | None:
    """What a body assigns to a name, first; None where it does not."""
    for line in body:
        if isinstance(line, ast.Assign | ast.AnnAssign):
            targets = line.targets if isinstance(line, ast.Assign) else [line.target]
            if name in map(dotted_name, targets):
                return line.value
    return None


def _model_orders(lineage: list[Class]) -> bool:
    names = {declared.node.name for declared in lineage}
    for place, declared in enumerate(lineage):
        if "_meta.ordering" in declared.module.source.text:
            raise NotKnownError
        if _assigned(declared.node.body, "Meta") is not None:
            raise NotKnownError
        for line in declared.node.body:
            if isinstance(line, ast.ClassDef) and line.name == "Meta":
                inherited = {dotted_name(base) for base in line.bases} - {f"{name}.Meta" for name in names}
                set_here = {name.id for name in ast.walk(line) if isinstance(name, ast.Name)}
                if set_here & ORDERS:
                    return True
                if inherited or (place == 0 and "abstract" in set_here):
                    raise NotKnownError
    return False


def _manager_orders(lineage: list[Class], manager: str) -> bool:
    for declared in lineage:
        made = _assigned(declared.node.body, manager)
        if made is not None:
            return _is_ordered_by(declared.module, made)
    if manager != "objects":
        raise NotKnownError
    return False  # Django adds it


def _is_ordered_by(module: Module, manager: ast.expr) -> bool:
    """Whether the manager that an expression makes begins with an order."""
    if not isinstance(manager, ast.Call):
        raise NotKnownError
    made = manager.func
    if isinstance(made, ast.Attribute) and made.attr == "as_manager":
        made = made.value
    return any(_begins_ordered(declared) for declared in _lineage(module, [made]))


def _begins_ordered(declared: Class) -> bool:
    own = {line.name for line in declared.node.body if isinstance(line, FunctionNode)}
    if own & (METHODS.keys() | {"get_query_set", "__init__", "__getattr__"}):
        raise NotKnownError
    if "get_queryset" not in own:
        return False
    given = declared.module.class_method(declared.node.name, "get_queryset")
    orderings = (
        {
            option.ordering if isinstance(option, QuerySet) and not option.model else "unknown"
            for option in alternatives(given)
        }
        if given is not None
        else {"unknown"}
    )
    if orderings - {"kept", "none", "set"}:
        raise NotKnownError
    return "set" in orderings
