"""A panel that shows data and has no query stays empty for ever."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, items

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/panel-without-query"
SEVERITY = Severity.WARNING
ASKING = frozenset(
    {
        "timeseries",
        "stat",
        "gauge",
        "bargauge",
        "barchart",
        "heatmap",
        "piechart",
        "table",
        "logs",
        "graph",
    }
)


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find panels that ask nothing.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for panel in dashboard.charts:
        if panel.kind in ASKING and not items(panel.body.get("targets")):
            message = f"panel {panel.title!r} has no query"
            yield dashboard.problem(ID, message, panel.path, SEVERITY)
