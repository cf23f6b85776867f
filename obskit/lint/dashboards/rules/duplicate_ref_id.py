"""Two queries of a panel with one ``refId``: the second one's answer replaces the first one's."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, items, mapping, text_of

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/duplicate-ref-id"
SEVERITY = Severity.ERROR


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find refIds that stand twice in a panel.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for panel in dashboard.panels:
        seen: set[str] = set()
        for number, target in enumerate(items(panel.body.get("targets"))):
            letter = text_of(mapping(target).get("refId"))
            if letter and letter in seen:
                message = f"panel {panel.title!r} has two queries with refId {letter!r}; one answer is lost"
                yield dashboard.problem(
                    ID, message, (*panel.path, "targets", number, "refId"), SEVERITY
                )
            seen.add(letter)
