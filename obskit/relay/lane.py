"""One lane a robot: it takes what waits, in order, and sends it as fast as the platform allows."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from obskit.deadline import Deadline
from obskit.delivery.http import Answer, Http
from obskit.errors import ObskitError
from obskit.relay.message import Notification
from obskit.relay.metrics import Metrics
from obskit.relay.queue import LONGEST_WAIT, Entry, Queue
from obskit.relay.rate import Bucket
from obskit.relay.robots.base import Outcome, Request, Robot, Target, Verdict
from obskit.relay.words import Words

__all__ = ["Lane", "Patience"]

_log = logging.getLogger("obskit.relay")

#: How long a lane sleeps at most; a new notification wakes it.
_IDLE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited for what.

    Args:
        request: Seconds for one request.
        first: Seconds until the second attempt; doubled for each one after.
        longest: Most seconds between two attempts.
        refusals: Attempts until a refusal is believed.
        keep: Seconds after which one that could not be told is given up.
        silence: Seconds of silence after having been too fast; the platform's own when None.
    """

    request: float = 10.0
    first: float = 1.0
    longest: float = 300.0
    refusals: int = 5
    keep: float = 86400.0
    silence: float | None = None


class Lane(threading.Thread):
    """A thread that tells one robot.

    Args:
        target: Who is told.
        robot: The robot.
        queue: Where notifications wait.
        bucket: The robot's permits; lanes to the same robot share them.
        metrics: What is counted.
        patience: How long is waited for what.
        now: The time, in seconds since 1970.
    """

    def __init__(
        self,
        target: Target,
        robot: Robot,
        *,
        queue: Queue,
        bucket: Bucket,
        metrics: Metrics,
        patience: Patience,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(name=f"relay {target}", daemon=True)
        self.target = target
        self._robot = robot
        self._queue = queue
        self._bucket = bucket
        self._metrics = metrics
        self._patience = patience
        self._now = now
        self._wake = threading.Event()
        self._over = threading.Event()
        self._quiet_until = 0.0
        self._http: dict[str, Http] = {}

    def wake(self) -> None:
        """Look into the queue at once."""
        self._wake.set()

    def end(self) -> None:
        """Finish the request that is under way, and no more."""
        self._over.set()
        self._wake.set()

    def run(self) -> None:
        """Send until told to end."""
        while not self._over.is_set():
            self._wake.clear()
            try:
                pause = self.step()
            except sqlite3.Error as error:
                # The queue is ill: nothing is lost, since what was taken stands in it still.
                _log.error("the queue cannot be used: %s", error)
                pause = 5.0
            if pause > 0:
                self._wake.wait(min(pause, _IDLE))
        for http in self._http.values():
            http.close()

    def step(self) -> float:
        """Try to send one notification.

        Returns:
            Seconds until there may be more to do.
        """
        now = self._now()
        if 0 < self._quiet_until - now <= LONGEST_WAIT:
            return self._quiet_until - now
        entry, due = self._queue.next(self.target)
        if entry is None:
            return _IDLE if due is None else max(0.05, due - now)
        wait = self._bucket.take(now)
        if wait > 0:
            return wait
        if entry.attempts:
            self._metrics.retried(self.target)
        self._settle(entry, self._send(entry))
        return 0.0

    def _send(self, entry: Entry) -> Verdict:
        try:
            words = Words.of(Notification.read(entry.body))
        except ValueError as error:  # what another release of obskit had let in
            return Verdict(outcome=Outcome.REFUSED, reason=str(error))
        request = self._robot.request(words, self._now())
        try:
            return self._robot.verdict(self._post(request))
        except ObskitError as error:
            return Verdict(outcome=Outcome.BUSY, reason=error.message)

    def _post(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        http = self._http.get(origin)
        if http is None:
            http = self._http[origin] = Http(origin, seconds=self._patience.request)
        return http.post(
            request.url.removeprefix(origin) or "/",
            content=request.body,
            headers={"content-type": "application/json; charset=utf-8"},
            deadline=Deadline.after(self._patience.request),
            allow=range(300, 600),
            again=False,
        )

    def _settle(self, entry: Entry, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.SENT:
            self._queue.sent(entry)
            self._metrics.sent(self.target, self._now() - entry.received_at)
            _log.info("told %s", self.target, extra={"attempts": entry.attempts + 1})
            return
        reason = self._robot.scrub(verdict.reason)
        self._metrics.failed(self.target, verdict.outcome.value)
        attempts = entry.attempts + 1
        believed = verdict.outcome is Outcome.REFUSED and attempts >= self._patience.refusals
        if believed or self._now() - entry.received_at > self._patience.keep:
            self._queue.bury(entry, reason)
            self._metrics.buried(self.target)
            _log.error(
                "gave up telling %s after %d attempts: %s; obskit relay --dead lists what was not told",
                self.target, attempts, reason,
            )  # fmt: skip
            return
        wait = self._pause(attempts, verdict)
        self._queue.later(entry, wait, reason)
        if verdict.outcome is Outcome.THROTTLED:
            self._quiet_until = self._now() + wait
        _log.warning(
            "%s was not told (%s): %s; trying again in %.1f s",
            self.target, verdict.outcome.value, reason, wait,
        )  # fmt: skip

    def _pause(self, attempts: int, verdict: Verdict) -> float:
        if verdict.wait is not None:
            return min(verdict.wait, LONGEST_WAIT)
        patience = self._patience
        first = patience.first
        if verdict.outcome is Outcome.THROTTLED:
            first = self._robot.silence if patience.silence is None else patience.silence
        return float(min(max(patience.longest, first), first * 2 ** min(attempts - 1, 20)))
