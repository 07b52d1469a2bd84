"""What the settings modules of fixtures/settings come to, read by hand, beside what the linter makes of them."""

from __future__ import annotations

import ast
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from flake8_djq.linter import lint
from flake8_djq.project.settings.effective import Switch
from flake8_djq.project.settings.room import ProjectSettings, open_settings
from flake8_djq.source import Source
from tests.support import ROOT, marked, options

LAYOUTS = ROOT / "fixtures" / "settings"
ON, OFF, UNKNOWN = Switch.ON, Switch.OFF, Switch.UNKNOWN
ON_BY_DEFAULT, OFF_BY_DEFAULT = Switch.ON_BY_DEFAULT, Switch.OFF_BY_DEFAULT


class Module(NamedTuple):
    """The effective ``DEBUG`` with the lines that bring it in, and the engines by alias: ``*`` where a variable may
    name another one, ``?`` where nobody can know. File names stand without the folder that all settings lie in."""

    debug: Switch
    way: str
    databases: str
    unless: str = ""


MODULES: dict[str, dict[str, Module]] = {
    "broken": {
        "shop/settings/__init__.py": Module(ON, "__init__.py:1 <- circle.py:4", "default=mysql"),
        "shop/settings/batch.py": Module(
            UNKNOWN, "batch.py:5 <- circle.py:4", "default=mysql", unless="code that is not known before it runs"
        ),
        "shop/settings/circle.py": Module(ON, "circle.py:4", "default=mysql"),
        "shop/settings/production.py": Module(UNKNOWN, "", "default=mysql", unless=".circle"),
        "shop/settings/worker.py": Module(UNKNOWN, "", "default=?", unless=".missing"),
    },
    "chosen": {
        "shop/settings/__init__.py": Module(ON_BY_DEFAULT, "__init__.py:10 <- development.py:3", "default=postgresql"),
        "shop/settings/common.py": Module(OFF, "", "default=postgresql"),
        "shop/settings/development.py": Module(ON, "development.py:3", "default=postgresql"),
        "shop/settings/live.py": Module(OFF, "live.py:3", "default=postgresql"),
        "shop/settings/loaded.py": Module(OFF_BY_DEFAULT, "loaded.py:7 <- live.py:3", "default=postgresql"),
        "shop/settings/scheduler.py": Module(OFF, "scheduler.py:6 <- live.py:3", "default=postgresql"),
        "shop/settings/staging.py": Module(OFF, "staging.py:3", "default=postgresql"),
    },
    "configured": {
        "shop/settings.py:Common": Module(OFF_BY_DEFAULT, "shop/settings.py:6", "default=postgresql*"),
        "shop/settings.py:Development": Module(ON, "shop/settings.py:13", "default=postgresql*"),
        "shop/settings.py:Production": Module(
            OFF_BY_DEFAULT, "shop/settings.py:21 <- shop/settings.py:6", "default=postgresql*"
        ),
        "shop/settings.py:Worker": Module(ON, "shop/settings.py:27 <- shop/settings.py:13", "default=postgresql*"),
        "shop/settings.py:Beat": Module(OFF, "shop/settings.py:31 <- shop/settings.py:18", "default=postgresql*"),
        "shop/settings.py:Jobs": Module(ON, "shop/settings.py:36", "default=postgresql*"),
        "shop/settings.py:Testing": Module(ON, "shop/settings.py:40", "default=sqlite"),
    },
    "decoupled": {
        "shop/settings.py": Module(
            ON_BY_DEFAULT, "shop/settings.py:5", "default=sqlite*, events=mysql*, reports=postgresql*"
        ),
    },
    "decoupled_quiet": {
        "shop/settings.py": Module(OFF_BY_DEFAULT, "shop/settings.py:5", "default=?"),
    },
    "overridden": {
        "shop/settings.py": Module(ON, "shop/settings.py:4", "default=sqlite", unless=".local_settings"),
        "shop/settings_batch.py": Module(
            ON, "shop/settings_batch.py:3 <- shop/settings.py:4", "default=sqlite", unless=".local_settings"
        ),
        "shop/settings_cron.py": Module(
            ON, "shop/settings_cron.py:5 <- shop/settings_production.py:5", "default=mysql", unless="machine.py"
        ),
        "shop/settings_jobs.py": Module(
            UNKNOWN, "shop/settings_jobs.py:6 <- shop/settings_local.py:1", "default=mysql"
        ),
        "shop/settings_local.py": Module(OFF, "shop/settings_local.py:1", ""),
        "shop/settings_production.py": Module(ON, "shop/settings_production.py:5", "default=mysql"),
    },
    "package": {
        "shop/settings/base.py": Module(OFF, "", "default=postgresql"),
        "shop/settings/batch.py": Module(ON, "batch.py:4 <- staging.py:3 <- development.py:4", "default=postgresql"),
        "shop/settings/cron.py": Module(OFF, "", "default=postgresql"),
        "shop/settings/development.py": Module(ON, "development.py:4", "default=postgresql"),
        "shop/settings/jobs.py": Module(ON, "jobs.py:3 <- development.py:4", "default=postgresql"),
        "shop/settings/production.py": Module(OFF, "production.py:3", "default=postgresql-pooled"),
        "shop/settings/staging.py": Module(ON, "staging.py:3 <- development.py:4", "default=postgresql"),
        "shop/settings/test.py": Module(ON, "test.py:3", "default=sqlite"),
        "shop/settings/worker.py": Module(OFF, "worker.py:5 <- production.py:3", "default=postgresql-pooled"),
    },
    "single": {
        "shop/settings.py": Module(ON, "shop/settings.py:7", "default=mysql, archive=sqlite"),
    },
    "single_quiet": {
        "shop/settings.py": Module(OFF_BY_DEFAULT, "shop/settings.py:9", "default=sqlite*"),
    },
    "split": {
        "server/settings/__init__.py": Module(
            OFF_BY_DEFAULT, "__init__.py:13 <- environments/production.py:1", "default=mysql"
        ),
        "server/settings/components/database.py": Module(OFF, "", "default=mysql"),
        "server/settings/environments/development.py": Module(ON, "environments/development.py:1", ""),
        "server/settings/environments/production.py": Module(OFF, "environments/production.py:1", "default=?"),
        "server/settings_cron.py": Module(
            ON,
            "server/settings_cron.py:5 <- environments/development.py:1",
            "default=mysql",
            unless="/etc/shop/settings.py",
        ),
        "server/settings_worker.py": Module(
            ON, "server/settings_worker.py:5 <- environments/development.py:1", "default=mysql"
        ),
    },
    "src_layout": {
        "src/shop/conf/common.py": Module(OFF, "", "default=oracle"),
        "src/shop/conf/development.py": Module(ON_BY_DEFAULT, "development.py:5", "default=oracle"),
        "src/shop/conf/nightly.py": Module(ON, "nightly.py:6", "default=oracle"),
        "src/shop/conf/testing.py": Module(ON, "testing.py:6", "default=oracle"),
    },
    "twelve_factor": {
        "config/settings/base.py": Module(OFF_BY_DEFAULT, "config/settings/base.py:14", "default=postgresql*"),
        "config/settings/beat.py": Module(
            ON_BY_DEFAULT, "config/settings/beat.py:9", "default=postgresql*, reports=mysql*"
        ),
        "config/settings/local.py": Module(ON, "config/settings/local.py:4", "default=postgresql*"),
        "config/settings/production.py": Module(
            OFF_BY_DEFAULT, "config/settings/production.py:1 <- config/settings/base.py:14", "default=postgresql*"
        ),
    },
    "two_projects/back": {
        "site_settings.py": Module(OFF, "site_settings.py:2", "default=mysql"),
    },
    "two_projects/front": {
        "site_settings.py": Module(ON, "site_settings.py:2", "default=postgresql"),
    },
}
# Which modules batch work or the live site runs with; what says so where their names do not.
BATCH = {
    "broken": {"batch.py": "", "production.py": "", "worker.py": ""},
    "chosen": {"__init__.py": "shop/wsgi.py:5", "scheduler.py": ""},
    "configured": {
        "settings.py:Production": "",
        "settings.py:Worker": "",
        "settings.py:Beat": "",
        "settings.py:Jobs": "",
    },
    "decoupled": {"settings.py": "shop/wsgi.py:5"},
    "decoupled_quiet": {},
    "overridden": dict.fromkeys(
        ("settings_batch.py", "settings_cron.py", "settings_jobs.py", "settings_production.py"), ""
    ),
    "package": dict.fromkeys(("batch.py", "cron.py", "jobs.py", "production.py", "worker.py"), ""),
    "single": {"settings.py": "shop/wsgi.py:5"},
    "single_quiet": {"settings.py": "shop/wsgi.py:5"},
    "split": {"__init__.py": "server/wsgi.py:5", "production.py": "", "settings_cron.py": "", "settings_worker.py": ""},
    "src_layout": {"nightly.py": "deploy/shop-nightly.service:2"},
    "twelve_factor": {"beat.py": "", "production.py": ""},
    "two_projects/back": {},
    "two_projects/front": {},
}
DATABASES = {
    "broken": ("mysql", "shop.settings.production:5"),
    "chosen": ("postgresql", "shop.settings.common:4"),
    "configured": ("postgresql", "shop.settings:9"),
    # The settings leave it to a variable, and an example says what that is.
    "decoupled": ("mysql", ".env.example:3"),
    "decoupled_quiet": ("unknown", ""),
    "overridden": ("mysql", "shop.settings_production:6"),
    # Production has a pooler, batch.py has none.
    "package": ("unknown", "the settings modules disagree"),
    "single": ("mysql", "shop.settings:20"),
    # SQLite by default stands in for something.
    "single_quiet": ("unknown", ""),
    "split": ("mysql", "server.settings.components.database:1"),
    "src_layout": ("oracle", "shop.conf.common:4"),
    "twelve_factor": ("postgresql", "docker-compose.production.yml:7"),
    "two_projects/back": ("mysql", "site_settings:4"),
    "two_projects/front": ("postgresql", "site_settings:4"),
}
EVERY = [(layout, name) for layout, modules in MODULES.items() for name in modules]
FILES = sorted(path.relative_to(LAYOUTS).as_posix() for path in LAYOUTS.rglob("*.py"))


def settings_of(layout: str) -> ProjectSettings:
    return open_settings(str(LAYOUTS / layout / "manage.py"))


def short(path: str | Path, layout: str) -> str:
    name = Path(path).relative_to(LAYOUTS / layout).as_posix()
    for folder in ("shop/settings/", "src/shop/conf/", "server/settings/"):
        name = name.removeprefix(folder)
    return name


def test_every_layout_is_judged() -> None:
    projects = {path.parent.relative_to(LAYOUTS).as_posix() for path in LAYOUTS.rglob("manage.py")}
    assert projects == set(MODULES) == set(BATCH) == set(DATABASES)
    assert len(projects) >= 6


@pytest.mark.parametrize(("layout", "name"), EVERY)
def test_effective_values(layout: str, name: str) -> None:
    path, _, configuration = name.partition(":")
    found = settings_of(layout).effective(LAYOUTS / layout / path, configuration)
    way = " <- ".join(f"{short(step.path, layout)}:{step.line}" for step in found.debug.way)
    databases = ", ".join(
        f"{alias}={database.name or '?'}{'*' if database.is_default else ''}"
        for alias, database in found.databases.items()
    )
    assert Module(found.debug.state, way, databases, found.debug.unless) == MODULES[layout][name]


@pytest.mark.parametrize("layout", MODULES)
def test_batch_settings(layout: str) -> None:
    settings = settings_of(layout)
    found = {}
    for name in MODULES[layout]:
        path, _, configuration = name.partition(":")
        reason = settings.batch_reason(LAYOUTS / layout / path, configuration)
        if reason is not None:
            found[Path(path).name + (f":{configuration}" if configuration else "")] = reason
    assert found == BATCH[layout]


@pytest.mark.parametrize("layout", MODULES)
def test_production_database(layout: str) -> None:
    assert settings_of(layout).production_database()[:2] == DATABASES[layout]


def test_the_database_of_settings_that_the_user_names() -> None:
    settings = settings_of("package")
    assert settings.production_database(("shop.settings.batch",)).name == "postgresql"
    assert settings.production_database(("shop.settings.production",))[:2] == (
        "postgresql-pooled",
        "shop.settings.production:4",
    )


def test_what_speaks_of_a_pooler() -> None:
    found = settings_of("package").effective(LAYOUTS / "package/shop/settings/production.py")
    assert found.databases["default"].pooler == "HOST = pgbouncer"


@pytest.mark.parametrize("path", FILES)
def test_marks_are_what_is_found(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = next(layout for layout in MODULES if path.startswith(layout + "/"))
    monkeypatch.chdir(LAYOUTS / layout)
    text = (LAYOUTS / path).read_text(encoding="utf-8")
    name = os.path.relpath(LAYOUTS / path)
    findings = lint(Source(name, text, ast.parse(text)), options())
    assert sorted((finding.line, finding.code) for finding in findings) == marked(text, "")


SILK = "silk.middleware.SilkyMiddleware"
TOOLBAR = "debug_toolbar.middleware.DebugToolbarMiddleware"
WSGI = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.conf.main')\n"
UNIT = "[Service]\nEnvironment=DJANGO_SETTINGS_MODULE=shop.conf.main\n"


@pytest.mark.parametrize(
    ("text", "tools"),
    [
        (f"INSTALLED_APPS = ['silk']\nMIDDLEWARE = ['{SILK}']\n", ["silk", SILK]),
        (f"INSTALLED_APPS = []\nMIDDLEWARE = ['{SILK}']\n", [SILK]),
        ("INSTALLED_APPS = ['zen_queries']\nMIDDLEWARE = []\n", ["zen_queries"]),
        (f"DEBUG = True\nINSTALLED_APPS = ['debug_toolbar']\nMIDDLEWARE = ['{TOOLBAR}']\n", ["debug_toolbar", TOOLBAR]),
        (f"from .other import DEBUG\nINSTALLED_APPS = []\nMIDDLEWARE = ['{TOOLBAR}']\n", [TOOLBAR]),
        # Tools without their middleware, and one that waits for DEBUG.
        ("INSTALLED_APPS = ['silk', 'debug_toolbar']\nMIDDLEWARE = []\n", []),
        (f"INSTALLED_APPS = ['silk']\nMIDDLEWARE = []\nif x():\n    MIDDLEWARE += ['{SILK}']\n", []),
        (f"DEBUG = False\nINSTALLED_APPS = ['debug_toolbar']\nMIDDLEWARE = ['{TOOLBAR}']\n", []),
        (f"DEBUG = get_bool('DEBUG', False)\nINSTALLED_APPS = []\nMIDDLEWARE = ['{TOOLBAR}']\n", []),
        # A function decides who sees it.
        (
            f"DEBUG = True\nINSTALLED_APPS = ['debug_toolbar', 'silk']\nMIDDLEWARE = ['{TOOLBAR}', '{SILK}']\n"
            "DEBUG_TOOLBAR_CONFIG = {'SHOW_TOOLBAR_CALLBACK': show}\n",
            ["silk", SILK],
        ),
        (f"INSTALLED_APPS = ['silk']\nMIDDLEWARE = ['{SILK}']\nSILKY_INTERCEPT_FUNC = asked\n", []),
        (f"INSTALLED_APPS = ['silk']\nMIDDLEWARE = ['{SILK}']\nSILKY_INTERCEPT_PERCENT = 1\n", []),
        (f"INSTALLED_APPS = ['silk']\nMIDDLEWARE = ['{SILK}']\nSILKY_META = True\n", ["silk", SILK]),
        # Whether DEBUG is on is known to a module alone that is not there.
        (f"from .local_settings import *\nINSTALLED_APPS = []\nMIDDLEWARE = ['{TOOLBAR}']\n", []),
        (
            f"try:\n    from local import *\nexcept ImportError:\n    pass\nINSTALLED_APPS = ['zen_queries']\n"
            f"MIDDLEWARE = ['{TOOLBAR}']\n",
            ["zen_queries"],
        ),
        (f"from .local import *\nDEBUG = True\nINSTALLED_APPS = []\nMIDDLEWARE = ['{TOOLBAR}']\n", [TOOLBAR]),
    ],
)
def test_tools_that_do_something(tmp_path: Path, text: str, tools: list[str]) -> None:
    assert tools_in(tmp_path, text, {"deploy/nightly.service": UNIT}) == tools


@pytest.mark.parametrize(
    ("files", "tools"),
    [
        ({"shop/wsgi.py": WSGI}, []),
        ({"shop/asgi.py": WSGI}, []),
        ({"shop/wsgi/__init__.py": WSGI}, []),
        ({"shop/celery.py": WSGI}, ["zen_queries"]),
        ({"shop/wsgi.py": WSGI, "deploy/nightly.service": UNIT}, ["zen_queries"]),
    ],
)
def test_tools_of_settings_that_only_a_web_server_names(
    tmp_path: Path, files: dict[str, str], tools: list[str]
) -> None:
    assert tools_in(tmp_path, "INSTALLED_APPS = ['zen_queries']\nMIDDLEWARE = []\n", files) == tools


def tools_in(folder: Path, text: str, files: dict[str, str]) -> list[str]:
    """The tools that DJQ506 finds in the settings of a project with these files."""
    for name, content in {**files, "manage.py": "", "shop/conf/main.py": text}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    name = str(folder / "shop/conf/main.py")
    found = lint(Source(name, text, ast.parse(text)), options())
    return [finding.message.split(" ")[0] for finding in found if finding.code == "DJQ506"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Dockerfile", "FROM python:3.11\nENV DJANGO_SETTINGS_MODULE=shop.settings.production\n", []),
        ("docker/web.Dockerfile", "ENV DJANGO_SETTINGS_MODULE shop.settings.production\n", []),
        ("shop-web.Containerfile", "ENV DJANGO_SETTINGS_MODULE shop.settings.production\n", []),
        # The same settings, and what holds for one command only.
        ("Dockerfile", "FROM python:3.11\nENV DJANGO_SETTINGS_MODULE=shop.settings.development\n", ["DJQ505"]),
        ("Procfile", "web: DJANGO_SETTINGS_MODULE=shop.settings.production gunicorn shop.wsgi\n", ["DJQ505"]),
        ("Dockerfile", "FROM python:3.11\n", ["DJQ505"]),
        (
            "Dockerfile",
            "ENV DJANGO_SETTINGS_MODULE=shop.settings.production\nCMD python manage.py runserver 0:8000\n",
            ["DJQ505"],
        ),
        ("Dockerfile", "RUN DJANGO_SETTINGS_MODULE=shop.settings.production manage.py collectstatic\n", ["DJQ505"]),
    ],
)
def test_the_default_of_commands_gives_way_to_an_image(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    shutil.copytree(LAYOUTS / "package", tmp_path / "package", ignore=shutil.ignore_patterns(".*"))
    (tmp_path / "package" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "package" / name).write_text(text, encoding="utf-8")
    manage = tmp_path / "package" / "manage.py"
    source = manage.read_text(encoding="utf-8")
    assert [finding.code for finding in lint(Source(str(manage), source, ast.parse(source)), options())] == expected


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("sandbox", []), ("example_project", []), ("demoproject", []), ("autotest", []), ("web", ["DJQ505"])],
)
def test_a_project_that_only_shows_a_library(tmp_path: Path, folder: str, expected: list[str]) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "settings.py").write_text("DEBUG = True\nINSTALLED_APPS = []\n", encoding="utf-8")
    manage = tmp_path / folder / "manage.py"
    source = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")\n'
    manage.write_text(source, encoding="utf-8")
    assert [finding.code for finding in lint(Source(str(manage), source, ast.parse(source)), options())] == expected
