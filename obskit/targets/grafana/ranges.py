"""Time ranges and the intervals that Grafana derives from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from obskit.targets.grafana.interpolate import Scope, Value, constant

__all__ = ["Range", "builtins", "seconds", "steps"]

_UNITS: Final[Mapping[str, float]] = {
    "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000,
}  # fmt: skip
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwMy])")
#: Below each bound (milliseconds) an interval is rounded to the value beside it, as Grafana does
#: (``rangeUtil.roundInterval`` of @grafana/data).
_ROUNDED: Final = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000),
    (3500, 2000), (7500, 5000), (12500, 10000), (17500, 15000), (25000, 20000), (45000, 30000),
    (90000, 60000), (210000, 120000), (450000, 300000), (750000, 600000), (1050000, 900000),
    (1500000, 1200000), (2700000, 1800000), (5400000, 3600000), (9000000, 7200000),
    (16200000, 10800000), (32400000, 21600000), (86400000, 43200000), (604800000, 86400000),
    (1814400000, 604800000), (3628800000, 2592000000),
)  # fmt: skip
#: Prometheus refuses more points than this of one series.
_MOST_POINTS: Final = 11000
_DEFAULT_SCRAPE: Final = 15.0


def seconds(text: str) -> float | None:
    """A duration such as ``1h30m`` or ``>15s`` in seconds; None when it is none."""
    bare = text.strip().removeprefix(">")
    if re.fullmatch(r"\d+(\.\d+)?", bare):
        return float(bare)
    parts = _PART.findall(bare)
    if not parts or "".join(number + unit for number, unit in parts) != bare:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A time range.

    Args:
        start: In seconds since 1970.
        end: In seconds since 1970.
    """

    start: float
    end: float

    @property
    def length(self) -> float:
        """How long it is, in seconds."""
        return self.end - self.start

    @classmethod
    def of(cls, dashboard: Mapping[str, Any], now: float) -> Range:
        """The range that a dashboard opens with; the last hour where that is not relative to now.

        Args:
            dashboard: The dashboard.
            now: The time.
        """
        start = str((dashboard.get("time") or {}).get("from", "now-1h"))
        found = re.match(r"now-(\d+\w+)", start)
        length = seconds(found[1]) if found else None
        return cls(start=now - (length or 3600), end=now)


def _rounded(milliseconds: float) -> float:
    for bound, value in _ROUNDED:
        if milliseconds < bound:
            return value
    return 31536000000


def steps(
    over: Range, points: int, least: str, scrape: str, factor: float = 1
) -> tuple[float, float]:
    """The step of a query and its ``$__rate_interval``, in seconds.

    Args:
        over: The time range.
        points: How many points the panel wants (its width in pixels).
        least: The query's own minimal step; empty when it has none.
        scrape: The data source's scrape interval; empty when it does not say.
        factor: The query's ``intervalFactor``.
    """
    least_seconds = seconds(least) if least else None
    scrape_seconds = least_seconds or (seconds(scrape) if scrape else None) or _DEFAULT_SCRAPE
    step = max(_rounded(over.length * 1000 / max(points, 1)) / 1000, scrape_seconds)
    step = max(step * factor, _rounded(over.length * 1000 / _MOST_POINTS) / 1000)
    return step, max(step + scrape_seconds, 4 * scrape_seconds)


def _written(length: float) -> str:
    if length < 1:
        return f"{length * 1000:.0f}ms"
    return f"{length:.0f}s"


def builtins(over: Range, step: float, rate: float) -> dict[str, Value]:
    """The variables that Grafana itself sets.

    Args:
        over: The time range.
        step: The query's step, in seconds.
        rate: Its ``$__rate_interval``, in seconds.
    """
    texts = {
        "__interval": _written(step),
        "__interval_ms": f"{step * 1000:.0f}",
        "__rate_interval": _written(rate),
        "__rate_interval_ms": f"{rate * 1000:.0f}",
        "__range": _written(over.length),
        "__range_s": f"{over.length:.0f}",
        "__range_ms": f"{over.length * 1000:.0f}",
        "__from": f"{over.start * 1000:.0f}",
        "__to": f"{over.end * 1000:.0f}",
    }
    return {name: constant(text) for name, text in texts.items()}


def scope_of(over: Range) -> Scope:
    """The scope outside any panel."""
    step, rate = steps(over, 1000, "", "")
    return Scope(values=builtins(over, step, rate), start=over.start, end=over.end)
