"""A server's clock beside ours."""

from __future__ import annotations

from typing import Final

from obskit.targets.base import Finding

__all__ = ["ALLOWED_SKEW", "clock_finding"]

#: Seconds. More than this and a canary line or an alert falls outside the window it is looked for in.
ALLOWED_SKEW: Final = 5.0


def clock_finding(theirs: float, ours: float) -> Finding:
    """Judge a server's clock.

    Args:
        theirs: Its Unix time in seconds.
        ours: Our Unix time in seconds, taken right after its answer.
    """
    skew = theirs - ours
    ok = abs(skew) <= ALLOWED_SKEW
    return Finding(
        subject="clock", ok=ok,
        detail=f"{skew:+.1f} s beside ours" if not ok else "agrees with ours",
        next="" if ok else "set both clocks by NTP: searches by time would miss what was just written",
    )  # fmt: skip
