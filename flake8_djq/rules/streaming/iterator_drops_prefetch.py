"""DJQ302 iterator-drops-prefetch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.streaming.chunk_size import FIRST_WITH_SIZE, chunk_size_of, with_chunk_size
from flake8_djq.rules.wording import spell

if TYPE_CHECKING:
    from flake8_djq.project.versions import Versions

__all__ = ["IteratorDropsPrefetch"]


DEPRECATED = (4, 1)
REMOVED = (5, 0)


def _effect(versions: Versions) -> str:
    """What Django of these versions does, where it is the same for all of them."""
    lowest, highest = versions
    named = f"Django {lowest[0]}.{lowest[1]}" if lowest is not None else ""
    if lowest is not None and lowest >= REMOVED:
        return f"raises ValueError on {named}{'' if versions.only else ' and later'}"
    if highest is not None and highest < DEPRECATED:
        return f"silently ignores the prefetch {f'on {named}' if versions.only else 'before Django 4.1'}"
    if highest is not None and highest < REMOVED and lowest is not None and lowest >= DEPRECATED:
        both = "" if versions.only or lowest > DEPRECATED else " and 4.2"
        return f"ignores the prefetch on {named}{both}, with a warning, and raises ValueError from 5.0 on"
    return "raises ValueError from Django 5.0 on and ignores the prefetch before"


class IteratorDropsPrefetch(Rule[Evaluation]):
    """`.iterator()` without `chunk_size` after `prefetch_related()`.

    ## What it does
    Flags `.iterator()` with no `chunk_size` on a queryset that prefetches, in its own chain, in the manager or in
    the queryset class, as far as the project's files show it (with `--djq-index=off` only the file itself).
    The message says what happens on the project's version of Django: the one of `--djq-django-version`, else the one
    of its lock file, requirements, `pyproject.toml` or `setup.cfg`, else the one installed beside flake8. Where these
    leave several, it says what is true for all of them.

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
    Safe: the prefetch that the code asks for is done, chunk by chunk. No fix where the project's files name a Django
    before 4.1 only: there the prefetch is ignored with the argument too, and before 2.0 there is no such argument.

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
        versions = file.django_versions
        told = f"{spell(subject.node)} after prefetch_related() {_effect(versions)}"
        if not versions.has(FIRST_WITH_SIZE):
            yield self.finding(
                file, subject.node, f"{told}; iterator() takes no chunk_size there: leave one of them out"
            )
            return
        if not versions.may_have(DEPRECATED):
            yield self.finding(file, subject.node, f"{told}; no chunk_size changes that: leave one of them out")
            return
        message = f"{told}; give it a size: iterator(chunk_size={file.options.chunk_size})"
        yield self.finding(file, subject.node, message, lambda: with_chunk_size(subject, file))
