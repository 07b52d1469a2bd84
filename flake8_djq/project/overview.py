"""What only a look at every file of a project tells: what batch work reaches, what rows have, the database."""

from __future__ import annotations

import json
import os
import zlib
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flake8_djq.context import TEST_PATH
from flake8_djq.project.store import fingerprint
from flake8_djq.project.versions import Versions

if TYPE_CHECKING:
    from flake8_djq.project.facts import FileFacts
    from flake8_djq.project.kept import Kept
    from flake8_djq.project.relations import RelationTable

__all__ = ["DJANGO", "LISTING", "Overview", "Production"]

# The keys of what is kept: for every file its content and the sum of its facts; the parts; the database.
FILES = "files"
SUMS = "sums of"
PART = "part"
DATABASE = "database"
# Among what a thing is made from: the names of the repository's files that may say how it is run, and the files that
# say what is installed, Django above all.
LISTING = "listing"
DJANGO = "django"
# What is made together, from the facts of all files.
GROUPS = {"reached": "calls", "relations": "models", "models": "models", "user": "models", "bases": "models"}


class Production(NamedTuple):
    """The database in production as ``--djq-database`` names it, and the place that says so ("" for the option).

    Where it is not known it is "auto"; then ``mysql`` is the place that may make it MySQL, if there is one.
    ``breaks_cursors`` says that the place is that of a pooler behind which server-side cursors are still used.
    """

    name: str
    place: str = ""
    mysql: str = ""
    breaks_cursors: bool = False


class Overview:
    """Made when something asks for it, each part for itself, and kept on disk until a file that it comes from changes.

    A file that changed is read again. Where it says the same of itself as before, nothing is made anew.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._facts: dict[str, FileFacts] = {}
        self._parts: dict[str, Any] = {}
        self._sums: dict[str, dict[str, int]] = {}

    def way_to(self, function: str) -> str:
        """How batch work reaches a function from other files, by its dotted name; "" where it does not."""
        way: str = self._part("reached").get(function, "")
        return way

    @cached_property
    def database(self) -> Production:
        """The database in production."""
        named, used = self._kept.options.batch_settings, dict[str, Any]()
        key = f"{DATABASE} {named}"
        with self._kept.gathering(used, passed_on=False):
            known = self._kept.recall(key)
            if known is not None:
                return Production(*known[0])
            with self._kept.store.alone():
                # Another process may have made it in the meantime.
                known = self._kept.recall(key)
                if known is not None:
                    return Production(*known[0])
                found = self._production_database(named)
                self._kept.keep(key, used, found)
                return found

    @cached_property
    def django(self) -> Versions:
        """The versions of Django that the project may run on."""
        key, used = f"{DJANGO} versions", dict[str, Any]()
        with self._kept.gathering(used, passed_on=False):
            known = self._kept.recall(key)
            if known is not None:
                return Versions(*(tuple(bound) if bound else None for bound in known[0]))
            from flake8_djq.project.django_version import versions_of

            self._kept.note(DJANGO)
            found = versions_of(self._kept.roots)
        self._kept.keep(key, used, found)
        return found

    def _production_database(self, named: tuple[str, ...]) -> Production:
        from flake8_djq.project.files import Files
        from flake8_djq.project.settings.room import UNKNOWN_DATABASE, ProjectSettings

        self._kept.note(LISTING)
        files = Files(self._kept.roots, note=self._kept.note)
        found = ProjectSettings(files).production_database(named)
        if found.name == UNKNOWN_DATABASE:
            self._kept.note(DJANGO)  # the drivers that are installed were asked for
            return Production("auto", mysql=found.mysql)
        return Production(*found)

    @cached_property
    def relations(self) -> frozenset[str]:
        """The names under which rows have many others: ``related_name`` and fields to many, of all models."""
        return frozenset(self._part("relations"))

    @property
    def models(self) -> RelationTable:
        """What the rows of every model have under the names of its relations, by absolute names."""
        table: RelationTable = self._part("models")
        return table

    @property
    def user_model(self) -> str:
        """The absolute name of the model that ``settings.AUTH_USER_MODEL`` names; "" where nobody can tell."""
        name: str = self._part("user")
        return name

    @cached_property
    def bases(self) -> frozenset[str]:
        """The names, without their modules, of the classes that other classes of the project are made from."""
        return frozenset(self._part("bases"))

    def sum_of(self, part: str) -> int:
        """A number that stays the same as long as a part does: "database" or one of ``GROUPS``."""
        return _sum(self.database) if part == DATABASE else self._sums_of(GROUPS[part])[part]

    # -- from the facts of all files ------------------------------------------------------------------------------

    def _part(self, name: str) -> Any:
        if name not in self._parts:
            expected = self._sums_of(GROUPS[name])[name]
            # Making the sums may have made the part as well.
            if name not in self._parts:
                kept = self._kept.store.read(f"{PART} {name}")
                if kept is not None and kept[0] == expected:
                    self._parts[name] = kept[1]
                else:
                    self._parts.update(self._made(GROUPS[name]))
        return self._parts[name]

    def _sums_of(self, group: str) -> dict[str, int]:
        if group not in self._sums:
            sums = self._kept_sums(group)
            if sums is None:
                with self._kept.store.alone():
                    sums = self._kept_sums(group) or self._make(group)
            self._sums[group] = sums
        return self._sums[group]

    def _kept_sums(self, group: str) -> dict[str, int] | None:
        state = self._state
        kept = self._kept.store.read(f"{SUMS} {group}")
        return kept[1] if kept is not None and kept[0] == state else None

    def _make(self, group: str) -> dict[str, int]:
        made = self._made(group)
        self._parts.update(made)
        sums = {name: _sum(content) for name, content in made.items()}
        with self._kept.store.many():
            for name, content in made.items():
                self._kept.store.write(f"{PART} {name}", [sums[name], content])
            self._kept.store.write(f"{SUMS} {group}", [self._state, sums])
        return sums

    def _made(self, group: str) -> dict[str, Any]:
        # A run that finds its overview ready needs none of what makes it.
        from flake8_djq.project.facts import calls_of
        from flake8_djq.project.reach import reached
        from flake8_djq.project.relations import Relations

        module_of = self._kept.roots.module_of
        facts = self._all_facts()
        calls = {module_of(Path(path)): calls_of(read) for path, read in facts.items()}
        if group == "calls":
            return {"reached": reached(calls, self._batch_modules())}
        models = Relations({module_of(Path(path)): read["models"] for path, read in facts.items()}, calls)
        return {
            "relations": sorted({name for read in facts.values() for name in read["relations"]}),
            "models": models.table(),
            "user": models.user_model(),
            "bases": models.bases(),
        }

    def _batch_modules(self) -> set[str]:
        """The modules that the user has declared batch code."""
        return {
            self._kept.roots.module_of(Path(path))
            for path in self._contents
            if any(fnmatch(path, "*/" + glob) for glob in self._kept.options.batch_paths)
        }

    def _all_facts(self) -> dict[str, FileFacts]:
        for path, expected in self._sums_of_files.items():
            kept = self._kept.store.read(f"{path}|facts") if path not in self._facts else None
            if kept is not None and kept[0] == expected:
                self._facts[path] = kept[1]
        missing = [path for path in self._sums_of_files if path not in self._facts]
        self._facts.update(zip(missing, self._read_facts(missing), strict=True))
        # In one order, however they came: of two ways to a function the first one counts.
        return {path: self._facts[path] for path in sorted(self._sums_of_files)}

    @cached_property
    def _state(self) -> str:
        """A short text that stays the same as long as no file says anything else of itself."""
        return fingerprint(repr((sorted(self._sums_of_files.items()), self._kept.options.batch_paths)))

    @cached_property
    def _sums_of_files(self) -> dict[str, int]:
        """A number for every Python file that stays the same as long as its facts do."""
        sums = self._kept_sums_of_files()
        if len(sums) < len(self._contents):
            with self._kept.store.alone():
                # Another process may have read them in the meantime.
                sums = self._kept_sums_of_files()
                self._read_files([path for path in self._contents if path not in sums], sums)
        return sums

    def _kept_sums_of_files(self) -> dict[str, int]:
        kept = self._kept.store.read_table(FILES)
        return {path: number for path, (content, number) in kept.items() if self._contents.get(path) == content}

    def _read_files(self, missing: list[str], sums: dict[str, int]) -> None:
        if not missing:
            return
        with self._kept.store.many():
            for path, read in zip(missing, self._read_facts(missing), strict=True):
                self._facts[path] = read
                sums[path] = _sum(read)
                self._kept.store.write(f"{path}|facts", [sums[path], read])
            table = {path: [self._contents[path], number] for path, number in sums.items()}
            self._kept.store.add_to_table(FILES, table, {path: table[path] for path in missing})
            self._kept.contents.keep(at_once=True)

    def _read_facts(self, paths: list[str]) -> list[FileFacts]:
        from flake8_djq.project.facts import read_facts

        return read_facts([(path, self._kept.roots.module_of(Path(path))) for path in paths], self._kept.linted)

    @cached_property
    def _contents(self) -> dict[str, int]:
        """What every Python file of the project holds, without its tests."""
        root = os.fspath(self._kept.roots.root)
        paths = (path for path in self._kept.listing(self._kept.roots.root) if path.endswith(".py"))
        found = {path: self._kept.contents.of(path) for path in paths if not _is_of_tests(path[len(root) :])}
        self._kept.contents.keep()
        return {path: content for path, content in found.items() if content is not None}


def _sum(content: Any) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _is_of_tests(path: str) -> bool:
    return "test" in path and bool(TEST_PATH.search(path))
