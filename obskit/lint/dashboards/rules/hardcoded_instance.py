"""A query with a fixed ``instance`` shows one installation's instance and is empty everywhere else.

To mend it, use a variable: ``instance=~"$instance"``.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.promql import fixed_values, queries

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/hardcoded-instance"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find queries with a fixed instance.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for query in queries(dashboard):
        for value in fixed_values(dashboard, query, "instance"):
            message = (
                f'panel {query.owner!r} asks for instance={value!r} only; use instance=~"$instance"'
            )
            yield dashboard.problem(ID, message, query.path, SEVERITY)
