"""Whatever a file holds: no traceback, no hang, no DJQ900, and flake8's own E902 and E999 where flake8 gives them."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from flake8_djq.findings import Finding
from flake8_djq.linter import lint
from flake8_djq.querysets.evaluations import Evaluation
from flake8_djq.rules.base import File
from flake8_djq.rules.memory.loop_without_iterator import LoopWithoutIterator
from flake8_djq.rules.settings.debug_forced import DebugForced
from flake8_djq.source import Source
from tests.support import COMMAND, codes, findings, options, places, run

LOOP = "for book in Book.objects.all():\n    send(book)\n"
ON_LINE_1 = ["1 DJQ101"]


def lines_of(*lines: str, end: str = "\n") -> bytes:
    return end.join((*lines, "")).encode()


def nested_blocks(head: str, depth: int, inside: str = "pass") -> str:
    """Blocks in blocks, one blank of indentation a level."""
    return "".join(f"{' ' * level}{head}\n" for level in range(depth)) + f"{' ' * depth}{inside}\n"


# What is in a file, and what flake8 says of it, or None where only the comparison with flake8 alone counts.
INPUTS: dict[str, tuple[bytes, list[str] | None]] = {
    "empty": (b"", []),
    "blank": (b"\n\n   \n", []),
    "only_a_comment": (b"# Book.objects.all()", []),
    "no_newline_at_the_end": (LOOP.rstrip().encode(), ON_LINE_1),
    "broken": (b"for book in Book.objects.all(:\n    pass\n", None),
    "broken_later": (LOOP.encode() + b"def f(:\n", None),
    "broken_indent": (LOOP.encode() + b"   x = 1\n  y = 2\n", None),
    "unclosed": (b"for book in (Book.objects.all()\n", None),
    "unclosed_text": (b"x = '''Book.objects.all()\n", None),
    "python_2": (b"print 'x', Book.objects.all()\n", None),
    "not_python": (b"\x7fELF\x02\x01\x01\x00\x00\xff\xfe", None),
    "null_bytes": (LOOP.encode() + b"x = '\x00'\n", None),
    "only_null_bytes": (b"\x00" * 100, None),
    "byte_order_mark": (b"\xef\xbb\xbf" + LOOP.encode(), ON_LINE_1),
    "utf_16": (LOOP.encode("utf-16"), None),
    "crlf": (lines_of("for book in Book.objects.all():", "    send(book)", end="\r\n"), ON_LINE_1),
    "lone_cr": (lines_of("for book in Book.objects.all():", "    send(book)", end="\r"), None),
    "mixed_ends": (b"x = 1\r\ny = 2\rz = 3\nfor book in Book.objects.all():\r\n    send(book)\n", None),
    "latin_1": (
        "# -*- coding: latin-1 -*-\nname = 'Käse'; rows = [send(b) for b in Book.objects.all()]\n".encode("latin-1"),
        ["2 DJQ101"],
    ),
    "latin_1_without_cookie": ("name = 'Käse'\n".encode("latin-1") + LOOP.encode(), None),
    "unknown_cookie": (b"# -*- coding: klingon -*-\n" + LOOP.encode(), None),
    "wrong_cookie": ("# -*- coding: ascii -*-\nname = 'ä'\n".encode(), None),
    "tabs": (b"def f():\n\tfor book in Book.objects.all():\n\t\tsend(book)\n", ["2 DJQ101"]),
    "tabs_and_spaces": (b"def f():\n\tif x:\n        \tfor book in Book.objects.all():\n\t\t\tsend(book)\n", None),
    "form_feed": (b"x = 1\n\x0c\n" + LOOP.encode(), ["3 DJQ101"]),
    "form_feed_in_a_line": (b"x = 1 \x0c ; y = [send(b) for b in Book.objects.all()]\n", ON_LINE_1),
    "vertical_tab_in_a_text": (b"x = 'a\x0bb'\n" + LOOP.encode(), ["2 DJQ101"]),
    "line_separators_in_a_text": ("x = 'a\u2028b\u0085c\x1c'\n".encode() + LOOP.encode(), ["2 DJQ101"]),
    "backslashes": (b"for book in \\\n    Book \\\n    .objects.all():\n    send(book)\n", ["2 DJQ101"]),
    "wide_characters": ("𝄞 = '𝄞'\n".encode() + LOOP.encode(), None),
    "long_line": (b"x = [" + b"1, " * 3_000 + b"]\n" + LOOP.encode(), ["2 DJQ101"]),
    "300_parentheses": (b"x = " + b"(" * 300 + b"Book.objects.all()" + b")" * 300 + b"\n", None),
    "500_ifs": (nested_blocks("if x:", 500).encode(), None),
    "500_functions": (nested_blocks("def f():", 500).encode(), None),
}


def has_null_bytes_that_end_flake8(content: bytes) -> bool:
    """Before 3.11.4 Python raises ValueError for null bytes, and flake8 alone ends with a traceback."""
    return b"\x00" in content and sys.version_info < (3, 11, 4)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What the real flake8 says of all inputs at once: with the plugin's codes, and with its own alone."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / COMMAND).parent.mkdir(parents=True)
    for name, (content, _) in INPUTS.items():
        if not has_null_bytes_that_end_flake8(content):
            (folder / COMMAND).with_name(f"{name}.py").write_bytes(content)
    with_plugin = run("flake8", "--isolated", "--select=E9,DJQ", ".", cwd=folder)
    alone = run("flake8", "--isolated", "--select=E9", ".", cwd=folder)
    assert with_plugin.stderr == alone.stderr
    assert "Traceback" not in with_plugin.stderr
    return with_plugin.stdout, alone.stdout


def said_of(name: str, output: str) -> list[str]:
    """``line code`` of each line of an output that is about one input."""
    found = []
    for line in output.splitlines():
        path, row, _, text = line.split(":", 3)
        if Path(path).stem == name:
            found.append(f"{row} {text.split()[0]}")
    return found


@pytest.mark.parametrize("name", INPUTS)
def test_flake8_says_what_it_says_alone(name: str, runs: tuple[str, str]) -> None:
    if has_null_bytes_that_end_flake8(INPUTS[name][0]):
        pytest.skip("null bytes: with this Python flake8 alone ends with a traceback")
    with_plugin, alone = said_of(name, runs[0]), said_of(name, runs[1])
    ours = [line for line in with_plugin if "DJQ" in line]
    assert [line for line in with_plugin if line not in ours] == alone
    assert not [line for line in ours if "DJQ900" in line]
    if alone:
        assert ours == []


@pytest.mark.parametrize("name", [name for name, (_, expected) in INPUTS.items() if expected is not None])
def test_what_can_be_read_is_judged(name: str, runs: tuple[str, str]) -> None:
    assert said_of(name, runs[0]) == INPUTS[name][1]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", LOOP.encode(), LOOP.encode("utf-16"), b"x = (\n"],
    ids=["empty", "null", "plain", "utf-16", "broken"],
)
def test_standard_input(content: bytes, tmp_path: Path) -> None:
    with_plugin = run("flake8", "--isolated", "--select=E9,DJQ1", "-", cwd=tmp_path, text=content)
    alone = run("flake8", "--isolated", "--select=E9", "-", cwd=tmp_path, text=content)
    assert (with_plugin.stdout, with_plugin.stderr) == (alone.stdout, alone.stderr)


# Deep nesting that Python can read. flake8's own checkers give up on some of these, so the plugin is asked alone.

EXPRESSIONS = {
    "attributes": f"for book in x{'.y' * 500}.objects.all():\n    pass\n",
    "calls": "f(" * 90 + "Book.objects.all()" + ")" * 90,
    "chained calls": "for book in Book.objects" + ".filter(a=1)" * 500 + ":\n    pass\n",
    "parentheses": "for book in " + "(" * 90 + "Book.objects.all()" + ")" * 90 + ":\n    pass\n",
    "binary operators": "x = " + " + ".join(["len(Book.objects.all())"] * 500),
    "ors of Q": "for book in Book.objects.filter(" + " | ".join(["Q(a=1)"] * 500) + "):\n    pass\n",
    "comparisons": "x = Book.objects.count()" + " < 1" * 500,
    "booleans": "x = " + " and ".join(["Book.objects.all()"] * 500),
    "nots": "x = " + "not " * 500 + "Book.objects.all()",
    "conditional expressions": "x = Book.objects.all()" + " if y else Book.objects.all()" * 90,
    "lambdas": "x = " + "lambda: " * 90 + "Book.objects.all()",
    "subscripts": "x = Book.objects.all()" + "[0]" * 500,
    "lists": "x = " + "[" * 90 + "*Book.objects.all()" + "]" * 90,
    "comprehension": "x = [b for b in Book.objects.all()" + " for c in b.x.all()" * 500 + "]",
    "nested comprehensions": "x = " + "[" * 60 + "b" + " for b in Book.objects.all()]" * 60,
    "elifs": "if Book.objects.all():\n    pass\n" + "elif Book.objects.all():\n    pass\n" * 500,
    "annotation": "def f(x: '" + "A[" * 90 + "QuerySet[Book]" + "]" * 90 + "'):\n    for b in x.all():\n        pass\n",
}


class TooSlow(BaseException):
    """The time is up; no ``except Exception`` of the linter may catch it."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Stop what runs for too long, so that a hang costs no more than the limit."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    handler = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def read(text: str, seconds: float = 10) -> list[str]:
    """The codes that are found, with a limit on the time."""
    source = Source(COMMAND, text, ast.parse(text))
    with limit(seconds):
        return [finding.code for finding in lint(source, options())]


def test_the_limit_works() -> None:
    with pytest.raises(TooSlow), limit(0.05):
        time.sleep(5)


@pytest.mark.parametrize(
    "kind",
    [
        *EXPRESSIONS,
    ],
)
def test_deep_expressions(kind: str) -> None:
    try:
        ast.parse(EXPRESSIONS[kind])
    except (RecursionError, MemoryError, SyntaxError):
        pytest.skip("this Python does not read it either")
    assert "DJQ900" not in read(EXPRESSIONS[kind])


def test_depth_that_people_write_is_read() -> None:
    assert read("for book in Book.objects" + ".filter(a=1)" * 60 + ":\n    pass\n") == ["DJQ101"]
    assert read("for book in Book.objects.filter(" + " | ".join(["Q(a=1)"] * 60) + "):\n    pass\n") == ["DJQ101"]


@pytest.mark.parametrize(
    ("head", "depth"),
    [
        ("if x:", 99),
        ("def f():", 99),
        ("async def f():", 99),
        ("class C:", 99),
        ("with x:", 19),
        ("while x:", 19),
        ("for y in x:", 19),
        ("for y in Book.objects.filter(a=2):", 19),
        ("for y in [z for z in Book.objects.all()]:", 19),
        ("if Book.objects.all():", 99),
    ],
)
def test_deep_blocks(head: str, depth: int) -> None:
    found = read(nested_blocks(head, depth, "for book in Book.objects.filter(a=1): pass"))
    # On each turn of a loop the same query is DJQ203; code in the body of a class is not read.
    assert head == "class C:" or {"DJQ101", "DJQ203"} & set(found)
    assert "DJQ900" not in found


def test_deep_tries() -> None:
    text = "for book in Book.objects.all(): pass\n"
    for _ in range(19):
        body = "".join(f" {line}\n" for line in text.splitlines())
        text = f"try:\n{body}except E:\n{body}" if len(text) < 20_000 else f"try:\n{body}finally:\n pass\n"
    found = read(text)
    assert "DJQ101" in found
    assert "DJQ900" not in found


# Long files


# Most lines of real code have nothing to do with querysets.
PLAIN = "".join(
    f"        row.total_{number} = compute(row.price, row.count)\n        row.name = row.name.strip()\n"
    for number in range(20)
)
FUNCTION = f"""
def work_{{number}}(flag, rows):
    books = Book.objects.filter(active=True)
    if flag:
        books = books.exclude(price=0)
    for row in rows:
{PLAIN}
    for book in books:
        send(book)
"""


def timed(text: str, seconds: float) -> list[Finding]:
    source = Source(COMMAND, text, ast.parse(text))
    with limit(seconds):
        return lint(source, options())


def test_50000_lines_of_functions() -> None:
    text = "".join(FUNCTION.format(number=number) for number in range(1050))
    assert text.count("\n") >= 50_000
    assert [finding.code for finding in timed(text, 60)] == ["DJQ101"] * 1050


def test_50000_lines_of_functions_that_call_each_other() -> None:
    text = "".join(
        FUNCTION.format(number=number) + f"    return work_{number // 2}(flag, rows)\n" for number in range(1050)
    )
    assert [finding.code for finding in timed(text, 60)] == ["DJQ101"] * 1050


def test_50000_lines_in_one_function() -> None:
    text = (
        "def work(flag):\n    x = 1\n" + "    books = Book.objects.all()\n    for b in books:\n        x = b\n" * 16_700
    )
    found = [finding for finding in timed(text, 60) if finding.code == "DJQ101"]
    assert len(found) == 16_700


def test_50000_lines_of_branches_in_one_function() -> None:
    text = (
        "def work(flag):\n    books = Book.objects.all()\n"
        + "    if flag:\n        books = books.filter(a=1)\n" * 25_000
    )
    text += "    for book in books:\n        pass\n"
    assert not [finding for finding in timed(text, 60) if finding.code == "DJQ900"]


def test_50000_lines_of_data() -> None:
    text = "ROWS = [\n" + "    {'name': 'x', 'query': 'Book.objects.all()'},\n" * 50_000 + "]\n" + LOOP
    assert [(finding.line, finding.code) for finding in timed(text, 60)] == [(50_003, "DJQ101")]


# Syntax of all versions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Book.objects.first\ndef f():\n    for book in Book.objects.all():\n        pass\n", [3]),
        ("@d(lambda: [b for b in Book.objects.all()])\ndef f():\n    pass\n", []),
        pytest.param(
            "class C(Book.objects.first().x, metaclass=M):\n    rows = [b for b in Book.objects.all()]\n",
            [2],
        ),
        (
            "match x:\n    case {'a': [1, *rest], **other} if rest:\n        for b in Book.objects.all():\n"
            "            pass\n",
            [3],
        ),
        (
            "match x:\n    case Book(pk=1) | Book(pk=2) as book:\n        pass\n    case _:\n"
            "        [b for b in Book.objects.all()]\n",
            [5],
        ),
        ("while (n := next(it, None)) is not None:\n    [b for b in Book.objects.filter(a__gt=n)]\n", [2]),
        (
            "async def f():\n    async with x as y, z:\n        async for b in Book.objects.all():\n"
            "            await b\n",
            [3],
        ),
        ("def f(a, /, b, *, c: int = 1, **d) -> 'X':\n    return [b for b in Book.objects.all()]\n", [2]),
        ("x = f'{[b for b in Book.objects.all()]!r:>{width}}'\n", [1]),
        ("def f():\n    x = yield\n    yield from Book.objects.all()\n", [3]),
        ("global x\nx: int\nx = 1_000 if ... else 0x_ff\n[b for b in Book.objects.all()]\n", [4]),
        ("lambda *a, b=1, **c: [x for x in Book.objects.all()]\n", [1]),
        ("del x[0], y.z, (a, b)\nassert Book.objects.all(), 'x'\n", []),
        ("nonlocal_ = 1\nx @= y\nx //= 2\nx = ~y\n[b for b in Book.objects.all()]\n", [5]),
        ("[*a, *b] = x\n(c, *d), e = y\n[b for b in Book.objects.all()]\n", [3]),
        ("for x[0], y.z in Book.objects.all():\n    pass\n", [1]),
        ("with (open(x) as a, open(y) as b):\n    [b for b in Book.objects.all()]\n", [2]),
        ("{**a, 'b': [c for c in Book.objects.all()]}\n", [1]),
        ("print(*Book.objects.all(), sep='')\n", []),
    ],
)
def test_syntax(text: str, expected: list[int]) -> None:
    found = places(text)
    assert [line for line, code in found if code == "DJQ101"] == expected
    assert not [code for _, code in found if code == "DJQ900"]


NEWER = [
    ((3, 11), "try:\n    x()\nexcept* ValueError:\n    for b in Book.objects.all():\n        pass\n", [4]),
    ((3, 11), "x[*y] = [b for b in Book.objects.all()]\n", [1]),
    ((3, 12), "def f[T: int](x: T) -> T:\n    return [b for b in Book.objects.all()]\n", [2]),
    (
        (3, 12),
        "type Rows[T] = list[T]\nclass C[*Ts]:\n    def f(self):\n        [b for b in Book.objects.all()]\n",
        [4],
    ),
    ((3, 12), "x = f'{', '.join(str(b) for b in Book.objects.all())}'\n", [1]),
    ((3, 13), "def f[T = int](x: T):\n    return [b for b in Book.objects.all()]\n", [2]),
    ((3, 14), "x = t'{[b for b in Book.objects.all()]}'\n", [1]),
    ((3, 14), "try:\n    x()\nexcept A, B:\n    [b for b in Book.objects.all()]\n", [4]),
]


@pytest.mark.parametrize(("version", "text", "expected"), NEWER)
def test_syntax_of_newer_versions(version: tuple[int, int], text: str, expected: list[int]) -> None:
    if sys.version_info < version:
        pytest.skip("needs a newer Python")
    test_syntax(text, expected)


# A defect in the linter itself


@pytest.fixture
def broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """DJQ101 has a defect."""

    def fail(self: LoopWithoutIterator, subject: Evaluation, file: File) -> Iterator[Finding]:
        raise KeyError("a defect\nwith two lines")

    monkeypatch.setattr(LoopWithoutIterator, "check", fail)


@pytest.mark.usefixtures("broken_rule")
def test_a_defect_in_a_rule_is_one_finding_and_the_others_stand() -> None:
    text = LOOP + LOOP + "for book in Book.objects.iterator():\n    print(len(Book.objects.filter(active=True)))\n"
    found = findings(text)
    assert sorted(finding.code for finding in found) == ["DJQ103", "DJQ203", "DJQ301", "DJQ900"]
    [defect] = [finding for finding in found if finding.code == "DJQ900"]
    assert (defect.line, defect.column) == (1, 0)
    for part in ("DJQ101", "loop-without-iterator", COMMAND, "KeyError", "a defect"):
        assert part in defect.message
    assert "\n" not in defect.message


def test_a_defect_in_a_rule_about_files_is_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: DebugForced, subject: File, file: File) -> list[Finding]:
        raise ZeroDivisionError("x")

    monkeypatch.setattr(DebugForced, "check", fail)
    found = findings("from django.conf import settings\nsettings.DEBUG = True\n" + LOOP)
    assert [finding.code for finding in found] == ["DJQ900", "DJQ101"]
    assert "DJQ504" in found[0].message


def test_a_defect_in_the_engine_leaves_the_rules_about_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AttributeError("x")

    monkeypatch.setattr("flake8_djq.judging.read_querysets", fail)
    found = findings("from django.conf import settings\nsettings.DEBUG = True\n" + LOOP)
    assert [finding.code for finding in found] == ["DJQ900", "DJQ504"]
    assert "queryset engine" in found[0].message


def test_a_rule_that_runs_out_of_stack_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: LoopWithoutIterator, subject: Evaluation, file: File) -> list[Finding]:
        raise RecursionError

    monkeypatch.setattr(LoopWithoutIterator, "check", fail)
    assert codes(LOOP) == []


def test_a_defect_shows_through_flake8_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(LOOP, encoding="utf-8")
    script = (
        "import flake8_djq.judging as judging\n"
        "def fail(*arguments): raise OSError('defect')\n"
        "judging.read_querysets = fail\n"
        "from flake8.main.cli import main\n"
        "raise SystemExit(main(['--isolated', '-j1', '--select=DJQ', '.']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    [line] = done.stdout.splitlines()
    assert line.startswith(
        "./x.py:1:1: DJQ900 internal error: the queryset engine failed on ./x.py with OSError: defect"
    )
    assert (done.returncode, done.stderr) == (1, "")
