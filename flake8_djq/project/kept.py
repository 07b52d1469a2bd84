"""What was made from the files of a project, kept on disk until one of those files changes.

Only what changed is made again: an answer of one file to another, the findings of a file. It knows nothing of what it
keeps, so that a run that finds everything ready loads none of the code that makes it.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from flake8_djq import __version__
from flake8_djq.options import Options
from flake8_djq.project.contents import Contents
from flake8_djq.project.files import dependency_files, telling_files
from flake8_djq.project.overview import DJANGO, LISTING, Overview
from flake8_djq.project.roots import Roots, find_roots
from flake8_djq.project.store import Store, fingerprint
from flake8_djq.source import Source

__all__ = ["OVERVIEW_OF", "RELATIONS_OF", "Kept", "Used", "open_kept"]

Stamp = tuple[int | str, ...]
# What a thing was made from, as it was then: files by their paths, and the others by the names below.
Used = dict[str, Stamp | None]
# Begins the name of a module that is not there.
ABSENT = "?"
# The relations of a model, which files together declare.
RELATIONS_OF = "relations of "
# A part of the overview.
OVERVIEW_OF = "overview of "


def open_kept(path: str, options: Options) -> Kept | None:
    """What is kept for the project around a file; None where there is none around it, or the options want no index."""
    if not options.index:
        return None
    roots = _roots_of(os.path.dirname(os.path.abspath(path)), path)
    return _open(roots, options) if roots is not None else None


_found: dict[str, Roots | None] = {}


def _roots_of(folder: str, path: str) -> Roots | None:
    """The project around a file; asked once for each folder."""
    if folder not in _found:
        _found[folder] = find_roots(path)
    return _found[folder]


_opened: dict[tuple[Path, Options], Kept] = {}


def _open(roots: Roots, options: Options) -> Kept:
    """One for each root: what was asked for one file is known for the next."""
    matter = Options(
        small_models=options.small_models, batch_paths=options.batch_paths, batch_settings=options.batch_settings
    )
    if (roots.root, matter) not in _opened:
        made_with = [__version__, _code(), sys.version_info[:2], roots.sources, sorted(matter.small_models)]
        _opened[roots.root, matter] = Kept(roots, matter, Store(roots.root, fingerprint(repr(made_with))))
    return _opened[roots.root, matter]


@cache
def _code() -> list[tuple[str, int, int]]:
    """The code of the linter: what other code made counts no more.

    That of an installed version is known by the record of its files; where somebody works on it, by sizes and times.
    """
    package = Path(__file__).parent.parent
    with suppress(OSError):
        record = (package.parent / f"{package.name}-{__version__}.dist-info" / "RECORD").read_bytes()
        if f"{package.name}/__init__.py,".encode() in record:
            return [("RECORD", len(record), zlib.crc32(record))]
    found = []
    for folder in (folder for folder, _, _ in os.walk(package) if not folder.endswith("__pycache__")):
        for entry in os.scandir(folder):
            if entry.name.endswith(".py"):
                status = entry.stat()
                found.append((entry.name, status.st_size, status.st_mtime_ns))
    return sorted(found)


class Kept:
    """What is kept for one project. ``options`` are those on which any of it depends."""

    def __init__(self, roots: Roots, options: Options, store: Store) -> None:
        self.roots = roots
        self.options = options
        self.store = store
        self.contents = Contents(store)
        # The file that is linted now: it is parsed already.
        self.linted: Source | None = None
        self._stamps: Used = {}
        self._used: list[Used] = []
        self._listings: dict[Path, list[str]] = {}

    @cached_property
    def overview(self) -> Overview:
        """What a look at all files tells. Who asks it says so with ``note``."""
        return Overview(self)

    def recall(self, key: str, text: str = "") -> tuple[Any] | None:
        """What is kept under a key, if all that it was made from is as it was, ``text`` first."""
        kept = self.store.read(key)
        # The text is asked first: of another one nobody need know what else has changed.
        if kept is None or kept[2] != text:
            return None
        used = {name: _as_stamp(stamp) for name, stamp in kept[0].items()}
        if any(self._stamp(name) != stamp for name, stamp in used.items()):
            return None
        if self._used:
            self._used[-1].update(used)
        return (kept[1],)

    def keep(self, key: str, used: Used, value: Any, text: str = "") -> None:
        """Keep what was made from a text and the things ``used``; nothing that came from a file that went meanwhile."""
        if None not in used.values():
            self.store.write(key, [used, value, text])
            self.contents.keep()

    @contextmanager
    def gathering(self, used: Used, passed_on: bool = True) -> Iterator[None]:
        """Gather what a thing is made from; unless ``passed_on`` is false, that counts for what is made from it too."""
        self._used.append(used)
        try:
            yield
        finally:
            self._used.pop()
            if passed_on:
                self.note_all(used)

    def note(self, name: str) -> None:
        """Say that what is being made depends on a file, or on another thing that has a stamp."""
        if self._used and name not in self._used[-1]:
            self._used[-1][name] = self._stamp(name)

    def note_all(self, used: Used) -> None:
        """The same of things with their stamps."""
        if self._used:
            self._used[-1].update(used)

    def note_absence(self, module: str) -> None:
        """That there is no such module counts too, until there is one; a whole package that is missing counts once."""
        top = module.partition(".")[0]
        if top:
            self.note(ABSENT + (module if top in self._tops else top))

    def listing(self, folder: Path) -> list[str]:
        """The files below a folder that say something of the project."""
        if folder not in self._listings:
            self._listings[folder] = telling_files(folder)
        return self._listings[folder]

    @cached_property
    def _tops(self) -> frozenset[str]:
        """What stands in the folders that dotted names start from."""
        found: set[str] = set()
        for folder in self.roots.sources:
            with suppress(OSError):
                found.update(name.partition(".")[0] for name in os.listdir(folder))
        return frozenset(found)

    def _stamp(self, name: str) -> Stamp | None:
        if name not in self._stamps:
            self._stamps[name] = self._new_stamp(name)
        return self._stamps[name]

    def _new_stamp(self, name: str) -> Stamp | None:
        if name.startswith(ABSENT):
            module = name.removeprefix(ABSENT)
            return (module in self._tops, self.roots.file_of(module) is not None)
        if name.startswith(RELATIONS_OF):
            relations = self.overview.models.get(name.removeprefix(RELATIONS_OF), {})
            return (zlib.crc32(repr(sorted(relations.items())).encode()),)
        if name.startswith(OVERVIEW_OF):
            return (self.overview.sum_of(name.removeprefix(OVERVIEW_OF)),)
        if name == LISTING:
            return (zlib.crc32("\n".join(sorted(self.listing(self.roots.top))).encode(errors="replace")),)
        if name == DJANGO:
            files = {path for folder in (self.roots.root, self.roots.top) for path in dependency_files(folder)}
            contents = [(path, self.contents.of(path)) for path in sorted(files)]
            return (fingerprint(repr(contents)), _installed_django())
        content = self.contents.of(name)
        return (content,) if content is not None else None


def _installed_django() -> str:
    try:
        return metadata.version("Django") or ""
    except (metadata.PackageNotFoundError, TypeError, ValueError, OSError):
        return ""


def _as_stamp(stamp: list[int | str] | None) -> Stamp | None:
    return tuple(stamp) if stamp is not None else None
