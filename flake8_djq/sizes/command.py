"""``flake8-djq table-sizes``: write how many rows the tables of a project hold, for ``djq-table-sizes``."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from flake8_djq.options import LARGE_TABLE
from flake8_djq.sizes.models import CannotMeasure, Measured, Table, measure, start_django
from flake8_djq.table_sizes import FORMAT, Size, rounded

__all__ = ["write_table_sizes"]

STANDARD_OUTPUT = "-"


def write_table_sizes(settings: str, output: str, folder: Path) -> int:
    """Write the file, and print the option that names it; gives the exit code, 2 when there is no file.

    Args:
        settings: the dotted name of the settings module; "" for what the environment says.
        output: the path of the file, or "-" for standard output.
        folder: where to import the settings from.
    """
    settings = settings or os.environ.get("DJANGO_SETTINGS_MODULE", "")
    try:
        if not settings:
            raise CannotMeasure("--settings names the settings module, such as shop.settings.production")
        version = start_django(settings, folder)
        measured = measure()
        for model, reason in sorted(measured.left_out.items()):
            print(f"flake8-djq table-sizes: left out {model}: {reason}", file=sys.stderr)
        if not measured.tables:
            raise CannotMeasure("none of the models has a table there; nothing is written")
        if all(_is_small(table) for table in measured.tables):
            doubt = f"no table has {LARGE_TABLE:,} rows; is this the database of production?"
            print(f"flake8-djq table-sizes: {doubt}", file=sys.stderr)
        text = _text(measured, version)
        if output == STANDARD_OUTPUT:
            sys.stdout.write(text)
            return 0
        try:
            _write(Path(output), text)
        except OSError as error:
            raise CannotMeasure(f"cannot write {output}: {error.strerror or error}") from None
    except CannotMeasure as error:
        print(f"flake8-djq table-sizes: {error}", file=sys.stderr)
        return 2
    print(f"wrote the sizes of {len(measured.tables)} models; to use them, set in flake8's configuration:\n")
    print(f"[flake8]\ndjq-table-sizes = {output}")
    return 0


def _is_small(table: Table) -> bool:
    return Size(table.model, *table.estimate).is_under(LARGE_TABLE)


def _text(measured: Measured, version: str) -> str:
    """The content of the file: one model a line, in an order that does not change."""
    models: dict[str, Any] = {}
    for table in measured.tables:
        rows, at_least = table.estimate
        models[table.model] = {"table": table.name, "rows": rows if rows is None else rounded(rows)}
        if at_least:
            models[table.model]["at_least"] = True
    lines = [f"    {json.dumps(model)}: {json.dumps(models[model])}" for model in sorted(models)]
    head = {
        "format": FORMAT,
        "date": datetime.now(timezone.utc).date().isoformat(),  # Django sets the time zone of the settings
        "django": version,
        "databases": dict(sorted(measured.databases.items())),
    }
    tops = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    return "{\n" + ",\n".join(tops) + ',\n  "models": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def _write(path: Path, text: str) -> None:
    """Write a file so that it is whole at any moment."""
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")  # a device or a pipe; a folder is an error
        return
    half = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with half.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            shutil.copymode(path, half)
        half.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise
