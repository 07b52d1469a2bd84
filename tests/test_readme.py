"""README.md says what the code says: its tables are written from the code, and its example is run.

``make readme`` writes the tables again.
"""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from flake8_djq.cli import summary
from flake8_djq.options import SETTINGS
from flake8_djq.rules.base import all_rules
from tests.support import findings

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLE_PATH = "shop/management/commands/send_bills.py"


def rules_table() -> str:
    """Every rule: code, name, where it speaks, what it reports."""
    rows = ["| code | name | speaks | reports |", "|---|---|---|---|"]
    for rule in all_rules():
        what = summary(rule).replace("``", "`").replace("|", "\\|")
        rows.append(f"| {rule.code} | {rule.name} | {rule.on.value} | {what} |")
    return "\n".join(rows)


def options_table() -> str:
    """Every option: name, default, meaning."""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "none"
        meaning = setting.meaning.replace("*", "\\*").replace("|", "\\|")
        rows.append(f"| `{setting.name}` | {default} | {meaning} |")
    return "\n".join(rows)


def proof_table() -> str:
    """The table of memory and time that ``make proof`` has written."""
    rows = (README.parent / "docs" / "proof" / "README.md").read_text(encoding="utf-8").splitlines()
    first = rows.index(next(row for row in rows if row.startswith("| |")))
    return "\n".join(takewhile(lambda row: row.startswith("|"), rows[first:]))


TABLES = {"rules": rules_table, "options": options_table, "proof": proof_table}


def with_tables(text: str) -> str:
    """The text with every table between its marks as the code has it."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        assert rest, f"README.md has no {begin}"
        text = f"{before}{begin}{table()}\n{end}{after}"
    return text


def test_the_tables_are_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text), "run: make readme"


def test_the_example_gives_what_is_printed_under_it() -> None:
    text = README.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    output = re.search(r"```console\n\$ flake8 shop\n(.*?)```", text, re.DOTALL)
    assert code
    assert output
    found = findings(code[1], EXAMPLE_PATH)
    lines = [f"{EXAMPLE_PATH}:{item.line}:{item.column + 1}: {item.code} {item.message}" for item in found]
    assert lines == output[1].splitlines()


def test_the_options_in_the_example_exist() -> None:
    names = set(re.findall(r"^(djq-[a-z-]+) =", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert names
    assert names <= {setting.name for setting in SETTINGS}


def test_the_commands_exist() -> None:
    named = set(re.findall(r"make ([a-z]+)", README.read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([a-z]+):", README.with_name("Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= targets


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
