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
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")) if item.field else ())
