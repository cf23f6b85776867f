"""Robots, queue and lanes together: what takes a notification and sees to it that it is told."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping

from obskit.relay.lane import Lane, Patience
from obskit.relay.message import Notification
from obskit.relay.metrics import Metrics
from obskit.relay.queue import Queue
from obskit.relay.rate import Bucket
from obskit.relay.robots.base import Robot, Target

__all__ = ["Relay"]

_log = logging.getLogger("obskit.relay")

_PRUNE_EVERY = 600.0


class Relay:
    """All lanes of a queue.

    Args:
        robots: The robots.
        queue: Where notifications wait.
        window: Seconds within which the same notification is a duplicate. Alertmanagers of a cluster are
            at most some 15 s a member apart; a repetition comes after ``repeat_interval``, much later.
        patience: How long is waited for what.
        now: The time, in seconds since 1970.
    """

    def __init__(
        self,
        robots: Mapping[Target, Robot],
        queue: Queue,
        *,
        window: float = 60.0,
        patience: Patience | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.queue = queue
        self.metrics = Metrics(queue, robots, now=now)
        self._window = window
        self._over = threading.Event()
        buckets: dict[str, Bucket] = {}
        self._lanes: dict[Target, Lane] = {}
        for target, robot in robots.items():
            # Two receivers may be one robot, and it is the robot that is limited.
            bucket = buckets.get(robot.url.reveal())
            if bucket is None:
                longest = max(limit.seconds for limit in robot.limits)
                told = sorted(
                    at
                    for other, twin in robots.items() if twin.url == robot.url
                    for at in queue.recent(other, longest)
                )  # fmt: skip
                bucket = buckets[robot.url.reveal()] = Bucket(robot.limits, told)
            self._lanes[target] = Lane(
                target, robot, queue=queue, bucket=bucket, metrics=self.metrics,
                patience=patience or Patience(), now=now,
            )  # fmt: skip
        self._keeper = threading.Thread(target=self._keep, name="relay keeper", daemon=True)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Who can be told."""
        return tuple(self._lanes)

    @property
    def alive(self) -> bool:
        """Whether every lane runs."""
        return all(lane.is_alive() for lane in self._lanes.values())

    def start(self) -> None:
        """Begin to send what waits."""
        for target, state in self.queue.waiting().items():
            if state.queued and target not in self._lanes:
                _log.warning(
                    "%d notifications wait for %s, which obskit.yml names no more: they stay until it does",
                    state.queued, target,
                )  # fmt: skip
        for lane in self._lanes.values():
            lane.start()
        self._keeper.start()

    def accept(self, target: Target, body: bytes) -> bool:
        """Take a notification; when this returns, it is on the disk.

        Args:
            target: Who is told.
            body: What Alertmanager posted.

        Returns:
            Whether it is new; False where it came already.

        Raises:
            ValueError: It is no notification.
            LocalError: The queue is full.
            sqlite3.Error: The queue cannot be written.
        """
        notification = Notification.read(body)
        number = self.queue.put(
            target, notification.key(*target), notification.group_key, body, window=self._window
        )
        if number is None:
            self.metrics.deduplicated(target)
            return False
        self.metrics.received(target)
        self._lanes[target].wake()
        return True

    def stop(self, seconds: float = 15.0) -> None:
        """Finish the requests that are under way, and close the queue.

        Args:
            seconds: How long to wait for them.
        """
        self._over.set()
        for lane in self._lanes.values():
            lane.end()
        end = time.monotonic() + seconds
        for thread in (*self._lanes.values(), self._keeper):
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
        self.queue.close()

    def _keep(self) -> None:
        while not self._over.wait(_PRUNE_EVERY):
            try:
                self.queue.prune()
            except sqlite3.Error as error:
                _log.error("what was told could not be removed from the queue: %s", error)
