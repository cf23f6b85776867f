r"""The line is not one JSON text (RFC 8259).

Strict, because shippers differ in what they forgive: no NaN or Infinity, no comma before a closing
bracket, no byte order mark, no half of a surrogate pair, one object on a line and one line to an object.
The column says where reading had to stop.

Bad:  {'level': 'INFO'}     {"a": 1,}     {"a": NaN}     {"a": 1} {"a": 2}
Good: {"level": "INFO"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "json-syntax"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    if line.syntax is not None and line.syntax.rule == ID:
        yield Finding(line.syntax.message, column=line.syntax.column)
