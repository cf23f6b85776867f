"""Variables whose queries need each other never get a value."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, strings, text_of
from obskit.lint.dashboards.variables import names

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/variable-cycle"
SEVERITY = Severity.ERROR


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find variables that depend on themselves.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each circle.
    """
    needs = {
        text_of(variable.body.get("name")): {
            name for _, text in strings(variable.body.get("query")) for name, _ in names(text)
        }
        for variable in dashboard.variables
        if variable.kind == "query"
    }
    told: set[str] = set()
    for variable in dashboard.variables:
        start = text_of(variable.body.get("name"))
        reached = _reached(start, needs)
        if start in reached and start not in told:
            told |= reached
            message = f"the query of variable {start!r} depends on its own value"
            yield dashboard.problem(ID, message, (*variable.path, "query"), SEVERITY)


def _reached(start: str, needs: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(needs.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(needs.get(name, ()))
    return reached
