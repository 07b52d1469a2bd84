"""What each file of a project says for the whole of it: its calls, and the names of its relations. Everything is JSON.

As a process of its own it reads paths and module names from standard input and writes their facts: see ``read_facts``.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flake8_djq.patterns import Pattern
from flake8_djq.project.calls import NOTHING, FileCalls, file_calls
from flake8_djq.project.files import Files
from flake8_djq.project.relations import relations_of
from flake8_djq.source import Source

if TYPE_CHECKING:
    import subprocess

__all__ = ["FileFacts", "calls_of", "main", "read_facts"]

# {"calls": the parts of FileCalls, "models": what relations_of says, "relations": names}
FileFacts = dict[str, Any]

RELATED_NAME = Pattern(r"""\brelated_name\s*=\s*["'](\w+)["']""")
TO_MANY = Pattern(
    r"^[ \t]+(\w+)\s*=\s*(?:\w+\.)*(?:ManyToManyField|GenericRelation|ParentalManyToManyField)\(", re.MULTILINE
)
# So many files are read by one process; a second one costs as much to start as it takes to read some fifty.
SHARE = 100
# Another process may find another copy of the linter, whose facts may be of another form.
COMMAND = (
    "import sys; sys.path = [part for part in sys.path if part]; from flake8_djq.project import facts;"
    " sys.exit(1) if facts.__file__ != sys.argv[1] else facts.main()"
)


def calls_of(facts: FileFacts) -> FileCalls:
    """The calls of a file."""
    return FileCalls(*facts["calls"])


def read_facts(files: Sequence[tuple[str, str]], parsed: Source | None = None) -> list[FileFacts]:
    """The facts of files, given as path and dotted name, in their order; a long list is shared with other processes.

    ``parsed`` is a file that is parsed already; its text may be another one than that on disk, as in an editor.
    flake8's own workers may have no children of multiprocessing: a plain process does.
    """
    shares = min(os.cpu_count() or 1, 4, 1 + len(files) // SHARE)
    parts = [list(files[index::shares]) for index in range(shares)]
    processes = [_start(part) for part in parts[1:]]
    results = [_facts_of(parts[0], parsed)]
    results += [_finish(process, part) for process, part in zip(processes, parts[1:], strict=True)]
    return [results[index % shares][index // shares] for index in range(len(files))]


def _start(part: list[tuple[str, str]]) -> subprocess.Popen[bytes] | None:
    import subprocess  # a run that reads few files again needs none

    try:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(part).encode())
        process.stdin.close()
    except OSError:
        return None
    return process


def _finish(process: subprocess.Popen[bytes] | None, part: list[tuple[str, str]]) -> list[FileFacts]:
    """What a process has found; what it could not say is found here."""
    if process is not None and process.stdout is not None:
        output = process.stdout.read()
        if process.wait() == 0:
            found: list[FileFacts] = json.loads(output)
            return found
    return _facts_of(part)


def _facts_of(part: Sequence[tuple[str, str]], parsed: Source | None = None) -> list[FileFacts]:
    known = os.path.abspath(parsed.path) if parsed is not None else ""
    with _no_collection():
        return [_facts(path, module, parsed if path == known else None) for path, module in part]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Trees have no circles: looking for some in them takes a fifth of the time of reading files."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _facts(path: str, module: str, parsed: Source | None) -> FileFacts:
    """The facts of one file; none of a file that Python cannot read."""
    try:
        text = Files(None).text(Path(path))
        if text is None:
            return {"calls": list(NOTHING), "models": {}, "relations": []}
        if parsed is not None and parsed.text == text:
            tree = parsed.tree
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        source = Source(path, text, tree)
        calls, models = file_calls(source, module), relations_of(source, module)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"calls": list(NOTHING), "models": {}, "relations": []}
    # The patterns are slow, and a file without these words fits none of them.
    may_name = "classes" in models or "related_name" in text
    names = {*RELATED_NAME.findall(text), *TO_MANY.findall(text)} if may_name else ()
    return {"calls": list(calls), "models": models, "relations": sorted(names)}


def main() -> None:
    """Read files for another process."""
    part = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(_facts_of(part)))
