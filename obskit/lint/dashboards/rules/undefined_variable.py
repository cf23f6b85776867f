"""A query with a variable that the dashboard does not have asks for the variable's name, and finds nothing.

In PromQL it is an error; in other texts a warning, because a ``$`` may be meant as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.positions import Path
from obskit.lint.dashboards.promql import queries
from obskit.lint.dashboards.variables import is_builtin, names

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/undefined-variable"
SEVERITY = Severity.ERROR
# Texts in which Grafana puts no variables, and lists of values that hold anything.
PLAIN = frozenset({"__inputs", "__requires", "__elements", "tags"})
PLAIN_ENDS = frozenset(
    {"regex", "description", "pattern", "text", "value", "current", "options", "content"}
)


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find references to variables that do not exist.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each name.
    """
    told: set[str] = set()
    expressions = {query.path for query in queries(dashboard) if query.sure}
    for path, text in dashboard.texts():
        if not _is_filled_in(path[len(dashboard.root) :]):
            continue
        for name, offset in names(text):
            if name in dashboard.variable_names or name in dashboard.inputs or is_builtin(name):
                continue
            if f"(?P<{name}>" in text:  # of label_replace: a named group of its own expression
                continue
            if (
                name in told
                or name.startswith("DS_")
                or (path not in expressions and not _sure(text, offset))
            ):
                continue
            told.add(name)
            message = f"no variable is named {name!r}: the text is sent as it stands{_similar(name, dashboard)}"
            severity = SEVERITY if path in expressions else Severity.WARNING
            yield dashboard.problem(ID, message, path, severity)


def _is_filled_in(path: Path) -> bool:
    return bool(path) and path[0] not in PLAIN and path[-1] not in PLAIN_ENDS


def _sure(text: str, offset: int) -> bool:
    """Tell whether a reference outside PromQL is surely meant: only ``${name}`` is."""
    return text.startswith("${", offset)


def _similar(name: str, dashboard: Dashboard) -> str:
    close = get_close_matches(name, dashboard.variable_names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
