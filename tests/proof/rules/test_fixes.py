"""``flake8-djq fix`` makes of the code before, to the byte, the code after that was run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.rules.harness import PROOF
from tests.proof.rules.pairs import KEYSET, PAIRS, SETTINGS_PAIR, Pair
from tests.support import flake8

ALL = (*PAIRS, SETTINGS_PAIR)
GROUPS = sorted({(pair.options, pair.unsafe) for pair in ALL})
COMMAND = "import sys; from flake8_djq.cli import main; sys.exit(main())"


def copied(pairs: list[Pair], folder: Path) -> None:
    """The code before, with its configuration, in a folder where it can be changed."""
    shutil.copy(PROOF / ".flake8", folder)
    for pair in pairs:
        shutil.copy(PROOF / "before" / pair.file, folder)


def texts(pairs: list[Pair], folder: Path) -> dict[str, bytes]:
    return {pair.name: (folder / pair.file).read_bytes() for pair in pairs}


def fix(*arguments: str, cwd: Path) -> None:
    """Run ``flake8-djq fix`` there."""
    command = [sys.executable, "-c", COMMAND, "fix", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize(("options", "unsafe"), GROUPS)
def test_the_fix_is_what_was_run(options: tuple[str, ...], unsafe: bool, tmp_path: Path) -> None:
    pairs = [pair for pair in ALL if pair.options == options and pair.unsafe == unsafe]
    copied(pairs, tmp_path)
    if unsafe:
        codes = ",".join(sorted({pair.code for pair in pairs}))
        fix(*options, f"--select={codes}", cwd=tmp_path)
        assert texts(pairs, tmp_path) == texts(pairs, PROOF / "before")
        options = ("--unsafe", *options)
    fix(*options, cwd=tmp_path)
    assert texts(pairs, tmp_path) == texts(pairs, PROOF / "after")
    left = flake8(*options[unsafe:], cwd=tmp_path).stdout
    assert [pair.name for pair in pairs if any(is_of(pair, line) for line in left.splitlines())] == []
    fix(*options, cwd=tmp_path)
    assert texts(pairs, tmp_path) == texts(pairs, PROOF / "after")


def is_of(pair: Pair, line: str) -> bool:
    """Whether a line of flake8 tells of what the pair fixes."""
    return pair.file in line and f" {pair.code} " in line


@pytest.mark.parametrize("claim", ["djq101_inserts", "djq101_moved_key"])
@pytest.mark.parametrize(
    "options", [(), ("--djq-remedy=keyset",), ("--djq-database=mysql",), ("--djq-database=sqlite",)]
)
def test_no_walk_is_offered_that_does_not_end(claim: str, options: tuple[str, ...], tmp_path: Path) -> None:
    shutil.copy(PROOF / ".flake8", tmp_path)
    text = (PROOF / "claims" / f"{claim}.py").read_text()
    # The plain loop among the ways of the claim, as a user has it.
    head, _, rest = text.partition("    ways = {")
    text = head.replace("from flake8_djq.keyset import keyset_iterator\n", "") + rest.partition("    }\n")[2]
    text = text.replace("ways[way]()", "customers" if "customers = " in text else "events")
    (tmp_path / f"{claim}.py").write_text(text)
    fix("--unsafe", *options, KEYSET, cwd=tmp_path)
    assert (tmp_path / f"{claim}.py").read_text() == text
