"""Which settings module each entry point of a project starts with: scripts, and the files that say how it is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from flake8_djq.patterns import Pattern
from flake8_djq.project.files import Files
from flake8_djq.project.settings.names import is_example
from flake8_djq.source import dotted_name

__all__ = ["EntryPoint", "Role", "Setter", "entry_points", "setters"]

VARIABLE = "DJANGO_SETTINGS_MODULE"
CONFIGURATION = "DJANGO_CONFIGURATION"


class Role(IntEnum):
    """What runs from an entry point, the surest sign of production last."""

    TESTS = 0
    DEVELOPMENT = 1
    #: A default in the code, which a variable of the environment may overrule: `manage.py`.
    COMMANDS = 2
    #: The same in `wsgi.py`, `asgi.py`, `celery.py`.
    SERVICE = 3
    #: A file that says how the project is deployed.
    PRODUCTION = 4


class EntryPoint(NamedTuple):
    """One place that names a settings module. ``module`` is its dotted name; ``path`` and ``line`` are the place."""

    path: str
    line: int
    module: str
    role: Role
    configuration: str = ""


class Setter(NamedTuple):
    """One statement of a script that sets the variable. ``is_default`` where one that is set already stays."""

    node: ast.expr | ast.stmt
    module: str
    is_default: bool


# Scripts by name; the rest of a project's Python files is not looked at.
SCRIPTS = Pattern(
    r"(^|/)((manage|django-admin|fabfile|conftest)\.py|(w|a)sgi\w*\.py|\w*celery\w*\.py|\w*worker\w*\.py"
    r"|\w*cron\w*\.py|\w*scheduler\w*\.py|__main__\.py|run\w*\.py|celery(_app)?/__init__\.py|asgi/__init__\.py"
    r"|(scripts|bin)/[^/]+\.py)$"
)
SERVICES = Pattern(r"(^|/)(wsgi|asgi|\w*celery|\w*worker|\w*cron|\w*scheduler)\w*(\.py|/__init__\.py)$")
TEST_SCRIPTS = Pattern(r"(^|/)(conftest|run_?tests?\w*|test_\w+)\.py$")
# Files that say how a project is run, tested or deployed, with what a line of them stands for.
FILES: tuple[tuple[re.Pattern[str], Role], ...] = (
    (re.compile(r"(^|/)(tox|pytest)\.ini$|(^|/)(setup\.cfg|pyproject\.toml|\.?noxfile\.py)$"), Role.TESTS),
    (re.compile(r"(^|/)\.github/workflows/.+\.ya?ml$|(^|/)\.(travis|gitlab-ci)\.yml$|(^|/)\.circleci/"), Role.TESTS),
    (re.compile(r"(^|/)(Makefile|justfile|Vagrantfile)$|(^|/)\.devcontainer/"), Role.DEVELOPMENT),
    (re.compile(r"(^|/)Procfile(\.\w+)?$|(^|/)(app|fly|render)\.(ya?ml|toml|json)$"), Role.PRODUCTION),
    (re.compile(r"(^|/)[^/]*(Dockerfile|Containerfile)(\.[\w.-]+)?$"), Role.PRODUCTION),
    (re.compile(r"\.(service|timer)(\.\w+)?$"), Role.PRODUCTION),
    (re.compile(r"(^|/)([^/]*crontab[^/]*|[^/]+\.cron|cron\.d/[^/]+)$"), Role.PRODUCTION),
    (re.compile(r"(^|/)(supervisor[^/]*|uwsgi[^/]*)\.(conf|ini)$|(^|/)supervisor[^/]*/[^/]+\.conf$"), Role.PRODUCTION),
    (re.compile(r"(^|/)[^/]*pg[-_]?bouncer[^/]*\.(ini|conf|cfg|sh|ya?ml)(\.[\w-]+)*$"), Role.PRODUCTION),
    (re.compile(r"(^|/)([^/]*docker-compose[^/]*|compose[^/]*|local|production)\.ya?ml$"), Role.DEVELOPMENT),
    (re.compile(r"(^|/)\.env([./-][^/]*)*$|(^|/)\.envs/|(^|/)[\w.-]*\.env(\.[\w-]+)?$"), Role.DEVELOPMENT),
    (re.compile(r"(^|/)(k8s|kubernetes|helm|charts|deploy(ment)?s?|ansible|\.ebextensions)/.*\.(ya?ml|conf|config|sh)$"),
     Role.PRODUCTION),
    (re.compile(r"(^|/)(docker-)?entrypoint[^/]*$|(^|/)(start|run)[\w-]*\.sh$"), Role.PRODUCTION),
)  # fmt: skip
PRODUCTION_PATH = Pattern(r"(^|[/._-])(prod|production|live|deploy|deployment|batch|worker|cron|scheduler)([/._-]|$)")
DEVELOPMENT_PATH = Pattern(
    r"(^|[/._-])(dev|develop|development|local|test|tests|testing|ci|example|sample|debug|template|override)([/._-]|$)"
)
NAMED = Pattern(
    r"(?:\bDJANGO_SETTINGS_MODULE\b[\"']?\s*(?:[:=,]\s*)?|(?<![\w-])--settings[= ]|(?<![\w-])--ds=)"
    r"(?:value:\s*)?[\"']?(?:\$\{\w+:?-)?([A-Za-z_]\w*(?:\.\w+)*)"
)
CONFIGURATION_NAMED = Pattern(r"\bDJANGO_CONFIGURATION\b[\"']?\s*(?:[:=,]\s*)?(?:value:\s*)?[\"']?([A-Za-z_]\w*)")
COMMENT = Pattern(r"^\s*(#|//|;)")
# What runs while an image is built: it collects static files, on no database.
BUILD_STEP = Pattern(r"^\s*RUN\b")
# The server of developers, and those that serve in production.
DEVELOPMENT_SERVER, SERVERS = (
    "runserver",
    re.compile(r"gunicorn|uwsgi|uvicorn|daphne|hypercorn|granian|mod_wsgi|waitress"),
)
IMAGE_NAME = Pattern(r"dockerfile|containerfile", re.IGNORECASE)


def entry_points(files: Files) -> tuple[EntryPoint, ...]:
    """Every place of a project that names a settings module."""
    found: list[EntryPoint] = []
    if files.roots is None:
        return ()
    top = str(files.roots.top)
    for path in files.listing():
        name = str(path)[len(top) + 1 :].replace("\\", "/")
        if SCRIPTS.search(name):
            found.extend(_in_script(files, path, name))
        else:
            role = next((role for pattern, role in FILES if pattern.search(name)), None)
            if role is not None:
                found.extend(_in_text(files, path, name, role))
    return tuple(found)


def _in_script(files: Files, path: Path, name: str) -> Iterator[EntryPoint]:
    text = files.text(path)
    if text is None or VARIABLE not in text:
        return
    tree = files.tree(path)
    if tree is None:
        return
    role = Role.SERVICE if SERVICES.search(name) else Role.COMMANDS
    if TEST_SCRIPTS.search(name) or is_example(name):
        role = Role.TESTS
    configuration = next((setter.module for setter in setters(tree, CONFIGURATION)), "")
    for setter in setters(tree, VARIABLE):
        yield EntryPoint(str(path), setter.node.lineno, setter.module, role, configuration)


def setters(tree: ast.AST, variable: str = VARIABLE) -> Iterator[Setter]:
    """The statements that set an environment variable to a plain text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) == 2 and _text(node.args[0]) == variable:
            name = dotted_name(node.func)
            if name.endswith(("environ.setdefault", "os.putenv")) and _text(node.args[1]):
                yield Setter(node, _text(node.args[1]), name.endswith("setdefault"))
        elif isinstance(node, ast.Assign) and _text(node.value):
            for target in node.targets:
                if (
                    isinstance(target, ast.Subscript)
                    and _text(target.slice) == variable
                    and dotted_name(target.value).endswith("environ")
                ):
                    yield Setter(node, _text(node.value), is_default=False)


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _in_text(files: Files, path: Path, name: str, role: Role) -> Iterator[EntryPoint]:
    text = files.text(path)
    if text is None or (VARIABLE not in text and "--settings" not in text and "--ds=" not in text):
        return
    if role is not Role.TESTS:
        if DEVELOPMENT_PATH.search(name.lower()) or is_example(name):
            role = Role.DEVELOPMENT
        elif PRODUCTION_PATH.search(name.lower()):
            role = Role.PRODUCTION
    match, is_image = CONFIGURATION_NAMED.search(text), bool(IMAGE_NAME.search(path.name))
    if is_image and DEVELOPMENT_SERVER in text and not SERVERS.search(text):
        role = min(role, Role.DEVELOPMENT)
    for found in NAMED.finditer(text):
        start = text.rfind("\n", 0, found.start()) + 1
        line = text[start : found.start() + 1]
        if not COMMENT.match(line) and not (is_image and BUILD_STEP.match(line)):
            number = text.count("\n", 0, found.start()) + 1
            yield EntryPoint(str(path), number, found[1], role, match[1] if match else "")
