"""A variable that nothing uses costs a query at each load and puzzles the reader.

Ad hoc filters work without being named, and a repeated panel or row uses its variable.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, text_of
from obskit.lint.dashboards.variables import names

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/unused-variable"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find variables that nothing uses.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    used: set[str] = set()
    for path, text in dashboard.texts():
        used.update(name for name, _ in names(text))
        if path[-1] in {"repeat", "repeatVariable"}:
            used.add(text)
    for variable in dashboard.variables:
        name = text_of(variable.body.get("name"))
        if name and name not in used and variable.kind != "adhoc":
            message = f"nothing uses the variable {name!r}; remove it or use ${name}"
            yield dashboard.problem(ID, message, (*variable.path, "name"), SEVERITY)
