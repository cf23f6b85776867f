"""A dashboard without ``uid`` gets another one at each import, and every link to it dies.

To mend it, choose a short uid once and keep it.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/uid-missing"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find a dashboard without a uid.

    Args:
        dashboard: The dashboard.

    Yields:
        At most one finding.
    """
    if not dashboard.uid.strip():
        message = (
            "the dashboard has no uid: each import makes one up, and links to it break; choose one"
        )
        yield dashboard.problem(ID, message, (*dashboard.root, "uid"), SEVERITY)
