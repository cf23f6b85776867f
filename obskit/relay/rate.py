"""Rate limits, kept strictly: every permit comes back exactly so many seconds after it was taken."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from obskit.relay.robots.base import Limit

__all__ = ["Bucket"]


class Bucket:
    """Permits of one robot.

    A bucket that is refilled little by little lets up to twice the limit through in one span: full, and
    refilled once more. The platforms block a robot for that, so here each permit has its own time.

    Args:
        limits: How many in how many seconds; all of them hold.
        taken: When permits were taken before, ascending.
    """

    def __init__(self, limits: tuple[Limit, ...], taken: Iterable[float] = ()) -> None:
        self._limits = limits
        self._longest = max((limit.seconds for limit in limits), default=0.0)
        self._taken = deque(taken)
        self._lock = threading.Lock()

    def take(self, now: float) -> float:
        """Take a permit.

        Args:
            now: The time in seconds.

        Returns:
            0 where it was taken; else the seconds until there is one.
        """
        with self._lock:
            while self._taken and self._taken[0] <= now - self._longest:
                self._taken.popleft()
            wait = 0.0
            for most, seconds in self._limits:
                # What lies in the future was taken before the clock was set back.
                within = [at for at in self._taken if now - seconds < at <= now + seconds]
                if len(within) >= most:
                    wait = max(wait, within[-most] + seconds - now)
            if wait <= 0:
                self._taken.append(now)
            return max(0.0, wait)
