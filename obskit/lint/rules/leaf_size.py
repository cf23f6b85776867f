"""A string below `attributes` has more than 8,191 bytes.

Elasticsearch keeps it in the source but leaves it out of the index, without a word: a search does not
find it. Log large texts as `message` or `error.stack`, which have no such limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line

ID: Final = "leaf-size"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for item in line.violations.get(ID, ()):
        yield Finding(item.message, tuple(item.field.split(".")))
