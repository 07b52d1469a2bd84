"""``make demo``: flake8 with the plugin on the fixture project and on one real project, findings shown."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.ecosystem.ecosystem import (
    CACHE,
    HERE,
    lint_with_flake8,
    python_files,
    read_projects,
    sources_of,
)

ROOT = HERE.parent.parent
REAL = "django-helpdesk"


def _show(folder: Path, title: str) -> None:
    findings = lint_with_flake8(folder.relative_to(ROOT).as_posix(), folder, os.cpu_count() or 1)
    print(*findings, sep="\n")
    rules = len({item.place.code for item in findings})
    print(f"\n{title}: {len(findings)} findings of {rules} rules in {len(python_files(folder))} files.\n", flush=True)


def main() -> int:
    """Lint both projects; findings are what is to be shown, and no failure."""
    real = next(project for project in read_projects(HERE / "projects.txt") if project.name == REAL)
    folder = sources_of(real, CACHE)
    _show(ROOT / "fixtures" / "shop", "fixtures/shop, a Django project with every risky pattern on purpose")
    _show(folder, f"{real.requirement}, a real project as its authors published it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
