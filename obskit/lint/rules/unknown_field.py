"""A key is no field of the schema.

Whatever a service logs beyond the declared fields goes below `attributes`: there it stays searchable,
and no two services can conflict over its type. A field that many services share belongs into the
project's schema file.

Bad:  {"cart": {"items": 3}}
Good: {"attributes": {"cart": {"items": 3}}}
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "unknown-field"
SEVERITY: Final = Severity.ERROR


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.strangers:
        if item.own is None:
            shown = repr(item.name if len(item.name) <= 80 else item.name[:79] + "…")
            text = f"{shown} is no field of the schema; put it below attributes"
            near = get_close_matches(item.name, context.schema.by_name, n=1, cutoff=0.85)
            yield Finding(
                text + (f", or did you mean {near[0]!r}?" if near else ""), item.path, key=True
            )
