"""DJQ501 to DJQ504 and DJQ508: what they flag, where, in which words, and what they leave alone."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_djq.context import Contexts
from flake8_djq.findings import Finding
from flake8_djq.fixes.applying import replaced
from flake8_djq.options import Options
from flake8_djq.rules.base import File, Rule
from flake8_djq.rules.settings import may_matter
from flake8_djq.rules.settings.debug_always_true import DebugAlwaysTrue
from flake8_djq.rules.settings.debug_forced import DebugForced
from flake8_djq.rules.settings.debug_in_batch_settings import DebugInBatchSettings
from flake8_djq.rules.settings.debug_on_by_default import DebugOnByDefault
from flake8_djq.rules.settings.profiler_left_in import ProfilerLeftIn
from flake8_djq.source import Source
from tests.support import findings, project_on_disk

RULES: tuple[Rule[File], ...] = (
    DebugInBatchSettings(),
    DebugOnByDefault(),
    DebugAlwaysTrue(),
    DebugForced(),
    ProfilerLeftIn(),
)
BATCH = "shop/settings/batch.py"
SETTINGS = "shop/settings.py"
COMMAND = "shop/management/commands/reindex.py"
VIEWS = "shop/views.py"


def lint(path: str, text: str, options: Options | None = None) -> list[Finding]:
    """What the five rules say about a file, as the linter would ask them."""
    options = options or Options()
    text = dedent(text)
    source = Source(path, text, ast.parse(text))
    file = File(source, Contexts(source, options), options)
    return [
        finding
        for rule in (RULES if may_matter(source, options) else ())
        if any(word in text for word in rule.mentions)
        for finding in rule.check(file, file)
        if rule.speaks_on(finding.line, file)
    ]


def places(path: str, text: str, options: Options | None = None) -> list[tuple[str, int, int]]:
    return [(finding.code, finding.line, finding.column) for finding in lint(path, text, options)]


# DJQ501


@pytest.mark.parametrize(
    "path",
    [
        "shop/settings/batch.py",
        "shop/settings/worker.py",
        "shop/settings/workers.py",
        "shop/settings/celery.py",
        "shop/settings/beat.py",
        "shop/settings/cron.py",
        "shop/settings/jobs.py",
        "shop/settings/tasks.py",
        "shop/settings/scheduler.py",
        "shop/settings/production.py",
        "shop/settings/prod.py",
        "shop/settings_worker.py",
        "shop/production_settings.py",
        "shop\\settings\\batch.py",
    ],
)
def test_debug_in_settings_of_batch_work(path: str) -> None:
    [finding] = lint(path, "from .base import *\nDEBUG = True\n")
    assert (finding.code, finding.line, finding.column) == ("DJQ501", 2, 0)
    assert finding.message == (
        "DEBUG = True in batch settings: Django keeps the last 9,000 SQL statements of each connection in memory;"
        " set DEBUG = False"
    )


@pytest.mark.parametrize(
    "path",
    [
        "shop/settings.py",
        "shop/settings/base.py",
        "shop/settings/dev.py",
        "shop/settings/development.py",
        "shop/settings/local_worker.py",
        "shop/settings/reproduction.py",
        "shop/settings/taskset.py",
        "shop/batch.py",
        "shop/tests/settings/batch.py",
    ],
)
def test_debug_elsewhere_is_fine(path: str) -> None:
    assert places(path, "DEBUG = True\n") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("DEBUG: bool = True\n", 1),
        ("DEBUG = TEMPLATE_DEBUG = True\n", 1),
        ("DEBUG = 1\n", 1),
        ("DEBUG = 10\n", 1),
        ("DEBUG = False\nDEBUG = True\n", 2),
        ("DEBUG = True\nDEBUG: bool\n", 1),
        ("DEBUG = True\nX: int = 1\n", 1),
        ("with x:\n    DEBUG = True\n", 2),
        ("with x as y:\n    DEBUG = True\n", 2),
        ("DEBUG = True\nfor x in y:\n    z = x\n", 1),
        ("DEBUG = True\nimport x as y\nfrom z import DEBUG as w\n", 1),
        ("DEBUG = True\nmatch x:\n    case 1:\n        y = DEBUG\n", 1),
        ("DEBUG = True\ndef f():\n    global X\n", 1),
        ("DEBUG = True\nfind(DEBUG)(x)\n", 1),
        ("match x:\n    case 1:\n        raise Stop\nDEBUG = True\n", 4),
        ("try:\n    DEBUG = True\nfinally:\n    X = 1\n", 2),
        ("if X:\n    DEBUG = False\nelse:\n    DEBUG = False\nDEBUG = True\n", 5),
        ("ON = True\nDEBUG = ON\n", 2),
        ("DEBUG = True\nif DEBUG:\n    APPS = []\n", 1),
        ("if X:\n    DEBUG = True\nelse:\n    raise SystemExit\n", 2),
        ("def f():\n    DEBUG = False\nDEBUG = True\n", 3),
    ],
)
def test_debug_that_is_in_force(text: str, line: int) -> None:
    assert [place[:2] for place in places(BATCH, text)] == [("DJQ501", line)]


@pytest.mark.parametrize(
    "text",
    [
        "DEBUG = False\n",
        "DEBUG = True\nDEBUG = False\n",
        "if X:\n    DEBUG = True\n",
        "if X:\n    DEBUG = True\nelse:\n    DEBUG = False\n",
        "DEBUG = True\nif X:\n    DEBUG = False\n",
        "DEBUG = True\nfrom .local import *\n",
        "DEBUG = True\nfrom .local import DEBUG\n",
        "DEBUG = True\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n",
        "DEBUG = True\nDEBUG &= ON\n",
        "DEBUG = True\ndel DEBUG\n",
        "DEBUG = True\nexec(more)\n",
        "DEBUG = True\nglobals()['DEBUG'] = False\n",
        "DEBUG = True\ndef off():\n    global DEBUG\n    DEBUG = False\noff()\n",
        "DEBUG = True\nmatch X:\n    case 1:\n        DEBUG = False\n",
        "DEBUG = True\nfor DEBUG in (False,):\n    pass\n",
        "DEBUG = True\nDEBUG, X = False, 1\n",
        "try:\n    DEBUG = True\n    import x\nexcept ImportError:\n    DEBUG = False\n",
        "with x as DEBUG:\n    DEBUG = True\nwith x as (A, DEBUG):\n    pass\n",
        "DEBUG = True\nwhile X:\n    DEBUG = False\n",
        "DEBUG = True\ndef DEBUG():\n    return False\n",
        "DEBUG = True\nclass DEBUG:\n    x = 1\n",
        "DEBUG = True\nimport DEBUG.x\n",
        "DEBUG = True\nimport shop.off as DEBUG\n",
        "DEBUG = True\nif (DEBUG := other()):\n    pass\n",
        "DEBUG = something()\n",
        "DEBUG = ''\n",
        "def f():\n    DEBUG = True\n",
        "class Base:\n    DEBUG = True\n",
        "TEMPLATE_DEBUG = True\n",
    ],
)
def test_debug_that_is_not_certain(text: str) -> None:
    assert places(BATCH, text) == []


@pytest.mark.parametrize("path", ["app/shop/settings/nightly.py", "shop/settings/nightly/__init__.py"])
def test_batch_settings_named_by_the_option(path: str) -> None:
    options = Options(batch_settings=("shop.settings.nightly",))
    assert places(path, "DEBUG = True\n", options) == [("DJQ501", 1, 0)]
    assert places(path, "DEBUG = True\n") == []
    assert places(path.replace("nightly", "nightly_x"), "DEBUG = True\n", options) == []
    assert places("my" + path.removeprefix("app/"), "DEBUG = True\n", options) == []


def test_the_name_of_a_package_counts() -> None:
    text = "INSTALLED_APPS = []\nDEBUG = True\n"
    assert places("shop/settings/worker/__init__.py", text) == [("DJQ501", 2, 0)]
    assert places("shop/worker/settings/__init__.py", text) == []


def test_a_development_module_that_the_option_names() -> None:
    text = 'DEBUG = env.bool("DEBUG", default=True)\n'
    options = Options(batch_settings=("shop.settings.local",))
    assert places("shop/settings/local.py", text, options) == [("DJQ502", 1, 0)]


def test_the_option_also_names_modules_that_do_not_look_like_settings() -> None:
    options = Options(batch_settings=("shop.conf.local_jobs",))
    assert places("shop/conf/local_jobs.py", "DEBUG = True\n", options) == [("DJQ501", 1, 0)]
    assert places("tests/shop/conf/local_jobs.py", "DEBUG = True\n", options) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_fix_writes_false(end: str) -> None:
    text = f"NAME = 'é'{end}X = 'é'; DEBUG = True  # on{end}"
    normal = text.replace(end, "\n")
    source = Source(BATCH, text, ast.parse(text))
    file = File(source, Contexts(source, Options()), Options(), with_edits=True)
    [finding] = DebugInBatchSettings().check(file, file)
    assert finding.column == 9
    assert finding.edit is not None
    assert not finding.edit.safe
    assert replaced(normal, finding.edit.replacements) == normal.replace("True", "False")


def test_no_fix_where_the_value_has_another_name_too() -> None:
    [finding] = lint(BATCH, "DEBUG = LOUD = True\n")
    assert finding.edit is None


# DJQ502


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ('env.bool("DEBUG", default=True)', 'let it default to off: env.bool("DEBUG", default=False)'),
        ('env.bool("DEBUG", True)', 'env.bool("DEBUG", False)'),
        ('env.bool("DJANGO_DEBUG", default="yes")', 'env.bool("DJANGO_DEBUG", default="no")'),
        ('env("DEBUG", default=True)', 'env("DEBUG", default=False)'),
        ('env("DEBUG", cast=bool, default=True)', 'env("DEBUG", cast=bool, default=False)'),
        ('env("DEBUG", bool, True)', 'env("DEBUG", bool, False)'),
        ('env("DEBUG", default="1") == "1"', 'env("DEBUG", default="0")'),
        ('os.environ.get("DEBUG", "1") == "1"', 'os.environ.get("DEBUG", "0")'),
        ('os.environ.get("DEBUG", default="True") == "True"', 'os.environ.get("DEBUG", default="False")'),
        ('os.environ.get("DEBUG", "1") in ("1", "true")', 'os.environ.get("DEBUG", "0")'),
        ('os.getenv("DEBUG", "True").lower() in ("true", "1")', 'os.getenv("DEBUG", "False")'),
        ('os.getenv("DEBUG", "TRUE").strip().lower() == "true"', 'os.getenv("DEBUG", "FALSE")'),
        ('int(os.environ.get("DEBUG", 1))', 'os.environ.get("DEBUG", 0)'),
        ('bool(int(os.environ.get("DEBUG", "1")))', 'os.environ.get("DEBUG", "0")'),
        ('strtobool(os.environ.get("DEBUG", "1"))', 'os.environ.get("DEBUG", "0")'),
        ('bool(strtobool(os.getenv("DEBUG", "on")))', 'os.getenv("DEBUG", "off")'),
        ('distutils.util.strtobool(os.getenv("DEBUG", "y"))', 'os.getenv("DEBUG", "n")'),
        ('is_truthy(os.getenv("DEBUG", "True"))', 'os.getenv("DEBUG", "False")'),
        ('ast.literal_eval(os.getenv("DEBUG", "True"))', 'os.getenv("DEBUG", "False")'),
        ('json.loads(os.getenv("DEBUG", "true"))', 'os.getenv("DEBUG", "false")'),
        ('True if os.getenv("DEBUG", "1") == "1" else False', 'os.getenv("DEBUG", "0")'),
        ('not os.getenv("DEBUG", "1") == "0"', 'os.getenv("DEBUG", "0")'),
        ('config("DEBUG", default=True, cast=bool)', 'config("DEBUG", default=False, cast=bool)'),
        ('config("DEBUG", True, bool)', 'config("DEBUG", False, bool)'),
        ('config("DEBUG", default="true", cast=strtobool)', 'config("DEBUG", default="false", cast=strtobool)'),
        ('get_env_bool("DEBUG", True)', 'get_env_bool("DEBUG", False)'),
        ('get_bool_from_env("DEBUG", default=True)', 'get_bool_from_env("DEBUG", default=False)'),
        ('envbool("DEBUG", "True")', 'envbool("DEBUG", "False")'),
        ('os.environ.get("DEBUG", "1") == "1" or other()', 'os.environ.get("DEBUG", "0")'),
        ('os.environ.get("DEBUG") != "False"', 'os.environ.get("DEBUG", "0") == "1"'),
        ('os.environ.get("DJANGO_DEBUG") not in ("0", "no")', 'os.environ.get("DJANGO_DEBUG", "0") == "1"'),
        ('os.environ.get("ENV") != "production"', 'DEBUG = os.environ.get("DEBUG", "0") == "1"'),
        ('os.environ.get("ENV", "dev") == "dev"', 'DEBUG = os.environ.get("DEBUG", "0") == "1"'),
        ('other() or os.environ.get("DEBUG", "1") == "1"', 'os.environ.get("DEBUG", "0")'),
        ('env.bool(  # é\n    "DEBUG",\n    default=True,\n)', 'env.bool("DEBUG", default=False)'),
        ('(os.environ.get("ENV") or "dev") == "dev"', 'DEBUG = os.environ.get("DEBUG", "0") == "1"'),
    ],
)
def test_debug_on_where_the_variable_is_missing(value: str, remedy: str) -> None:
    text = f"import ast, distutils.util, json, os\nfrom decouple import config\nDEBUG = {value}\n"
    [finding] = lint(SETTINGS, text)
    assert (finding.code, finding.line, finding.column) == ("DJQ502", 3, 0)
    assert finding.message.startswith("DEBUG is on wherever the variable ")
    assert "the last 9,000 SQL statements of each connection" in finding.message
    assert finding.message.endswith(remedy)


@pytest.mark.parametrize(
    "value",
    [
        'env.bool("DEBUG", default=False)',
        'env.bool("DEBUG", False)',
        'env.bool("DEBUG")',
        'env.bool("DEBUG", default="False")',
        'not env.bool("PRODUCTION", default="False")',
        'env("DEBUG", default=False)',
        'env("DEBUG", default=ON)',
        'env("DEBUG")',
        'os.environ.get("DEBUG", "0") == "1"',
        'os.environ.get("DEBUG", "1") == "0"',
        'os.environ.get("DEBUG") == "1"',
        'os.environ.get("DEBUG", True) == "True"',
        'os.environ.get("DEBUG", "False") != "False"',
        'os.environ.get("DEBUG", "False").lower() in ("true", "1")',
        'int(os.environ.get("DEBUG", "0"))',
        'int(os.environ.get("DEBUG", "x"))',
        'strtobool(os.environ.get("DEBUG", "no"))',
        'convert(os.environ.get("DEBUG", "1"))',
        'config("DEBUG", default=False, cast=bool)',
        'config("DEBUG", cast=bool)',
        'config("DEBUG", default=True, cast=reverse)',
        'get_env_bool("DEBUG", False)',
        'get_env_bool("DEBUG")',
        'get_bool("DEBUG", True)',
        'os.environ.get("DEBUG", "1") == "1" and other()',
        'os.environ.get("DEBUG", "1") == "1" and os.environ.get("ENV") == "dev"',
        'os.environ.get("GAE_ENV", "") != "standard"',
        'os.environ.get("VERCEL_ENV") != "production"',
        'os.environ.get("SITE") != "example.org"',
        'os.environ.get("GAE_ENV") != "standard" or os.environ.get("DEBUG", "0") == "1"',
        'os.environ.get("SITE", "") == ""',
        '"1" == os.environ.get("DEBUG", "1") == other()',
        'os.environ.get("PORT") is None',
        'not os.environ.get("PRODUCTION")',
        '"DYNO" not in os.environ',
        '"runserver" in sys.argv',
        "socket.gethostname() != 'www'",
        "True",
    ],
)
def test_debug_that_is_off_or_unknown_by_default(value: str) -> None:
    text = f"import os, socket, sys\nfrom decouple import config\nDEBUG = {value}\n"
    assert places(SETTINGS, text) == []


@pytest.mark.parametrize(
    "text",
    [
        'if X:\n    DEBUG = env.bool("DEBUG", True)\n',
        'DEBUG = env.bool("DEBUG", True)\nDEBUG = False\n',
        'DEBUG = env.bool("DEBUG", True)\nif PRODUCTION:\n    DEBUG = False\n',
        'import os\nos.environ.setdefault("DEBUG", "0")\nDEBUG = os.environ.get("DEBUG", "1") == "1"\n',
        'import os\nos.environ["DEBUG"] = "0"\nDEBUG = os.environ.get("DEBUG", "1") == "1"\n',
        'import os\nA = B = 1\nA = os.environ.get("DEBUG", "1")\nDEBUG = A == "1"\n',
        "DEBUG = A\nA = DEBUG\n",
        'class Base(Configuration):\n    DEBUG = env.bool("DEBUG", True)\n',
    ],
)
def test_debug_by_default_that_is_not_certain(text: str) -> None:
    assert places(SETTINGS, text) == []


@pytest.mark.parametrize(
    "path",
    ["shop/settings/local.py", "shop/settings/dev.py", "shop/settings_test.py", "shop/settings/base.py", VIEWS],
)
def test_a_true_default_is_fine_in_development_and_undecided_in_a_base(path: str) -> None:
    text = 'DEBUG = env.bool("DEBUG", default=True)\n'
    assert places(path, text) == []
    assert places("shop/settings/live.py", text) == [("DJQ502", 1, 0)]


def test_a_true_default_stays_one_before_local_settings() -> None:
    text = 'DEBUG = env.bool("DEBUG", True)\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n'
    assert places(SETTINGS, text) == [("DJQ502", 1, 0)]


def test_names_of_the_module_are_followed() -> None:
    text = 'import os\nENV = os.environ.get("ENV", "dev")\nIS_DEV = ENV == "dev"\nDEBUG = IS_DEV\n'
    assert places(SETTINGS, text) == [("DJQ502", 4, 0)]


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        ('env = environ.Env(DEBUG=(bool, True))\nDEBUG = env("DEBUG")\n', 2),
        ('env = environ.Env(\n    DEBUG=(bool, True)\n)\nDEBUG = env.bool("DEBUG")\n', 2),
        ('env = environ.Env(SHOP_DEBUG=(bool, True))\nDEBUG = env("SHOP_DEBUG")\n', 2),
        ("env = environ.Env(DEBUG=(bool, True))\n", 2),
    ],
)
def test_declared_true_by_default(declared: str, line: int) -> None:
    [finding] = lint(SETTINGS, "import environ\n" + declared)
    assert (finding.code, finding.line, finding.column) == ("DJQ502", line, 6)
    assert "DEBUG=(bool, True) switches DEBUG on wherever the variable" in finding.message
    assert finding.message.endswith("DEBUG=(bool, False)")


@pytest.mark.parametrize(
    "declared",
    [
        'env = environ.Env(DEBUG=(bool, False))\nDEBUG = env("DEBUG")\n',
        'env = environ.Env(DEBUG=(bool, True))\nDEBUG = env("DEBUG", default=False)\n',
        'env = environ.Env(DEBUG=(bool, True))\nDEBUG = env("OTHER")\n',
        "env = environ.Env(DEBUG=(bool, True))\nDEBUG = False\n",
        'env = environ.Env(DEBUG=(str, True))\nDEBUG = env("DEBUG")\n',
        'env = environ.Env(DEBUG=(bool, ON))\nDEBUG = env("DEBUG")\n',
        'env = environ.Env(DEBUG=bool)\nDEBUG = env("DEBUG")\n',
        "env = environ.Env(SHOP_DEBUG=(bool, True))\n",
        'env = other.Env(DEBUG=(bool, True))\nDEBUG = env("DEBUG")\n',
    ],
)
def test_declared_otherwise(declared: str) -> None:
    assert places(SETTINGS, "import environ\n" + declared) == []


# DJQ503


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('os.environ.get("DEBUG")', "where it is missing DEBUG is None; compare it"),
        ('os.environ.get("DEBUG", False)', "where it is missing DEBUG is False"),
        ('os.environ.get("DEBUG", True)', "where it is missing DEBUG is True"),
        ('os.environ.get("DEBUG", "True")', "where it is missing DEBUG is 'True'"),
        ('os.environ["DEBUG"]', 'fail with KeyError; compare it: DEBUG = os.environ["DEBUG"].lower() in ("1", "true")'),
        ('os.getenv("DJANGO_DEBUG")', 'DEBUG = os.getenv("DJANGO_DEBUG", "").lower() in ("1", "true")'),
        ('environ.get("DEBUG")', 'DEBUG = environ.get("DEBUG", "").lower() in ("1", "true")'),
        ('bool(os.environ.get("DEBUG"))', 'DEBUG = os.environ.get("DEBUG", "").lower() in ("1", "true")'),
        ('bool(os.environ.get("DEBUG", ""))', 'any text, "False" too, is true'),
        ('bool(os.environ["DEBUG"])', "KeyError"),
        ('os.environ.get("DEBUG") or False', 'any text, "False" too, is true'),
        ('True if os.environ.get("DEBUG") else False', 'any text, "False" too, is true'),
        ('os.environ.get("DEBUG", "False").lower()', 'any text, "False" too, is true'),
        ('config("DEBUG", default=False)', 'have it cast: DEBUG = config("DEBUG", default=False, cast=bool)'),
    ],
)
def test_debug_is_a_text(value: str, words: str) -> None:
    text = f"import os\nfrom os import environ\nfrom decouple import config\nDEBUG = {value}\n"
    [finding] = lint(SETTINGS, text)
    assert (finding.code, finding.line, finding.column) == ("DJQ503", 4, 0)
    assert words in finding.message


@pytest.mark.parametrize(
    "value",
    [
        'os.environ.get("DEBUG") == "1"',
        'bool(os.environ.get("DEBUG") == "1")',
        'int(os.environ.get("DEBUG", "0"))',
        'bool(int(os.environ.get("DEBUG", "0")))',
        'strtobool(os.environ.get("DEBUG", "0"))',
        'json.loads(os.environ["DEBUG"])',
        '"DEBUG" in os.environ',
        'os.environ.get("DEBUG") is not None',
        'False if os.environ.get("DEBUG") else True',
        'bool(os.environ.get("CI"))',
        "os.environ.get(name)",
        'os.environ.get("DEBUG") and other()',
        'other if os.environ.get("DEBUG") else False',
        'True if os.environ.get("DEBUG") else True',
        'os.environ[name + "DEBUG"]',
        'other(os.environ.get("DEBUG"))',
        'os.environ.get("DEBUG").split()',
        'config("SITE")',
        'values.get("DEBUG")',
        'config("DEBUG", default=False, cast=bool)',
        'config("DEBUG", False, bool)',
        'config("DEBUG", **more)',
        'env("DEBUG")',
    ],
)
def test_debug_that_is_read_properly(value: str) -> None:
    assert places(SETTINGS, f"import os\nfrom decouple import config\nDEBUG = {value}\n") == []


def test_the_text_is_flagged_on_a_branch() -> None:
    text = 'import os\nif X:\n    DEBUG = os.environ["DEBUG"]\nelse:\n    DEBUG = False\n'
    assert places(SETTINGS, text) == [("DJQ503", 3, 4)]


@pytest.mark.parametrize(
    "after",
    ['DEBUG = DEBUG == "1"\n', 'if DEBUG == "False":\n    DEBUG = False\n', "from .local import DEBUG\n"],
)
def test_the_text_is_fine_where_it_is_replaced(after: str) -> None:
    assert places(SETTINGS, 'import os\nDEBUG = os.environ.get("DEBUG")\n' + after) == []


def test_the_text_is_fine_outside_settings() -> None:
    assert places(VIEWS, 'import os\nDEBUG = os.environ.get("DEBUG")\n') == []


# DJQ504


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("from django.conf import settings\nsettings.DEBUG = True\n", (2, 0), "settings.DEBUG = True: from here on"),
        ("from django.conf import settings as s\ns.DEBUG = True\n", (2, 0), "s.DEBUG = True"),
        ("import django.conf\ndjango.conf.settings.DEBUG = True\n", (2, 0), "remove the assignment"),
        ("from django.conf import settings\nsetattr(settings, 'DEBUG', True)\n", (2, 0), "remove the call"),
        (
            "from django.conf import settings\ndef f():\n    if not settings.DEBUG:\n        settings.DEBUG = True\n",
            (4, 8),
            "settings.DEBUG = True",
        ),
        (
            """\
            from django.conf import settings
            def f():
                settings.DEBUG = True
                try:
                    work()
                finally:
                    settings.DEBUG = False
            """,
            (3, 4),
            "each connection in memory",
        ),
        (
            "from django.conf import settings\nsettings.configure(DEBUG=True, X=1)\n",
            (2, 0),
            "write settings.configure(DEBUG=False)",
        ),
        ("from django.db import connection\nconnection.force_debug_cursor = True\n", (2, 0), "of this connection"),
        (
            "from django.db import connections\nconnections['default'].force_debug_cursor = True\n",
            (2, 0),
            "set connections['default'].force_debug_cursor = False at the end",
        ),
        (
            "from django.db import connections\nfor c in connections.all():\n    c.force_debug_cursor = True\n",
            (3, 4),
            "c.force_debug_cursor = True",
        ),
        (
            "from django.test import override_settings\nwith override_settings(DEBUG=True):\n    work()\n",
            (2, 5),
            "override_settings(DEBUG=True) outside tests",
        ),
        (
            "from django.test.utils import override_settings as o\n@o(DEBUG=True)\ndef f():\n    work()\n",
            (2, 1),
            "o(DEBUG=True) outside tests",
        ),
    ],
)
def test_debug_forced(text: str, place: tuple[int, int], words: str) -> None:
    for path in (VIEWS, COMMAND):
        [finding] = lint(path, text)
        assert (finding.code, finding.line, finding.column) == ("DJQ504", *place)
        assert words in finding.message
    assert places("shop/tests/test_views.py", text) == []
    assert places("runtests.py", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "from django.conf import settings\nsettings.DEBUG = False\n",
        "from django.conf import settings\nsettings.DEBUG = options['debug']\n",
        "from django.conf import settings\nsettings.DEBUG_LEVEL = True\n",
        "from shop import settings\nimport django.conf\nsettings.DEBUG = True\n",
        "from django.conf import settings\nfrom shop import settings\nsettings.DEBUG = True\n",
        "from django.conf import settings\ndef f(settings):\n    settings.DEBUG = True\n",
        "from django.conf import settings\ndef f():\n    settings = load()\n    settings.DEBUG = True\n",
        "from django.conf import settings\nsettings.configure(DEBUG=False)\n",
        "from django.conf import settings\nsettings.configure(DEBUG=debug)\n",
        "import django.conf\nlogger.configure(DEBUG=True)\n",
        "from django.conf import settings\nsettings.reconfigure(DEBUG=True)\n",
        "from django.conf import settings\nother(DEBUG=True)\n",
        "from django.conf import settings\nsettings.configure(OTHER=True)\nx = dict(DEBUG=True)\n",
        "from django.conf import settings\nsetattr(settings, 'DEBUG', False)\n",
        "from django.conf import settings\nsetattr(settings, 'OTHER', True)\nx = 'DEBUG', 1\n",
        "from django.conf import settings\nsetattr(other, 'DEBUG', True)\n",
        "from django.conf import settings\ndelattr(settings, 'DEBUG', True)\n",
        "from django.conf import settings\nsettings.DEBUG = 1.0\n",
        "from django.conf import settings\nother.DEBUG = True\n",
        "from django.db import connection as c\nc.force_debug_cursor = True\nc.force_debug_cursor = False\n",
        "from django.test import override_settings\nwith override_settings(DEBUG=False):\n    work()\n",
        """\
        from django.test import TestCase, override_settings
        @override_settings(DEBUG=True)
        class A(TestCase):
            x = 1
        """,
        "from django.db import connection\nconnection.force_debug_cursor = False\n",
        "from django.db import connection\nconnection.force_debug_cursor = previous\n",
        """\
        from django.db import connection
        def f():
            connection.force_debug_cursor = True
            work()
            connection.force_debug_cursor = False
        """,
        """\
        from django.db import connection
        def f():
            before = connection.force_debug_cursor
            connection.force_debug_cursor = True
            try:
                work()
            finally:
                connection.force_debug_cursor = before
        """,
        """\
        from django.db import connection
        class Log:
            def __enter__(self):
                self.connection.force_debug_cursor = True
            def __exit__(self, *error):
                self.connection.force_debug_cursor = self.before
        """,
        """\
        from django.db.backends.postgresql.base import DatabaseWrapper
        class Wrapper(DatabaseWrapper):
            def __init__(self):
                self.force_debug_cursor = True
        """,
        """\
        from django.conf import settings
        from django.db import connection
        def f(options):
            if settings.DEBUG:
                connection.force_debug_cursor = True
            if options["sql"]:
                settings.DEBUG = True
        """,
        """\
        from django.db import connection
        def f(options):
            if not options["sql"]:
                return
            connection.force_debug_cursor = True
        """,
        """\
        from django.conf import settings
        class Command(BaseCommand):
            def handle(self, *args, **options):
                if options["log_queries"]:
                    self.log_queries()
            def log_queries(self):
                settings.DEBUG = True
        """,
    ],
)
def test_debug_not_forced(text: str) -> None:
    assert places(COMMAND, text) == []


@pytest.mark.parametrize(
    "body",
    [
        "if rows:\n        connection.force_debug_cursor = True\n",
        "if options['sql']:\n        x()\n    else:\n        connection.force_debug_cursor = True\n",
        "if not options['sql']:\n        connection.force_debug_cursor = True\n",
        "if not options['sql']:\n        x()\n    connection.force_debug_cursor = True\n",
        "if options['sql']:\n        return\n    connection.force_debug_cursor = True\n",
        "if not rows:\n        return\n    connection.force_debug_cursor = True\n",
        "connection.force_debug_cursor = True\n    if not options['sql']:\n        return\n",
        "while not options['sql']:\n        return\n    connection.force_debug_cursor = True\n",
    ],
)
def test_force_that_nobody_asked_for(body: str) -> None:
    text = f"from django.db import connection\ndef handle(options, rows):\n    {body}"
    assert [place[0] for place in places(COMMAND, text)] == ["DJQ504"]


def test_force_in_a_function_that_is_also_called_unasked() -> None:
    text = """\
        from django.db import connection
        def handle(options):
            if options["sql"]:
                watch()
            watch()
        def watch():
            connection.force_debug_cursor = True
        """
    assert places(COMMAND, text) == [("DJQ504", 7, 4)]


def test_force_that_another_function_does_not_undo() -> None:
    text = """\
        from django.db import connection
        def f():
            connection.force_debug_cursor = True
        def g():
            connection.force_debug_cursor = False
        """
    assert places(COMMAND, text) == [("DJQ504", 3, 4)]


# DJQ508


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (
            "from memory_profiler import profile\nclass Command:\n    @profile\n    def handle(self):\n        x()\n",
            (3, 5),
            "@profile measures every call of handle() with memory_profiler",
        ),
        ("from memory_profiler import profile\n@profile(precision=4)\ndef work():\n    x()\n", (2, 1), "of work()"),
        ("import memory_profiler as mp\n@mp.profile\ndef work():\n    x()\n", (2, 1), "@mp.profile"),
        ("import tracemalloc\ntracemalloc.start()\n", (2, 0), "with no tracemalloc.stop()"),
        ("import tracemalloc\ndef handle():\n    tracemalloc.start(25)\n", (3, 4), "end it with tracemalloc.stop()"),
        ("from tracemalloc import start\ndef handle():\n    start()\n", (3, 4), "start() with no tracemalloc.stop()"),
        (
            "import cProfile\ndef handle():\n    cProfile.runctx('x()', globals(), locals())\n",
            (3, 4),
            "cProfile.runctx() profiles every run",
        ),
        ("import cProfile\ncProfile.run('x()')\n", (2, 0), "cProfile.run()"),
        ("import cProfile\ndef handle():\n    pr = cProfile.Profile()\n", (3, 9), "only when an option asks for it"),
        ("from cProfile import Profile\ndef handle():\n    with Profile() as p:\n        x()\n", (3, 9), "Profile()"),
        ("import profile\nprofile.run('x()')\n", (2, 0), "profile.run()"),
        ("from pyinstrument import Profiler\ndef handle():\n    p = Profiler()\n", (3, 8), "Profiler()"),
        ("import line_profiler\np = line_profiler.LineProfiler()\n", (2, 4), "line_profiler.LineProfiler()"),
        (
            "import cProfile\ndef main():\n    cProfile.run('x()')\nif __name__ == '__main__':\n    main()\n",
            (3, 4),
            "cProfile.run()",
        ),
        (
            "import cProfile\ndef import_profiles():\n    cProfile.run('x()')\nimport_profiles()\n",
            (3, 4),
            "cProfile.run()",
        ),
    ],
)
def test_profiler_in_batch_code(text: str, place: tuple[int, int], words: str) -> None:
    [finding] = lint(COMMAND, text)
    assert (finding.code, finding.line, finding.column) == ("DJQ508", *place)
    assert words in finding.message
    assert places(VIEWS, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "import tracemalloc\ndef handle():\n    tracemalloc.start()\n    x()\n    tracemalloc.stop()\n",
        "import tracemalloc\ndef a():\n    tracemalloc.start()\ndef b():\n    tracemalloc.stop()\n",
        "import tracemalloc\ntracemalloc.take_snapshot()\n",
        "import cProfile\ndef handle(options):\n    if options['profile']:\n        cProfile.run('x()')\n",
        "import cProfile\nfrom django.conf import settings\nif settings.DEBUG:\n    p = cProfile.Profile()\n",
        "import cProfile\ndef handle(profile):\n    if not profile:\n        return\n    cProfile.run('x()')\n",
        "import cProfile\ndef handle():\n    if options['p']:\n        slow()\ndef slow():\n    cProfile.run('x()')\n",
        "import cProfile\ndef handle():\n    if __debug__:\n        cProfile.run('x()')\n",
        "import cProfile\ndef handle():\n    if mode == 'x':\n        cProfile.run('x()')\n",
        "import cProfile\ndef handle():\n    try:\n        x()\n    except E:\n        cProfile.run('x()')\n",
        "import cProfile\ndef run_profiled():\n    cProfile.run('x()')\n",
        "import cProfile\ndef deco(f):\n    def inner():\n        p = cProfile.Profile()\n    return inner\n",
        "import cProfile\ndef f():\n    match x:\n        case 1:\n            cProfile.run('x()')\n",
        "import cProfile\ncommand = lambda: cProfile.run('x()')\n",
        "from line_profiler import profile\n@profile\ndef handle():\n    x()\n",
        "from shop import profile  # memory_profiler\n@profile\ndef handle():\n    x()\n",
        "profile.run('import profile')\n",
        """\
        try:
            from memory_profiler import profile
        except ImportError:
            def profile(f):
                return f
        @profile
        def handle():
            x()
        """,
        "from shop.models import IPSecProfile\nIPSecProfile()\n",
    ],
)
def test_profiler_that_is_asked_for_or_none(text: str) -> None:
    assert places(COMMAND, text) == []


def test_profiler_in_a_command_that_measures() -> None:
    text = "import cProfile\ncProfile.run('x()')\n"
    assert places("shop/management/commands/benchmark_search.py", text) == []
    assert places(COMMAND, text) == [("DJQ508", 2, 0)]


def test_profiler_in_a_task_names_the_way() -> None:
    text = """\
        import cProfile
        from celery import shared_task
        @shared_task
        def nightly():
            rebuild()
        def rebuild():
            cProfile.run("x()")
        def view():
            cProfile.run("x()")
        """
    [finding] = lint("shop/tasks.py", text)
    assert (finding.code, finding.line) == ("DJQ508", 7)
    assert finding.message.endswith("(reached from nightly)")


# All


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_documentation(rule: Rule[File]) -> None:
    page = rule.__doc__ or ""
    heads = [line.strip() for line in page.splitlines() if line.strip().startswith("## ")]
    assert heads == [
        "## What it does",
        "## Why is this bad?",
        "## Example",
        "## Use instead",
        "## When it is silent",
        "## Fix safety",
        "## References",
    ]
    assert page.count("```python") == 2


@pytest.mark.parametrize("text", ["", "\n", "DEBUG: bool\n", "DEBUG\n", "x = DEBUG\n"])
def test_nothing_to_say(text: str) -> None:
    for path in (BATCH, SETTINGS, COMMAND, VIEWS):
        assert places(path, text) == []


def test_the_examples_of_the_pages() -> None:
    """What each page calls bad is flagged, and what it recommends is not."""
    heads = "import cProfile, os\nfrom django.db import connection\n"
    paths = {"DJQ501": BATCH, "DJQ502": SETTINGS, "DJQ503": SETTINGS, "DJQ504": COMMAND, "DJQ508": COMMAND}
    for rule in RULES:
        bad, good = (dedent(part.partition("```")[0]) for part in (rule.__doc__ or "").split("```python\n")[1:])
        assert [finding.code for finding in lint(paths[rule.code], heads + bad)] == [rule.code]
        assert lint(paths[rule.code], heads + good) == []


OLD = (
    (BATCH, "DEBUG = True\n"),
    (SETTINGS, 'DEBUG = env.bool("DEBUG", default=True)\n'),
    (SETTINGS, "import environ\nenv = environ.Env(DEBUG=(bool, True))\n"),
    (COMMAND, "from django.conf import settings\nsettings.DEBUG = True\n"),
    (COMMAND, "from django.db import connection\nconnection.force_debug_cursor = True\n"),
    (COMMAND, "from django.test import override_settings\nwith override_settings(DEBUG=True):\n    work()\n"),
)


@pytest.mark.parametrize(("path", "text"), OLD)
@pytest.mark.parametrize(
    ("version", "words"),
    [
        ((1, 7), "Django keeps every SQL statement of"),
        ((1, 8), "Django keeps the last 9,000 SQL statements of"),
        (None, "Django keeps the last 9,000 SQL statements of"),
    ],
)
def test_how_much_django_keeps(path: str, text: str, version: tuple[int, int] | None, words: str) -> None:
    """Before Django 1.8 `connection.queries` had no limit."""
    [finding] = lint(path, text, Options(django_version=version))
    assert words in finding.message


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("Django==1.6.11", "every SQL statement of"),
        ("Django<1.8", "every SQL statement of"),
        ("Django>=1.4,<1.9", "the last 9,000 SQL statements of"),
        ("Django>=1.4", "the last 9,000 SQL statements of"),
        ("celery==1.0", "the last 9,000 SQL statements of"),
    ],
)
def test_how_much_the_versions_of_a_project_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, words: str
) -> None:
    manage = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
    files = {
        "manage.py": manage,
        "requirements.txt": f"{asked}\n",
        "shop/__init__.py": "",
        "shop/settings.py": "INSTALLED_APPS = []\nDEBUG = True\n",
        BATCH.replace("settings/", "settings_"): "from shop.settings import *\n",
    }
    project_on_disk(tmp_path, files, monkeypatch)
    found = [*findings(manage, "manage.py"), *findings("from shop.settings import *\n", "shop/settings_batch.py")]
    assert [finding.code for finding in found] == ["DJQ505", "DJQ501"]
    assert all(f"Django keeps {words}" in finding.message for finding in found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("manage.py", ["DJQ505"]),
        ("services/wsgi.py", []),
        ("services/wsgi/verify.py", []),
        ("sgi/verify.py", ["DJQ505"]),
    ],
)
def test_what_no_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: list[str]) -> None:
    text = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
    settings = {"shop/__init__.py": "", "shop/settings.py": "INSTALLED_APPS = []\nDEBUG = True\n"}
    project_on_disk(tmp_path, {"manage.py": "", name: text, **settings}, monkeypatch)
    assert [finding.code for finding in findings(text, name)] == expected


@pytest.mark.parametrize(
    ("follows", "expected"),
    [
        ("def show():\n    return 1\n", []),
        ("def show():\n    return 1\nshow()\n", ["DJQ505"]),
        ("print(1)\n", ["DJQ505"]),
    ],
)
def test_files_that_only_make_django_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follows: str, expected: list[str]
) -> None:
    text = (
        'import os\nimport django\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\ndjango.setup()\n'
    )
    settings = {"shop/__init__.py": "", "shop/settings.py": "INSTALLED_APPS = []\nDEBUG = True\n"}
    project_on_disk(tmp_path, {"manage.py": "", "shop/ready.py": text + follows, **settings}, monkeypatch)
    assert [finding.code for finding in findings(text + follows, "shop/ready.py")] == expected


@pytest.mark.parametrize(
    ("others", "remedy"),
    [
        ({}, "switch it off there, and on by the environment of developers"),
        ({"shop/production.py": "INSTALLED_APPS = []\nDEBUG = False\n"}, "name settings with DEBUG = False here"),
        (
            {"shop/production.py": "INSTALLED_APPS = []\nDEBUG = True\n"},
            "switch it off there, and on by the environment of developers",
        ),
    ],
)
def test_the_remedy_names_settings_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: dict[str, str], remedy: str
) -> None:
    text = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
    wsgi = {"shop/wsgi.py": text.replace("shop.settings", "shop.production")} if others else {}
    settings = {"shop/__init__.py": "", "shop/settings.py": "INSTALLED_APPS = []\nDEBUG = True\n"}
    project_on_disk(tmp_path, {"manage.py": text, **settings, **others, **wsgi}, monkeypatch)
    [finding] = findings(text, "manage.py")
    assert finding.message.endswith(remedy)


@pytest.mark.parametrize(
    ("development", "production", "expected"),
    [
        ("sqlite3", "postgresql", []),
        ("sqlite3", "mysql", []),
        ("sqlite3", "sqlite3", ["DJQ505"]),
        ("postgresql", "postgresql", ["DJQ505"]),
        ("sqlite3", "", ["DJQ505"]),
    ],
)
def test_settings_that_cannot_reach_the_data_of_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, development: str, production: str, expected: list[str]
) -> None:
    text = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.development")\n'
    settings = "INSTALLED_APPS = []\nDATABASES = {{'default': {{'ENGINE': 'django.db.backends.{}'}}}}\nDEBUG = {}\n"
    files = {
        "manage.py": text,
        "shop/__init__.py": "",
        "shop/development.py": settings.format(development, True),
        "shop/production.py": settings.format(production, False) if production else "",
        "deploy/nightly.service": "[Service]\nEnvironment=DJANGO_SETTINGS_MODULE=shop.production\n",
    }
    project_on_disk(tmp_path, files, monkeypatch)
    assert [finding.code for finding in findings(text, "manage.py")] == expected


def test_settings_are_named_by_the_variable_that_they_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'import os\nif os.environ.get("{}", "shop.development") == "shop.development":\n'
    text += "    from shop.development import *\nelse:\n    from shop.production import *\n"
    files = {
        "manage.py": "",
        "shop/__init__.py": "",
        "shop/development.py": "INSTALLED_APPS = []\nDEBUG = True\n",
        "shop/production.py": "INSTALLED_APPS = []\nDEBUG = False\n",
    }
    for variable, expected in (("DJANGO_SETTINGS_MODULE", []), ("SHOP_SETTINGS", ["DJQ502"])):
        project_on_disk(tmp_path, {**files, "shop/settings/celery.py": text.format(variable)}, monkeypatch)
        assert [found.code for found in findings(text.format(variable), "shop/settings/celery.py")] == expected


def test_settings_that_name_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\nINSTALLED_APPS = []\nDEBUG = 1\n'
    )
    project_on_disk(tmp_path, {"manage.py": "", "shop/__init__.py": "", "shop/settings.py": text}, monkeypatch)
    assert "DJQ505" not in [finding.code for finding in findings(text, "shop/settings.py")]


ON_BY_DEFAULT = 'import os\nINSTALLED_APPS = []\nDEBUG = os.environ.get("DEBUG", "1") == "1"\n'


@pytest.mark.parametrize(
    ("files", "flagged"),
    [
        # Batch settings that build on other ones: where the value comes into the first of them.
        ({"production": ON_BY_DEFAULT, "worker": "from .production import *\n"}, ["production 3"]),
        (
            {
                "base": ON_BY_DEFAULT,
                "production": "from .base import *\n",
                "worker": '"""Worker."""\nfrom .production import *\n',
                "cron": "from .base import *\n",
            },
            ["cron 1", "production 1"],
        ),
        # Nobody flags a development module, or one that is nobody's batch settings, in the name of batch work.
        ({"development": ON_BY_DEFAULT, "worker": "from .development import *\n"}, ["worker 1"]),
        ({"site": ON_BY_DEFAULT, "worker": "from .site import *\n"}, ["site 3", "worker 1"]),
        # What stands between sets its own.
        (
            {"production": ON_BY_DEFAULT + "DEBUG = False\n", "worker": f"from .production import *\n{ON_BY_DEFAULT}"},
            ["worker 4"],
        ),
    ],
)
def test_settings_that_build_on_flagged_ones(tmp_path: Path, files: dict[str, str], flagged: list[str]) -> None:
    folder = tmp_path / "shop/settings"
    folder.mkdir(parents=True)
    for name in (tmp_path / "manage.py", tmp_path / "shop/__init__.py", folder / "__init__.py"):
        name.touch()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    found = [
        f"{name} {line}"
        for name, text in sorted(files.items())
        for code, line, _ in places(str(folder / f"{name}.py"), text)
        if code == "DJQ502"
    ]
    assert found == flagged
