"""A line is longer than shippers take whole: more than 65,536 bytes with its line feed.

Filebeat and Docker cut long lines, and the halves are no JSON. The formatter of obskit cuts single
values instead, and marks them. A line beyond a megabyte is not looked into any further.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.schema.fields import LIMITS

ID: Final = "oversized-line"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    size = line.size
    if size > LIMITS.LINE_BYTES:
        text = f"the line has {size:,} bytes; at most {LIMITS.LINE_BYTES:,} are shipped whole"
        yield Finding(text, column=1)
