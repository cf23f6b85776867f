"""A data source named by its uid or name exists in one Grafana only.

To mend it, add a data source variable and write ``${datasource}``.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, text_of
from obskit.lint.dashboards.positions import Path
from obskit.lint.dashboards.variables import REFERENCE

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/datasource-hardcoded"
SEVERITY = Severity.WARNING
# Grafana's own sources, which every installation has.
BUILTIN = frozenset(
    {"-- Grafana --", "-- Mixed --", "-- Dashboard --", "grafana", "__expr__", "default"}
)


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find data sources that are named and not chosen.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    seen: set[tuple[str, Path]] = set()
    for part in (
        *dashboard.panels,
        *dashboard.targets,
        *dashboard.variables,
        *dashboard.annotations,
    ):
        source = part.body.get("datasource")
        name = text_of(source.get("uid")) if isinstance(source, dict) else text_of(source)
        # One finding a panel: its targets repeat it.
        panel = part.path[:-2] if part.panel is not None else part.path
        if not name or name in BUILTIN or REFERENCE.search(name) or (name, panel) in seen:
            continue
        seen.add((name, panel))
        message = (
            f"the data source {name!r} exists in one Grafana only; use a variable: ${{datasource}}"
        )
        yield dashboard.problem(ID, message, (*part.path, "datasource"), SEVERITY)
