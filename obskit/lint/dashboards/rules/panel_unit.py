"""A number without a unit is read wrongly by somebody: 5000 milliseconds, bytes, requests?

To mend it, set ``fieldConfig.defaults.unit`` (``short`` for plain counts, ``none`` for what has no unit).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, items, mapping

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/panel-unit"
SEVERITY = Severity.WARNING
MODERN = frozenset({"timeseries", "stat", "gauge", "bargauge", "barchart", "heatmap", "piechart"})


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find panels whose values have no unit.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for panel in dashboard.charts:
        if panel.kind in MODERN and not _has_unit(panel.body):
            message = (
                f"panel {panel.title!r} shows values without a unit; use 'short' for plain counts"
            )
            yield dashboard.problem(ID, message, panel.path, SEVERITY)


def _has_unit(panel: Mapping[str, Any]) -> bool:
    config = mapping(panel.get("fieldConfig"))
    if mapping(config.get("defaults")).get("unit"):
        return True
    if mapping(mapping(panel.get("options")).get("yAxis")).get("unit"):
        return True
    return any(
        mapping(setting).get("id") == "unit"
        for override in items(config.get("overrides"))
        for setting in items(mapping(override).get("properties"))
    )
