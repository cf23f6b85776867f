"""A timestamp is far from what the line's carrier says.

Docker and CRI write down when a line arrived, and `--follow` and `--run` see it themselves: a service
whose clock is off, or that writes local time as UTC, shows here. The tolerance is `lint.skew_seconds`, 5
by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "clock-skew"
SEVERITY: Final = Severity.WARNING


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    if line.instant is None or line.reference is None:
        return
    skew = line.instant - line.reference
    if abs(skew) > context.options.skew_seconds:
        side = "ahead of" if skew > 0 else "behind"
        yield Finding(f"the timestamp is {abs(skew):,.1f} s {side} the carrier's", ("timestamp",))
