"""Lint real Django projects and compare the findings with a snapshot.

    python -m tests.ecosystem.ecosystem                     compare all with snapshot.txt; exits 1 on a difference
    python -m tests.ecosystem.ecosystem --update            rewrite snapshot.txt
    python -m tests.ecosystem.ecosystem --project misago    only this one (may be given more than once)
    python -m tests.ecosystem.ecosystem --findings          print every finding with its message, to be read

The wheels that projects.txt names are downloaded once into .cache/ecosystem and unpacked there; none of it is run.

flake8's own checks take many minutes on 1.5 million lines, so the files are read as flake8 reads them and handed to
the linter directly. One project goes through the real flake8 too, and both ways must agree to the letter.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flake8.processor import FileProcessor

from flake8_djq.linter import lint
from flake8_djq.options import Options
from flake8_djq.source import Source

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".cache" / "ecosystem"
CROSS_CHECKED = "django-helpdesk"


@dataclass(frozen=True)
class Project:
    """One line of projects.txt."""

    name: str
    version: str

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, order=True)
class Place:
    """What the snapshot keeps of a finding; the path begins with the project's name."""

    path: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.path} {self.line} {self.code}"


@dataclass(frozen=True, order=True)
class Reported:
    """A finding as flake8 prints it."""

    path: str
    line: int
    column: int
    text: str

    @property
    def place(self) -> Place:
        return Place(self.path, self.line, self.text.partition(" ")[0])

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.text}"


@dataclass(frozen=True)
class Linted:
    """What linting one project gave. ``unread`` are the files that Python cannot parse: flake8 reports E902 or E999."""

    files: int
    lines: int
    unread: tuple[str, ...]
    findings: tuple[Reported, ...]


def normal(name: str) -> str:
    """A project's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_projects(path: Path) -> list[Project]:
    """The projects that a file of ``name==version`` lines pins."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Project(normal(name), version) for name, _, version in (line.partition("==") for line in lines if line)]


# -- getting the sources ----------------------------------------------------------------------------------------------


def sources_of(project: Project, cache: Path) -> Path:
    """The folder with a project's Python files, downloaded and unpacked if it is not there yet."""
    folder = cache / "sources" / f"{project.name}-{project.version}"
    if not folder.is_dir():
        _unpack(_download(project, cache), folder)
    # A wheel leaves behind what shows where its project begins.
    (folder / "pyproject.toml").touch()
    return folder


def _download(project: Project, cache: Path) -> Path:
    """A wheel of its own folder, so that the only file in there is the right one."""
    folder = cache / "wheels" / f"{project.name}-{project.version}"
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        print(f"downloading {project.requirement}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        # The code is read and not run, so it does not matter which Python it asks for.
        command += ["--only-binary", ":all:", "--ignore-requires-python", "--dest", str(folder), project.requirement]
        subprocess.run(command, check=True)
        wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SystemExit(f"{folder} holds {len(wheels)} wheels of {project.requirement} instead of one")
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> None:
    """Unpack the Python files of a wheel; the folder appears only when it is whole."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(partial, [name for name in archive.namelist() if name.endswith(".py")])
    partial.rename(folder)


# -- linting ----------------------------------------------------------------------------------------------------------


def python_files(folder: Path) -> list[str]:
    """The Python files below a folder, by path relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def _lint_file(path: str) -> tuple[str, int, tuple[Reported, ...] | None]:
    """One file, relative to the current folder: its lines, and its findings or None where Python cannot parse it."""
    namespace = argparse.Namespace(hang_closing=False, indent_size=4, max_line_length=79, max_doc_length=None)
    namespace.stdin_display_name, namespace.verbose = "stdin", 0
    try:
        lines = FileProcessor(path, namespace).lines
    except OSError:
        return path, 0, None
    text = "".join(lines)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return path, len(lines), None
    found = lint(Source(path, text, tree), Options())
    # flake8 shows columns from 1, and one violation of a code in a place once.
    shown = {Reported(path, item.line, item.column + 1, f"{item.code} {item.message}") for item in found}
    return path, len(lines), tuple(sorted(shown))


def _start(folder: str) -> None:
    """Prepare a worker: paths are relative, as a user's are, and other people's escapes are not our warnings."""
    os.chdir(folder)
    warnings.simplefilter("ignore")


def lint_sources(project: str, folder: Path, jobs: int) -> Linted:
    """Lint every Python file below a folder."""
    files = python_files(folder)
    with multiprocessing.Pool(jobs, _start, (str(folder),)) as pool:
        results = pool.map(_lint_file, files, chunksize=8)
    findings = [
        Reported(f"{project}/{item.path}", item.line, item.column, item.text)
        for _, _, found in results
        for item in found or ()
    ]
    unread = tuple(path for path, _, found in results if found is None)
    return Linted(len(files), sum(lines for _, lines, _ in results), unread, tuple(sorted(findings)))


def lint_with_flake8(project: str, folder: Path, jobs: int) -> tuple[Reported, ...]:
    """The same through the flake8 command; ``# noqa`` is left out of account on both ways."""
    command = [sys.executable, "-I", "-m", "flake8", "--isolated", "--select=DJQ", "--disable-noqa", f"-j{jobs}", "."]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    # It exits with 1 where it has findings, and so does Python where flake8 stops with an exception.
    if run.returncode not in (0, 1) or "Traceback" in run.stderr:
        raise SystemExit(f"flake8 failed on {project}:\n{run.stderr}")
    found = []
    for line in run.stdout.splitlines():
        path, number, column, text = line.split(":", 3)
        found.append(Reported(f"{project}/{path.removeprefix('./')}", int(number), int(column), text.strip()))
    return tuple(sorted(found))


# -- comparing --------------------------------------------------------------------------------------------------------


def read_snapshot(path: Path) -> list[Place]:
    """The places that a snapshot lists; none where there is no snapshot yet."""
    if not path.exists():
        return []
    rows = (line.rsplit(" ", 2) for line in path.read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#"))
    return sorted(Place(name, int(line), code) for name, line, code in rows)


def write_snapshot(path: Path, places: Iterable[Place]) -> None:
    """Write a snapshot in the order of its paths and lines."""
    head = "# Written by `make snapshot`: path, line and code of every finding in the projects of projects.txt.\n"
    path.write_text(head + "".join(f"{place}\n" for place in sorted(places)), encoding="utf-8")


def differences(expected: Iterable[Place], found: Iterable[Reported]) -> list[str]:
    """What is gone (``-``) and what is new (``+``, with its message), in the order of the places."""
    reports: dict[Place, list[Reported]] = {}
    for item in sorted(found):
        reports.setdefault(item.place, []).append(item)
    before = Counter(expected)
    lines = []
    for place in sorted({*before, *reports}):
        shown = reports.get(place, [])
        lines += [f"- {place}"] * (before[place] - len(shown))
        lines += [f"+ {item}" for item in shown[before[place] :]]
    return lines


def _of_project(places: Iterable[Place], names: set[str]) -> list[Place]:
    return [place for place in places if place.path.partition("/")[0] in names]


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Lint real Django projects and compare with a snapshot.")
    parser.add_argument("--project", action="append", default=[], metavar="NAME", help="only this project")
    parser.add_argument("--update", action="store_true", help="rewrite the snapshot instead of comparing")
    parser.add_argument("--findings", action="store_true", help="print every finding with its message")
    parser.add_argument("--no-cross-check", action="store_true", help=f"spare the real flake8 run over {CROSS_CHECKED}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes to use")
    parser.add_argument("--projects", type=Path, default=HERE / "projects.txt", help=argparse.SUPPRESS)
    parser.add_argument("--snapshot", type=Path, default=HERE / "snapshot.txt", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, default=CACHE, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Lint the projects; returns what the command exits with."""
    given = _arguments(arguments)
    pinned = read_projects(given.projects)
    wanted = {normal(name) for name in given.project} or {project.name for project in pinned}
    unknown = wanted - {project.name for project in pinned}
    if unknown:
        raise SystemExit(f"not in {given.projects.name}: {', '.join(sorted(unknown))}")

    found: list[Reported] = []
    failed = False
    for project in pinned:
        if project.name not in wanted:
            continue
        folder = sources_of(project, given.cache)
        start = time.perf_counter()
        linted = lint_sources(project.name, folder, given.jobs)
        seconds = time.perf_counter() - start
        print(
            f"{project.requirement}: {len(linted.findings)} findings in {linted.lines} lines of {linted.files} files,"
            f" {seconds:.1f} s" + "".join(f"\n  Python cannot parse {path}" for path in linted.unread),
            flush=True,
        )
        found.extend(linted.findings)
        if project.name == CROSS_CHECKED and not given.no_cross_check:
            failed |= not _agrees(project, folder, linted, given.jobs)

    if given.findings:
        print(*sorted(found), sep="\n")
    broken = [item for item in found if item.place.code == "DJQ900"]
    if broken:
        print(
            *broken, "a rule or the engine failed: nothing to compare with the snapshot, or to write into it", sep="\n"
        )
        return 1
    snapshot = read_snapshot(given.snapshot)
    if given.update:
        kept = _of_project(snapshot, {project.name for project in pinned} - wanted)
        write_snapshot(given.snapshot, itertools.chain(kept, (item.place for item in found)))
        print(f"{given.snapshot.name}: {len(found)} findings written, {len(kept)} of other projects kept")
    else:
        names = wanted if given.project else {place.path.partition("/")[0] for place in snapshot} | wanted
        changes = differences(_of_project(snapshot, names), found)
        print(*changes, f"{len(changes)} differences from {given.snapshot.name}, {len(found)} findings", sep="\n")
        failed |= bool(changes)
    return int(failed)


def _agrees(project: Project, folder: Path, linted: Linted, jobs: int) -> bool:
    """Whether the flake8 command says the same of a project; prints what it does not."""
    real = lint_with_flake8(project.name, folder, jobs)
    only = [f"  only flake8: {item}" for item in real if item not in linted.findings]
    only += [f"  only without flake8: {item}" for item in linted.findings if item not in real]
    print(*only, f"  the flake8 command {'differs' if only else 'says the same'}", sep="\n", flush=True)
    return not only


if __name__ == "__main__":
    sys.exit(main())
