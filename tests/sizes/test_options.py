"""What ``djq-table-sizes`` and ``djq-large-table`` change: silence about small tables, the rows of the others."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from flake8.main.application import Application

from flake8_djq import table_sizes
from flake8_djq.linter import lint
from flake8_djq.options import SETTINGS, InvalidOption, Options, read_options
from flake8_djq.plugin import Plugin
from flake8_djq.source import Source
from flake8_djq.table_sizes import BadSizes, Size, TableSizes, read_sizes, rounded
from tests.support import COMMAND, ROOT, flake8

TEXT = """\
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from shop.models import Copy, Country, Event, Order, Seldom


class Command(BaseCommand):
    def handle(self, *args, **options):
        {code}
"""
LOOP = "for row in {model}.objects.filter(open=True): send(row)"
# What each rule about whole tables flags.
FLAGGED = {
    "DJQ101": LOOP,
    "DJQ102": "keep(list({model}.objects.all()))",
    "DJQ105": "print(options['row'] in {model}.objects.all())",
    "DJQ108": "Copy.objects.bulk_create([Copy(row=row) for row in {model}.objects.iterator(chunk_size=9)])",
}
SIZES: dict[str, Any] = {
    "shop.Country": 240,
    "shop.Event": 10_200_000,
    "shop.Order": 10_000,
    "shop.Seldom": None,
}


def content(sizes: dict[str, Any], **changes: Any) -> str:
    models = {
        model: rows if isinstance(rows, dict) else {"table": "any", "rows": rows} for model, rows in sizes.items()
    }
    return json.dumps({"format": 1, "date": "2026-05-04", "models": models, **changes})


@pytest.fixture
def sizes(tmp_path: Path) -> Path:
    """A file of sizes."""
    path = tmp_path / "sizes.json"
    path.write_text(content(SIZES), encoding="utf-8")
    return path


def given(**values: Any) -> Options:
    """The options as flake8 would hand them over."""
    defaults = {f"djq_{setting.field}": setting.default for setting in SETTINGS}
    return read_options(Namespace(**{**defaults, **{f"djq_{name}": str(value) for name, value in values.items()}}))


def messages(code: str, **values: Any) -> list[str]:
    """What is said about one line of a command."""
    text = TEXT.format(code=code)
    return [f"{found.code} {found.message}" for found in lint(Source(COMMAND, text, ast.parse(text)), given(**values))]


def codes(code: str, **values: Any) -> list[str]:
    return [message.split()[0] for message in messages(code, **values)]


# What the rules make of it


@pytest.mark.parametrize("rule", FLAGGED)
def test_small_tables_are_left_alone(rule: str, sizes: Path) -> None:
    code = FLAGGED[rule].format(model="Country")
    assert codes(code) == [rule]
    assert codes(code, table_sizes=sizes) == []


@pytest.mark.parametrize("rule", FLAGGED)
@pytest.mark.parametrize("model", ["Event", "Seldom", "Customer"])
def test_large_and_unknown_ones_are_not(rule: str, model: str, sizes: Path) -> None:
    assert codes(FLAGGED[rule].format(model=model), table_sizes=sizes) == [rule]


@pytest.mark.parametrize("rule", [rule for rule in FLAGGED if rule != "DJQ108"])
def test_the_rows_of_a_large_one_end_the_message(rule: str, sizes: Path) -> None:
    code = FLAGGED[rule].format(model="Event")
    [without] = messages(code)
    assert messages(code, table_sizes=sizes) == [f"{without} (Event has about 10.2 million rows)"]


@pytest.mark.parametrize("model", ["Seldom", "Customer"])
def test_of_an_unknown_one_nothing_is_said(model: str, sizes: Path) -> None:
    code = LOOP.format(model=model)
    assert messages(code, table_sizes=sizes) == messages(code)


def test_the_way_into_batch_code_follows(sizes: Path) -> None:
    text = (
        "from celery import shared_task\nfrom shop.models import Event\n\n"
        "def send_all():\n    for event in Event.objects.all():\n        send(event)\n\n"
        "@shared_task\ndef nightly():\n    send_all()\n"
    )
    source = Source("shop/mail.py", text, ast.parse(text))
    [without] = lint(source, given())
    [found] = lint(source, given(table_sizes=sizes))
    before, _, way = without.message.rpartition(" (")
    assert way.startswith("reached from")
    assert found.message == f"{before} (Event has about 10.2 million rows; {way}"


def test_other_rules_speak_about_small_tables_too(sizes: Path) -> None:
    code = "print(len(Country.objects.all()))"
    assert codes(code, table_sizes=sizes) == codes(code) == ["DJQ103"]


def test_a_queryset_of_a_small_or_a_large_table_is_as_the_large_one(sizes: Path) -> None:
    code = "rows = Country.objects.all() if options else Event.objects.all()\n        for row in rows: send(row)"
    [message] = messages(code, table_sizes=sizes)
    assert message.endswith(" (Event has about 10.2 million rows)")


def test_the_threshold(sizes: Path) -> None:
    order, country, event = (LOOP.format(model=model) for model in ("Order", "Country", "Event"))
    assert codes(order, table_sizes=sizes) == ["DJQ101"]
    assert codes(order, table_sizes=sizes, large_table=10_001) == []
    assert codes(country, table_sizes=sizes, large_table=240) == ["DJQ101"]
    assert codes(event, table_sizes=sizes, large_table=10_200_001) == []
    assert codes(order, large_table=10_001) == ["DJQ101"]


def test_small_models_stay_small(sizes: Path) -> None:
    code = LOOP.format(model="Event")
    assert codes(code, table_sizes=sizes, small_models="Event") == []
    assert codes(LOOP.format(model="Group"), table_sizes=sizes) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"news.Event": 40, "shop.Event": 50}, None),
        ({"news.Event": 40, "shop.Event": 3_000_000}, " (shop.Event has about 3 million rows)"),
        ({"news.Event": 3_000_000, "shop.Event": 40}, " (news.Event has about 3 million rows)"),
        ({"news.Event": 40, "shop.Event": None}, "rows"),
    ],
)
def test_models_of_one_name(entries: dict[str, int | None], expected: str | None, tmp_path: Path) -> None:
    (tmp_path / "sizes.json").write_text(content(entries), encoding="utf-8")
    found = messages(LOOP.format(model="Event"), table_sizes=tmp_path / "sizes.json")
    if expected is None:
        assert found == []
    elif expected == "rows":
        assert found == messages(LOOP.format(model="Event"))
    else:
        assert [message[-len(expected) :] for message in found] == [expected]


def test_at_least(tmp_path: Path) -> None:
    (tmp_path / "sizes.json").write_text(content({"shop.Event": {"rows": 1_000_000, "at_least": True}}))
    for large in (10_000, 5_000_000):
        [message] = messages(LOOP.format(model="Event"), table_sizes=tmp_path / "sizes.json", large_table=large)
        assert message.endswith(" (Event has at least 1 million rows)")


# Numbers


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        *((number, number) for number in (0, 7, 99, 100, 109, 199)),
        *((237, 240), (1_234, 1_230), (9_961, 10_000), (12_345, 12_300), (987_654, 990_000), (10_234_567, 10_200_000)),
    ],
)
def test_rounding(rows: int, expected: int) -> None:
    assert rounded(rows) == expected


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (1, "about 1 row"),
        (40, "about 40 rows"),
        (45_000, "about 45,000 rows"),
        (999_999, "about 1 million rows"),
        (1_020_000, "about 1.02 million rows"),
        (10_234_567, "about 10.2 million rows"),
        (100_000_000, "about 100 million rows"),
        (999_999_999, "about 1 billion rows"),
        (1_250_000_000_000, "about 1,250 billion rows"),
    ],
)
def test_words(rows: int, words: str) -> None:
    assert TableSizes((Size("shop.Event", rows),)).words_for("Event") == f"Event has {words}"


# The options


@pytest.mark.parametrize("value", ["0", "-1", "many", "1_000", "1e6", ""])
def test_the_threshold_is_a_whole_number(value: str) -> None:
    with pytest.raises(InvalidOption, match="--djq-large-table takes a whole number above 0, not "):
        given(large_table=value)


BROKEN = [
    ("", "it is no JSON: "),
    ("{", "it is no JSON: "),
    ("[" * 100_000, "it is no JSON: "),
    ("[]", "it is another file"),
    ('{"models": {}}', "it is another file"),
    ('{"format": "1", "models": {}}', "it is another file"),
    ('{"format": true, "models": {}}', "it is another file"),
    ('{"format": 1}', 'it has no "models"'),
    ('{"format": 1, "models": []}', 'it has no "models"'),
    (content({"shop.Event": -1}), "what it says of shop.Event is no number of rows"),
    (content({"shop.Event": 1.5}), "what it says of shop.Event is no number of rows"),
    (content({"shop.Event": "12"}), "what it says of shop.Event is no number of rows"),
    (content({"shop.Event": True}), "what it says of shop.Event is no number of rows"),
    (content({"shop.Event": {}}), "what it says of shop.Event is no number of rows"),
    (content({"shop.Event": {"rows": 1, "at_least": 1}}), "what it says of shop.Event is no number of rows"),
    ('{"format": 1, "models": {"shop.Event": 12}}', "what it says of shop.Event is no number of rows"),
    (content({}, format=2), "its format 2 is newer than this flake8-djq, which reads 1"),
]


@pytest.mark.parametrize(("text", "reason"), BROKEN, ids=[str(number) for number in range(len(BROKEN))])
def test_a_broken_file(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "sizes.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadSizes) as raised:
        read_sizes(path)
    assert str(raised.value).startswith(reason)
    with pytest.raises(InvalidOption) as stopped:
        given(table_sizes=path)
    line = str(stopped.value)
    assert line.startswith("--djq-table-sizes takes a file that flake8-djq table-sizes has written (")
    assert line.endswith(f"), not {str(path)!r}")
    assert "\n" not in line


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadSizes, match="No such file or directory"):
        read_sizes(tmp_path / "none.json")
    with pytest.raises(BadSizes, match="Is a directory"):
        read_sizes(tmp_path)
    (tmp_path / "sizes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSizes, match="it is no JSON"):
        read_sizes(tmp_path / "sizes.json")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "sizes.json").write_text(content({"shop.Event": 5}), encoding="utf-8-sig")
    assert read_sizes(tmp_path / "sizes.json") == TableSizes((Size("shop.Event", 5),))


# flake8


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a loop over a small table and one over a large one."""
    code = LOOP.format(model="Country") + "\n        " + LOOP.format(model="Event")
    (tmp_path / COMMAND).parent.mkdir(parents=True)
    (tmp_path / COMMAND).write_text(TEXT.format(code=code), encoding="utf-8")
    (tmp_path / "sizes.json").write_text(content(SIZES), encoding="utf-8")
    return tmp_path


def assert_used(done: subprocess.CompletedProcess[str]) -> None:
    """Only the large table is reported, with its rows."""
    assert done.stderr == ""
    [line] = done.stdout.splitlines()
    assert line.endswith("(Event has about 10.2 million rows)")


def test_without_the_option_both_are_reported(project: Path) -> None:
    assert flake8("--isolated", "-j1", cwd=project).stdout.count("DJQ101") == 2


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_on_the_command_line_the_path_counts_from_the_current_folder(jobs: str, project: Path) -> None:
    (project / "shop" / "more.py").write_text("rows = 1\n", encoding="utf-8")
    assert_used(flake8("--isolated", jobs, "--djq-table-sizes=sizes.json", cwd=project))
    assert_used(flake8("--isolated", jobs, "--djq-table-sizes=../sizes.json", cwd=project / "shop"))


@pytest.mark.parametrize("name", ["sizes.json", "./sizes.json", "../{}/sizes.json"])
def test_in_a_configuration_file_it_counts_from_that_file(name: str, project: Path) -> None:
    path = name.format(project.name)
    (project / ".flake8").write_text(f"[flake8]\ndjq-table-sizes = {path}\n", encoding="utf-8")
    assert_used(flake8("-j1", cwd=project))
    assert_used(flake8("-j1", cwd=project / "shop"))


def test_an_empty_value_is_none(project: Path) -> None:
    (project / ".flake8").write_text("[flake8]\ndjq-table-sizes =\n", encoding="utf-8")
    assert flake8("-j1", cwd=project).stdout.count("DJQ101") == 2


def test_a_broken_file_stops_flake8(project: Path) -> None:
    (project / "sizes.json").write_text("{}", encoding="utf-8")
    done = flake8("--isolated", "-j2", "--djq-table-sizes=sizes.json", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "flake8-djq: --djq-table-sizes takes a file that flake8-djq table-sizes has written (it is another file),"
        f" not {str(project / 'sizes.json')!r}\n"
    )


def test_nothing_is_read_without_the_option() -> None:
    script = (
        "import sys; from argparse import Namespace; from flake8_djq.options import SETTINGS, read_options;"
        "read_options(Namespace(**{f'djq_{setting.field}': setting.default for setting in SETTINGS}));"
        "print('flake8_djq.table_sizes' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_it_is_read_once(project: Path, sizes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(Plugin, "options", Plugin.options)
    read: list[Path] = []

    def counted(path: Path) -> TableSizes:
        read.append(path)
        return read_sizes(path)

    monkeypatch.setattr(table_sizes, "read_sizes", counted)
    for name in ("a", "b", "c"):
        (project / f"{name}.py").write_text((project / COMMAND).read_text(encoding="utf-8"), encoding="utf-8")
    Application().run(["--isolated", "-j1", "--select=DJQ", "--djq-table-sizes=sizes.json"])
    assert read == [project / "sizes.json"]
