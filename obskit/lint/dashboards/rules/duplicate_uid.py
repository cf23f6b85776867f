"""Two dashboards with one uid: the second import replaces the first.

To mend it, give each its own uid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check_all"]

ID = "dashboard/duplicate-uid"
SEVERITY = Severity.ERROR


def check_all(dashboards: Sequence[Dashboard]) -> Iterator[Problem]:
    """Find uids that several dashboards have.

    Args:
        dashboards: The dashboards that are checked together.

    Yields:
        One finding for each but the first.
    """
    seen: dict[str, str] = {}
    for dashboard in dashboards:
        key = dashboard.uid
        if not key:
            continue
        if key in seen:
            message = f"the uid {key!r} is that of {seen[key]}: one replaces the other"
            yield dashboard.problem(ID, message, (*dashboard.root, "uid"), SEVERITY)
        else:
            seen[key] = dashboard.path
