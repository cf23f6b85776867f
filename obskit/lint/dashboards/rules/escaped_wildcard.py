"""A wildcard that the reader types into a text box does not reach Elasticsearch as one.

Grafana escapes the value of a text box in a Lucene query: ``*`` searches for an asterisk, and a default of ``*``
finds nothing at all. To mend it, write ``${name:raw}`` there.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, mapping, text_of
from obskit.lint.dashboards.promql import plugin_of
from obskit.lint.dashboards.variables import REFERENCE, name_of

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/escaped-wildcard"
SEVERITY = Severity.WARNING


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find text boxes with a wildcard in Lucene queries that escape it.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each query and text box.
    """
    boxes = {
        text_of(variable.body.get("name"))
        for variable in dashboard.variables
        if variable.kind == "textbox" and _has_wildcard(variable.body)
    }
    for target in dashboard.targets:
        if plugin_of(dashboard, target) != "elasticsearch":
            continue
        for match in REFERENCE.finditer(text_of(target.body.get("query"))):
            if name_of(match) in boxes and match.group("format") is None:
                owner = text_of(mapping(target.panel).get("title"))
                message = (
                    f"panel {owner!r}: Grafana escapes the wildcard of {name_of(match)!r}; "
                    f"use ${{{name_of(match)}:raw}}"
                )
                path = (*target.path, "query")
                yield dashboard.problem(ID, message, path, SEVERITY, inside=match.start() + 1)


def _has_wildcard(variable: object) -> bool:
    body = mapping(variable)
    shown = (body.get("query"), mapping(body.get("current")).get("value"))
    return any("*" in text_of(text) or "?" in text_of(text) for text in shown)
