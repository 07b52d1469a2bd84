"""Which versions of Django a project may run on, by the files that say what is installed with it.

What a lock file holds is what runs. What is asked for (``Django>=4.2``) leaves a range, and what is installed beside
flake8 is the last guess, since flake8 often has an environment of its own. Nothing is imported, and a file that cannot
be read says nothing. TOML is read by its lines: Python 3.10 has no parser for it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from functools import cache
from importlib import metadata
from pathlib import Path

from flake8_djq.project.roots import Roots
from flake8_djq.project.versions import ANY, Version, Versions

__all__ = ["versions_of"]

MOST = 1_000_000
REQUIREMENTS = re.compile(r"requirements[\w.-]*\.(txt|in)$")
# Files that ask for what only developers or a documentation need: their version need not be the one that runs.
ASIDE = re.compile(r"dev|test|doc|lint|ci|example|local|freeze|legacy|django[-_.]?\d", re.IGNORECASE)
# `Django>=4.2,<5; python_version < "3.12"  # a note`, `django[bcrypt]==5.2.1 \`
REQUIREMENT = re.compile(
    r"^[ \t]*django[ \t]*(?:\[[\w, -]*\])?[ \t]*\(?((?:[<>=!~^]{1,3}[ \t]*v?[\w.*]+[ \t,]*)+)\)?[ \t]*(?:$|[;#\\])",
    re.IGNORECASE | re.MULTILINE,
)
CONDITION = re.compile(r"([<>=!~^]{0,3})[ \t]*v?(\d+)(?:\.(\d+))?([\w.*]*)")
LOCKED = re.compile(r'^\[\[package\]\]\s*name = "django"\s*version = "(\d+)\.(\d+)', re.IGNORECASE | re.MULTILINE)
POETRY = re.compile(
    r"""^django[ \t]*=[ \t]*(?:["']([^"'\n]*)["']|\{[^}\n]*\bversion[ \t]*=[ \t]*["']([^"'\n]*)["'][^}\n]*\})""",
    re.IGNORECASE | re.MULTILINE,
)
DEPENDENCIES = re.compile(r"""^dependencies[ \t]*=[ \t]*\[((?:[^\]"'#]|"[^"\n]*"|'[^'\n]*'|#.*)*)\]""", re.MULTILINE)
CLASSIFIER = re.compile(r"Framework :: Django :: (\d+)\.(\d+)")
# A comment counts as one thing, so that quotes in it start no text.
TEXT = re.compile(r"""#.*|"([^"\n]*)"|'([^'\n]*)'""")
# Stands for the last minor version of a major one.
LAST = 99


def versions_of(roots: Roots) -> Versions:
    """The versions that the code of a project runs on: by its files, or else by what is installed."""
    return _versions_of(*dict.fromkeys((roots.root, roots.top)))


@cache
def _versions_of(*folders: Path) -> Versions:
    for evidence in EVIDENCE:
        for folder in folders:
            said = set(evidence(folder))
            if said:
                # Two files that disagree: whatever holds for both is true.
                return _widest(said)
    return _installed()


def _widest(said: set[Versions]) -> Versions:
    lowest = {versions.lowest for versions in said}
    highest = {versions.highest for versions in said}
    return Versions(
        min(version for version in lowest if version) if None not in lowest else None,
        max(version for version in highest if version) if None not in highest else None,
    )


def _installed() -> Versions:
    try:
        match = re.match(r"(\d+)\.(\d+)", metadata.version("Django"))
    except (metadata.PackageNotFoundError, TypeError, ValueError, OSError):
        return ANY
    return _exactly(match[1], match[2]) if match else ANY


def _exactly(major: str, minor: str) -> Versions:
    version = (int(major), int(minor))
    return Versions(version, version)


# -- the files ----------------------------------------------------------------------------------------------------


def _locked(folder: Path) -> Iterator[Versions]:
    """``poetry.lock``, ``uv.lock``, ``pdm.lock``."""
    for name in ("uv.lock", "poetry.lock", "pdm.lock"):
        for major, minor in LOCKED.findall(_text(folder, name, most=20 * MOST)):
            yield _exactly(major, minor)


def _pipfile(folder: Path) -> Iterator[Versions]:
    try:
        version = json.loads(_text(folder, "Pipfile.lock", most=20 * MOST) or "{}")["default"]["django"]["version"]
        yield from _ranges(version)
    except (ValueError, KeyError, TypeError, RecursionError):
        return


def _requirements(folder: Path) -> Iterator[Versions]:
    """``requirements.txt``, ``requirements-prod.txt``, ``requirements/base.txt`` and what pip-tools writes."""
    names = [name for name in _names(folder) if REQUIREMENTS.match(name)]
    names += [f"requirements/{name}" for name in _names(folder / "requirements") if _is_list(name)]
    said = [
        (name, versions)
        for name in sorted(names)
        if not ASIDE.search(name)
        for versions in _from_requirements(_text(folder, name))
    ]
    # `requirements.in` is what `requirements.txt` was made from.
    pinned = [versions for _, versions in said if versions.only is not None]
    yield from pinned or [versions for _, versions in said]


def _pyproject(folder: Path) -> Iterator[Versions]:
    text = _text(folder, "pyproject.toml")
    for plain, table in POETRY.findall(_section(text, "tool.poetry.dependencies")):
        yield from _ranges(plain or table)
    dependencies = DEPENDENCIES.search(_section(text, "project"))
    if dependencies is not None:
        yield from _from_requirements("\n".join(double or single for double, single in TEXT.findall(dependencies[1])))


def _setup_cfg(folder: Path) -> Iterator[Versions]:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(folder, "setup.cfg"))
        yield from _from_requirements(parser.get("options", "install_requires", fallback=""))
    except ConfigParserError:
        return


def _setup_py(folder: Path) -> Iterator[Versions]:
    """What ``setup.py`` asks for, wherever it stands in it; else the versions that its classifiers name."""
    texts = [double or single for double, single in TEXT.findall(_text(folder, "setup.py"))]
    asked = list(_from_requirements("\n".join(texts)))
    yield from asked or (_exactly(*match.groups()) for text in texts if (match := CLASSIFIER.fullmatch(text)))


# Best first: what is installed by it, then what is asked for. A project says it in one of these ways.
EVIDENCE: tuple[Callable[[Path], Iterator[Versions]], ...] = (
    *(_locked, _pipfile, _requirements, _pyproject, _setup_cfg, _setup_py),
)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _is_list(name: str) -> bool:
    return name.endswith((".txt", ".in"))


def _text(folder: Path, name: str, most: int = MOST) -> str:
    try:
        with open(folder / name, encoding="utf-8", errors="replace") as file:
            return file.read(most)
    except OSError:
        return ""


def _section(text: str, name: str) -> str:
    """The lines of one table of TOML, or of one section of a configuration file."""
    found = re.search(rf"^\[{re.escape(name)}\][ \t]*(?:#.*)?$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found is not None else ""


# -- what they say ------------------------------------------------------------------------------------------------


def _from_requirements(text: str) -> Iterator[Versions]:
    for conditions in REQUIREMENT.findall(text):
        yield from _ranges(conditions)


def _ranges(text: str) -> list[Versions]:
    """The versions that fit all conditions, such as ``>=4.2,<5``, ``^5.0`` or ``5.2.1``; none where it is unclear."""
    if "|" in text:
        return []
    found = []
    for operator, major, minor, rest in CONDITION.findall(text):
        if operator not in OPERATORS:
            return []
        found.append(OPERATORS[operator]((int(major), int(minor or 0)), bool(minor), rest))
    lowest = max((versions.lowest for versions in found if versions.lowest), default=None)
    highest = min((versions.highest for versions in found if versions.highest), default=None)
    is_empty = lowest is not None and highest is not None and lowest > highest
    return [] if is_empty or not (lowest or highest) else [Versions(lowest, highest)]


def _major(version: Version) -> Versions:
    """This version and those after it with its first number."""
    return Versions(version, (version[0], LAST))


def _before(version: Version, rest: str) -> Versions:
    if re.match(r"\.0*[1-9]", rest):
        return Versions(highest=version)  # `<4.2.3`
    major, minor = version
    return Versions(highest=(major, minor - 1) if minor else (major - 1, LAST))


def _is(version: Version, has_minor: bool, rest: str) -> Versions:
    return _major(version) if "*" in rest and not has_minor else Versions(version, version)


# What a version after an operator says: the version, whether it has a second number, and what follows that.
OPERATORS: dict[str, Callable[[Version, bool, str], Versions]] = {
    "": _is,
    "=": _is,
    "==": _is,
    "===": _is,
    "!=": lambda version, has_minor, rest: ANY,
    ">=": lambda version, has_minor, rest: Versions(lowest=version),
    ">": lambda version, has_minor, rest: Versions(lowest=version),
    "<=": lambda version, has_minor, rest: Versions(highest=version),
    "<": lambda version, has_minor, rest: _before(version, rest),
    "~=": lambda version, has_minor, rest: Versions(version, version) if rest else _major(version),
    "~": lambda version, has_minor, rest: Versions(version, version) if has_minor else _major(version),
    "^": lambda version, has_minor, rest: _major(version),
}
