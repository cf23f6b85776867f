"""A value is not among those that its field allows.

Bad:  {"level": "CRITICAL"}
Good: {"level": "ERROR", "severity_text": "CRITICAL"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "allowed"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
