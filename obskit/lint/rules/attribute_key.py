"""A key below `attributes` has a NUL, or more than 1,024 bytes.

Elasticsearch refuses the whole event for the first, and may for the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "attribute-key"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
