"""The command flake8-djq."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flake8_djq import __version__
from flake8_djq.cli import main, page
from flake8_djq.rules.base import all_rules
from tests.support import run


def test_rule_prints_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "DJQ101"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# loop-without-iterator (DJQ101)"
    assert lines[2] == "Default: in batch code. Fix: safe or unsafe."
    assert lines[4] == "A loop in batch code holds every row of a table in memory."
    # Dedented: titles start their lines, code keeps its own depth.
    assert "## Why is this bad?" in lines
    assert "for event in Event.objects.all():" in lines
    assert "    archive(event)" in lines


@pytest.mark.parametrize("asked", ["djq101", "Djq101", "loop-without-iterator", "Loop-Without-Iterator", " DJQ101 "])
def test_rule_is_found_in_any_spelling(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", asked]) == 0
    assert capsys.readouterr().out.startswith("# loop-without-iterator (DJQ101)\n")


def test_prefix_prints_the_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "djq2"]) == 0
    titles = [line for line in capsys.readouterr().out.splitlines() if line.startswith("# ")]
    assert [title[-7:-1] for title in titles] == ["DJQ201", "DJQ202", "DJQ203", "DJQ204"]


@pytest.mark.parametrize(
    ("asked", "suggestion"),
    [
        ("DJQ1O1", "DJQ101 (loop-without-iterator)"),
        ("DJQ1011", "DJQ101 (loop-without-iterator)"),
        ("101", "DJQ101 (loop-without-iterator)"),
        ("loop-with-iterator", "DJQ101 (loop-without-iterator)"),
        ("nothing like it", "flake8-djq rules lists them all"),
        ("", "flake8-djq rules lists them all"),
    ],
)
def test_unknown_rule_is_one_clear_line(asked: str, suggestion: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", asked]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    [line] = output.err.splitlines()
    assert line.startswith(f"flake8-djq: there is no rule {asked!r}; ")
    assert suggestion in line


def test_rules_lists_all_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [rule.code for rule in all_rules()]
    for rule, line in zip(all_rules(), lines, strict=True):
        for title, cell in (("name", rule.name), ("on", rule.on.value), ("fix", rule.fix.value)):
            assert line[head.index(f" {title} ") + 1 :].startswith(cell)
    assert lines[0].endswith("  A loop in batch code holds every row of a table in memory.")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"flake8-djq {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["rule"], ["frobnicate"], ["rules", "DJQ101"]])
def test_wrong_use_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: flake8-djq" in capsys.readouterr().err


def test_pages_are_ascii() -> None:
    """A terminal of any encoding can show them."""
    for rule in all_rules():
        assert page(rule).isascii(), rule.code


def test_the_installed_command_runs() -> None:
    done = run("flake8_djq", "rule", "DJQ101")
    assert done.returncode != 0  # there is no second way in: the command is the console script
    script = "import sys; from flake8_djq.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script, "rules"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "DJQ101" in done.stdout


def test_a_reader_that_leaves_early_is_no_error() -> None:
    script = "import sys; from flake8_djq.cli import main; sys.exit(main(['rule', 'DJQ']))"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert errors == b""
