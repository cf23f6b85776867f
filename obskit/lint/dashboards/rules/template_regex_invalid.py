"""A variable whose regular expression does not compile offers every value, or none.

Grafana reads it as JavaScript does, between slashes with flags, or bare. What only one of the two dialects knows
is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, text_of
from obskit.lint.dashboards.variables import REFERENCE

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/template-regex-invalid"
SEVERITY = Severity.ERROR
# What JavaScript refuses as Python does; other complaints are about dialect.
COMMON = ("missing )", "unbalanced parenthesis", "unterminated character set", "nothing to repeat")


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find regular expressions that do not compile.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for variable in dashboard.variables:
        regex = variable.body.get("regex")
        if not isinstance(regex, str) or not regex or REFERENCE.search(regex):
            continue
        words = _fault(regex)
        if words:
            name = text_of(variable.body.get("name"))
            message = f"the regular expression of variable {name!r} does not compile: {words}"
            yield dashboard.problem(ID, message, (*variable.path, "regex"), SEVERITY)


def _fault(regex: str) -> str:
    slashed = re.fullmatch(r"/(.*)/[a-z]*", regex, re.DOTALL)
    pattern = slashed.group(1) if slashed else regex
    # JavaScript writes (?<name>…) for Python's (?P<name>…).
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    try:
        re.compile(pattern)
    except re.error as error:
        return error.msg if error.msg.startswith(COMMON) else ""
    return ""
