"""Apply the fixes to copies of real Django projects and check what they have changed.

    python -m tests.ecosystem.fixes                     all projects of projects.txt; exits 1 on a problem
    python -m tests.ecosystem.fixes --project misago    only this one (may be given more than once)
    python -m tests.ecosystem.fixes --diffs FOLDER      write every change as a diff, to be read

Three rounds: the safe fixes on a copy, the unsafe ones on top of them, and, on a second copy, all fixes with the keyset
iterator as the remedy. flake8 runs without the projects' own configurations, so that these hide nothing.

In each round, of each file:

- it still parses, and its comments are the same;
- the statements that differ (compared as trees, without places) are those that a finding stands on, or that its message
  names by line, or they are new and what such a fix adds: the import of the helper, a variable for an answer;
- all other statements are the same, in the same order and as deep in the same blocks; only what a fix took out of an
  ``if`` has moved;
- the lines that differ belong to statements that differ;
- the linter no longer reports what was fixed, and nothing that was not there before;
- fixing again changes nothing;

and files without such findings are the same byte for byte. One project goes through the real command too, and both ways
must give the same files.
"""

from __future__ import annotations

import argparse
import ast
import copy
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial
from multiprocessing import Pool
from pathlib import Path

from flake8_djq.findings import Finding
from flake8_djq.fixes.files import NotWritten, TextFile, read_file
from flake8_djq.fixes.fixing import Choice, FixedFile, fix_file
from flake8_djq.fixes.running import Reported, Violation
from flake8_djq.linter import lint
from flake8_djq.options import Options
from flake8_djq.project.store import FOLDER as CACHE_FOLDER
from flake8_djq.source import Source
from tests.ecosystem.ecosystem import CACHE, CROSS_CHECKED, HERE, normal, python_files, read_projects, sources_of

HELPER = "project.db.keyset_iterator"
# flake8's own default, which a run without a configuration has.
LINE_LENGTH = 79
# A small one: the command starts flake8 with all its checks.
COMMANDED = frozenset({CROSS_CHECKED})
ALONE = ("--isolated", "--select=DJQ", "--disable-noqa")
PLACED = ast.expr | ast.stmt | ast.pattern | ast.excepthandler
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
# Rules whose fixes give an answer a name, above the statement that asks.
NAMING = frozenset({"DJQ201", "DJQ203"})


@dataclass(frozen=True)
class Round:
    """One way to run the command."""

    name: str
    unsafe: bool
    settings: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)

    @property
    def choice(self) -> Choice:
        return Choice(unsafe=self.unsafe)


ROUNDS = (
    Round("safe", unsafe=False),
    Round("unsafe", unsafe=True),
    Round(
        "keyset",
        unsafe=True,
        settings=("--djq-remedy=keyset", f"--djq-keyset-helper={HELPER}"),
        options=Options(remedy="keyset", keyset_helper=HELPER),
    ),
)


@dataclass
class Outcome:
    """What one round did to a file, or to a project: counts by rule and by reason, and what is wrong."""

    fixed: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    changed: dict[str, bytes] = field(default_factory=dict)
    asked_again: int = 0

    def add(self, other: Outcome) -> None:
        """Take in what became of a further file."""
        self.fixed += other.fixed
        self.left += other.left
        self.problems += other.problems
        self.changed |= other.changed
        self.asked_again += other.asked_again


# -- fixing -----------------------------------------------------------------------------------------------------------

_started: list[str] = []


def _prepare(folder: str) -> None:
    """Prepare a worker: paths are relative to the project, and the programs that it starts are counted."""
    os.chdir(folder)
    sys.addaudithook(lambda event, arguments: _started.append(event) if event == "subprocess.Popen" else None)


def findings_in(path: str, text: str, options: Options) -> list[Finding] | None:
    """What the linter says of a text; None where Python cannot parse it."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return lint(Source(path, text, tree), options, with_edits=True)


def fix_one(name: str, run: Round) -> Outcome:
    """Fix one file of the current folder, check the change and write it."""
    path, outcome = f"./{name}", Outcome()
    try:
        found = findings_in(path, read_file(Path(path)).text, run.options)
    except NotWritten:
        return outcome
    if not found:
        return outcome
    _started.clear()
    try:
        fixed = _fixed(path, found, run)
    except Exception as error:  # noqa: BLE001 - it is a finding about the fixes, and the other files are to be read
        outcome.problems.append(f"{path}: {type(error).__name__}: {error}")
        return outcome
    outcome.fixed, outcome.left, outcome.asked_again = fixed.fixed, fixed.left, len(_started)
    if fixed.skipped:
        outcome.problems.append(f"{path}: left alone: {fixed.skipped}")
    if fixed.changed:
        assert fixed.before is not None
        outcome.changed[name] = fixed.diff()
        fixed.write(Path.cwd())
        # What a further pass has fixed is not known; it is of the same rules.
        applied = [item for item in found if run.choice.applies(item) or (_started and item.code in fixed.fixed)]
        problems = problems_of(fixed.before, read_file(Path(path)), found, applied, run)
        outcome.problems += [f"{path}{problem}" for problem in problems]
    return outcome


def _fixed(path: str, found: Sequence[Finding], run: Round) -> FixedFile:
    violations = tuple(Violation(path, item.line, item.column + 1, item.code, item.message) for item in found)
    return fix_file(path, Reported(violations, run.options, LINE_LENGTH), run.choice, (*ALONE, *run.settings))


# -- checking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    """A statement without the blocks in it: its own lines, its last line with the blocks, where it is, what it says."""

    first: int
    last: int
    end: int
    block: tuple[int, str]
    dump: str
    kind: type[ast.AST]

    def __contains__(self, line: int) -> bool:
        return self.first <= line <= self.last


def statements(tree: ast.Module) -> list[Statement]:
    """Every statement of a file in the order of the text, ``except`` and ``case`` among them."""
    return list(_statements(tree, 0))


def _statements(node: ast.AST, depth: int) -> Iterator[Statement]:
    for name in BLOCKS:
        for child in getattr(node, name, ()):
            yield _statement(child, (depth, name))
            yield from _statements(child, depth + 1)


def _statement(node: ast.AST, block: tuple[int, str]) -> Statement:
    bare = copy.copy(node)
    for name in BLOCKS:
        if isinstance(getattr(node, name, None), list):
            setattr(bare, name, [])
    places = [part for part in ast.walk(bare) if isinstance(part, PLACED)]
    first = min(_first(part) for part in places)
    inside = [part.end_lineno or 0 for part in places if part is not bare]
    end = int(getattr(node, "end_lineno", None) or max(inside))
    # What stands below the head of a block, up to its first statement, is the closing bracket or a comment.
    head = [_first(body[0]) - 1 for body in (getattr(node, "body", None),) if isinstance(body, list)]
    last = max([first, *inside, *head]) if head or isinstance(node, ast.Match) else end
    return Statement(first, last, end, block, ast.dump(bare), type(node))


def _first(node: ast.expr | ast.stmt | ast.pattern | ast.excepthandler) -> int:
    """The line that a node starts on, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(part.lineno for part in decorators)])


def problems_of(
    before: TextFile, after: TextFile, found: Sequence[Finding], applied: Sequence[Finding], run: Round
) -> list[str]:
    """What is wrong with a change, each with the line that it is seen at, to stand behind the path.

    ``found`` is what the linter said before, ``applied`` the part of it that the fixes were for.
    """
    path = str(before.path)
    try:
        trees = [ast.parse(text) for text in (before.text, after.text)]
    except (SyntaxError, ValueError) as error:
        return [f": does not parse any more: {error}"]
    old, new = (statements(tree) for tree in trees)
    changes = _changes([item.dump for item in old], [item.dump for item in new])
    problems = [*_outside(old, new, changes, applied), *_wrong_lines(before, after, old, new, changes)]
    if sorted(_comments(before.text)) != sorted(_comments(after.text)):
        problems.append(": its comments are not the same")
    left = findings_in(path, after.text, run.options) or []
    problems += _wrong_findings(before, after, found, left, run.choice)
    again = _fixed(path, left, run)
    if again.changed:
        problems.append(f": fixing again changes it again: {again.diff().decode(errors='replace')}")
    return problems


Changes = list[tuple[range, range]]


def _changes(old: Sequence[str], new: Sequence[str]) -> Changes:
    """Where two sequences differ: the indexes of what is gone, and of what has come in its place."""
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(range(a, b), range(c, d)) for tag, a, b, c, d in codes if tag != "equal"]


def _outside(
    old: Sequence[Statement], new: Sequence[Statement], changes: Changes, applied: Sequence[Finding]
) -> Iterator[str]:
    """Statements that a fix has no business with."""
    named = {line for finding in applied for line in _named_lines(finding)}
    names_answers = any(finding.code in NAMING for finding in applied)
    gone = {index for indexes, _ in changes for index in indexes}
    moved = {line for item in _taken_away(old, new, changes) for line in _all(item)}
    for indexes, others in changes:
        for index in indexes:
            if not any(line in old[index] for line in named):
                yield f":{old[index].first}: was changed, and no finding names it"
        added = [index for index in others if _may_be_added(new[index], names_answers)]
        if len(others) - len(indexes) > len(added):
            yield f": new line {new[others[0]].first}: more was added than imports and names of answers"
    kept = [index for index in range(len(old)) if index not in gone]
    come = {index for _, others in changes for index in others}
    stayed = [index for index in range(len(new)) if index not in come]
    for index, other in zip(kept, stayed, strict=True):
        if old[index].block != new[other].block and old[index].first not in moved:
            yield f":{old[index].first}: is in another block now"


def _taken_away(old: Sequence[Statement], new: Sequence[Statement], changes: Changes) -> list[Statement]:
    """The conditions that are no more, so that what stood in them has moved to the left."""
    return [
        old[index]
        for indexes, others in changes
        for index in indexes
        if old[index].kind is ast.If and not any(new[other].kind is ast.If for other in others)
    ]


def _may_be_added(statement: Statement, names_answers: bool) -> bool:
    """Whether a fix may have written a statement: the import of the helper, a variable for an answer."""
    is_import = statement.kind is ast.ImportFrom and repr(HELPER.rpartition(".")[0]) in statement.dump
    return is_import or (names_answers and statement.kind is ast.Assign)


def _named_lines(finding: Finding) -> list[int]:
    """The line of a finding, and those in its message."""
    return [finding.line, *(int(line) for line in re.findall(r"\b(?:lines?|and) (\d+)\b", finding.message))]


def _wrong_lines(
    before: TextFile, after: TextFile, old: Sequence[Statement], new: Sequence[Statement], changes: Changes
) -> Iterator[str]:
    """Lines that differ although no statement on them does; blank ones may come beside a new import."""
    gone = [old[index] for indexes, _ in changes for index in indexes]
    come = [new[index] for _, indexes in changes for index in indexes]
    opened = _taken_away(old, new, changes)
    imports = {item.first for item in come if item.kind is ast.ImportFrom}
    lines, others = (file.content.decode(file.encoding).split("\n") for file in (before, after))
    for indexes, new_indexes in _changes(lines, others):
        for index in indexes:
            if not any(index + 1 in item for item in gone) and not any(index + 1 in _all(item) for item in opened):
                yield f":{index + 1}: this line was changed, and no statement on it"
        for index in new_indexes:
            is_blank = not others[index].strip() and any(abs(index + 1 - line) <= 2 for line in imports)
            is_moved = any(others[index].strip() == lines[line - 1].strip() for item in opened for line in _all(item))
            if not any(index + 1 in item for item in come) and not is_blank and not is_moved:
                yield f": new line {index + 1}: this line is new, and no statement on it"


def _all(item: Statement) -> range:
    return range(item.first, item.end + 1)


def _comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _wrong_findings(
    before: TextFile, after: TextFile, found: Sequence[Finding], left: Sequence[Finding], choice: Choice
) -> Iterator[str]:
    """What was fixed and is still reported, and what was not reported before."""
    changes = _changes(before.text.split("\n"), after.text.split("\n"))
    old = {(finding.code, finding.line): finding for finding in found}
    for finding in left:
        edited = next((part for part in changes if finding.line - 1 in part[1]), None)
        if edited is None:
            shift = sum(len(new) - len(gone) for gone, new in changes if new.start < finding.line)
            if (finding.code, finding.line - shift) not in old:
                yield f": new line {finding.line}: {finding.code} is new: {finding.message}"
            continue
        was = [old[finding.code, index + 1] for index in edited[0] if (finding.code, index + 1) in old]
        if not was:
            yield f": new line {finding.line}: {finding.code} is new where an edit was made: {finding.message}"
        elif all(choice.applies(item) for item in was):
            yield f": new line {finding.line}: {finding.code} was fixed and is still reported: {finding.message}"


# -- projects ---------------------------------------------------------------------------------------------------------


@contextmanager
def copy_of(folder: Path) -> Iterator[Path]:
    """A copy of a folder, for as long as it is used."""
    with tempfile.TemporaryDirectory(prefix="flake8-djq-fixes-") as scratch:
        yield Path(shutil.copytree(folder, Path(scratch) / folder.name))


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and CACHE_FOLDER not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def fix_project(folder: Path, run: Round, jobs: int) -> Outcome:
    """Fix and check every Python file below a folder."""
    before, outcome = contents(folder), Outcome()
    with Pool(jobs, _prepare, (str(folder),)) as pool:
        for part in pool.imap(partial(fix_one, run=run), python_files(folder), chunksize=8):
            outcome.add(part)
    after = contents(folder)
    outcome.problems += [
        f"./{path}: is not what it was, although nothing was to be fixed in it"
        for path in sorted({*before, *after})
        if path not in outcome.changed and before.get(path) != after.get(path)
    ]
    return outcome


def differs_from_command(original: Path, fixed: Path, runs: Sequence[Round]) -> list[str]:
    """The files that the real command, run so on a copy, leaves in another state than they are in ``fixed``."""
    with copy_of(original) as folder:
        for run in runs:
            fix = ["fix", *(["--unsafe"] if run.unsafe else []), *ALONE, *run.settings, "."]
            command = [sys.executable, "-c", "import sys; from flake8_djq.cli import main; sys.exit(main())", *fix]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode not in (0, 1) or "Traceback" in done.stderr:
                return [f"the command failed: {done.stderr}"]
        ours, theirs = contents(fixed), contents(folder)
    paths = sorted({*ours, *theirs})
    return [f"./{path}: the command gives another text" for path in paths if ours.get(path) != theirs.get(path)]


def show(name: str, run: Round, outcome: Outcome, seconds: float) -> None:
    """Print what one round did to a project."""
    counts = ", ".join(f"{code} {count}" for code, count in sorted(outcome.fixed.items())) or "none"
    left = ", ".join(f"{count} {reason}" for reason, count in outcome.left.most_common()) or "none"
    print(
        f"{name}, {run.name}: fixed {outcome.fixed.total()} in {len(outcome.changed)} files ({counts});"
        f" left {outcome.left.total()} ({left}); flake8 asked again {outcome.asked_again} times, {seconds:.1f} s",
        *(f"  {problem}" for problem in outcome.problems),
        sep="\n",
        flush=True,
    )


def write_diffs(folder: Path, outcome: Outcome) -> None:
    """Write the change of each file as ``a.b.c.py.diff``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, change in outcome.changed.items():
        (folder / f"{path.replace('/', '.')}.diff").write_bytes(change)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Apply the fixes to copies of real projects and check the changes.")
    parser.add_argument("--project", action="append", default=[], metavar="NAME", help="only this project")
    parser.add_argument("--diffs", type=Path, metavar="FOLDER", help="write every change as a diff below this folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes to use")
    parser.add_argument("--no-cross-check", action="store_true", help="spare the runs of the real command")
    parser.add_argument("--projects", type=Path, default=HERE / "projects.txt", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, default=CACHE, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fix the projects; returns what the command exits with."""
    given = _arguments(arguments)
    pinned = {project.name: project for project in read_projects(given.projects)}
    wanted = [normal(name) for name in given.project] or list(pinned)
    unknown = sorted(set(wanted) - set(pinned))
    if unknown:
        raise SystemExit(f"not in {given.projects.name}: {', '.join(unknown)}")
    totals = {run.name: Outcome() for run in ROUNDS}
    for name in wanted:
        original = sources_of(pinned[name], given.cache)
        # Each round with those that went over the same copy before.
        for runs in (ROUNDS[:2], ROUNDS[2:]):
            with copy_of(original) as folder:
                for run in runs:
                    start = time.perf_counter()
                    outcome = fix_project(folder, run, given.jobs)
                    if name in COMMANDED and run is runs[-1] and not given.no_cross_check:
                        outcome.problems += differs_from_command(original, folder, runs)
                    show(name, run, outcome, time.perf_counter() - start)
                    totals[run.name].add(outcome)
                    if given.diffs:
                        write_diffs(given.diffs / name / run.name, outcome)
    if len(wanted) > 1:
        for run in ROUNDS:
            totals[run.name].problems, problems = [], totals[run.name].problems
            show("all", run, totals[run.name], 0.0)
            totals[run.name].problems = problems
    wrong = sum(len(outcome.problems) for outcome in totals.values())
    print(f"{wrong} problems")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
