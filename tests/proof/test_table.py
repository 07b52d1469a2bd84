"""The proof itself: each cell is measured, wrong rows are noticed, and what it writes can be read."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.proof import plot, report, table
from tests.proof.measure import WAYS, Cell, Run, Wrong, combine, fill, measure
from tests.proof.rows import Filled, Row, Tally, expected, tally

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory of processes is read from /proc")

ROWS = 5_000
RIGHT = "tests.proof.standins.right"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def filled() -> Iterator[dict[str, Any]]:
    """A database on SQLite with rows."""
    with databases.created("sqlite") as database:
        fill(database, ROWS)
        yield database


@pytest.mark.parametrize("name", databases.NAMES)
def test_each_way_is_measured_and_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    databases.require(name)
    arguments = ["--rows", str(ROWS), "--runs", "1", "--databases", name, "--out", str(tmp_path)]
    assert table.main(arguments) == 0
    measured = json.loads((tmp_path / "table.json").read_text())
    part = measured["databases"][name]
    assert list(part["cells"]) == list(WAYS)
    for cell in part["cells"].values():
        assert cell["seconds"] > 0
        assert cell["processor_seconds"] > 0
        assert cell["peak_mb"] > 0
    assert part["cells"]["plain"]["peak_mb"] > part["cells"]["keyset"]["peak_mb"]
    assert 300 < part["bytes_per_row"] < 700
    assert {"Django", "Python"} < set(part["versions"])
    page = (tmp_path / "README.md").read_text()
    assert f"{ROWS:,} rows" in page
    assert report.TITLES[name] in page
    assert f"]({name}.svg)" in page
    assert_picture(tmp_path / f"{name}.svg")


def test_flatness_is_written_beside_the_table(tmp_path: Path) -> None:
    common = ["--databases", "sqlite", "--out", str(tmp_path), "--keyset", RIGHT]
    assert table.main(["--rows", "3000", "--runs", "1", *common]) == 0
    assert table.main(["--flat", "3000,2000", *common]) == 0
    measured = json.loads((tmp_path / "table.json").read_text())
    assert list(measured["flat"]["sqlite"]["peaks_mb"]) == ["2000", "3000"]
    assert set(measured["databases"]) == {"sqlite"}
    page = (tmp_path / "README.md").read_text()
    assert "3,000 rows of the fixture shop's" in page
    assert "| | 2,000 rows | 3,000 rows |" in page


@pytest.mark.parametrize(
    ("standin", "fault"),
    [
        ("skips", "keyset: 4,999 rows came instead of 5,000"),
        ("doubles", "keyset: other rows came"),
        ("alters", "keyset: other rows came"),
        ("swaps", "keyset: the rows came in another order"),
        ("fails", "LookupError: no chunk of 2000 here"),
    ],
)
def test_an_iterator_that_is_wrong_is_noticed(standin: str, fault: str, filled: dict[str, Any]) -> None:
    with pytest.raises(Wrong, match=fault):
        measure(filled, "keyset", expected(ROWS), f"tests.proof.standins.{standin}")
    assert measure(filled, "keyset", expected(ROWS), RIGHT).seconds > 0


def test_wrong_rows_end_the_command_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    common = ["--databases", "sqlite", "--out", str(out), "--keyset", "tests.proof.standins.skips"]
    assert table.main(["--rows", str(ROWS), "--runs", "1", *common]) == 1
    assert "keyset: 4,999 rows came instead of 5,000" in capsys.readouterr().err
    assert table.main(["--flat", str(ROWS), *common]) == 1
    assert not out.exists()


def test_the_peak_is_the_memory_that_a_way_takes(filled: dict[str, Any]) -> None:
    run = measure(filled, "plain", expected(ROWS))
    held = 2 < run.peak < 40
    assert held, run.peak
    assert run.samples[0] == (0.0, 0.0)
    assert max(memory for _, memory in run.samples) <= run.peak + 1
    assert all(0 <= at <= run.seconds for at, _ in run.samples)


def test_only_the_rows_asked_for_are_read(filled: dict[str, Any]) -> None:
    assert measure(filled, "iterator", expected(10)).seconds > 0
    with pytest.raises(Wrong, match="5,000 rows came instead of 6,000"):
        measure(filled, "iterator", expected(6_000))


def test_the_tally_tells_rows_and_orders_apart() -> None:
    rows = [Row(number, f"{number:010d}" * 29) for number in range(1, 4)]
    assert tally(rows) == expected(3)
    backwards = tally(reversed(rows))
    assert (backwards.count, backwards.total) == (expected(3).count, expected(3).total)
    assert backwards.ordered != expected(3).ordered
    assert tally([rows[0], rows[0], rows[2]]).total != expected(3).total
    assert tally([]) == Tally(0, 0, 0)


def test_runs_are_combined_to_the_median_time_and_the_highest_peak() -> None:
    runs = [Run(3.0, 1.5, 5.0, [(0.0, 3.0)]), Run(1.0, 0.5, 7.0, [(0.0, 1.0)]), Run(2.0, 1.0, 6.0, [(0.0, 2.0)])]
    assert combine(runs) == Cell(2.0, 1.0, 7.0, [(0.0, 2.0)])


def test_a_thinned_line_keeps_its_start_and_its_peak() -> None:
    samples = [(float(number), 9.0 if number == 777 else 1.0) for number in range(2_000)]
    points = plot.thin(samples, 100)
    assert len(points) <= 100
    assert points[0] == (0.0, 1.0)
    assert (777.0, 9.0) in points
    assert plot.thin(samples[:3], 100) == samples[:3]
    assert plot.thin(samples[:1], 100) == samples[:1]


def test_the_same_figures_draw_the_same_small_file(tmp_path: Path) -> None:
    samples = [(number / 1000, float(number * 7919 % 347)) for number in range(5_000)]
    cells = {way: Cell(5.0 + len(way), 1.0, 347.0, samples) for way in WAYS}
    for name in ("one.svg", "two.svg"):
        plot.draw("PostgreSQL", cells, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert_picture(tmp_path / "one.svg")


def assert_picture(path: Path) -> None:
    """It is XML, small, with a line, a label and units for each way, and no date."""
    text = path.read_text()
    assert len(text) < 40_000
    assert "<dc:date>" not in text
    picture = ElementTree.fromstring(text)
    lines = {element.get("id"): element for element in picture.iter(f"{SVG}g")}
    for way in WAYS:
        assert lines[f"line-{way}"].find(f"{SVG}path") is not None
    words = " ".join("".join(element.itertext()) for element in picture.iter(f"{SVG}text"))
    for word in ("seconds", "MB above the idle process", *plot.LABELS.values()):
        assert word in words


def measured(**peaks: float) -> dict[str, Any]:
    """What a measurement of PostgreSQL at full size gives, with these peaks."""
    cells = {way: {"seconds": 1.0, "peak_mb": 300.0} for way in WAYS}
    for way, peak in peaks.items():
        cells[way]["peak_mb"] = peak
    return {"rows": 300_000, "databases": {"postgresql": {"cells": cells}}}


def test_a_target_that_is_missed_is_said_and_fails() -> None:
    good = report.targets(measured(iterator=4.0, keyset=4.0))
    assert [target.met for target in good] == [True, True, True]
    bad = report.targets(measured(iterator=4.0, keyset=16.0))
    assert [target.met for target in bad] == [True, False, True]
    assert str(bad[1]) == "postgresql: peak of keyset to that of the plain loop: 0.053 (at most 0.05) MISSED"
    slow = measured(iterator=4.0, keyset=4.0)
    slow["databases"]["postgresql"]["cells"]["keyset"]["seconds"] = 1.31
    assert [target.met for target in report.targets(slow)] == [True, True, False]
    few = {**measured(iterator=4.0, keyset=16.0), "rows": 299_999}
    assert all(target.met for target in report.targets(few))


def test_memory_that_grows_with_the_rows_is_a_missed_target() -> None:
    flat = {"flat": {"mariadb": {"peaks_mb": {"10000": 4.0, "100000": 4.0, "3000000": 5.0}}}}
    assert [target.met for target in report.targets(flat)] == [True]
    flat["flat"]["mariadb"]["peaks_mb"]["3000000"] = 9.0
    assert [target.met for target in report.targets(flat)] == [False]


def test_without_a_server_the_rest_is_measured_and_ci_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DJQ_MARIADB_URL", "mysql://root@127.0.0.1:1/")
    monkeypatch.delenv("CI", raising=False)
    arguments = [
        "--rows",
        "100",
        "--runs",
        "1",
        "--databases",
        "sqlite,mariadb",
        "--out",
        str(tmp_path),
        "--keyset",
        RIGHT,
    ]
    assert table.main(arguments) == 0
    printed = capsys.readouterr()
    assert "!!!!!!!! LEFT OUT: mariadb: " in printed.err
    assert "!!!!!!!! LEFT OUT: mariadb" in printed.out
    assert set(json.loads((tmp_path / "table.json").read_text())["databases"]) == {"sqlite"}
    monkeypatch.setenv("CI", "true")
    assert table.main(arguments) == 1
    monkeypatch.setenv("DJQ_MARIADB_URL", "127.0.0.1")
    assert table.main(arguments) == 2
    assert "DJQ_MARIADB_URL is not a URL like" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--rows", "0"], ["--rows", "many"], ["--databases", "oracle"], ["--runs", "-1"], ["--flat", "1,x"]]
)
def test_a_wrong_option_is_one_clear_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        table.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"make proof: error: argument {arguments[0]}: ")


def test_a_sample_does_not_replace_the_figures_of_the_documentation() -> None:
    def out(*arguments: str) -> Path:
        options = table._parser().parse_args(arguments)
        return table._out(options.databases, options)

    assert out() == out("--flat") == table.DOCS
    assert out("--rows", "1000") == out("--runs", "1") == out("--databases", "sqlite") == table.SAMPLES
    assert out("--flat", "1000,2000") == out("--keyset", RIGHT) == table.SAMPLES


def test_what_filling_gives(filled: dict[str, Any]) -> None:
    with databases.created("sqlite") as database:
        found = fill(database, 1_000)
    assert isinstance(found, Filled)
    assert {"Django", "Python", "SQLite"} == set(found.versions)
