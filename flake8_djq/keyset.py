# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the flake8-djq contributors
"""Walk through a Django queryset of any size with one chunk of its rows in memory.

A loop over a queryset loads all rows. ``QuerySet.iterator()`` streams them, but not with MySQL and MariaDB, nor
behind a connection pooler (``DISABLE_SERVER_SIDE_CURSORS``). Pages by offset get slower with each page and skip rows
when others are deleted. The functions here ask for the rows *after the last one seen*, chunk by chunk::

    for book in keyset_iterator(Book.objects.filter(sold=False)):
        book.discount()

    for books in keyset_chunks(Book.objects.order_by("-published"), chunk_size=500):
        index(books)                    # a list of up to 500 books

    async for book in akeyset_iterator(Book.objects.all()):
        await book.adiscount()

**Order.** The rows come as in a plain loop: by ``order_by()`` or ``Meta.ordering``, with the primary key added so
that no two rows stand at the same place (in the direction of the field before it). Without an order, by primary key.
``reverse=True`` walks from the end to the beginning. Mixed directions, nulls, orders across foreign keys, by
annotations and by expressions are fine. A walk is fast where an index begins with the fields of its order; and on
PostgreSQL once the table is analyzed, which autovacuum does a minute after it was filled.

**While others write.** Each chunk is a query of its own. A row that is there throughout and whose ordering values
stay is given exactly once, whatever is inserted, deleted or changed beside it. Save the rows as you walk, on every
database.

**Resume.** ``position`` of what the functions give is where the walk stands: the key of the last row given, or a
tuple of its ordering values with the key. Hand it to ``after=`` with the same queryset to go on behind that row, even
if the row is gone by then. It holds plain values, of which all digits count (``DjangoJSONEncoder`` cuts
microseconds)::

    walk = keyset_chunks(Book.objects.all(), after=load_bookmark())
    for books in walk:
        index(books)
        save_bookmark(walk.position)

**Kept**: ``values()``, ``values_list()``, ``select_related()``, ``prefetch_related()`` (for each chunk), ``only()``,
``defer()``, ``annotate()``, ``using()``, ``select_for_update()`` (in a transaction; it locks chunk by chunk),
managers.

**Refused** with a ``KeysetError`` at the call: what cannot be cut into chunks without giving other rows than a plain
loop does, such as slices, unions, ``distinct("field")``, random order, rows without a key, window functions, and
filters across to-many relations that may give a row twice. The message says what to do instead.

**Trusted**: that the database holds what the models say, that is, that the primary key is unique (a view behind a
model may break that) and that a field that is not ``null=True`` has no nulls; and that SQL in ``RawSQL()`` and
``extra()`` looks at one row at a time.

Works with Django 4.2 to 6.0 on SQLite, PostgreSQL, MySQL and MariaDB; elsewhere only for orders of integers that are
never null. One query a chunk; nothing else is sent to the database.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import connections
from django.db.models import (
    Aggregate,
    F,
    Field,
    ForeignKey,
    Func,
    ManyToOneRel,
    OneToOneRel,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.expressions import Col, OrderBy, RawSQL
from django.db.models.functions import Cast, Coalesce, Lower, LTrim, Now, Random, RTrim, Trim, Upper
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, IsNull, LessThan, LessThanOrEqual
from django.db.models.manager import BaseManager
from django.db.models.query import FlatValuesListIterable, NamedValuesListIterable, ValuesIterable, ValuesListIterable
from django.db.models.sql import Query
from django.db.models.sql.constants import LOUTER
from django.db.models.sql.where import AND, WhereNode
from django.db.models.utils import create_namedtuple_class

__all__ = ["KeysetError", "akeyset_chunks", "akeyset_iterator", "keyset_chunks", "keyset_iterator"]


class KeysetError(ValueError):
    """A queryset, a chunk size or a place to resume from that cannot be walked right; the text says the way out."""


def keyset_iterator(queryset: Any, chunk_size: int = 2000, after: Any = None, reverse: bool = False) -> KeysetIterator:
    """Walk through the rows of a queryset, with one chunk of them in memory.

    Args:
        queryset: a queryset or a manager; it is not evaluated itself, a result that it holds already is not used.
        chunk_size: how many rows a query asks for, at least 1.
        after: the ``position`` of an earlier walk to go on behind: a key, or a tuple of the ordering values with the
            key; None begins at the beginning.
        reverse: walk from the end to the beginning of the queryset's order.

    Returns:
        An iterator of rows as a loop over the queryset gives them, with the attribute ``position``.

    Raises:
        KeysetError: at the call: the queryset cannot be walked right, or an argument is wrong.
    """
    return KeysetIterator(_Plan(queryset, chunk_size, reverse), after)


def keyset_chunks(queryset: Any, chunk_size: int = 2000, after: Any = None, reverse: bool = False) -> KeysetIterator:
    """Walk through the rows of a queryset in lists of up to ``chunk_size`` rows, none of them empty.

    The arguments and errors are those of ``keyset_iterator``. The last chunk stays in memory while the next is fetched
    if your loop still holds it: ``del`` it at the end of the loop if it is large.
    """
    return KeysetIterator(_Plan(queryset, chunk_size, reverse), after, chunks=True)


def akeyset_iterator(
    queryset: Any, chunk_size: int = 2000, after: Any = None, reverse: bool = False
) -> AsyncKeysetIterator:
    """``keyset_iterator`` for ``async for``; the queries run where Django's other asynchronous queries run."""
    return AsyncKeysetIterator(_Plan(queryset, chunk_size, reverse), after)


def akeyset_chunks(
    queryset: Any, chunk_size: int = 2000, after: Any = None, reverse: bool = False
) -> AsyncKeysetIterator:
    """``keyset_chunks`` for ``async for``; the queries run where Django's other asynchronous queries run."""
    return AsyncKeysetIterator(_Plan(queryset, chunk_size, reverse), after, chunks=True)


class KeysetIterator(Iterator[Any]):
    """What ``keyset_iterator`` and ``keyset_chunks`` give: an iterator that knows where it stands.

    Attributes:
        position: where to resume: behind the last row given, alone or in a chunk; before the first, what ``after`` was.
    """

    def __init__(self, plan: _Plan, after: Any, chunks: bool = False) -> None:
        self.position = plan.start(after)
        self._given = self._chunks(plan) if chunks else self._rows(plan)

    def _rows(self, plan: _Plan) -> Iterator[Any]:
        more = True
        while more:
            rows, positions, more = plan.fetch(self.position)
            row = None
            for row, self.position in zip(rows, positions, strict=True):
                yield row
            # The next chunk must not be fetched while this one is still held.
            del rows, positions, row

    def _chunks(self, plan: _Plan) -> Iterator[list[Any]]:
        more = True
        while more:
            rows, positions, more = plan.fetch(self.position)
            if rows:
                self.position = positions[-1]
                yield rows
            del rows, positions

    def __iter__(self) -> Iterator[Any]:
        return self._given

    def __next__(self) -> Any:
        return next(self._given)


class AsyncKeysetIterator(AsyncIterator[Any]):
    """What ``akeyset_iterator`` and ``akeyset_chunks`` give: as ``KeysetIterator``, for ``async for``."""

    def __init__(self, plan: _Plan, after: Any, chunks: bool = False) -> None:
        self.position = plan.start(after)
        self._given = self._chunks(plan) if chunks else self._rows(plan)

    async def _rows(self, plan: _Plan) -> AsyncIterator[Any]:
        more = True
        while more:
            rows, positions, more = await sync_to_async(plan.fetch)(self.position)
            row = None
            for row, self.position in zip(rows, positions, strict=True):
                yield row
            del rows, positions, row

    async def _chunks(self, plan: _Plan) -> AsyncIterator[list[Any]]:
        more = True
        while more:
            rows, positions, more = await sync_to_async(plan.fetch)(self.position)
            if rows:
                self.position = positions[-1]
                yield rows
            del rows, positions

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._given

    async def __anext__(self) -> Any:
        return await self._given.__anext__()


class _Plan:
    """A queryset, checked and made ready to be fetched chunk by chunk.

    ``position`` means here what it means to users: the value of the only term, or a tuple with one value for each term.
    """

    def __init__(self, queryset: Any, chunk_size: int, reverse: bool) -> None:
        if not isinstance(chunk_size, int) or chunk_size < 1:
            raise KeysetError(f"chunk_size must be a whole number of at least 1, not {chunk_size!r}")
        queryset = _checked(queryset)
        self.chunk_size = chunk_size
        self.terms = _terms(queryset)
        if reverse:
            for term in self.terms:
                term.turn_round()
        carried = _carried_names(queryset)
        carriers = [
            next((name for name in term.key_names if name in carried), None) or f"{_free_prefix(queryset)}{number}"
            for number, term in enumerate(self.terms)
        ]
        hidden = {
            name: term.fetched for name, term in zip(carriers, self.terms, strict=True) if name not in term.key_names
        }
        self._read = _reader(queryset, carried, carriers, list(hidden))
        # Iterables that are not Django's own may leave rows out: there, only an empty chunk is the end.
        self._ends_when_short = queryset._iterable_class.__module__ == QuerySet.__module__
        self._queryset = _prepared(queryset, self.terms, hidden)

    def start(self, after: Any) -> Any:
        """The position to begin behind, from what the user says.

        Raises:
            KeysetError: it is not of the form of a position of this queryset.
        """
        if after is None:
            return None
        values = after if isinstance(after, (tuple, list)) else (after,)
        if len(values) != len(self.terms):
            names = ", ".join(term.name for term in self.terms)
            raise KeysetError(f"after={after!r} must have {len(self.terms)} values, for the order by {names}")
        clean = tuple(term.clean(value) for term, value in zip(self.terms, values, strict=True))
        return clean if len(clean) > 1 else clean[0]

    def _values(self, position: Any) -> tuple[Any, ...]:
        return position if len(self.terms) > 1 else (position,)

    def fetch(self, position: Any) -> tuple[list[Any], list[Any], bool]:
        """The rows of the next chunk, their positions, and whether there may be more.

        Raises:
            KeysetError: the database gave what does not agree with the order: better no rows than wrong ones.
        """
        queryset = self._queryset
        if position is not None:
            queryset = queryset.filter(self._behind(self._values(position)))
        rows, positions = self._read(list(queryset[: self.chunk_size]))
        if positions:
            self._check(positions[0], position)
            self._check(positions[-1], position)
        return rows, positions, len(rows) == self.chunk_size if self._ends_when_short else bool(rows)

    def _check(self, position: Any, before: Any) -> None:
        if before is not None and position == before:
            raise KeysetError(
                f"the database gives the row at {position!r} again after that row: what it reads back for the order by "
                f"{', '.join(term.name for term in self.terms)} is not what it stores; order by other fields"
            )
        for term, value in zip(self.terms, self._values(position), strict=True):
            term.check(value)

    def _behind(self, position: tuple[Any, ...]) -> Q:
        """The condition of all rows that come after a position."""
        condition = None
        for term, value in reversed(list(zip(self.terms, position, strict=True))):
            behind = term.behind(value)
            if condition is not None:
                tied = term.same(value) & condition
                behind = tied if behind is None else behind | tied
            condition = behind
        # The first term alone, said again: a database finds that in an index, the alternatives above often not.
        bound = self.terms[0].behind(position[0], or_same=True) if len(self.terms) > 1 else None
        return condition if bound is None else bound & condition


class _Term:
    """One value of the order: what to sort by, how to read it, and how to say "after this value" to the database.

    Values go back to the database just as it gave them, or else rows would be skipped. Where Django would turn them
    into something else and back (a time that SQLite stores as text, in one of many forms), they stay as the driver has
    them.
    """

    def __init__(self, database: str, query: Any, order: OrderBy, resolved: Any, key: tuple[Any, ...]) -> None:
        """``resolved`` is the order's expression as ``query`` resolves it, ``key`` the fields of the primary key."""
        self.expression = order.expression
        self.name = getattr(self.expression, "name", None) or str(self.expression)
        self.descending = order.descending
        self.nulls_first: bool | None = True if order.nulls_first else False if order.nulls_last else None
        self._connection = connections[database]
        self._vendor = self._connection.vendor
        self._field = _plain_field(resolved, self.name)
        self._family = _FAMILIES.get(self._field.get_internal_type(), "")
        self.computed = not isinstance(resolved, Col)
        joined = self.computed or resolved.alias != query.get_initial_alias()
        self.nullable = self.computed or resolved.target.null or (joined and _is_outer(query, resolved.alias))
        self.unique = not joined and not self.nullable and resolved.target.unique
        self.key = None if joined or resolved.target not in key else resolved.target
        self._refuse_what_cannot_be_done(query, resolved)

        self.key_names: tuple[str, ...] = ()
        exact = self._vendor != "sqlite" or self._family not in ("time", "decimal")
        if self.key is not None and exact:
            self.key_names = (
                (self.key.attname, self.key.name) if len(key) > 1 else (self.key.attname, self.key.name, "pk")
            )
        # MySQL compares decimals with the text that Django sends for them as floats.
        self._raw = self._family == "decimal" or (
            not self.key_names
            and (self._vendor == "sqlite" or (self.computed and self._family in _INEXACT_WHEN_COMPUTED))
        )
        # In parentheses, an expression can stand beside any operator.
        template = "(%(expressions)s)" if self.computed else "%(expressions)s"
        self.compared = Func(self.expression, template=template, output_field=Field() if self._raw else self._field)
        self.fetched = self.compared if self._raw or self.computed else self.expression
        if self._raw and self._vendor == "sqlite" and self._family == "time":
            # sqlite3 parses a column that is declared as a date or a time; django/db/backends/sqlite3/base.py.
            self.fetched = Cast(self.expression, output_field=TextField())

    def _refuse_what_cannot_be_done(self, query: Any, resolved: Any) -> None:
        if any(
            isinstance(part, (Now, Random, RawSQL)) or type(part).__name__ in _VOLATILE for part in _inside(resolved)
        ):
            raise KeysetError(
                f"the order by {self.name} can be another one in each query; order by fields that stay the same"
            )
        if resolved.contains_over_clause:
            raise KeysetError(f"the order by {self.name} is by a window function, which a chunk would change")
        if any(_multiplies(query, alias) for alias in _aliases(resolved)):
            raise KeysetError(
                f"the order by {self.name} goes across a to-many relation and would give rows more than once; "
                f"order by an aggregate, as in annotate(first=Min({self.name!r})).order_by('first')"
            )
        if self._vendor not in ("sqlite", "postgresql", "mysql") and (self._family != "integer" or self.nullable):
            raise KeysetError(f"on {self._connection.display_name} only orders by integers that are never null work")
        if self._vendor == "mysql" and self._family == "text" and not _is_short(resolved):
            raise KeysetError(
                f"MySQL and MariaDB sort by the first max_sort_length bytes of {self.name} alone; order by the primary "
                f"key, or by a text field with a max_length of at most {_MYSQL_SORTED_CHARACTERS} or its Lower()"
            )
        if self.key is not None:
            return
        kind = type(self._field).__name__
        if not self._family or hasattr(self._field, "from_db_value"):
            raise KeysetError(f"the order by {self.name} ({kind}) cannot be resumed exactly; order by other fields")
        if self._family in ("float", "decimal") and type(self._field).db_type is not Field.db_type:
            raise KeysetError(f"the order by {self.name} ({kind}) is of a type of its own; order by other fields")
        if self._vendor == "mysql" and self.computed and self._family in ("float", "decimal"):
            raise KeysetError(
                f"MySQL and MariaDB round the {self._family} {self.name} when they give it out; order by a field"
            )

    @property
    def order(self) -> OrderBy:
        """The term of ORDER BY."""
        return OrderBy(
            self.expression,
            descending=self.descending,
            nulls_first=(self.nullable and self.nulls_first) or None,
            nulls_last=(self.nullable and self.nulls_first is False) or None,
        )

    def turn_round(self) -> None:
        self.descending = not self.descending
        if self.nulls_first is not None:
            self.nulls_first = not self.nulls_first

    def clean(self, value: Any) -> Any:
        """A value from a user as it must be sent.

        Raises:
            KeysetError: it is none of this term.
        """
        if value is None:
            if self.nullable:
                return None
            raise KeysetError(f"after has None for {self.name}, which is never null")
        if self._raw and isinstance(value, (int, float, Decimal)):
            return value
        try:
            proper = self._field.to_python(value)
            if not self._raw or self._family in ("decimal", "text"):
                return proper
            # A text without a time zone is what sqlite3 gives, to the letter.
            if self._family == "time" and isinstance(value, str) and getattr(proper, "tzinfo", None) is None:
                return value.replace("T", " ")
            return self._field.get_db_prep_value(proper, self._connection)
        except (ValidationError, TypeError, ValueError, ArithmeticError) as error:
            raise KeysetError(
                f"after has {value!r} for {self.name}, which is no value of {type(self._field).__name__}"
            ) from error

    def check(self, value: Any) -> None:
        """Refuse what the database gives although the fields say that it cannot be."""
        if value is None and not self.nullable:
            raise KeysetError(f"{self.name} is null in the database although its field says that it never is")
        if self.computed and self._vendor == "mysql" and isinstance(value, (float, Decimal)):
            raise KeysetError(
                f"MySQL and MariaDB give {self.name} as {type(value).__name__}, rounded, although it should be "
                f"{self._family}; order by a field"
            )

    def same(self, value: Any) -> Q:
        """The rows with this value."""
        return Q(IsNull(self.compared, True)) if value is None else Q(Exact(self.compared, value))

    def behind(self, value: Any, or_same: bool = False) -> Q | None:
        """The rows with a value that comes later; None if there can be none, or, with ``or_same``, if all do."""
        if value is None:
            if self._null_comes_first:
                return None if or_same else Q(IsNull(self.compared, False))
            return self.same(None) if or_same else None
        later = _LATER[self.descending, or_same](self.compared, value)
        return Q(later) | self.same(None) if self.nullable and not self._null_comes_first else Q(later)

    @property
    def _null_comes_first(self) -> bool:
        if self.nulls_first is not None:
            return self.nulls_first
        # django/db/backends/base/features.py: "Does the backend order NULL values as largest or smallest?"
        return bool(self._connection.features.order_by_nulls_first) is not bool(self.descending)


_LATER = {
    (False, False): GreaterThan,
    (False, True): GreaterThanOrEqual,
    (True, False): LessThan,
    (True, True): LessThanOrEqual,
}

_MYSQL_SORTED_CHARACTERS = 255
"""Of four bytes each, they are within ``max_sort_length``, which is 1024 by default."""

_FAMILIES = {
    **dict.fromkeys(("AutoField", "BigAutoField", "SmallAutoField"), "integer"),
    **dict.fromkeys(("IntegerField", "BigIntegerField", "SmallIntegerField"), "integer"),
    **dict.fromkeys(("PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"), "integer"),
    **dict.fromkeys(("CharField", "FileField", "FilePathField", "SlugField", "TextField"), "text"),
    **dict.fromkeys(("DateField", "DateTimeField", "TimeField"), "time"),
    "BooleanField": "boolean",
    "DecimalField": "decimal",
    "DurationField": "duration",
    "FloatField": "float",
    "GenericIPAddressField": "address",
    "UUIDField": "uuid",
}
"""What can be sorted by and compared again, by ``Field.get_internal_type()``."""

_VOLATILE = ("RandomUUID", "TransactionNow")
"""Functions of django.contrib.postgres, which needs psycopg to be imported."""

_INEXACT_WHEN_COMPUTED = ("boolean", "float", "integer")
"""An expression can say that it gives these and give others; ``Expression.convert_value`` would hide it."""


def _is_short(expression: Any) -> bool:
    """Whether MySQL and MariaDB sort by the whole of a text."""
    if isinstance(expression, Col):
        return 0 < (_plain_field(expression, str(expression)).max_length or 0) <= _MYSQL_SORTED_CHARACTERS
    if isinstance(expression, Value):
        return isinstance(expression.value, str) and len(expression.value) <= _MYSQL_SORTED_CHARACTERS
    return isinstance(expression, (Coalesce, Lower, LTrim, RTrim, Trim, Upper)) and all(
        map(_is_short, expression.get_source_expressions())
    )


def _plain_field(resolved: Any, name: str) -> Any:
    """The field that a value is of: not a relation, nor a generated field, but what they hold.

    Raises:
        KeysetError: the expression does not tell.
    """
    try:
        field = resolved.output_field
    except (AttributeError, FieldError):
        field = None
    if field is None:
        raise KeysetError(f"the order by {name} does not say what it gives; give it an output_field")
    while getattr(field, "remote_field", None):
        field = field.target_field
    # GeneratedField, since Django 5.0.
    return getattr(field, "output_field", field)


def _checked(queryset: Any) -> QuerySet[Any]:
    """The queryset, tied to its database, if its rows can be walked by a key.

    What is read of ``queryset.query`` is no public API; django/db/models/sql/query.py has it from Django 4.2 to 6.0.

    Raises:
        KeysetError: they cannot.
    """
    if isinstance(queryset, BaseManager):
        queryset = queryset.all()
    if not isinstance(queryset, QuerySet):
        kind = type(queryset).__name__
        raise KeysetError(f"a queryset or a manager is needed, as Book.objects.all() gives it, and not a {kind}")
    query = queryset.query
    if query.combinator:
        raise KeysetError(
            f"a {query.combinator}() cannot be filtered; walk through each of its querysets, or filter one with Q()"
        )
    if query.is_sliced:
        raise KeysetError(
            "a slice cannot be filtered; take it off, and stop the loop, or slice it with itertools.islice"
        )
    if query.distinct_fields:
        raise KeysetError("distinct() on fields gives rows that depend on the chunk; use distinct() without fields")
    if query.extra_tables:
        raise KeysetError("extra(tables=...) can give a row more than once; use a filter with Exists() or Subquery()")
    if query.where.contains_over_clause or any(a.contains_over_clause for a in query.annotations.values()):
        raise KeysetError("a window function would see one chunk and not all rows; leave it out, or use a Subquery()")
    _check_that_rows_have_a_key(queryset)
    _check_that_rows_are_given_once(query)
    # A router may send each query to another replica.
    return queryset.using(queryset.db)


def _check_that_rows_have_a_key(queryset: QuerySet[Any]) -> None:
    query = queryset.query
    key = _key_fields(queryset.model._meta)
    if queryset._fields is None:
        return
    if queryset._iterable_class not in (ValuesIterable, *_SHAPES):
        raise KeysetError(f"{queryset._iterable_class.__name__} gives rows of a form that is not known here")
    if query.distinct:
        names = _carried_names(queryset)
        if "pk" not in names and not all({field.name, field.attname} & names.keys() for field in key):
            raise KeysetError(
                "distinct values have no key to walk by; add the primary key to values(), or leave out distinct() "
                "and gather the values in a set"
            )
    if isinstance(query.group_by, tuple):
        grouped = {part.target for part in query.group_by if isinstance(part, Col) and part.alias == query.base_table}
        if not grouped.issuperset(key):
            raise KeysetError("grouped values have no key to walk by; add the primary key to values()")


def _check_that_rows_are_given_once(query: Any) -> None:
    multiplying = {alias for alias, count in query.alias_refcount.items() if count and _multiplies(query, alias)}
    if not multiplying:
        return
    tables = ", ".join(sorted({query.alias_map[alias].table_name for alias in multiplying}))
    if not query.distinct and query.group_by is None:
        raise KeysetError(
            f"the join with {tables} may give a row more than once; add distinct(), or filter with "
            "Exists() or with pk__in=a queryset"
        )
    selected = (*query.select, *query.annotation_select.values())
    if query.extra_select or any(multiplying & _aliases(part) for part in selected):
        raise KeysetError(
            f"values across the relation to {tables} give a row more than once; aggregate them, or prefetch them"
        )


def _multiplies(query: Any, alias: str) -> bool:
    """Whether there may be many rows of a joined table for one row of the queryset's own."""
    while (join := query.alias_map[alias]).parent_alias is not None:
        if not isinstance(join.join_field, (ForeignKey, OneToOneRel)) and not _is_fixed(query, alias, join):
            return True
        alias = join.parent_alias
    return False


def _is_fixed(query: Any, alias: str, join: Any) -> bool:
    """Whether a filter leaves at most one row of a to-many relation, as that of ``group.user_set`` does."""
    if not isinstance(join.join_field, ManyToOneRel):
        return False
    options = join.join_field.related_model._meta
    fixed = {column for _, column in join.join_cols} | set(_columns_with_one_value(query.where, alias))
    return any(
        {options.get_field(name).column for name in names} <= fixed
        for names in (
            *((field.name,) for field in options.local_concrete_fields if field.unique),
            *options.unique_together,
            *(constraint.fields for constraint in options.total_unique_constraints),
        )
    )


def _columns_with_one_value(where: Any, alias: str) -> Iterator[str]:
    if where.negated or (where.connector != AND and len(where.children) > 1):
        return
    for child in where.children:
        if isinstance(child, WhereNode):
            yield from _columns_with_one_value(child, alias)
        elif (
            isinstance(child, Exact)
            and isinstance(child.lhs, Col)
            and child.lhs.alias == alias
            and child.rhs_is_direct_value()
        ):
            yield child.lhs.target.column


def _is_outer(query: Any, alias: str) -> bool:
    """Whether a joined table may have no row for a row of the queryset's own."""
    while (join := query.alias_map[alias]).parent_alias is not None:
        if join.join_type == LOUTER:
            return True
        alias = join.parent_alias
    return False


def _aliases(expression: Any) -> set[str]:
    """The tables of whose rows an expression takes one, not those that it aggregates; also from within subqueries."""
    if isinstance(expression, Aggregate):
        return set()
    if isinstance(expression, Col):
        return {expression.alias}
    parts: list[Any] = getattr(expression, "get_source_expressions", list)()
    outer = expression.get_external_cols() if hasattr(expression, "get_external_cols") else ()
    return set().union(*(_aliases(part) for part in (*parts, *outer) if part is not None))


def _inside(expression: Any) -> Iterator[Any]:
    """An expression and all that it is made of, within subqueries and conditions too, unlike ``flatten()``."""
    yield expression
    parts: list[Any] = list(getattr(expression, "get_source_expressions", list)())
    if isinstance(expression, Query):
        parts += [expression.where, *expression.annotations.values()]
    for part in parts:
        yield from _inside(part)


def _key_fields(options: Any) -> tuple[Any, ...]:
    # Options.pk_fields came with CompositePrimaryKey, in Django 5.2.
    return tuple(getattr(options, "pk_fields", (options.pk,)))


def _terms(queryset: QuerySet[Any]) -> list[_Term]:
    """The terms of the order, up to the one that makes it unique.

    Raises:
        KeysetError: the order cannot be walked by.
    """
    key = _key_fields(queryset.model._meta)
    if queryset.query.annotations.keys() & {"pk", *(name for field in key for name in (field.name, field.attname))}:
        raise KeysetError("an annotation has the name of the primary key; give it another name")
    terms: list[_Term] = []
    seen: list[Any] = []

    def add(order: OrderBy) -> None:
        query = queryset.query.chain()
        resolved = order.expression.resolve_expression(query, allow_joins=True)
        if resolved not in seen and not isinstance(resolved, Value):
            seen.append(resolved)
            terms.append(_Term(queryset.db, query, order, resolved, key))

    orders = _ordering(queryset.query)
    while not any(term.unique for term in terms) and not {term.key for term in terms}.issuperset(key):
        order = next(orders, None)
        if order is None:
            break
        for part in _parts(order, key):
            add(part)
    else:
        return terms
    # In the direction of the term before, one index serves both ways.
    descending = terms[-1].descending if terms else not queryset.query.standard_ordering
    for part in _parts(OrderBy(F("pk"), descending=descending), key):
        add(part)
    return terms


def _parts(order: OrderBy, key: tuple[Any, ...]) -> list[OrderBy]:
    """A composite primary key, which is no value of its own, as its fields; all else as it is."""
    if len(key) == 1 or not isinstance(order.expression, F) or order.expression.name != "pk":
        return [order]
    return [OrderBy(F(field.attname), descending=order.descending) for field in key]


def _ordering(query: Any) -> Iterator[OrderBy]:
    """What the queryset is sorted by, as in ``SQLCompiler._order_by_pairs`` of django/db/models/sql/compiler.py."""
    if query.extra_order_by:
        raise KeysetError(
            "extra(order_by=...) is SQL that cannot be resumed; use order_by() with fields or expressions"
        )
    options = query.get_meta()
    # The default order does not count for groups.
    default = options.ordering if query.default_ordering and query.group_by is None else ()
    for item in query.order_by or default:
        if hasattr(item, "resolve_expression"):
            order = item.copy() if isinstance(item, OrderBy) else OrderBy(item)
            if not query.standard_ordering:
                order.reverse_ordering()
            yield order
            continue
        name = item.removeprefix("-")
        descending = item.startswith("-") is query.standard_ordering
        if name == "?":
            raise KeysetError(
                "a random order is another one in each query; order by fields, or gather the rows in a list"
            )
        if name in query.annotations:
            yield OrderBy(F(name), descending=descending)
        elif name in query.extra or "." in name:
            raise KeysetError(f"the order by {name} is SQL of extra(), which cannot be resumed; use annotate()")
        else:
            yield from _expanded(name, descending, options)


def _expanded(name: str, descending: bool, options: Any, within: tuple[Any, ...] = ()) -> Iterator[OrderBy]:
    """The order by a field, or by the default order of the model that a relation leads to.

    It follows ``SQLCompiler.find_ordering_name``, which leaves an ``OrderBy`` of that default order as it is, even in a
    descending order.
    """
    field = _field_at(name, options)
    related = field.related_model._meta if field is not None and field.is_relation and field.related_model else None
    last = name.rpartition("__")[2]
    if related is None or not related.ordering or getattr(field, "attname", None) == last or name == "pk":
        yield OrderBy(F(name), descending=descending)
        return
    if field in within:
        raise KeysetError(f"the order by {name} leads in a circle; order by fields")
    for item in related.ordering:
        if hasattr(item, "resolve_expression"):
            order = item if isinstance(item, OrderBy) else OrderBy(item, descending=descending)
            yield order.prefix_references(f"{name}__")
        elif item == "?":
            raise KeysetError(f"the order by {name} is random; order by its fields")
        else:
            inner = item.removeprefix("-")
            yield from _expanded(f"{name}__{inner}", descending is not item.startswith("-"), options, (*within, field))


def _field_at(path: str, options: Any) -> Any:
    """The field at a path like ``author__city``; None where the path ends in a transform, as ``born__year`` does."""
    field = None
    for name in path.split("__"):
        if options is None:
            return None
        try:
            field = options.pk if name == "pk" else options.get_field(name)
        except FieldDoesNotExist:
            return None
        options = field.related_model._meta if field.is_relation and field.related_model else None
    return field


_SHAPES = (ValuesListIterable, NamedValuesListIterable, FlatValuesListIterable)


def _carried_names(queryset: QuerySet[Any]) -> dict[str, int]:
    """The fields that each row carries, with their places in tuples of ``values_list()``; of models, the key alone."""
    if queryset._fields is None:
        return {field.attname: 0 for field in _key_fields(queryset.model._meta)}
    query = queryset.query
    # ValuesListIterable in django/db/models/query.py.
    names = queryset._fields or [*query.extra_select, *query.values_select]
    return {name: index for index, name in enumerate(names) if name not in query.annotations}


def _free_prefix(queryset: QuerySet[Any]) -> str:
    """The beginning of names that neither the model nor the queryset uses."""
    prefix = "keyset_position_"
    taken = (*dir(queryset.model), *queryset.query.annotations, *queryset.query.extra, *(queryset._fields or ()))
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    return prefix


def _prepared(queryset: QuerySet[Any], terms: list[_Term], hidden: dict[str, Any]) -> QuerySet[Any]:
    """The queryset in the order of the terms, with what must be read beside its own columns."""
    if not queryset.query.standard_ordering:
        queryset = queryset.reverse()
    queryset = queryset.order_by(*(term.order for term in terms))
    for name, expression in hidden.items():
        # Not annotate(): for an aggregate after values(), that would group the rows anew.
        queryset.query.add_annotation(expression, name)
    if queryset._iterable_class in _SHAPES:
        queryset._iterable_class = ValuesListIterable
    return queryset


def _reader(
    queryset: QuerySet[Any], carried: dict[str, int], carriers: list[str], hidden: list[str]
) -> Callable[[list[Any]], tuple[list[Any], list[Any]]]:
    """What turns the rows of a query into the rows for the user, without the hidden columns, and their positions."""
    if queryset._iterable_class in _SHAPES:
        indexes = [carried[name] if name not in hidden else hidden.index(name) - len(hidden) for name in carriers]
        return _tuple_reader(queryset, indexes, len(hidden))
    is_dictionary = queryset._iterable_class is ValuesIterable
    if not is_dictionary:
        # ``pk`` is a property that looks this name up, for each row.
        carriers = [queryset.model._meta.pk.attname if name == "pk" else name for name in carriers]
    position_of: Callable[[Any], Any] = (itemgetter if is_dictionary else attrgetter)(*carriers)
    remove: Callable[[Any, str], None] = dict.__delitem__ if is_dictionary else delattr

    def read(rows: list[Any]) -> tuple[list[Any], list[Any]]:
        positions = list(map(position_of, rows))
        for name in hidden:
            for row in rows:
                remove(row, name)
        return rows, positions

    return read


def _tuple_reader(
    queryset: QuerySet[Any], indexes: list[int], hidden: int
) -> Callable[[list[Any]], tuple[list[Any], list[Any]]]:
    position_of: Callable[[Any], Any] = itemgetter(*indexes)
    shape = queryset._iterable_class
    query = queryset.query
    names = queryset._fields or (*query.extra_select, *query.values_select, *query.annotation_select)
    named = create_namedtuple_class(*names) if shape is NamedValuesListIterable else None

    def read(rows: list[Any]) -> tuple[list[Any], list[Any]]:
        positions = list(map(position_of, rows))
        if shape is FlatValuesListIterable:
            return [row[0] for row in rows], positions
        if hidden:
            rows = [row[:-hidden] for row in rows]
        # As NamedValuesListIterable does, which does not count the values.
        return (rows if named is None else [tuple.__new__(named, row) for row in rows]), positions

    return read
