"""The project around a file: where it starts, and which file a dotted name leads to.

The root is the nearest folder upward that holds ``manage.py``, as far as the repository reaches. Django itself puts
that folder on the path, so dotted names of settings start there; in a repository with several Django projects it tells
them apart, while ``pyproject.toml`` may stand above all of them, or beside a library inside one. Only where there is no
``manage.py`` on the way up does the nearest ``pyproject.toml``, ``setup.cfg`` or ``.git`` count: a library, or a
project whose ``manage.py`` lies in a folder of its own.

A home folder is a root only by its ``manage.py``: containers put projects there, while a ``.git`` or ``setup.cfg`` in
it belongs to the configuration of its user.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Roots", "find_roots"]

MANAGE = "manage.py"
MARKERS = ("pyproject.toml", "setup.cfg")
REPOSITORY = ".git"
# Folders from a file up to its root; deeper is no project.
FARTHEST = 24


class Roots:
    """The folders that dotted names start from.

    ``root`` is the folder of the project, ``top`` the one of its repository: files that say how it is run
    (``Procfile``, workflows, compose files) lie between the two.
    """

    def __init__(self, root: Path, top: Path) -> None:
        self.root = root
        self.top = top
        folders = [root, top, *(folder / "src" for folder in (root, top))]
        #: Each once, the innermost first: a file's name counts from the nearest of them.
        self.sources = [
            folder for folder in dict.fromkeys(folders) if folder in (root, top) or _is_source_folder(folder)
        ]
        self.sources.sort(key=lambda folder: -len(folder.parts))
        self._files: dict[str, Path | None] = {}
        self._modules: dict[Path, str] = {}

    @property
    def is_django_project(self) -> bool:
        """Whether the root was found by its ``manage.py``."""
        return _holds(self.root, MANAGE)

    def file_of(self, dotted: str) -> Path | None:
        """The file of a module or package, or None. A namespace package has no file."""
        if dotted not in self._files:
            self._files[dotted] = self._find(dotted)
        return self._files[dotted]

    def _find(self, dotted: str) -> Path | None:
        parts = dotted.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        for folder in self.sources:
            found = file_below(folder, parts)
            if found is not None:
                return found
        return None

    def module_of(self, path: Path) -> str:
        """The dotted name of a file, from the nearest source folder above it; "" for a file outside the project."""
        if path not in self._modules:
            self._modules[path] = self._name(path)
        return self._modules[path]

    def _name(self, path: Path) -> str:
        path = Path(os.path.abspath(path))
        for folder in self.sources:
            if path.is_relative_to(folder):
                parts = list(path.relative_to(folder).with_suffix("").parts)
                return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        return ""


def file_below(folder: Path, parts: list[str]) -> Path | None:
    """The file of a module below a folder."""
    base = os.path.join(folder, *parts)
    for name in (base + ".py", os.path.join(base, "__init__.py")):
        if os.path.isfile(name):
            return Path(name)
    return None


def find_roots(path: str) -> Roots | None:
    """The project around a file of this name; None for a file that is not on disk, or that no project is around."""
    file = Path(os.path.abspath(path))
    if not os.path.isfile(file):
        return None
    nearest: Path | None = None
    manage: Path | None = None
    top: Path | None = None
    home = os.path.expanduser("~")
    for folder in _upwards(file):
        is_home = os.fspath(folder) == home
        if manage is None and _holds(folder, MANAGE):
            manage = folder
        if is_home and manage != folder:
            break
        is_top = os.path.exists(folder / REPOSITORY)
        if is_top or any(_holds(folder, name) for name in MARKERS):
            nearest = nearest or folder
            top = folder
        if is_top or is_home:
            break
    root = manage or nearest
    if root is None:
        return None
    # Without a repository: the outermost folder that is marked, if it lies above.
    return Roots(root, top if top is not None and root.is_relative_to(top) else root)


def _upwards(file: Path) -> Iterator[Path]:
    """The folders above a file, without the root of the disk."""
    for folder in list(file.parents)[:FARTHEST]:
        if folder.parent == folder:
            return
        yield folder


def _holds(folder: Path, name: str) -> bool:
    # Unlike Path.is_file() this says no where the folder may not be entered.
    return os.path.isfile(folder / name)


def _is_source_folder(folder: Path) -> bool:
    return os.path.isdir(folder) and not os.path.exists(folder / "__init__.py")
