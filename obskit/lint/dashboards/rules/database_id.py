"""``id`` is the row number in the database of the Grafana that exported the dashboard.

Elsewhere it points to another dashboard or to none ("dashboard not found"). To mend it, set it to null or
leave it out; ``uid`` is what names a dashboard.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/database-id"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find a database id that was left in.

    Args:
        dashboard: The dashboard.

    Yields:
        At most one finding.
    """
    if isinstance(dashboard.body.get("id"), int) and dashboard.uid:
        message = (
            "id is a row number in another Grafana's database; leave it out, the uid is enough"
        )
        yield dashboard.problem(ID, message, (*dashboard.root, "id"), SEVERITY)
