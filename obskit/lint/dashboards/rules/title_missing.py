"""A dashboard needs a title: Grafana refuses one without.

To mend it, give the dashboard a ``title`` that is unique in its folder.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/title-missing"
SEVERITY = Severity.ERROR


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find a dashboard without a title.

    Args:
        dashboard: The dashboard.

    Yields:
        At most one finding.
    """
    if not dashboard.title.strip():
        message = "the dashboard has no title; Grafana refuses it"
        yield dashboard.problem(ID, message, (*dashboard.root, "title"), SEVERITY)
