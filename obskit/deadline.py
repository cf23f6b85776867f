"""A point in time by which something has to be done, handed down through every call."""

from __future__ import annotations

import time
from dataclasses import dataclass

__all__ = ["Deadline"]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock.

    Args:
        at: Seconds on ``time.monotonic()``.
        seconds: How long it was when it was set, for messages.
    """

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    @property
    def remaining(self) -> float:
        """Seconds left; 0 when it has passed."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.at

    def within(self, seconds: float) -> Deadline:
        """The nearer of this deadline and one that many seconds from now."""
        return Deadline.after(min(seconds, self.remaining))

    def sleep(self, seconds: float) -> bool:
        """Sleep, but not past the deadline; whether time is left afterwards."""
        time.sleep(min(seconds, self.remaining))
        return not self.passed
