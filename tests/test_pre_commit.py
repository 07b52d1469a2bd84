"""The hooks of ``.pre-commit-hooks.yaml``, run by the real pre-commit from a commit of this work tree.

pre-commit builds an environment of its own for it, from the package index that pip is configured for. Where there is no
git, no pre-commit or no index, these tests are skipped and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PARTS = ("flake8_djq", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")

RISKY = """\
import os

from django.core.management.base import BaseCommand

from shop.models import Event


class Command(BaseCommand):
    def handle(self, *args, **options):
        for event in Event.objects.all():
            print(event)
"""
EXPORT = """\
from shop.models import Event


def export():
    for event in Event.objects.all():
        print(event)
"""
STREAMED = RISKY.replace(".all()", ".iterator(chunk_size=2000)")
STREAMED_EXPORT = EXPORT.replace(".all()", ".iterator(chunk_size=2000)")
SAVED = RISKY.replace("print(event)", "event.save()")
SILENCED = RISKY.replace(".all():", ".all():  # noqa: DJQ101")
CONFIGURATION = """\
[flake8]
select = E,F
per-file-ignores =
    */commands/known.py: DJQ101
djq-batch-paths = exports/*.py
"""


def environment(folder: Path) -> dict[str, str]:
    """The environment as it is, so that pip finds its configuration, less what git hooks set and git would read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    no_configuration = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {**kept, **who, **no_configuration, "PRE_COMMIT_HOME": str(folder / "cache")}


def commit(folder: Path) -> None:
    """Make a git repository of a folder, with everything in it."""
    for command in ("init --quiet", "add --all", "commit --quiet --no-verify --message=all"):
        subprocess.run(["git", *command.split()], cwd=folder, env=environment(folder.parent), check=True)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the plugin as it is in this work tree, committed or not."""
    if not shutil.which("git") or not find_spec("pre_commit"):
        pytest.skip("the pre-commit hook is NOT TESTED: git or pre-commit is missing")
    folder = tmp_path_factory.mktemp("pre-commit")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder / "index"), "flake8"]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        pytest.skip("the pre-commit hook is NOT TESTED: pip reaches no package index")
    plugin = folder / "plugin"
    plugin.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, plugin / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, plugin)
    commit(plugin)
    return plugin


def make_project(folder: Path, files: dict[str, str]) -> Path:
    """A repository with these files."""
    for name, text in files.items():
        path = folder / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    commit(folder / "project")
    return folder / "project"


def run_hook(plugin: Path, project: Path, hook: str, arguments: str = "") -> subprocess.CompletedProcess[str]:
    """What a hook says of all files of a project, with these arguments if not with its own."""
    revision = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(
        revision, cwd=plugin, env=environment(plugin.parent), capture_output=True, text=True, check=True
    )
    configuration = plugin.parent / f"{project.parent.name}.yaml"
    args = f", args: [{arguments}]" if arguments else ""
    configuration.write_text(
        f"repos:\n- repo: {plugin}\n  rev: {done.stdout.strip()}\n  hooks:\n  - {{id: {hook}{args}}}\n",
        encoding="utf-8",
    )
    command = ["pre_commit", "run", "--all-files", "--color=never", "--config", str(configuration)]
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env=environment(plugin.parent),
        capture_output=True,
        text=True,
        check=False,
    )


def test_risky_code_fails_the_hook(plugin: Path, tmp_path: Path) -> None:
    files = {"shop/management/commands/export.py": RISKY, "exports/events.py": EXPORT, ".flake8": CONFIGURATION}
    run = run_hook(plugin, make_project(tmp_path, files), "flake8-djq")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "shop/management/commands/export.py:10:22: DJQ101 this loop holds every row of Event" in run.stdout
    assert "exports/events.py:5:18: DJQ101" in run.stdout, "the project's own --djq-batch-paths holds"
    assert "F401" not in run.stdout, "the other checks of flake8 are off in this hook"


def test_clean_and_silenced_code_passes_the_hook(plugin: Path, tmp_path: Path) -> None:
    files = {
        "shop/management/commands/streamed.py": STREAMED,
        "shop/management/commands/silenced.py": SILENCED,
        "shop/management/commands/known.py": RISKY,
        ".flake8": CONFIGURATION,
    }
    run = run_hook(plugin, make_project(tmp_path, files), "flake8-djq")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Passed" in run.stdout


def test_the_fixing_hook_changes_files_and_is_content_then(plugin: Path, tmp_path: Path) -> None:
    files = {
        "shop/management/commands/export.py": RISKY,
        "shop/management/commands/silenced.py": SILENCED,
        "shop/management/commands/known.py": RISKY,
        "exports/events.py": EXPORT,
        "README.md": EXPORT,
        ".flake8": CONFIGURATION,
    }
    project = make_project(tmp_path, files)
    run = run_hook(plugin, project, "flake8-djq-fix")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "files were modified by this hook" in run.stdout
    assert "fixed 2 findings in 2 files: DJQ101 2" in run.stdout
    streamed = {"shop/management/commands/export.py": STREAMED, "exports/events.py": STREAMED_EXPORT}
    assert {name: (project / name).read_text(encoding="utf-8") for name in files} == files | streamed
    again = run_hook(plugin, project, "flake8-djq-fix")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Passed" in again.stdout


def test_the_fixing_hook_makes_unsafe_edits_on_request(plugin: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path, {"shop/management/commands/export.py": SAVED})
    run = run_hook(plugin, project, "flake8-djq-fix")
    assert run.returncode == 1
    assert "left 1 finding: 1 with an unsafe fix (--unsafe applies it)" in run.stdout
    assert (project / "shop/management/commands/export.py").read_text(encoding="utf-8") == SAVED
    run_hook(plugin, project, "flake8-djq-fix", "--extend-select=DJQ, --unsafe")
    text = (project / "shop/management/commands/export.py").read_text(encoding="utf-8")
    assert text == SAVED.replace(".all()", ".iterator(chunk_size=2000)")
    assert run_hook(plugin, project, "flake8-djq-fix", "--extend-select=DJQ, --unsafe").returncode == 0
