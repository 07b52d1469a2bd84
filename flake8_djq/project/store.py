"""What is known of a project's files, kept on disk between runs.

A cache and nothing more: whatever goes wrong with it, a run only takes longer. SQLite lets several processes write at
once, and an entry can be read without the others.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "Store"]

# Beside the caches of other tools, in the root of the project.
FOLDER = ".flake8_djq_cache"
IGNORE_ALL = "# Made by flake8-djq; it may be deleted at any time.\n*\n"
# Seconds to wait for another process that writes.
PATIENCE = 2.0
# Seconds after which what another version or other options have written goes.
OLD = 7 * 24 * 3600


class Store:
    """Texts by key, for one version of the plugin. ``folder`` is the root of the project; None keeps nothing."""

    def __init__(self, folder: Path | None, version: str) -> None:
        self._folder = folder / FOLDER if folder is not None else None
        self._version = version
        self._connection: sqlite3.Connection | None = None
        if self._folder is not None and self._file.exists():
            self._open()

    @property
    def _file(self) -> Path:
        assert self._folder is not None
        return self._folder / f"index-{self._version}.sqlite3"

    def read(self, key: str) -> Any:
        """The value kept under a key, or None."""
        if self._connection is None:
            return None
        try:
            row = self._connection.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
            return json.loads(row[0]) if row else None
        except (sqlite3.Error, ValueError):
            self._start_anew()
            return None

    def write(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold."""
        if self._connection is None and self._folder is not None:
            self._create()
        if self._connection is None:
            return
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?)", (key, json.dumps(value, separators=(",", ":")))
            )
        except sqlite3.OperationalError:
            return  # locked for too long, or the disk is full: the next run asks again
        except sqlite3.Error:
            self._start_anew()

    @contextlib.contextmanager
    def many(self) -> Iterator[None]:
        """Write many values at once: to others they come all together."""
        self._say("BEGIN")
        try:
            yield
        finally:
            self._say("COMMIT")

    def _say(self, statement: str) -> None:
        if self._connection is None and self._folder is not None:
            self._create()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute(statement)

    def _create(self) -> None:
        assert self._folder is not None
        try:
            self._folder.mkdir(exist_ok=True)
            ignore = self._folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text(IGNORE_ALL, encoding="utf-8")
            for other in self._folder.glob("index-*.sqlite3"):
                if time.time() - other.stat().st_mtime > OLD:
                    other.unlink()
        except OSError:
            self._folder = None  # a disk that cannot be written to
            return
        self._open()

    def _open(self) -> None:
        """Open the file; a second try after a broken one was taken away."""
        try:
            self._connection = self._connect()
        except sqlite3.OperationalError:
            self._folder = None  # read-only, or locked
        except sqlite3.Error:
            self._remove()
            with contextlib.suppress(sqlite3.Error):
                self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")  # a lost entry is read anew
        connection.execute("CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
        return connection

    def _start_anew(self) -> None:
        """The file is broken: nothing in it counts any more."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
        self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._file.unlink()
