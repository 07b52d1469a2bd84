"""A range of versions of Django, apart from the code that works one out: a run that finds it kept needs only this."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ANY", "Version", "Versions"]

Version = tuple[int, int]


class Versions(NamedTuple):
    """The versions of Django that a project may run on, without their third number. None: no bound."""

    lowest: Version | None = None
    highest: Version | None = None

    @property
    def only(self) -> Version | None:
        """The one version, where it is known."""
        return self.lowest if self.lowest == self.highest else None

    def has(self, first: Version) -> bool:
        """Whether the lowest of them, or else the highest, has what came with a version; what is unknown has it."""
        return (self.lowest or self.highest or first) >= first

    def may_have(self, first: Version) -> bool:
        """Whether any of them may have what came with a version."""
        return (self.highest or first) >= first


ANY = Versions()
