"""DJQ108 bulk-write-without-batch-size."""

from __future__ import annotations

import ast
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
    Without `batch_size` Django writes all objects in one statement on PostgreSQL, MySQL and MariaDB (SQLite and Oracle
    have limits that Django splits by): one SQL text with every value in it, built in the process, sent whole, parsed
    whole. `bulk_update` writes a `CASE WHEN` of every row and field. When the table has grown, the server's own limit
    stops the job. Measured with 6,000 rows of 3 KB (Django 5.2, Python 3.11; the tests in `tests/proof/rules` run it):
    `bulk_create` took 98 MB above the idle process on PostgreSQL, and 52 MB in batches of 2,000. MariaDB refused the
    one statement, with error 1153, since it was larger than a `max_allowed_packet` of 16 MB, and took the batches.

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
    Outside batch code. On a list written out, a list whose source is bounded or not known, a list that the loop flushes
    every n items, and where `batch_size` is given, also by its place or as `**options`.

    ## Fix safety
    Safe: the same rows are written, inside the one transaction that Django opens for the call anyway, so that it is
    still all or nothing. Unsafe with `update_conflicts`: PostgreSQL refuses two rows of one key in one statement, but
    not in two.

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
        yield self.finding(file, call, message, lambda: self._edit(call, file))

    def _edit(self, call: ast.Call, file: File) -> Edit | None:
        parts = with_argument(file.source, call, f"batch_size={file.options.chunk_size}")
        # PostgreSQL refuses two rows of one key in one upsert, but not in two.
        safe = all(keyword.arg != "update_conflicts" for keyword in call.keywords)
        return Edit(parts, safe) if parts else None
