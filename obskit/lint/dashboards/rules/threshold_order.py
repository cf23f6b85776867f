"""Threshold steps count upwards; out of order, Grafana shows the wrong colour."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, items, mapping

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/threshold-order"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find threshold steps out of order.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for panel in dashboard.charts:
        defaults = mapping(mapping(panel.body.get("fieldConfig")).get("defaults"))
        steps = items(mapping(defaults.get("thresholds")).get("steps"))
        values = [mapping(step).get("value") for step in steps]
        numbers = [value for value in values if isinstance(value, int | float)]
        if numbers != sorted(numbers):
            message = f"the thresholds of panel {panel.title!r} are not in ascending order"
            path = (*panel.path, "fieldConfig", "defaults", "thresholds", "steps")
            yield dashboard.problem(ID, message, path, SEVERITY)
