"""What the files of a project hold, as numbers that stay the same as long as that does."""

from __future__ import annotations

import os
import zlib

from flake8_djq.project.store import Store

__all__ = ["Contents"]

KEY = "contents"
# So many files that were read make it worth while to keep their numbers.
MANY = 20


class Contents:
    """The numbers of files. A file is read only where its state on disk is not the one that is kept.

    So a new checkout, which gives every file another time, costs one look at each, and what was made from files that
    are the same still counts: in continuous integration too, where the folder of the cache is kept between runs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, list[int]] | None = None
        self._asked: dict[str, int | None] = {}
        self._news: dict[str, list[int]] = {}

    def of(self, path: str) -> int | None:
        """The number of a file; None where it cannot be read."""
        if path not in self._asked:
            self._asked[path] = self._number(path)
        return self._asked[path]

    def keep(self, at_once: bool = False) -> None:
        """Keep the numbers that are new, unless they are few; ``at_once`` keeps those few too."""
        if self._kept is not None and len(self._news) >= (1 if at_once else MANY):
            self._store.add_to_table(KEY, self._kept, self._news)
            self._news = {}

    def _number(self, path: str) -> int | None:
        if self._kept is None:
            self._kept = self._store.read_table(KEY)
        try:
            status = os.stat(path)
            # A tool may set back the time of a change, but not that of the entry itself.
            state = [status.st_mtime_ns, status.st_ctime_ns, status.st_size]
            kept = self._kept.get(path)
            if kept is not None and kept[:-1] == state:
                return kept[-1]
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            return None
        number = zlib.crc32(data) << 32 | zlib.adler32(data)
        self._kept[path] = self._news[path] = [*state, number]
        return number
