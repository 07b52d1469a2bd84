"""What kind of code each line of a file is: batch, web, settings or tests.

Design: batch code is where a whole table passes through one process, so the memory rules speak there. It is found by
where the file lies (management commands, ``--djq-batch-paths``), by what a function is (a task, a cron job, a data
migration, a script) and by who calls it inside the file.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from fnmatch import fnmatch
from functools import cached_property
from typing import NamedTuple

from flake8_djq.options import Options
from flake8_djq.patterns import Pattern
from flake8_djq.source import Function, Source, dotted_name

__all__ = ["COMMAND_PATH", "MIGRATION_PATH", "QUEUES", "Context", "Contexts", "Kind", "job_of"]


class Kind(str, Enum):
    """The kinds of code that rules tell apart."""

    BATCH = "batch"
    WEB = "web"
    SETTINGS = "settings"
    TESTS = "tests"


class Context(NamedTuple):
    """The kind of one piece of code; ``way`` says how batch work gets there when the place itself does not show it."""

    kind: Kind
    way: str = ""


TEST_PATH = Pattern(r"(^|/)(tests?|testing|\w+_tests)/|(^|/)(test_[^/]*|tests|[^/]*_tests?|conftest)\.py$")
SETTINGS_PATH = Pattern(r"(^|/)(settings|[^/]*_settings|settings_[^/]*)\.py$|(^|/)settings/[^/]+\.py$")
# A command that starts a web server (runserver, run_gunicorn_server) is no batch work.
COMMAND_PATH = Pattern(r"(^|/)management/commands/(?!run_?(\w+_|test|dev)?server(_plus)?\.py$)[^/]+\.py$")
MIGRATION_PATH = Pattern(r"(^|/)\w*migrations/[^/]+\.py$")
SCRIPT_PATH = Pattern(r"(^|/)scripts/[^/]+\.py$")

# Calls that only make a module ready: of a file with nothing but these, and with functions, others use the functions.
PREPARES = (
    *("django.setup", "django.conf.settings.configure", "os.environ.", "os.chdir", "sys.path.", "logging."),
    *("warnings.", "dotenv.", "environ.", "matplotlib.use", "gevent.monkey.", "nest_asyncio."),
)

# What makes rows up for tests and demonstrations: factory_boy, whose package may also be a project's own, and others.
ROW_FACTORIES = Pattern(
    r"^factory(\.(django|fuzzy|faker|base|declarations)\b.*|\.[A-Z]\w*|\.post_generation)?$"
    r"|^(model_bakery|model_mommy|mixer\.backend)\b|(^|\.)tests?\.(\w+\.)*factories\b"
)
# Of these words the text of such a file has one: most files need not be looked at.
FACTORY_WORDS = ("factory", "factories", "model_bakery", "model_mommy", "mixer")
# Those that make up values: for new rows, or in the place of what real ones hold.
MADE_UP_VALUES = Pattern(r"^faker\b")
CREATES = Pattern(r"\b(bulk_create|create|get_or_create|update_or_create)\(")
CHANGES = Pattern(r"\b(bulk_update|update)\(")
# Commands that empty the database of a developer.
EMPTIES = ("flush", "reset_db")

# Decorators that make a function a background task, by what an import says of their origin.
TASK_ORIGINS = Pattern(
    r"^(celery|django_rq|rq|huey|dramatiq|procrastinate|apscheduler|background_task|django\.tasks|django_tasks"
    r"|django_q|django_cron|django_celery\w*)\.(?:.*\.)?"
    r"(shared_task|task|periodic_task|job|actor|db_task|db_periodic_task|background|scheduled_job|register_job)$"
)
# The same by the decorator's own name, where the object comes from the project: ``@app.task``, ``@huey.task()``.
TASK_METHODS = Pattern(
    r"(^|\.)(app|\w*celery\w*|\w*huey\w*|\w*broker\w*|\w*sched\w*|tasks?|\w*procrastinate\w*|rq|\w*queue)"
    r"\.(task|periodic_task|db_task|db_periodic_task|job|actor|scheduled_job)$"
)
TASK_NAMES = Pattern(r"^(shared_task|periodic_task|db_task|db_periodic_task|\w+_shared_task)$")

# Methods of classes that a scheduler or worker runs, by base class.
JOB_BASES = {
    "BaseCommand": ("handle",),
    "LabelCommand": ("handle_label", "handle"),
    "AppCommand": ("handle_app_config", "handle"),
    "Task": ("run",),
    "CronJobBase": ("do",),
    "BaseJob": ("execute",),
    "MinutelyJob": ("execute",),
    "QuarterHourlyJob": ("execute",),
    "HourlyJob": ("execute",),
    "DailyJob": ("execute",),
    "WeeklyJob": ("execute",),
    "MonthlyJob": ("execute",),
    "YearlyJob": ("execute",),
}
JOB_ORIGINS = Pattern(r"^(django_cron|django_extensions|django\.core\.management)\b|celery|\btasks?\b")

# Functions that hand another one to a scheduler or queue.
QUEUES = ("add_job", "async_task")


def _is_task(decorator: ast.expr, source: Source) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = dotted_name(target)
    if not name:
        return False
    return bool(TASK_ORIGINS.search(source.resolve(target)) or TASK_METHODS.search(name) or TASK_NAMES.search(name))


def job_of(base: str) -> tuple[str, tuple[str, ...]] | None:
    """What a subclass of ``base`` (a dotted name) is, "command", "task" or "job", and the methods that run as it."""
    last = base.rpartition(".")[2]
    methods = JOB_BASES.get(last)
    if not methods or not JOB_ORIGINS.search(base):
        return None
    return ("command" if last.endswith("Command") else "task" if last == "Task" else "job"), methods


class Contexts:
    """The contexts of one file's lines, worked out when first asked."""

    def __init__(self, source: Source, options: Options) -> None:
        self._source = source
        self._options = options

    @cached_property
    def whole_file(self) -> Context | None:
        """The context of every line of the file, where its path alone decides."""
        path = self._source.path
        if TEST_PATH.search(path):
            return Context(Kind.TESTS)
        if any(fnmatch(path, glob) or fnmatch("/" + path, "*/" + glob) for glob in self._options.batch_paths):
            return Context(Kind.BATCH)
        if any(word in self._source.text for word in FACTORY_WORDS) and self._imports(ROW_FACTORIES):
            return Context(Kind.TESTS)
        if COMMAND_PATH.search(path) or self.is_script:
            return Context(Kind.TESTS if self._fills_empty_database else Kind.BATCH)
        return None

    def _imports(self, what: Pattern) -> bool:
        return any(what.search(name) for name in self._source.imports.values())

    @property
    def _fills_empty_database(self) -> bool:
        """Whether a command or script is there to fill the small tables of a developer's or a demonstration's database.

        One that writes made-up values over what rows hold goes through all of a copy of the real ones.
        """
        text = self._source.text
        if not CREATES.search(text):
            return False  # what empties a database to load a backup into it is no such command
        if "faker" in text and self._imports(MADE_UP_VALUES) and not CHANGES.search(text):
            return True
        return "call_command" in text and any(
            isinstance(node, ast.Call)
            and dotted_name(node.func).rpartition(".")[2] == "call_command"
            and any(isinstance(argument, ast.Constant) and argument.value in EMPTIES for argument in node.args[:1])
            for node in ast.walk(self._source.tree)
        )

    @cached_property
    def is_settings(self) -> bool:
        """Whether the file is a settings module: by its path, or by what only settings modules assign."""
        if self.whole_file is not None:
            return False
        if SETTINGS_PATH.search(self._source.path):
            return True
        names = {
            target.id
            for node in self._source.tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        return "INSTALLED_APPS" in names or {"DATABASES", "SECRET_KEY"} <= names

    @property
    def is_script(self) -> bool:
        """Whether the file is run by itself: it sets Django up, or is a script of django-extensions' ``runscript``."""
        source = self._source
        if self._sets_django_up:
            return self._does_work()
        return bool(SCRIPT_PATH.search(source.path)) and any(
            function.name == "run" and function.node.col_offset == 0 for function in source.functions
        )

    @property
    def is_only_imported(self) -> bool:
        """Whether the file sets Django up for others, and only defines things."""
        return self._sets_django_up and not self._does_work()

    @property
    def _sets_django_up(self) -> bool:
        source = self._source
        return "setup()" in source.text and any(
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and source.resolve(node.value.func) == "django.setup"
            and self._runs_by_itself(source.function_at(node.lineno))
            for node in source.statements
        )

    def _does_work(self) -> bool:
        """Whether a file that sets Django up does more than that."""
        source = self._source
        known = {function.name for function in source.functions}
        if "__main__" in source.text or "main" in known or not known:
            return True
        for node in source.statements:
            if source.function_at(node.lineno) is not None:
                continue
            if isinstance(node, ast.For | ast.AsyncFor | ast.While):
                return True
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                if not source.resolve(node.value.func).startswith(PREPARES):
                    return True
            elif isinstance(node, ast.Assign) and not known.isdisjoint(self._called(node.value)):
                return True
        return False

    def _runs_by_itself(self, function: Function | None) -> bool:
        """Whether running the file runs a function: a library has one that others call to set Django up."""
        if function is None:
            return True
        outside = (
            node
            for node in self._source.statements
            if not isinstance(node, ast.ClassDef) and self._source.function_at(node.lineno) is None
        )
        return function.name in self._ways(["main", *(name for node in outside for name in self._called(node))])

    def of_line(self, line: int) -> Context:
        """The context of the code that starts on this line."""
        if self.whole_file is not None:
            return self.whole_file
        function = self._source.function_at(line)
        if function is not None:
            return self._of_functions.get(function.name, Context(Kind.WEB))
        return Context(Kind.SETTINGS if self.is_settings else Kind.WEB)

    @cached_property
    def _of_functions(self) -> dict[str, Context]:
        """The batch functions of the file: those that run as batch work, and those that they call."""
        contexts = {}
        for name, (*callers, _) in self._ways(self.entries).items():
            first, *through = callers or [""]
            way = f"reached from {first}" + (f" via {', '.join(through)}" if through else "")
            contexts[name] = Context(Kind.BATCH, way if first else "")
        return contexts

    def _ways(self, starts: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The functions of the file that some of them call, however far, and the names on the shortest way to each."""
        known = {function.name: function for function in self._source.functions}
        ways: dict[str, tuple[str, ...]] = {name: (name,) for name in starts if name in known}
        pending = deque(ways)
        while pending:
            caller = pending.popleft()
            for name in self._called(known[caller].node, known[caller].owner):
                if name in known and name not in ways:
                    ways[name] = (*ways[caller], name)
                    pending.append(name)
        return ways

    @cached_property
    def entries(self) -> dict[str, str]:
        """The functions with which batch work starts, and as what: "task", "job", "command" or "migration"."""
        known = {function.name for function in self._source.functions}
        return {name: what for name, what in self._entries() if name in known}

    def _entries(self) -> Iterator[tuple[str, str]]:
        source = self._source
        for function in source.functions:
            if any(_is_task(decorator, source) for decorator in function.node.decorator_list):
                yield function.name, "task"
            elif function.owner is not None:
                what, methods = self._job(function.owner)
                if function.node.name in methods:
                    yield function.name, what
        if MIGRATION_PATH.search(source.path) or "RunPython" in source.text:
            yield from ((name, "migration") for name in self._migration_functions())
        if any(word in source.text for word in QUEUES):
            yield from ((name, "task") for name in self._queued_functions())

    def _job(self, owner: ast.ClassDef) -> tuple[str, tuple[str, ...]]:
        pending, seen = [owner], set()
        while pending:
            current = pending.pop()
            if current.name in seen:
                continue
            seen.add(current.name)
            for base in current.bases:
                name = self._source.resolve(base)
                job = job_of(name)
                if job is not None:
                    return job
                if name in self._source.classes:
                    pending.append(self._source.classes[name])
        return "", ()

    def _migration_functions(self) -> Iterator[str]:
        lines = sorted(self._source.lines_with(("RunPython",)))
        if not lines:
            # A South migration, or a helper module of migrations: called with the registry of historic models. A
            # migration that lists its operations, and none that runs code, has left them behind.
            for function in self._source.functions if "operations = [" not in self._source.text else ():
                names = [argument.arg for argument in function.node.args.args]
                if names[:2] in (["apps", "schema_editor"], ["apps", "_schema_editor"]):
                    yield function.name
            return
        for statement in self._source.statements:
            if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr | ast.Return):
                continue
            if not any(statement.lineno <= line <= (statement.end_lineno or 0) for line in lines):
                continue
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and dotted_name(node.func).rpartition(".")[2] == "RunPython":
                    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                        inner = ast.walk(argument) if isinstance(argument, ast.Lambda) else (argument,)
                        named = {dotted_name(part).rpartition(".")[2] for part in inner}
                        # Also one that stands in the body of the migration class.
                        yield from (function.name for function in self._source.functions if function.node.name in named)

    def _queued_functions(self) -> Iterator[str]:
        """Functions handed to a scheduler or queue: ``scheduler.add_job(rebuild, "cron")``, ``async_task(rebuild)``."""
        for statement in self._source.statements:
            if isinstance(statement, ast.Expr | ast.Assign):
                for node in ast.walk(statement.value):
                    if isinstance(node, ast.Call) and dotted_name(node.func).rpartition(".")[2] in QUEUES and node.args:
                        yield dotted_name(node.args[0])

    def _called(self, node: ast.AST, owner: ast.ClassDef | None = None) -> Iterator[str]:
        """Names of functions of this file that a body calls or hands on (as a callback)."""
        this = owner.name if owner else ""
        nodes = list(ast.walk(node))
        built = {part.id for part in nodes if isinstance(part, ast.Name) and part.id in self._source.classes}
        for part in nodes:
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                yield part.id
            elif isinstance(part, ast.Attribute):
                head = dotted_name(part.value)
                yield f"{this}.{part.attr}" if head in ("self", "cls") else f"{head}.{part.attr}"
                yield from (f"{name}.{part.attr}" for name in built)
