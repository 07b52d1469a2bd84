"""DJQ302 iterator-drops-prefetch."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.streaming.chunk_size import chunk_size_of, with_chunk_size
from flake8_djq.rules.wording import spell

__all__ = ["IteratorDropsPrefetch"]


def _effect(version: tuple[int, int] | None) -> str:
    """What Django of this version does; None stands for any supported one."""
    if version is None:
        return "raises ValueError from Django 5.0 on and ignores the prefetch before"
    named = f"Django {version[0]}.{version[1]}"
    if version >= (5, 0):
        return f"raises ValueError on {named}"
    if version >= (4, 1):
        return f"ignores the prefetch on {named}, with a warning, and raises ValueError from 5.0 on"
    return f"silently ignores the prefetch on {named}"


class IteratorDropsPrefetch(Rule[Evaluation]):
    """`.iterator()` without `chunk_size` after `prefetch_related()`.

    ## What it does
    Flags `.iterator()` with no `chunk_size` on a queryset that prefetches, in its own chain, in the manager or in
    the queryset class, as far as the project's files show it (with `--djq-index=off` only the file itself).
    `--djq-django-version` decides what the message says.

    ## Why is this bad?
    What happens depends on Django's version (`django/db/models/query.py`, `QuerySet.iterator`):

    | Django | effect |
    |---|---|
    | 5.0 and later | `ValueError: chunk_size must be provided ... after prefetch_related()` |
    | 4.1, 4.2 | a deprecation warning, and the prefetch is ignored: one query per row |
    | before 4.1 | the prefetch is ignored without a word |

    Measured with 3,000 orders and their lines (the tests in `tests/proof/rules` run it): on Django 4.2 (SQLite) the
    loop sent 3,001 statements, and 3 with `chunk_size=2000`. On Django 5.2 (Python 3.11) it failed on SQLite,
    PostgreSQL and MariaDB, and took 3 statements and 12 to 13 MB above the idle process with `chunk_size=2000`.

    ## Example
    ```python
    for order in Order.objects.prefetch_related("items").iterator():
        pack(order)
    ```

    ## Use instead
    ```python
    for order in Order.objects.prefetch_related("items").iterator(chunk_size=2000):
        pack(order)
    ```

    ## When it is silent
    Where `chunk_size` is given, where `prefetch_related(None)` has taken the prefetch back, on `.aiterator()`, whose
    `chunk_size` is 2000 unless given. On `raw()`. Where the prefetch happens in code that the linter does not see.

    ## Fix safety
    Safe: the prefetch that the code asks for is done, chunk by chunk. Before Django 4.1 the argument changes nothing:
    the prefetch is ignored with it too.

    ## References
    - [QuerySet.iterator()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#iterator)
    - [Django 5.0 release notes: features removed](https://docs.djangoproject.com/en/5.0/releases/5.0/#features-removed-in-5-0)
    """

    code = "DJQ302"
    name = "iterator-drops-prefetch"
    on = On.EVERYWHERE
    fix = Fix.SAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.STREAM or subject.call is None or subject.by != "iterator":
            return
        if not subject.queryset.prefetches or subject.queryset.raw or chunk_size_of(subject.call) is not None:
            return
        message = (
            f"{spell(subject.node)} after prefetch_related() {_effect(file.options.django_version)};"
            f" give it a size: iterator(chunk_size={file.options.chunk_size})"
        )
        yield self.finding(file, subject.node, message, lambda: with_chunk_size(subject, file))
