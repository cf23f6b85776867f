"""A field stands under another name than its own.

Dashboards, alerts and searches use one name. `obskit normalize`, the Filebeat script and the Logstash
filter rename known aliases; `obskit schema show` lists them. Rename the field in the logger's
configuration.

Bad:  {"lvl": "INFO"}      {"log": {"level": "INFO"}}      {"error.type": "ValueError"}
Good: {"level": "INFO"}                                    {"error": {"type": "ValueError"}}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "alias"
SEVERITY: Final = Severity.ERROR


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.strangers:
        if item.own == item.name:
            yield Finding(
                f"{item.name!r} is one dotted key; write it as nested objects", item.path, key=True
            )
        elif item.own is not None:
            text = f"{item.name!r} is another name of {item.own}; rename it"
            yield Finding(text, item.path, key=True)
