"""``rate()`` over a fixed window is too short at some zooms or scrape intervals, and skips data at others.

``$__rate_interval`` is at least four scrape intervals and never shorter than a point of the graph; ``$__interval``
can be shorter than two scrapes, and then the panel is empty when zoomed in. Fixed windows of ten minutes and
more are a choice of their own and are left alone, as is irate(), which looks at two samples only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import promql_parser

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard
from obskit.lint.dashboards.promql import PLACEHOLDER, known_values, nodes, parse, queries

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/rate-interval"
SEVERITY = Severity.WARNING
LONG = timedelta(minutes=10)
RATES = frozenset({"rate"})
INTERVAL = re.compile(r"\b(rate|irate)\s*\([^()\[]*\[\s*(?:\$__interval\b|\$\{__interval\})\s*\]")


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find rates over windows that do not fit.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    known = known_values(dashboard)
    for query in queries(dashboard):
        tree = parse(query.text, known).tree
        if tree is None:
            continue
        for name, window in _rates(tree):
            if window < LONG and window != PLACEHOLDER:
                words = promql_parser.display_duration(window)
                message = (
                    f"panel {query.owner!r}: {name}() over a fixed {words}; use $__rate_interval"
                )
                yield dashboard.problem(ID, message, query.path, SEVERITY)
        for match in INTERVAL.finditer(query.text):
            message = (
                f"panel {query.owner!r}: {match.group(1)}() over $__interval is empty when zoomed in; "
                "use $__rate_interval"
            )
            yield dashboard.problem(ID, message, query.path, SEVERITY, inside=match.start() + 1)


def _rates(tree: Any) -> Iterator[tuple[str, timedelta]]:
    for node in nodes(tree):
        if isinstance(node, promql_parser.Call) and node.func.name in RATES:
            for argument in node.args:
                if isinstance(argument, promql_parser.MatrixSelector):
                    yield node.func.name, argument.range
