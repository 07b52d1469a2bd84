"""Which remedy lets rows pass one by one: `.iterator()`, or a keyset iterator where the database would not stream."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from flake8_djq.findings import Edit
from flake8_djq.fixes.imports import import_for
from flake8_djq.fixes.spans import ATOMS, call_on, call_on_inside, pass_instead, pass_to
from flake8_djq.patterns import Pattern
from flake8_djq.project.overview import Production
from flake8_djq.querysets.api import METHODS, Runs
from flake8_djq.querysets.calls import CONSUMERS, WRAPPERS
from flake8_djq.querysets.evaluations import Evaluation, How, Loop
from flake8_djq.querysets.values import QuerySet
from flake8_djq.rules.base import File
from flake8_djq.rules.streaming.chunk_size import FIRST_WITH_SIZE
from flake8_djq.rules.wording import called, spell
from flake8_djq.source import dotted_name, last_name

__all__ = ["Remedy", "keyset_remedy", "no_walk", "remedy_for", "why_no_stream"]

# Databases whose drivers load the whole result first, and why; measured, see the README.
LOADS_EVERYTHING = {
    "mysql": "MySQL's drivers load the whole result even for .iterator()",
    "postgresql-pooled": "without server-side cursors the driver loads the whole result even for .iterator()",
}
# It streams inside a transaction, so nobody is told that it does not; it is no remedy to offer all the same.
BREAKS = "behind a transaction pooler the server-side cursor of .iterator() breaks outside a transaction"
PERHAPS = "on MySQL, which this project may run on, the drivers load the whole result even for .iterator()"
CLOSES = "the loop closes the connection, and a stream with it"
OWN_WRITES = "SQLite may show a stream what its loop has written"
# Databases on which a stream does not see what its loop writes.
ISOLATED = ("postgresql", "oracle")
LOOPS = frozenset({"for", "async for", "comprehension", "yield from", *CONSUMERS, *WRAPPERS}) - {"reversed"}
# Methods of connections and transactions that a stream does not survive.
ENDS_STREAMS = frozenset({"close", "close_all", "commit", "rollback", "set_autocommit", "set_rollback"})
# Of these and of functions the ones that surely do; a command that is run as from a shell closes all when it is done.
CLOSE_CONNECTIONS = frozenset({"close_all", "close_old_connections", "execute_from_command_line", "run_from_argv"})
# Query methods that join tables, or take the rows apart.
JOINS = frozenset({"select_related", "annotate", "alias", "distinct", "extra", "order_by", "reverse"})
# Fields that a model sets itself when a row is saved.
SET_BY_SAVING = Pattern("modif|updat|chang|last|touch")
ASYNC = ("async for", "aiterator")
HELPER = "keyset_iterator"
COMMAND = "flake8-djq keyset PATH"
# The first Django that streams from PostgreSQL: "What's new in Django 1.11".
FIRST_WITH_CURSORS = (1, 11)
TOO_OLD = "Django before 1.11 loads the whole result from PostgreSQL even for .iterator()"
# The first Django whose iterator() prefetches, given a chunk_size: "What's new in Django 4.1".
FIRST_TO_PREFETCH = (4, 1)
DROPS_PREFETCH = "before Django 4.1 .iterator() drops the prefetch"
# The method that names another database than the default one.
USING = "using"
# The oldest Django with which the helper that the command writes works.
OLDEST_FOR_HELPER = (4, 2)


class Remedy(NamedTuple):
    """How to stream, as the end of a message, and the edit that does it on the queryset itself, if one can."""

    text: str
    edit: Callable[[], Edit | None] | None = None


def remedy_for(evaluation: Evaluation, file: File, around: ast.Call | None = None) -> Remedy:
    """The remedy for rows that are gone through once and not needed afterwards.

    ``around`` is the call that makes a list of them, where there is one: it goes away.
    """
    queryset, options, loop = evaluation.queryset, file.options, evaluation.feeds
    problem = no_walk(evaluation)
    if problem:
        return Remedy(problem)
    saves_own_rows = loop is not None and (queryset.model in loop.writes or _may_save_row(loop))
    why, database = why_no_stream(evaluation, file), _database(evaluation, file)
    if not why and database.mysql:
        why = f"{PERHAPS} ({database.mysql})"
    if not why and saves_own_rows and database.name == "sqlite":
        why = OWN_WRITES
    if not why and loop is not None and _closes_connections(loop):
        why = CLOSES
    if not why and queryset.prefetches and not file.django_versions.has(FIRST_TO_PREFETCH):
        return Remedy(f"{DROPS_PREFETCH}: go through it in batches, by key, and prefetch for each")
    if options.remedy == "keyset" or (why and options.remedy == "auto"):
        reason = f"{why}: " if why else ""
        return keyset_remedy(evaluation, file, evaluation.node, around, reason)
    text = f"stream it: {called(evaluation.node, _iterator_call(evaluation, file))}"
    if USING in queryset.steps:
        text += ", or walk it by key if that database is MySQL, whose drivers load the whole result"
    if evaluation.shared and queryset.shared:
        return Remedy(f"if nothing else needs its rows, {text}")
    return Remedy(text, lambda: _iterator(evaluation, file, around))


def no_walk(evaluation: Evaluation) -> str:
    """What to do instead where neither a stream nor a walk by key would be right; "" where one would."""
    queryset, loop = evaluation.queryset, evaluation.feeds
    if "select_for_update" in queryset.steps:
        return "lock them and go through them in batches, by primary key"
    if loop is not None and queryset.model in loop.adds_to:
        return "the loop adds rows to the same table: note its last key before, and walk it by key up to there"
    if loop is not None and queryset.model in loop.saves and _may_move(queryset, loop):
        return "the loop may move its rows within their order: order them by pk, and go through them in batches"
    return ""


def why_no_stream(evaluation: Evaluation, file: File) -> str:
    """Why `.iterator()` is no way to stream on the database of the rows, and who says so; "" where it is one."""
    database = _database(evaluation, file)
    why = BREAKS if database.breaks_cursors else LOADS_EVERYTHING.get(database.name, "")
    if database.name == "postgresql" and not file.django_versions.may_have(FIRST_WITH_CURSORS):
        return TOO_OLD
    return f"{why} ({database.place})" if why and database.place else why


def _database(evaluation: Evaluation, file: File) -> Production:
    """The database that the rows come from. Which one an alias names is not looked up."""
    return Production("auto") if USING in evaluation.queryset.steps else file.database


def _iterator_call(evaluation: Evaluation, file: File) -> str:
    method = "aiterator" if evaluation.by == "async for" else "iterator"
    return (
        f"{method}(chunk_size={file.options.chunk_size})"
        if file.django_versions.has(FIRST_WITH_SIZE)
        else f"{method}()"
    )


def _iterator(evaluation: Evaluation, file: File, around: ast.Call | None) -> Edit | None:
    queryset = evaluation.queryset
    if not _may_edit(evaluation, around) or (evaluation.by == "async for" and queryset.prefetches):
        return None  # aiterator() prefetches from Django 5.0 on only
    call = _iterator_call(evaluation, file)
    if around is not None:
        parts = call_on_inside(file.source, around, evaluation.node, call)
    else:
        parts = call_on(file.source, evaluation.node, call)
    safe = (
        around is None
        and not queryset.prefetches
        and queryset.certain
        and _keeps_order(queryset)
        and _is_closed(evaluation, _database(evaluation, file).name in ISOLATED)
    )
    return Edit(parts, safe) if parts else None


def _may_move(queryset: QuerySet, loop: Loop) -> bool:
    """Whether a loop that saves its rows may change what they are ordered by, so that a walk meets them again."""
    if "order_by" not in queryset.steps or queryset.ordered_by_key:
        return False
    fields = {field.removeprefix("-") for field in queryset.order}
    if "?" in fields or not fields or any(SET_BY_SAVING.search(field) for field in fields):
        return True
    for node in ast.walk(loop.node):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and node.attr in fields:
            return True
        if (
            isinstance(node, ast.Call)
            and not _only_asks(node)
            and any(word.arg in (*fields, None) for word in node.keywords)
        ):
            return True
        if isinstance(node, ast.Name) and node.id == "setattr":
            return True
    return any(isinstance(node, ast.Call) and _gets_row(node, loop.node) for node in ast.walk(loop.node))


def _only_asks(call: ast.Call) -> bool:
    """Whether a call is that of a query method which writes nothing: its keywords are lookups."""
    method = METHODS.get(call.func.attr) if isinstance(call.func, ast.Attribute) else None
    return method is not None and method.runs is not Runs.WRITE


def _may_change_row(loop: Loop) -> bool:
    """Whether a loop calls a method of its rows that nobody knows: ``page.move(...)``."""
    target = getattr(loop.node, "target", None)
    return loop.opaque and any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and isinstance(target, ast.Name)
        and node.func.value.id == target.id
        for node in ast.walk(loop.node)
    )


def _may_save_row(loop: Loop) -> bool:
    """Whether code that nobody can follow is handed the row of a loop, or is a method of it."""
    return loop.opaque and (
        _may_change_row(loop)
        or any(isinstance(node, ast.Call) and _gets_row(node, loop.node) for node in ast.walk(loop.node))
    )


def _closes_connections(loop: Loop) -> bool:
    """Whether a loop closes the connection that its rows come over."""
    return any(
        isinstance(node, ast.Call)
        and (last_name(node.func) in CLOSE_CONNECTIONS or dotted_name(node.func) == "connection.close")
        for node in ast.walk(loop.node)
    )


def _gets_row(call: ast.Call, loop: ast.AST) -> bool:
    """Whether a call is handed the row of a loop, which it may change."""
    target = getattr(loop, "target", None)
    given = (*call.args, *(word.value for word in call.keywords))
    return isinstance(target, ast.Name) and any(isinstance(part, ast.Name) and part.id == target.id for part in given)


def _keeps_order(queryset: QuerySet) -> bool:
    """Whether the rows come in the same order: PostgreSQL plans a cursor for its first rows, which shows in joins.

    Measured: with ``select_related`` and no order all of 10,000 rows came elsewhere, with an order that has ties 8,967.
    """
    if queryset.totally_ordered:
        return True
    return queryset.walkable and not queryset.ordered and not JOINS & set(queryset.steps)


def _is_closed(evaluation: Evaluation, isolated: bool) -> bool:
    """Whether nothing can happen between the first row and the last that a stream would notice."""
    loop = evaluation.feeds
    if loop is None:
        return evaluation.by in CONSUMERS
    if loop.writes and not isolated:
        return False  # also to other tables: a delete cascades, a signal saves more
    if (
        loop.opaque
        or isinstance(loop.node, ast.GeneratorExp)
        or evaluation.by not in ("for", "async for", "comprehension")
    ):
        return False
    return not any(
        isinstance(node, ast.Yield | ast.YieldFrom | ast.Await)
        or (isinstance(node, ast.Attribute) and node.attr in ENDS_STREAMS)
        for node in ast.walk(loop.node)
    )


def _may_edit(evaluation: Evaluation, around: ast.Call | None) -> bool:
    return (evaluation.by in LOOPS or around is not None) and not evaluation.shared


def keyset_remedy(evaluation: Evaluation, file: File, node: ast.expr, around: ast.Call | None, reason: str) -> Remedy:
    """The keyset iterator over ``node``.

    It walks in the order of the queryset, of ``Meta.ordering`` too: where its rows are saved on the way, or nobody sees
    what becomes of them, it gets the order of the primary key first. Rows that move forward would come again, for ever.
    """
    options, source, queryset, loop = file.options, file.source, evaluation.queryset, evaluation.feeds
    is_unseen = loop is None and evaluation.how is How.STREAM and "order_by" not in queryset.steps
    may_save = (queryset.model in loop.saves or _may_change_row(loop)) if loop is not None else is_unseen
    # An order that is written out means something, and stays where it has been seen that the loop moves no row in it.
    is_seen = loop is not None and not _may_change_row(loop) and not _may_move(queryset, loop)
    is_kept = "order_by" in queryset.steps and is_seen
    by_key = '.order_by("pk")' if may_save and not is_kept and not queryset.ordered_by_key else ""
    if not queryset.walkable or queryset.sliced or queryset.combined or queryset.groups:
        order = "its order and " if "order_by" in queryset.steps and not queryset.ordered_by_key else ""
        return Remedy(f"{reason}go through it in batches, by {order}key")
    helper = options.keyset_helper
    if not helper:
        order = "order it by pk and " if by_key else ""
        how = f" ('{COMMAND}' writes the iterator for that)" if file.django_versions.may_have(OLDEST_FOR_HELPER) else ""
        return Remedy(f"{reason}{order}walk it by key{how}")
    is_async, has_twin = evaluation.by in ASYNC, helper.endswith(f".{HELPER}")
    if is_async and has_twin:
        helper = helper.removesuffix(HELPER) + f"a{HELPER}"
    more = by_key + ("" if options.chunk_size == 2000 else f", chunk_size={options.chunk_size}")
    imported = import_for(source, helper)
    name = imported[0] if imported else helper.rpartition(".")[2]
    text = f"{reason}walk it by key: {name}({spell(node)}{more})"
    if imported is None or not _may_edit(evaluation, around) or (is_async and not has_twin):
        return Remedy(text)
    if by_key and not isinstance(node, ATOMS):
        return Remedy(text)

    def edit() -> Edit | None:
        if around is None:
            return Edit(pass_to(source, node, name, more), safe=False, needs=imported[1])
        parts = pass_instead(source, around, node, name, more)
        return Edit(parts, safe=False, needs=imported[1]) if parts else None

    return Remedy(text, edit)
