"""A field stands under two names at once.

The canonical name beats every alias, and aliases count in listed order; the others' values end below
`attributes`. If they differ, one of them is wrong.

Bad:  {"level": "INFO", "severity": "ERROR"}
Good: {"level": "ERROR"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.lint.names import places

ID: Final = "alias-collision"
SEVERITY: Final = Severity.ERROR


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    named = [item.own for item in line.strangers if item.own]
    for own in dict.fromkeys(named):
        item = context.schema.by_name[own]
        names = [
            (name, path)
            for name in (item.name, *item.aliases)
            if name in line.event or name.partition(".")[0] in line.event
            for path in places(context.schema, line.event, name)
        ]
        for name, path in names[1:]:
            text = f"{name!r} names {own} too, beside {names[0][0]!r}, which counts; log it once"
            yield Finding(text, path, key=True)
