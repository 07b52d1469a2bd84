"""Reading a file so that every byte can be kept, and writing it so that nothing is lost."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import stat
import tempfile
import tokenize
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

__all__ = ["NotWritten", "TextFile", "read_file", "write_file"]

LINE_END = re.compile("\r\n|\r|\n")


class NotWritten(Exception):
    """A file was left as it is; the text says why."""


@dataclass(frozen=True)
class TextFile:
    """A file as it was read: its bytes, and its text with every line end as one ``\\n`` and no byte order mark."""

    path: Path
    content: bytes
    encoding: str
    text: str

    def with_text(self, text: str) -> bytes:
        """The bytes of the file with a new text: lines that stay keep their own line ends, new ones get the usual one.

        Raises NotWritten where the encoding of the file cannot hold the new text.
        """
        ends = LINE_END.findall(self.content.decode(self.encoding))
        usual = max(sorted(set(ends)), key=ends.count, default="\n")
        before, after = self.text.split("\n"), text.split("\n")
        own = _kept(before, after) if len(set(ends)) > 1 else {}
        parts = []
        for index, line in enumerate(after[:-1]):
            place = own.get(index, len(ends))
            parts += [line, ends[place] if place < len(ends) else usual]
        joined = "".join(parts) + after[-1]
        try:
            return joined.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise NotWritten(f"its encoding {self.encoding} has no {error.object[error.start]!r}") from None


def _kept(before: list[str], after: list[str]) -> dict[int, int]:
    """For each line of a new text that stood in the old one, or stands in the place of one, which one that is."""
    kept: dict[int, int] = {}
    for what, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what in ("equal", "replace"):
            kept.update(zip(range(new_start, new_end), range(start, end), strict=False))
    return kept


def read_file(path: Path) -> TextFile:
    """Read a file as Python would.

    Raises NotWritten where it cannot be read or decoded.
    """
    try:
        content = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except OSError as error:
        raise NotWritten(error.strerror or str(error)) from None
    except (SyntaxError, UnicodeDecodeError) as error:
        raise NotWritten(str(error)) from None
    if text.encode(encoding) != content:
        raise NotWritten(f"its encoding {encoding} has several ways to write what it holds")
    return TextFile(path, content, encoding, LINE_END.sub("\n", text))


def write_file(file: TextFile, content: bytes, root: Path) -> None:
    """Put new content in the place of a file at once: it is whole at any moment, and keeps its permissions.

    Raises NotWritten, and leaves everything as it was, where the file has changed since it was read, is read-only, or
    is a link to something outside ``root`` or stands in a folder that is one.
    """
    target, root = file.path.resolve(), root.resolve()
    seems_inside = Path(os.path.abspath(file.path)).is_relative_to(root)
    if seems_inside and not target.is_relative_to(root):
        raise NotWritten(f"it is a link to {target}, outside of {root}")
    try:
        if target.read_bytes() != file.content:
            raise NotWritten("it changed while flake8 was running; run again")
        if not target.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(target, os.W_OK):
            raise NotWritten("it is read-only")
        _replace(target, content)
    except OSError as error:
        raise NotWritten(error.strerror or str(error)) from None


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(target, name)
        owner = target.stat()
        with contextlib.suppress(OSError, AttributeError):
            os.chown(name, owner.st_uid, owner.st_gid)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
