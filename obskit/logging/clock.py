"""Timestamps of the schema: UTC, milliseconds, ``Z``."""

from __future__ import annotations

import time
from typing import Final

__all__ = ["EDGE", "LAST", "MILLISECONDS", "second", "stamp"]

#: The ends of timestamps, by milliseconds; what is rounded up to a whole second stays below it.
MILLISECONDS: Final = (*(f".{number:03d}Z" for number in range(1000)), ".999Z")
#: Added before cutting to milliseconds: a float holds the time of now to a quarter of a microsecond, so
#: .123 can be .1229999.
EDGE: Final = 0.0005
#: The year 10000.
LAST: Final = 253_402_300_800


def second(whole: int) -> str:
    """A timestamp up to its seconds.

    Args:
        whole: Seconds since 1970.
    """
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


def stamp(seconds: object) -> tuple[str, bool]:
    """A timestamp, and whether it is the one asked for: what is none is replaced by now.

    Args:
        seconds: Seconds since 1970, of any type.
    """
    right = type(seconds) in (int, float) and 0 <= seconds < LAST  # type: ignore[operator]
    given: float = seconds if right else time.time()  # type: ignore[assignment]
    whole = int(given)
    return second(whole) + MILLISECONDS[int((given - whole) * 1000 + EDGE)], right
