"""DJQ403 agrees with Django about what has an order, and sees which loops walk in pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.support import VIEWS, expected, findings, places

MODELS = """
from django.core import paginator
from django.core.paginator import AsyncPaginator, Paginator
from django.db import models
from django.db.models import Count, F, Max, Value, Window

class Timed(models.Model):
    made = models.DateField()

    class Meta:
        abstract = True

class Sorted(models.Model):
    class Meta:
        abstract = True
        ordering = ["pk"]

class ByDay(models.Manager):
    def get_queryset(self):
        return super().get_queryset().order_by("made")

class ArticleQuerySet(models.QuerySet):
    def live(self):
        return self.filter(live=True)

    def newest(self):
        return self.order_by("-pk")

    def sometimes(self, newest=False):
        return self.newest() if newest else self

LiveManager = models.Manager.from_queryset(ArticleQuerySet)

class Article(Timed):
    live = models.BooleanField(default=True)
    headline = models.TextField()

    objects = ArticleQuerySet.as_manager()
    built = LiveManager()
    by_day = ByDay()
    plain = models.Manager()

    class Meta:
        app_label = "shop"

class Heading(models.Model):
    text = models.TextField()
    article = models.ForeignKey(Article, models.CASCADE)

    class Meta:
        app_label = "shop"
        ordering = ["text"]

class Child(Sorted):
    class Meta(Sorted.Meta):
        app_label = "shop"

class Part(models.Model):
    heading = models.ForeignKey(Heading, models.CASCADE)

    class Meta:
        app_label = "shop"
        order_with_respect_to = "heading"

class PlainHeading(Heading):
    class Meta:
        app_label = "shop"
        proxy = True
"""

# Whether each is flagged has to be what Django says.
SAME = [
    "Article.objects.all()",
    "Article.plain.filter(live=True)",
    "Article.built.filter(live=True)",
    "Article.by_day.all()",
    "Article.by_day.order_by()",
    "Article.objects.order_by('pk')",
    "Article.objects.order_by('pk').order_by()",
    "Article.objects.order_by(*['pk'])",
    "Article.objects.order_by('?')",
    "Article.objects.live()",
    "Article.objects.live().exclude(pk=1)",
    "Article.objects.newest()",
    "Article.objects.newest().live()",
    "Article.objects.order_by('pk').live()",
    "Article.objects.none()",
    "Article.objects.distinct()",
    "Article.objects.order_by('pk').distinct()",
    "Article.objects.reverse()",
    "Article.objects.dates('made', 'day')",
    "Article.objects.extra(order_by=['headline'])",
    "Article.objects.extra(where=['1 = 1'])",
    "Article.objects.values('headline')",
    "Article.objects.values('headline').annotate(number=Count('pk'))",
    "Article.objects.values('headline').annotate(number=Count('pk')).order_by('headline')",
    "Article.objects.filter(live=True) | Article.objects.filter(live=False)",
    "Article.objects.order_by('pk') | Article.objects.order_by('pk')",
    "Article.objects.order_by('pk').union(Article.objects.order_by('pk'))",
    "Article.objects.union(Article.objects.all()).order_by('pk')",
    "Article.objects.intersection(Article.objects.all())",
    "Article.objects.select_related().defer('headline')",
    "Article.objects.all()[:100]",
    "Article.objects.order_by('pk')[:100]",
    "Heading.objects.all()",
    "Heading.objects.filter(text='a').distinct()",
    "Heading.objects.reverse()",
    "Heading.objects.order_by()",
    "Heading.objects.annotate(longer=F('text'))",
    "Heading.objects.annotate(number=Count('article'))",
    "Heading.objects.annotate(Max('article'))",
    "Heading.objects.alias(number=Count('article'))",
    "Heading.objects.order_by('pk').annotate(number=Count('article'))",
    "Heading.objects.annotate(number=Count('article')).order_by('pk')",
    "Heading.objects.values('text').annotate(number=Count('pk'))",
    "Heading.objects.values('text').annotate(one=Value(1))",
    "Heading.objects.annotate(number=Window(Count('pk')))",
    "Heading.objects.union(Heading.objects.all())",
    "Child.objects.all()",
    "Child.objects.order_by()",
    "Part.objects.all()",
    "PlainHeading.objects.all()",
]
# Where the linter does not know enough.
SILENT = ["Article.objects.sometimes()", "Article.objects.unknown()", "Article.objects.raw('SELECT 1')"]

ASK_DJANGO = f"""
import json, sys
import django
from django.conf import settings
settings.configure(
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3"}}}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
{MODELS}
print(json.dumps([eval(text).ordered for text in json.load(sys.stdin)]))
"""


def pages(queryset: str) -> str:
    return f"{MODELS}\ndef work():\n    for page in Paginator({queryset}, 100):\n        send(page)\n"


@pytest.fixture(scope="module")
def ordered() -> dict[str, bool]:
    """What Django says of each queryset."""
    code = ASK_DJANGO.replace("AsyncPaginator, ", "")
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(SAME), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(SAME, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("queryset", SAME)
def test_what_django_calls_unordered_is_flagged(queryset: str, ordered: dict[str, bool]) -> None:
    flagged = bool(findings(pages(queryset), VIEWS))
    assert flagged is not ordered[queryset]


@pytest.mark.parametrize("queryset", SILENT)
def test_what_is_not_known_is_silent(queryset: str) -> None:
    assert not findings(pages(queryset), VIEWS)


@pytest.mark.parametrize(
    "declared",
    [
        "class Article(Unknown):\n    name = models.TextField()",
        "class Article(models.Model, metaclass=Unknown):\n    name = models.TextField()",
        "class Article(models.Model):\n    objects = UnknownManager()",
        "class Article(models.Model):\n    objects = unknown",
        "class Article(models.Model):\n    class Meta(Unknown.Meta):\n        app_label = 'shop'",
        "class Article(models.Model):\n    Meta = unknown",
        "class Article(models.Model):\n    class Meta:\n        abstract = True",
        "class Base(UnknownManager):\n    pass\n\nclass Article(models.Model):\n    objects = Base()",
        "class Base(models.Manager):\n    def all(self):\n        return ordered()\n\n"
        "class Article(models.Model):\n    objects = Base()",
        "class Base(models.Manager):\n    def get_queryset(self):\n        return ordered()\n\n"
        "class Article(models.Model):\n    objects = Base()",
        "class Article(models.Model):\n    pass\n\nArticle._meta.ordering = ['pk']",
    ],
)
def test_a_model_that_may_bring_an_order_is_silent(declared: str) -> None:
    head = "from django.core.paginator import Paginator\nfrom django.db import models\n"
    walk = "\n\ndef work():\n    for page in Paginator(Article.objects.filter(pk__gt=9), 100):\n        send(page)\n"
    known = "class Article(models.Model):\n    name = models.TextField()"
    assert [finding.code for finding in findings(head + known + walk, VIEWS)] == ["DJQ403"]
    assert not findings(head + declared + walk, VIEWS)


WALKS = {
    "pages": "for page in Paginator(articles, 9):  # DJQ403\n    send(page)",
    "numbers": "p = Paginator(articles, 9)  # DJQ403\nfor n in p.page_range:\n    send(p.page(n))",
    "module": "for page in paginator.Paginator(articles, 9):  # DJQ403\n    send(page)",
    "enumerate": "for n, page in enumerate(Paginator(articles, 9)):  # DJQ403\n    send(n, page)",
    "yield from": "yield from Paginator(articles, 9)  # DJQ403",
    "comprehension": "p = Paginator(articles, 9)  # DJQ403\nsend([p.get_page(n) for n in range(1, p.num_pages + 1)])",
    "made anew": "for n in range(1, 9):\n    send(Paginator(articles, 9).page(n))  # DJQ403",
    "counted": "p = Paginator(articles, 9)  # DJQ403\nn = 1\nwhile n <= p.num_pages:\n    send(p.page(n))\n    n += 1",
    "next page": "p = Paginator(articles, 9)  # DJQ403\npage = p.page(1)\nwhile page.has_next():\n"
    "    page = p.page(page.next_page_number())",
    "only numbers": "for n in Paginator(articles, 9).page_range:\n    send(n)",
    "one page": "for one in ones:\n    send(Paginator(articles, 9).page(3))",
    "asked page": "for one in ones:\n    send(Paginator(articles, 9).page(one.page))",
    "other Paginator": "from botocore.paginate import Paginator\nfor page in Paginator(articles, 9):\n    send(page)",
    "list": "for page in Paginator(list(articles), 9):\n    send(page)",
    "loaded before": "if len(articles) > 9:\n    send(1)\nfor page in Paginator(articles, 9):\n    send(page)",
    "handed on": "fill(articles)\nfor page in Paginator(articles, 9):\n    send(page)",
    "slices": "for start in range(0, 90, 9):\n    send(articles[start:start + 9])  # DJQ403",
    "page numbers": "for n in range(9):\n    send(articles[n * 9:(n + 1) * 9])  # DJQ403",
    "ends": "for start, end in ends:\n    send(articles[start:end])  # DJQ403",
    "attributes": "while self.more():\n    send(articles[self.start:self.start + 9])  # DJQ403\n    self.start += 9",
    "walrus": "start = 0\nwhile rows := list(articles[start:start + 9]):  # DJQ403\n    start += len(rows)",
    "assigned": "start, end = 0, 9\nwhile 1:\n    send(articles[start:end])  # DJQ403\n    start, end = end, end + 9",
    "nested": "for one in ones:\n    for n in range(9):\n        send(articles[n:n + 1])  # DJQ403",
    "sliced before": "articles = articles[:900]\nfor n in range(9):\n    send(articles[n:n + 1])  # DJQ403",
    "no loop": "send(articles[start:start + 9])",
    "same slice": "while True:\n    send(articles[start:start + 9])",
    "drain": "while rows := articles[:9]:\n    send(rows)",
    "drain in turns": "for n in range(9):\n    send(articles[:n])",
    "no end": "for n in range(9):\n    send(articles[n:].exists())",
    "anywhere": "while True:\n    start = randrange(9)\n    send(articles[start:start + 9])",
    "place of a row": "for one in ones:\n    send(articles[one.start:one.end])",
    "another query": "for n in range(9):\n    send(Article.objects.filter(kind=n)[n:n + 1])",
    "one row": "for n in range(9):\n    send(articles.filter(pk=1)[n:n + 1])",
    "loaded by a turn": "for n in range(9):\n    send(articles[n:n + 1])\n    send(list(articles))",
    "property": "for n in range(9):\n    send(self.articles[n:n + 1])",
}


@pytest.mark.parametrize("walk", WALKS)
def test_walks(walk: str) -> None:
    body = f"articles = Article.objects.exclude(live=False)\n{WALKS[walk]}"
    text = f"{MODELS}\nclass Work:\n    articles = Article.objects.all()\n\n    def work(self, ones, ends, start):\n"
    text += indent(dedent(body), "        ")
    found = [(line, code) for line, code in places(text, VIEWS) if code == "DJQ403"]
    assert found == expected(text)


@pytest.mark.parametrize(
    ("queryset", "remedy"),
    [
        ("Article.objects.all()", 'order them: Article.objects.order_by("pk")'),
        ("Article.objects.distinct()", 'order them: Article.objects.distinct().order_by("pk")'),
        ("Article.objects.distinct('headline')", "order them by what tells one row from another"),
        ("Article.objects.values('live').distinct()", """Article.objects.values('live').distinct().order_by("live")"""),
        ("Article.objects.values(name).distinct()", "order them by what tells one row from another"),
        ("Heading.objects.values('text').annotate(n=Count('pk'))", '.order_by("text")'),
        ("Article.objects.all()[:900]", 'order them before they are sliced: order_by("pk")'),
    ],
)
def test_the_remedy_keeps_the_rows(queryset: str, remedy: str) -> None:
    [finding] = findings(pages(queryset), VIEWS)
    assert finding.message.startswith(f"these pages of {queryset} have no order: rows may come twice or never; order")
    assert finding.message.endswith(remedy)


def test_a_model_of_another_file(tmp_path: Path) -> None:
    files = {
        "manage.py": "",
        "base/models.py": "from django.db import models\n\nclass Base(models.Model):\n    class Meta:\n"
        "        abstract = True\n        ordering = ['pk']\n",
        "shop/managers.py": "from django.db import models\n\nclass Latest(models.Manager):\n"
        "    def get_queryset(self):\n        return super().get_queryset().order_by('-pk')\n",
        "shop/models.py": "from django.db import models\nfrom base.models import Base\nfrom .managers import Latest\n\n"
        "class Plain(models.Model):\n    objects = models.Manager()\n    latest = Latest()\n\n"
        "class Ordered(Base):\n    name = models.TextField()\n",
        "shop/views.py": "from django.core.paginator import Paginator\nfrom shop.models import Ordered, Plain\n\n"
        "def work():\n"
        "    for page in Paginator(Plain.objects.all(), 9):  # DJQ403\n        send(page)\n"
        "    for page in Paginator(Plain.latest.all(), 9):\n        send(page)\n"
        "    for page in Paginator(Ordered.objects.all(), 9):\n        send(page)\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    text = files["shop/views.py"]
    assert places(text, str(tmp_path / "shop/views.py")) == expected(text)
