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
        raw = self.content.decode(self.encoding)
        ends = LINE_END.findall(raw)
        usual = max(ends, key=ends.count, default="\n")
        before, after = self.text.split("\n"), text.split("\n")
        head = _common(before, after)
        tail = _common(before[head:][::-1], after[head:][::-1])
        more = len(after) - len(before)
        parts = []
        for index, line in enumerate(after[:-1]):
            place = index if index < head or not more else index - more if index >= len(after) - tail else -1
            parts += [line, ends[place] if 0 <= place < len(ends) else usual]
        joined = "".join(parts) + after[-1]
        try:
            return joined.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise NotWritten(f"its encoding {self.encoding} has no {error.object[error.start]!r}") from None


def _common(first: list[str], second: list[str]) -> int:
    """How many lines two texts begin with in common."""
    count = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        count += 1
    return count


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
    return TextFile(path, content, encoding, LINE_END.sub("\n", text))


def write_file(file: TextFile, content: bytes, root: Path) -> None:
    """Put new content in the place of a file at once: it is whole at any moment, and keeps its permissions.

    Raises NotWritten, and leaves everything as it was, where the file has changed since it was read, is read-only, or
    is a link to something outside ``root``.
    """
    target = file.path.resolve()
    if file.path.is_symlink() and not target.is_relative_to(root.resolve()):
        raise NotWritten(f"it is a link to {target}, outside of {root.resolve()}")
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
