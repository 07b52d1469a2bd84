"""The advice that circulates for large tables, in today's Python: the table at the end of the contract.

Codes of rules that do not exist yet (DJQ304, DJQ402, DJQ407, DJQ506, DJQ507) are left out of what is expected.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import COMMAND, VIEWS, codes, expected, findings, places

HEAD = """
from django.core.management.base import BaseCommand
from django.core.paginator import Paginator

from shop.models import Article, Entry, Event
"""

LOOP = """
class Command(BaseCommand):
    def handle(self, *args, **options):
        for article in Article.objects.all():  # DJQ101
            process(article)
"""

PAGINATOR = """
class Command(BaseCommand):
    def handle(self, *args, **options):
        paginator = Paginator(Article.objects.all(), 1000)  # project: DJQ403
        for number in paginator.page_range:
            for article in paginator.page(number).object_list:
                process(article)
"""

PAGINATOR_LOOP = """
class Command(BaseCommand):
    def handle(self, *args, **options):
        for page in Paginator(Article.objects.all(), 1000):  # project: DJQ403
            for article in page:
                process(article)
"""

STREAM = """
class Command(BaseCommand):
    def handle(self, *args, **options):
        for article in Article.objects.iterator(chunk_size=1000):
            process(article)
"""

TWICE = """
class Command(BaseCommand):
    def handle(self, *args, **options):
        entries = Entry.objects.all()
        for entry in entries:  # DJQ101
            self.stdout.write(entry.headline)
        for entry in entries:
            self.stdout.write(entry.pub_date)
"""

STREAMED_TWICE = """
class Command(BaseCommand):
    def handle(self, *args, **options):
        entries = Entry.objects.all()
        for e in entries.iterator():  # DJQ301
            self.stdout.write(e.headline)
        for e in entries.iterator():  # DJQ201 DJQ301
            self.stdout.write(e.pub_date)
"""

KEYSET_FROM_ZERO = """
import gc

def queryset_iterator(queryset, chunksize=1000):
    pk = 0
    last_pk = queryset.order_by('-pk')[0].pk
    queryset = queryset.order_by('pk')
    while pk < last_pk:
        for row in queryset.filter(pk__gt=pk)[:chunksize]:
            pk = row.pk
            yield row
        gc.collect()


class Command(BaseCommand):
    def handle(self, *args, **options):
        for article in queryset_iterator(Article.objects.all()):
            process(article)
"""

KEYSET = """
def in_chunks(queryset, size=1000):
    queryset = queryset.order_by("pk")
    chunk = list(queryset[:size])
    while chunk:
        yield from chunk
        last_pk = chunk[-1].pk
        chunk = list(queryset.filter(pk__gt=last_pk)[:size])


class Command(BaseCommand):
    def handle(self, *args, **options):
        for article in in_chunks(Article.objects.all()):
            process(article)
"""

KEYSET_ENDLESS = """
def in_chunks(queryset, size=1000):
    last_pk = None
    queryset = queryset.order_by("pk")
    while True:
        page = queryset if last_pk is None else queryset.filter(pk__gt=last_pk)
        chunk = list(page[:size])
        if not chunk:
            return
        yield from chunk
        last_pk = chunk[-1].pk


class Command(BaseCommand):
    def handle(self, *args, **options):
        for article in in_chunks(Article.objects.filter(live=True)):
            process(article)
"""

STREAM_BARE = """
class Command(BaseCommand):
    def handle(self, *args, **options):
        for event in Event.objects.iterator():  # DJQ301
            process(event)
"""

MEMORY_PROFILER = """
from memory_profiler import profile


class Command(BaseCommand):
    @profile  # DJQ508
    def handle(self, *args, **options):
        rebuild()
"""

TRACEMALLOC = """
import tracemalloc


class Command(BaseCommand):
    def handle(self, *args, **options):
        tracemalloc.start()  # DJQ508
        rebuild()
        print(tracemalloc.take_snapshot().statistics("lineno")[:10])
"""

CPROFILE = """
import cProfile


class Command(BaseCommand):
    def handle(self, *args, **options):
        cProfile.runctx("self.rebuild()", globals(), locals(), "stats.prof")  # DJQ508
"""


@pytest.mark.parametrize(
    "snippet",
    [
        pytest.param(LOOP, id="loop"),
        pytest.param(PAGINATOR, id="paginator"),
        pytest.param(PAGINATOR_LOOP, id="paginator-loop"),
        pytest.param(STREAM, id="stream"),
        pytest.param(TWICE, id="looped-twice"),
        pytest.param(STREAMED_TWICE, id="streamed-twice"),
        pytest.param(KEYSET_FROM_ZERO, id="keyset-from-zero"),
        pytest.param(KEYSET, id="keyset"),
        pytest.param(KEYSET_ENDLESS, id="keyset-endless"),
        pytest.param(STREAM_BARE, id="stream-without-size"),
        pytest.param(MEMORY_PROFILER, id="memory_profiler"),
        pytest.param(TRACEMALLOC, id="tracemalloc"),
        pytest.param(CPROFILE, id="cProfile"),
    ],
)
def test_snippet_in_a_command(snippet: str) -> None:
    assert places(HEAD + snippet, COMMAND) == expected(HEAD + snippet)


@pytest.mark.parametrize("snippet", [PAGINATOR, PAGINATOR_LOOP])
@pytest.mark.parametrize("ordering", ["", '["headline"]'])
def test_paginator_in_a_command_of_a_project(snippet: str, ordering: str, tmp_path: Path) -> None:
    """Whether the pages are in order, the model says."""
    meta = f"\n\n    class Meta:\n        ordering = {ordering}\n" if ordering else ""
    model = "from django.db import models\n\n\nclass Article(models.Model):\n    headline = models.TextField()\n" + meta
    path = tmp_path / COMMAND
    path.parent.mkdir(parents=True)
    path.touch()
    (tmp_path / "manage.py").touch()
    (tmp_path / "shop/models.py").write_text(model, encoding="utf-8")
    assert places(HEAD + snippet, str(path)) == expected(HEAD + snippet, "" if ordering else "project")


def test_second_pass_is_named_and_no_stream_offered() -> None:
    [finding] = findings(TWICE, COMMAND)
    assert "line 6 reads the same rows too" in finding.message
    assert "would run the query twice" in finding.message
    assert "iterator(chunk_size" not in finding.message


def test_one_pass_is_offered_a_stream() -> None:
    [finding] = findings(LOOP, COMMAND)
    assert finding.message.endswith("stream it: Article.objects.iterator(chunk_size=2000)")


def test_debug_in_batch_settings() -> None:
    assert codes("from .base import *\n\nDEBUG = True\n", "shop/settings/batch.py") == ["DJQ501"]


DEBUG_TOOLS = """
from .base import *

INSTALLED_APPS += ["debug_toolbar"]
MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *MIDDLEWARE]
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.db.backends": {"level": "DEBUG", "handlers": ["console"]}},
}
"""


def test_debug_tools_in_batch_settings() -> None:
    assert codes(DEBUG_TOOLS, "shop/settings/batch.py") == ["DJQ506", "DJQ506", "DJQ507"]


VIEW = """
from django.http import JsonResponse

from shop.models import M


def view(request):
    expensive = M.objects.filter(live=True).all()
    doubled = [i.f * 2 for i in expensive]
    return JsonResponse({"doubled": doubled})
"""


@pytest.mark.parametrize(
    "name",
    [
        "Metric",
        "M",
    ],
)
def test_comprehension_in_a_view(name: str) -> None:
    view = VIEW.replace("M", name)
    assert codes(view, VIEWS) == []
    assert places(view, VIEWS, contexts=["batch", "web"]) == [(8, "DJQ101")]
