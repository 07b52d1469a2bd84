"""What the rules say about one file: those that judge it as a whole, and those that the queryset engine feeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from flake8_djq.context import Kind
from flake8_djq.findings import Finding
from flake8_djq.querysets.callers import hangs_on_callers
from flake8_djq.querysets.evaluations import Subject
from flake8_djq.querysets.module import mentions_querysets, read_querysets
from flake8_djq.rules.base import File, On, Rule, rules_in
from flake8_djq.rules.internal_error import InternalError
from flake8_djq.rules.settings import may_matter

__all__ = ["judge"]


# The folder of the rules that judge a whole file; the engine feeds those of the others.
OF_FILES = "settings"
OF_QUERYSETS = ("memory", "paging", "repeated", "streaming")


@cache
def _file_rules() -> tuple[Rule[File], ...]:
    return tuple(rule() for rule in rules_in(OF_FILES))  # type: ignore[misc]


@cache
def _queryset_rules() -> tuple[Rule[Subject], ...]:
    return tuple(rule() for rule in rules_in(*OF_QUERYSETS))  # type: ignore[misc]


def judge(file: File) -> list[Finding]:
    """Everything that the rules say about one file, in the order of its lines."""
    findings = {*_whole_file(file), *_querysets(file)}
    return sorted(findings, key=lambda finding: (finding.line, finding.column, finding.code))


def _whole_file(file: File) -> Iterator[Finding]:
    # Most files have nothing to do with settings, and need not wait until their rules are loaded.
    if not may_matter(file.source, file.options):
        return
    for rule in _file_rules():
        if any(word in file.source.text for word in rule.mentions):
            yield from _ask(rule, file, file)


def _querysets(file: File) -> Iterator[Finding]:
    if not _may_hold_querysets(file):
        return
    try:
        subjects = read_querysets(file.source, file.options, file.project)
    except RecursionError:
        return
    except Exception as error:  # noqa: BLE001 - a defect here must not take flake8 down
        yield from InternalError("the queryset engine").check(error, file)
        return
    for subject in subjects:
        for rule in _queryset_rules():
            if isinstance(subject, rule.subject):
                yield from _ask(rule, subject, file)


def _may_hold_querysets(file: File) -> bool:
    """Whether the text mentions querysets, or is batch code that may get some from other files."""
    if mentions_querysets(file.source.text):
        return True
    whole = file.contexts.whole_file
    return whole is not None and whole.kind is Kind.BATCH and file.project is not None


def _ask(rule: Rule[Any], subject: object, file: File) -> Iterable[Finding]:
    try:
        return [
            finding
            for finding in rule.check(subject, file)
            if rule.speaks_on(finding.line, file) and not _hangs_on_callers(rule, subject, finding.line, file)
        ]
    except RecursionError:
        return []
    except Exception as error:  # noqa: BLE001 - the findings of the other rules must stand
        return InternalError(f"{rule.code} ({rule.name})").check(error, file)


def _hangs_on_callers(rule: Rule[Any], subject: object, line: int, file: File) -> bool:
    """Whether a finding in code that only other files show to be batch code depends on what they pass."""
    if rule.on is not On.BATCH or not isinstance(subject, Subject) or not file.is_reached_from_elsewhere(line):
        return False
    function = file.source.function_at(line)
    return function is not None and hangs_on_callers(subject, function.node)
