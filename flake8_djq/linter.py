"""From one file to its findings: those that are kept, where nothing changed since, or those that are made now."""

from __future__ import annotations

import os
from functools import lru_cache

from flake8_djq.context import Contexts, Kind
from flake8_djq.findings import INTERNAL_ERROR, Finding
from flake8_djq.options import Options
from flake8_djq.project.kept import Kept, Used, open_kept
from flake8_djq.project.store import fingerprint
from flake8_djq.source import Source

__all__ = ["lint"]


def lint(source: Source, options: Options, with_edits: bool = False) -> list[Finding]:
    """Everything that the rules say about one file, in the order of its lines; on request with edits.

    Findings without edits are kept with the index of the project. They count until the file changes, or another one
    that they come from.
    """
    contexts = Contexts(source, options)
    whole = contexts.whole_file
    if whole is not None and whole.kind is Kind.TESTS and "tests" not in options.contexts:
        return []
    kept = open_kept(source.path, options)
    if kept is None or with_edits:
        return _made(source, contexts, options, with_edits)
    return _kept_or_made(source, contexts, options, kept)


def _kept_or_made(source: Source, contexts: Contexts, options: Options, kept: Kept) -> list[Finding]:
    told_apart = fingerprint(f"{source.path} {_spelled(options)}")
    key = f"{os.path.abspath(source.path)}|findings {told_apart}"
    text = fingerprint(source.text)
    known = kept.recall(key, text)
    if known is not None:
        return [Finding(*parts) for parts in known[0]]
    used: Used = {}
    kept.linted = source
    with kept.gathering(used):
        findings = _made(source, contexts, options)
    # Code that has nothing to do with Django gets no folder for it.
    is_worth_it = used or findings or kept.roots.is_django_project
    if is_worth_it and not any(finding.code == INTERNAL_ERROR for finding in findings):
        kept.keep(key, used, findings, text)
    return findings


def _made(source: Source, contexts: Contexts, options: Options, with_edits: bool = False) -> list[Finding]:
    # A run that finds its findings ready needs neither the engine nor the rules.
    from flake8_djq.judging import judge
    from flake8_djq.rules.base import File

    return judge(File(source, contexts, options, with_edits))


@lru_cache(maxsize=1)
def _spelled(options: Options) -> str:
    """The options as a text that is the same in every process."""
    return repr([sorted(value) if isinstance(value, frozenset) else value for value in options])
