"""Regular expressions that are compiled when they are first asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property

__all__ = ["Pattern"]


class Pattern:
    """What ``re.compile`` gives, later: an editor's run over one file asks few of the linter's many patterns.

    The arguments are those of ``re.compile``, and the methods those of ``re.Pattern``.
    """

    def __init__(self, expression: str, flags: int = 0) -> None:
        self._expression = expression
        self._flags = flags

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._expression, self._flags)

    @cached_property
    def search(self) -> Callable[[str], re.Match[str] | None]:
        """As ``re.Pattern.search``."""
        return self._compiled.search

    @cached_property
    def match(self) -> Callable[[str], re.Match[str] | None]:
        """As ``re.Pattern.match``."""
        return self._compiled.match

    @cached_property
    def fullmatch(self) -> Callable[[str], re.Match[str] | None]:
        """As ``re.Pattern.fullmatch``."""
        return self._compiled.fullmatch

    @cached_property
    def findall(self) -> Callable[[str], list[str]]:
        """As ``re.Pattern.findall``."""
        return self._compiled.findall

    @cached_property
    def finditer(self) -> Callable[[str], Iterator[re.Match[str]]]:
        """As ``re.Pattern.finditer``."""
        return self._compiled.finditer

    @cached_property
    def sub(self) -> Callable[[str, str], str]:
        """As ``re.Pattern.sub``."""
        return self._compiled.sub
