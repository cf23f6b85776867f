"""The line is not UTF-8.

JSON between systems is UTF-8 (RFC 8259, section 8.1). Shippers replace what is not, so the text that is
searched is not the text that was logged. Open log files with encoding="utf-8".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "encoding"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    if line.syntax is not None and line.syntax.rule == ID:
        yield Finding(line.syntax.message, column=line.syntax.column)
