"""How many events were written, by level: what ``log_events_total`` shows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from obskit.logging.levels import KNOWN, level_of

if TYPE_CHECKING:
    from prometheus_client.registry import CollectorRegistry

__all__ = ["COUNTS", "CountingHandler", "Counts", "expose_counters"]


class Counts:
    """Counts of events by service and level, without a lock: one step of an ``itertools.count`` is atomic."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], count[int]] = {}

    def counter(self, service: str, level: str) -> Iterator[int]:
        """The counter of a service's level; ``next()`` counts one event.

        Args:
            service: Name of the service.
            level: Level on the wire.
        """
        return self._counts.setdefault((service, level), count())

    def read(self) -> Mapping[tuple[str, str], int]:
        """The counts of now, by service and level."""
        # What a count has reached is only in its representation, "count(3)".
        reached = {key: int(repr(value)[6:-1]) for key, value in list(self._counts.items())}
        return {key: value for key, value in reached.items() if value}


#: The counts of this process.
COUNTS: Final = Counts()


class CountingHandler(logging.Handler):
    """Counts every record that reaches the root logger, and writes nothing.

    Args:
        service: Name of the service.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._counters = {name: COUNTS.counter(service, known[0]) for name, known in KNOWN.items()}

    def handle(self, record: logging.LogRecord) -> bool:
        """Counts one record; no lock of the handler is needed.

        Args:
            record: Any record.
        """
        counter = self._counters.get(record.levelname)
        if counter is None:
            level = level_of(record.levelname, record.levelno)[0]
            counter = COUNTS.counter(self._service, level)
        next(counter)
        return True


class _Collector:
    def collect(self) -> Iterable[Any]:
        """The metric ``log_events_total``, as prometheus_client collects it."""
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(
            "log_events_total", "Log events written, by level.", labels=("service", "level")
        )
        for labels, number in sorted(COUNTS.read().items()):
            family.add_metric(labels, number)
        yield family


def expose_counters(registry: CollectorRegistry | None = None) -> None:
    """Adds ``log_events_total{service, level}`` to a registry of prometheus_client.

    Args:
        registry: The registry; the default one where there is none.

    Raises:
        ImportError: prometheus_client is not installed.
    """
    from prometheus_client import REGISTRY

    (REGISTRY if registry is None else registry).register(_Collector())
