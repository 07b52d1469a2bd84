"""The file that tells the linter how many rows the tables of production hold, and what it says of a model.

``flake8-djq table-sizes`` writes it (see ``sizes/command.py``), the option ``djq-table-sizes`` names it. It holds no
data of the tables and nothing of how their database is reached, so that it can stand in a repository::

    {
      "format": 1,
      "date": "2026-05-04",
      "django": "5.2.8",
      "databases": {"default": "postgresql"},
      "models": {
        "reports.DailySales": {"table": "reports_dailysales", "rows": 1090},
        "reports.Event": {"table": "reports_event", "rows": 10200000}
      }
    }

``rows`` is null where the database does not know; with ``"at_least": true`` there are so many or more. The linter reads
``format`` and the rows, and leaves the rest to people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["DEFAULT_OUTPUT", "FORMAT", "BadSizes", "Size", "TableSizes", "read_sizes", "rounded"]

DEFAULT_OUTPUT = "djq-table-sizes.json"
FORMAT = 1
UNITS = ((1_000_000_000, "billion"), (1_000_000, "million"))


class BadSizes(ValueError):
    """A file does not hold table sizes that can be read; the text says why, as a clause."""


class Size(NamedTuple):
    """How many rows the table of one model holds.

    ``model`` is its label, ``app_label.Model``. ``rows`` is None where that is not known; with ``at_least`` there may
    be more of them.
    """

    model: str
    rows: int | None
    at_least: bool = False

    @property
    def name(self) -> str:
        """The bare name of the model, which is what the code shows."""
        return self.model.rpartition(".")[2]

    def is_under(self, rows: int) -> bool:
        """Whether the table surely has fewer rows than these."""
        return self.rows is not None and not self.at_least and self.rows < rows


@dataclass(frozen=True)
class TableSizes:
    """The sizes of one file."""

    sizes: tuple[Size, ...]

    @cached_property
    def _by_name(self) -> Mapping[str, list[Size]]:
        found: dict[str, list[Size]] = {}
        for size in self.sizes:
            found.setdefault(size.name, []).append(size)
        return found

    def under(self, rows: int) -> frozenset[str]:
        """The bare names of the models with fewer rows than these; of models of one name, all have to be so small."""
        return frozenset(name for name, sizes in self._by_name.items() if all(size.is_under(rows) for size in sizes))

    def words_for(self, name: str) -> str:
        """What is known of a model by its bare name, as in "Event has about 10.2 million rows"; "" for nothing.

        Where several apps have a model of that name it is the largest, with its app.
        """
        sizes = self._by_name.get(name, [])
        if not sizes or any(size.rows is None for size in sizes):
            return ""
        largest = max(sizes, key=lambda size: (size.rows or 0, size.at_least))
        return f"{name if len(sizes) == 1 else largest.model} has {_number(largest)}"


def rounded(rows: int) -> int:
    """A number of rows to 1 or 2 %, so that the file changes when a table does: 10,234,567 is 10,200,000."""
    digits = 3 if str(rows).startswith("1") else 2
    return round(rows, min(0, digits - len(str(rows))))


def _number(size: Size) -> str:
    rows = rounded(size.rows or 0)
    text = f"{rows:,}"
    for unit, word in UNITS:
        if rows >= unit:
            text = f"{rows / unit:,.2f}".rstrip("0").rstrip(".") + f" {word}"
            break
    return f"{'at least' if size.at_least else 'about'} {text} row{'' if rows == 1 else 's'}"


def read_sizes(path: Path) -> TableSizes:
    """Read the file of ``flake8-djq table-sizes``.

    Raises BadSizes where there is none, or one that is broken, of another shape, or of a newer version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadSizes(error.strerror or str(error)) from None
    except (ValueError, RecursionError) as error:
        raise BadSizes(f"it is no JSON: {error}") from None
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise BadSizes("it is another file")
    if content["format"] > FORMAT:
        raise BadSizes(f"its format {content['format']} is newer than this flake8-djq, which reads {FORMAT}")
    models = content.get("models")
    if not isinstance(models, dict):
        raise BadSizes('it has no "models"')
    return TableSizes(tuple(_size(model, entry) for model, entry in models.items()))


def _size(model: str, entry: Any) -> Size:
    rows = entry.get("rows", "") if isinstance(entry, dict) else ""
    at_least = entry.get("at_least", False) if isinstance(entry, dict) else False
    if (rows is not None and (type(rows) is not int or rows < 0)) or type(at_least) is not bool:
        raise BadSizes(f"what it says of {model} is no number of rows")
    return Size(model, rows, at_least)
