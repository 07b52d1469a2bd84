"""Which code is batch code, which only looks like it, and what messages say of the way there."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from flake8_djq.context import Contexts, Kind
from flake8_djq.source import Source
from tests.support import COMMAND, codes, findings, options

LOOP = """
from shop.models import Order

def work():
    for order in Order.objects.all():
        send(order)
"""


def kind(path: str, text: str = LOOP, line: int = 4, **changes: object) -> Kind:
    text = dedent(text).lstrip("\n")
    return Contexts(Source(path, text, ast.parse(text)), options(**changes)).of_line(line).kind


def is_batch(text: str, path: str = "shop/orders.py") -> bool:
    """Whether the loop over a whole table in a text counts as batch code, which the web context would see as well."""
    assert "DJQ101" in codes(text, path, contexts=["batch", "web"]), "the snippet has no loop to judge"
    return "DJQ101" in codes(text, path)


# Files


@pytest.mark.parametrize(
    "path",
    [
        "shop/management/commands/reindex.py",
        "./management/commands/reindex.py",
        "/home/me/shop/management/commands/reindex.py",
        "shop\\management\\commands\\reindex.py",
        "management/commands/_private.py",
        "shop/management/commands/run_observers.py",
        "shop/management/commands/run_server_cleanup.py",
    ],
)
def test_commands_are_batch(path: str) -> None:
    assert kind(path) is Kind.BATCH


@pytest.mark.parametrize(
    "path",
    [
        "shop/orders.py",
        "shop/views.py",
        "shop/management/reindex.py",
        "shop/commands/reindex.py",
        "shop/management/commands/sub/helper.py",
        "shop/management/commands/runserver.py",
        "shop/management/commands/run_websocket_server.py",
        "shop/mymanagement/commands.py",
        "shop/scripts.py",
        "shop/attests.py",
        "shop/contest/orders.py",
        "shop/latest_orders.py",
    ],
)
def test_other_files_are_web(path: str) -> None:
    assert kind(path) is Kind.WEB


@pytest.mark.parametrize(
    "path",
    [
        "shop/tests.py",
        "shop/tests/factories.py",
        "shop/test_orders.py",
        "shop/orders_test.py",
        "shop/tests/management/commands/seed.py",
        "tests/test_command.py",
        "conftest.py",
        "shop/conftest.py",
    ],
)
def test_tests_are_tests(path: str) -> None:
    assert kind(path) is Kind.TESTS
    assert codes(LOOP, path) == []
    assert codes(LOOP, path, contexts=["batch", "web", "tests"]) == ["DJQ101"]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("shop/settings.py", "DEBUG = True\n", Kind.SETTINGS),
        ("shop/settings/base.py", "DEBUG = True\n", Kind.SETTINGS),
        ("shop/settings_local.py", "DEBUG = True\n", Kind.SETTINGS),
        ("shop/local_settings.py", "DEBUG = True\n", Kind.SETTINGS),
        ("config/common.py", "INSTALLED_APPS = []\n", Kind.SETTINGS),
        ("config/common.py", "DEBUG = True\n", Kind.WEB),
        ("shop/tests/settings.py", "DEBUG = True\n", Kind.TESTS),
        ("shop/management/commands/settings.py", "DEBUG = True\n", Kind.BATCH),
    ],
)
def test_settings(path: str, text: str, expected: Kind) -> None:
    assert kind(path, text, 1) is expected


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("tools/*.py", "tools/export.py", True),
        ("tools/*.py", "./tools/export.py", True),
        ("tools/*.py", "/home/me/shop/tools/export.py", True),
        ("*/exports/*.py", "shop/exports/daily.py", True),
        ("shop/orders.py", "shop/orders.py", True),
        ("tools/*.py", "shop/toolbox.py", False),
        ("tools/*.py", "shop/mytools/export.py", False),
        ("orders.py", "shop/reorders.py", False),
        ("tools/*.py", "tools/tests/test_export.py", False),
    ],
)
def test_batch_paths(glob: str, path: str, expected: bool) -> None:
    assert (kind(path, batch_paths=(glob,)) is Kind.BATCH) is expected


SCRIPT = """
import django
django.setup()

from shop.models import Order

for order in Order.objects.all():
    send(order)

def helper():
    for order in Order.objects.all():
        send(order)
"""
MAIN_SCRIPT = """
import django
from shop.models import Order

def main():
    for order in Order.objects.all():
        send(order)

if __name__ == "__main__":
    django.setup()
    main()
"""
# The function that sets Django up is called by the file itself, or it is what an entry point calls.
SETUP_IN_FUNCTION = MAIN_SCRIPT.replace(
    "    django.setup()\n    main()", "    prepare()\n\ndef prepare():\n    django.setup()\n    main()"
)
SETUP_IN_MAIN = """
import django
from shop.models import Order

def main():
    django.setup()
    for order in Order.objects.all():
        send(order)
"""
LIBRARY = """
import django
from shop.models import Order

def set_up():
    django.setup()

def show():
    for order in Order.objects.all():
        send(order)
"""
# It sets Django up so that others can import it, and leaves all work to them.
READY = """
import os, sys
import django
sys.path.append("/srv/shop")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
django.setup()
from shop.models import Order

class Orders:
    def show(self):
        for order in Order.objects.all():
            send(order)
"""
RUN_SCRIPT = """
from shop.models import Order

def run(*args):
    for order in Order.objects.all():
        send(order)
"""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("export.py", SCRIPT),
        ("export.py", MAIN_SCRIPT),
        ("export.py", SETUP_IN_FUNCTION),
        ("export.py", SETUP_IN_MAIN),
        ("shop/app.py", READY + "Orders().show()\n"),
        ("shop/app.py", READY + "if __name__ == '__main__':\n    Orders().show()\n"),
        ("scripts/export.py", RUN_SCRIPT),
        ("shop/scripts/export.py", RUN_SCRIPT),
    ],
)
def test_scripts_are_batch(path: str, text: str) -> None:
    assert is_batch(text, path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shop/orders.py", RUN_SCRIPT),  # run() of a module that is no script
        ("shop/scripts/helpers.py", LOOP),  # no run()
        ("shop/app.py", LIBRARY),  # others call what sets Django up
        ("shop/app.py", READY),
        ("export.py", SCRIPT.replace("django.setup()", "# django.setup() has run already")),
        ("export.py", SCRIPT.replace("django.setup()", "other.setup()")),
        ("export.py", SCRIPT.replace("django.setup()", "print('call django.setup() first')")),
    ],
)
def test_lookalikes_of_scripts_are_web(path: str, text: str) -> None:
    assert not is_batch(text, path)


# Functions


def task(imports: str, decorator: str, signature: str = "def work():") -> str:
    body = "    for order in Order.objects.all():\n        send(order)\n"
    return f"{imports}\nfrom shop.models import Order\n\n{decorator}\n{signature}\n{body}"


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("from celery import shared_task", "@shared_task"),
        ("from celery import shared_task", "@shared_task(bind=True, max_retries=3)"),
        ("import celery", "@celery.shared_task"),
        ("from celery import shared_task as background", "@background"),
        ("from shop.celery import app", "@app.task"),
        ("from shop.celery import app", "@app.task(bind=True)"),
        ("from shop.celery import app as celery_app", "@celery_app.task"),
        ("from celery.task import periodic_task", "@periodic_task(run_every=3600)"),
        ("from celery.decorators import task", "@task"),
        ("from django_rq import job", "@job"),
        ("from django_rq import job", "@job('low')"),
        ("from rq.decorators import job", "@job('low', connection=redis)"),
        ("from huey.contrib.djhuey import task", "@task()"),
        ("from huey.contrib.djhuey import db_task", "@db_task()"),
        ("from huey.contrib.djhuey import db_periodic_task", "@db_periodic_task(crontab(hour=3))"),
        ("from huey.contrib.djhuey import periodic_task", "@periodic_task(crontab(hour=3))"),
        ("from shop.queue import huey", "@huey.task()"),
        ("import dramatiq", "@dramatiq.actor"),
        ("from dramatiq import actor", "@actor(max_retries=0)"),
        ("from procrastinate.contrib.django import app", "@app.task"),
        ("from shop.queue import procrastinate_app", "@procrastinate_app.task(queue='low')"),
        (
            "from apscheduler.schedulers.blocking import BlockingScheduler\nscheduler = BlockingScheduler()",
            "@scheduler.scheduled_job('cron', hour=3)",
        ),
        ("from background_task import background", "@background(schedule=60)"),
        ("from django.tasks import task", "@task"),
        ("from django.tasks import task", "@task(priority=2)"),
        ("from django_tasks import task", "@task()"),
        ("from celery import shared_task\nfrom django.db import transaction", "@shared_task\n@transaction.atomic"),
        ("from celery import shared_task\nfrom django.db import transaction", "@transaction.atomic\n@shared_task"),
    ],
)
def test_tasks_are_batch(imports: str, decorator: str) -> None:
    assert is_batch(task(imports, decorator))
    assert is_batch(task(imports, decorator, "async def work():"))


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("", "@cached"),
        ("from django.db import transaction", "@transaction.atomic"),
        ("from functools import cache", "@cache"),
        ("from django.views.decorators.http import require_POST", "@require_POST"),
        ("from shop.models import job", "@job"),
        ("from shop.tracker import task", "@task"),
        ("from shop.stage import actor", "@actor"),
        ("from shop.design import background", "@background('blue')"),
        ("from rest_framework.decorators import action", "@action(detail=False)"),
        ("from ninja import Router\nrouter = Router()", "@router.get('/orders')"),
        ("from pytest import mark", "@mark.task"),
        ("from fabric import task", "@task"),
    ],
)
def test_other_decorators_are_web(imports: str, decorator: str) -> None:
    assert not is_batch(task(imports, decorator))


def job(imports: str, base: str, method: str, arguments: str = "self") -> str:
    return (
        f"{imports}\nfrom shop.models import Order\n\nclass Nightly({base}):\n    def {method}({arguments}):\n"
        "        for order in Order.objects.all():\n            send(order)\n"
    )


@pytest.mark.parametrize(
    ("imports", "base", "method"),
    [
        ("from celery import Task", "Task", "run"),
        ("import celery", "celery.Task", "run"),
        ("from shop.celery import app", "app.Task", "run"),
        ("from django_cron import CronJobBase", "CronJobBase", "do"),
        ("from django_extensions.management.jobs import DailyJob", "DailyJob", "execute"),
        ("from django_extensions.management.jobs import HourlyJob", "HourlyJob", "execute"),
        ("from django_extensions.management.jobs import BaseJob", "BaseJob", "execute"),
        ("from django.core.management.base import BaseCommand", "BaseCommand", "handle"),
        ("from django.core.management import BaseCommand", "BaseCommand", "handle"),
        ("from django.core.management.base import LabelCommand", "LabelCommand", "handle_label"),
        ("from django.core.management.base import AppCommand", "AppCommand", "handle_app_config"),
    ],
)
def test_job_classes_are_batch(imports: str, base: str, method: str) -> None:
    assert is_batch(job(imports, base, method))


@pytest.mark.parametrize(
    ("imports", "base", "method"),
    [
        ("from django.views import View", "View", "run"),
        ("from shop.models import Base", "Base", "execute"),
        ("from shop.planner import Task", "Task", "run"),
        ("from django_cron import CronJobBase", "CronJobBase", "describe"),
        ("from django_extensions.management.jobs import DailyJob", "DailyJob", "help"),
    ],
)
def test_lookalikes_of_job_classes_are_web(imports: str, base: str, method: str) -> None:
    assert not is_batch(job(imports, base, method))


MIGRATION = """
from django.db import migrations

def forwards(apps, schema_editor):
    Order = apps.get_model("shop", "Order")
    for order in Order.objects.all():
        order.save()

class Migration(migrations.Migration):
    operations = [migrations.RunPython({arguments})]
"""
PLAIN_FUNCTION = MIGRATION.replace("(apps, schema_editor)", "(apps)")


@pytest.mark.parametrize(
    "arguments",
    [
        "forwards",
        "forwards, migrations.RunPython.noop",
        "migrations.RunPython.noop, forwards",
        "code=forwards",
        "code=migrations.RunPython.noop, reverse_code=forwards",
    ],
)
def test_data_migrations_are_batch(arguments: str) -> None:
    assert is_batch(MIGRATION.format(arguments=arguments), "shop/migrations/0002_data.py")
    assert is_batch(PLAIN_FUNCTION.format(arguments=arguments), "shop/migrations/0002_data.py")


def test_a_function_that_no_migration_runs_is_web() -> None:
    text = PLAIN_FUNCTION.format(arguments="migrations.RunPython.noop")
    assert not is_batch(text, "shop/migrations/0002_data.py")


def test_a_migration_that_has_left_its_code_behind_is_web() -> None:
    text = MIGRATION.replace("[migrations.RunPython({arguments})]", "{}").replace("{}", "[]")
    assert not is_batch(text, "shop/migrations/0002_data.py")
    # A module beside the migrations, whose functions they use.
    assert is_batch(text[: text.index("class Migration")], "shop/migrations/helpers.py")


# Calls inside the file


def test_functions_that_batch_code_calls_are_batch_and_say_why() -> None:
    text = """
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def nightly():
        rebuild()

    def rebuild():
        export()

    def export():
        for order in Order.objects.all():
            send(order)

    def view(request):
        for order in Order.objects.all():
            send(order)
    """
    [finding] = findings(text, "shop/orders.py")
    assert finding.line == 12
    assert finding.message.endswith("(reached from nightly via rebuild)")


def test_the_way_is_the_shortest() -> None:
    text = """
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def nightly():
        far()
        export()

    def far():
        export()

    def export():
        for order in Order.objects.all():
            send(order)
    """
    [finding] = findings(text, "shop/orders.py")
    assert finding.message.endswith("(reached from nightly)")


def test_the_place_itself_needs_no_way() -> None:
    [finding] = findings(task("from celery import shared_task", "@shared_task"), "shop/orders.py")
    assert "reached from" not in finding.message
    [finding] = findings(LOOP, COMMAND)
    assert "reached from" not in finding.message


@pytest.mark.parametrize(
    "body",
    [
        "self.export()",
        "Nightly.export(self)",
        "transaction.on_commit(self.export)",
        "[self.export() for _ in range(3)]",
        "if True:\n            self.export()",
    ],
)
def test_methods_that_batch_code_calls_are_batch(body: str) -> None:
    text = f"""
from django_cron import CronJobBase
from shop.models import Order

class Nightly(CronJobBase):
    def do(self):
        {body}

    def export(self):
        for order in Order.objects.all():
            send(order)
"""
    [finding] = findings(text, "shop/orders.py")
    assert finding.message.endswith("(reached from Nightly.do)")


@pytest.mark.parametrize(
    "body", ["export()", "on_commit(export)", "on_commit(lambda: export())", "pool.map(export, [])"]
)
def test_functions_handed_on_are_batch(body: str) -> None:
    text = f"""
from celery import shared_task
from shop.models import Order

@shared_task
def nightly():
    {body}

def export():
    for order in Order.objects.all():
        send(order)
"""
    assert is_batch(text)


def test_functions_that_only_share_a_name_are_web() -> None:
    text = """
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def nightly(exporter):
        exporter.export()

    class Report:
        def export(self):
            for order in Order.objects.all():
                send(order)
    """
    assert not is_batch(text)


def test_a_function_inside_a_task_is_batch() -> None:
    text = """
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def nightly():
        def export():
            for order in Order.objects.all():
                send(order)
        export()
    """
    assert is_batch(text)


def test_calls_in_a_circle_end() -> None:
    text = """
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def nightly():
        export(3)

    def export(depth):
        for order in Order.objects.all():
            retry(depth - 1)

    def retry(depth):
        export(depth)
    """
    assert is_batch(text)


def test_a_management_command_in_a_test_folder_is_a_test() -> None:
    assert codes(LOOP, "shop/tests/management/commands/x.py") == []


CLASS = """
from celery import Task, shared_task
from shop.models import Order

class Export:
    def run(self):
        for order in Order.objects.all():
            send(order)
"""
ROUNDABOUT = {
    "method of a new instance": CLASS + "\n@shared_task\ndef nightly():\n    Export().run()\n",
    "method of an instance in a variable": CLASS + "\n@shared_task\ndef nightly():\n    e = Export()\n    e.run()\n",
    "task class with a base in the file": CLASS.replace("Export:", "Export(Base):").replace(
        "class Export", "class Base(Task):\n    abstract = True\n\nclass Export"
    ),
    "lambda of a migration": PLAIN_FUNCTION.format(arguments="lambda apps, editor: forwards(apps)"),
    "django.setup by another name": SCRIPT.replace(
        "import django\ndjango.setup()", "from django import setup\nsetup()"
    ),
    "handed to APScheduler": LOOP + "\nscheduler.add_job(work, 'cron', hour=3)\n",
    "handed to django-q": "from django_q.tasks import async_task\n" + LOOP + "\nasync_task(work)\n",
}


@pytest.mark.parametrize("kind", ROUNDABOUT)
def test_batch_code_reached_in_a_roundabout_way(kind: str) -> None:
    assert is_batch(ROUNDABOUT[kind], "tools/orders.py")
