"""Random files around a finding: nothing but the edit changes, whatever the file looks like."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_djq.fixes.applying import apply_edits
from flake8_djq.fixes.files import read_file
from tests.fixes.support import HELPER, fixable
from tests.support import COMMAND

# A statement that is fixed, and what it becomes: {} is text inside it that no edit may touch.
FINDINGS = [
    (
        "for e in Event.objects.filter(a={}): print(e)",
        "for e in Event.objects.filter(a={}).iterator(chunk_size=2000): print(e)",
    ),
    ("x = len(Order.objects.filter(a={}))", "x = Order.objects.filter(a={}).count()"),
    ("print({}, len(Order.objects.all()))", "print({}, Order.objects.count())"),
    ("x = [{}, bool(Order.objects.filter(a=1).count() > 0)]", "x = [{}, bool(Order.objects.filter(a=1).exists())]"),
    ("if not Order.objects.filter(a={}).count(): print()", "if not Order.objects.filter(a={}).exists(): print()"),
    ("rows = Order.objects.filter(a={}).iterator()", "rows = Order.objects.filter(a={}).iterator(chunk_size=2000)"),
]

CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\'\"{}\u2028\u2029")
WORDS = st.text(CHARACTERS, max_size=12)
STRINGS = st.builds(lambda quote, text: f"{quote}{text}{quote}", st.sampled_from(["'", '"']), WORDS)
FILLERS = st.one_of(
    st.builds("# {}".format, WORDS),
    st.builds("text = {}".format, STRINGS),
    st.builds('text = """{}\n  {}"""'.format, WORDS, WORDS),
    st.builds("if text:\n{}x = 1".format, st.sampled_from([" ", "  ", "    ", "\t"])),
    st.sampled_from(
        ["", "pass", "x = (1,\n   2)", "x = 1; y = 2", "\x0c", "x = [\n]  # nothing", "x = 1 \\\n  + 2", "x = 1   "]
    ),
    st.sampled_from(["import os", "from shop.models import Event, Order", "def g(): return 1", "class A: x = 1"]),
)
INDENTATION = st.sampled_from(["", " ", "    ", "\t", "\t\t"])


@st.composite
def sources(draw: st.DrawFn) -> tuple[str, str]:
    """A file with some of the findings in it, and what it has to be after fixing."""
    before: list[str] = []
    after: list[str] = []
    for number in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            filler = draw(FILLERS)
            before.append(filler)
            after.append(filler)
            continue
        old, new = draw(st.sampled_from(FINDINGS))
        inside, comment = draw(STRINGS), draw(st.sampled_from(["", "  # {}", ";x = 1"])).format(draw(WORDS))
        margin = draw(INDENTATION)
        head = f"def f{number}():\n" + (f"{margin}'é'\n" if draw(st.booleans()) else "") if margin else ""
        before.append(f"{head}{margin}{old.format(inside)}{comment if ': print' not in old else ''}")
        after.append(f"{head}{margin}{new.format(inside)}{comment if ': print' not in old else ''}")
    end = draw(st.sampled_from(["", "\n", "\n\n\n"]))
    return "\n".join(before) + end, "\n".join(after) + end


def all_passes(text: str, **changes: str) -> str:
    """A text with every safe edit (with changes of the options, every edit) made."""
    for _ in range(20):
        source, found = fixable(text, COMMAND, unsafe=bool(changes), small_models=["OrderLine"], **changes)
        if not found:
            return text
        text = apply_edits(source, found, 100_000).text
    raise AssertionError("no end of fixing")


PROFILE = settings(
    max_examples=100, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@PROFILE
@given(sources())
def test_nothing_but_the_edit_changes(texts: tuple[str, str]) -> None:
    before, after = texts
    fixed = all_passes(before)
    assert fixed == after
    assert all_passes(fixed) == fixed


@PROFILE
@given(sources(), st.sampled_from([("\n", "\r\n"), ("\r",)]), st.sampled_from([b"", b"\xef\xbb\xbf"]), st.data())
def test_bytes_are_kept(texts: tuple[str, str], kinds: tuple[str, ...], mark: bytes, data: st.DataObject) -> None:
    """Line ends of any kind, mixed ones too, and a byte order mark."""
    before, after = texts
    ends = [data.draw(st.sampled_from(kinds)) for _ in range(before.count("\n"))]

    def encoded(text: str) -> bytes:
        lines = text.split("\n")
        return mark + "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True)).encode()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.py"
        path.write_bytes(encoded(before))
        file = read_file(path)
    assert file.text == before
    assert file.with_text(before) == file.content
    assert file.with_text(all_passes(file.text)) == encoded(after)


@PROFILE
@given(sources())
def test_an_import_comes_in_one_place_and_the_rest_stays(texts: tuple[str, str]) -> None:
    before, _ = texts
    fixed = all_passes(before, remedy="keyset", keyset_helper=HELPER)
    tree = ast.parse(fixed)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "shop.db.keyset"]
    assert len(imports) == ("keyset_iterator(" in fixed)
    without = [node for node in tree.body if node not in imports]
    assert len(without) == len(ast.parse(before).body)
    if imports:
        uses = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "keyset_iterator"]
        assert imports[0].lineno < min(uses)


@PROFILE
@given(sources(), st.integers(40, 100))
def test_broken_lines_mean_the_same(texts: tuple[str, str], limit: int) -> None:
    before, after = texts
    text = before
    for _ in range(20):
        source, found = fixable(text, COMMAND)
        if not found:
            break
        text = apply_edits(source, found, limit).text
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(after))
    kept = [line for line in before.split("\n") if line in after.split("\n")]
    assert all(line in text.split("\n") for line in kept)
