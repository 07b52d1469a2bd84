"""What the settings room makes of single modules: the ways in which values are written, read and changed."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_djq.linter import lint
from flake8_djq.project.files import Files
from flake8_djq.project.settings.effective import Database, Effective, Entry, Switch
from flake8_djq.project.settings.room import ProjectSettings, open_settings
from flake8_djq.source import Source
from tests.support import options

ON, OFF, UNKNOWN = Switch.ON, Switch.OFF, Switch.UNKNOWN
ON_BY_DEFAULT, OFF_BY_DEFAULT = Switch.ON_BY_DEFAULT, Switch.OFF_BY_DEFAULT
IMPORTS = """\
CURSORS = "DISABLE_SERVER_SIDE_CURSORS"
import ast, json, os, sys
from os import environ, getenv
import environ as django_environ, dj_database_url, logging
from environs import Env
from decouple import config
env = django_environ.Env(SHOP_DEBUG=(bool, True), SHOP_URL=(str, "mysql://db/shop"))
"""


# A database that cannot be known before the settings run, and one that a variable names.
MADE = "db = load()\nDATABASES = {'default': db}\n"
URL = "DATABASES = {{'default': dj_database_url.parse(get_string('DATABASE_URL', '{}'))}}\n"


def read(text: str) -> Effective:
    """The effective settings of a module that stands alone."""
    tree = ast.parse(IMPORTS + dedent(text))
    return ProjectSettings(Files(None, ("settings.py", tree))).effective("settings.py")


def default(text: str) -> Database:
    return read(text).databases["default"]


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("True", ON),
        ("False", OFF),
        ("not True", OFF),
        ("1 == 1", ON),
        ("'a' in 'abc'", ON),
        ("'production' != 'dev'", ON),
        ("bool(0)", OFF),
        ("something()", UNKNOWN),
        ("True if something() else True", ON),
        ("True if something() else False", UNKNOWN),
        ("something() or True", ON),
        ("something() and False", OFF),
        ("something() and True", UNKNOWN),
        ("{'dev': True, 'live': False}['live']", OFF),
        ("{'dev': True}.get('live', False)", OFF),
        ("{'dev': True, 'live': False}[something()]", UNKNOWN),
        ("[True, False][1]", OFF),
        ("any(x in sys.argv for x in ('test', 'runserver'))", OFF),
        ("all([True, 1])", ON),
        ("len(sys.argv) > 1 and sys.argv[1] == 'test'", OFF),
        ("'pytest' in sys.modules", OFF),
        ("'celery' in sys.argv[0]", UNKNOWN),
        ("ast.literal_eval('False')", OFF),
        ("json.loads('true')", ON),
        ("'ON'.lower() == 'on'", ON),
        ("'{}-{}'.format('a', 'b') == 'a-b'", ON),
        ("'{}:{}'.format('a', 'b') == 'a:b'", ON),
        ("'{:>3}'.format('a') == '  a'", UNKNOWN),
        ("'%s-%s' % ('a', 'b') == 'a-b'", ON),
        ("f'{1}x' == '1x'", ON),
        ("(lambda: True)", UNKNOWN),
        ("10 ** 10 ** 10", UNKNOWN),
        ("'x' * 10 ** 9", UNKNOWN),
        ("'%999999999d' % 1", UNKNOWN),
        ("('x' * 9).replace('x', 'y')", UNKNOWN),
        # The environment.
        ("os.environ.get('DEBUG', 'False') == 'True'", OFF_BY_DEFAULT),
        ("getenv('DEBUG', '1') in ('1', 'true')", ON_BY_DEFAULT),
        ("environ.get('DEBUG') != 'no'", ON_BY_DEFAULT),
        ("bool(int(os.environ.get('DEBUG', 0)))", OFF_BY_DEFAULT),
        ("(os.environ.get('DEBUG') or 'yes') == 'yes'", ON_BY_DEFAULT),
        ("os.environ['DEBUG'] == '1'", UNKNOWN),
        ("'DEBUG' in os.environ", OFF_BY_DEFAULT),
        ("'DYNO' not in os.environ", UNKNOWN),
        ("os.environ.get('DYNO') is None", UNKNOWN),
        ("env('SHOP_DEBUG')", ON_BY_DEFAULT),
        ("env.bool('SHOP_DEBUG')", ON_BY_DEFAULT),
        ("env.bool('DEBUG', False)", OFF_BY_DEFAULT),
        ("env('DEBUG', bool, True)", ON_BY_DEFAULT),
        ("env('DEBUG', default=True, cast=bool)", ON_BY_DEFAULT),
        ("env('DEBUG')", UNKNOWN),
        ("Env().bool('DEBUG', True)", ON_BY_DEFAULT),
        ("config('DEBUG', default=False, cast=bool)", OFF_BY_DEFAULT),
        ("config('DEBUG', default='on', cast=bool)", ON_BY_DEFAULT),
        ("get_env_bool('DEBUG', True)", ON_BY_DEFAULT),
        ("get_bool('DEBUG', True)", ON_BY_DEFAULT),
        ("get_bool(name='DEBUG', default=False, description='x')", OFF_BY_DEFAULT),
        ("envs.get_boolean('DEBUG', default=True)", ON_BY_DEFAULT),
        ("read_bool_setting('DEBUG', True)", ON_BY_DEFAULT),
        ("get_string('LEVEL', 'live') == 'dev'", OFF_BY_DEFAULT),
        ("get_bool('DEBUG')", UNKNOWN),
        ("get_bool('debug', True)", UNKNOWN),
        ("get_bool(variable(), True)", UNKNOWN),
        ("forget_bool('DEBUG', True)", UNKNOWN),
        ("get_bool_field('DEBUG', True)", UNKNOWN),
        ("has_string('LEVEL', 'live') == 'dev'", UNKNOWN),
        ("parser.getboolean('DJANGO', 'ON')", UNKNOWN),
        ("str_to_bool(os.environ.get('DEBUG', 'off'))", OFF_BY_DEFAULT),
        ("parser.getboolean('django', 'debug', fallback=False)", OFF_BY_DEFAULT),
        ("getattr(other, 'DEBUG', False)", OFF_BY_DEFAULT),
        ("getattr(other, 'DEBUG')", UNKNOWN),
    ],
)
def test_debug(value: str, state: Switch) -> None:
    assert read(f"DEBUG = {value}\n").debug.state is state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", OFF),
        ("DEBUG: bool = True\n", ON),
        ("DEBUG = TEMPLATE_DEBUG = True\n", ON),
        ("DEBUG, X = True, 1\n", ON),
        ("DEBUG, X = pair()\n", UNKNOWN),
        ("DEBUG = True\nDEBUG = False\n", OFF),
        ("DEBUG = True\ndel DEBUG\n", OFF),
        ("if something():\n    DEBUG = True\nelse:\n    DEBUG = True\n", ON),
        ("if something():\n    DEBUG = True\n", UNKNOWN),
        ("DEBUG = False\nif os.environ.get('ENV', 'dev') == 'dev':\n    DEBUG = True\n", ON_BY_DEFAULT),
        ("DEBUG = True\nif 'test' in sys.argv:\n    DEBUG = False\n", ON),
        ("DEBUG = False\nif something():\n    DEBUG = True\nelse:\n    raise SystemExit\n", ON),
        ("DEBUG = False\nif something():\n    DEBUG = True\nelse:\n    sys.exit(1)\n", ON),
        ("try:\n    DEBUG = os.environ['DEBUG'] == '1'\nexcept KeyError:\n    DEBUG = True\n", ON_BY_DEFAULT),
        ("try:\n    import toolbar\nexcept ImportError:\n    DEBUG = False\nelse:\n    DEBUG = True\n", UNKNOWN),
        ("for DEBUG in (False, True):\n    pass\n", ON),
        ("DEBUG = False\nfor x in things():\n    DEBUG = True\n", UNKNOWN),
        ("DEBUG = False\nwhile things():\n    DEBUG = True\n", UNKNOWN),
        ("with open('x') as f:\n    DEBUG = True\n", ON),
        ("if (x := True):\n    DEBUG = x\n", ON),
        ("match 'live':\n    case 'dev' | 'test':\n        DEBUG = True\n    case _:\n        DEBUG = False\n", OFF),
        ("match things():\n    case [x]:\n        DEBUG = True\n    case _:\n        DEBUG = False\n", UNKNOWN),
        ("globals()['DEBUG'] = True\n", ON),
        ("globals().update({'DEBUG': True})\n", ON),
        ("globals().update(DEBUG=True)\n", ON),
        ("DEBUG = True\nglobals().update(load())\n", UNKNOWN),
        ("DEBUG = True\nglobals()[name()] = 1\n", UNKNOWN),
        ("DEBUG = True\nconfigure(globals())\n", UNKNOWN),
        ("DEBUG = True\nX = configure(names=globals())\n", UNKNOWN),
        ("DEBUG = True\nexec(code())\n", UNKNOWN),
        ("DEBUG = True\nsetattr(sys.modules[__name__], 'DEBUG', False)\n", UNKNOWN),
        ("DEBUG = True\ndef off():\n    global DEBUG\n    DEBUG = False\noff()\n", UNKNOWN),
        ("from elsewhere import *\n", UNKNOWN),
        ("from elsewhere import DEBUG\n", UNKNOWN),
        ("from django.conf.global_settings import *\n", OFF),
        ("os.environ['X'] = '1'\nDEBUG = os.environ.get('X') == '1'\n", ON),
        ("os.environ.setdefault('X', '1')\nDEBUG = os.environ['X'] == '1'\n", ON_BY_DEFAULT),
        ("X = True\nDEBUG = X\nX = False\n", ON),
        ("X = {'debug': True}\nDEBUG = X['debug']\nX['debug'] = False\n", ON),
        ("DEBUG = DEBUG\n", UNKNOWN),
        # Functions of the module.
        (
            "def read(name, default='0'):\n    return os.environ.get(name, default)\nDEBUG = read('D') == '1'\n",
            OFF_BY_DEFAULT,
        ),
        ("def flag(x):\n    if x == 'a':\n        return True\n    return False\nDEBUG = flag('a')\n", ON),
        (
            "def flag(x):\n    for y in ('a', 'b'):\n        if y == x:\n"
            "            return True\n    return False\nDEBUG = flag('b')\n",
            ON,
        ),
        ("def flag(*a, **k):\n    return k['on']\nDEBUG = flag(1, on=True)\n", ON),
        ("def flag():\n    return flag()\nDEBUG = flag()\n", UNKNOWN),
        ("def flag():\n    yield True\nDEBUG = flag()\n", UNKNOWN),
        ("def flag():\n    raise ValueError\nDEBUG = flag()\n", UNKNOWN),
        (
            "class Config:\n    on = True\n    @property\n"
            "    def debug(self):\n        return self.on\nDEBUG = Config().debug\n",
            ON,
        ),
        ("class Base:\n    DEBUG = True\nclass Live(Base):\n    DEBUG = False\nDEBUG = Live.DEBUG\n", OFF),
    ],
)
def test_debug_by_statements(text: str, state: Switch) -> None:
    assert read(text).debug.state is state


# What a module would do for hours, or fill the memory with.
ENDLESS = {
    "loops in loops": "".join(f"{'    ' * depth}for x{depth} in range_30:\n" for depth in range(6))
    + f"{'    ' * 6}DEBUG = True\n",
    "calls in calls": "".join(f"def f{n}():\n    return {' + '.join([f'f{n + 1}()'] * 30)}\n" for n in range(8))
    + "def f8():\n    return 1\nDEBUG = f0() > 3\n",
    "comprehensions in comprehensions": "L = [1] + range_30 * 1 + [" + "1, " * 1_000 + "]\n"
    "DEBUG = [[[x for x in L] for y in L] for z in L]\n",
    "all combinations": "".join(f"v{n} = {{'a': 1, 'b': 2, 'c': 3}}[key{n}()]\n" for n in range(30))
    + f"DEBUG = os.path.join({', '.join(f'str(v{n})' for n in range(30))}) == 'x'\n",
    "a list that doubles": "DEBUG = ['a']\n" + "DEBUG += DEBUG\n" * 60,
    "a dict that doubles": "DEBUG = {}\n" + "DEBUG = {'one': DEBUG, 'other': DEBUG}\n" * 60,
    "two dicts that double": "one = other = {}\n"
    + "one, other = {'x': one, 'y': one}, {'x': other, 'y': other}\n" * 60
    + "DEBUG = (one if x() else other)['x']['y']['z']\n",
    "long lists that may be longer": "DEBUG = ['a']\n"
    + "".join(f"if x():\n    DEBUG += [{', '.join(f'{n}' for n in range(m, m + 50))}]\n" for m in range(0, 30_000, 50)),
    "attributes of attributes": f"DEBUG = x{'.y' * 900}\n",
    "large numbers": "DEBUG = 9 ** 9 ** 9 ** 9\n",
    "long texts": "DEBUG = ('%0999999999d' % 1) + 'x' * 10 ** 10 + '{:>999999999}'.format(1)\n",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_what_would_take_too_long_is_unknown(text: str) -> None:
    started = time.perf_counter()
    assert read(f"range_30 = {list(range(30))}\n{text}").debug.state is UNKNOWN
    assert time.perf_counter() - started < 15


def test_a_module_that_takes_too_long_does_not_spoil_the_next(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "settings.py").write_text(f"range_30 = {list(range(30))}\n{ENDLESS['loops in loops']}")
    (tmp_path / "settings_batch.py").write_text("DEBUG = True\n")
    settings = open_settings(str(tmp_path / "manage.py"))
    assert settings.effective(tmp_path / "settings.py").debug.unless
    assert settings.effective(tmp_path / "settings_batch.py").debug.is_on


def test_a_file_that_a_variable_names_may_be_missing() -> None:
    debug = read("DEBUG = True\nexec(open(os.environ.get('MORE', '/dev/null')).read())\n").debug
    assert (debug.state, bool(debug.unless)) == (ON, True)
    debug = read("DEBUG = True\nexec(more())\n").debug
    assert (debug.state, bool(debug.unless)) == (UNKNOWN, True)


def test_a_missing_file_leaves_the_value_and_a_doubt() -> None:
    debug = read("DEBUG = True\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n").debug
    assert (debug.state, debug.unless, debug.is_on) == (ON, ".local", False)
    assert read("from .base import *\nDEBUG = True\n").debug.is_on


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("DATABASES = {'default': {'ENGINE': 'django.db.backends.mysql'}}\n", "mysql"),
        ("DATABASES = {}\nDATABASES['default'] = {'ENGINE': 'django.db.backends.oracle'}\n", "oracle"),
        ("DATABASES = {'default': {}}\nDATABASES['default']['ENGINE'] = 'psqlextra.backend'\n", "postgresql"),
        (
            "DATABASES = {'default': {}}\n"
            "DATABASES['default'].update({'ENGINE': 'django_prometheus.db.backends.mysql'})\n",
            "mysql",
        ),
        ("DATABASES = {'default': {}}\nDATABASES['default'].update(ENGINE='sqlite3')\n", "sqlite"),
        ("DATABASES = {'default': {}}\nDATABASES['default'].setdefault('ENGINE', 'sqlite3')\n", "sqlite"),
        ("DATABASES = dict(default=dict(ENGINE='django.contrib.gis.db.backends.postgis'))\n", "postgresql"),
        ("db = {'ENGINE': 'sqlite3'}\nDATABASES = {'default': db}\ndb['ENGINE'] = 'mysql'\n", "mysql"),
        ("base = {'ENGINE': 'mysql'}\nDATABASES = {'default': {**base, 'NAME': 'x'}}\n", "mysql"),
        ("base = {'ENGINE': 'mysql'}\nDATABASES = {'default': base | {'NAME': 'x'}}\n", "mysql"),
        ("DATABASES = {'default': {'ENGINE': 'django.db.backends.' + 'mysql'}}\n", "mysql"),
        ("DATABASES = {'default': {'ENGINE': f'django.db.backends.{kind()}'}}\n", ""),
        ("DATABASES = {'default': {'ENGINE': os.environ.get('E', 'django.db.backends.mysql')}}\n", "mysql"),
        ("DATABASES = {'default': {'ENGINE': os.environ['E']}}\n", ""),
        ("DATABASES = {'default': env.db()}\n", ""),
        ("DATABASES = {'default': env.db(default='postgres://db/x')}\n", "postgresql"),
        ("DATABASES = {'default': env.db('SHOP_URL')}\n", "mysql"),
        ("DATABASES = {'default': env.db_url('U', default='sqlite:///x')}\n", "sqlite"),
        ("DATABASES = {'default': env.db(default='mysql://' + host())}\n", "mysql"),
        ("DATABASES = {'default': env.db(default=scheme() + '://db/x')}\n", ""),
        ("DATABASES = {'default': dj_database_url.config(default=f'postgres://{host()}/x')}\n", "postgresql"),
        ("DATABASES = {'default': env.db('U', default='postgres://x', engine='mysql.connector.django')}\n", "mysql"),
        ("DATABASES = {'default': dj_database_url.config(default='mysql://db/x', conn_max_age=5)}\n", "mysql"),
        ("DATABASES = {'default': dj_database_url.parse('oracle://db/x')}\n", "oracle"),
        ("DATABASES = {'default': config('U', default='mysql://db/x', cast=dj_database_url.parse)}\n", "mysql"),
        ("DATABASES = {'default': dj_database_url.parse('cockroach://db/x')}\n", "other"),
        (
            "DATABASES = {'default': {'ENGINE': 'postgresql', 'DISABLE_SERVER_SIDE_CURSORS': True}}\n",
            "postgresql-pooled",
        ),
        (
            "DATABASES = {'default': dj_database_url.config(default='postgres://x',"
            " disable_server_side_cursors=True)}\n",
            "postgresql-pooled",
        ),
        ("DATABASES = {'default': {'ENGINE': 'mysql', 'DISABLE_SERVER_SIDE_CURSORS': True}}\n", "mysql"),
        ("DATABASES = {'default': {'ENGINE': 'sqlite3', CURSORS: True}}\n", "sqlite"),
        ("DATABASES = {'default': {'ENGINE': os.environ['E'], CURSORS: True}}\n", "postgresql-pooled"),
        ("DATABASES = {'default': {**load(), CURSORS: True}}\n", "postgresql-pooled"),
        ("DATABASES = {'default': {CURSORS: True, **load()}}\n", ""),
        (MADE + "db[CURSORS] = True\n", "postgresql-pooled"),
        (MADE + "db[CURSORS] = get_bool('NO_CURSORS', True)\n", "postgresql-pooled"),
        (MADE + "db[CURSORS] = get_bool(name='NO_CURSORS', default=True, description='x')\n", "postgresql-pooled"),
        (MADE + "db[CURSORS] = os.environ.get('NO_CURSORS', '1') == '1'\n", "postgresql-pooled"),
        (MADE + "db.update({CURSORS: True})\n", "postgresql-pooled"),
        (MADE + "db[CURSORS] = get_bool('NO_CURSORS', False)\n", ""),
        (MADE + "db[CURSORS] = get_bool('NO_CURSORS')\n", ""),
        (MADE + "db[CURSORS] = target_bool('NO_CURSORS', True)\n", ""),
        (MADE + "db[CURSORS] = True\ndb[CURSORS] = False\n", ""),
        (MADE + "db['ATOMIC_REQUESTS'] = True\n", ""),
        (MADE + "db['OPTIONS'] = {CURSORS: True}\n", ""),
        (MADE + "db[name()] = True\n", ""),
        (MADE + "load()[CURSORS] = True\n", ""),
        ("db = load()\nDATABASES = {'default': db}\ndb[CURSORS] = True\n", "postgresql-pooled"),
        (
            "db = {'ENGINE': 'postgresql'} if x() else load()\nDATABASES = {'default': db}\ndb[CURSORS] = True\n",
            "postgresql-pooled",
        ),
        (
            "DATABASES = {'default': load() if environ.get('X') else {'ENGINE': 'postgresql', CURSORS: True}}\n",
            "postgresql-pooled",
        ),
        (
            "if environ.get('X'):\n    DATABASES = load()\n"
            "else:\n    DATABASES = {'default': {'ENGINE': 'postgresql', CURSORS: True}}\n",
            "postgresql-pooled",
        ),
        ("db = other = load()\nDATABASES = {'default': load()}\ndb[CURSORS] = True\n", ""),
        (URL.format("sqlite:///x") + "DATABASES['default'][CURSORS] = True\n", "postgresql-pooled"),
        (URL.format("postgres://x") + "DATABASES['default'][CURSORS] = True\n", "postgresql-pooled"),
        (URL.format("mysql://x") + "DATABASES['default'][CURSORS] = True\n", "mysql"),
        (URL.format("sqlite:///x") + "DATABASES['default'][CURSORS] = False\n", "sqlite"),
        (
            "DATABASES = {'default': {'ENGINE': 'sqlite3'}}\n"
            "if x():\n    DATABASES = {'default': {'ENGINE': 'mysql'}}\n",
            "",
        ),
        (
            "DATABASES = {'default': {'ENGINE': 'mysql'}}\nif x():\n    DATABASES['other'] = {'ENGINE': 'sqlite3'}\n",
            "mysql",
        ),
        (
            "DATABASES = {'default': {'ENGINE': 'mysql'}}\n"
            "if 'test' in sys.argv:\n    DATABASES = {'default': {'ENGINE': 'sqlite3'}}\n",
            "mysql",
        ),
        ("from .base import *\nDATABASES['default']['ENGINE'] = 'mysql'\n", "mysql"),
        (
            "from django.conf import settings\nDATABASES = {'default': {'ENGINE': 'mysql'}}\n"
            "settings.DATABASES['default'].update({'ENGINE': 'sqlite3'})\n",
            "sqlite",
        ),
        (
            "from elsewhere import settings\nDATABASES = {'default': {'ENGINE': 'mysql'}}\n"
            "settings.DATABASES['default'].update({'ENGINE': 'sqlite3'})\n",
            "mysql",
        ),
    ],
)
def test_default_database(text: str, name: str) -> None:
    assert default(text).name == name


def test_aliases_and_routers() -> None:
    found = read(
        "DATABASES = {'default': {'ENGINE': 'mysql'}, 'log': {'ENGINE': 'sqlite3'}}\nDATABASE_ROUTERS = ['x.R']\n"
    )
    assert {alias: database.engine for alias, database in found.databases.items()} == {
        "default": "mysql",
        "log": "sqlite",
    }
    assert found.routers is True


@pytest.mark.parametrize(
    ("text", "engines"),
    [
        ("DATABASES = {}\n", {}),
        ("DATABASES = {}\ndel DATABASES\n", {}),
        ("DEBUG = False\n", {}),
        ("DATABASES = load()\n", {"default": ""}),
        ("from .base import *\n", {"default": ""}),
        ("DATABASES = {**more(), 'log': {'ENGINE': 'mysql'}}\n", {"default": "", "log": "mysql"}),
        ("DATABASES = {'default': {'ENGINE': 'mysql'}, **more()}\n", {"default": ""}),
        ("if x():\n    DATABASES = {'default': {'ENGINE': 'mysql'}}\n", {"default": "mysql"}),
        (
            "if x():\n    DATABASES = {'default': {'ENGINE': 'mysql'}}\nelse:\n    DATABASES = load()\n",
            {"default": ""},
        ),
    ],
)
def test_where_there_is_no_database_and_where_it_is_unknown(text: str, engines: dict[str, str]) -> None:
    assert {alias: database.engine for alias, database in read(text).databases.items()} == engines


@pytest.mark.parametrize(
    ("entry", "pooler"),
    [
        ("'HOST': 'pgbouncer.internal'", "HOST = pgbouncer.internal"),
        ("'PORT': 6432", "PORT = 6432"),
        ("'PORT': os.environ.get('PORT', '6432')", "PORT = 6432"),
        ("'HOST': 'db', 'PORT': 5432", ""),
    ],
)
def test_pooler(entry: str, pooler: str) -> None:
    assert default(f"DATABASES = {{'default': {{'ENGINE': 'postgresql', {entry}}}}}\n").pooler == pooler


@pytest.mark.parametrize(
    ("text", "apps"),
    [
        ("INSTALLED_APPS = ['a', 'b']\n", "a b"),
        ("INSTALLED_APPS = ('a',) + ('b',)\n", "a b"),
        ("ONE = ['a']\nINSTALLED_APPS = ONE + ['b']\nONE = []\n", "a b"),
        ("INSTALLED_APPS = ['a']\nINSTALLED_APPS += ['b']\n", "a b"),
        ("INSTALLED_APPS = ['a']\nINSTALLED_APPS.append('b')\n", "a b"),
        ("INSTALLED_APPS = ['a']\nINSTALLED_APPS.insert(0, 'b')\n", "a b"),
        ("INSTALLED_APPS = ['a']\nINSTALLED_APPS.extend(['b', 'c'])\n", "a b c"),
        ("INSTALLED_APPS = ['a', 'b']\nINSTALLED_APPS.remove('a')\n", "b"),
        ("INSTALLED_APPS = ['a', 'b']\nINSTALLED_APPS.pop()\n", ""),
        ("INSTALLED_APPS = ['a', *['b']]\n", "a b"),
        ("INSTALLED_APPS = [x for x in ['a', 'b'] if x != 'a']\n", "b"),
        ("INSTALLED_APPS = list(('a', 'b'))\n", "a b"),
        ("INSTALLED_APPS = ['a'] + more()\n", "a"),
        ("INSTALLED_APPS = ['a'] + env.list('MORE', default=[])\n", "a"),
        ("INSTALLED_APPS = ['a']\nif x():\n    INSTALLED_APPS += ['b']\n", "a"),
        (
            "INSTALLED_APPS = ['a']\nif x():\n    INSTALLED_APPS += ['b']\nelse:\n    INSTALLED_APPS += ['b', 'c']\n",
            "a b",
        ),
        ("INSTALLED_APPS = ['a']\nfor x in ('b', 'c'):\n    INSTALLED_APPS.append(x)\n", "a b c"),
        (
            "INSTALLED_APPS = ['a']\nmore = ['b']\nif x():\n    more.append('c')\n"
            "for x in more:\n    INSTALLED_APPS.append(x)\n",
            "a b",
        ),
        ("more = []\nif x():\n    more.append('b')\nmore.append('c')\nINSTALLED_APPS = [more[0]]\n", ""),
        ("more = []\nif x():\n    more.append('b')\n[one] = more\nINSTALLED_APPS = [one]\n", ""),
        (
            "INSTALLED_APPS = ['a']\ntry:\n    import b\n"
            "    INSTALLED_APPS.append('b')\nexcept ImportError:\n    pass\n",
            "a",
        ),
        ("from .base import *\nINSTALLED_APPS += ['a']\n", "a"),
        ("INSTALLED_APPS = set('ab') - {'a'}\n", ""),
        ("INSTALLED_APPS = something()\n", ""),
    ],
)
def test_installed_apps(text: str, apps: str) -> None:
    assert " ".join(entry.name for entry in read(text).apps) == apps


HANDLERS = (
    "{{'quiet': {{'level': 'INFO'}}, 'asked': {{'level': os.environ.get('LEVEL', 'DEBUG')}},"
    " 'null': {{'class': 'logging.NullHandler'}}}}"
)
LOGGERS = f"LOGGING = {{{{'handlers': {HANDLERS}, 'loggers': {{}}}}}}\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LOGGERS.format("{'django.db.backends': {'level': 'DEBUG'}}"), "django.db.backends"),
        (LOGGERS.format("{'django.db.backends': {'level': logging.DEBUG}}"), "django.db.backends"),
        (LOGGERS.format("{'django.db': {'level': 'DEBUG'}}"), "django.db"),
        (LOGGERS.format("{'django': {'level': 'DEBUG'}}"), "django"),
        (LOGGERS.format("{'django': {'level': 'DEBUG'}, 'django.db.backends': {'level': 'INFO'}}"), ""),
        (LOGGERS.format("{'django.db.backends': {'level': os.environ.get('LEVEL', 'DEBUG')}}"), ""),
        (
            LOGGERS.format(
                "{'django.db.backends': {'level': 'DEBUG', 'handlers': ['quiet', 'null'], 'propagate': False}}"
            ),
            "",
        ),
        (
            LOGGERS.format("{'django.db.backends': {'level': 'DEBUG', 'handlers': ['asked'], 'propagate': False}}"),
            "",
        ),
        (LOGGERS.format("{'django.db.backends': {'level': 'DEBUG', 'handlers': ['quiet']}}"), "django.db.backends"),
        # No handler at all, and nothing passed on: what `logging` prints itself is a warning or worse.
        (LOGGERS.format("{'django.db.backends': {'level': 'DEBUG', 'handlers': [], 'propagate': False}}"), ""),
        (LOGGERS.format("{'django.db.backends': {'level': 'DEBUG', 'propagate': False}}"), ""),
        (
            LOGGERS.format("{'django.db.backends': {'level': 'DEBUG', 'handlers': names(), 'propagate': False}}"),
            "django.db.backends",
        ),
        (LOGGERS.format("{'django.db.backends': {'level': 'DEBUG', 'handlers': []}}"), "django.db.backends"),
        (LOGGERS.format("{'django.db.backends': {'level': 'DEBUG', 'propagate': x()}}"), "django.db.backends"),
        (
            LOGGERS.format("{'django.db.backends': {**load(), 'level': 'DEBUG', 'propagate': False}}"),
            "django.db.backends",
        ),
        # The handlers of the loggers that it is passed on to.
        (LOGGERS.format("{'django.db.backends': {'level': 'DEBUG'}, 'django': {'propagate': False}}"), ""),
        (
            LOGGERS.format(
                "{'django.db.backends': {'level': 'DEBUG'}, 'django': {'handlers': ['loud'], 'propagate': False}}"
            ),
            "django.db.backends",
        ),
        (
            LOGGERS.format(
                "{'django.db.backends': {'handlers': ['loud']}, 'django': {'level': 'DEBUG', 'propagate': False}}"
            ),
            "django",
        ),
        (LOGGERS.format("{'django.db.backends': load()}"), ""),
        (LOGGERS.format("{'django.request': {'level': 'DEBUG'}}"), ""),
        ("logging.getLogger('django.db.backends').setLevel(logging.DEBUG)\n", "django.db.backends"),
        ("log = logging.getLogger('django.db.backends')\nlog.setLevel('DEBUG')\n", "django.db.backends"),
        ("logging.getLogger('django.db.backends').setLevel(logging.INFO)\n", ""),
        ("logging.getLogger('shop').setLevel(logging.DEBUG)\n", ""),
    ],
)
def test_sql_logger(text: str, name: str) -> None:
    assert read(text).sql_logger[0] == name


def project(tmp_path: Path, **texts: str) -> ProjectSettings:
    """A project with these modules in its folder `conf`; `__` stands for a dot of a file's name."""
    (tmp_path / "manage.py").write_text("", encoding="utf-8")
    for name, text in texts.items():
        path = tmp_path / "conf" / (name.replace("__", ".") + ("" if "__" in name else ".py"))
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return open_settings(str(tmp_path / "manage.py"))


@pytest.mark.parametrize(
    ("text", "state", "lines"),
    [
        ("from .base import *\n", ON, "main:1 base:1"),
        ("from .base import DEBUG\n", ON, "main:1 base:1"),
        ("from .base import DEBUG as LOUD\nDEBUG = LOUD\n", ON, "main:2 base:1"),
        ("from . import base\nDEBUG = base.DEBUG\n", ON, "main:2 base:1"),
        ("import conf.base as base\nDEBUG = base.DEBUG\n", ON, "main:2 base:1"),
        ("from conf.base import *\n", ON, "main:1 base:1"),
        ("from base import *\n", ON, "main:1 base:1"),
        ("from .base import *\nfrom .quiet import *\n", OFF, "main:2 quiet:1"),
        ("from .quiet import *\nfrom .base import *\n", ON, "main:2 base:1"),
        ("from .between import *\n", ON, "main:1 between:2 base:1"),
        ("from .private import *\n", OFF, ""),
        ("from .base import *\nfrom .closed import *\n", ON, "main:1 base:1"),
        ("try:\n    from .quiet import *\nexcept ImportError:\n    from .base import *\n", OFF, "main:2 quiet:1"),
        ("exec(open('conf/base.py').read())\n", UNKNOWN, ""),
        ("import os\nexec(open(os.path.join(os.path.dirname(__file__), 'base.py')).read())\n", ON, "main:2 base:1"),
        (
            "from pathlib import Path\nwith open(Path(__file__).parent / 'base.py') as f:\n    exec(f.read())\n",
            ON,
            "main:3 base:1",
        ),
        ("from .helpers import flag\nDEBUG = flag('X', True)\n", ON_BY_DEFAULT, "main:2"),
        ("from .broken import *\n", UNKNOWN, ""),
        (
            "import os\nfrom importlib import import_module\n"
            "m = import_module('conf.' + os.environ.get('E', 'quiet'))\nDEBUG = m.DEBUG\n",
            OFF_BY_DEFAULT,
            "main:4 quiet:1",
        ),
    ],
)
def test_chains(tmp_path: Path, text: str, state: Switch, lines: str) -> None:
    settings = project(
        tmp_path,
        main=text,
        base="DEBUG = True\nX = 1\n",
        quiet="DEBUG = False\n",
        between="# nothing\nfrom .base import *\n",
        private="_DEBUG = True\n",
        closed="__all__ = ['X']\nDEBUG = False\nX = 2\n",
        helpers="import os\ndef flag(name, default):\n    return os.environ.get(name, default) in (True, '1')\n",
        broken="DEBUG = (\n",
    )
    debug = settings.effective(tmp_path / "conf/main.py").debug
    assert debug.state is state
    found = " ".join(f"{Path(step.path).stem}:{step.line}" for step in debug.way)
    assert found == lines or state is UNKNOWN


def test_depth_and_size_do_no_harm(tmp_path: Path) -> None:
    deep = "X = " + "(" * 80 + "1" + ")" * 80 + "\n"
    settings = project(
        tmp_path,
        long="MIDDLEWARE = []\n" + "MIDDLEWARE += ['x']\n" * 3000,
        branches="MIDDLEWARE = []\n" + "if x():\n    MIDDLEWARE += ['x']\n" * 300,
        calls="def f(x):\n    if y():\n        return f(x)\n    return f(f(x))\nDEBUG = f(f(f(1)))\n",
        nested=deep + "DEBUG = " + "not " * 300 + "True\n",
    )
    for name in ("branches", "calls", "nested"):
        found = settings.effective(tmp_path / f"conf/{name}.py")
        assert found.debug is not None
        assert found.middleware in ((), (Entry("x", ()),))
    assert settings.production_database().name == "unknown"
    text = (tmp_path / "conf/long.py").read_text(encoding="utf-8")
    assert lint(Source(str(tmp_path / "conf/long.py"), text, ast.parse(text)), options()) == []


POOLED = """\
import os, dj_database_url
from envs_of_a_library import get_bool, get_string
config = dj_database_url.parse(get_string(name="SHOP_DB", default="sqlite:///{}".format("x")))
config["CONN_MAX_AGE"] = 0
config["DISABLE_SERVER_SIDE_CURSORS"] = get_bool(
    name="NO_CURSORS",
    default=True,
)
DATABASES = {"default": config}
"""
HELPERS = """\
import os
def get_string(name, default):
    return os.environ.get(name, default)
def get_bool(name, default):
    value = os.environ.get(name)
    if value is None:
        return default
    return value == "true"
"""


@pytest.mark.parametrize(
    ("text", "evidence", "answer"),
    [
        (POOLED, "", ("postgresql-pooled", "conf.settings:5")),
        (POOLED.replace("envs_of_a_library", "conf.envs"), "", ("postgresql-pooled", "conf.settings:5")),
        (POOLED, "SHOP_DB=postgres://db:5432/shop\n", ("postgresql-pooled", "conf.settings:5")),
        # What runs in production says otherwise.
        (POOLED, "SHOP_DB=mysql://db/shop\n", ("mysql", "conf/shop.env:1")),
        (POOLED + "config['ENGINE'] = os.environ['SHOP_DB']\n", "SHOP_DB=mysql\n", ("mysql", "conf/shop.env:1")),
        (POOLED, "A=1\nNO_CURSORS=False\n", ("unknown", "conf/shop.env:2")),
        (POOLED, "NO_CURSORS: 'off'\n", ("unknown", "conf/shop.env:1")),
        (POOLED, "NO_CURSORS=True\n", ("postgresql-pooled", "conf.settings:5")),
        (POOLED, "NO_CURSORS_AT_ALL=False\n", ("postgresql-pooled", "conf.settings:5")),
        (
            POOLED + "QUIET = True\nconfig['DISABLE_SERVER_SIDE_CURSORS'] = QUIET\n",
            "",
            ("postgresql-pooled", "conf.settings:11"),
        ),
        # Near to it.
        (POOLED.replace("True", "False"), "", ("unknown", "")),
        (POOLED.replace("True", "False"), "SHOP_DB=postgres://db/shop\n", ("postgresql", "conf/shop.env:1")),
        (POOLED.replace("get_bool", "target_bool"), "", ("unknown", "")),
        (POOLED.replace("DISABLE_SERVER_SIDE_CURSORS", "ATOMIC_REQUESTS"), "", ("unknown", "")),
        (POOLED + "config['DISABLE_SERVER_SIDE_CURSORS'] = False\n", "", ("unknown", "")),
    ],
)
def test_a_pooler_by_default(tmp_path: Path, text: str, evidence: str, answer: tuple[str, str]) -> None:
    assert project(tmp_path, settings=text, envs=HELPERS, shop__env=evidence).production_database()[:2] == answer


def test_the_pooler_is_named_where_a_function_of_the_project_decides(tmp_path: Path) -> None:
    settings = project(
        tmp_path,
        envs=HELPERS,
        settings="""\
            from conf.envs import get_bool
            DATABASES = {
                "default": {
                    "ENGINE": "django.db.backends.postgresql",
                    "DISABLE_SERVER_SIDE_CURSORS": get_bool("NO_CURSORS", True),
                }
            }
        """,
    )
    assert settings.production_database()[:2] == ("postgresql-pooled", "conf.settings:5")


POSTGRESQL = 'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}\n'
INI = "[databases]\nshop = host=db\n[pgbouncer]\n{}\n"
COMPOSE = "services:\n  pooler:\n    image: edoburu/pgbouncer\n    environment:\n      {}\n"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("pgbouncer.ini", INI.format("pool_mode = transaction"), 4),
        ("deploy/pgbouncer.ini.j2", INI.format("pool_mode=transaction ; as the site wants it"), 4),
        ("deploy/pgbouncer.web.template.ini", INI.format("pool_mode = transaction"), 4),
        ("pgbouncer.ini", "[databases]\nshop = host=db pool_mode=transaction\n", 2),
        ("infrastructure/pg-bouncer-data.tpl.sh", f"cat > x <<E\n{INI.format('pool_mode = transaction')}E\n", 5),
        ("docker-compose.yml", COMPOSE.format("POOL_MODE: transaction"), 5),
        ("docker-compose.yml", COMPOSE.format("- PGBOUNCER_POOL_MODE=transaction"), 5),
        ("docker-compose.yml", COMPOSE.format('POOL_MODE: "${POOL_MODE:-transaction}"'), 5),
        ("k8s/pooler.yaml", "- name: POOL_MODE\n  value: transaction\n", 1),
        ("charts/db/values.yaml", "pgbouncer:\n  poolMode: transaction\n", 2),
        (".env", "A=1\nPOOL_MODE=transaction\n", 2),
        # Near to it.
        ("pgbouncer.ini", INI.format("pool_mode = session"), 0),
        ("pgbouncer.ini", INI.format(";pool_mode = transaction"), 0),
        ("pgbouncer.ini", INI.format("pool_mode = session  # or pool_mode = transaction"), 0),
        ("docker-compose.yml", COMPOSE.format("# POOL_MODE: transaction"), 0),
        ("docker-compose.yml", COMPOSE.format("CARPOOL_MODE: transaction"), 0),
        ("docker-compose.yml", COMPOSE.format("POOL_MODE: transactional"), 0),
        ("README.md", "Set `POOL_MODE=transaction`.\n", 0),
        (".github/workflows/tests.yml", "env:\n  POOL_MODE: transaction\n", 0),
    ],
)
def test_a_pooler_that_other_files_speak_of(tmp_path: Path, name: str, text: str, line: int) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = project(tmp_path, settings=POSTGRESQL).production_database()
    pooled = ("postgresql-pooled", f"{name}:{line}", "", True)
    assert tuple(found) == (pooled if line else ("postgresql", "conf.settings:1", "", False))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (POSTGRESQL.replace("postgresql", "mysql"), ("mysql", "conf.settings:1", "", False)),
        # Where nobody knows the database, such a pooler says which it is.
        ("from elsewhere import DATABASES\n", ("postgresql-pooled", "pgbouncer.ini:4", "", True)),
        (
            POSTGRESQL + 'DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True\n',
            ("postgresql-pooled", "conf.settings:2", "", False),
        ),
    ],
)
def test_a_pooler_changes_nothing_else(tmp_path: Path, text: str, answer: tuple[str, str, str, bool]) -> None:
    (tmp_path / "pgbouncer.ini").write_text(INI.format("pool_mode = transaction"), encoding="utf-8")
    assert tuple(project(tmp_path, settings=text).production_database()) == answer


def test_a_stream_is_no_remedy_behind_a_transaction_pooler(tmp_path: Path) -> None:
    (tmp_path / "pgbouncer.ini").write_text(INI.format("pool_mode = transaction"), encoding="utf-8")
    project(tmp_path, settings=POSTGRESQL)
    path = tmp_path / "shop" / "management" / "commands" / "x.py"
    path.parent.mkdir(parents=True)
    loop = "from shop.models import Event\nfor event in Event.objects.{}:\n    print(event)\n"
    path.write_text(loop.format("all()"), encoding="utf-8")
    [finding] = lint(Source(str(path), loop.format("all()"), ast.parse(loop.format("all()"))), options())
    assert "behind a transaction pooler the server-side cursor of .iterator() breaks outside" in finding.message
    assert "(pgbouncer.ini:4): walk it by key" in finding.message
    # It streams as soon as there is a transaction: nobody is told that it does not.
    streamed = loop.format("iterator(chunk_size=2000)")
    assert lint(Source(str(path), streamed, ast.parse(streamed)), options()) == []


BY_MODE = """\
    from .local import MODE
    if MODE in ("production", "staging"):
        DATABASES = {"default": {"ENGINE": "django.db.backends.%s"}}
    else:
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
"""


@pytest.mark.parametrize(
    ("text", "mysql"),
    [
        (BY_MODE % "mysql", "conf.settings:3"),
        (BY_MODE % "postgresql", ""),
        ('DATABASES = {"default": {"ENGINE": "django.db.backends.mysql"}}\n', ""),  # it is, then
        (
            "from .local import MYSQL\nENGINE = 'mysql' if MYSQL else 'sqlite3'\n"
            'DATABASES = {"default": {"ENGINE": f"django.db.backends.{ENGINE}"}}\n',
            "conf.settings:3",
        ),
        (
            "from .local import REPORTS\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}\n"
            "if REPORTS:\n    DATABASES['reports'] = {'ENGINE': 'django.db.backends.mysql'}\n",
            "",
        ),
    ],
)
def test_settings_that_may_choose_mysql(tmp_path: Path, text: str, mysql: str) -> None:
    assert project(tmp_path, settings=text).production_database().mysql == mysql


UNREAD = "from elsewhere import options\nDATABASES = {'default': options()}\n"


@pytest.mark.parametrize(
    ("name", "text", "mysql"),
    [
        ("docker-compose.yml", "services:\n  db:\n    image: mysql:8\n", "docker-compose.yml:3"),
        ("docker-compose.yml", "  db:\n    image: mysql:8\n  other:\n    image: postgres:15\n", ""),
        ("requirements.txt", "Django==5.2\nmysqlclient==2.2\n", "requirements.txt:2"),
        ("requirements/base.txt", "Django==1.8\nMySQL-python==1.2.5\n", "requirements/base.txt:2"),
        ("requirements.txt", "Django==5.2\nmysqlclient==2.2\npsycopg[binary]\n", ""),
        ("pyproject.toml", '[project]\ndependencies = ["PyMySQL>=1"]\n', "pyproject.toml:2"),
        ("requirements.txt", "pytest-mysqlclients\n", ""),
        ("requirements.lock", "django==5.2\nmysqlclient==2.2\n    # via shop\n", "requirements.lock:2"),
        # What a package in a lock file would ask for with its extras is not what the project asks for.
        ("poetry.lock", '[[package]]\nname = "PyMySQL"\nversion = "1.0"\n', "poetry.lock:2"),
        ("poetry.lock", '[package.extras]\ndemo = ["Django (>=1.11.1)", "PyMySQL (>=1.0.2)"]\n', ""),
        ("poetry.lock", '[[package]]\nname = "pymysql"\n[package.extras]\nother = ["psycopg2"]\n', "poetry.lock:2"),
        ("poetry.lock", '[[package]]\nname = "pymysql"\n[[package]]\nname = "psycopg2-binary"\n', ""),
        ("poetry.lock", '[[package]]\nname = "pymysql"\n[[package]]\nname = "cx-oracle"\n', ""),
        ("pdm.lock", '[[package]]\nname = "x"\ndependencies = [\n    "mysqlclient>=2",\n]\n', ""),
        ("uv.lock", '[[package]]\nname = "x"\ndependencies = [\n    { name = "mysqlclient" },\n]\n', ""),
        ("uv.lock", '[[package]]\nname = "mysqlclient"\nversion = "2.2"\n', "uv.lock:2"),
        ("Pipfile.lock", '{\n    "default": {\n        "pymysql": {\n        "version": "==1"\n', "Pipfile.lock:3"),
        ("Pipfile.lock", '{\n        "x": {\n            "extras": [\n                "pymysql"\n', ""),
    ],
)
def test_other_files_that_speak_of_mysql(tmp_path: Path, name: str, text: str, mysql: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = project(tmp_path, settings=UNREAD).production_database()
    assert (found.name, found.mysql) == ("unknown", mysql)


@pytest.mark.parametrize(("engine", "remedy"), [("mysql", "walk it by key"), ("postgresql", "stream it")])
def test_a_stream_is_no_remedy_where_the_database_may_be_mysql(tmp_path: Path, engine: str, remedy: str) -> None:
    project(tmp_path, settings=BY_MODE % engine)
    path = tmp_path / "shop" / "management" / "commands" / "x.py"
    path.parent.mkdir(parents=True)
    text = "from shop.models import Event\nfor event in Event.objects.all():\n    print(event)\n"
    path.write_text(text, encoding="utf-8")
    [finding] = lint(Source(str(path), text, ast.parse(text)), options())
    assert remedy in finding.message
    assert ("conf.settings:3" in finding.message) is (engine == "mysql")


def test_what_another_project_of_the_repository_runs_on_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    project(tmp_path, settings=BY_MODE % "mysql")
    library = tmp_path / "vendor" / "library"
    library.mkdir(parents=True)
    (library / "pyproject.toml").write_text("", encoding="utf-8")
    (library / "x.py").write_text("", encoding="utf-8")
    (tmp_path / "manage.py").unlink()
    manage = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")\n'
    (tmp_path / "conf" / "manage.py").write_text(manage, encoding="utf-8")
    assert open_settings(str(library / "x.py")).production_database().mysql == ""
