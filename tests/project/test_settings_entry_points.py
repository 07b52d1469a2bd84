"""Which settings module each entry point names, where a project starts, and which files count."""

from __future__ import annotations

import os
import time
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_djq.project.files import Files
from flake8_djq.project.roots import find_roots
from flake8_djq.project.settings.entry_points import Role, entry_points
from flake8_djq.project.settings.room import ProjectSettings, open_settings
from tests.support import flake8

TESTS, DEVELOPMENT, COMMANDS, SERVICE, PRODUCTION = Role
DEFAULT = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.live")\n'


def write(folder: Path, **texts: str) -> None:
    """Files by name; in the names `__` stands for a slash."""
    for name, text in texts.items():
        write_one(folder, name.replace("__", "/"), text)


def write_one(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")


def opened(folder: Path) -> ProjectSettings:
    return open_settings(str(folder / "manage.py"))


@pytest.mark.parametrize(
    ("name", "text", "role"),
    [
        ("manage.py", DEFAULT, COMMANDS),
        ("shop/wsgi.py", DEFAULT, SERVICE),
        ("shop/asgi.py", DEFAULT, SERVICE),
        ("shop/celery.py", DEFAULT, SERVICE),
        ("shop/celery_app.py", 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings.live"\n', SERVICE),
        (
            "shop/worker.py",
            'from os import environ\nenviron.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.live")\n',
            SERVICE,
        ),
        ("scripts/import_orders.py", DEFAULT, COMMANDS),
        ("conftest.py", DEFAULT, TESTS),
        ("runtests.py", DEFAULT, TESTS),
        ("example/manage.py", DEFAULT, None),
        ("Procfile", "worker: DJANGO_SETTINGS_MODULE=shop.settings.live celery -A shop worker\n", PRODUCTION),
        ("Procfile", "release: python manage.py migrate --settings=shop.settings.live\n", PRODUCTION),
        ("Dockerfile", "ENV DJANGO_SETTINGS_MODULE=shop.settings.live\n", PRODUCTION),
        ("Dockerfile", "ENV DJANGO_SETTINGS_MODULE shop.settings.live\n", PRODUCTION),
        ("docker/app.Dockerfile", 'ENV DJANGO_SETTINGS_MODULE "shop.settings.live"\n', PRODUCTION),
        ("docker/dev/Dockerfile", "ENV DJANGO_SETTINGS_MODULE=shop.settings.live\n", DEVELOPMENT),
        ("docker-compose.yml", "environment:\n  - DJANGO_SETTINGS_MODULE=shop.settings.live\n", DEVELOPMENT),
        ("docker-compose.prod.yml", "environment:\n  DJANGO_SETTINGS_MODULE: shop.settings.live\n", PRODUCTION),
        ("compose.yaml", "environment:\n  DJANGO_SETTINGS_MODULE: ${DSM:-shop.settings.live}\n", DEVELOPMENT),
        ("deploy/shop.service", "Environment=DJANGO_SETTINGS_MODULE=shop.settings.live\n", PRODUCTION),
        ("etc/crontab", "0 3 * * * app manage.py rebuild --settings shop.settings.live\n", PRODUCTION),
        ("deploy/nightly.cron", "DJANGO_SETTINGS_MODULE=shop.settings.live\n", PRODUCTION),
        ("k8s/job.yaml", "- name: DJANGO_SETTINGS_MODULE\n  value: shop.settings.live\n", PRODUCTION),
        ("supervisor/shop.conf", 'environment=DJANGO_SETTINGS_MODULE="shop.settings.live"\n', PRODUCTION),
        (".github/workflows/tests.yml", "env:\n  DJANGO_SETTINGS_MODULE: shop.settings.live\n", TESTS),
        (".env", "DJANGO_SETTINGS_MODULE=shop.settings.live\n", DEVELOPMENT),
        (".env.example", "DJANGO_SETTINGS_MODULE=shop.settings.live\n", DEVELOPMENT),
        (".envs/.production/.django", "DJANGO_SETTINGS_MODULE=shop.settings.live\n", PRODUCTION),
        ("tox.ini", "[testenv]\nsetenv = DJANGO_SETTINGS_MODULE = shop.settings.live\n", TESTS),
        ("pytest.ini", "[pytest]\naddopts = --ds=shop.settings.live\n", TESTS),
        ("pyproject.toml", '[tool.pytest.ini_options]\nDJANGO_SETTINGS_MODULE = "shop.settings.live"\n', TESTS),
        ("setup.cfg", "[tool:pytest]\nDJANGO_SETTINGS_MODULE = shop.settings.live\n", TESTS),
        ("Procfile", "# DJANGO_SETTINGS_MODULE=shop.settings.live\n", None),
        ("README.md", "DJANGO_SETTINGS_MODULE=shop.settings.live\n", None),
        ("shop/models.py", DEFAULT, None),
        ("node_modules/x/Procfile", "DJANGO_SETTINGS_MODULE=shop.settings.live\n", None),
        (".venv/lib/Procfile", "DJANGO_SETTINGS_MODULE=shop.settings.live\n", None),
        ("Dockerfile", "ENV DJANGO_SETTINGS_MODULE=$MODULE\n", None),
    ],
)
def test_entry_points(tmp_path: Path, name: str, text: str, role: Role | None) -> None:
    write(tmp_path, manage="")
    (tmp_path / "manage").rename(tmp_path / "manage.py")
    write_one(tmp_path, name, text)
    found = entry_points(Files(find_roots(str(tmp_path / "manage.py"))))
    if role is None:
        assert found == ()
    else:
        [entry] = found
        assert (entry.module, entry.role) == ("shop.settings.live", role)
        assert Path(entry.path) == tmp_path / name


def test_a_long_gap_takes_no_time(tmp_path: Path) -> None:
    write_one(tmp_path, "manage.py", "")
    for name in ("DJANGO_SETTINGS_MODULE", "DJANGO_CONFIGURATION"):
        write_one(tmp_path, f"{name}.env", f"DJANGO_SETTINGS_MODULE=shop.live\n{name}{' ' * 100_000}!\n")
    started = time.perf_counter()
    found = entry_points(Files(find_roots(str(tmp_path / "manage.py"))))
    assert [(entry.module, entry.line) for entry in found] == [("shop.live", 1)] * 2
    assert time.perf_counter() - started < 5


def test_what_makes_batch_settings(tmp_path: Path) -> None:
    write_one(tmp_path, "manage.py", DEFAULT.replace("live", "development"))
    for name in ("live", "nightly", "development", "testing"):
        write_one(tmp_path, f"shop/settings/{name}.py", "INSTALLED_APPS = []\n")
    write_one(tmp_path, "deploy/nightly.service", "Environment=DJANGO_SETTINGS_MODULE=shop.settings.nightly\n")
    write_one(tmp_path, "pytest.ini", "[pytest]\nDJANGO_SETTINGS_MODULE=shop.settings.testing\n")
    write_one(tmp_path, "Dockerfile", "ENV DJANGO_SETTINGS_MODULE=shop.settings.development\n")
    settings = opened(tmp_path)
    reasons = {
        name: settings.batch_reason(tmp_path / f"shop/settings/{name}.py")
        for name in ("live", "nightly", "development", "testing")
    }
    assert reasons == {"live": None, "nightly": "deploy/nightly.service:1", "development": None, "testing": None}


def test_the_default_of_wsgi_counts_where_nothing_says_more(tmp_path: Path) -> None:
    write_one(tmp_path, "manage.py", "")
    write_one(tmp_path, "shop/wsgi.py", DEFAULT.replace("live", "main"))
    write_one(tmp_path, "shop/settings/main.py", "INSTALLED_APPS = []\n")
    main = tmp_path / "shop/settings/main.py"
    assert opened(tmp_path).batch_reason(main) == "shop/wsgi.py:2"
    write_one(tmp_path, "shop/settings/production.py", "from .main import *\n")
    assert opened(tmp_path).batch_reason(main) is None


@pytest.mark.parametrize(
    ("files", "name", "root", "top", "module"),
    [
        (["manage.py", "shop/models.py"], "shop/models.py", ".", ".", "shop.models"),
        (["pyproject.toml", "src/shop/models.py"], "src/shop/models.py", ".", ".", "shop.models"),
        (
            [".git/x", "pyproject.toml", "src/manage.py", "src/shop/models.py"],
            "src/shop/models.py",
            "src",
            ".",
            "shop.models",
        ),
        ([".git/x", "manage.py", "libs/a/pyproject.toml", "libs/a/a/b.py"], "libs/a/a/b.py", ".", ".", "libs.a.a.b"),
        ([".git/x", "one/manage.py", "two/manage.py", "two/shop/x.py"], "two/shop/x.py", "two", ".", "shop.x"),
        (["setup.cfg", "shop/__init__.py"], "shop/__init__.py", ".", ".", "shop"),
        ([".git/x", "deep/er/x.py"], "deep/er/x.py", ".", ".", "deep.er.x"),
    ],
)
def test_roots(tmp_path: Path, files: list[str], name: str, root: str, top: str, module: str) -> None:
    for file in files:
        write_one(tmp_path, file, "")
    roots = find_roots(str(tmp_path / name))
    assert roots is not None
    assert (roots.root, roots.top) == (tmp_path / root, tmp_path / top)
    assert roots.module_of(tmp_path / name) == module
    assert roots.file_of(module) == tmp_path / name


def test_no_project(tmp_path: Path) -> None:
    write_one(tmp_path, "alone/x.py", "")
    assert find_roots(str(tmp_path / "alone/x.py")) is None
    assert find_roots("stdin") is None
    roots = find_roots(str(tmp_path / "missing.py"))
    assert roots is None


def test_links_in_a_circle(tmp_path: Path) -> None:
    write_one(tmp_path, "manage.py", "")
    (tmp_path / "shop").mkdir()
    os.symlink(tmp_path, tmp_path / "shop" / "again", target_is_directory=True)
    assert [path.name for path in Files(find_roots(str(tmp_path / "manage.py"))).listing()] == ["manage.py"]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    write_one(tmp_path, "manage.py", "")
    (tmp_path / "a.py").write_bytes(b"# coding: nonsense\nx = 1\n")
    (tmp_path / "b.py").write_bytes(b"x = '\xff'\n")
    (tmp_path / "c.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
    files = Files(find_roots(str(tmp_path / "manage.py")))
    assert files.text(tmp_path / "a.py") is None
    assert files.tree(tmp_path / "missing.py") is None
    assert files.text(tmp_path / "c.py") == "x = 1\n"


ON, BY_DEFAULT, OFF = "True", 'os.environ.get("DEBUG", "1") == "1"', "False"


@pytest.mark.parametrize(
    ("debug", "comment", "found"),
    [
        (ON, "", "2 DJQ501"),
        (ON, "  # noqa: F403", "2 DJQ501"),
        (ON, "  # noqa", "1 DJQ501"),
        (ON, "  # noqa F403", "1 DJQ501"),
        (ON, "  # NOQA: F403, DJQ501", ""),
        (ON, "  # noqa: DJQ501", ""),
        (ON, "  # noqa: DJQ", ""),
        (BY_DEFAULT, "  # noqa: F403", "2 DJQ502"),
        (BY_DEFAULT, "  # noqa", "1 DJQ502"),
        (BY_DEFAULT, "  # noqa: DJQ502", ""),
        (OFF, "  # noqa", ""),
    ],
)
def test_a_bare_noqa_does_not_hide_what_an_import_brings_in(
    tmp_path: Path, debug: str, comment: str, found: str
) -> None:
    write_one(tmp_path, "manage.py", "")
    write_one(tmp_path, "shop/settings/development.py", f"import os\nINSTALLED_APPS = []\nDEBUG = {debug}\n")
    write_one(tmp_path, "shop/settings/worker.py", f'"""Worker."""\nfrom .development import *{comment}\n')
    done = flake8("--isolated", "--format=%(row)d %(code)s", "shop/settings/worker.py", cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == (found, "")


def test_a_bare_noqa_on_the_only_line(tmp_path: Path) -> None:
    write_one(tmp_path, "manage.py", "")
    write_one(tmp_path, "shop/settings/development.py", "INSTALLED_APPS = []\nDEBUG = True\n")
    write_one(tmp_path, "shop/settings/worker.py", "from .development import *  # noqa\n")
    done = flake8("--isolated", "--format=%(row)d %(code)s %(text)s", "shop/settings/worker.py", cwd=tmp_path)
    assert done.stdout.startswith("2 DJQ501 line 1: DEBUG = True reaches batch settings here")
    assert done.stderr == ""


def test_the_index_can_be_switched_off(tmp_path: Path) -> None:
    write_one(tmp_path, "manage.py", "")
    write_one(tmp_path, "shop/settings/development.py", "INSTALLED_APPS = []\nDEBUG = True\n")
    write_one(tmp_path, "shop/settings/worker.py", "from .development import *\n")
    write_one(tmp_path, "shop/settings/jobs.py", "from .development import *\nDEBUG = True\n")
    done = flake8("--isolated", "--djq-index=off", "--format=%(path)s %(row)d %(code)s", "shop", cwd=tmp_path)
    assert done.stdout.split() == ["shop/settings/jobs.py", "2", "DJQ501"]
