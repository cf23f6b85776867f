"""A query with a fixed ``job`` shows one installation's job and is empty everywhere else.

To mend it, use a variable: ``job=~"$job"``.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.promql import fixed_values, queries

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/hardcoded-job"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find queries with a fixed job.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for query in queries(dashboard):
        for value in fixed_values(dashboard, query, "job"):
            message = f'panel {query.owner!r} asks for job={value!r} only; use job=~"$job"'
            yield dashboard.problem(ID, message, query.path, SEVERITY)
