"""Panels that cover each other, or reach beyond the 24 columns, are moved by each Grafana in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, mapping

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/panel-overlap"
SEVERITY = Severity.WARNING
COLUMNS = 24


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find panels that cover each other.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    boxes: list[tuple[int, int, int, int, str]] = []
    for panel in dashboard.panels:
        # Panels inside a collapsed row have places of their own, used when the row is opened.
        if len(panel.path) != len(dashboard.root) + 2 or panel.body.get("collapsed"):
            continue
        box = _box(panel.body.get("gridPos"))
        if box is None:
            continue
        x, y, w, h = box
        if x + w > COLUMNS:
            message = f"panel {panel.title!r} reaches to column {x + w} of {COLUMNS}"
            yield dashboard.problem(ID, message, (*panel.path, "gridPos"), SEVERITY)
        for left, top, width, height, other in boxes:
            if x < left + width and left < x + w and y < top + height and top < y + h:
                message = f"panel {panel.title!r} covers panel {other!r}"
                yield dashboard.problem(ID, message, (*panel.path, "gridPos"), SEVERITY)
                break
        boxes.append((x, y, w, h, panel.title))


def _box(value: Any) -> tuple[int, int, int, int] | None:
    grid = mapping(value)
    x, y, w, h = (grid.get(name) for name in ("x", "y", "w", "h"))
    if isinstance(x, int) and isinstance(y, int) and isinstance(w, int) and isinstance(h, int):
        return x, y, w, h
    return None
