"""DJQ301 iterator-without-chunk-size."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.streaming.chunk_size import FIRST_WITH_SIZE, chunk_size_of, with_chunk_size
from flake8_djq.rules.wording import spell

__all__ = ["IteratorWithoutChunkSize"]


class IteratorWithoutChunkSize(Rule[Evaluation]):
    """`.iterator()` does not say how many rows it fetches at a time.

    ## What it does
    Flags `.iterator()` and `.aiterator()` of a queryset without `chunk_size`.

    ## Why is this bad?
    Nothing breaks: Django takes 2000. Measured with 30,000 rows of about 650 bytes (Django 5.2, Python 3.11; the tests
    in `tests/proof/rules` run it), the peak above the idle process is 6 MB on SQLite and PostgreSQL, with the argument
    and without. But how many rows are in memory at a time, and how many related rows a prefetch asks for at once, is
    the point of streaming, and a reader cannot see it. With `prefetch_related` the argument is required (DJQ302).

    ## Example
    ```python
    for event in Event.objects.iterator():
        archive(event)
    ```

    ## Use instead
    ```python
    for event in Event.objects.iterator(chunk_size=2000):
        archive(event)
    ```

    ## When it is silent
    On `raw()` querysets, whose `iterator()` takes no argument. On everything that is not known to be a queryset. Where
    DJQ302 speaks. Where the size is given by its place or may be, as `*args` or `**options`. Where the project's files
    say that it runs on a Django before 2.0, whose `iterator()` takes no argument.

    ## Fix safety
    Safe: 2000 is Django's own default, so nothing changes. With another `--djq-chunk-size` that number is written: the
    rows stay, and more or fewer of them are fetched at a time.

    ## References
    - [QuerySet.iterator()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#iterator)
    - [Django 2.0 release notes: models](https://docs.djangoproject.com/en/2.0/releases/2.0/#models)
    """

    code = "DJQ301"
    name = "iterator-without-chunk-size"
    on = On.EVERYWHERE
    fix = Fix.SAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.STREAM or subject.call is None or subject.queryset.raw:
            return
        if chunk_size_of(subject.call) is not None or (subject.queryset.prefetches and subject.by == "iterator"):
            return
        if not file.django_versions.has(FIRST_WITH_SIZE):
            return
        message = (
            f"{spell(subject.node)} does not say how many rows it holds at a time;"
            f" write it out: {subject.by}(chunk_size={file.options.chunk_size})"
        )
        yield self.finding(file, subject.node, message, lambda: with_chunk_size(subject, file))
