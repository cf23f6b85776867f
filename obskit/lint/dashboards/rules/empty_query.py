"""A query without text asks nothing; the panel is empty, or one line short."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, mapping, text_of

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/empty-query"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find queries without a text.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for target in dashboard.targets:
        expr = target.body.get("expr")
        if isinstance(expr, str) and not expr.strip() and not target.body.get("hide"):
            letter = text_of(target.body.get("refId")) or "?"
            owner = text_of(mapping(target.panel).get("title"))
            message = f"panel {owner!r}: query {letter} is empty; write it or remove it"
            yield dashboard.problem(ID, message, (*target.path, "expr"), SEVERITY)
