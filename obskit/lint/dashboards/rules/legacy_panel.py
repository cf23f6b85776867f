"""Panels written with AngularJS do not run from Grafana 11 on.

To mend it, open the dashboard in Grafana 10, choose "Migrate", and export it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/legacy-panel"
SEVERITY = Severity.WARNING
SUCCESSORS = {
    "graph": "timeseries",
    "singlestat": "stat",
    "table-old": "table",
    "grafana-piechart-panel": "piechart",
    "grafana-singlestat-panel": "stat",
    "grafana-worldmap-panel": "geomap",
    "briangann-gauge-panel": "gauge",
    "vonage-status-panel": "stat",
    "natel-discrete-panel": "state-timeline",
}


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find panels of types that Grafana gave up.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for panel in dashboard.panels:
        if panel.kind in SUCCESSORS:
            message = (
                f"panel {panel.title!r} is of type {panel.kind!r}, which Grafana 11 does not run; "
                f"use {SUCCESSORS[panel.kind]!r}"
            )
            yield dashboard.problem(ID, message, (*panel.path, "type"), SEVERITY)
