"""The doors: the real flake8 on the command line, from standard input, with its own ways of choosing and silencing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flake8.main.application import Application

import flake8_djq.judging
import flake8_djq.plugin
from flake8_djq.findings import Finding
from flake8_djq.plugin import Plugin
from flake8_djq.querysets.evaluations import Subject
from flake8_djq.rules.base import File, On, Rule, rules_in
from tests.support import COMMAND, flake8, run

COMMAND_TEXT = """\
from django.core.management.base import BaseCommand

from shop.models import Event, Order


class Command(BaseCommand):
    def handle(self, *args, **options):
        for event in Event.objects.all():
            send(event)
        for order in Order.objects.prefetch_related("items").iterator():
            send(order)
        for order in Order.objects.iterator():
            send(order)
"""
VIEWS_TEXT = """\
from shop.models import Event


def view(request):
    for event in Event.objects.all():
        send(event)
    return len(Event.objects.all())
"""
ALL = [f"{COMMAND}:8:22: DJQ101", f"{COMMAND}:10:22: DJQ302", f"{COMMAND}:12:22: DJQ301", "shop/views.py:7:16: DJQ103"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one command and one module of views."""
    for path, text in ((COMMAND, COMMAND_TEXT), ("shop/views.py", VIEWS_TEXT)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


Here = Callable[..., list[str]]


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """flake8 in this process, over the project: faster, and the same machinery behind the door."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(Plugin, "options", Plugin.options)

    def run_here(*arguments: str) -> list[str]:
        Application().run(["--isolated", "-j1", *arguments])
        return sorted(places_in(capsys.readouterr().out))

    return run_here


def places_in(output: str) -> list[str]:
    """The places and codes of an output, without the messages."""
    lines = (line.removeprefix("./").partition(": ") for line in output.splitlines())
    return [f"{place}: {rest.split()[0]}" for place, _, rest in lines]


def short(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The places and codes of a run that had no trouble."""
    assert done.stderr == ""
    return sorted(places_in(done.stdout))


# Running


def test_the_plugin_is_installed() -> None:
    assert "flake8-djq: " in run("flake8", "--version").stdout


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_any_number_of_jobs_gives_the_same(jobs: str, project: Path) -> None:
    done = flake8("--isolated", jobs, cwd=project)
    assert done.returncode == 1
    assert short(done) == sorted(ALL)


def test_without_findings_the_exit_code_is_0(project: Path) -> None:
    done = flake8("--isolated", "--select=DJQ5", cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_standard_input_is_judged_by_its_display_name(project: Path) -> None:
    done = flake8("--isolated", "--stdin-display-name", COMMAND, "-", cwd=project, text=VIEWS_TEXT)
    assert short(done) == [f"{COMMAND}:5:18: DJQ101", f"{COMMAND}:7:16: DJQ103"]
    done = flake8("--isolated", "--stdin-display-name", "shop/views.py", "-", cwd=project, text=VIEWS_TEXT)
    assert short(done) == ["shop/views.py:7:16: DJQ103"]
    done = flake8("--isolated", "-", cwd=project, text=VIEWS_TEXT)
    assert short(done) == ["stdin:7:16: DJQ103"]


def test_an_absolute_path_is_judged_like_a_relative_one(project: Path) -> None:
    path = project / COMMAND
    path.write_text(VIEWS_TEXT, encoding="utf-8")
    done = flake8("--isolated", str(path), cwd=project.parent)
    assert short(done) == [f"{path}:5:18: DJQ101", f"{path}:7:16: DJQ103"]


# Choosing and silencing


@pytest.mark.parametrize(
    ("comment", "is_silent"),
    [
        ("# noqa", True),
        ("# noqa: DJQ101", True),
        ("# noqa: DJQ", True),
        ("# noqa:DJQ101,E501", True),
        ("# noqa: DJQ102", False),
        ("# DJQ101", False),
    ],
)
def test_noqa(comment: str, is_silent: bool, project: Path, here: Here) -> None:
    text = COMMAND_TEXT.replace("Event.objects.all():", f"Event.objects.all():  {comment}")
    (project / COMMAND).write_text(text, encoding="utf-8")
    assert (f"{COMMAND}:8:22: DJQ101" not in here()) is is_silent


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--select=DJQ1"], {"DJQ101", "DJQ103"}),
        (["--select=DJQ101"], {"DJQ101"}),
        (["--ignore=DJQ301"], {"DJQ101", "DJQ103", "DJQ302"}),
        (["--ignore=DJQ"], set()),
        (["--extend-ignore=DJQ3"], {"DJQ101", "DJQ103"}),
        (["--select=F", "--extend-select=DJQ1"], {"DJQ101", "DJQ103"}),
        (["--per-file-ignores=shop/views.py:DJQ103"], {"DJQ101", "DJQ301", "DJQ302"}),
        (["--per-file-ignores=*/commands/*:DJQ1,DJQ302"], {"DJQ103", "DJQ301"}),
        (["--exclude=management"], {"DJQ103"}),
        ([], {"DJQ101", "DJQ103", "DJQ301", "DJQ302"}),
    ],
)
def test_choosing_codes(arguments: list[str], expected: set[str], here: Here) -> None:
    found = {line.rpartition(" ")[2] for line in here(*arguments)}
    assert {code for code in found if code.startswith("DJQ")} == expected


def test_choosing_codes_on_the_real_command_line(project: Path) -> None:
    done = run("flake8", "--isolated", "--select=DJQ1", "--per-file-ignores=shop/views.py:DJQ103", cwd=project)
    assert short(done) == ALL[:1]


# Options: each with a value that changes what is found or said


OPTIONS = [
    ("contexts", "batch,web", "shop/views.py:5:18: DJQ101"),
    ("batch-paths", "shop/views.py", "shop/views.py:5:18: DJQ101"),
    ("small-models", "Event", "-DJQ101"),
    ("chunk-size", "500", "iterator(chunk_size=500)"),
    ("django-version", "5.2", "raises ValueError on Django 5.2"),
    ("database", "mysql", "MySQL's drivers load the whole result"),
    ("batch-settings", "shop.config.nightly", "DJQ501"),
]
FILES = ["setup.cfg", "tox.ini", ".flake8"]


def shows(output: str, expected: str) -> bool:
    return expected[1:] not in output if expected.startswith("-") else expected in output


@pytest.fixture
def with_settings(project: Path) -> Path:
    """The project with a settings module that nothing but the option names."""
    (project / "shop" / "config").mkdir()
    text = "INSTALLED_APPS = []\nDEBUG = True\n"
    (project / "shop" / "config" / "nightly.py").write_text(text, encoding="utf-8")
    return project


@pytest.mark.parametrize(("option", "value", "expected"), OPTIONS)
def test_option_on_the_command_line(
    option: str, value: str, expected: str, with_settings: Path, capsys: pytest.CaptureFixture[str], here: Here
) -> None:
    Application().run(["--isolated", "-j1", "--select=DJQ"])
    before = capsys.readouterr().out
    Application().run(["--isolated", "-j1", "--select=DJQ", f"--djq-{option}={value}"])
    assert not shows(before, expected)
    assert shows(capsys.readouterr().out, expected)


@pytest.mark.parametrize(("option", "value", "expected"), OPTIONS)
@pytest.mark.parametrize("name", FILES)
def test_option_from_a_file(
    option: str,
    value: str,
    expected: str,
    name: str,
    with_settings: Path,
    capsys: pytest.CaptureFixture[str],
    here: Here,
) -> None:
    (with_settings / name).write_text(f"[flake8]\ndjq-{option} = {value}\n", encoding="utf-8")
    Application().run(["-j1", "--select=DJQ"])
    assert shows(capsys.readouterr().out, expected)


@pytest.mark.parametrize("name", FILES)
def test_options_from_a_file_on_the_real_command_line(name: str, project: Path) -> None:
    (project / name).write_text("[flake8]\ndjq-contexts = web\ndjq-chunk-size = 123\n", encoding="utf-8")
    done = flake8("-j2", cwd=project)
    assert "shop/views.py:5:18: DJQ101" in short(done)
    assert "iterator(chunk_size=123)" in done.stdout


def test_options_may_be_spelled_with_underscores_and_over_lines(with_settings: Path) -> None:
    text = "[flake8]\ndjq_batch_paths =\n    tools/*.py,\n    shop/views.py\n"
    (with_settings / ".flake8").write_text(text, encoding="utf-8")
    assert "shop/views.py:5:18: DJQ101" in flake8("-j1", cwd=with_settings).stdout


def test_the_command_line_wins_over_the_file(project: Path) -> None:
    (project / ".flake8").write_text("[flake8]\ndjq-chunk-size = 500\n", encoding="utf-8")
    assert "chunk_size=700" in flake8("--djq-chunk-size=700", cwd=project).stdout


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_options_reach_every_job(jobs: str, project: Path) -> None:
    (project / "shop" / "more.py").write_text(VIEWS_TEXT, encoding="utf-8")
    done = flake8("--isolated", jobs, "--djq-contexts=web", "--djq-chunk-size=123", cwd=project)
    assert done.stdout.count("chunk_size=123") == 4


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("auto", "raises ValueError from Django 5.0 on and ignores the prefetch before"),
        ("4.0", "silently ignores the prefetch on Django 4.0"),
        ("4.2", "ignores the prefetch on Django 4.2, with a warning"),
        ("4.2.11", "ignores the prefetch on Django 4.2, with a warning"),
        ("5.0", "raises ValueError on Django 5.0"),
        ("5.2", "raises ValueError on Django 5.2"),
    ],
)
def test_django_version_changes_what_djq302_says(
    version: str, text: str, capsys: pytest.CaptureFixture[str], here: Here
) -> None:
    Application().run(["--isolated", "-j1", "--select=DJQ302", f"--djq-django-version={version}"])
    [line] = capsys.readouterr().out.splitlines()
    assert text in line


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("contexts", "batch,nightly"),
        ("contexts", ""),
        ("database", "postgres"),
        ("django-version", "five"),
        ("django-version", "5"),
        ("django-version", "3.2"),
        ("chunk-size", "0"),
        ("chunk-size", "-1"),
        ("chunk-size", "many"),
        ("chunk-size", "2_000"),
        ("chunk-size", "²"),
    ],
)
def test_an_invalid_value_is_one_clear_line(
    option: str, value: str, capsys: pytest.CaptureFixture[str], here: Here
) -> None:
    with pytest.raises(SystemExit) as stop:
        Application().run(["--isolated", "-j1", f"--djq-{option}={value}"])
    assert stop.value.code not in (None, 0, 1)
    output = capsys.readouterr()
    assert output.out == ""
    [line] = output.err.splitlines()
    assert line.startswith(f"flake8-djq: --djq-{option} takes ")
    assert line.endswith(f", not {value!r}")


def test_an_invalid_value_stops_the_real_command_line(project: Path) -> None:
    done = flake8("--isolated", "-j2", "--djq-chunk-size=many", cwd=project)
    assert done.returncode not in (0, 1)
    assert (done.stdout, done.stderr) == ("", "flake8-djq: --djq-chunk-size takes a whole number above 0, not 'many'\n")


@pytest.mark.parametrize("name", FILES)
def test_an_invalid_value_in_a_file_is_one_clear_line(name: str, project: Path) -> None:
    (project / name).write_text("[flake8]\ndjq-database = access\n", encoding="utf-8")
    done = flake8("-j2", cwd=project)
    assert done.returncode not in (0, 1)
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    databases = "auto, postgresql, mysql, sqlite, oracle, postgresql-pooled"
    assert line == f"flake8-djq: --djq-database takes one of {databases}, not 'access'"


def test_help_names_every_option() -> None:
    text = run("flake8", "--help").stdout
    for option, _, _ in OPTIONS:
        assert f"--djq-{option}" in text


# Opt-in rules


class OptIn(Rule[Subject]):
    """A rule that is off unless selected."""

    code = "DJQ999"
    name = "opt-in"
    on = On.OPT_IN
    subject = Subject

    def check(self, subject: Subject, file: File) -> Iterator[Finding]:
        """Flag every file with a queryset."""
        yield self.finding(file, file.source.tree.body[0], "opted in")


@pytest.fixture
def opt_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Flake8 in this process knows one opt-in rule."""
    monkeypatch.setattr(flake8_djq.judging, "rules_in", lambda *folders: (*rules_in(*folders), OptIn))
    monkeypatch.setattr(Plugin, "options", Plugin.options)
    monkeypatch.setattr(Plugin, "selected", Plugin.selected)
    flake8_djq.judging._queryset_rules.cache_clear()
    yield
    flake8_djq.judging._queryset_rules.cache_clear()


@pytest.mark.usefixtures("opt_in")
@pytest.mark.parametrize(
    ("arguments", "is_on"),
    [
        ([], False),
        (["--extend-ignore=E501"], False),
        (["--ignore=E501"], False),
        (["--select=DJQ"], True),
        (["--select=DJQ999"], True),
        (["--extend-select=DJQ999"], True),
        (["--extend-select=DJQ999", "--ignore=E501"], True),
        (["--select=DJQ101"], False),
        (["--select=DJQ", "--ignore=DJQ999"], False),
    ],
)
def test_opt_in_rules_are_off_unless_selected(arguments: list[str], is_on: bool, here: Here) -> None:
    assert ("shop/views.py:1:1: DJQ999" in here("shop/views.py", *arguments)) is is_on


# What a run costs


@pytest.mark.parametrize("text", [COMMAND_TEXT, "import os\n\n\ndef work():\n    return os.getcwd()\n"])
def test_a_run_imports_neither_libcst_nor_django(text: str, tmp_path: Path) -> None:
    (tmp_path / COMMAND).parent.mkdir(parents=True)
    (tmp_path / COMMAND).write_text(text, encoding="utf-8")
    script = (
        "import json, sys\n"
        "from flake8.main.cli import main\n"
        "main(['--isolated', '-j1', '--select=DJQ', '--exit-zero', '--output-file=found.txt', '.'])\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    modules = set(json.loads(done.stdout))
    assert "flake8_djq.linter" in modules
    assert modules.isdisjoint({"libcst", "django"})
    assert ("DJQ101" in (tmp_path / "found.txt").read_text(encoding="utf-8")) is (text is COMMAND_TEXT)
