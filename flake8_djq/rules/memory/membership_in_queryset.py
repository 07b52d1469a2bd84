"""DJQ105 membership-in-queryset."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Finding
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import called, spell

__all__ = ["MembershipInQueryset"]


class MembershipInQueryset(Rule[Evaluation]):
    """`in` loads every row of a queryset to find one.

    ## What it does
    Flags `obj in queryset` and `value in queryset.values_list("field", flat=True)`, where no path uses the loaded
    rows afterwards.

    ## Why is this bad?
    `in` runs the query, loads every row and compares them one by one. The database finds the row by its index and
    sends back yes or no. Loading 300,000 rows of about 330 bytes took 233 MB on SQLite, 347 MB on PostgreSQL, 281 MB
    on MariaDB (Django 5.2, Python 3.11).

    ## Example
    ```python
    if user in Customer.objects.filter(active=True):
        welcome(user)
    if email in Customer.objects.values_list("email", flat=True):
        raise Duplicate
    ```

    ## Use instead
    ```python
    if Customer.objects.filter(active=True).contains(user):
        welcome(user)
    if Customer.objects.filter(email=email).exists():
        raise Duplicate
    ```

    ## When it is silent
    Where the rows are used later through the same object, and inside a loop over an object from outside it: one load
    serves all tests. On children of one parent row, which are few. On lists and sets.

    ## Fix safety
    Safe where the field is known: the answer is the same. `.contains()` exists from Django 4.0 on and wants a row
    of the model.

    ## References
    - [QuerySet.contains()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#contains)
    """

    code = "DJQ105"
    name = "membership-in-queryset"
    on = On.EVERYWHERE
    fix = Fix.SAFE
    subject = Evaluation

    def check(self, subject: Evaluation, file: File) -> Iterator[Finding]:
        if subject.how is not How.MEMBERSHIP or subject.member is None or subject.whole is None:
            return
        if (
            subject.shared
            or subject.perhaps_cached
            or subject.repeated_by_loop
            or any(use.how.uses_rows for use in subject.later)
        ):
            return
        if (
            subject.bound is Bound.BOUNDED
            or subject.queryset.sliced
            or subject.queryset.combined
            or subject.queryset.raw
        ):
            return
        if subject.same_on_each_turn:
            return  # one load before the loop serves all tests: that is DJQ203
        remedy = self._remedy(subject)
        if remedy is None:
            return
        remedy = remedy if subject.asks_existence else f"not {remedy}"
        message = f"in loads every row of {spell(subject.node)} to find one; ask the database: {remedy}"
        yield self.finding(file, subject.whole, message)

    def _remedy(self, subject: Evaluation) -> str | None:
        """The test as a query; None where it is not known which one asks the same."""
        member = spell(subject.member) if subject.member is not None else ""
        queryset = subject.queryset
        if not queryset.values:
            return called(subject.node, f"contains({member})")
        node = subject.node
        flat = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "values_list"
            and any(keyword.arg == "flat" for keyword in node.keywords)
        )
        if len(queryset.fields) != 1:
            return None
        if flat and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return f"{called(node.func.value, 'filter')}({queryset.fields[0]}={member}).exists()"
        return f"{spell(node)}.filter({queryset.fields[0]}={member}).exists()"
