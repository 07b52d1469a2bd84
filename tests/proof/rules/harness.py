"""The filled shop on one database, where pieces of code can be run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests import databases
from tests.proof.rules.child import Job, Run

ROOT = Path(__file__).resolve().parents[3]
PROOF = ROOT / "fixtures" / "proof"


class Failed(Exception):
    """A piece of code could not be run at all; the text is the traceback."""


class Shop:
    """A process with Django set up on one database, which runs pieces of code in copies of itself."""

    def __init__(self, database: dict[str, Any], python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "tests.proof.rules.child"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(database)

    def fill(self) -> None:
        """Make the tables and fill them, once a database."""
        self._ask(Job(""))

    def run(self, path: str, *arguments: Any, debug_from: str = "") -> Run:
        """Run a piece of code.

        Args:
            path: the file, below ``fixtures/proof``.
            arguments: those of its function ``run``.
            debug_from: the settings module below ``fixtures/proof`` whose ``DEBUG`` counts.
        """
        return Run(**self._ask(Job(str(PROOF / path), arguments, debug_from and str(PROOF / debug_from))))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _ask(self, job: Job) -> dict[str, Any]:
        assert self._process.stdout is not None
        self._send(asdict(job))
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"failed": "the process has ended"}')
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer


class Shops:
    """The filled shop on each database that is asked for, made when it is asked for first."""

    def __init__(self) -> None:
        self._created: dict[str, dict[str, Any]] = {}
        self._shops: dict[tuple[str, str], Shop] = {}

    def on(self, name: str, python: str = sys.executable) -> Shop:
        """The shop on one of ``tests.databases.NAMES``, in one Python environment."""
        if (name, python) not in self._shops:
            self._shops[name, python] = Shop(self._settings(name), python)
        return self._shops[name, python]

    def _settings(self, name: str) -> dict[str, Any]:
        # Both kinds of PostgreSQL are one database, with other settings.
        kept = "postgresql" if name == "postgresql-pooled" else name
        if kept not in self._created:
            self._created[kept] = databases.create(kept)
            shop = Shop(self._created[kept])
            shop.fill()
            shop.close()
        return {**databases.database(name, self._created[kept]["NAME"])}

    def close(self) -> None:
        """End all processes and drop the databases."""
        for shop in self._shops.values():
            shop.close()
        for name, settings in self._created.items():
            databases.drop(name, settings)


@contextmanager
def opened() -> Iterator[Shops]:
    """Shops for the time of a ``with``."""
    shops = Shops()
    try:
        yield shops
    finally:
        shops.close()
