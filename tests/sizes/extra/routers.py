"""Which model is in which database."""

from __future__ import annotations

from typing import Any


class ReportsElsewhere:
    """The models of reports, and the proxies of them in no other app, are in a database of their own."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "archive" if model._meta.app_label == "reports" else None

    db_for_write = db_for_read
