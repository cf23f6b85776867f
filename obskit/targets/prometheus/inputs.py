"""What rules read: the metrics of an expression, and the alerts that can never fire for want of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import promql_parser

from obskit.targets.prometheus.packs import Rule

__all__ = ["metric_names", "silent_alerts"]

_NAME_MATCHER = "__name__"
_ANSWERS_TO_NOTHING = frozenset({"absent", "absent_over_time"})


def metric_names(expr: str) -> frozenset[str]:
    """The metrics that a PromQL expression reads; a name given as a regular expression is none.

    Args:
        expr: PromQL.

    Raises:
        ValueError: It is not PromQL.
    """
    return frozenset(
        name
        for selector in _selectors(promql_parser.parse(expr))
        if (name := _name(selector)) is not None
    )


def silent_alerts(
    rules: Iterable[Rule], present_metrics: Collection[str]
) -> dict[str, frozenset[str]]:
    """Alerts that cannot fire, because metrics they read exist nowhere.

    ``a and b`` needs both, ``a or b`` one of them, ``a unless b`` the first; ``absent(a)`` none.

    Args:
        rules: Every rule that will be loaded; what they record counts where its own inputs are there.
        present_metrics: Metric names that the Prometheus knows.

    Returns:
        Name of the alert to those of its metrics that are missing.
    """
    rules = tuple(rules)
    present = frozenset(present_metrics)
    recorded: dict[str, list[str]] = {}
    for rule in rules:
        if not rule.alert:
            recorded.setdefault(rule.name, []).append(rule.expr)

    def there(metric: str, on_the_way: frozenset[str] = frozenset()) -> bool:
        if metric in present:
            return True
        if metric in on_the_way:  # a recording that reads itself adds nothing
            return False
        seen = on_the_way | {metric}
        return any(
            _can_answer(promql_parser.parse(expr), lambda name: there(name, seen))
            for expr in recorded.get(metric, ())
        )

    return {
        rule.name: frozenset(name for name in metric_names(rule.expr) if not there(name))
        for rule in rules
        if rule.alert and not _can_answer(promql_parser.parse(rule.expr), there)
    }


def _can_answer(node: Any, there: Callable[[str], bool]) -> bool:
    if isinstance(node, promql_parser.VectorSelector):
        name = _name(node)
        return name is None or there(name)
    if isinstance(node, promql_parser.BinaryExpr):
        left = _can_answer(node.lhs, there)
        operator = str(node.op)
        if operator == "or":
            return left or _can_answer(node.rhs, there)
        return left and (operator == "unless" or _can_answer(node.rhs, there))
    if isinstance(node, promql_parser.Call) and node.func.name in _ANSWERS_TO_NOTHING:
        return True
    return all(_can_answer(child, there) for child in _children(node))


def _selectors(node: Any) -> Iterator[Any]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for child in _children(node):
        yield from _selectors(child)


def _children(node: Any) -> Iterator[Any]:
    """Inner expressions: the parser's node types share no attribute that lists them."""
    yield from getattr(node, "args", ())
    for attribute in ("expr", "lhs", "rhs", "param", "vector_selector"):
        child = getattr(node, attribute, None)
        if child is not None:
            yield child


def _name(selector: Any) -> str | None:
    if selector.name:
        return str(selector.name)
    for matcher in selector.matchers.matchers:
        if matcher.name == _NAME_MATCHER and matcher.op == promql_parser.MatchOp.Equal:
            return str(matcher.value)
    return None
