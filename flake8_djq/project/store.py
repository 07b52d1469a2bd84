"""What is known of a project's files, kept on disk between runs and shared by the processes of one.

A cache and nothing more: whatever goes wrong with it, a run only takes longer. SQLite lets several processes write at
once, and an entry can be read without the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What SQLite raises, and what Python's module for it does on texts that are none.
ERRORS: tuple[type[Exception], ...] = (ValueError, TypeError, OverflowError)
try:
    import sqlite3
except ImportError:  # Python can be built without it
    sqlite3 = None  # type: ignore[assignment]
else:
    ERRORS = (sqlite3.Error, *ERRORS)

__all__ = ["FOLDER", "Store", "fingerprint"]

# Beside the caches of other tools, in the root of the project.
FOLDER = ".flake8_djq_cache"
IGNORE_ALL = "# Made by flake8-djq; it may be deleted at any time.\n*\n"
# SQLite keeps no sum of what it writes: a bit that flips on the disk would be a finding.
TABLE = "entries (key BLOB PRIMARY KEY, value BLOB, sum INTEGER) WITHOUT ROWID"
# Seconds to wait for another process that writes. Whoever waited in vain does not try again.
PATIENCE = 2.0
# What SQLite says where another process writes for too long, and where the disk is full.
NO_ROOM = ("locked", "full")
# Seconds to wait for another process that makes what this one needs too.
LONGEST = 60.0
# A table is kept in two entries: most of it, and under this word what came since, up to such a share of it.
RECENT = "recent"
SHARE = 1 / 8
# Seconds after which what another version or other options have written goes.
OLD = 7 * 24 * 3600


class Store:
    """Texts by key, for one version of the plugin. ``root`` is the root of the project; None keeps nothing."""

    def __init__(self, root: Path | None, version: str) -> None:
        name = f"index-{version}.sqlite3"
        self._file = _file_for(root, name) if root is not None and sqlite3 is not None else None
        self._connection: sqlite3.Connection | None = None
        self._may_write = self._file is not None
        self._is_anew = False
        self._is_alone = False
        self._recent: dict[str, dict[str, Any]] = {}
        if self._file is not None and os.path.exists(self._file):
            self._open()

    def read(self, key: str) -> Any:
        """The value kept under a key, or None."""
        if self._connection is None:
            return None
        name = os.fsencode(key)
        try:
            row = self._connection.execute("SELECT value, sum FROM entries WHERE key = ?", (name,)).fetchone()
            return json.loads(row[0]) if row is not None and row[1] == _sum(name, row[0]) else None
        except ERRORS as error:
            self._failed(error)
            return None

    def write(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold."""
        name, text = os.fsencode(key), json.dumps(value, separators=(",", ":")).encode()
        self._say("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", name, text, _sum(name, text))

    def read_table(self, key: str) -> dict[str, Any]:
        """The values that ``add_to_table`` has kept under a key, by their own keys."""
        self._recent[key] = self.read(f"{key} {RECENT}") or {}
        return {**(self.read(key) or {}), **self._recent[key]}

    def add_to_table(self, key: str, table: dict[str, Any], news: dict[str, Any]) -> None:
        """Keep what came since a table was read; ``table`` is all of it. Little is written where little is new."""
        recent = {**self._recent.get(key, {}), **news}
        if len(recent) > SHARE * len(table):
            self.write(key, table)
            recent = {}
        self.write(f"{key} {RECENT}", recent)
        self._recent[key] = recent

    @contextlib.contextmanager
    def many(self) -> Iterator[None]:
        """Write many values at once: to others they come all together."""
        self._say("BEGIN")
        try:
            yield
        finally:
            self._say("COMMIT")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Make something that takes long: other processes that want to make it wait, and find it made.

        It is no promise: where the disk knows no locks, or the other one takes too long, both make it.
        """
        if self._is_alone:
            yield
            return
        lock = None
        with contextlib.suppress(*ERRORS):
            if self._connected() and self._file is not None:
                lock = sqlite3.connect(self._file.with_suffix(".lock"), timeout=LONGEST, isolation_level=None)
                lock.execute("BEGIN EXCLUSIVE")
        self._is_alone = True
        try:
            yield
        finally:
            self._is_alone = False
            if lock is not None:
                lock.close()

    def _say(self, statement: str, *values: bytes | int) -> None:
        if not self._connected() or self._connection is None or not self._may_write:
            return
        try:
            self._connection.execute(statement, values)
        except ERRORS as error:
            if not any(word in str(error) for word in NO_ROOM):
                self._failed(error)
                return
            self._may_write = False  # what was kept can still be read
            with contextlib.suppress(*ERRORS):
                self._connection.execute("ROLLBACK")

    def _connected(self) -> bool:
        if self._connection is None and self._may_write:
            self._create()
        return self._connection is not None

    def _create(self) -> None:
        assert self._file is not None
        folder = self._file.parent
        try:
            folder.mkdir(mode=0o777 if folder.name == FOLDER else 0o700, exist_ok=True)
            if not _is_own(folder):
                raise OSError("made by another user in the meantime")
            with contextlib.suppress(FileExistsError), open(folder / ".gitignore", "x", encoding="utf-8") as ignore:
                ignore.write(IGNORE_ALL)
        except OSError:
            self._may_write = False
            return
        for other in folder.glob("index-*"):
            with contextlib.suppress(OSError):
                if time.time() - other.stat().st_mtime > OLD:
                    other.unlink()
        self._open()

    def _open(self) -> None:
        """Open the file; a second try after a broken one was taken away."""
        for _ in range(2):
            try:
                self._connect()
                return
            except ERRORS as error:
                self._failed(error)
            if not self._may_write:
                return

    def _connect(self) -> None:
        assert self._file is not None
        self._connection = sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")  # a lost entry is read anew
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE}")

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*ERRORS):
                self._connection.close()
        self._connection = None

    def _failed(self, error: Exception) -> None:
        """The file is in use for too long, or broken: then nothing in it counts, and it is made anew once."""
        self._close()
        if self._is_anew or "locked" in str(error):
            self._may_write = False
            return
        self._is_anew = True
        for name in (f"{self._file}-journal", f"{self._file}"):
            with contextlib.suppress(OSError):
                os.unlink(name)


def fingerprint(text: str) -> str:
    """A short name for a text, to tell it from others; hashlib would take longer to import than all the rest."""
    data = os.fsencode(text)
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def _sum(key: bytes, value: Any) -> int:
    return zlib.crc32(value, zlib.crc32(key))


def _file_for(root: Path, name: str) -> Path | None:
    """Where to keep things: in the root, or where nothing can be written there in the folder for temporary files.

    Without any place each process of a run would read the whole project.
    """
    if _can_be_written(root / FOLDER, root / FOLDER / name):
        return root / FOLDER / name
    import tempfile  # a run that can write in the root needs none of it

    user = os.getuid() if hasattr(os, "getuid") else 0
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:
        return None
    folder = temporary / f"flake8-djq-{fingerprint(f'{user} {root}')}"
    if temporary.is_relative_to(root) or not _can_be_written(folder, folder / name):
        return None
    return folder / name


def _can_be_written(folder: Path, file: Path) -> bool:
    """Whether a file can be made or changed, and lies where it seems to."""
    if not os.path.lexists(folder):
        return os.access(folder.parent, os.W_OK | os.X_OK)
    return _is_own(folder) and (not os.path.lexists(file) or _is_plain(file))


def _is_own(folder: Path) -> bool:
    """Whether a folder is one, and no other user can change what this one keeps in a folder that all users share."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode) or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return False
    is_private = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o077)
    return folder.name == FOLDER or is_private


def _is_plain(file: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(file).st_mode) and os.access(file, os.R_OK | os.W_OK)
    except OSError:
        return False
