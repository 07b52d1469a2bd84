"""The command ``flake8-djq keyset``: the keyset iterator written into the user's project."""

from __future__ import annotations

import sys
from importlib import resources
from keyword import iskeyword
from pathlib import Path

__all__ = ["dotted_module", "write_keyset"]

MODULE = "keyset.py"


def write_keyset(path: Path, force: bool) -> int:
    """Write the module to a path, or into a folder as ``keyset.py``, and print the option that names it.

    Never over another file, unless ``force``. Gives the exit code: 0 when it is there, 2 when it cannot be.
    """
    path = path / MODULE if path.is_dir() else path
    text = resources.files("flake8_djq").joinpath(MODULE).read_text(encoding="utf-8")
    problem = _problem(path, text, force)
    if not problem:
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            problem = f"{path}: {error.strerror}"
    if problem:
        print(f"flake8-djq keyset: {problem}", file=sys.stderr)
        return 2
    print(f"wrote {path}; so that fixes import it from there, set in flake8's configuration:\n")
    print(f"[flake8]\ndjq-keyset-helper = {dotted_module(path)}.keyset_iterator")
    return 0


def _problem(path: Path, text: str, force: bool) -> str:
    if path.suffix != ".py" or not _is_name(path.stem):
        return f"{path} is no name for a Python module; give one, such as shop/db/keyset.py"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}; make it first"
    if path.exists() and not force and path.read_bytes() != text.encode():
        return f"{path} exists and is another file; --force writes over it"
    return ""


def dotted_module(path: Path) -> str:
    """The name that a file is imported by: from the folder above its outermost package, or from the current one.

    ``src`` and folders whose names no import can spell are no part of it.
    """
    path = path.resolve()
    root = path.parent
    while (root / "__init__.py").exists():
        root = root.parent
    if root == path.parent and path.is_relative_to(Path.cwd()):
        root = Path.cwd()
    parts = path.relative_to(root).with_suffix("").parts
    if parts[0] == "src" and not (root / "src" / "__init__.py").exists():
        parts = parts[1:]
    start = next((index for index in range(len(parts)) if all(map(_is_name, parts[index:]))), len(parts) - 1)
    return ".".join(parts[start:])


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)
