"""Where an import goes that an edit needs, and under which name."""

from __future__ import annotations

import pytest

from tests.fixes.support import HELPER, fixed

LINE = "from shop.db.keyset import keyset_iterator\n"
LOOP = "for e in Event.objects.all():\n    print(e)\n"
FUNCTION = "def f():\n    for e in Event.objects.all():\n        print(e)\n"


def with_import(text: str) -> str:
    return fixed(text, remedy="keyset", keyset_helper=HELPER, unsafe=True)


# The head of a file, and that head with the import; the function with the loop follows.
HEADS = {
    "nothing": ("", f"{LINE}\n\n"),
    "a docstring": ('"""Doc."""\n\n\n', f'"""Doc."""\n\n{LINE}\n\n'),
    "a docstring of several lines": ('"""Doc.\n\nMore.\n"""\n\n\n', f'"""Doc.\n\nMore.\n"""\n\n{LINE}\n\n'),
    "a docstring and __future__": (
        '"""Doc."""\n\nfrom __future__ import annotations\n\n\n',
        f'"""Doc."""\n\nfrom __future__ import annotations\n\n{LINE}\n\n',
    ),
    "a shebang and an encoding": (
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n",
        f"#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n{LINE}\n\n",
    ),
    "a licence": (
        "# Copyright: nobody.\n# Licence: none.\n\n\n",
        f"# Copyright: nobody.\n# Licence: none.\n\n\n{LINE}\n\n",
    ),
    "a licence and a comment about the function": (
        "# Licence: none.\n\n# The nightly job,\n# all of it.\n",
        f"# Licence: none.\n\n{LINE}\n\n# The nightly job,\n# all of it.\n",
    ),
    "a decorator": ("@shared_task\n", f"{LINE}\n\n@shared_task\n"),
    "another package's imports": ("import os\nimport django\n\n\n", f"import os\nimport django\n\n{LINE}\n\n"),
    "a comment behind the last import": ("import os  # why\n\n\n", f"import os  # why\n\n{LINE}\n\n"),
    "imports of the same package, by the alphabet": (
        "import os\n\nfrom shop.a import b\nfrom shop.models import Event\nfrom zoo import animal\n\n\n",
        f"import os\n\nfrom shop.a import b\n{LINE}from shop.models import Event\nfrom zoo import animal\n\n\n",
    ),
    "an import over several lines": (
        "from shop.a import (\n    b,\n    c,\n)\n\n\n",
        f"from shop.a import (\n    b,\n    c,\n)\n{LINE}\n\n",
    ),
    "relative imports": (
        "import os\n\nfrom .models import Event\n\n\n",
        f"import os\n\n{LINE}\nfrom .models import Event\n\n\n",
    ),
    "an import that may fail": (
        "try:\n    import json\nexcept ImportError:\n    json = None\n\n\n",
        f"{LINE}\ntry:\n    import json\nexcept ImportError:\n    json = None\n\n\n",
    ),
    "TYPE_CHECKING": (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from shop.models import Event\n\n\n",
        f"from typing import TYPE_CHECKING\n\n{LINE}\nif TYPE_CHECKING:\n    from shop.models import Event\n\n\n",
    ),
    "django.setup() and imports after it": (
        "import django\n\ndjango.setup()\n\nfrom shop.models import Event\n\n\n",
        f"import django\n\ndjango.setup()\n\n{LINE}from shop.models import Event\n\n\n",
    ),
    "django.setup() and no imports after it": (
        "import django\n\ndjango.setup()\n\nEvent = model()\n\n\n",
        f"import django\n\ndjango.setup()\n\n{LINE}\nEvent = model()\n\n\n",
    ),
    "two statements on a line": ("import os; import sys\n\n\n", f"import os; import sys\n\n{LINE}\n\n"),
    "imports further down do not count": ("x = 1\n\n\n", f"{LINE}\nx = 1\n\n\n"),
    "already there": (f"{LINE}\n\n", f"{LINE}\n\n"),
    "already there with others": (
        "from shop.db.keyset import (\n    keyset_chunks,\n    keyset_iterator,\n)\n\n\n",
        "from shop.db.keyset import (\n    keyset_chunks,\n    keyset_iterator,\n)\n\n\n",
    ),
    "already there, relative": (
        "from ...db.keyset import keyset_iterator\n\n\n",
        "from ...db.keyset import keyset_iterator\n\n\n",
    ),
    "only spoken of": (
        "import os\n\n# No keyset_iterator yet.\nNAMES = ['keyset_iterator']\n\n\n",
        f"import os\n\n{LINE}\n# No keyset_iterator yet.\nNAMES = ['keyset_iterator']\n\n\n",
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_place(name: str) -> None:
    head, expected = HEADS[name]
    assert with_import(head + FUNCTION) == expected + FUNCTION.replace(
        "Event.objects.all()", "keyset_iterator(Event.objects.all())"
    )


def test_async_functions_and_classes_are_kept_at_a_distance() -> None:
    for head in ("async def f():\n    pass\n\n\n", "class A:\n    pass\n\n\n"):
        assert with_import(head + FUNCTION).startswith(f"{LINE}\n\n{head}")


def test_a_script_without_functions() -> None:
    assert with_import(LOOP).startswith(f"{LINE}\nfor e in keyset_iterator(")
    assert with_import(f'"""Doc."""\n{LOOP}').startswith(f'"""Doc."""\n\n{LINE}\nfor e in ')


def test_another_name_of_the_same_is_used() -> None:
    after = with_import(f"from shop.db.keyset import keyset_iterator as walk\n\n\n{FUNCTION}")
    assert after.count("import") == 1
    assert "in walk(Event.objects.all()):" in after


TAKEN = {
    "a variable": f"keyset_iterator = 3\n\n\n{FUNCTION}",
    "an argument": FUNCTION.replace("f()", "f(keyset_iterator=None)"),
    "a function": f"def keyset_iterator(rows):\n    return rows\n\n\n{FUNCTION}",
    "another import": f"from other import keyset_iterator\n\n\n{FUNCTION}",
    "a relative import of another": f"from .tools import keyset_iterator\n\n\n{FUNCTION}",
    "an import for types only": (
        f"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    {LINE}\n\n{FUNCTION}"
    ),
    "imported, and assigned as well": f"{LINE}\nkeyset_iterator = None\n\n\n{FUNCTION}",
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_in_use_is_not_taken(name: str) -> None:
    after = with_import(TAKEN[name])
    assert "from shop.db.keyset import keyset_iterator as keyset_keyset_iterator\n" in after
    assert "in keyset_keyset_iterator(Event.objects.all()):" in after


def test_where_every_name_is_in_use_nothing_is_done() -> None:
    text = f"keyset_iterator = keyset_keyset_iterator = None\n\n\n{FUNCTION}"
    assert with_import(text) == text


def test_two_findings_need_one_import() -> None:
    after = with_import(FUNCTION + "\n\n" + FUNCTION.replace("def f", "def g"))
    assert after.count("import keyset_iterator") == 1
    assert after.count("in keyset_iterator(") == 2
