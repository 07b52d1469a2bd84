"""DJQ108 bulk-write-without-batch-size."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import with_argument
from flake8_djq.querysets.evaluations import BulkWrite
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import spell

__all__ = ["BulkWriteWithoutBatchSize"]


class BulkWriteWithoutBatchSize(Rule[BulkWrite]):
    """A bulk write sends one statement that grows with a table or a file.

    ## What it does
    Flags `bulk_create`, `bulk_update` and their async twins without `batch_size`, in batch code, when their
    list grows with an unbounded queryset or a file.

    ## Why is this bad?
    Without `batch_size` Django writes all objects in one statement on PostgreSQL, MySQL and MariaDB (SQLite and
    Oracle have limits that Django splits by): one SQL text with every value in it, built in the process, sent whole,
    parsed whole. `bulk_update` writes a `CASE WHEN` of every row and field. The server's own limit
    (`max_allowed_packet`, 65,535 parameters) stops the job when the table has grown.

    ## Example
    ```python
    copies = [Copy(event=event) for event in Event.objects.iterator(chunk_size=2000)]
    Copy.objects.bulk_create(copies)
    ```

    ## Use instead
    ```python
    copies = [Copy(event=event) for event in Event.objects.iterator(chunk_size=2000)]
    Copy.objects.bulk_create(copies, batch_size=2000)
    ```

    ## When it is silent
    Outside batch code. On a list written out, a list whose source is bounded or not known, a list that the loop
    flushes every n items, and where `batch_size` is given, also as `**options`.

    ## Fix safety
    Safe: the same rows are written, inside the one transaction that Django opens for the call anyway.

    ## References
    - [bulk_create()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#bulk-create),
      [bulk_update()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#bulk-update)
    """

    code = "DJQ108"
    name = "bulk-write-without-batch-size"
    on = On.BATCH
    fix = Fix.SAFE
    subject = BulkWrite

    def check(self, subject: BulkWrite, file: File) -> Iterator[Finding]:
        call = subject.node
        if any(keyword.arg in (None, "batch_size") for keyword in call.keywords):
            return
        # bulk_create(objs, batch_size), bulk_update(objs, fields, batch_size)
        if len(call.args) > (1 if subject.method == "bulk_create" else 2):
            return
        message = (
            f"{spell(call.func)}() writes a list that grows with {subject.grows_with} in one statement;"
            f" write in batches: batch_size={file.options.chunk_size}"
        )
        parts = with_argument(file.source, call, f"batch_size={file.options.chunk_size}")
        yield self.finding(file, call, message, Edit(parts, safe=True) if parts else None)
