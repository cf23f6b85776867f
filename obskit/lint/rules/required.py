"""A required field is missing, or null where null is no value.

Every event has `timestamp`, `level`, `service`, `trace_id` and `message`. `trace_id` may be null
(outside a request there is none), but the key has to be there: so its absence is always a decision. A
field that stands under another name is the finding of `alias`, not of this rule.

Bad:  {"level": "INFO", "service": "shop", "trace_id": null, "message": "no timestamp"}
Good: {"timestamp": "2023-09-10T12:34:56Z", "level": "INFO", "service": "shop", "trace_id": null, "message": "m"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "required"
SEVERITY: Final = Severity.ERROR


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
