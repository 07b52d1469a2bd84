"""DJQ103 len-for-count."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import call_on_inside
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import called, spell

__all__ = ["LenForCount"]


class LenForCount(Rule[Evaluation]):
    """`len()` loads every row of a queryset only to count them.

    ## What it does
    Flags `len(queryset)` where no path uses the rows afterwards.

    ## Why is this bad?
    `len()` runs the query, builds an object of every row and keeps them all. `.count()` lets the database count and
    sends one number. Measured on a table of 30,000 rows of about 650 bytes (Django 5.2, Python 3.11; the tests in
    `tests/proof/rules` run it), above the idle process:

    | | `len()` | `.count()` |
    |---|---|---|
    | SQLite | 35 MB, 0.46 s | 2 MB, 0.02 s |
    | PostgreSQL | 59 MB, 0.55 s | 0 MB, 0.03 s |
    | MariaDB | 52 MB, 0.55 s | less than 1 MB, 0.02 s |

    It grows with the table: to load 300,000 rows of about 360 bytes took 269 to 387 MB there (`make proof`).

    ## Example
    ```python
    def open_orders(customer):
        return len(Order.objects.filter(customer=customer, closed=None))
    ```

    ## Use instead
    ```python
    def open_orders(customer):
        return Order.objects.filter(customer=customer, closed=None).count()
    ```

    ## When it is silent
    Where the rows are used later through the same object: looped over, indexed, handed to other code, kept in an
    attribute. There `len()` costs nothing more, and `.count()` would add a query. Where code elsewhere may hold the
    same object, or it may be loaded already. Inside a loop over an object from outside it: the first turn loads the
    rows for all. On lists. On slices with a stop. Where the number only decides whether there are rows (DJQ104). Under
    `select_for_update()`, which loads the rows to lock them, and on raw queries, which cannot count.

    ## Fix safety
    Safe: the number is the same. (A queryset that was evaluated before is left alone.)

    ## References
    - [Database access optimization: use count()](https://docs.djangoproject.com/en/5.2/topics/db/optimization/#don-t-overuse-count-and-exists)
    """

    code = "DJQ103"
    name = "len-for-count"
    on = On.EVERYWHERE
    fix = Fix.SAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.LENGTH or subject.asks_existence is not None or subject.queryset.raw:
            return
        if "select_for_update" in subject.queryset.steps:
            return  # the rows are loaded to be locked
        if subject.queryset.sliced and subject.bound is Bound.BOUNDED:
            return  # a page of rows: counting it instead is no gain worth a finding
        if (
            subject.shared
            or subject.perhaps_cached
            or subject.repeated_by_loop
            or any(use.how.uses_rows for use in subject.later)
        ):
            return
        text = spell(subject.node)
        remedy = called(subject.node, "count()")
        yield self.finding(
            file,
            subject.node,
            f"len() loads every row of {text} to count them; let the database count: {remedy}",
            lambda: self._edit(subject, file),
        )

    def _edit(self, subject: Evaluation, file: File) -> Edit | None:
        parts = call_on_inside(file.source, subject.call, subject.node, "count()") if subject.call else None
        return Edit(parts, subject.queryset.certain) if parts else None
