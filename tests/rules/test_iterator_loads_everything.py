"""DJQ304: the fixture project's settings say that nothing streams; where they do not, the option does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ROOT, codes, findings, flake8, marked

POOLED = ROOT / "fixtures" / "pooled"
STREAM = """
    from shop.models import Event

    def run():
        for event in Event.objects.iterator(chunk_size=2000):
            print(event)
"""
SCRIPT = "shop/management/commands/x.py"


@pytest.mark.parametrize("name", ["djq304_flagged.py", "djq304_silent.py"])
def test_marks_are_what_is_found(name: str) -> None:
    done = flake8("--isolated", "--format=%(row)d %(code)s", f"pooled/{name}", cwd=POOLED)
    found = [(int(line.split()[0]), line.split()[1]) for line in done.stdout.splitlines()]
    assert found == marked((POOLED / "pooled" / name).read_text(encoding="utf-8"), "")


def test_the_message_names_the_setting() -> None:
    done = flake8("--isolated", "pooled/djq304_flagged.py", cwd=POOLED)
    line = next(line for line in done.stdout.splitlines() if "DJQ304" in line)
    assert "without server-side cursors the driver loads the whole result" in line
    assert "(pooled.settings:12)" in line


@pytest.mark.parametrize(
    ("database", "expected"),
    [("mysql", ["DJQ304"]), ("postgresql-pooled", ["DJQ304"]), ("postgresql", []), ("sqlite", []), ("auto", [])],
)
def test_the_option_says_which_database(database: str, expected: list[str]) -> None:
    assert codes(STREAM, SCRIPT, database=database) == expected


def test_silent_where_the_user_wants_iterators() -> None:
    assert codes(STREAM, SCRIPT, database="mysql", remedy="iterator") == []


def test_the_edit_walks_by_key(tmp_path: Path) -> None:
    [finding] = findings(STREAM, SCRIPT, database="mysql", keyset_helper="shop.db.keyset_iterator")
    assert finding.edit is not None
    assert not finding.edit.safe
    assert [part.text for part in finding.edit.replacements] == ["keyset_iterator(", ")"]
    assert finding.edit.needs == "from shop.db import keyset_iterator"


def test_no_edit_where_the_loop_adds_rows_to_the_table() -> None:
    text = STREAM.replace("print(event)", "Event.objects.create(kind=event.kind)")
    [finding] = findings(text, SCRIPT, database="mysql", keyset_helper="shop.db.keyset_iterator")
    assert finding.edit is None
    assert "adds rows to the same table" in finding.message
