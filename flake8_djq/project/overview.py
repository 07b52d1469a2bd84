"""What only a look at every file of a project tells: what batch work reaches, and how relations are called."""

from __future__ import annotations

import os
from collections import deque
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flake8_djq.context import TEST_PATH
from flake8_djq.options import Options
from flake8_djq.project.files import MOST_FILES, MOST_NAMES, VIRTUAL_ENVIRONMENT, is_entered, is_kind
from flake8_djq.project.roots import Roots
from flake8_djq.project.store import Store, fingerprint

if TYPE_CHECKING:
    from flake8_djq.project.relations import RelationTable

__all__ = ["Overview"]

KEY = "overview"
# Python, and files that say how a project is run.
SUFFIXES = (".py", ".yml", ".yaml", ".toml", ".cfg", ".ini", ".service", ".env", ".sh")
PREFIXES = ("Procfile", "Dockerfile", ".env", "crontab")


class Overview:
    """Made when something asks for it, and kept on disk until a file of the project changes.

    Then only the files that changed are read again.
    """

    def __init__(self, roots: Roots, store: Store, options: Options) -> None:
        self._roots = roots
        self._store = store
        self._options = options

    def way_to(self, function: str) -> str:
        """How batch work reaches a function from other files, by its dotted name; "" where it does not."""
        way: str = self._content["reached"].get(function, "")
        return way

    @property
    def database(self) -> tuple[str, str]:
        """The database in production as ``--djq-database`` names it, "auto" if it is not known, and who says so."""
        name, reason = self._content["database"]
        return name, reason

    @cached_property
    def relations(self) -> frozenset[str]:
        """The names under which rows have many others: ``related_name`` and fields to many, of all models."""
        return frozenset(self._content["relations"])

    @property
    def models(self) -> RelationTable:
        """What the rows of every model have under the names of its relations, by absolute names."""
        table: RelationTable = self._content["models"]
        return table

    @property
    def user_model(self) -> str:
        """The absolute name of the model that ``settings.AUTH_USER_MODEL`` names; "" where nobody can tell."""
        name: str = self._content["user"]
        return name

    @property
    def bases(self) -> frozenset[str]:
        """The names, without their modules, of the classes that other classes of the project are made from."""
        return frozenset(self._content["bases"])

    @cached_property
    def _content(self) -> dict[str, Any]:
        stamps = _stamps(self._roots)
        named = (self._options.batch_paths, self._options.batch_settings)
        state = fingerprint(repr((stamps, named)))
        content = self._kept(state)
        if content is None:
            with self._store.alone():
                content = self._kept(state)
                if content is None:
                    content = self._made(stamps)
                    self._store.write(KEY, [state, content])
        return content

    def _kept(self, state: str) -> dict[str, Any] | None:
        kept = self._store.read(KEY)
        return kept[1] if kept is not None and kept[0] == state else None

    def _made(self, stamps: dict[str, str]) -> dict[str, Any]:
        # A run that finds its overview ready needs none of what makes it.
        from flake8_djq.project.facts import calls_of, read_facts
        from flake8_djq.project.files import Files
        from flake8_djq.project.reach import reached
        from flake8_djq.project.relations import Relations
        from flake8_djq.project.settings.room import UNKNOWN_DATABASE, ProjectSettings

        stamps = {path: stamp for path, stamp in stamps.items() if path.endswith(".py")}
        facts = {}
        for path, stamp in stamps.items():
            kept = self._store.read(f"{path}|facts")
            if kept is not None and kept[0] == stamp:
                facts[path] = kept[1]
        missing = [(path, self._roots.module_of(Path(path))) for path in stamps if path not in facts]
        with self._store.many():
            for (path, _), read in zip(missing, read_facts(missing), strict=True):
                facts[path] = read
                self._store.write(f"{path}|facts", [stamps[path], read])
        calls = {self._roots.module_of(Path(path)): calls_of(read) for path, read in facts.items()}
        models = Relations({self._roots.module_of(Path(path)): read["models"] for path, read in facts.items()}, calls)
        relations = {name for read in facts.values() for name in read["relations"]}
        name, reason = ProjectSettings(Files(self._roots)).production_database(self._options.batch_settings)
        return {
            "reached": reached(calls, self._batch_modules(stamps)),
            "relations": sorted(relations),
            "models": models.table(),
            "user": models.user_model(),
            "bases": models.bases(),
            "database": ["auto", ""] if name == UNKNOWN_DATABASE else [name, reason],
        }

    def _batch_modules(self, stamps: dict[str, str]) -> set[str]:
        """The modules that the user has declared batch code."""
        return {
            self._roots.module_of(Path(path))
            for path in stamps
            if any(fnmatch(path, "*/" + glob) for glob in self._options.batch_paths)
        }


def _stamps(roots: Roots) -> dict[str, str]:
    """The files of a project that count, without its tests, and when each was changed.

    Quick, since it runs before every answer.
    """
    found: dict[str, str] = {}
    root = os.fspath(roots.root)
    pending = deque([root])
    seen = 0
    while pending and len(found) < MOST_FILES and seen < MOST_NAMES:
        folder = pending.popleft()
        if _is_of_tests(folder[len(root) :] + "/") or os.path.exists(os.path.join(folder, VIRTUAL_ENVIRONMENT)):
            continue
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    seen += 1
                    name = entry.name
                    if name.endswith(SUFFIXES) or name.startswith(PREFIXES):
                        if not _is_of_tests(name) and is_kind(entry, "file"):
                            status = entry.stat()
                            found[entry.path] = f"{status.st_mtime_ns} {status.st_ctime_ns} {status.st_size}"
                    elif is_entered(name) and entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue
    return found


def _is_of_tests(path: str) -> bool:
    return "test" in path and bool(TEST_PATH.search(path))
