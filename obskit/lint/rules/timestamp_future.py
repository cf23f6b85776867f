"""A timestamp lies in the future.

Such events are found by no search for the last hour, and a wrong clock or a wrong zone is behind most of
them. The tolerance is `lint.future_seconds`, 60 by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "timestamp-future"
SEVERITY: Final = Severity.WARNING


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    if line.instant is None:
        return
    ahead = line.instant - context.now()
    if ahead > context.options.future_seconds:
        text = f"the timestamp is {ahead:,.0f} s ahead of this machine's clock; is it another zone's time?"
        yield Finding(text, ("timestamp",))
