"""What a rule says about one place of a file, and the edit that would mend it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Edit", "Finding"]


@dataclass(frozen=True)
class Edit:
    """A replacement of one span of a file's text.

    ``start`` and ``end`` are offsets in characters into the text of the file; ``safe`` says that the program keeps
    its rows, their order and its visible effects on every supported database.
    """

    start: int
    end: int
    replacement: str
    safe: bool


@dataclass(frozen=True)
class Finding:
    """One violation.

    ``line`` counts from 1 and ``column`` from 0, in characters, as flake8 wants them. ``message`` holds the remedy in
    the user's own names and does not repeat the code.
    """

    line: int
    column: int
    code: str
    message: str
    edit: Edit | None = None
