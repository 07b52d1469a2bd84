"""The store on disk is a cache: whatever happens to it, nothing but time is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from flake8_djq.project import store as store_module
from flake8_djq.project.store import FOLDER, Store
from tests.support import ROOT

WRITER = """
import sys
from pathlib import Path
from flake8_djq.project.store import Store
store = Store(Path(sys.argv[1]), "1")
for number in range(200):
    store.write(f"{sys.argv[2]} {number}", [number])
"""

MAKER = """
import sys, time
from pathlib import Path
from flake8_djq.project.store import Store
store = Store(Path(sys.argv[1]), "1")
with store.alone():
    if store.read("key") is None:
        time.sleep(0.5)
        store.write("key", 1)
        print("made")
    else:
        print("found")
"""


def test_what_is_written_is_read_by_the_next_run(tmp_path: Path) -> None:
    Store(tmp_path, "1").write("key", {"a": [1, "é"]})
    assert Store(tmp_path, "1").read("key") == {"a": [1, "é"]}
    assert Store(tmp_path, "1").read("other") is None


def test_another_version_knows_nothing_of_it(tmp_path: Path) -> None:
    Store(tmp_path, "1").write("key", 1)
    assert Store(tmp_path, "2").read("key") is None


def test_the_folder_is_made_for_something_to_keep_and_ignores_itself(tmp_path: Path) -> None:
    store = Store(tmp_path, "1")
    assert store.read("key") is None
    assert not (tmp_path / FOLDER).exists()
    store.write("key", 1)
    assert (tmp_path / FOLDER / ".gitignore").read_text(encoding="utf-8").endswith("*\n")


def test_a_broken_file_is_made_anew(tmp_path: Path) -> None:
    Store(tmp_path, "1").write("key", 1)
    (tmp_path / FOLDER / "index-1.sqlite3").write_bytes(b"no database at all" * 100)
    store = Store(tmp_path, "1")
    assert store.read("key") is None
    store.write("key", 2)
    assert Store(tmp_path, "1").read("key") == 2


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_place_that_cannot_be_written_to_has_one_among_the_temporary_files(tmp_path: Path, temporary: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / FOLDER).write_text("a file where the folder would be", encoding="utf-8")
    Store(root, "1").write("key", 1)
    assert Store(root, "1").read("key") == 1
    assert Store(tmp_path, "1").read("key") is None
    [folder] = temporary.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    # Others could have put something there.
    folder.chmod(0o770)
    store = Store(root, "1")
    assert store.read("key") is None
    store.write("key", 2)
    folder.chmod(0o700)
    assert Store(root, "1").read("key") == 1


def test_temporary_files_inside_the_project_are_not_used(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder would be", encoding="utf-8")
    Store(tmp_path, "1").write("key", 1)
    assert list(temporary.iterdir()) == []


def test_a_python_without_sqlite_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "sqlite3", None)
    store = Store(tmp_path, "1")
    with store.alone(), store.many():
        store.write("key", 1)
    assert store.read("key") is None
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_changed_on_the_disk_does_not_count(tmp_path: Path) -> None:
    Store(tmp_path, "1").write("key", [1, 2])
    with closing(sqlite3.connect(tmp_path / FOLDER / "index-1.sqlite3")) as connection, connection:
        connection.execute("UPDATE entries SET value = ?", (b"[1,3]",))
    assert Store(tmp_path, "1").read("key") is None


def test_names_that_are_no_text(tmp_path: Path) -> None:
    Store(tmp_path, "1").write("caf\udce9.py|facts", "caf\udce9")
    assert Store(tmp_path, "1").read("caf\udce9.py|facts") == "caf\udce9"


def test_what_old_versions_wrote_goes(tmp_path: Path) -> None:
    Store(tmp_path, "1").write("key", 1)
    Store(tmp_path, "2").write("key", 1)
    os.utime(tmp_path / FOLDER / "index-1.sqlite3", (0, 0))
    Store(tmp_path, "3").write("key", 1)
    assert sorted(path.name for path in (tmp_path / FOLDER).glob("*.sqlite3")) == [
        "index-2.sqlite3",
        "index-3.sqlite3",
    ]


def test_one_process_makes_what_others_wait_for(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", MAKER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert sorted(process.communicate(timeout=60)[0].strip() for process in running) == ["found"] * 3 + ["made"]


def test_no_folder_keeps_nothing() -> None:
    store = Store(None, "1")
    store.write("key", 1)
    with store.many():
        store.write("other", 2)
    assert store.read("key") is None


def test_two_runs_write_at_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], cwd=ROOT) for name in ("first", "second")
    ]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    store = Store(tmp_path, "1")
    assert all(store.read(f"{name} {number}") == [number] for name in ("first", "second") for number in range(200))
