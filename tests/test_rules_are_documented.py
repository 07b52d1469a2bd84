"""Each rule keeps the contract, has fixtures of both kinds, and a documentation page whose examples are true."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from flake8_djq.judging import OF_FILES, OF_QUERYSETS
from flake8_djq.options import Options
from flake8_djq.querysets.evaluations import Subject
from flake8_djq.rules.base import File, Fix, On, Rule, all_rules, rules_in
from flake8_djq.rules.internal_error import InternalError
from flake8_djq.rules.settings import may_matter
from flake8_djq.source import Source
from tests.support import SHOP, codes, fixture_files, marked

BATCH, EVERYWHERE = On.BATCH, On.EVERYWHERE
SAFE, UNSAFE, EITHER, NONE = Fix.SAFE, Fix.UNSAFE, Fix.SAFE_OR_UNSAFE, Fix.NONE

# The contract's table, for the codes that exist.
CONTRACT = {
    "DJQ101": ("loop-without-iterator", BATCH, EITHER),
    "DJQ102": ("materialized-queryset", BATCH, UNSAFE),
    "DJQ103": ("len-for-count", EVERYWHERE, SAFE),
    "DJQ104": ("truth-for-exists", EVERYWHERE, SAFE),
    # Safe in the contract; measured on MariaDB, where "A" is found for "a", one of its two forms is not.
    "DJQ105": ("membership-in-queryset", EVERYWHERE, EITHER),
    "DJQ108": ("bulk-write-without-batch-size", BATCH, SAFE),
    "DJQ201": ("repeated-evaluation", EVERYWHERE, UNSAFE),
    "DJQ202": ("probe-then-load", EVERYWHERE, EITHER),
    "DJQ203": ("invariant-query-in-loop", EVERYWHERE, UNSAFE),
    "DJQ204": ("cached-then-streamed", EVERYWHERE, SAFE),
    "DJQ301": ("iterator-without-chunk-size", EVERYWHERE, SAFE),
    "DJQ302": ("iterator-drops-prefetch", EVERYWHERE, SAFE),
    "DJQ303": ("bad-chunk-size", EVERYWHERE, NONE),
    "DJQ304": ("iterator-loads-everything", BATCH, UNSAFE),
    "DJQ403": ("unordered-pages", EVERYWHERE, NONE),
    "DJQ501": ("debug-in-batch-settings", EVERYWHERE, UNSAFE),
    "DJQ502": ("debug-on-by-default", EVERYWHERE, NONE),
    "DJQ503": ("debug-always-true", EVERYWHERE, NONE),
    "DJQ504": ("debug-forced", EVERYWHERE, NONE),
    "DJQ505": ("command-runs-with-debug", EVERYWHERE, NONE),
    "DJQ506": ("debug-tool-in-batch-settings", EVERYWHERE, NONE),
    "DJQ507": ("sql-logging-in-batch-settings", EVERYWHERE, NONE),
    "DJQ508": ("profiler-left-in", BATCH, NONE),
    "DJQ900": ("internal-error", EVERYWHERE, NONE),
}
SECTIONS = [
    "What it does",
    "Why is this bad?",
    "Example",
    "Use instead",
    "When it is silent",
    "Fix safety",
    "References",
]
RULES = all_rules()
CODES = [rule.code for rule in RULES]
# A rule about the linter itself has nothing to show in a fixture.
# DJQ304 speaks of databases that the shop does not run on: its fixtures are those of fixtures/pooled.
ABOUT_CODE = [rule for rule in RULES if not rule.code.startswith("DJQ9") and rule.code != "DJQ304"]
ABOUT_QUERYSETS = [rule for rule in ABOUT_CODE if rule.code[3] in "1234"]


def by_code(rule: type[Rule[object]]) -> str:
    return rule.code


def sections(rule: type[Rule[object]]) -> dict[str, str]:
    """The sections of a rule's documentation by title, with the summary under ""."""
    parts = re.split(r"(?m)^## (.+)$", inspect.cleandoc(rule.__doc__ or ""))
    return {"": parts[0].strip()} | {title: text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def code_of(section: str) -> str:
    match = re.search(r"(?s)```python\n(.*?)```", section)
    assert match, "no Python code in this section"
    return match[1]


def test_the_linter_asks_every_rule() -> None:
    """A new folder of rules must be named where the linter looks for them."""
    asked = rules_in(OF_FILES, *OF_QUERYSETS)
    assert {*asked, InternalError} == set(RULES)
    assert {rule.subject for rule in rules_in(OF_FILES)} == {File}
    assert all(issubclass(rule.subject, Subject) for rule in rules_in(*OF_QUERYSETS))


def test_no_rule_about_settings_is_left_out_for_a_word() -> None:
    """What makes the linter load those rules must hold all words that they wait for."""
    in_settings_only = {"import", "logging"}  # of rules that look at modules which have other signs
    words = {word for rule in rules_in(OF_FILES) for word in rule.mentions} - in_settings_only
    assert "DJANGO_SETTINGS_MODULE" in words
    assert [word for word in words if not may_matter(Source("x.py", word, ast.parse("")), Options())] == []
    assert not may_matter(Source("x.py", "import logging", ast.parse("")), Options())


def test_codes_and_names_are_unique() -> None:
    assert len(set(CODES)) == len(CODES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_rules_are_those_of_the_contract() -> None:
    assert {rule.code: (rule.name, rule.on, rule.fix) for rule in RULES} == CONTRACT


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_rule_stands_in_a_file_of_its_name(rule: type[Rule[object]]) -> None:
    assert Path(inspect.getfile(rule)).stem == rule.name.replace("-", "_")


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_documentation_has_all_sections(rule: type[Rule[object]]) -> None:
    found = sections(rule)
    assert list(found) == ["", *SECTIONS]
    empty = [title for title, text in found.items() if not text]
    assert not empty


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_summary_is_one_sentence(rule: type[Rule[object]]) -> None:
    summary = sections(rule)[""]
    assert "\n" not in summary
    assert summary.endswith(".")


@pytest.mark.parametrize("rule", ABOUT_CODE, ids=by_code)
def test_rule_has_a_fixture_that_is_flagged(rule: type[Rule[object]]) -> None:
    stem = re.compile(rf"(\d{{4}}_)?{rule.code.lower()}_flagged")
    flagged = [path for path in fixture_files() if stem.match(Path(path).stem)]
    marks = set()
    for path in flagged:
        text = (SHOP / path).read_text(encoding="utf-8")
        found = set(marked(text, "", "web", "project"))
        marks |= {code for _, code in found}
        assert rule.code in {code for _, code in found}, f"{path} has no mark of {rule.code}"
    assert rule.code in marks


@pytest.mark.parametrize("rule", ABOUT_CODE, ids=by_code)
def test_rule_has_a_fixture_that_is_silent(rule: type[Rule[object]]) -> None:
    stem = re.compile(rf"(\d{{4}}_)?{rule.code.lower()}_silent")
    silent = [path for path in fixture_files() if stem.match(Path(path).stem)]
    assert silent, f"no {rule.code.lower()}_silent*.py"
    for path in silent:
        text = (SHOP / path).read_text(encoding="utf-8")
        assert rule.code not in {code for _, code in marked(text, "", "web")}, f"{path} is not silent"


@pytest.mark.parametrize("rule", ABOUT_QUERYSETS, ids=by_code)
def test_example_is_flagged(rule: type[Rule[object]]) -> None:
    assert rule.code in codes(code_of(sections(rule)["Example"]))


@pytest.mark.parametrize("rule", ABOUT_QUERYSETS, ids=by_code)
def test_what_to_use_instead_is_not_flagged(rule: type[Rule[object]]) -> None:
    assert rule.code not in codes(code_of(sections(rule)["Use instead"]))
