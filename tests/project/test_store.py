"""The store on disk is a cache: whatever happens to it, nothing but time is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_a_place_that_cannot_be_written_to_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder would be", encoding="utf-8")
    store = Store(tmp_path, "1")
    store.write("key", 1)
    assert store.read("key") is None


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
