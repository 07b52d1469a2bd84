"""The files of a project: which there are, what they say, and how a module is found."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import tokenize
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path

from flake8_djq.project.roots import MANAGE, Roots, file_below

__all__ = ["Files", "dependency_files", "telling_files"]

# Python, and files that say how a project is run.
SUFFIXES = (
    *(
        ".py",
        ".yml",
        ".yaml",
        ".toml",
        ".cfg",
        ".ini",
        ".conf",
        ".config",
        ".env",
        ".sh",
        ".service",
        ".timer",
        ".cron",
    ),
    *("Dockerfile", "Containerfile", "Makefile", "justfile", "Vagrantfile", "crontab", "entrypoint"),
)
PREFIXES = ("Procfile", "Dockerfile", ".env", "crontab", "entrypoint", "app.json", "pgbouncer.ini")

# Folders that hold what others wrote, or what a tool made.
SKIPPED = frozenset(
    (
        *("node_modules", "bower_components", "site-packages", "dist-packages", "__pycache__", "__pypackages__"),
        *("build", "dist", "venv", "env", "virtualenv", "htmlcov", "locale", "media", "static", "staticfiles"),
    )
)
# Hidden folders that say how a project is run; every other one is skipped, `.git` first of all.
HIDDEN = frozenset((".github", ".circleci", ".devcontainer", ".docker", ".deploy", ".envs", ".ebextensions"))
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
MOST_FILES = 20_000
# Names of files and folders looked at: a root that somebody's whole disk lies below must not hold a lint run up.
MOST_NAMES = 200_000
LARGEST = 2_000_000


class Files:
    """What may be asked about the files of one project. ``roots`` is None for a file that stands alone.

    ``given`` is a file of the project whose tree is known already, since it is the one that is linted. ``note`` is
    told the path of every file that is read.
    """

    def __init__(
        self,
        roots: Roots | None,
        given: tuple[str, ast.Module] | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self.roots = roots
        self._note = note
        self._trees: dict[Path, ast.Module | None] = {}
        if given is not None:
            self._trees[Path(os.path.abspath(given[0]))] = given[1]
        self._listing: tuple[Path, ...] | None = None

    def listing(self) -> tuple[Path, ...]:
        """Every file of the project, the ones near its top first, up to a limit."""
        if self._listing is None:
            self._listing = _walk(self.roots) if self.roots is not None else ()
        return self._listing

    def text(self, path: Path) -> str | None:
        """The text of a file of any kind; None where it cannot be read."""
        if self._note is not None:
            self._note(os.fspath(path))
        try:
            if path.stat().st_size > LARGEST:
                return None
            data = path.read_bytes()
            encoding = "utf-8"
            if path.suffix == ".py":
                encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return data.decode(encoding, errors="replace").removeprefix("\ufeff")
        except (OSError, SyntaxError, LookupError):
            return None

    def tree(self, path: Path) -> ast.Module | None:
        """The syntax tree of a Python file; None where it cannot be read."""
        if path not in self._trees:
            text = self.text(path)
            tree = None
            if text is not None:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        tree = ast.parse(text)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    tree = None
            self._trees[path] = tree
        return self._trees[path]

    def module(self, dotted: str, level: int, origin: Path) -> Path | None:
        """The file of the module that a file imports: ``("base", 1)`` for ``from .base import ...``.

        A name without dots is looked for in the source folders of the project, then beside the file and above it:
        those are the folders that scripts put on the path.
        """
        if self.roots is None:
            return None
        parts = dotted.split(".") if dotted else []
        if level:
            folder = origin.parent
            for _ in range(level - 1):
                folder = folder.parent
            if not parts:
                package = folder / "__init__.py"
                return package if os.path.isfile(package) else None
            return file_below(folder, parts)
        return self.roots.file_of(dotted) or self._above(self.roots.top, parts, origin)

    @staticmethod
    def _above(top: Path, parts: list[str], origin: Path) -> Path | None:
        """The file of a module in the folder of a file or in one above it, inside the project."""
        for folder in origin.parents:
            if not folder.is_relative_to(top):
                return None
            found = file_below(folder, parts)
            if found is not None:
                return found
        return None

    def shown(self, path: str | Path) -> str:
        """How a message names a file that is no module: from the root of the project, or of its repository."""
        file = Path(path)
        for folder in (self.roots.root, self.roots.top) if self.roots is not None else ():
            if file.is_relative_to(folder):
                return file.relative_to(folder).as_posix()
        return file.name

    def name(self, path: str | Path) -> str:
        """How a message names a file: its dotted name for a module of the project, else its path in it."""
        file = Path(path)
        if self.roots is None or not file.is_relative_to(self.roots.top):
            return file.name
        if file.suffix == ".py":
            return self.roots.module_of(file) or file.name
        return file.relative_to(self.roots.top).as_posix()


def telling_files(top: Path) -> list[str]:
    """The files below a folder that are Python or say how a project is run. Quick: most runs begin with it."""
    found: list[str] = []
    pending = deque([os.fspath(top)])
    seen = 0
    while pending and len(found) < MOST_FILES and seen < MOST_NAMES:
        folder = pending.popleft()
        if os.path.exists(os.path.join(folder, VIRTUAL_ENVIRONMENT)):
            continue
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    seen += 1
                    name = entry.name
                    if name.endswith(SUFFIXES) or name.startswith(PREFIXES):
                        if _is_kind(entry, "file"):
                            found.append(entry.path)
                    elif _is_entered(name, os.path.basename(folder)) and entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue
    return found


def dependency_files(folder: Path) -> list[str]:
    """The files of a folder that may say what is installed with a project: those that ``django_version`` reads."""
    found = []
    for inner in (folder, folder / "requirements"):
        with contextlib.suppress(OSError):
            for name in os.listdir(inner):
                is_list = name.endswith((".txt", ".in")) and (inner is not folder or name.startswith("requirements"))
                if is_list or name in ("pyproject.toml", "setup.cfg", "setup.py") or name.endswith(".lock"):
                    found.append(os.path.join(inner, name))
    return sorted(found)


def _walk(roots: Roots) -> tuple[Path, ...]:
    """Breadth first; links to folders are not followed, so there are no circles."""
    found: list[Path] = []
    pending = deque([str(roots.top)])
    seen = 0
    while pending and len(found) < MOST_FILES and seen < MOST_NAMES:
        folder = pending.popleft()
        try:
            with os.scandir(folder) as entries:
                content = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        seen += len(content)
        names = {entry.name for entry in content}
        if VIRTUAL_ENVIRONMENT in names or _is_other_project(folder, names, roots):
            continue
        for entry in content:
            if _is_kind(entry, "folder"):
                if _is_entered(entry.name, os.path.basename(folder)):
                    pending.append(entry.path)
            elif _is_kind(entry, "file"):
                found.append(Path(entry.path))
    return tuple(found[:MOST_FILES])


def _is_kind(entry: os.DirEntry[str], kind: str) -> bool:
    """Whether an entry is a "file" or a "folder"; a link that leads nowhere or in a circle is neither."""
    try:
        return entry.is_dir(follow_symlinks=False) if kind == "folder" else entry.is_file()
    except OSError:
        return False


def _is_entered(name: str, parent: str = "") -> bool:
    """Whether a folder of this name, in one of that name, may hold something of the project."""
    if name.startswith("."):
        return name in HIDDEN or parent in HIDDEN  # `.envs/.production`
    return name not in SKIPPED and not name.endswith(".egg-info")


def _is_other_project(folder: str, names: set[str], roots: Roots) -> bool:
    """Whether another Django project of the same repository starts here."""
    if MANAGE not in names or not roots.is_django_project:
        return False
    return not roots.root.is_relative_to(folder)
