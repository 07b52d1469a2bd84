"""The command ``flake8-djq fix``: run flake8, apply the edits of what it reports, say what was done."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from flake8_djq.fixes.fixing import SKIPPED, Choice, FixedFile, fix_file
from flake8_djq.fixes.running import Flake8Failed, Reported, Violation, run_flake8, show_progress
from flake8_djq.options import InvalidOption

__all__ = ["fix"]


def fix(choice: Choice, flake8_arguments: Sequence[str], diff: bool) -> int:
    """Fix the files that flake8 finds by its arguments; with ``diff`` print the changes and make none.

    Gives the exit code: 0 when nothing is left, 1 when findings are left (with ``diff`` also when there are changes),
    2 when flake8 could not run.
    """
    paths = [argument for argument in flake8_arguments if not argument.startswith("-") or argument == "-"]
    if "-" in paths:
        print("flake8-djq fix: it changes files, and standard input is none; name the file", file=sys.stderr)
        return 2
    try:
        reported = run_flake8(flake8_arguments)
        options = [argument for argument in flake8_arguments if argument not in _existing(paths)]
        files = _fix_files(reported, choice, options)
    except (Flake8Failed, InvalidOption) as error:
        print(f"flake8-djq fix: flake8 could not run\n{error}", file=sys.stderr)
        return 2
    if diff:
        for file in files:
            if file.changed:
                sys.stdout.buffer.write(file.diff())
        sys.stdout.flush()
    else:
        for file in files:
            if file.changed:
                file.write(Path.cwd())
    _summarize(files, diff, sys.stderr if diff else sys.stdout)
    left = any(file.left for file in files)
    return int(left or (diff and any(file.changed for file in files)))


def _existing(paths: Iterable[str]) -> set[str]:
    """Of the arguments, those that flake8 took for files and folders to look at."""
    return {path for path in paths if Path(path).exists()}


def _fix_files(reported: Reported, choice: Choice, flake8_options: Sequence[str]) -> list[FixedFile]:
    by_path: dict[str, list[Violation]] = {}
    for item in reported.violations:
        if choice.takes(item.code):
            by_path.setdefault(item.path, []).append(item)
    files = []
    for number, (path, violations) in enumerate(sorted(by_path.items()), 1):
        show_progress(f"fixing {number} of {len(by_path)}: {path}")
        own = Reported(tuple(violations), reported.options, reported.line_length)
        files.append(fix_file(path, own, choice, flake8_options))
    show_progress("")
    return files


def _summarize(files: Sequence[FixedFile], diff: bool, stream: TextIO) -> None:
    """What was fixed, in which files; what is left, and why."""
    for file in files:
        if file.skipped:
            print(f"{file.path}: left alone: {file.skipped}", file=sys.stderr)
        elif file.changed and not diff:
            print(f"{file.path}: {_codes(file.fixed)}", file=stream)
    fixed = sum((file.fixed for file in files), Counter[str]())
    changed = sum(file.changed and not file.skipped for file in files)
    left = sum((file.left for file in files), Counter[str]())
    if fixed:
        verb = "would fix" if diff else "fixed"
        print(f"{verb} {_number(fixed.total(), 'finding')} in {_number(changed, 'file')}: {_codes(fixed)}", file=stream)
    else:
        print("nothing to fix" if not left[SKIPPED] else "nothing was fixed", file=stream)
    if left:
        reasons = ", ".join(f"{count} {reason}" for reason, count in left.most_common())
        print(f"left {_number(left.total(), 'finding')}: {reasons}", file=stream)


def _codes(counts: Counter[str]) -> str:
    return ", ".join(f"{code} {count}" if count > 1 else code for code, count in sorted(counts.items()))


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("" if count == 1 else "s")
