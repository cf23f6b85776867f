"""A dashboard that reloads faster than data arrives loads the servers for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, text_of

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/refresh-too-fast"
SEVERITY = Severity.WARNING
FASTEST = 5


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find a refresh below five seconds.

    Args:
        dashboard: The dashboard.

    Yields:
        At most one finding.
    """
    refresh = text_of(dashboard.body.get("refresh"))
    match = re.fullmatch(r"(\d+)(ms|s)", refresh)
    if match and int(match.group(1)) * (1 if match.group(2) == "s" else 0.001) < FASTEST:
        message = f"the dashboard reloads every {refresh}; metrics are scraped less often"
        yield dashboard.problem(ID, message, (*dashboard.root, "refresh"), SEVERITY)
