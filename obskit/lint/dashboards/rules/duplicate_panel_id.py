"""Two panels with one id: links, alerts and library panels find the wrong one.

Grafana gives one of them another id when the dashboard is saved in the browser, so an export differs from what
was imported.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/duplicate-panel-id"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find panel ids that stand twice.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    seen: dict[int, str] = {}
    for panel in dashboard.panels:
        number = panel.body.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or number == 0:
            continue
        if number in seen:
            message = f"panel {panel.title!r} has the id {number} of panel {seen[number]!r}"
            yield dashboard.problem(ID, message, (*panel.path, "id"), SEVERITY)
        else:
            seen[number] = panel.title
