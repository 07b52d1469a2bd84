"""DJQ304: the fixture project's settings say that nothing streams; where they do not, the option does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ROOT, codes, findings, flake8, marked

POOLED = ROOT / "fixtures" / "pooled"
STREAM = """
    from shop.models import Event

    def run():
        for event in Event.objects.iterator(chunk_size=2000):
            print(event)
"""
MODEL = """
    from django.db import models

    class Event(models.Model):
        number = models.IntegerField(primary_key=True)

        class Meta:
            ordering = {order}
"""
SAVING = STREAM.replace("from shop.models import Event", "").replace("print(event)", "event.save()")
SCRIPT = "shop/management/commands/x.py"


@pytest.mark.parametrize("name", ["djq304_flagged.py", "djq304_silent.py"])
def test_marks_are_what_is_found(name: str) -> None:
    done = flake8("--isolated", "--format=%(row)d %(code)s", f"pooled/{name}", cwd=POOLED)
    found = [(int(line.split()[0]), line.split()[1]) for line in done.stdout.splitlines()]
    assert found == marked((POOLED / "pooled" / name).read_text(encoding="utf-8"), "")


def test_the_message_names_the_setting() -> None:
    done = flake8("--isolated", "pooled/djq304_flagged.py", cwd=POOLED)
    line = next(line for line in done.stdout.splitlines() if "DJQ304" in line)
    assert "without server-side cursors the driver loads the whole result" in line
    assert "(pooled.settings:12)" in line


@pytest.mark.parametrize(
    ("database", "expected"),
    [("mysql", ["DJQ304"]), ("postgresql-pooled", ["DJQ304"]), ("postgresql", []), ("sqlite", []), ("auto", [])],
)
def test_the_option_says_which_database(database: str, expected: list[str]) -> None:
    assert codes(STREAM, SCRIPT, database=database) == expected


def test_silent_where_the_user_wants_iterators() -> None:
    assert codes(STREAM, SCRIPT, database="mysql", remedy="iterator") == []


def test_the_edit_walks_by_key(tmp_path: Path) -> None:
    [finding] = findings(STREAM, SCRIPT, database="mysql", keyset_helper="shop.db.keyset_iterator")
    assert finding.edit is not None
    assert not finding.edit.safe
    assert [part.text for part in finding.edit.replacements] == ["keyset_iterator(", ")"]
    assert finding.edit.needs == "from shop.db import keyset_iterator"


def test_no_edit_where_the_loop_adds_rows_to_the_table() -> None:
    text = STREAM.replace("print(event)", "Event.objects.create(kind=event.kind)")
    [finding] = findings(text, SCRIPT, database="mysql", keyset_helper="shop.db.keyset_iterator")
    assert finding.edit is None
    assert "adds rows to the same table" in finding.message


@pytest.mark.parametrize(
    ("text", "walked"),
    [
        (STREAM.replace("print(event)", "event.save()"), 'Event.objects.order_by("pk")'),
        (
            STREAM.replace("print(event)", "Event.objects.filter(pk=event.pk).update(seen=1)"),
            'Event.objects.order_by("pk")',
        ),
        (
            STREAM.replace("objects.", 'objects.order_by("pk").').replace("print(event)", "event.save()"),
            "Event.objects.order_by('pk')",
        ),
        (STREAM, "Event.objects"),
        (STREAM.replace("print(event)", "event.delete()"), "Event.objects"),
        (MODEL.format(order='("-number",)') + SAVING, "Event.objects"),
        (MODEL.format(order='("-number", "kind")') + SAVING, 'Event.objects.order_by("pk")'),
        (MODEL.format(order="ORDER") + SAVING, 'Event.objects.order_by("pk")'),
        (
            "from shop.models import Event\n\ndef run():\n    yield from Event.objects.iterator(chunk_size=5)\n",
            'Event.objects.order_by("pk")',
        ),
        (
            "from shop.models import Event\n\ndef run():\n    return Event.objects.iterator(chunk_size=5)\n",
            'Event.objects.order_by("pk")',
        ),
    ],
)
def test_rows_that_are_or_may_be_saved_are_walked_by_key_alone(text: str, walked: str) -> None:
    """``Meta.ordering`` may name a field that saving changes: rows that move forward would come again, for ever."""
    [finding] = findings(text, SCRIPT, database="mysql", keyset_helper="shop.db.keyset_iterator")
    assert finding.message.endswith(f"; walk it by key: keyset_iterator({walked})")


HANDED_ON = """
    from itertools import chain, groupby
    from elsewhere import index
    from shop.models import Event

    def each(events):
        for event in events:
            print(event)

    def pieces(events):
        while piece := list(islice(events, 100)):
            yield piece

    def keep(events):
        KEPT.append(events)

    class Shelf:
        def fill(self, events, *more):
            self.events = events

    def run(shelf: Shelf):
        {}
"""
EVENTS = "Event.objects.iterator(chunk_size=2000)"


@pytest.mark.parametrize(
    "use",
    [
        f"each({EVENTS})",
        f"each(events={EVENTS})",
        f"events = {EVENTS}; keep(events); each(events)",
        f"return list(pieces({EVENTS}))",
        f"return list({EVENTS})",
        f"send(*{EVENTS})",
        f"return sum(event.size for event in {EVENTS})",
        f"return next({EVENTS})",
        f"KEPT.extend({EVENTS})",
        f"return [list(group) for _, group in groupby({EVENTS}, key=str)]",
        f"return [len(event) for event in enumerate({EVENTS})]",
        f"return {EVENTS}",
        f"return [row for batch in index({EVENTS}) for row in batch]",
        f"yield from {EVENTS}",
    ],
)
def test_streams_that_are_read(use: str) -> None:
    assert codes(HANDED_ON.format(use), SCRIPT, database="mysql") == ["DJQ304"]


@pytest.mark.parametrize(
    "use",
    [
        f"keep({EVENTS})",
        f"events = {EVENTS}; keep(events)",
        f"Shelf().fill({EVENTS})",
        f"index({EVENTS})",
        f"index(events={EVENTS})",
        f"index(enumerate({EVENTS}))",
    ],
)
def test_streams_that_may_stay_unread(use: str) -> None:
    assert codes(HANDED_ON.format(use), SCRIPT, database="mysql") == []


@pytest.mark.parametrize(
    ("django", "offered"), [("Django==2.2.28", False), ("Django>=3.2,<4", False), ("Django>=2.2", True), ("", True)]
)
def test_the_helper_is_offered_where_it_works(django: str, offered: bool, tmp_path: Path) -> None:
    script = tmp_path / SCRIPT
    script.parent.mkdir(parents=True)
    (tmp_path / "manage.py").touch()
    (tmp_path / "requirements.txt").write_text(f"{django}\n", encoding="utf-8")
    script.touch()
    [finding] = findings(STREAM, str(script), database="mysql")
    assert "walk it by key" in finding.message
    assert ("'flake8-djq keyset PATH'" in finding.message) is offered


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        ("kept.append(event)", "; they all stay in kept: keep only what is needed of them, or work in batches"),
        ("kept.append(describe(event))", ", unless what goes into kept keeps them"),
        ("print(event)", "; walk it by key: keyset_iterator(Event.objects)"),
    ],
)
def test_rows_that_stay(body: str, remedy: str) -> None:
    text = STREAM.replace("for event", "kept = []\n        for event").replace("print(event)", body)
    [finding] = findings(text, SCRIPT, database="mysql", keyset_helper="shop.db.keyset_iterator")
    assert finding.message.endswith(remedy)
