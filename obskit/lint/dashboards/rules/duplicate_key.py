"""A key that stands twice in one object: the last one counts, the other is lost without a word."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/duplicate-key"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find keys that stand twice.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for path in dashboard.located.repeated:
        message = f"the key {path[-1]!r} stands twice in its object; only the last one counts"
        yield dashboard.problem(ID, message, path, SEVERITY)
