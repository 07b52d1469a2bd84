"""DJQ301 and DJQ302 on projects of old versions of Django, whose ``iterator()`` takes no chunk size."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_djq.findings import Finding
from tests.support import findings

STREAM = """
from shop.models import Order

def work():
    for order in Order.objects{prefetch}.iterator():
        send(order)
"""


def found(folder: Path, requirements: str, prefetch: str = "") -> list[Finding]:
    path = folder / "shop/work.py"
    path.parent.mkdir()
    path.touch()
    (folder / "manage.py").touch()
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    return findings(STREAM.format(prefetch=prefetch), str(path))


@pytest.mark.parametrize(
    "requirements",
    [
        "Django==1.11.29\n",
        "Django<2\n",
        "Django>=1.8,<2.0\n",
        "Django>=1.11,<2.3\n",
        "Django>=1.11\n",
        "django~=1.11.0\n",
    ],
)
def test_a_size_that_no_version_or_not_each_takes(requirements: str, tmp_path: Path) -> None:
    assert found(tmp_path, requirements) == []


@pytest.mark.parametrize(
    "requirements",
    ["Django==2.0\n", "Django==2.2.28\n", "Django==5.2\n", "Django>=2.2\n", "Django<3\n", "django\n", ""],
)
def test_a_size_that_is_not_given(requirements: str, tmp_path: Path) -> None:
    assert [finding.code for finding in found(tmp_path, requirements)] == ["DJQ301"]


@pytest.mark.parametrize(
    ("requirements", "remedy", "has_edit"),
    [
        ("Django==1.11.29\n", "iterator() takes no chunk_size there: leave one of them out", False),
        ("Django==3.2\n", "no chunk_size changes that: leave one of them out", False),
        ("Django==4.2\n", "give it a size: iterator(chunk_size=2000)", True),
        ("Django>=3.2\n", "give it a size: iterator(chunk_size=2000)", True),
    ],
)
def test_a_dropped_prefetch(requirements: str, remedy: str, has_edit: bool, tmp_path: Path) -> None:
    [finding] = found(tmp_path, requirements, '.prefetch_related("lines")')
    assert finding.code == "DJQ302"
    assert "ignores the prefetch" in finding.message
    assert finding.message.endswith(f"; {remedy}")
    assert (finding.edit is not None) is has_edit
