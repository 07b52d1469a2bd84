"""The command ``flake8-djq``: what can be asked of the plugin outside a lint run."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from flake8_djq import __version__
from flake8_djq.rules.base import Rule, all_rules

__all__ = ["COMMANDS", "Command", "main", "page", "summary", "table"]

AnyRule = type[Rule[object]]


@dataclass(frozen=True)
class Command:
    """One subcommand: ``configure`` declares its arguments, ``run`` does the work and gives the exit code."""

    name: str
    help: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


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


COMMANDS = (
    Command("rule", "print the documentation of a rule, or of a family of rules", _configure_rule, _run_rule),
    Command("rules", "list all rules", _configure_rules, _run_rules),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flake8-djq",
        description="Read about the rules of flake8-djq. To lint, run flake8: the plugin takes part in every run.",
    )
    parser.add_argument("--version", action="version", version=f"flake8-djq {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        child = commands.add_parser(command.name, help=command.help, description=command.help)
        command.configure(child)
        child.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left, as "flake8-djq rules | head -1" does. Python flushes again at exit: let it have somewhere to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
