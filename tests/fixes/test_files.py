"""Files: every byte that no edit touches stays, and writing loses nothing whatever happens."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest

from flake8_djq.fixes.files import NotWritten, read_file, write_file

TEXT = 'one = 1\ntwo = "x"\nthree = 3\n'


def changed(tmp_path: Path, content: bytes, *replacements: tuple[str, str]) -> bytes:
    """The bytes that a file gets when its text is changed."""
    path = tmp_path / "x.py"
    path.write_bytes(content)
    file = read_file(path)
    text = file.text
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return file.with_text(text)


KEPT = {
    "line feeds": TEXT.encode(),
    "CRLF": TEXT.replace("\n", "\r\n").encode(),
    "CR": TEXT.replace("\n", "\r").encode(),
    "mixed line ends": b'one = 1\r\ntwo = "x"\nthree = 3\r\nfour = 4\r',
    "no line end at the end": b'one = 1\ntwo = "x"',
    "empty lines at the end": b'one = 1\ntwo = "x"\n\n\n',
    "a byte order mark": codecs.BOM_UTF8 + TEXT.encode(),
    "Latin 1": "# -*- coding: latin-1 -*-\n# Gr\xf6\xdfe\none = 1\n".encode("latin-1") + b'two = "x"\n',
    "tabs and spaces at the ends of lines": b'if 1:\n\tone = 1 \t\n\ttwo = "x"   \n',
    "form feeds": b'one = 1\n\x0c\ntwo = "x"\n\x0cthree = 3\n',
    "other characters that some take for line ends": 'one = "\x1c\x85\u2028"\ntwo = "x"\n'.encode(),
    "characters beyond the first plane": '# \U0001f40d \U0001d4b3\ntwo = "x" # \U0001f40d\n'.encode(),
    "Cyrillic in its own encoding": b'# coding: cp1251\n# \xcf\xf0\xe8\xe2\xe5\xf2\ntwo = "x"\n',
}


@pytest.mark.parametrize("name", KEPT)
def test_bytes_beside_an_edit_stay(name: str, tmp_path: Path) -> None:
    content = KEPT[name]
    assert changed(tmp_path, content) == content
    assert changed(tmp_path, content, ('"x"', '"longer"')) == content.replace(b'"x"', b'"longer"')


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'one = 1\ntwo = "x"\n', b'one = 1\nnew = 0\ntwo = "x"\n'),
        (b'one = 1\r\ntwo = "x"\r\n', b'one = 1\r\nnew = 0\r\ntwo = "x"\r\n'),
        (b'one = 1\rtwo = "x"\r', b'one = 1\rnew = 0\rtwo = "x"\r'),
        (b'one = 1\ntwo = "x"\r\nthree\r\n', b'one = 1\nnew = 0\r\ntwo = "x"\r\nthree\r\n'),
        (b'a\nb\rc\r\none = 1\rd\ntwo = "x"\n', b'a\nb\rc\r\none = 1\rd\nnew = 0\ntwo = "x"\n'),
    ],
)
def test_new_lines_get_the_usual_line_end(content: bytes, expected: bytes, tmp_path: Path) -> None:
    assert changed(tmp_path, content, ("two =", "new = 0\ntwo =")) == expected


def test_lines_between_two_new_ones_keep_their_ends(tmp_path: Path) -> None:
    content = b"one\r\ntwo\nthree\r\nfour\nfive\nsix\n"
    after = changed(tmp_path, content, ("one", "zero\none"), ("six", "six\nseven"))
    assert after == b"zero\none\r\ntwo\nthree\r\nfour\nfive\nsix\nseven\n"


def test_a_line_taken_away_takes_its_end_with_it(tmp_path: Path) -> None:
    assert changed(tmp_path, b"one\r\ntwo\nthree\r\nfour\n", ("two\n", "")) == b"one\r\nthree\r\nfour\n"


def test_what_the_encoding_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="iso-8859-1"):
        changed(tmp_path, b"# coding: latin-1\none = 1\n", ("one", "один"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"# \xff\n", "encoding"),
        (b"# coding: nonsense\n", "nonsense"),
        (b"# coding: utf-7\n# a+AGI-c\n", "several ways"),
    ],
)
def test_what_cannot_be_decoded_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes(content)
    with pytest.raises(NotWritten, match=why):
        read_file(tmp_path / "x.py")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="No such file"):
        read_file(tmp_path / "x.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "job.py"
    path.write_bytes(b"one = 1\n")
    return path


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664, 0o200 | 0o444])
def test_permissions_are_kept(mode: int, path: Path) -> None:
    path.chmod(mode)
    write_file(read_file(path), b"one = 2\n", path.parent)
    assert path.read_bytes() == b"one = 2\n"
    assert path.stat().st_mode & 0o7777 == mode


def test_a_file_that_changed_meanwhile_is_left(path: Path) -> None:
    file = read_file(path)
    path.write_bytes(b"one = 1  # mine\n")
    with pytest.raises(NotWritten, match="changed"):
        write_file(file, b"one = 2\n", path.parent)
    assert path.read_bytes() == b"one = 1  # mine\n"


def test_a_file_that_went_away_is_not_made_anew(path: Path) -> None:
    file = read_file(path)
    path.unlink()
    with pytest.raises(NotWritten, match="No such file"):
        write_file(file, b"one = 2\n", path.parent)
    assert names(path.parent) == []


def test_a_read_only_file_is_left(path: Path) -> None:
    file = read_file(path)
    path.chmod(0o444)
    with pytest.raises(NotWritten, match="read-only"):
        write_file(file, b"one = 2\n", path.parent)
    assert path.read_bytes() == b"one = 1\n"


@pytest.mark.parametrize("function", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_where_writing_fails_the_file_is_whole_and_nothing_else_is_left(
    function: str, error: BaseException, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    file = read_file(path)
    monkeypatch.setattr(os, function, fail)
    with pytest.raises((NotWritten, KeyboardInterrupt)) as raised:
        write_file(file, b"one = 2\n", path.parent)
    assert isinstance(raised.value, KeyboardInterrupt) or "No space left" in str(raised.value)
    assert path.read_bytes() == b"one = 1\n"
    assert names(path.parent) == ["job.py"]


def test_a_link_inside_of_the_tree_stays_a_link(path: Path) -> None:
    link = path.parent / "link.py"
    link.symlink_to("job.py")
    write_file(read_file(link), b"one = 2\n", path.parent)
    assert link.is_symlink()
    assert path.read_bytes() == b"one = 2\n"


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_out_of_the_tree_is_left(what: str, path: Path) -> None:
    root = path.parent / "project"
    root.mkdir()
    link = root / "link"
    link.symlink_to(path if what == "file" else path.parent)
    name = link if what == "file" else link / "job.py"
    with pytest.raises(NotWritten, match="link to"):
        write_file(read_file(name), b"one = 2\n", root)
    assert path.read_bytes() == b"one = 1\n"


def test_a_file_elsewhere_that_was_named_is_written(path: Path) -> None:
    root = path.parent / "project"
    root.mkdir()
    write_file(read_file(path), b"one = 2\n", root)
    assert path.read_bytes() == b"one = 2\n"
