"""Whether the lookups of one ``filter`` call limit the number of rows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from flake8_djq.patterns import Pattern
from flake8_djq.querysets.api import Method
from flake8_djq.querysets.declarations import ModelClass
from flake8_djq.querysets.values import (
    BATCH,
    KEYS,
    NONE,
    UNIQUE,
    UNKNOWN,
    Bound,
    Instance,
    QuerySet,
    Row,
    RowAttribute,
    Rows,
    Sequence,
    Value,
)
from flake8_djq.source import dotted_name

__all__ = ["asks_for_row", "bound_of_lookups", "finds_one_row", "is_constant", "is_fixed", "keeps_walkable"]

# What code calls a part of many things: ``order__in=batch``.
OF_A_BATCH = Pattern(r"(^|_)(batch|chunk)(_\w+)?$")
# Fields that are unique in nearly every model that has them.
USUALLY_UNIQUE = frozenset({"uuid", "guid"})
# Fields that often are: too little to say that rows are few, or that they are many.
OFTEN_UNIQUE = frozenset(
    {"slug", "username", "email", "token", "hash", "code", "identifier", "reference", "isbn", "name"}
)
# Fields that group rows, in nearly every model that has them: a value of theirs has many rows.
USUALLY_SHARED = frozenset(
    {
        "status",
        "state",
        "type",
        "kind",
        "level",
        "priority",
        "active",
        "enabled",
        "deleted",
        "archived",
        "published",
        "paid",
    }
    | {
        "processed",
        "sent",
        "country",
        "language",
        "locale",
        "currency",
        "date",
        "day",
        "month",
        "year",
        "source",
        "action",
    }
)
# What few people are.
OF_ADMINISTRATORS = frozenset({"is_staff", "is_superuser"})
EXACT = frozenset({"exact", "iexact"})
OTHER_LOOKUPS = frozenset(
    {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex", "isnull"}
    | {
        "gt",
        "gte",
        "lt",
        "lte",
        "range",
        "in",
        "date",
        "year",
        "iso_year",
        "month",
        "day",
        "week",
        "week_day",
        "quarter",
    }
    | {
        "time",
        "hour",
        "minute",
        "second",
        "search",
        "overlap",
        "contained_by",
        "has_key",
        "has_keys",
        "has_any_keys",
        "len",
    }
)


MANY = OTHER_LOOKUPS - {"in", "range"}
BEGINNINGS = frozenset({"startswith", "istartswith"})


def _lookups(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The lookups of one call that are all joined by AND."""
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword.arg, keyword.value
        elif isinstance(keyword.value, ast.Dict):
            for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def _is_written_out(lookups: ast.expr) -> bool:
    """Whether each lookup of ``**{...}`` is known, or surely is none that leaves a few rows."""
    return isinstance(lookups, ast.Dict) and all(
        isinstance(key, ast.Constant) or is_fixed(value) or _split(_end(key))[1] in MANY
        for key, value in zip(lookups.keys, lookups.values, strict=True)
    )


def _end(key: ast.expr | None) -> str:
    """The end of a text that is put together: ``__startswith`` of ``"%s__startswith" % name``."""
    if isinstance(key, ast.JoinedStr) and key.values:
        return _end(key.values[-1])
    if isinstance(key, ast.BinOp):
        return _end(key.left if isinstance(key.op, ast.Mod) else key.right)
    return str(key.value) if isinstance(key, ast.Constant) else ""


def _split(lookup: str) -> tuple[str, str]:
    """``author__name__startswith`` -> (``author__name``, ``startswith``)."""
    parts = lookup.split("__")
    if len(parts) > 1 and parts[-1] in EXACT:
        return "__".join(parts[:-1]), "exact"
    if len(parts) > 1 and parts[-1] in OTHER_LOOKUPS:
        return "__".join(parts[:-1]), parts[-1]
    return lookup, "exact"


def is_fixed(node: ast.expr) -> bool:
    """Whether an expression is a constant, written out or by a name such as ``Status.PAID`` or ``TIMEOUT``."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return is_fixed(node.operand)
    if isinstance(node, ast.Attribute | ast.Name):
        last = dotted_name(node).rpartition(".")[2]
        if isinstance(node, ast.Attribute) and last == "value":
            return is_fixed(node.value)
        return last.isupper() or (isinstance(node, ast.Attribute) and dotted_name(node)[:1].isupper())
    return False


def is_constant(call: ast.Call) -> bool:
    """Whether a call passes nothing that another run of the code might change: constants, and ``Q`` objects of them."""
    return all(map(_holds_constants, (*call.args, *(keyword.value for keyword in call.keywords))))


def _holds_constants(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return _is_class(node.func) and is_constant(node)
    if isinstance(node, ast.BinOp):
        return _holds_constants(node.left) and _holds_constants(node.right)
    if isinstance(node, ast.UnaryOp):
        return _holds_constants(node.operand)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(map(_holds_constants, node.elts))
    return is_fixed(node)


def finds_one_row(call: ast.Call, model: ModelClass | None) -> bool:
    """Whether a lookup by a key or a field declared unique leaves at most one row."""
    return any(not lookup.endswith("__iexact") for lookup in _lookups_by_unique(call, model))


def _lookups_by_unique(call: ast.Call, model: ModelClass | None) -> Iterator[str]:
    """The lookups that leave one row, or with ``iexact`` a few: fields are unique with regard to case."""
    unique = KEYS | USUALLY_UNIQUE | (model.unique if model else set())
    for lookup, _ in _lookups(call):
        path, kind = _split(lookup)
        if kind == "exact" and path in unique:
            yield lookup


def _finds_few(call: ast.Call, model: ModelClass | None) -> bool:
    """Whether a lookup names all of the fields that are unique together, each with a value or a few written out."""
    if model is None or not model.unique_together:
        return False
    named = {
        path
        for lookup, node in _lookups(call)
        for path, kind in [_split(lookup)]
        if kind == "exact" or (kind == "in" and isinstance(node, ast.List | ast.Tuple | ast.Set))
    }
    return any(named.issuperset(group) for group in model.unique_together)


def bound_of_lookups(call: ast.Call, value_of: Callable[[ast.expr], Value], model: ModelClass | None) -> Bound:
    """What a ``filter`` call, or a ``Q`` object, does for the number of rows.

    ``value_of`` tells what an argument holds; ``model`` is the declaration of the model, where the file has it.
    BOUNDED: one row, children of one parent, a batch of keys, a window over keys. UNKNOWN: it may be one of these.
    """
    if any(_lookups_by_unique(call, model)):
        return Bound.BOUNDED
    if _finds_few(call, model):
        return Bound.UNKNOWN  # None counts as another value each time
    ends = set()
    bounds = [_condition(argument, value_of, model) for argument in call.args]
    for lookup, node in _lookups(call):
        path, kind = _split(lookup)
        path = model.by_key(path) if model is not None else path
        if path in KEYS and kind in ("gt", "gte", "lt", "lte"):
            ends.add(kind[0])
        bounds.append(_one_lookup(path, kind, node, value_of, model))
    if any(keyword.arg is None and not _is_written_out(keyword.value) for keyword in call.keywords):
        bounds.append(Bound.UNKNOWN)  # filter(**lookups): they may be anything
    return Bound.BOUNDED if len(ends) == 2 else max(bounds, key=_strength, default=Bound.UNBOUNDED)


def asks_for_row(call: ast.Call, rows: frozenset[str]) -> bool:
    """Whether a ``filter`` call asks for what equals a value of a row that a loop around it has: ``code=row.code``.

    The rows of the table are shared out among the turns; how many come to one, nobody can tell.
    """
    return any(
        _split(lookup)[1] in EXACT and isinstance(node, ast.Attribute) and dotted_name(node).partition(".")[0] in rows
        for lookup, node in _lookups(call)
    )


def keeps_walkable(call: ast.Call, method: Method) -> bool:
    """Whether a keyset iterator can walk what a method makes of a queryset that it can walk: see ``QuerySet``."""
    if method.effect == "orders":
        return all(
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and part.value != "?"
            and "__" not in part.value
            for part in call.args
        )
    if method.name in ("filter", "exclude"):
        return _stays_on_table(call)
    return method.effect not in ("distinct", "groups", "combines") and method.name not in ("extra", "complex_filter")


def _stays_on_table(call: ast.Call) -> bool:
    """Whether a ``filter`` call or a ``Q`` object surely follows no relation that has many rows for one."""
    return all(map(_is_plain_condition, call.args)) and all(
        keyword.arg is not None and _is_of_column(*_split(keyword.arg), keyword.value) for keyword in call.keywords
    )


def _is_plain_condition(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_plain_condition(node.left) and _is_plain_condition(node.right)
    if isinstance(node, ast.UnaryOp):
        return _is_plain_condition(node.operand)
    name = dotted_name(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return name == "Exists" or (name == "Q" and isinstance(node, ast.Call) and _stays_on_table(node))


def _is_of_column(path: str, kind: str, node: ast.expr) -> bool:
    if "__" in path:
        return False
    if kind == "isnull":
        return isinstance(node, ast.Constant) and node.value is True
    return kind != "in" or path in KEYS or path.endswith("_id") or isinstance(node, ast.List | ast.Tuple | ast.Set)


def _strength(bound: Bound) -> int:
    return bound.value


def _condition(node: ast.expr, value_of: Callable[[ast.expr], Value], model: ModelClass | None) -> Bound:
    """The same for a positional condition: ``Q(...) | Q(...)`` leaves as many rows as its weaker side."""
    if isinstance(node, ast.BinOp):
        sides = (_condition(node.left, value_of, model), _condition(node.right, value_of, model))
        return min(sides, key=_strength) if isinstance(node.op, ast.BitOr) else max(sides, key=_strength)
    if isinstance(node, ast.IfExp):
        return min(_condition(node.body, value_of, model), _condition(node.orelse, value_of, model), key=_strength)
    if isinstance(node, ast.Call) and dotted_name(node.func).rpartition(".")[2] == "Q":
        return bound_of_lookups(node, value_of, model)
    # What a name holds, or a function of the project gives, may be any condition; expressions are no keys.
    is_open = isinstance(node, ast.Name | ast.Attribute | ast.Call) and not _is_class(_callee(node))
    return Bound.UNKNOWN if is_open else Bound.UNBOUNDED


def _is_class(node: ast.expr) -> bool:
    return dotted_name(node).rpartition(".")[2][:1].isupper()


def _callee(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _one_lookup(
    path: str, kind: str, node: ast.expr, value_of: Callable[[ast.expr], Value], model: ModelClass | None
) -> Bound:
    last = path.rpartition("__")[2]
    if path in KEYS and kind == "range":
        return Bound.BOUNDED
    if kind == "in" and path in KEYS | USUALLY_UNIQUE:
        return _batch(node, value_of(node))
    if kind == "in" and model is not None and path in model.unique:
        return _batch(node, value_of(node))
    if kind == "in" and (path in OFTEN_UNIQUE or OF_A_BATCH.search(dotted_name(node).rpartition(".")[2])):
        return Bound.UNKNOWN
    if kind in BEGINNINGS and not is_fixed(node) and _tells_apart(path, model):
        return Bound.UNKNOWN  # nearly the whole value, or its first letter
    if kind == "in" and isinstance(node, ast.List | ast.Tuple | ast.Set) and len(node.elts) == 1:
        kind, node = "exact", node.elts[0]  # "parents__in=[parent]"
    if kind == "in" and model is not None and path in model.to_one and value_of(node) == UNKNOWN:
        return Bound.UNKNOWN  # of one parent, or of a few
    if kind == "in":
        return _children(value_of(node))
    if kind != "exact":
        return Bound.UNBOUNDED
    if _tells_one_row(value_of(node)) or (isinstance(node, ast.Attribute) and node.attr in KEYS):
        return Bound.BOUNDED
    if last in OF_ADMINISTRATORS and isinstance(node, ast.Constant) and node.value is True:
        return Bound.UNKNOWN
    is_column = model is not None and path in model.columns and not (last.endswith("_id") or path in OFTEN_UNIQUE)
    is_text = is_column and model is not None and path in model.texts and not is_fixed(node)
    if is_text and last not in USUALLY_SHARED and value_of(node) != NONE:
        return Bound.UNKNOWN  # perhaps a name or a number that few rows have
    to_one = model is not None and path in model.to_one
    if is_column or (last in USUALLY_SHARED and not to_one) or last.startswith(("is_", "has_")):
        return Bound.UNBOUNDED
    is_value = not isinstance(node, ast.Constant) or isinstance(node.value, int | str)
    if last.endswith("_id") and is_fixed(node) and is_value:
        return Bound.BOUNDED
    if is_fixed(node):
        named = not isinstance(node, ast.Constant) or bool(node.value)
        return Bound.UNKNOWN if named and path in OFTEN_UNIQUE else Bound.UNBOUNDED
    value = value_of(node)
    if value == NONE:
        return Bound.UNBOUNDED
    if to_one or last in KEYS or last.endswith("_id") or _is_parent(value):
        return Bound.BOUNDED
    if isinstance(value, RowAttribute) and value.name == path:
        return Bound.BOUNDED
    # An unknown value under a plain name: perhaps the parent row, perhaps a status.
    return Bound.UNKNOWN


def _tells_apart(path: str, model: ModelClass | None) -> bool:
    """Whether a field has another value in each row, or mostly so."""
    return path in KEYS | USUALLY_UNIQUE | OFTEN_UNIQUE or (model is not None and path in model.unique)


def _tells_one_row(value: Value) -> bool:
    """Whether a value is one row's key, or another value that no other row has: what equals it belongs to that row."""
    return value == UNIQUE or (isinstance(value, RowAttribute) and value.name in KEYS)


def _is_parent(value: Value) -> bool:
    """Whether a value is a row, or the object that a method is called on."""
    return isinstance(value, Row) or (isinstance(value, Instance) and not value.is_imported)


def _children(value: Value) -> Bound:
    """The rows that belong to one of several: as few as these are."""
    if isinstance(value, QuerySet | Rows):
        return value.bound if isinstance(value, QuerySet) else value.queryset.bound
    return Bound.BOUNDED if value == BATCH else Bound.UNBOUNDED


def _batch(node: ast.expr, value: Value) -> Bound:
    """A list of keys: bounded when it is written out or sliced, unbounded when a whole table went into it."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return Bound.BOUNDED
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return Bound.BOUNDED if node.slice.upper is not None else Bound.UNKNOWN
    if isinstance(value, QuerySet):
        return value.bound
    if isinstance(value, Rows):
        return value.queryset.bound
    if isinstance(value, Sequence) or value == BATCH:
        return Bound.BOUNDED
    return Bound.UNKNOWN
