"""DJQ403 unordered-pages."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Pages
from flake8_djq.querysets.values import QuerySet
from flake8_djq.rules.base import File, On, Rule
from flake8_djq.rules.wording import called, spell

__all__ = ["UnorderedPages"]


class UnorderedPages(Rule[Pages]):
    """A table is walked in pages that have no order.

    ## What it does
    Flags a loop that takes a queryset page by page, by slices whose start moves (`articles[start:start + 100]`) or by
    a `Paginator` whose pages it goes through, where the queryset has no order at all: no `order_by()`, none in its
    manager, and no `Meta.ordering`.

    ## Why is this bad?
    Each page is a query of its own, and a database may give the rows of a query without `ORDER BY` in any order, in
    another one each time. Then a row comes on two pages, and another one on none. PostgreSQL gives rows as they lie in
    the table, and writes a row that changes to another place: of 10,000 rows that a loop took by slices of 100 and
    saved, 2,500 came twice or more, and 5,000 never (PostgreSQL 15, Django 5.2; the tests in `tests/proof/rules` run
    it). SQLite and MariaDB gave each row once there, by the key in which they keep the table.

    Django says so itself, at run time and for a `Paginator` only: `Paginator._check_object_list_is_ordered` in
    `django/core/paginator.py` warns with `UnorderedObjectListWarning` where `QuerySet.ordered`
    (`django/db/models/query.py`) is false. This rule goes by the same property: `order_by()` without arguments and
    `union()` take any order away; `annotate()` with an aggregate makes a `GROUP BY`, to which `Meta.ordering` does not
    apply; `distinct()`, `filter()` and `reverse()` change nothing.

    ## Example
    ```python
    from django.core.paginator import Paginator
    from django.db import models

    class Article(models.Model):
        headline = models.CharField(max_length=100)

    def index():
        for page in Paginator(Article.objects.all(), 1000):
            for article in page:
                add(article)
    ```

    ## Use instead
    ```python
    from django.core.paginator import Paginator
    from django.db import models

    class Article(models.Model):
        headline = models.CharField(max_length=100)

    def index():
        for page in Paginator(Article.objects.order_by("pk"), 1000):
            for article in page:
                add(article)
    ```
    With an order the pages stay apart as long as no rows are added or deleted before them. A walk by key
    (`flake8-djq keyset PATH` writes an iterator for it) has no such limit, and does not read all earlier rows for each
    page.

    ## When it is silent
    Where the order is not known: the classes of the model and of its manager, with all their bases, have to stand in
    the project. On a queryset that comes from a parameter, or from a function that the linter does not know. On a
    `Paginator` that serves one page, as views do. On slices that always begin at the same place: `while rows :=
    todo[:100]` takes rows away until none are left. On rows that are, or may be, loaded already: they are sliced as a
    list. On lookups of one row, on `raw()`, and on `order_by("?")`, which counts as an order.

    ## Fix safety
    No fix: which order is meant, and whether an index serves it, its author must say.

    ## References
    - [Django: Paginator](https://docs.djangoproject.com/en/5.2/ref/paginator/#django.core.paginator.Paginator)
    - [QuerySet.ordered](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#django.db.models.query.QuerySet.ordered)
    """

    code = "DJQ403"
    name = "unordered-pages"
    on = On.EVERYWHERE
    subject = Pages

    def check(self, subject: Pages, file: File) -> Iterator[Finding]:
        if not subject.unordered or subject.perhaps_loaded:
            return
        message = f"these pages of {spell(subject.node)} have no order: rows may come twice or never; "
        yield self.finding(file, subject.node, message + _remedy(subject))


def _remedy(subject: Pages) -> str:
    queryset = subject.queryset
    fields = _fields(queryset)
    names = ", ".join(f'"{field}"' for field in fields)
    if not fields:
        return "order them by what tells one row from another"
    if queryset.sliced:
        return f"order them before they are sliced: order_by({names})"
    return f"order them: {called(subject.node, f'order_by({names})')}"


def _fields(queryset: QuerySet) -> tuple[str, ...]:
    """The fields that tell rows apart and by which a query may be ordered and give the same rows; () for unknown."""
    distinct = "distinct" in queryset.steps
    if not (queryset.groups or (queryset.values and (distinct or queryset.combined))):
        # distinct("author") takes only orders that begin with the author.
        return () if distinct and ".distinct()" not in queryset.key else ("pk",)
    once = sum(step in ("values", "values_list") for step in queryset.steps) == 1
    return queryset.fields if once and "?" not in queryset.fields else ()
