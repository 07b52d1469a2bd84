"""The shops that all tests of this folder share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.databases import leave_out, require
from tests.proof.rules.harness import Shop, Shops, opened


@pytest.fixture(scope="session")
def shops() -> Iterator[Shops]:
    """The filled shop on each database, one for all tests of a process."""
    if not hasattr(os, "fork"):
        leave_out("the remedies: this system cannot run each in a copy of one process")
    with opened() as shops:
        yield shops


@pytest.fixture
def on(shops: Shops) -> Callable[[str], Shop]:
    """Gives the shop on a database; the test is skipped where that is not there."""

    def shop(name: str) -> Shop:
        require(name)
        return shops.on(name)

    return shop
