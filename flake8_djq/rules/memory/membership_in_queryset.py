"""DJQ105 membership-in-queryset."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_djq.findings import Edit, Finding
from flake8_djq.fixes.spans import ATOMS, on_one_line, replace, stands_alone, starts_query
from flake8_djq.querysets.evaluations import Evaluation, How
from flake8_djq.querysets.turns import is_asked_on_each_turn
from flake8_djq.querysets.values import Bound
from flake8_djq.rules.base import File, Fix, On, Rule
from flake8_djq.rules.wording import called, spell
from flake8_djq.source import last_name

__all__ = ["MembershipInQueryset"]

# Methods that give a row, or None.
MAY_GIVE_NONE = frozenset({"afirst", "alast", "first", "get_or_none", "last"})
FIRST_WITH_CONTAINS = (4, 0)


class MembershipInQueryset(Rule[Evaluation]):
    """`in` loads every row of a queryset to find one.

    ## What it does
    Flags `obj in queryset` and `value in queryset.values_list("field", flat=True)`, where no path uses the loaded
    rows afterwards.

    ## Why is this bad?
    `in` runs the query, loads every row and compares them one by one. The database finds the row by its index and sends
    back yes or no. Measured on a table of 30,000 rows of about 650 bytes (Django 5.2, Python 3.11; the tests in
    `tests/proof/rules` run it): two such tests took 35 MB above the idle process and 0.8 seconds on SQLite, 59 MB and
    0.9 seconds on PostgreSQL, 52 MB and 1.2 seconds on MariaDB; with `.contains()` less than 1 MB and 0.01 to 0.03
    seconds.

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

    Django has `.contains()` since 4.0; where the project names an older one, the message says
    `.filter(pk=user.pk).exists()`.

    ## When it is silent
    Where the rows are used later through the same object, where they may be loaded already, where code elsewhere holds
    the object too, and inside a loop over an object from outside it: one load serves all tests. On children of one
    parent row, which are few, on slices and unions. On rows of several columns (`values_list("name", "email")`). On
    lists and sets. Where what is looked for may be None (`shelf.books.first() in books`): `.contains()` would raise.

    ## Fix safety
    `.contains()` is safe where the object is a row that a query gave, such as the variable of a loop over rows.
    Elsewhere it is unsafe: `in` answers no for None, an unsaved row or a user that is not logged in, and `.contains()`
    raises. `.filter(...).exists()` is unsafe since the database compares by its own rules: asked for `n-42`, for `N-42`
    with a space behind it or with a tilde over its `N`, MariaDB finds the row `N-42`, and `in` does not. It is written
    only where `values_list("field", flat=True)` ends the queryset.

    ## References
    - [QuerySet.contains()](https://docs.djangoproject.com/en/5.2/ref/models/querysets/#contains)
    """

    code = "DJQ105"
    name = "membership-in-queryset"
    on = On.EVERYWHERE
    fix = Fix.SAFE_OR_UNSAFE
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
        if is_asked_on_each_turn(subject):
            return  # one load before the loop serves all tests: that is DJQ203
        if isinstance(subject.member, ast.Call) and last_name(subject.member.func) in MAY_GIVE_NONE:
            return  # "in" takes None, contains() does not
        remedy = self._remedy(subject, file)
        if remedy is None:
            return
        remedy = remedy if subject.asks_existence else f"not {remedy}"
        message = f"in loads every row of {spell(subject.node)} to find one; ask the database: {remedy}"
        yield self.finding(file, subject.whole, message, lambda: self._edit(subject, file), subject.queryset.model)

    def _edit(self, subject: Evaluation, file: File) -> Edit | None:
        source, whole, member = file.source, subject.whole, subject.member
        if whole is None or member is None or isinstance(member, ast.NamedExpr | ast.Yield | ast.YieldFrom):
            return None
        negated = "" if subject.asks_existence else "not "
        given = on_one_line(source.text_of(member))
        node = subject.node
        if not subject.queryset.values:
            has_contains = file.django_versions.has(FIRST_WITH_CONTAINS)
            if not has_contains and not isinstance(member, ATOMS):
                return None
            text = self._called(file, node, f"contains({given})" if has_contains else f"filter(pk={given}.pk).exists()")
            # contains() raises for what is no saved row; "in" says no, also to a row of another model.
            safe = has_contains and subject.member_is_row and subject.queryset.certain
        elif _is_flat(node) and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            text = self._called(file, node.func.value, f"filter({subject.queryset.fields[0]}={given}).exists()")
            # The database compares by its own rules: without regard to case on MySQL.
            safe = False
        else:
            return None
        parts = replace(source, whole, negated + text) if text else None
        return Edit(parts, safe) if parts else None

    def _called(self, file: File, node: ast.expr, call: str) -> str:
        """The text of a node with a method called on it; "" where it is not written on one line."""
        if starts_query(node) and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        text = file.source.text_of(node)
        if not stands_alone(text):
            return ""
        return f"{text}.{call}" if isinstance(node, ATOMS) else f"({text}).{call}"

    def _remedy(self, subject: Evaluation, file: File) -> str | None:
        """The test as a query; None where it is not known which one asks the same."""
        member = spell(subject.member) if subject.member is not None else ""
        queryset = subject.queryset
        if not queryset.values:
            asked = (
                f"contains({member})"
                if file.django_versions.has(FIRST_WITH_CONTAINS)
                else f"filter(pk={member}.pk).exists()"
            )
            return called(subject.node, asked)
        node = subject.node
        if len(queryset.fields) != 1:
            return None
        if _is_flat(node) and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return f"{called(node.func.value, 'filter')}({queryset.fields[0]}={member}).exists()"
        return f"{spell(node)}.filter({queryset.fields[0]}={member}).exists()"


def _is_flat(node: ast.expr) -> bool:
    """Whether a node is a call of ``values_list(..., flat=True)``."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "values_list"
        and any(keyword.arg == "flat" for keyword in node.keywords)
    )
