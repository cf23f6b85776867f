"""``${DS_…}`` is a question of Grafana's import page; nothing else answers it.

A dashboard exported "for sharing externally" has ``__inputs`` beside it. Without them, or loaded from a file,
every panel says "Datasource ${DS_PROMETHEUS} was not found" (grafana/grafana#10786). To mend it, use a data
source variable. A name that a variable of the dashboard has is no such question.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.variables import names

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/datasource-input-left"
SEVERITY = Severity.ERROR


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find import questions that nobody will answer.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each name.
    """
    seen: set[str] = set()
    for path, text in dashboard.texts():
        for name, _ in names(text):
            if not name.startswith("DS_") or name in seen:
                continue
            if name in dashboard.inputs or name in dashboard.variable_names:
                continue
            seen.add(name)
            message = (
                f"${{{name}}} is neither an input (__inputs) nor a variable of this dashboard: "
                "its panels find no data source"
            )
            yield dashboard.problem(ID, message, path, SEVERITY)
