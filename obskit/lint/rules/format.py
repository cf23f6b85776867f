"""A string is not of its field's format or length: a timestamp, an address, an id, a name.

Timestamps are RFC 3339 with an upper-case T and Z or an offset, a day of the calendar, at most nine
digits of fraction. `obskit normalize` rewrites the looser writings whose instant is certain.

Bad:  {"timestamp": "2023-09-10 12:34:56Z"}     {"client_ip": "10.0.0.256"}     {"service": ""}
Good: {"timestamp": "2023-09-10T12:34:56Z"}     {"client_ip": "10.0.0.25"}      {"service": "shop"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "format"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
