"""At the end of a run, say loudly what was left out because a database or an environment is not there."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.databases import NOT_TESTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat each reason of ``tests.databases.leave_out`` with the number of tests that it cost."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", ()):
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _, mark, reason = text.partition(NOT_TESTED)
        if mark:
            reasons[reason] += 1
    if reasons:
        terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count} skipped, {reason}", red=True)
