"""The level is right but for its case.

A search for `level: ERROR` does not find `error`, and alerts that count errors stay silent. Loggers
mostly have an option for it; `obskit normalize` rewrites it.

Bad:  {"level": "info"}
Good: {"level": "INFO"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "level-case"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
