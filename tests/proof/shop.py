"""The shop of the fixtures on any database, for a process that runs some of its code."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

SHOP = Path(__file__).resolve().parents[2] / "fixtures" / "shop"


def set_up(database: dict[str, Any]) -> None:
    """Set Django up with the shop's settings, its default database replaced. Once a process.

    Args:
        database: what stands in Django's ``DATABASES`` for ``default``; see ``tests.databases``.
    """
    import django
    from django.conf import settings

    sys.path.insert(0, str(SHOP))
    base = import_module("shop.settings.base")
    shop = {name: getattr(base, name) for name in dir(base) if name.isupper()}
    settings.configure(**{**shop, "DATABASES": {"default": database}})
    django.setup()
