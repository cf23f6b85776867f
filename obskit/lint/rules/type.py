"""A value has another JSON type than its field, or the line is no object.

Elasticsearch refuses or silently converts such a value, and two services that differ make a mapping conflict.

Bad:  {"http": {"status": "200"}}      {"user_id": 42}
Good: {"http": {"status": 200}}        {"user_id": "42"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "type"
SEVERITY: Final = Severity.ERROR


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    found = line.violations.get(ID, ())
    # {"host": {"name": …}} is told by the rule alias
    holders = {item.path[0] for item in line.strangers if item.own} if found else set()
    for item in found:
        if item.field not in holders or "is an object" not in item.message:
            yield Finding(item.message, tuple(item.field.split(".")) if item.field else ())
