"""One table of Django's QuerySet API: what each method returns, runs, and changes.

Source: ``django/db/models/query.py`` and ``manager.py`` of Django 4.2, 5.0, 5.1 and 5.2, and the QuerySet API
reference. A test holds the table against the installed Django, so a method that Django adds or drops shows.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["METHODS", "OTHER_NAMES", "RAW_METHODS", "Gives", "Method", "Runs"]


class Gives(Enum):
    """What a method returns."""

    QUERYSET = "a new queryset with an empty result cache"
    RAW = "a RawQuerySet"
    STREAM = "an iterator that fills no cache"
    ROW = "one row"
    ROW_OR_NONE = "one row or None"
    ROW_AND_CREATED = "a row and whether it is new"
    ROWS = "a list of rows"
    MAPPING = "a dict of rows by key"
    NUMBER = "a number"
    TRUTH = "True or False"
    VALUES = "a dict of values"
    MANAGER = "a manager"
    OTHER = "something that holds no rows"


class Runs(Enum):
    """When a method runs SQL."""

    NOTHING = "builds a query only"
    QUERY = "runs a query of its own at each call"
    UNLESS_CACHED = "runs a query of its own unless the result cache is filled"
    WRITE = "changes rows"
    LATER = "runs a query once its result is iterated"


class Method(NamedTuple):
    """One row of the table. ``asynchronous`` marks the twins whose result is awaited (or looped by ``async for``).

    ``effect`` says what a method that gives a queryset does to the query:

    - ``filters``: it may leave fewer rows, by the lookups given
    - ``orders``: it sets the order
    - ``prefetches``, ``selects``: it loads related rows
    - ``values``: rows are dicts or tuples instead of models
    - ``groups``: each distinct value comes once, so the result is small
    - ``empties``: there are no rows
    - ``combines``: the query can be neither filtered nor sliced freely afterwards
    - ``same``: the query stays as it is; only the cache is new
    """

    name: str
    gives: Gives
    runs: Runs
    effect: str = ""
    asynchronous: bool = False


def _table() -> dict[str, Method]:
    queryset, nothing = Gives.QUERYSET, Runs.NOTHING
    rows = [
        Method("all", queryset, nothing, "same"),
        Method("using", queryset, nothing, "same"),
        Method("filter", queryset, nothing, "filters"),
        Method("exclude", queryset, nothing),
        Method("complex_filter", queryset, nothing, "filters"),
        Method("annotate", queryset, nothing, "annotates"),
        Method("alias", queryset, nothing),
        Method("order_by", queryset, nothing, "orders"),
        Method("reverse", queryset, nothing),
        Method("distinct", queryset, nothing, "distinct"),
        Method("values", queryset, nothing, "values"),
        Method("values_list", queryset, nothing, "values"),
        Method("dates", queryset, nothing, "groups"),
        Method("datetimes", queryset, nothing, "groups"),
        Method("none", queryset, nothing, "empties"),
        Method("union", queryset, nothing, "combines"),
        Method("intersection", queryset, nothing, "combines"),
        Method("difference", queryset, nothing, "combines"),
        Method("select_related", queryset, nothing, "selects"),
        Method("prefetch_related", queryset, nothing, "prefetches"),
        Method("extra", queryset, nothing),
        Method("defer", queryset, nothing),
        Method("only", queryset, nothing),
        Method("select_for_update", queryset, nothing),
        Method("raw", Gives.RAW, nothing),
        Method("iterator", Gives.STREAM, Runs.LATER),
        Method("get", Gives.ROW, Runs.QUERY),
        Method("first", Gives.ROW_OR_NONE, Runs.QUERY),
        Method("last", Gives.ROW_OR_NONE, Runs.QUERY),
        Method("earliest", Gives.ROW, Runs.QUERY),
        Method("latest", Gives.ROW, Runs.QUERY),
        Method("in_bulk", Gives.MAPPING, Runs.QUERY),
        Method("count", Gives.NUMBER, Runs.UNLESS_CACHED),
        Method("exists", Gives.TRUTH, Runs.UNLESS_CACHED),
        Method("contains", Gives.TRUTH, Runs.UNLESS_CACHED),
        Method("aggregate", Gives.VALUES, Runs.QUERY),
        Method("explain", Gives.OTHER, Runs.QUERY),
        Method("create", Gives.ROW, Runs.WRITE),
        Method("get_or_create", Gives.ROW_AND_CREATED, Runs.WRITE),
        Method("update_or_create", Gives.ROW_AND_CREATED, Runs.WRITE),
        Method("bulk_create", Gives.ROWS, Runs.WRITE),
        Method("bulk_update", Gives.NUMBER, Runs.WRITE),
        Method("update", Gives.NUMBER, Runs.WRITE),
        Method("delete", Gives.OTHER, Runs.WRITE),
    ]
    table = {row.name: row for row in rows}
    for row in rows:
        if row.runs is not nothing:
            table["a" + row.name] = Method("a" + row.name, row.gives, row.runs, row.effect, asynchronous=True)
    return table


# Methods of querysets; managers have them too, besides those in MANAGERS_LACK.
METHODS = _table()

RAW_METHODS = {
    "iterator": Method("iterator", Gives.STREAM, Runs.LATER),
    "prefetch_related": Method("prefetch_related", Gives.RAW, Runs.NOTHING, "prefetches"),
    "using": Method("using", Gives.RAW, Runs.NOTHING, "same"),
}

# Public names that are no query: attributes, and what only Django itself or a class body calls.
OTHER_NAMES = frozenset(
    {"as_manager", "db", "ordered", "query", "resolve_expression"}  # QuerySet
    | {
        "auto_created",
        "check",
        "contribute_to_class",
        "creation_counter",
        "deconstruct",
        "use_in_migrations",
    }  # Manager
    | {"columns", "model_fields", "resolve_model_init_order"}  # RawQuerySet
)

# Methods of managers alone.
MANAGER_METHODS = {
    "get_queryset": Method("get_queryset", Gives.QUERYSET, Runs.NOTHING, "same"),
    "db_manager": Method("db_manager", Gives.MANAGER, Runs.NOTHING),
    "from_queryset": Method("from_queryset", Gives.OTHER, Runs.NOTHING),
}
