"""A timestamp has no zone, or the abbreviation of one.

Nobody can tell the instant: Elasticsearch reads it as UTC, the service meant its own zone, and after
daylight saving ends an hour repeats. Write Z or an offset.

Bad:  {"timestamp": "2023-09-10 12:34:56,123"}    {"timestamp": "2023-09-10T12:34:56 CEST"}
Good: {"timestamp": "2023-09-10T12:34:56.123Z"}   {"timestamp": "2023-09-10T14:34:56.123+02:00"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "timestamp-zone"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
