"""How many events were written, by level: what ``log_events_total`` shows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from obskit.logging.levels import KNOWN, level_of

if TYPE_CHECKING:
    from prometheus_client.registry import CollectorRegistry

__all__ = ["COUNTS", "CountingHandler", "Counts", "expose"]


class Counts:
    """Counts of events by service and level."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, service: str, level: str) -> None:
        """Counts one event.

        Args:
            service: Name of the service.
            level: Level on the wire.
        """
        with self._lock:  # adding is no single step, and a lost event would be a wrong count
            self._counts[service, level] = self._counts.get((service, level), 0) + 1

    def read(self) -> Mapping[tuple[str, str], int]:
        """The counts of now, by service and level."""
        with self._lock:
            return dict(self._counts)

    def renew(self) -> None:
        """A new lock, for a forked child whose parent may have held the old one."""
        self._lock = threading.Lock()


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

    def handle(self, record: logging.LogRecord) -> bool:
        """Counts one record; no lock of the handler is needed.

        Args:
            record: Any record.
        """
        known = KNOWN.get(record.levelname)
        level = known[0] if known else level_of(record.levelname, record.levelno)[0]
        COUNTS.add(self._service, level)
        return True


class _Collector:
    def collect(self) -> Iterable[Any]:
        """The metric ``log_events_total``, as prometheus_client collects it."""
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(
            "log_events_total", "Log events written, by level.", labels=("service", "level")
        )
        for labels, count in sorted(COUNTS.read().items()):
            family.add_metric(labels, count)
        yield family


def expose(registry: CollectorRegistry | None = None) -> None:
    """Adds ``log_events_total{service, level}`` to a registry of prometheus_client.

    Args:
        registry: The registry; the default one where there is none.

    Raises:
        ImportError: prometheus_client is not installed.
    """
    from prometheus_client import REGISTRY

    (REGISTRY if registry is None else registry).register(_Collector())
