"""The table of the QuerySet API against the installed Django."""

from __future__ import annotations

import inspect

import pytest
from django.db.models import Manager, QuerySet  # type: ignore[import-untyped]
from django.db.models.query import RawQuerySet  # type: ignore[import-untyped]

from flake8_djq.querysets.api import MANAGER_METHODS, METHODS, OTHER_NAMES, RAW_METHODS, Gives, Runs


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_public_name_of_querysets_is_in_the_table() -> None:
    assert public(QuerySet) - set(METHODS) - OTHER_NAMES == set()


def test_every_public_name_of_managers_is_in_the_table() -> None:
    assert public(Manager) - set(METHODS) - set(MANAGER_METHODS) - OTHER_NAMES == set()


def test_every_public_name_of_raw_querysets_is_in_the_table() -> None:
    assert public(RawQuerySet) - set(RAW_METHODS) - OTHER_NAMES == set()


def test_every_method_in_the_table_exists() -> None:
    """``raw`` belongs to managers and querysets, ``get_queryset`` to managers only, and so on."""
    assert set(METHODS) - public(QuerySet) == set()
    assert set(MANAGER_METHODS) - public(Manager) == set()
    assert set(RAW_METHODS) - public(RawQuerySet) == set()
    assert OTHER_NAMES - public(QuerySet) - public(Manager) - public(RawQuerySet) == set()


def test_no_method_stands_twice() -> None:
    assert set(METHODS) & OTHER_NAMES == set()
    assert set(METHODS) & set(MANAGER_METHODS) == set()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_asynchronous_twins_are_asynchronous(name: str) -> None:
    method = METHODS[name]
    function = getattr(QuerySet, name)
    is_asynchronous = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    assert method.name == name
    assert method.asynchronous is is_asynchronous


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods_that_give_querysets_run_nothing(name: str) -> None:
    method = METHODS[name]
    assert (method.gives in (Gives.QUERYSET, Gives.RAW)) is (method.runs is Runs.NOTHING)


def test_what_django_marks_as_writes_is_a_write() -> None:
    """Django tells templates by ``alters_data`` which methods change rows; Django 4.2 marks fewer than it has."""
    marked = {name for name in public(QuerySet) if getattr(getattr(QuerySet, name), "alters_data", False)}
    assert {"bulk_update", "delete", "update"} <= marked
    assert marked <= {name for name, method in METHODS.items() if method.runs is Runs.WRITE}
