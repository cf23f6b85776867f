"""Which lines of a block may hold secrets or personal data: a superset, found by one expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["suspicious_lines"]

# Whatever the rules secret and personal-data find contains one of these, or an escape that may hide it.
_HINT: Final = re.compile(
    rb"(?i:pass|secret|key|token|authorization|cookie|credential|pwd|bearer|basic )"
    rb"|@|://|\\u00|\\/|AKIA|ASIA|gh[pousr]_|github_|glpat-|xox|AIza|k_live_|eyJ"
    rb"|\d[\d -]{11}|[A-Z]{2}\d\d"
)


def suspicious_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that may hold something sensitive, with their numbers from 0.

    Args:
        data: Whole lines.
    """
    number = start = 0
    while found := _HINT.search(data, start):
        line_start = data.rfind(b"\n", 0, found.start()) + 1
        line_end = data.find(b"\n", found.start())
        line_end = len(data) if line_end < 0 else line_end
        number += data.count(b"\n", start, line_start)
        yield number, data[line_start:line_end]
        number += 1
        start = line_end + 1
