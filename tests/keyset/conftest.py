"""Django with the shop's tables on each database, made once for a test process."""

from __future__ import annotations

from collections.abc import Iterator

import django
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections, transaction

from tests import databases

if not settings.configured:
    # Without a default database, a test that forgets to say which one it means fails.
    settings.configure(
        DATABASES={},
        INSTALLED_APPS=["tests.keyset.shop"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="Europe/Paris",
    )
    django.setup()

NAMES = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="session", params=NAMES)
def made(request: pytest.FixtureRequest) -> Iterator[str]:
    """The alias of a database with empty tables."""
    name = request.param
    databases.require(name)
    entry = databases.create(name)
    connections.settings[name] = connections.configure_settings({"default": {}, name: entry})[name]
    try:
        with connections[name].schema_editor() as editor:
            for model in apps.get_app_config("shop").get_models():
                editor.create_model(model)
        yield name
    finally:
        connections[name].close()
        databases.drop(name, entry)


@pytest.fixture
def database(made: str) -> Iterator[str]:
    """The alias of a database; what the test writes is rolled back."""
    with transaction.atomic(using=made):
        yield made
        transaction.set_rollback(True, using=made)


@pytest.fixture
def shared(made: str) -> Iterator[str]:
    """The alias of a database for tests that commit, from more than one connection; its tables are emptied."""
    try:
        yield made
    finally:
        for model in apps.get_app_config("shop").get_models():
            model._base_manager.using(made).all().delete()
