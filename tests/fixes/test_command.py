"""``flake8-djq fix`` in projects of its own: what is changed, what is said, how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_djq.cli import main
from tests.fixes.support import AFTER_TWO_PASSES, TWO_PASSES, contents, fix, fix_apart, git, left_by_flake8, write

JOB = "shop/management/commands/job.py"
VIEWS = "shop/views.py"
COMMAND_TEXT = """\
from shop.models import Event, Order


def handle():
    for event in Event.objects.all():
        print(event)
    rows = list(Order.objects.all())
    for row in rows:
        print(row)
    return len(rows)
"""
VIEWS_TEXT = """\
from shop.models import Order


def view(customer):
    if Order.objects.filter(customer=customer):
        return len(Order.objects.filter(paid=True))
    return customer in Order.objects.filter(paid=False)
"""
FIXED_COMMAND = COMMAND_TEXT.replace("Event.objects.all()", "Event.objects.iterator(chunk_size=2000)")
FIXED_VIEWS = VIEWS_TEXT.replace("(customer=customer):", "(customer=customer).exists():").replace(
    "len(Order.objects.filter(paid=True))", "Order.objects.filter(paid=True).count()"
)
PER_FILE = "[flake8]\nper-file-ignores =\n    other.py: DJQ203\n"
CLEAN = "def add(a, b):\n    return a + b\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a command and a module of views, three safe fixes and one unsafe one, and one finding without."""
    root = tmp_path / "project"
    write(root, {JOB: COMMAND_TEXT, VIEWS: VIEWS_TEXT, "shop/tools.py": CLEAN})
    return root


def test_what_is_safe_is_fixed_and_what_is_left_is_said(project: Path) -> None:
    done = fix_apart(project)
    assert contents(project) == {
        JOB: FIXED_COMMAND.encode(),
        VIEWS: FIXED_VIEWS.encode(),
        "shop/tools.py": CLEAN.encode(),
    }
    assert done.returncode == 1
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        "./shop/management/commands/job.py: DJQ101",
        "./shop/views.py: DJQ103, DJQ104",
        "fixed 3 findings in 2 files: DJQ101, DJQ103, DJQ104",
        "left 2 findings: 1 without a fix, 1 with an unsafe fix (--unsafe applies it)",
    ]
    assert sorted(left_by_flake8(project)) == ["DJQ102", "DJQ105"], "what it says of the rest is what flake8 says"


def test_unsafe_edits_on_request(project: Path) -> None:
    done = fix(project, "--unsafe")
    assert (project / VIEWS).read_text() == FIXED_VIEWS.replace(
        "customer in Order.objects.filter(paid=False)", "Order.objects.filter(paid=False).contains(customer)"
    )
    assert done.returncode == 1
    assert "fixed 4 findings in 2 files: DJQ101, DJQ103, DJQ104, DJQ105\n" in done.stdout.decode()
    assert "left 1 finding: 1 without a fix\n" in done.stdout.decode()


def test_a_second_run_changes_nothing(project: Path) -> None:
    fix(project, "--unsafe")
    before = contents(project)
    done = fix(project, "--unsafe")
    assert contents(project) == before
    assert done.stdout.decode().startswith("nothing to fix\nleft 1 finding")
    assert done.returncode == 1


def test_where_nothing_is_left_the_exit_code_is_0(project: Path) -> None:
    done = fix(project, "shop/tools.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"nothing to fix\n", b"")
    write(project, {"one.py": VIEWS_TEXT.replace("customer in", "bool(")[: VIEWS_TEXT.index("    return customer")]})
    done = fix(project, "one.py")
    assert done.returncode == 0
    assert done.stdout.decode().endswith("fixed 2 findings in 1 file: DJQ103, DJQ104\n")


def test_only_the_codes_that_were_asked_for(project: Path) -> None:
    done = fix(project, "--select=DJQ103,djq3", VIEWS)
    assert (project / VIEWS).read_text() == VIEWS_TEXT.replace(
        "len(Order.objects.filter(paid=True))", "Order.objects.filter(paid=True).count()"
    )
    assert done.returncode == 0
    assert done.stdout.decode().endswith("fixed 1 finding in 1 file: DJQ103\n")


@pytest.mark.parametrize("codes", ["E501", "", "DJQ103,F", "DJQ1034", ","])
def test_codes_that_are_none(codes: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fix", f"--select={codes}"]) == 2
    assert capsys.readouterr().err == f"flake8-djq fix: --select takes codes of this plugin, not {codes!r}\n"


# --diff


def committed(root: Path) -> None:
    for command in ("init --quiet", "add --all", "commit --quiet --message=all"):
        git(root, *command.split())


def test_a_diff_changes_nothing_and_git_takes_it(project: Path) -> None:
    committed(project)
    before = contents(project)
    done = fix(project, "--diff")
    assert contents(project) == before
    assert git(project, "status", "--porcelain") == ""
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[0] == "would fix 3 findings in 2 files: DJQ101, DJQ103, DJQ104"
    (project / "x.diff").write_bytes(done.stdout)
    git(project, "apply", "x.diff")
    assert (project / JOB).read_text() == FIXED_COMMAND
    assert (project / VIEWS).read_text() == FIXED_VIEWS


def test_a_diff_made_in_a_folder_is_applied_there(project: Path) -> None:
    committed(project)
    done = fix(project / "shop", "--diff", "views.py", "management")
    (project / "x.diff").write_bytes(done.stdout)
    git(project / "shop", "apply", "../x.diff")
    assert (project / JOB).read_text() == FIXED_COMMAND
    assert (project / VIEWS).read_text() == FIXED_VIEWS


STRANGE = {
    "CRLF": VIEWS_TEXT.replace("\n", "\r\n").encode(),
    "no line end at the end": VIEWS_TEXT.rstrip().encode(),
    "the last line changes and has no end": b"def f():\n    return len(Order.objects.all())",
    "Latin 1": b"# coding: latin-1\n# Gr\xf6\xdfe\n" + VIEWS_TEXT.encode(),
    "a byte order mark": b"\xef\xbb\xbf" + VIEWS_TEXT.encode(),
    "form feeds": VIEWS_TEXT.replace("\n\n\n", "\n\n\x0c\n").encode(),
    "carriage returns inside": VIEWS_TEXT.replace("import Order\n", "import Order\r").encode(),
}


def test_a_diff_gives_what_fixing_gives_byte_for_byte(tmp_path: Path) -> None:
    """Files with strange names, and with strange contents."""
    names = ["views.py", "my views.py", "größe.py", "folder with space/日本.py"]
    files = {**dict.fromkeys(names, VIEWS_TEXT.encode()), **{f"{kind}.py": text for kind, text in STRANGE.items()}}
    write(tmp_path, files)
    committed(tmp_path)
    diff = fix(tmp_path, "--diff").stdout
    assert contents(tmp_path) == files
    fix(tmp_path)
    fixed = contents(tmp_path)
    assert {fixed[name] for name in names} == {FIXED_VIEWS.encode()}
    edited = (b"len(Order.objects.all())", b"len(Order.objects.filter(paid=True))", b"(customer=customer)")
    for name, content in files.items():
        assert fixed[name] != content, name
        kept = [line for line in content.splitlines(keepends=True) if not any(part in line for part in edited)]
        assert set(kept) <= set(fixed[name].splitlines(keepends=True)), name
    git(tmp_path, "checkout", "--quiet", ".")
    assert contents(tmp_path) == files
    (tmp_path / "x.diff").write_bytes(diff)
    git(tmp_path, "apply", "x.diff")
    (tmp_path / "x.diff").unlink()
    assert contents(tmp_path) == fixed


def test_a_diff_of_nothing(project: Path) -> None:
    done = fix(project, "--diff", "shop/tools.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"nothing to fix\n")


# Paths


@pytest.mark.parametrize("how", ["relative", "absolute", "folder", "dot", "none"])
def test_paths(how: str, project: Path) -> None:
    path = {"relative": VIEWS, "absolute": str(project / VIEWS), "folder": "shop", "dot": ".", "none": ""}[how]
    fix(project, *([path] if path else []))
    assert (project / VIEWS).read_text() == FIXED_VIEWS
    assert ((project / JOB).read_text() == FIXED_COMMAND) is (how in ("folder", "dot", "none"))


def test_names_with_spaces_and_other_letters(tmp_path: Path) -> None:
    write(tmp_path, {"my shop/größe 日本.py": VIEWS_TEXT})
    done = fix(tmp_path, "my shop")
    assert (tmp_path / "my shop/größe 日本.py").read_text(encoding="utf-8") == FIXED_VIEWS
    assert "my shop/größe 日本.py: DJQ103, DJQ104" in done.stdout.decode()


def test_no_python_files(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "for e in Event.objects.all(): pass\n"})
    done = fix(tmp_path)
    assert (done.returncode, done.stdout) == (0, b"nothing to fix\n")


def test_standard_input_cannot_be_fixed(project: Path) -> None:
    done = fix(project, "-")
    assert done.returncode == 2
    assert done.stderr.decode() == "flake8-djq fix: it changes files, and standard input is none; name the file\n"


def test_files_that_are_not_there(project: Path) -> None:
    (project / "link.py").symlink_to("gone.py")
    done = fix(project, "nowhere.py", "link.py")
    assert done.returncode == 1
    first, second = done.stderr.decode().splitlines()
    assert first.startswith("link.py: left alone: FileNotFoundError")
    assert second.startswith("nowhere.py: left alone: FileNotFoundError")


def test_one_file_under_two_names_is_fixed_once(project: Path) -> None:
    (project / "shop" / "a_link.py").symlink_to("views.py")
    done = fix(project, "shop")
    assert (project / VIEWS).read_text() == FIXED_VIEWS
    assert (project / "shop" / "a_link.py").is_symlink()
    assert "left alone" not in done.stderr.decode()
    assert "shop/views.py: DJQ103, DJQ104\n" in done.stdout.decode()


def test_a_link_out_of_the_project_is_left_with_a_clear_line(project: Path, tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere.py": VIEWS_TEXT})
    (project / "link.py").symlink_to("../elsewhere.py")
    done = fix(project)
    assert (tmp_path / "elsewhere.py").read_text() == VIEWS_TEXT
    [line] = done.stderr.decode().splitlines()
    assert line.startswith(f"./link.py: left alone: it is a link to {(tmp_path / 'elsewhere.py').resolve()}")
    assert "3 in files that were left alone" in done.stdout.decode()
    assert (project / VIEWS).read_text() == FIXED_VIEWS, "the others are fixed"


def test_a_read_only_file_is_left_with_a_clear_line(project: Path) -> None:
    (project / VIEWS).chmod(0o444)
    done = fix(project, VIEWS)
    assert (project / VIEWS).read_text() == VIEWS_TEXT
    assert done.returncode == 1
    assert done.stderr.decode() == "shop/views.py: left alone: it is read-only\n"
    assert done.stdout.decode() == "nothing was fixed\nleft 3 findings: 3 in files that were left alone\n"


UNREADABLE = {
    "./broken.py": (b"def f(:\n    for e in Event.objects.all(): pass\n", "SyntaxError: invalid syntax (line 1)"),
    "./letters.py": (b"# \xff\xfe\nnumber = len(Order.objects.all())\n", "invalid or missing encoding declaration"),
}


def test_files_that_cannot_be_read_are_left_with_a_clear_line(project: Path) -> None:
    write(project, {name: content for name, (content, _) in UNREADABLE.items()})
    done = fix(project)
    lines = sorted(done.stderr.decode().splitlines())
    assert len(lines) == len(UNREADABLE)
    for line, (name, (content, why)) in zip(lines, UNREADABLE.items(), strict=True):
        assert line.startswith(f"{name}: left alone: {why}")
        assert (project / name).read_bytes() == content
    assert done.returncode == 1
    assert (project / VIEWS).read_text() == FIXED_VIEWS, "the others are fixed"


# Passes


def test_edits_in_each_others_way_are_all_made_in_one_run(tmp_path: Path) -> None:
    write(tmp_path, {"views.py": TWO_PASSES})
    done = fix(tmp_path, "--unsafe")
    assert (tmp_path / "views.py").read_text() == AFTER_TWO_PASSES
    assert done.stdout.decode().endswith("fixed 2 findings in 1 file: DJQ203 2\n")
    assert done.returncode == 0


def test_what_is_silenced_is_so_in_every_pass(tmp_path: Path) -> None:
    silenced = "    for row in rows:\n        print(row, Category.objects.get(slug='c').name)  # noqa: DJQ203\n"
    write(tmp_path, {"views.py": TWO_PASSES + silenced, "other.py": TWO_PASSES, "setup.cfg": PER_FILE})
    fix(tmp_path, "--unsafe")
    assert (tmp_path / "views.py").read_text() == AFTER_TWO_PASSES + silenced
    assert (tmp_path / "other.py").read_text() == TWO_PASSES
