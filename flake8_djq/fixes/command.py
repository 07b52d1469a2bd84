"""The command ``flake8-djq fix``: run flake8, apply the edits of what it reports, say what was done."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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
    if "-" in flake8_arguments:
        print("flake8-djq fix: it changes files, and standard input is none; name the file", file=sys.stderr)
        return 2
    try:
        reported = run_flake8(flake8_arguments)
        files = _fix_files(reported, choice, _without_paths(flake8_arguments, reported.paths))
        for file in files:
            if file.changed and diff:
                sys.stdout.buffer.write(file.diff())
            elif file.changed:
                file.write(Path.cwd())
        sys.stdout.flush()
    except (Flake8Failed, InvalidOption) as error:
        print(f"flake8-djq fix: flake8 could not run\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        show_progress("")
        print("flake8-djq fix: stopped; every file is whole, as it was or fixed", file=sys.stderr)
        return 130
    _summarize(files, diff, sys.stderr if diff else sys.stdout)
    left = any(file.left for file in files)
    return int(left or (diff and any(file.changed for file in files)))


def _without_paths(arguments: Sequence[str], paths: Sequence[str]) -> list[str]:
    """The arguments without those that flake8 took for paths; a value of an option may read like one and stays."""
    kept, left = [], list(paths)
    for argument in reversed(arguments):
        if left and argument == left[-1]:
            left.pop()
        else:
            kept.append(argument)
    return kept[::-1]


def _fix_files(reported: Reported, choice: Choice, flake8_options: Sequence[str]) -> list[FixedFile]:
    """What becomes of each file that flake8 reported; one that goes by several names is fixed under the first."""
    by_path: dict[str, list[Violation]] = {}
    for item in reported.violations:
        if choice.takes(item.code):
            by_path.setdefault(item.path, []).append(item)
    files = []
    for path, why in sorted(reported.unreadable.items()):
        files.append(FixedFile(path, left=Counter({SKIPPED: 1}), skipped=why))
    seen: set[Path] = set()
    for number, (path, violations) in enumerate(sorted(by_path.items(), key=_links_last), 1):
        if Path(path).resolve() in seen:
            continue
        seen.add(Path(path).resolve())
        show_progress(f"fixing {number} of {len(by_path)}: {path}")
        files.append(fix_file(path, replace(reported, violations=tuple(violations)), choice, flake8_options))
    show_progress("")
    return files


def _links_last(item: tuple[str, object]) -> tuple[bool, str]:
    return Path(item[0]).is_symlink(), item[0]


def _summarize(files: Sequence[FixedFile], diff: bool, stream: TextIO) -> None:
    """What was fixed, in which files; what is left, and why."""
    for file in files:
        if file.skipped:
            print(f"{file.path}: left alone: {file.skipped}", file=sys.stderr)
        elif file.changed and not diff:
            print(f"{file.path}: {_codes(file.fixed)}", file=stream)
    fixed = sum((file.fixed for file in files), Counter[str]())
    changed = sum(file.changed for file in files)
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
