"""The code before and after each fix, run on every database: the same rows, so many queries, so much memory."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from flake8_djq.rules.base import Fix, all_rules
from tests.proof.rules.harness import PROOF, Shop
from tests.proof.rules.pairs import NAMES, NOTHING_SAVED, PAIRS, SETTINGS_PAIR, Pair

NO_SIZE = r"ValueError: chunk_size must be provided when using QuerySet\.iterator\(\) after prefetch_related\(\)\."
# "Got a packet bigger than 'max_allowed_packet' bytes", or "Server has gone away" where the server has hung up by then.
TOO_LARGE = r"OperationalError: \((1153|2006), .*"
ERRORS_BEFORE = {("djq302_prefetch", name): NO_SIZE for name in NAMES} | {("djq108_create", "mariadb"): TOO_LARGE}
"""What fails before, and with what: the error itself is what the rule warns of."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_remedy_is_right(pair: Pair, name: str, on: Callable[[str], Shop]) -> None:
    shop = on(name)
    before, after = shop.run(f"before/{pair.file}"), shop.run(f"after/{pair.file}")
    assert after.error == ""
    assert re.fullmatch(ERRORS_BEFORE.get((pair.name, name), ""), before.error)
    if not before.error:
        assert after.result == before.result
    assert after.result, "rows that are missing on both sides would prove nothing"
    assert (before.queries, after.queries) == pair.queries_on(name)
    ratio = after.megabytes / max(before.megabytes, 0.01)
    if name in pair.saves_on:
        assert ratio <= pair.saved, f"{before.megabytes} MB before, {after.megabytes} MB after"
    if name in pair.saves_nothing_on:
        assert ratio >= NOTHING_SAVED, f"{before.megabytes} MB before, {after.megabytes} MB after"


@pytest.mark.parametrize("name", NAMES)
def test_with_debug_on_the_statements_stay_in_memory(name: str, on: Callable[[str], Shop]) -> None:
    shop = on(name)
    before = shop.run("claims/djq501_job.py", debug_from=f"before/{SETTINGS_PAIR.file}")
    after = shop.run("claims/djq501_job.py", debug_from=f"after/{SETTINGS_PAIR.file}")
    assert (before.error, after.error) == ("", "")
    assert (before.queries, after.queries) == SETTINGS_PAIR.queries_on(name)
    assert before.result >= 100
    assert after.result == 0
    # A hundred statements of 200,000 characters are 20 MB.
    assert before.megabytes >= 15
    assert after.megabytes <= 5


def test_every_rule_with_a_fix_has_a_pair() -> None:
    fixable = {rule.code for rule in all_rules() if rule.fix is not Fix.NONE}
    assert fixable <= {pair.code for pair in (*PAIRS, SETTINGS_PAIR)}


def test_every_file_is_a_pair() -> None:
    claimed = sorted(pair.file for pair in (*PAIRS, SETTINGS_PAIR))
    assert sorted(path.name for path in (PROOF / "before").glob("*.py")) == claimed
    assert sorted(path.name for path in (PROOF / "after").glob("*.py")) == claimed
