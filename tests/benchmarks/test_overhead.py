"""The arithmetic of the overhead measurement; the measurement itself is ``make bench``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks.overhead import Overhead, Share, line_counts, processor_seconds, sample, share

SIZES = {f"app/module_{number}.py": 100 for number in range(50)}


def test_a_sample_is_whole_files_and_the_same_every_time() -> None:
    chosen = sample(SIZES, 950)
    assert len(chosen) == 10
    assert chosen == sorted(chosen) == sample(dict(reversed(SIZES.items())), 950)
    assert chosen != sorted(SIZES)[:10]


def test_a_larger_sample_holds_the_smaller_one() -> None:
    assert set(sample(SIZES, 500)) < set(sample(SIZES, 2000))


def test_no_sample_is_everything() -> None:
    assert sample(SIZES, 0) == sorted(SIZES)


def test_the_median_of_the_ratios_of_pairs() -> None:
    report = Overhead((11.0, 10.5, 20.0), (10.0, 10.0, 10.0)).report(lines=1100)
    assert "ratio 1.100 (from 1.050 to 2.000, 3 runs)" in report
    assert "with 100, without 110" in report


def test_the_share_counts_the_functions_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("def double(x):\n    return x * 2\n", encoding="utf-8")
    (tmp_path / "broken.py").write_text("def all(:\n    Book.objects.all()\n", encoding="utf-8")
    (tmp_path / "books.py").write_text(
        "def double(x):\n    return x * 2\n\n\ndef show():\n    for book in Book.objects.all():\n        print(book)\n",
        encoding="utf-8",
    )
    names = ["books.py", "broken.py", "plain.py"]
    assert line_counts(tmp_path, names) == {"books.py": 7, "broken.py": 2, "plain.py": 2}
    assert share(tmp_path, names) == Share(files=3, files_read=1, lines=11, lines_read=3)


def test_processor_time_of_a_real_run(tmp_path: Path) -> None:
    (tmp_path / "books.py").write_text("import os\n", encoding="utf-8")
    assert processor_seconds(Path(sys.executable), tmp_path, ["books.py"]) > 0


def test_a_flake8_that_fails_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="flake8 stopped with 2"):
        processor_seconds(Path(sys.executable), tmp_path, ["--no-such-option"])
