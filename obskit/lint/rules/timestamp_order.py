"""A timestamp is earlier than one on a line before it.

Files written by one process are in order; where they are not, lines were merged, or the clock was set
back. The tolerance is `lint.order_seconds`, 1 by default, because threads race for the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "timestamp-order"
SEVERITY: Final = Severity.WARNING


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    latest = context.state.latest
    if line.instant is None or latest is None:
        return
    behind = latest - line.instant
    if behind > context.options.order_seconds:
        text = f"the timestamp is {behind:,.3f} s earlier than one before it"
        yield Finding(text, ("timestamp",))
