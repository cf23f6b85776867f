"""Grafana takes uids of at most 40 characters, of letters, digits, ``-`` and ``_`` only.

It answers 400 ("uid too long", "uid contains illegal characters") otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/uid-invalid"
SEVERITY = Severity.ERROR
LONGEST = 40


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find a uid that Grafana refuses.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    path = (*dashboard.root, "uid")
    if len(dashboard.uid) > LONGEST:
        message = f"the uid has {len(dashboard.uid)} characters; Grafana takes at most {LONGEST}"
        yield dashboard.problem(ID, message, path, SEVERITY)
    if dashboard.uid and not re.fullmatch(r"[A-Za-z0-9_-]+", dashboard.uid):
        message = f"the uid {dashboard.uid!r} may have letters, digits, '-' and '_' only"
        yield dashboard.problem(ID, message, path, SEVERITY)
