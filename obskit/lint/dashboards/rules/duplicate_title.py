"""Two dashboards of one folder with one title: Grafana up to 10 refuses the second (412 name-exists).

Files of one directory count as one folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check_all"]

ID = "dashboard/duplicate-title"
SEVERITY = Severity.WARNING


def check_all(dashboards: Sequence[Dashboard]) -> Iterator[Problem]:
    """Find titles that several dashboards of a folder have.

    Args:
        dashboards: The dashboards that are checked together.

    Yields:
        One finding for each but the first.
    """
    seen: dict[tuple[str, str], str] = {}
    for dashboard in dashboards:
        key = (str(PurePath(dashboard.path).parent), dashboard.title)
        if not dashboard.title:
            continue
        if key in seen:
            message = f"the title {dashboard.title!r} is that of {seen[key]}: Grafana refuses two in one folder"
            yield dashboard.problem(ID, message, (*dashboard.root, "title"), SEVERITY)
        else:
            seen[key] = dashboard.path
