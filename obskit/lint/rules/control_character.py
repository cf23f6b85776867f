r"""A text has a control character other than tab and line ends.

Escape sequences of terminals (colours) hide text from people who read the log with `cat`, and can be
used for it. Log without colours: most loggers have a switch.

Bad:  {"message": "\u001b[31mfailed\u001b[0m"}
Good: {"message": "failed"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "control-character"
SEVERITY: Final = Severity.WARNING


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
