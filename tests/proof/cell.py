"""One cell of the table, in a process of its own: one way through the rows of one database.

``python -m tests.proof.cell`` reads ``{"database": ..., "way": ..., "rows": ..., "keyset": ...}`` from its standard
input and prints what ``run`` gives as JSON. It is idle when Django is set up, the connection open and one row read.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.proof import shop
from tests.proof.rows import tally

CHUNK = 2000

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def plain(queryset: Any) -> Iterator[Any]:
    """A loop over the queryset itself."""
    yield from queryset


def iterator(queryset: Any) -> Iterator[Any]:
    """Django's own remedy."""
    yield from queryset.iterator(chunk_size=CHUNK)


def paginator(queryset: Any) -> Iterator[Any]:
    """Page by page, by offset."""
    from django.core.paginator import Paginator

    pages = Paginator(queryset, CHUNK)
    for number in pages.page_range:
        yield from pages.page(number).object_list


def keyset(name: str) -> Callable[[Any], Iterator[Any]]:
    """The keyset iterator, or the function that stands in for it, by its dotted name."""
    module, _, attribute = name.rpartition(".")
    function = getattr(import_module(module), attribute)

    def walk(queryset: Any) -> Iterator[Any]:
        yield from function(queryset, chunk_size=CHUNK)

    return walk


def run(way: str, rows: int, keyset_name: str) -> dict[str, float | int]:
    """Go one way through the first ``rows`` rows; Django is set up.

    Returns:
        The tally of the rows; ``idle`` and ``peak``, the resident memory before and at its highest since, in bytes;
        ``started`` and ``ended``, in seconds of the machine's monotonic clock, which other processes share;
        ``processor``, the seconds of processor time of this process.
    """
    from django.apps import apps

    go = keyset(keyset_name) if way == "keyset" else {"plain": plain, "iterator": iterator, "paginator": paginator}[way]
    events = apps.get_model("reports", "Event").objects
    events.order_by("pk").first()
    _give_back()
    _forget_peak()
    idle = resident("self")
    started, busy = time.monotonic(), time.process_time()
    found = tally(go(events.filter(pk__lte=rows).order_by("pk")))
    ended, processor = time.monotonic(), time.process_time() - busy
    memory = {"idle": idle, "peak": _peak()}
    return {**asdict(found), **memory, "started": started, "ended": ended, "processor": processor}


def _give_back() -> None:
    """Give the memory back that imports have left free: it would be filled without being counted."""
    gc.collect()
    with contextlib.suppress(AttributeError):  # glibc has it, others do not.
        ctypes.CDLL(None).malloc_trim(0)


def resident(process: int | str) -> int:
    """The resident memory of a process, in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES


def _forget_peak() -> None:
    """Make the kernel count the peak from here on."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The highest resident memory since ``_forget_peak``, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")


if __name__ == "__main__":
    job = json.load(sys.stdin)
    shop.set_up(job["database"])
    print(json.dumps(run(job["way"], job["rows"], job["keyset"])))
