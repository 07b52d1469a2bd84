"""DJQ508: a profiler runs along with every run of batch work."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.patterns import Pattern
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.settings.surroundings import Surroundings, expressions
from flake8_djq.source import FunctionNode, Source, dotted_name

__all__ = ["ProfilerLeftIn"]

PROFILERS = frozenset(
    (
        "cProfile.Profile",
        "cProfile.run",
        "cProfile.runctx",
        "line_profiler.LineProfiler",
        "memory_profiler.profile",
        "profile.Profile",
        "profile.run",
        "profile.runctx",
        "pyinstrument.Profiler",
        "pyinstrument.profile",
        "pyinstrument.profiler.Profiler",
    )
)
DECORATORS = frozenset(("memory_profiler.profile", "pyinstrument.profile"))
TRACE = "tracemalloc.start"
# An import of a profiler; "cProfile" alone stands in "IPSecProfile" as well.
IMPORT = Pattern(
    r"^\s*(import|from)\s.*\b(memory_profiler|tracemalloc|cProfile|profile|pyinstrument|line_profiler)\b", re.MULTILINE
)
# Commands that are there to measure.
MEASURING_PATH = Pattern(r"(^|[/_])(bench|benchmarks?|profile|profiling|perf|perftest)(_[^/]*)?\.py$")


class ProfilerLeftIn(Rule[File]):
    """A profiler runs along with every run of batch work.

    ## What it does

    Reports, in batch code, functions decorated with `memory_profiler.profile`, `tracemalloc.start()` that no
    `tracemalloc.stop()` of the file ends, and calls of `cProfile`, `pyinstrument` and `line_profiler`, where no
    condition keeps them from running.

    ## Why is this bad?

    A profiler that was put in for one look at a slow command slows every later run of it down. `memory_profiler` asks
    for the memory of the process at every line, and `tracemalloc` keeps a record of every block of memory that Python
    allocates: the job that was to need less memory needs more.

    ## Example

    ```python
    class Command(BaseCommand):
        def handle(self, *args, **options):
            cProfile.runctx("self.rebuild()", globals(), locals())
    ```

    ## Use instead

    ```python
    class Command(BaseCommand):
        def handle(self, *args, **options):
            if options["profile"]:
                cProfile.runctx("self.rebuild()", globals(), locals())
            else:
                self.rebuild()
    ```

    ## When it is silent

    Under any `if`, and in functions that the file calls only under one. In functions, classes and commands that say by
    their names that they are there to profile or measure. For `line_profiler.profile`, which does nothing unless the
    variable `LINE_PROFILE` asks for it.

    ## Fix safety

    No fix: the code around the profiler often saves or prints what it found.

    ## References

    - [Python: The Python Profilers](https://docs.python.org/3/library/profile.html)
    - [Python: tracemalloc](https://docs.python.org/3/library/tracemalloc.html)
    - [memory_profiler](https://pypi.org/project/memory-profiler/)
    """

    code = "DJQ508"
    name = "profiler-left-in"
    on = On.BATCH
    subject = File
    mentions = ("memory_profiler", "tracemalloc", "cProfile", "import profile", "pyinstrument", "line_profiler")

    def check(self, subject: File, file: File) -> Iterator[Finding]:
        """Judge one file."""
        source = file.source
        if MEASURING_PATH.search(source.path) or not IMPORT.search(source.text):
            return
        around: Surroundings | None = None
        for statement in source.statements:
            for node in expressions(statement):
                message = self._message(node, statement, source)
                if not message:
                    continue
                around = around or Surroundings(source)
                if isinstance(node, ast.expr) and self._runs_always(statement, around):
                    yield self.finding(file, node, message)

    def _message(self, node: ast.AST, statement: ast.stmt, source: Source) -> str:
        decorates = isinstance(statement, ast.ClassDef | FunctionNode) and node in statement.decorator_list
        target = node.func if isinstance(node, ast.Call) else node if decorates else None
        if target is None:
            return ""
        name = _imported(target, source)
        if decorates and name in DECORATORS and isinstance(statement, FunctionNode):
            library = name.partition(".")[0]
            return (
                f"@{dotted_name(target)} measures every call of {statement.name}() with {library} and slows it down;"
                " remove the decorator"
            )
        if not isinstance(node, ast.Call):
            return ""
        written = dotted_name(target)
        if name == TRACE and not _is_stopped(source):
            return (
                f"{written}() with no tracemalloc.stop() records every block of memory that Python allocates until"
                f" the process ends; remove it, or end it with tracemalloc.stop()"
            )
        if name in PROFILERS:
            return (
                f"{written}() profiles every run of this code and slows it down; remove it, or run it only when an"
                " option asks for it"
            )
        return ""

    @staticmethod
    def _runs_always(statement: ast.stmt, around: Surroundings) -> bool:
        function = around.function(statement)
        if function is not None and around.function(function) is not None:
            # A function inside another: a decorator's wrapper, a callback.
            return False
        return not around.is_conditional(statement) and not around.is_diagnosis(statement)


def _imported(node: ast.AST, source: Source) -> str:
    """The full name of something imported, or "" for everything else, also where the file defines it as well."""
    head = dotted_name(node).partition(".")[0]
    if head not in source.imports or any(function.name == head for function in source.functions):
        return ""
    return source.resolve(node)


def _is_stopped(source: Source) -> bool:
    return any(
        isinstance(node, ast.Call) and _imported(node.func, source) == "tracemalloc.stop"
        for statement in source.statements
        for node in expressions(statement)
    )
