"""What Django keeps of the statements of a connection while ``DEBUG`` is on, in words."""

from __future__ import annotations

from flake8_djq.rules.base import File

__all__ = ["kept_statements"]

# The first version of Django in which `connection.queries` has a limit.
LIMITED = (1, 8)


def kept_statements(file: File) -> str:
    """Which statements Django keeps: how many is known where the project may run on a version that has a limit."""
    return "the last 9,000 SQL statements" if file.django_versions.may_have(LIMITED) else "every SQL statement"
