"""A panel without a title cannot be named in an alert, a runbook or a talk.

Texts need none.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, text_of

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/panel-title"
SEVERITY = Severity.WARNING
SILENT = frozenset({"text", "news", "welcome", "dashlist", "alertlist"})


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find panels without a title.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for panel in dashboard.charts:
        if panel.kind not in SILENT and not text_of(panel.body.get("title")).strip():
            message = f"panel {panel.title} has no title"
            yield dashboard.problem(ID, message, panel.path, SEVERITY)
