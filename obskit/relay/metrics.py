"""What the relay counts, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from obskit.relay.queue import Queue, State
from obskit.relay.robots.base import Outcome, Target

__all__ = ["Metrics"]

_LABELS = ("project", "receiver", "kind")


class Metrics:
    """Counters of every robot, and the state of the queue at each scrape.

    Args:
        queue: The queue.
        targets: The robots; each has all its counters from the beginning, at 0.
        now: The time, in seconds since 1970.
    """

    def __init__(
        self, queue: Queue, targets: Iterable[Target], *, now: Callable[[], float] = time.time
    ) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *more: str) -> Counter:
            return Counter(f"obskit_relay_{name}", text, (*_LABELS, *more), registry=self.registry)

        self._received = counter("received", "Notifications that were put into the queue.")
        self._sent = counter("sent", "Notifications that the platform took.")
        self._failed = counter(
            "failed", "Attempts that failed, by how: throttled, busy, refused.", "outcome"
        )
        self._retried = counter("retried", "Attempts after the first.")
        self._deduplicated = counter(
            "deduplicated", "Notifications that another Alertmanager had sent already."
        )
        self._dead = counter("dead", "Notifications that were given up.")
        self._rejected = Counter(
            "obskit_relay_rejected", "Requests that were no notification for a robot here, by status.",
            ("status",), registry=self.registry,
        )  # fmt: skip
        self._delay = Histogram(
            "obskit_relay_delay_seconds", "From the acknowledgement to the platform's answer.",
            _LABELS, buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800), registry=self.registry,
        )  # fmt: skip
        for target in targets:
            for metric in (
                self._received,
                self._sent,
                self._retried,
                self._deduplicated,
                self._dead,
            ):
                metric.labels(*target)
            self._delay.labels(*target)
            for outcome in Outcome:
                if outcome is not Outcome.SENT:
                    self._failed.labels(*target, outcome.value)
        self.registry.register(_QueueState(queue, tuple(targets), now))

    def received(self, target: Target) -> None:
        """One was put into the queue."""
        self._received.labels(*target).inc()

    def deduplicated(self, target: Target) -> None:
        """One had come already."""
        self._deduplicated.labels(*target).inc()

    def rejected(self, status: int) -> None:
        """A request was no notification for a robot here."""
        self._rejected.labels(str(status)).inc()

    def sent(self, target: Target, seconds: float) -> None:
        """One was told, so long after it came."""
        self._sent.labels(*target).inc()
        self._delay.labels(*target).observe(max(0.0, seconds))

    def failed(self, target: Target, outcome: str) -> None:
        """An attempt failed."""
        self._failed.labels(*target, outcome).inc()

    def retried(self, target: Target) -> None:
        """An attempt after the first is made."""
        self._retried.labels(*target).inc()

    def buried(self, target: Target) -> None:
        """One was given up."""
        self._dead.labels(*target).inc()


class _QueueState(Collector):
    def __init__(self, queue: Queue, targets: tuple[Target, ...], now: Callable[[], float]) -> None:
        self._queue, self._targets, self._now = queue, targets, now

    def collect(self) -> Iterator[Metric]:
        """Depth and oldest age, by robot; also of robots that are configured no more."""
        depth = GaugeMetricFamily(
            "obskit_relay_queue_depth", "Notifications that wait.", labels=_LABELS
        )
        dead = GaugeMetricFamily(
            "obskit_relay_dead_letters", "Notifications that were given up and are kept.", labels=_LABELS
        )  # fmt: skip
        oldest = GaugeMetricFamily(
            "obskit_relay_queue_oldest_age_seconds", "Age of the oldest that waits; 0 where none waits.",
            labels=_LABELS,
        )  # fmt: skip
        states = self._queue.waiting()
        nothing = State(queued=0, dead=0, oldest=None)
        for target in sorted({*self._targets, *states}):
            state = states.get(target, nothing)
            age = 0.0 if state.oldest is None else max(0.0, self._now() - state.oldest)
            depth.add_metric(target, state.queued)
            dead.add_metric(target, state.dead)
            oldest.add_metric(target, age)
        yield from (depth, dead, oldest)

    def describe(self) -> Iterator[Metric]:
        """Nothing: the file is not read to register."""
        return iter(())
