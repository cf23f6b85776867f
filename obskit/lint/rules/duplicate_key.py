"""An object has the same key twice.

JSON leaves open which one counts; readers differ, so two people see two values. Often a field of the
logger and one of the caller collide: put the caller's below `attributes`.

Bad:  {"level": "INFO", "level": "ERROR"}
Good: {"level": "ERROR"}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.lint.position import members

ID: Final = "duplicate-key"
SEVERITY: Final = Severity.ERROR


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    if not line.duplicated:
        return
    seen: Counter[tuple[tuple[str, ...], int]] = Counter()
    for member in members(line.text):
        place = (member.path, member.holder)
        seen[place] += 1
        if seen[place] > 1:
            text = f"the key {'.'.join(member.path)!r} stands here again; readers differ in which one counts"
            yield Finding(text, member.path, key=True, column=member.key[0] + 1)
