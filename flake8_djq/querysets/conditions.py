"""What conditions ask of querysets."""

from __future__ import annotations

import ast
from dataclasses import replace

from flake8_djq.querysets.evaluations import Evaluation, How, ManagerTruth
from flake8_djq.querysets.methods import QueryMethods
from flake8_djq.querysets.state import State, meet
from flake8_djq.querysets.values import (
    PLAIN,
    Bound,
    Count,
    Either,
    Manager,
    QuerySet,
    Row,
    Rows,
    Value,
    alternatives,
    join,
)

__all__ = ["Conditions"]

EXISTENCE: dict[tuple[type[ast.cmpop], object], bool] = {
    # (operator, constant): whether the comparison asks "are there rows?" (True) or "are there none?" (False)
    (ast.Gt, 0): True,
    (ast.NotEq, 0): True,
    (ast.GtE, 1): True,
    (ast.Eq, 0): False,
    (ast.Lt, 1): False,
    (ast.LtE, 0): False,
}
# Comparisons of a count that are true where there are few rows.
LIMITS = (ast.Lt, ast.LtE, ast.Eq)
SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}


class Conditions(QueryMethods):
    """Truth tests and comparisons: where only the existence of rows is asked."""

    def truth(self, node: ast.expr, negated: bool = False) -> Value:
        """Evaluate an expression where only its truth counts; the value is what it held.

        Leaves in ``outcomes`` what is known where it is true, and where it is false.
        """
        if isinstance(node, ast.BoolOp):
            return self._either_or_both(node, negated)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.truth(node.operand, not negated)
            self.outcomes = self.outcomes[::-1]
            return PLAIN
        self.counted = None
        value = self._simple_truth(node, negated)
        self.outcomes = (self.state, self.state)
        if self.counted is not None and isinstance(node, ast.Compare):  # and not an argument of a call
            queryset, where_true = self.counted
            limited = _with_limit(self.state, queryset)
            self.outcomes = (limited, self.state) if where_true else (self.state, limited)
        return value

    def _either_or_both(self, node: ast.BoolOp, negated: bool) -> Value:
        """``a and b``, ``a or b``: later operands are asked only where the earlier ones leave it open."""
        values = [self.truth(node.values[0], negated)]
        true, false = self.outcomes
        is_and = isinstance(node.op, ast.And)
        with self.branch(node):
            for operand in node.values[1:]:
                self.state = (true if is_and else false).copy()
                values.append(self.truth(operand, negated))
                if is_and:
                    true, false = self.outcomes[0], meet((false, self.outcomes[1]))
                else:
                    true, false = meet((true, self.outcomes[0])), self.outcomes[1]
        self.state = meet((true, false))
        self.outcomes = (true, false)
        return join(values)

    def _simple_truth(self, node: ast.expr, negated: bool) -> Value:
        value = self.expr(node)
        if isinstance(value, Count) and isinstance(value.evaluation, Evaluation):
            # ``if number := books.count()`` wants the number.
            if value.evaluation.call is _awaited(node):
                value.evaluation.asks_existence = not negated
                value.evaluation.whole = node
            return value
        querysets = self.querysets(value)
        if querysets:
            evaluation = self.evaluate(How.TRUTH, node, querysets, "not" if negated else "if")
            evaluation.asks_existence = not negated
            if len(querysets) < len(alternatives(value)):
                evaluation.shared = True  # None on some path: the test asks for more than rows
        elif isinstance(value, Either):
            self.escape(value, node)
        elif isinstance(value, Manager):
            self.others[node] = ManagerTruth(node)
        return value

    def _read_Compare(self, node: ast.Compare) -> Value:
        sides = [node.left, *node.comparators]
        if len(node.ops) == 1:
            operator = node.ops[0]
            if isinstance(operator, ast.In | ast.NotIn):
                return self._membership(node)
            values = [self.expr(side) for side in sides]
            self._existence(node, type(operator), values)
            if not isinstance(operator, ast.Is | ast.IsNot):
                for value, side in zip(values, sides, strict=True):
                    self._compared(value, side)
        else:
            for side in sides:
                self.expr(side)
        return PLAIN

    def _compared(self, value: Value, node: ast.expr) -> None:
        for queryset in self.querysets(value):
            self._use(queryset, How.ESCAPE, node)

    def _membership(self, node: ast.Compare) -> Value:
        member = self.expr(node.left)
        container = node.comparators[0]
        value = self.expr(container)
        querysets = self.querysets(value)
        if querysets:
            evaluation = self.evaluate(How.MEMBERSHIP, container, querysets, "in")
            evaluation.whole, evaluation.member = node, node.left
            evaluation.member_is_row = isinstance(member, Row) and member.of is not None
            evaluation.asks_existence = isinstance(node.ops[0], ast.In)
        elif isinstance(value, Rows):
            self.searched(value)
        else:
            self.escape(value, container)
        return PLAIN

    def _existence(self, node: ast.Compare, operator: type[ast.cmpop], values: list[Value]) -> None:
        """``qs.count() > 0``, ``0 == len(qs)``: a comparison that only asks whether there are rows."""
        for value, side, other, swap in (
            (values[0], node.left, node.comparators[0], False),
            (values[1], node.comparators[0], node.left, True),
        ):
            if not isinstance(value, Count) or not isinstance(value.evaluation, Evaluation):
                continue
            evaluation = value.evaluation
            used = SWAPPED.get(operator, operator) if swap else operator
            constant = other.value if isinstance(other, ast.Constant) else None
            asks = EXISTENCE.get((used, constant))
            if asks is None and evaluation.queryset.one_row and constant == 1 and used is ast.Eq:
                asks = True
            if asks is None and evaluation.how is How.COUNT and used in (*LIMITS, ast.Gt, ast.GtE):
                self.counted = (evaluation.queryset, used in LIMITS)
            if asks is None or evaluation.call is not _awaited(side):
                evaluation.result_used = True
            else:
                evaluation.asks_existence, evaluation.whole = asks, node


def _with_limit(state: State, queryset: QuerySet) -> State:
    """What is known where a queryset has as few rows as somebody wants: below `if books.count() > 1000: return`."""
    limited = state.copy()
    if queryset.bound is not Bound.UNBOUNDED:
        return limited
    few = replace(queryset, bound=Bound.UNKNOWN)
    limited.names.update({name: few for name, value in state.names.items() if value is queryset})
    if queryset in limited.facts:
        limited.facts[few] = limited.facts[queryset]
    return limited


def _awaited(node: ast.expr) -> ast.expr:
    """``await x`` -> ``x``."""
    return node.value if isinstance(node, ast.Await) else node
