"""DJQ504: code switches DEBUG, or Django's debug cursor, on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.patterns import Pattern
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.settings.query_log import kept_statements
from flake8_djq.rules.settings.surroundings import Surroundings, expressions
from flake8_djq.source import FunctionNode, Source, dotted_name

__all__ = ["DebugForced"]

# What a file must hold besides the word itself, before its statements are looked at.
ORIGINS = Pattern(r"\bdjango\.(conf|test|db)\b|from django import|force_debug_cursor")
# Runners and helpers of tests that stand outside test folders, and the configuration of a documentation.
NOT_RUN = Pattern(r"(^|/)([^/]*_)?(run)?_?tests?(_[^/]*)?\.py$|(^|/)docs?/([^/]+/)?conf\.py$")
TEST_BASES = Pattern(r"(TestCase|TestRunner|DiscoverRunner|TestMixin)$")

SETTINGS = "django.conf.settings"
OVERRIDES = frozenset(("django.test.override_settings", "django.test.utils.override_settings"))
CURSOR = "force_debug_cursor"


class DebugForced(Rule[File]):
    """Code switches `DEBUG`, or the debug cursor of a connection, on while it runs.

    ## What it does

    Reports `settings.DEBUG = True`, `settings.configure(DEBUG=True)`, `override_settings(DEBUG=True)` and
    `connection.force_debug_cursor = True` outside tests.

    ## Why is this bad?

    From there on Django keeps the last 9,000 statements of a connection in `connection.queries`, SQL text included:
    bounded by count, not by size, and before Django 1.8 by neither. Most such lines were written to look at the queries
    of one run and were forgotten. Django does not support changing settings at run time: `settings.DEBUG = True`
    changes the whole process, all of its threads included.

    Measured: 100 statements of 200 KB each left 24 MB behind with `DEBUG` on and 3 MB with it off on SQLite, 21 MB and
    1 MB on PostgreSQL and MariaDB (Django 5.2, Python 3.11; `tests/proof/rules`).

    ## Example

    ```python
    class Command(BaseCommand):
        def handle(self, *args, **options):
            connection.force_debug_cursor = True
            rebuild_index()
    ```

    ## Use instead

    ```python
    class Command(BaseCommand):
        def handle(self, *args, **options):
            rebuild_index()
    ```

    ## When it is silent

    In tests. Where an option, a setting or another flag asks for it (`if options["sql"]:`). Where the same function or
    class sets `force_debug_cursor` back. Where the value is not plainly true, and where `settings` is not Django's.

    ## Fix safety

    No fix: code that reads `connection.queries` may follow.

    ## References

    - [Django: Altering settings at runtime](https://docs.djangoproject.com/en/5.2/topics/settings/#altering-settings-at-runtime)
    - [Django: How can I see the raw SQL queries Django is running?](https://docs.djangoproject.com/en/5.2/faq/models/)
    """

    code = "DJQ504"
    name = "debug-forced"
    on = On.EVERYWHERE
    subject = File
    mentions = ("DEBUG =", "DEBUG=", 'DEBUG",', "DEBUG',", CURSOR)

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        source = file.source
        if not ORIGINS.search(source.text) or NOT_RUN.search(source.path):
            return
        around: Surroundings | None = None
        for statement in source.statements:
            for node, message in self._forced(statement, file):
                around = around or Surroundings(source)
                if not self._is_fine(statement, source, around):
                    yield self.finding(file, node, message)

    def _forced(self, statement: ast.stmt, file: File) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
        source = file.source
        if isinstance(statement, ast.Assign):
            if not _is_true(statement.value):
                return
            for target in statement.targets:
                if not isinstance(target, ast.Attribute):
                    continue
                written = ast.unparse(target)
                if target.attr == "DEBUG" and _is_settings(target.value, source):
                    yield statement, _of_settings(f"{written} = True", "remove the assignment", file)
                elif target.attr == CURSOR and _is_connection(target.value, source):
                    remedy = f"remove the assignment, or set {written} = False at the end"
                    yield (
                        statement,
                        f"{written} = True: from here on Django keeps {kept_statements(file)} of this connection in"
                        f" memory; {remedy}",
                    )
            return
        for node in expressions(statement):
            if isinstance(node, ast.Call):
                message = self._call(node, file)
                if message:
                    yield node, message

    @staticmethod
    def _call(node: ast.Call, file: File) -> str:
        source = file.source
        if dotted_name(node.func) == "setattr" and len(node.args) == 3:
            target, name, value = node.args
            is_debug = isinstance(name, ast.Constant) and name.value == "DEBUG" and _is_true(value)
            if is_debug and _is_settings(target, source):
                return _of_settings(ast.unparse(node), "remove the call", file)
            return ""
        if not any(keyword.arg == "DEBUG" and _is_true(keyword.value) for keyword in node.keywords):
            return ""
        written = dotted_name(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "configure":
            if _is_settings(node.func.value, source):
                return _of_settings(f"{written}(DEBUG=True)", f"write {written}(DEBUG=False)", file)
        elif source.resolve(node.func) in OVERRIDES:
            return (
                f"{written}(DEBUG=True) outside tests: while it holds, Django keeps {kept_statements(file)} of each"
                " connection in memory; remove DEBUG=True"
            )
        return ""

    @staticmethod
    def _is_fine(statement: ast.stmt, source: Source, around: Surroundings) -> bool:
        owner = statement if isinstance(statement, ast.ClassDef) else around.owner(statement)
        if owner is not None and any(TEST_BASES.search(dotted_name(base)) for base in owner.bases):
            return True
        if around.is_requested(statement):
            return True
        if isinstance(statement, ast.Assign) and any(_is_cursor(target) for target in statement.targets):
            scope = around.function(statement) or owner or source.tree
            return _is_set_back(scope, source) or (owner is not None and _is_set_back(owner, source))
        function = around.function(statement)
        # A pytest fixture, or another object under the name of Django's settings.
        parameters = ast.walk(function.args) if function is not None else ()
        return any(isinstance(node, ast.arg) and source.imports.get(node.arg) == SETTINGS for node in parameters)


def _of_settings(written: str, remedy: str, file: File) -> str:
    return f"{written}: from here on Django keeps {kept_statements(file)} of each connection in memory; {remedy}"


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (True, 1) and not isinstance(node.value, float)


def _is_settings(node: ast.expr, source: Source) -> bool:
    """Whether an expression is Django's settings object, and nothing else of the file goes by its name."""
    if source.resolve(node) != SETTINGS:
        return False
    head = dotted_name(node).partition(".")[0]
    return all(origin.startswith("django.") for origin in _origins(head, source))


def _origins(name: str, source: Source) -> Iterator[str]:
    """Where each statement of the file that binds a name takes it from; "" for an assignment."""
    for statement in source.statements:
        if isinstance(statement, ast.Assign):
            yield from ("" for target in statement.targets if dotted_name(target) == name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                if (alias.asname or alias.name.partition(".")[0]) != name:
                    continue
                level = "." * statement.level + f"{statement.module}." if isinstance(statement, ast.ImportFrom) else ""
                yield f"{level}{alias.name}."


def _is_cursor(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == CURSOR


def _is_set_back(scope: FunctionNode | ast.ClassDef | ast.Module, source: Source) -> bool:
    """Whether a function, a class or a script gives `force_debug_cursor` any value but `True`."""
    start, end = (0, len(source.lines)) if isinstance(scope, ast.Module) else (scope.lineno, scope.end_lineno or 0)
    return any(
        isinstance(statement, ast.Assign)
        and start <= statement.lineno <= end
        and any(_is_cursor(target) and dotted_name(target) != f"self.{CURSOR}" for target in statement.targets)
        and not _is_true(statement.value)
        for statement in source.statements
    )


def _is_connection(node: ast.expr, source: Source) -> bool:
    """`connection`, `connections["default"]`: by name; and the variable of a loop over `connections`."""
    base = node.value if isinstance(node, ast.Subscript) else node
    if "conn" in dotted_name(base).rpartition(".")[2].lower():
        return True
    return any(
        isinstance(statement, ast.For)
        and ast.dump(statement.target) == ast.dump(ast.Name(dotted_name(base), ast.Store()))
        and "connections" in ast.unparse(statement.iter)
        for statement in source.statements
    )
