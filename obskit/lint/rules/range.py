"""A number is out of its field's bounds.

Bad:  {"http": {"status": 0}}        {"duration_ms": -1}
Good: {"http": {"status": 200}}      {"duration_ms": 12.5}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "range"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
