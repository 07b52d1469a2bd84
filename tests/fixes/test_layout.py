"""Lines that an edit makes too long are broken as Black would; other lines stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_djq.fixes.wrapping import line_limit
from tests.fixes.support import HELPER, fixed, plain

# What Black 26 makes of the edited line with 79 columns, from code that it has formatted before.
BROKEN = {
    "a loop": (
        """
        def f():
            for event in Event.objects.filter(published=True, removed=False):
                print(event)
        """,
        """
        def f():
            for event in Event.objects.filter(published=True, removed=False).iterator(
                chunk_size=2000
            ):
                print(event)
        """,
    ),
    "a loop whose first line would be too long": (
        """
        def f():
            for event in Event.objects.filter(published=True, removed=False, a=1):
                print(event)
        """,
        """
        def f():
            for event in Event.objects.filter(
                published=True, removed=False, a=1
            ).iterator(chunk_size=2000):
                print(event)
        """,
    ),
    "a loop with few arguments": (
        """
        def f():
            for event in EventWithAnExtraordinarilyLongName.objects.all():
                print(event)
        """,
        """
        def f():
            for event in EventWithAnExtraordinarilyLongName.objects.iterator(
                chunk_size=2000
            ):
                print(event)
        """,
    ),
    "a chain of calls": (
        """
        def f():
            for event in Event.objects.filter(published=True).exclude(removed=1):
                print(event)
        """,
        """
        def f():
            for event in (
                Event.objects.filter(published=True)
                .exclude(removed=1)
                .iterator(chunk_size=2000)
            ):
                print(event)
        """,
    ),
    "a line inside a chain in brackets": (
        """
        def f():
            for event in (
                Event.objects.filter(published_at_least_once=True).all()
            ):
                print(event)
        """,
        """
        def f():
            for event in (
                Event.objects.filter(published_at_least_once=True)
                .all()
                .iterator(chunk_size=2000)
            ):
                print(event)
        """,
    ),
    "a comprehension": (
        """
        def f():
            names = [event.name for event in Event.objects.filter(published=1)]
        """,
        """
        def f():
            names = [
                event.name
                for event in Event.objects.filter(published=1).iterator(
                    chunk_size=2000
                )
            ]
        """,
    ),
    "a comprehension that fits on a line of its own": (
        """
        def f():
            all_names = [event.name for event in Event.objects.all()]
            longer = {event.pk: event.name for event in Event.objects.all()}
        """,
        """
        def f():
            all_names = [
                event.name for event in Event.objects.iterator(chunk_size=2000)
            ]
            longer = {
                event.pk: event.name
                for event in Event.objects.iterator(chunk_size=2000)
            }
        """,
    ),
    "a test": (
        """
        def f():
            if not Event.objects.filter(published=True, removed=False, sent=None):
                print()
        """,
        """
        def f():
            if not Event.objects.filter(
                published=True, removed=False, sent=None
            ).exists():
                print()
        """,
    ),
    "conditions": (
        """
        def f(anything, else_):
            if anything and Event.objects.filter(published=True) and else_.value:
                print()
        """,
        """
        def f(anything, else_):
            if (
                anything
                and Event.objects.filter(published=True).exists()
                and else_.value
            ):
                print()
        """,
    ),
    "an assertion": (
        """
        def f():
            assert Event.objects.filter(published=True, removed=1), "none at all"
        """,
        """
        def f():
            assert Event.objects.filter(
                published=True, removed=1
            ).exists(), "none at all"
        """,
    ),
    "arguments, one on each line from the second break on": (
        """
        def f(events):
            rows = [Row(event) for event in Event.objects.iterator(chunk_size=5)]
            Row.objects.bulk_create(rows, ignore_conflicts=True, unique_fields=U)
        """,
        """
        def f(events):
            rows = [Row(event) for event in Event.objects.iterator(chunk_size=5)]
            Row.objects.bulk_create(
                rows, ignore_conflicts=True, unique_fields=U, batch_size=2000
            )
        """,
    ),
    "a list among arguments": (
        """
        def f():
            Row.objects.bulk_create([Row(e) for e in Event.objects.iterator(10)])
        """,
        """
        def f():
            Row.objects.bulk_create(
                [Row(e) for e in Event.objects.iterator(10)], batch_size=2000
            )
        """,
    ),
    "a ternary": (
        """
        def f():
            number = 10000 if Event.objects.filter(published=True, sent=1) else 20
        """,
        """
        def f():
            number = (
                10000 if Event.objects.filter(published=True, sent=1).exists() else 20
            )
        """,
    ),
    "a longer ternary": (
        """
        def f():
            number = fifty if Event.objects.filter(published=True, sent=1) else hundred
        """,
        """
        def f():
            number = (
                fifty
                if Event.objects.filter(published=True, sent=1).exists()
                else hundred
            )
        """,
    ),
    "a list": (
        """
        def f():
            numbers = [one, two, 3, len(Event.objects.filter(published=True, sent=1))]
        """,
        """
        def f():
            numbers = [
                one,
                two,
                3,
                Event.objects.filter(published=True, sent=1).count(),
            ]
        """,
    ),
    "an f-string": (
        """
        def f(name):
            print(f"{name.upper(1, 2)} and {name}", [e.at for e in Event.objects.all()])
        """,
        """
        def f(name):
            print(
                f"{name.upper(1, 2)} and {name}",
                [e.at for e in Event.objects.iterator(chunk_size=2000)],
            )
        """,
    ),
    "a comment at the end": (
        """
        def f():
            for event in Event.objects.filter(published=True):  # all that are out
                print(event)
        """,
        """
        def f():
            for event in Event.objects.filter(published=True).iterator(
                chunk_size=2000
            ):  # all that are out
                print(event)
        """,
    ),
    "strings and operators in them": (
        """
        def f():
            print("a, b) and (c", [e.pk for e in Event.objects.filter(a="x, (y")])
        """,
        """
        def f():
            print(
                "a, b) and (c",
                [
                    e.pk
                    for e in Event.objects.filter(a="x, (y").iterator(chunk_size=2000)
                ],
            )
        """,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_line_that_gets_too_long(name: str) -> None:
    before, after = BROKEN[name]
    assert fixed(before, limit=79) == plain(after)


def test_an_import_and_a_keyset() -> None:
    text = """
        from shop.models import Event


        def f():
            for event in Event.objects.filter(published=True, removed=False):
                print(event)
        """
    after = """
        from shop.db.keyset import keyset_iterator
        from shop.models import Event


        def f():
            for event in keyset_iterator(
                Event.objects.filter(published=True, removed=False)
            ):
                print(event)
        """
    assert fixed(text, limit=79, remedy="keyset", keyset_helper=HELPER, unsafe=True) == plain(after)


def test_an_import_that_is_too_long_itself() -> None:
    helper = f"shop.{'a' * 60}.keyset_iterator"
    after = fixed("for e in E.objects.all():\n    x(e)\n", limit=79, remedy="keyset", keyset_helper=helper, unsafe=True)
    assert after.startswith(f"from shop.{'a' * 60} import (\n    keyset_iterator,\n)\n\nfor e in keyset_iterator(")


def test_tabs_are_kept() -> None:
    text = "def f():\n\tfor event in Event.objects.filter(published=True, removed=False):\n\t\tprint(event)\n"
    assert fixed(text, limit=79) == (
        "def f():\n\tfor event in Event.objects.filter(published=True, removed=False).iterator(\n"
        "\t\tchunk_size=2000\n\t):\n\t\tprint(event)\n"
    )


MANY = ", ".join("abc" for _ in range(20))


def test_other_long_lines_stay() -> None:
    text = f"def f():\n    x = [{MANY}, {MANY}]\n    for e in Event.objects.all():\n        print(e)\n"
    assert fixed(text, limit=79) == text.replace(".all()", ".iterator(chunk_size=2000)")


def test_a_line_that_was_too_long_and_gets_no_longer_stays_one() -> None:
    text = f"def f():\n    return [{MANY}, Event.objects.filter(a=1).count() > 0]\n"
    assert fixed(text, limit=79) == text.replace("count() > 0", "exists()")


def test_a_line_that_was_too_long_and_gets_longer_is_broken() -> None:
    text = f"def f():\n    return [{MANY}, len(Event.objects.filter(a=1))]\n"
    assert max(map(len, fixed(text, limit=79).split("\n"))) < 79


def test_a_text_of_several_lines_is_not_broken() -> None:
    text = f'def f():\n    print("""{"x" * 60}\n    {"y" * 60}""", [e.at for e in Event.objects.all()])\n'
    assert fixed(text, limit=79) == text.replace(".all()", ".iterator(chunk_size=2000)")


def test_what_cannot_be_broken_is_left_long() -> None:
    name = "a" * 90
    assert fixed(f"for {name} in Event.objects.all():\n    print({name})\n", limit=79) == (
        f"for {name} in Event.objects.iterator(\n    chunk_size=2000\n):\n    print({name})\n"
    )


TEXT = "short = 1\n"
LIMITS = [
    ({"pyproject.toml": "[tool.black]\nline-length = 100\n"}, 79, 100),
    ({"pyproject.toml": "[tool.black]\ntarget-version = ['py310']\n"}, 79, 88),
    ({"pyproject.toml": "[tool.ruff]\nline-length = 101\n"}, 90, 101),
    ({"pyproject.toml": "[tool.isort]\nline_length = 60\n\n[tool.ruff]\nline-length = 102\n"}, 79, 102),
    ({"pyproject.toml": "[tool.isort]\nline_length = 60\n"}, 79, 79),
    ({"ruff.toml": "line-length = 103\n"}, 79, 103),
    ({".ruff.toml": "line-length = 104\n[lint]\nselect = ['E']\n"}, 79, 104),
    ({"pyproject.toml": "[project]\nname = 'shop'\n"}, 95, 95),
    ({"pyproject.toml": b"\xff\xfe"}, 95, 95),
    ({}, 110, 110),
    ({}, 79, 79),
]


@pytest.mark.parametrize(("files", "configured", "limit"), LIMITS)
def test_how_long_a_line_may_be(files: dict[str, str | bytes], configured: int, limit: int, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "shop" / "jobs").mkdir(parents=True)
    assert line_limit(tmp_path / "shop" / "jobs" / "nightly.py", configured, TEXT) == limit


@pytest.mark.parametrize(("longest", "limit"), [(50, 79), (100, 100), (119, 119), (160, 120)])
def test_where_nobody_says_the_file_itself_does(longest: int, limit: int, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert line_limit(tmp_path / "x.py", 79, f"a = 1\n{'#' * longest}\n") == limit


def test_configurations_outside_of_the_repository_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.black]\nline-length = 100\n")
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    assert line_limit(tmp_path / "shop" / "x.py", 79, TEXT) == 79
