"""The PromQL of a panel has to parse once its variables have values.

Where only the value of a variable could decide (it stands for a function or an operator), where the function
is unknown to the parser's version of PromQL, or where the data source is not known to be Prometheus, the
finding is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.promql import known_values, parse, queries

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/promql-syntax"
SEVERITY = Severity.ERROR


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find PromQL that does not parse.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    known = known_values(dashboard)
    for query in queries(dashboard):
        parsed = parse(query.text, known)
        if parsed.tree is not None:
            continue
        unsure = parsed.open or not query.sure or parsed.error.startswith("unknown function")
        message = f"panel {query.owner!r}: PromQL does not parse: {_short(parsed.error)}"
        severity = Severity.WARNING if unsure else SEVERITY
        yield dashboard.problem(ID, message, query.path, severity)


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= 160 else line[:157] + "..."
