"""What can come in between: terminals, Ctrl-C, slow runs of flake8, files that others write at the same time."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flake8_djq.cli import main
from flake8_djq.fixes import command, fixing, running
from tests.fixes.support import AFTER_TWO_PASSES, SCRIPT, TWO_PASSES, contents, environment, write

LOOP = "def handle():\n    for event in Event.objects.all():\n        print(event)\n"
FIXED = LOOP.replace(".all()", ".iterator(chunk_size=2000)")
JOB = "management/commands/job.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, {JOB: LOOP})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_that_changes_before_it_is_written(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fix_and_meddle(path: str, *arguments: object) -> fixing.FixedFile:
        result = fixing.fix_file(path, *arguments)  # type: ignore[arg-type]
        (project / JOB).write_text(LOOP + "# mine\n")
        return result

    monkeypatch.setattr(command, "fix_file", fix_and_meddle)
    assert main(["fix"]) == 1
    output = capsys.readouterr()
    assert (project / JOB).read_text() == LOOP + "# mine\n"
    assert output.err == f"./{JOB}: left alone: it changed while flake8 was running; run again\n"
    assert output.out == "nothing was fixed\nleft 1 finding: 1 in files that were left alone\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"# mine\n{LOOP}", "1 not found again"),
        ("# all gone\n", "1 not found again"),
        ("def broken(:\n", "1 in files that were left alone"),
        (None, "1 in files that were left alone"),
    ],
)
def test_a_file_that_changes_after_flake8_has_read_it(
    text: str | None,
    why: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run_and_meddle(*arguments: object) -> running.Reported:
        result = running.run_flake8(*arguments)  # type: ignore[arg-type]
        (project / JOB).unlink()
        if text is not None:
            (project / JOB).write_text(text)
        return result

    monkeypatch.setattr(command, "run_flake8", run_and_meddle)
    assert main(["fix"]) == 1
    assert f"left 1 finding: {why}" in capsys.readouterr().out
    assert contents(project) == ({JOB: text.encode()} if text is not None else {})


def test_flake8_may_take_its_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the second pass, where it is handed a text."""
    monkeypatch.setattr(running, "PATIENCE", 0.01)
    write(project, {"views.py": TWO_PASSES})
    assert main(["fix", "--unsafe", "views.py"]) == 0
    assert (project / "views.py").read_text() == AFTER_TWO_PASSES


def in_a_terminal(folder: Path, script: str, *arguments: str) -> tuple[subprocess.Popen[bytes], int]:
    """A process whose standard error is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    return process, ours


def read_all(terminal: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


def test_progress_is_shown_on_a_terminal_and_taken_away(project: Path) -> None:
    script = f"from flake8_djq.fixes import running; running.PATIENCE = 0.05; {SCRIPT}"
    process, terminal = in_a_terminal(project, script, "fix")
    output = process.communicate(timeout=60)[0].decode()
    shown = read_all(terminal)
    assert "flake8 reads the files: 0 s" in shown
    assert f"fixing 1 of 1: ./{JOB}" in shown
    assert shown.endswith("\r\033[K")
    assert output.splitlines() == [f"./{JOB}: DJQ101", "fixed 1 finding in 1 file: DJQ101"]


def test_no_progress_elsewhere(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "PATIENCE", 0.01)
    assert main(["fix"]) == 0
    assert capsys.readouterr().err == ""


# In the background of a shell that is no terminal, SIGINT is ignored unless somebody asks for it.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
SLOWER = {
    "while flake8 runs": """
from flake8_djq.fixes import running
wait = running._wait
def waiting(*a): print("now", flush=True); return wait(*a)
running._wait = waiting
""",
    "while files are written": """
import time
from flake8_djq.fixes import files
replace = files._replace
def replacing(*a): replace(*a); print("now", flush=True); time.sleep(0.2)
files._replace = replacing
""",
}


@pytest.mark.parametrize("moment", SLOWER)
def test_ctrl_c_leaves_files_whole(moment: str, project: Path) -> None:
    write(project, {f"management/commands/job{number}.py": LOOP for number in range(20)})
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN + SLOWER[moment] + SCRIPT, "fix"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors.decode() == "flake8-djq fix: stopped; every file is whole, as it was or fixed\n"
    assert process.returncode == 130
    found = contents(project)
    assert all(name.endswith(".py") for name in found), "no temporary file is left"
    texts = {content.decode() for content in found.values()}
    assert texts == ({LOOP, FIXED} if moment == "while files are written" else {LOOP})
