"""What the user has told flake8 holds for ``flake8-djq fix``, and what flake8 cannot read is said in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.support import AFTER_TWO_PASSES, HELPER, TWO_PASSES, contents, fix, fix_apart, write

LOOP = "def handle():\n    for event in Event.objects.all():\n        print(event)\n"
FIXED = LOOP.replace(".all()", ".iterator(chunk_size=2000)")
LENGTH = "def view():\n    return len(Order.objects.all())\n"
JOB = "management/commands/job.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, {JOB: LOOP, "views.py": LENGTH})
    return tmp_path


def changed(project: Path, *arguments: str, configuration: str = "", name: str = ".flake8") -> list[str]:
    """Which files are changed under a configuration."""
    if configuration:
        (project / name).write_text(f"[flake8]\n{configuration}\n")
    before = contents(project)
    fix(project, *arguments)
    after = contents(project)
    assert before.keys() == after.keys()
    return [name for name in before if before[name] != after[name]]


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ("", [JOB, "views.py"]),
        ("exclude = management", ["views.py"]),
        ("extend-exclude = views.py", [JOB]),
        ("per-file-ignores =\n    views.py: DJQ103", [JOB]),
        ("per-file-ignores =\n    */commands/*: DJQ1", ["views.py"]),
        ("extend-ignore = DJQ101", ["views.py"]),
        ("ignore = DJQ", []),
        ("select = E,F,W", []),
        ("select = E,F\nextend-select = DJQ103", ["views.py"]),
        ("select = DJQ103", ["views.py"]),
        ("filename = *job.py", [JOB]),
        ("djq-small-models = Event", ["views.py"]),
    ],
)
def test_configuration_holds(configuration: str, expected: list[str], project: Path) -> None:
    assert changed(project, configuration=configuration) == expected


@pytest.mark.parametrize("name", ["setup.cfg", "tox.ini"])
def test_configuration_in_other_files(name: str, project: Path) -> None:
    assert changed(project, configuration="exclude = management", name=name) == ["views.py"]


NOQA = {
    "# noqa": False,
    "# noqa: DJQ101": False,
    "# NOQA:DJQ101,E501": False,
    "# noqa: DJQ": False,
    "# noqa: E501": True,
    "# no: qa": True,
}


def test_noqa(project: Path) -> None:
    files = {f"management/commands/job{number}.py": comment for number, comment in enumerate(NOQA)}
    write(project, {name: LOOP.replace("all():", f"all():  {comment}") for name, comment in files.items()})
    write(project, {JOB: f"# flake8: noqa: DJQ101\n{LOOP}", "views.py": f"# flake8: noqa\n{LENGTH}"})
    assert changed(project) == [name for name, comment in files.items() if NOQA[comment]]


def test_noqa_at_the_end_of_a_statement_of_several_lines(project: Path) -> None:
    text = "def view():\n    return \\\n        len(Order.objects.all()) \\\n        + 1  # noqa: DJQ103\n"
    write(project, {"views.py": text})
    assert changed(project, "views.py") == []


def test_disable_noqa(project: Path) -> None:
    write(project, {JOB: LOOP.replace("all():", "all():  # noqa")})
    assert changed(project, "--disable-noqa", JOB) == [JOB]


PASSED_ON = [
    ["--extend-ignore=DJQ103"],
    ["--extend-ignore", "DJQ103"],
    ["--exclude=views.py"],
    ["--exclude", "views.py"],
    ["-j1", "--extend-ignore=DJQ103"],
    ["--config=other.cfg"],
    ["--config", "other.cfg"],
    ["--append-config", "other.cfg", "."],
    [".", "--append-config", "other.cfg"],
    ["--isolated", "--extend-ignore", "DJQ103", "--", "."],
]


@pytest.mark.parametrize("arguments", PASSED_ON, ids=" ".join)
def test_options_are_passed_on(arguments: list[str], project: Path) -> None:
    (project / "other.cfg").write_text("[flake8]\nextend-ignore = DJQ103\n")
    assert changed(project, *arguments) == [JOB]


@pytest.mark.parametrize("arguments", [["--config", "other.cfg"], ["--config", "other.cfg", "views.py"]])
def test_options_are_passed_on_in_every_pass(arguments: list[str], project: Path) -> None:
    """The second pass asks flake8 about one text, and must not take the value of an option for a path."""
    (project / "other.cfg").write_text("[flake8]\nextend-ignore = DJQ104\n")
    write(project, {"views.py": TWO_PASSES})
    done = fix(project, "--unsafe", *arguments)
    assert done.stderr == b""
    assert (project / "views.py").read_text() == AFTER_TWO_PASSES


def test_the_plugins_own_options(project: Path) -> None:
    arguments = ["--djq-remedy=keyset", f"--djq-keyset-helper={HELPER}", "--unsafe", JOB]
    assert changed(project, *arguments) == [JOB]
    text = (project / JOB).read_text()
    assert text.startswith("from shop.db.keyset import keyset_iterator\n")
    assert "in keyset_iterator(Event.objects.all()):" in text


def test_the_plugins_own_options_from_a_file(project: Path) -> None:
    assert changed(project, JOB, configuration="djq-chunk-size = 500") == [JOB]
    assert (project / JOB).read_text() == FIXED.replace("2000", "500")


@pytest.mark.parametrize(
    "files", [{"pyproject.toml": "[tool.black]\nline-length = 60\n"}, {".flake8": "[flake8]\nmax-line-length = 60\n"}]
)
def test_lines_are_as_long_as_the_project_has_them(files: dict[str, str | bytes], project: Path) -> None:
    write(project, files)
    write(project, {JOB: LOOP.replace("Event", "PublishedEvent")})
    fix(project, JOB)
    assert (project / JOB).read_text() == (
        "def handle():\n    for event in PublishedEvent.objects.iterator(\n        chunk_size=2000\n    ):\n"
        "        print(event)\n"
    )


# Whatever the configuration asks for as output, the report of the plugin is read from elsewhere.


@pytest.mark.parametrize(
    "configuration",
    [
        "quiet = 1",
        "quiet = 2",
        "format = pylint",
        "format = %(path)s",
        "show-source = true",
        "statistics = true\ncount = true",
        "benchmark = true",
        "output-file = report.txt",
        "tee = true\noutput-file = report.txt",
        "exit-zero = true",
        "verbose = 1",
        "color = always",
    ],
)
def test_output_settings_do_not_matter(configuration: str, project: Path) -> None:
    (project / ".flake8").write_text(f"[flake8]\n{configuration}\n")
    done = fix(project)
    assert (project / JOB).read_text() == FIXED
    assert done.stdout.decode().splitlines()[-1] == "fixed 2 findings in 2 files: DJQ101, DJQ103"
    assert done.returncode == 0
    assert not (project / "report.txt").exists()


# Where flake8 cannot run, nothing is changed, and it says why in its own words


BROKEN = {
    "an option of the plugin": ("djq-chunk-size = many", "--djq-chunk-size takes a whole number above 0, not 'many'"),
    "an option of flake8": ("max-line-length = long", "long"),
    "a code that is none": ("extend-ignore = DJQ101  # not now", "Error code '#'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_configuration(name: str, project: Path) -> None:
    configuration, said = BROKEN[name]
    (project / ".flake8").write_text(f"[flake8]\n{configuration}\n")
    done = fix(project)
    assert done.returncode == 2
    assert done.stdout == b""
    first, *rest = done.stderr.decode().splitlines()
    assert first == "flake8-djq fix: flake8 could not run"
    assert said in "\n".join(rest)
    assert (project / JOB).read_text() == LOOP


def test_an_option_that_flake8_does_not_know(project: Path) -> None:
    done = fix(project, "--frobnicate")
    assert done.returncode == 2
    assert "unrecognized arguments: --frobnicate" in done.stderr.decode()
    assert (project / JOB).read_text() == LOOP


def test_another_plugin_that_crashes(project: Path) -> None:
    """flake8 gives up then, and has not looked at all files."""
    plugin = "class Crash:\n    def __init__(self, tree):\n        raise ValueError('no')\n"
    write(project, {"tools/crash.py": plugin})
    (project / ".flake8").write_text("[flake8:local-plugins]\nextension =\n    X = crash:Crash\npaths = tools\n")
    done = fix(project)
    assert done.returncode == 2
    assert "flake8 could not run" in done.stderr.decode()
    assert (project / JOB).read_text() == LOOP


NAMES = ["flake8", "json", "tokenize", "argparse", "flake8_djq", "pycodestyle", "difflib", "typing"]


def test_modules_of_the_project_stand_in_for_no_others(project: Path) -> None:
    """A project may have modules named like those that flake8 and the plugin need."""
    write(project, {f"{name}.py": "raise SystemExit('imported')\n" for name in NAMES})
    done = fix_apart(project)
    assert done.stderr == b""
    assert (project / JOB).read_text() == FIXED
