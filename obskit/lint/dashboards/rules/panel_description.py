"""A description says what a panel shows, what is normal and what to do; at three in the morning nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, text_of

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/panel-description"
SEVERITY = Severity.WARNING
SILENT = frozenset({"text", "news", "welcome", "dashlist", "alertlist"})


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find panels without a description.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for panel in dashboard.charts:
        if panel.kind not in SILENT and not text_of(panel.body.get("description")).strip():
            message = f"panel {panel.title!r} has no description: say what is normal and what to do"
            yield dashboard.problem(ID, message, panel.path, SEVERITY)
