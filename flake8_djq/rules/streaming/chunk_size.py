"""What a call of `iterator()` says about its chunk size."""

from __future__ import annotations

import ast

__all__ = ["chunk_size_of"]


def chunk_size_of(call: ast.Call) -> ast.expr | None:
    """The expression given as `chunk_size`, also a `*args` or `**options` that may hold it."""
    for argument in call.args:
        return argument
    for keyword in call.keywords:
        if keyword.arg in (None, "chunk_size"):
            return keyword.value
    return None
