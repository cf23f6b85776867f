"""One line of the results, and how two things are timed against each other."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["Row", "fastest"]


class Row(NamedTuple):
    """A figure, ours and a peer's, their ratio, and the target in words; empty where there is none."""

    figure: str
    ours: str
    peer: str
    ratio: float
    target: str

    @property
    def wanted(self) -> float:
        """The ratio that the target asks for, as the first number of its words."""
        digits = "".join(sign if sign.isdigit() or sign == "." else " " for sign in self.target)
        return float(digits.split()[0])

    @property
    def met(self) -> bool:
        """Whether the target is met: ``at least 3`` or ``at most 1.1``; none is always met."""
        if not self.target:
            return True
        if self.target.startswith("at most"):
            return self.ratio <= self.wanted
        return self.ratio >= self.wanted


def fastest(
    contenders: Mapping[str, Callable[[], object]], *, calls: int, rounds: int = 15
) -> dict[str, float]:
    """The least time of one call of each, in seconds; they take turns, so that a busy machine hits all.

    Args:
        contenders: What is timed, by name.
        calls: Calls of one in a row.
        rounds: How often they take turns.
    """
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, function in contenders.items():
            gc.collect()
            gc.disable()
            start = time.process_time()
            for _ in range(calls):
                function()
            best[name] = min(best[name], (time.process_time() - start) / calls)
            gc.enable()
    return best
