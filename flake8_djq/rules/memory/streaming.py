"""Which remedy lets rows pass one by one: `.iterator()`, or a keyset iterator where the database would not stream."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from flake8_djq.findings import Edit
from flake8_djq.fixes.imports import import_for
from flake8_djq.fixes.spans import call_on, call_on_inside, insert_after, pass_to, replace
from flake8_djq.querysets.calls import CONSUMERS, WRAPPERS
from flake8_djq.querysets.evaluations import Evaluation
from flake8_djq.rules.base import File
from flake8_djq.rules.wording import spell, streamed

__all__ = ["Remedy", "remedy_for"]

# Databases whose drivers load the whole result first, and why; measured, see the README.
LOADS_EVERYTHING = {
    "mysql": "MySQL's drivers load the whole result even for .iterator()",
    "postgresql-pooled": "without server-side cursors the driver loads the whole result even for .iterator()",
}
OWN_WRITES = "SQLite may show a stream what its loop has written"
# Databases on which a stream does not see what its loop writes.
ISOLATED = ("postgresql", "oracle")
LOOPS = frozenset({"for", "async for", "comprehension", "yield from", *CONSUMERS, *WRAPPERS}) - {"reversed"}
HELPER = "keyset_iterator"


@dataclass(frozen=True)
class Remedy:
    """How to stream, as the end of a message, and the edit that does it on the queryset itself, if one can."""

    text: str
    edit: Edit | None


def remedy_for(evaluation: Evaluation, file: File, around: ast.Call | None = None) -> Remedy:
    """The remedy for rows that are gone through once and not needed afterwards.

    ``around`` is the call that makes a list of them, where there is one: it goes away.
    """
    queryset, options = evaluation.queryset, file.options
    if "select_for_update" in queryset.steps:
        return Remedy("lock them and go through them in batches, by primary key", None)
    saves_own_rows = evaluation.feeds is not None and queryset.model in evaluation.feeds.writes
    why = LOADS_EVERYTHING.get(options.database, "")
    if not why and options.database == "sqlite" and saves_own_rows:
        why = OWN_WRITES
    walks = queryset.walkable and not (queryset.sliced or queryset.combined or queryset.groups)
    if options.remedy == "keyset" and walks:
        return _keyset(evaluation, file, around, "")
    if why and options.remedy != "iterator":
        return (
            _keyset(evaluation, file, around, why)
            if walks
            else Remedy(f"{why}: go through it in batches, by key", None)
        )
    text = f"stream it: {streamed(evaluation, options.chunk_size)}"
    if evaluation.shared and queryset.shared:
        return Remedy(f"if nothing else needs its rows, {text}", None)
    return Remedy(text, _iterator(evaluation, file, around, saves_own_rows))


def _iterator(evaluation: Evaluation, file: File, around: ast.Call | None, saves_own_rows: bool) -> Edit | None:
    queryset = evaluation.queryset
    if not _may_edit(evaluation, around) or (evaluation.by == "async for" and queryset.prefetches):
        return None  # aiterator() prefetches from Django 5.0 on only
    method = "aiterator" if evaluation.by == "async for" else "iterator"
    call = f"{method}(chunk_size={file.options.chunk_size})"
    if around is not None:
        parts = call_on_inside(file.source, around, evaluation.node, call)
    else:
        parts = call_on(file.source, evaluation.node, call)
    safe = (
        around is None
        and not queryset.prefetches
        and queryset.certain
        and _is_closed(evaluation)
        and (not saves_own_rows or file.options.database in ISOLATED)
    )
    return Edit(parts, safe) if parts else None


def _is_closed(evaluation: Evaluation) -> bool:
    """Whether nothing unknown can happen between the first row and the last."""
    loop = evaluation.feeds
    if loop is None:
        return evaluation.by in CONSUMERS
    if (
        loop.opaque
        or isinstance(loop.node, ast.GeneratorExp)
        or evaluation.by not in ("for", "async for", "comprehension")
    ):
        return False
    return not any(isinstance(node, ast.Yield | ast.YieldFrom | ast.Await) for node in ast.walk(loop.node))


def _may_edit(evaluation: Evaluation, around: ast.Call | None) -> bool:
    return (evaluation.by in LOOPS or around is not None) and not evaluation.shared


def _keyset(evaluation: Evaluation, file: File, around: ast.Call | None, why: str) -> Remedy:
    options, source = file.options, file.source
    helper = options.keyset_helper
    reason = f"{why}: " if why else ""
    if not helper:
        return Remedy(f"{reason}walk it by key ('flake8-djq keyset PATH' writes the iterator for that)", None)
    is_async, has_twin = evaluation.by == "async for", helper.endswith(f".{HELPER}")
    if is_async and has_twin:
        helper = helper.removesuffix(HELPER) + f"a{HELPER}"
    size = "" if options.chunk_size == 2000 else f", chunk_size={options.chunk_size}"
    imported = import_for(source, helper)
    name = imported[0] if imported else helper.rpartition(".")[2]
    text = f"{reason}walk it by key: {name}({spell(evaluation.node)}{size})"
    if imported is None or not _may_edit(evaluation, around) or (is_async and not has_twin):
        return Remedy(text, None)
    if around is None:
        parts = pass_to(source, evaluation.node, name, size)
    else:
        parts = (*(replace(source, around.func, name) or ()), *insert_after(source, evaluation.node, size))
    return Remedy(text, Edit(parts, safe=False, needs=imported[1]))
