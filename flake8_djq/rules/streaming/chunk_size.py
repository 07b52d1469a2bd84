"""What a call of `iterator()` says about its chunk size."""

from __future__ import annotations

import ast

from flake8_djq.findings import Edit
from flake8_djq.fixes.spans import with_argument
from flake8_djq.querysets.evaluations import Evaluation
from flake8_djq.rules.base import File

__all__ = ["FIRST_WITH_SIZE", "chunk_size_of", "with_chunk_size"]

# The Django whose `QuerySet.iterator()` takes it first; before, the argument is a TypeError.
FIRST_WITH_SIZE = (2, 0)


def with_chunk_size(evaluation: Evaluation, file: File) -> Edit | None:
    """The edit that gives a stream the chunk size of the options."""
    if evaluation.call is None:
        return None
    parts = with_argument(file.source, evaluation.call, f"chunk_size={file.options.chunk_size}")
    return Edit(parts, safe=True) if parts else None


def chunk_size_of(call: ast.Call) -> ast.expr | None:
    """The expression given as `chunk_size`, also a `*args` or `**options` that may hold it."""
    for argument in call.args:
        return argument
    for keyword in call.keywords:
        if keyword.arg in (None, "chunk_size"):
            return keyword.value
    return None
