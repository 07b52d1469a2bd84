"""The command ``flake8-djq``: what can be asked of the plugin outside a lint run."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from flake8_djq import __version__
from flake8_djq.rules.base import Rule, all_rules
from flake8_djq.table_sizes import DEFAULT_OUTPUT

__all__ = ["COMMANDS", "Command", "main", "page", "summary", "table"]

AnyRule = type[Rule[object]]


@dataclass(frozen=True)
class Command:
    """One subcommand: ``configure`` declares its arguments, ``run`` does the work and gives the exit code.

    ``usage`` stands in the place of the usage line that would be made of the arguments. ``rest`` says that further
    arguments are taken, unread, as ``arguments.rest``.
    """

    name: str
    help: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    usage: str | None = None
    rest: bool = False


def summary(rule: AnyRule) -> str:
    """The first line of a rule's documentation."""
    return inspect.cleandoc(rule.__doc__ or "").partition("\n")[0]


def page(rule: AnyRule) -> str:
    """A rule's documentation as a Markdown page."""
    return "\n".join(
        (
            f"# {rule.name} ({rule.code})",
            "",
            f"Default: {rule.on.value}. Fix: {rule.fix.value}.",
            "",
            inspect.cleandoc(rule.__doc__ or ""),
        )
    )


def table(rules: Sequence[AnyRule]) -> str:
    """The rules one a line, in aligned columns."""
    head = ("code", "name", "on", "fix", "summary")
    rows = [head, *((rule.code, rule.name, rule.on.value, rule.fix.value, summary(rule)) for rule in rules)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _configure_rule(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "code", help="a code (DJQ101), the beginning of codes (DJQ1), or a name (loop-without-iterator)"
    )


def _run_rule(arguments: argparse.Namespace) -> int:
    asked = arguments.code.strip().lower()
    rules = [rule for rule in all_rules() if asked and (rule.code.lower().startswith(asked) or rule.name == asked)]
    if not rules:
        print(f"flake8-djq: there is no rule {arguments.code!r}; {_suggestion(asked)}", file=sys.stderr)
        return 2
    print("\n\n".join(page(rule) for rule in rules))
    return 0


def _suggestion(asked: str) -> str:
    """What the user may have meant, as the end of the error message."""
    known = {spelling.lower(): rule for rule in all_rules() for spelling in (rule.code, rule.name)}
    close = {known[spelling].code: known[spelling].name for spelling in get_close_matches(asked, known, cutoff=0.6)}
    if not close:
        return "flake8-djq rules lists them all"
    return "did you mean " + " or ".join(f"{code} ({name})" for code, name in sorted(close.items())) + "?"


def _configure_rules(parser: argparse.ArgumentParser) -> None:
    """It takes no arguments."""


def _run_rules(arguments: argparse.Namespace) -> int:
    print(table(all_rules()))
    return 0


def _configure_fix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unsafe", action="store_true", help="apply the fixes that may change the order or the queries too"
    )
    parser.add_argument(
        "--diff", action="store_true", help="print what would change as a unified diff, and change nothing"
    )
    parser.add_argument(
        "--select",
        metavar="CODES",
        default="DJQ",
        help="fix only these codes, or those that begin so (comma-separated)",
    )
    parser.epilog = (
        "All other options go to flake8, which finds what to fix under your own configuration: exclude,"
        " per-file-ignores and noqa hold. Exit codes: 0 nothing is left, 1 findings are left (with --diff also:"
        " there are changes), 2 flake8 could not run."
    )


def _run_fix(arguments: argparse.Namespace) -> int:
    from flake8_djq.fixes.command import fix
    from flake8_djq.fixes.fixing import Choice

    codes = tuple(code.strip().upper() for code in arguments.select.split(",") if code.strip())
    strange = [code for code in codes if not any(rule.code.startswith(code) for rule in all_rules())]
    if strange or not codes:
        print(f"flake8-djq fix: --select takes codes of this plugin, not {arguments.select!r}", file=sys.stderr)
        return 2
    return fix(Choice(codes, arguments.unsafe), arguments.rest, arguments.diff)


def _configure_keyset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="the module to write, or the folder to write keyset.py to"
    )
    parser.add_argument("--force", action="store_true", help="write over another file")


def _run_keyset(arguments: argparse.Namespace) -> int:
    from flake8_djq.fixes.helper import write_keyset

    return write_keyset(arguments.path, arguments.force)


def _configure_table_sizes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settings",
        metavar="MODULE",
        default="",
        help="the settings to run with, such as shop.settings.production (default: $DJANGO_SETTINGS_MODULE)",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        default=DEFAULT_OUTPUT,
        help="the file to write, - for standard output (default: %(default)s)",
    )
    parser.add_argument(
        "--pythonpath",
        type=Path,
        metavar="DIR",
        default=Path(),
        help="the folder to import the settings from, that of manage.py (default: the current one)",
    )
    parser.epilog = (
        "It runs your project's settings and apps, and asks the databases for their statistics. It only reads, and"
        " counts at most a million rows of a table that has no statistics. The file holds the names of models and"
        " tables and rounded numbers of rows."
    )


def _run_table_sizes(arguments: argparse.Namespace) -> int:
    from flake8_djq.sizes.command import write_table_sizes

    return write_table_sizes(arguments.settings, arguments.output, arguments.pythonpath)


COMMANDS = (
    Command(
        "fix",
        "apply the fixes of what flake8 reports",
        _configure_fix,
        _run_fix,
        usage="flake8-djq fix [--unsafe] [--diff] [--select CODES] [flake8's own options] [PATH ...]",
        rest=True,
    ),
    Command("keyset", "write the keyset iterator into a project", _configure_keyset, _run_keyset),
    Command("rule", "print the documentation of a rule, or of a family of rules", _configure_rule, _run_rule),
    Command("rules", "list all rules", _configure_rules, _run_rules),
    Command(
        "table-sizes",
        "write how many rows the tables of a project hold; this runs Django",
        _configure_table_sizes,
        _run_table_sizes,
    ),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flake8-djq",
        description="Fix what flake8-djq finds, and read about its rules. To lint, run flake8.",
    )
    parser.add_argument("--version", action="version", version=f"flake8-djq {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        child = commands.add_parser(
            command.name, help=command.help, description=command.help, usage=command.usage, allow_abbrev=False
        )
        command.configure(child)
        child.set_defaults(command=command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    arguments.rest = rest
    command: Command = arguments.command
    if rest and not command.rest:
        parser.error(f"flake8-djq {command.name} does not take {' '.join(rest)}")
    try:
        status = command.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left, as "flake8-djq rules | head -1" does. Python flushes again at exit: let it have somewhere to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
