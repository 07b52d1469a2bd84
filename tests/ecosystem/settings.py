"""Ask what the settings modules of real Django projects come to, and compare it with what was read by hand.

    python -m tests.ecosystem.settings                     compare all with settings.txt; exits 1 on a difference
    python -m tests.ecosystem.settings --project misago    only this one (may be given more than once)

The projects are those of projects.txt, by their wheels, and those of settings_projects.txt, by their source
distributions, which are downloaded once into .cache/ecosystem and unpacked there; none of it is built or run.

settings.txt says for each settings module what a reader of the source takes for its effective `DEBUG` and default
database. Where only the tool says "unknown", that is counted apart and is no difference: the linter is silent there. A
module that is not in settings.txt and assigns `DEBUG`, `DATABASES` or `INSTALLED_APPS` is one.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import io
import re
import shutil
import sys
import tarfile
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from flake8_djq.project.settings.effective import DEFAULT, Debug, Effective, Switch
from flake8_djq.project.settings.room import open_settings
from tests.ecosystem.ecosystem import CACHE, HERE, Project, normal, python_files, read_projects, sources_of

INDEX = "https://pypi.org/simple/"
LINK = re.compile(r'href="([^"#]+/([^"#/]+)\.tar\.gz)#sha256=([0-9a-f]{64})"')
RIGHT, UNKNOWN, WRONG = "right", "unknown", "wrong"
STATES = {
    Switch.ON: "True",
    Switch.OFF: "False",
    Switch.ON_BY_DEFAULT: "True by default",
    Switch.OFF_BY_DEFAULT: "False by default",
    Switch.UNKNOWN: UNKNOWN,
}
# What the text of a settings module assigns, itself or in the class that django-configurations makes settings of.
ASSIGNS = re.compile(r"^ {0,4}(DEBUG|DATABASES|INSTALLED_APPS) *(:[^=\n]+)?\+?= ", re.MULTILINE)


class Row(NamedTuple):
    """One line of settings.txt: a module as its reader takes it, and where the reader found that."""

    project: str
    module: str
    debug: str
    engine: str
    read_at: str

    @property
    def is_settings(self) -> bool:
        """False for a module that only looks like one."""
        return self.debug != "-"


class Answer(NamedTuple):
    """The same, as the tool takes it."""

    debug: str
    engine: str


# -- getting the sources ----------------------------------------------------------------------------------------------


def source_distribution(project: Project, cache: Path) -> Path:
    """The folder with the Python files of a project's source distribution, downloaded if it is not there yet."""
    folder = cache / "sources" / f"{project.name}-{project.version}-sdist"
    if not folder.is_dir():
        print(f"downloading {project.requirement}", file=sys.stderr, flush=True)
        _unpack(_downloaded(project), folder)
    return folder


def _downloaded(project: Project) -> bytes:
    """The archive, from the index itself: pip would run its code to find out what it needs."""
    page = urllib.parse.urljoin(INDEX, f"{project.name}/")
    for link, name, digest in LINK.findall(html.unescape(_read(page).decode())):
        if normal(name) == normal(f"{project.name}-{project.version}"):
            archive = _read(urllib.parse.urljoin(page, link))
            if hashlib.sha256(archive).hexdigest() != digest:
                raise SystemExit(f"{link} is not what {page} says that it is")
            return archive
    raise SystemExit(f"{page} has no source distribution of {project.requirement}")


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=180) as answer:
        return bytes(answer.read())


def _unpack(archive: bytes, folder: Path) -> None:
    """Write the Python files of an archive, without its outermost folder; the folder appears only when it is whole."""
    unfinished = folder.with_name(folder.name + ".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            parts = Path(member.name).parts[1:]
            content = files.extractfile(member) if member.isfile() and member.name.endswith(".py") else None
            if content is not None and ".." not in parts:
                path = unfinished.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
    # It is a project of its own, wherever the cache lies.
    (unfinished / "pyproject.toml").touch()
    unfinished.rename(folder)


# -- asking and comparing ---------------------------------------------------------------------------------------------


def read_rows(path: Path) -> list[Row]:
    """The lines of settings.txt."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Row(*(part.strip() for part in line.split("|"))) for line in lines if line and not line.startswith("#")]


def ask(folder: Path, module: str) -> Answer:
    """What the tool takes a module for, or one of its classes."""
    path, _, configuration = module.partition(":")
    settings = open_settings(str(folder / path))
    found = settings.effective(folder / path, configuration)
    return Answer(_debug(found.debug), _engine(found))


def _debug(debug: Debug) -> str:
    return _unless(STATES[debug.state], debug.unless)


def _engine(found: Effective) -> str:
    database = found.databases.get(DEFAULT)
    name = "none"
    if database is not None:
        name = (database.name or UNKNOWN) + (" by default" if database.is_default else "")
    return _unless(name, found.databases_unless)


def _unless(text: str, doubt: str) -> str:
    return f"{text} unless {doubt}" if doubt and text != UNKNOWN else text


def verdict(by_hand: str, tool: str) -> str:
    """Right, unknown where only the tool does not know, or wrong.

    What may overrule a value is named by each in his own words: that there is something must agree.
    """
    value, _, doubt = by_hand.partition(" unless ")
    its_value, _, its_doubt = tool.partition(" unless ")
    if (value, bool(doubt)) == (its_value, bool(its_doubt)):
        return RIGHT
    return UNKNOWN if its_value == UNKNOWN else WRONG


def not_listed(folder: Path, rows: Iterable[Row]) -> list[str]:
    """The modules below a folder that assign what settings modules assign, and stand in no row."""
    known = {row.module.partition(":")[0] for row in rows}
    looks = (name for name in python_files(folder) if name not in known)
    return [name for name in looks if ASSIGNS.search((folder / name).read_text(encoding="utf-8", errors="replace"))]


def table(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """Lines with their parts below each other."""
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    return ["  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the effective settings of real projects with settings.txt.")
    parser.add_argument("--project", action="append", default=[], metavar="NAME", help="only this project")
    parser.add_argument("--projects", type=Path, default=HERE / "projects.txt", help=argparse.SUPPRESS)
    parser.add_argument("--more-projects", type=Path, default=HERE / "settings_projects.txt", help=argparse.SUPPRESS)
    parser.add_argument("--settings", type=Path, default=HERE / "settings.txt", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, default=CACHE, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _folders(given: argparse.Namespace) -> dict[str, partial[Path]]:
    """How to come by the sources of each project."""
    wheels = {project.name: partial(sources_of, project, given.cache) for project in read_projects(given.projects)}
    more = read_projects(given.more_projects)
    return wheels | {project.name: partial(source_distribution, project, given.cache) for project in more}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; returns what the command exits with."""
    given = _arguments(arguments)
    folders = _folders(given)
    rows = read_rows(given.settings)
    wanted = {normal(name) for name in given.project} or {row.project for row in rows}
    if unknown := wanted - {row.project for row in rows} | wanted - set(folders):
        raise SystemExit(f"not in the lists of projects, or not in {given.settings.name}: {', '.join(sorted(unknown))}")

    shown = [("module", "by hand", "tool", "")]
    missing: list[str] = []
    counts: Counter[str] = Counter()
    for project in sorted(wanted):
        folder = folders[project]()
        read = [row for row in rows if row.project == project]
        missing += [f"{project}/{name}" for name in not_listed(folder, read)]
        for row in read:
            if not row.is_settings:
                continue
            tool = ask(folder, row.module)
            for by_hand, said in zip((row.debug, row.engine), tool, strict=True):
                counts[verdict(by_hand, said)] += 1
            verdicts = {verdict(row.debug, tool.debug), verdict(row.engine, tool.engine)}
            shown.append(
                (
                    f"{project}/{row.module}",
                    f"{row.debug}, {row.engine}",
                    f"{tool.debug}, {tool.engine}",
                    next(name for name in (WRONG, UNKNOWN, RIGHT) if name in verdicts),
                )
            )
    print(*table(shown), sep="\n")
    print(*(f"not in {given.settings.name}: {name}" for name in missing), sep="\n", end="\n" if missing else "")
    modules = len(shown) - 1
    print(
        f"{modules} modules of {len(wanted)} projects, {2 * modules} values: {counts[RIGHT]} right, {counts[UNKNOWN]}"
        f" unknown to the tool, {counts[WRONG]} wrong"
    )
    return int(bool(counts[WRONG] or missing))


if __name__ == "__main__":
    sys.exit(main())
