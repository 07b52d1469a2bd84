"""DJQ203: which queries a loop asks again on each of its turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import COMMAND, VIEWS, codes, findings, project_on_disk

HEAD = """
from shop.models import Rule, Score, User


def check(names, users):
"""


def body(text: str) -> str:
    return HEAD + "\n".join("    " + line for line in text.strip("\n").splitlines()) + "\n"


ASKED_AGAIN = {
    "written out": """
for user in users:
    for rule in Rule.objects.all():
        print(user, rule)
""",
    "made on each turn": """
for user in users:
    rules = Rule.objects.filter(active=True)
    for rule in rules:
        print(user, rule)
""",
    "in a try": """
for user in users:
    try:
        for rule in Rule.objects.all():
            print(user, rule)
    except ValueError:
        continue
""",
    "made and looped over in a comprehension": """
for user in users:
    rules = Rule.objects.filter(active=True)
    print([rule for rule in rules if rule.fits])
""",
    "with a write to another table": """
for user in users:
    rules = Rule.objects.order_by("pk")
    for rule in rules:
        Score.objects.create(user=user, rule=rule)
""",
    "the innermost of three": """
for name in names:
    for user in users:
        rules = Rule.objects.filter(name=name)
        for rule in rules:
            print(user, rule)
""",
}

NOT_ASKED_AGAIN = {
    "made of the row": """
for user in users:
    rules = Rule.objects.filter(kind=user.kind)
    for rule in rules:
        print(user, rule)
""",
    "narrowed by the row": """
for user in users:
    rules = Rule.objects.filter(active=True)
    rules = rules.filter(kind=user.kind)
    for rule in rules:
        print(user, rule)
""",
    "perhaps narrowed by the row": """
for user in users:
    rules = Rule.objects.filter(active=True)
    if user.kind:
        rules = rules.filter(kind=user.kind)
    for rule in rules:
        print(user, rule)
""",
    "made once": """
rules = None
for user in users:
    if rules is None:
        rules = Rule.objects.filter(active=True)
    for rule in rules:
        print(user, rule)
""",
    "made before the loop": """
rules = Rule.objects.filter(active=True)
for user in users:
    for rule in rules:
        print(user, rule)
""",
    "made for the next turn": """
rules = Rule.objects.filter(active=False)
for user in users:
    for rule in rules:
        print(user, rule)
    rules = Rule.objects.filter(active=True)
""",
    "tried again until it works": """
for attempt in range(3):
    try:
        for rule in Rule.objects.all():
            print(rule)
        break
    except ValueError:
        print(attempt)
""",
    "on some turns, in a try": """
for user in users:
    try:
        if user.asleep:
            continue
        for rule in Rule.objects.all():
            print(user, rule)
    except ValueError:
        print(user)
""",
    "in a handler": """
for user in users:
    try:
        print(user.name)
    except ValueError:
        for rule in Rule.objects.all():
            print(user, rule)
""",
    "one row, whose absence is caught": """
for user in users:
    try:
        print(Rule.objects.get(name="default"))
    except Rule.DoesNotExist:
        print(user)
""",
    "with a write to the table": """
for user in users:
    rules = Rule.objects.filter(active=True)
    for rule in rules:
        rule.delete()
""",
    "with code that may write to it": """
for user in users:
    rules = Rule.objects.filter(active=True)
    for rule in rules:
        user.apply(rule)
""",
    "with code between the turns of a generator": """
for user in users:
    yield user, Rule.objects.filter(active=True).count()
""",
    "in what each turn sets up": """
for user in users:
    with schema_of(user):
        print(Rule.objects.filter(active=True).count())
""",
    "until somebody else has changed the rows": """
while Rule.objects.filter(active=True).count() > 9:
    sleep(1)
""",
}


def test_what_a_generator_asks_after_it_has_given_a_row_away() -> None:
    text = "first = Rule.objects.filter(active=True).count()\n{}\nsecond = Rule.objects.filter(active=True).count()\n"
    text += "print(first, second)\n"
    assert codes(body(text.format("yield first")), VIEWS) == []
    assert codes(body(text.format("yield from names")), VIEWS) == []
    assert codes(body(text.format("print(first)")), VIEWS) == ["DJQ201"]


@pytest.mark.parametrize("text", ASKED_AGAIN.values(), ids=ASKED_AGAIN)
def test_asked_again_on_each_turn(text: str) -> None:
    assert codes(body(text), VIEWS) == ["DJQ203"]


@pytest.mark.parametrize("text", NOT_ASKED_AGAIN.values(), ids=NOT_ASKED_AGAIN)
def test_not_asked_again(text: str) -> None:
    assert "DJQ203" not in codes(body(text), VIEWS)


def test_the_second_loop_reads_the_cache() -> None:
    text = body(
        """
for user in users:
    rules = Rule.objects.filter(active=True)
    for rule in rules:
        print(user, rule)
    for rule in rules:
        print(rule, user)
"""
    )
    assert [(finding.line, finding.code) for finding in findings(text, VIEWS)] == [(7, "DJQ203")]


@pytest.mark.parametrize(
    ("name", "has_edit"), [("written out", True), ("made on each turn", False), ("in a try", False)]
)
def test_the_fix(name: str, has_edit: bool) -> None:
    [finding] = findings(body(ASKED_AGAIN[name]), VIEWS)
    assert (finding.edit is not None) is has_edit


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("", ["DJQ202"]),
        ("    if names:\n        rules = rules[:10]\n", []),
        ("    if names:\n        rules = rules.filter(name__in=names)\n", []),
        ("    if names:\n        users = names\n", ["DJQ202"]),
    ],
)
@pytest.mark.parametrize("probe", ["total = rules.count()", "total = rules.exists() and 1"])
def test_rows_of_which_a_branch_may_have_taken_a_part(probe: str, between: str, expected: list[str]) -> None:
    text = f"{HEAD}    rules = Rule.objects.filter(active=True)\n    {probe}\n{between}"
    assert codes(f"{text}    return total, [rule.name for rule in rules]\n", VIEWS) == expected


def test_a_probe_in_code_that_batch_work_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are to be streamed are not tested by their cache."""
    helper = "from shop.models import Rule\ndef apply(kind):\n    rules = Rule.objects.filter(kind__gt=kind)\n"
    helper += "    if rules.exists():\n        for rule in rules:\n            print(rule)\n"
    command = "from shop.helpers import apply\nclass Command:\n    def handle(self):\n        apply(1)\n"
    files = {"manage.py": "", "shop/__init__.py": "", "shop/helpers.py": helper}
    for called, said in ((command, "go through them and see if one comes"), ("", "test the rows themselves")):
        project_on_disk(tmp_path, {**files, COMMAND: called}, monkeypatch)
        assert said in next(found.message for found in findings(helper, "shop/helpers.py") if found.code == "DJQ202")


def test_a_query_that_a_loop_ends_by_is_asked_anew() -> None:
    text = "{} Rule.objects.filter(active=True).count() > 9:\n    print(1)\n"
    text += "print(Rule.objects.filter(active=True).count())\n"
    assert codes(body(text.format("while")), VIEWS) == []
    assert codes(body(text.format("if")), VIEWS) == ["DJQ201"]
