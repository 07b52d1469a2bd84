"""What files beside the settings say of the database that a variable of the environment names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from flake8_djq.project.files import Files
from flake8_djq.project.settings.engines import backend_of_url, family
from flake8_djq.project.settings.entry_points import FILES, Role

__all__ = ["Evidence", "evidence_for"]

# The image of a database that a compose file starts beside the project.
IMAGE = re.compile(
    r"\bimage:\s*[\"']?(?:[\w.-]+/)*((?:postg(?:res(?:ql)?|is)|mysql|mariadb|percona|timescaledb|pgvector)[\w-]*)"
)
IMAGES = {"percona": "mysql", "timescaledb": "postgresql", "pgvector": "postgresql"}


class Evidence(NamedTuple):
    """An engine, and the place that speaks of it."""

    engine: str
    place: str


def evidence_for(files: Files, variables: tuple[str, ...]) -> Iterator[Evidence]:
    """What files that say how a project is run set these variables to, and the databases that they start."""
    if files.roots is None or not variables:
        return
    names = "|".join(re.escape(name) for name in variables)
    value = re.compile(rf"(?<![\w-])(?:{names})[\"']?\s*[:=]\s*[\"']?([\w.+-]+(?=[:\"'\s]|$)(?::(?=/))?)")
    top = str(files.roots.top)
    for path in files.listing():
        name = str(path)[len(top) + 1 :].replace("\\", "/")
        role = next((role for pattern, role in FILES if pattern.search(name)), Role.TESTS)
        text = files.text(path) if role is not Role.TESTS else None
        if not text:
            continue
        engines = [(found, family(backend_of_url(found[1]) or found[1])) for found in value.finditer(text)]
        engines += [(found, IMAGES.get(found[1], "") or family(found[1])) for found in IMAGE.finditer(text)]
        for found, engine in engines:
            if engine:
                yield Evidence(engine, f"{files.shown(path)}:{text.count(chr(10), 0, found.start()) + 1}")
