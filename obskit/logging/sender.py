"""The thread that brings lines to Logstash while the service goes on."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from obskit.logging.link import LARGEST_DATAGRAM, Link, Opening
from obskit.logging.outcome import Counters, SenderSettings
from obskit.logging.spool import Spool

__all__ = ["Sender"]

_BATCH_LINES: Final = 256
_BATCH_BYTES: Final = 128 * 1024
_GRACE: Final = 0.5  # seconds without a connection before the spool is used
_LASTING: Final = 1.0  # seconds after which a connection counts as a good one
_BUSY: Final = 0.02  # seconds between looks at the queue
_IDLE: Final = 0.2
_WINDOW_BYTES: Final = 32 * 2**20


class _Batch(NamedTuple):
    lines: list[bytes]
    again: bool  # sent before, on a connection that was lost
    spooled: bool


@dataclass(slots=True)
class _Sent:
    when: float
    end: int  # of the connection's bytes
    lines: list[bytes]
    size: int = field(default=0)


class Sender:
    """Takes lines from a bounded queue to a connection, or to a spool while there is none.

    Args:
        settings: How lines are sent.
        spool: Where lines wait during an outage; None to keep them in the queue.
    """

    def __init__(self, settings: SenderSettings, spool: Spool | None) -> None:
        self._settings = settings
        self._spool = spool
        self.counters = Counters(adopted=0 if spool is None else spool.adopted)
        self._lost_lines = 0  # of the spool, as far as they are counted
        self._queue: deque[bytes] = deque()
        self._crowded = settings.queue_lines // 4
        self._wake = threading.Event()
        self._closing: float | None = None  # until when
        self._link: Link | None = None
        self._opening: Opening | None = None
        self._next_try = 0.0
        self._pause = settings.retry_seconds[0]
        self._again: deque[list[bytes]] = deque()
        self._window: deque[_Sent] = deque()
        self._window_size = 0
        self._out: _Batch | None = None
        self._view = memoryview(b"")
        self._moved = 0.0
        self._failed = False  # whether the last attempt to connect did
        self._since = time.monotonic()  # of the connection, or of its absence
        self._told: set[str] = set()
        self._sealed = False
        if spool is not None and spool.trouble is not None:
            self._spool_trouble(spool.trouble)
        self._thread = threading.Thread(target=self._run, name="obskit-logstash", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Gives one line to the sender; it never waits. The caller holds a lock of its own.

        Args:
            line: The line with its newline.
        """
        self.counters.emitted += 1
        if self._settings.datagrams and len(line) > LARGEST_DATAGRAM:
            self.counters.dropped_size += 1
            return
        if self._sealed:
            self.counters.dropped_exit += 1
            return
        waiting = len(self._queue)
        if waiting >= self._settings.queue_lines:
            self.counters.dropped_queue += 1
            return
        self._queue.append(line)
        # The sender looks by itself every few milliseconds; waking it costs the caller a lock.
        if waiting == self._crowded:
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Lines that no connection took yet."""
        out = self._out
        unsent = len(out.lines) if out is not None and not out.again and not out.spooled else 0
        return len(self._queue) + unsent + (self._spool.pending if self._spool else 0)

    def flush(self, seconds: float) -> bool:
        """Waits until a connection took all lines; whether it did.

        Args:
            seconds: The longest wait.
        """
        end = time.monotonic() + seconds
        while self._thread.is_alive() and time.monotonic() < end:
            if not self.waiting and self._out is None and not self._again:
                return True
            self._wake.set()
            time.sleep(0.005)
        return False

    def close(self, seconds: float) -> None:
        """Sends what waits, ends the connection, and puts into the spool what could not be sent.

        Args:
            seconds: The longest wait.
        """
        self._closing = time.monotonic() + seconds
        self._wake.set()
        self._thread.join(seconds + 2.0)

    def seal(self) -> None:
        """After `close`: what came meanwhile and what comes from now on is dropped. The caller holds its lock."""
        self._sealed = True
        self.counters.dropped_exit += len(self._queue)
        self._queue.clear()

    def abandon(self) -> None:
        """In a forked child: closes its copies of the parent's descriptors, and sends nothing on them."""
        if self._link is not None:
            self._link.close()
        if self._spool is not None:
            self._spool.abandon()

    def _run(self) -> None:
        try:
            while not self._over():
                try:
                    worked = self._step()
                except Exception as error:  # noqa: BLE001 - the thread must go on, or nothing is sent any more
                    self._lost(error)
                    worked = False
                if not worked:
                    self._wake.wait(_BUSY if self._queue or self._link else _IDLE)
                    self._wake.clear()
        finally:
            self._end()

    def _over(self) -> bool:
        if self._closing is None:
            return False
        done = not self.waiting and self._out is None and not self._again
        # Without a connection there is nothing to wait for where a spool keeps the lines.
        hopeless = self._link is None and self._spool is not None and self._failed
        return done or hopeless or time.monotonic() >= self._closing

    def _step(self) -> bool:
        """One piece of work; whether there may be more at once."""
        if self._link is None:
            self._connect()
        if self._link is None:
            # A connection that comes at once needs no disk.
            out = self._failed or time.monotonic() - self._since > _GRACE
            return self._spool_queue() if out or len(self._queue) > self._crowded else False
        if not self._link.alive():
            raise ConnectionResetError("the peer closed the connection")
        self._confirm()
        if self._out is None and not self._next_batch():
            return False
        return self._send()

    def _connect(self) -> None:
        if self._opening is None:
            if time.monotonic() < self._next_try:
                return
            self._opening = Opening(self._settings.open_socket)
        opening = self._opening
        if not opening.wait(_BUSY):
            return
        self._opening = None
        if opening.socket is None:
            first, most = self._settings.retry_seconds
            self._failed = True
            self._next_try = time.monotonic() + self._pause
            self._pause = min(most, max(first, self._pause * 2))
            self._out_of_reach(opening.error)
            return
        self._link = Link(opening.socket, datagrams=self._settings.datagrams)
        self._moved = self._since = time.monotonic()
        self._failed = False
        self.counters.reconnects += 1

    def _next_batch(self) -> bool:
        """Chooses what is sent next: what may be lost, then the spool, then the queue."""
        if self._again:
            self._load(_Batch(self._again.popleft(), again=True, spooled=False))
        elif self._spool is not None and self._spool.pending:
            if len(self._queue) > self._crowded:  # it must not fill up while the spool is emptied
                self._spool_queue()
            lines = self._spool.take(_BATCH_LINES, _BATCH_BYTES)
            if self._spool.lost > self._lost_lines:
                self.counters.dropped_spool += self._spool.lost - self._lost_lines
                self._lost_lines = self._spool.lost
                self._spool_trouble(self._spool.trouble)
            if not lines:
                return bool(self._spool.pending)
            self._load(_Batch(lines, again=False, spooled=True))
        elif self._queue:
            self._load(_Batch(self._from_queue(), again=False, spooled=False))
        else:
            return False
        return True

    def _from_queue(self) -> list[bytes]:
        lines: list[bytes] = []
        size = 0
        while self._queue and len(lines) < (1 if self._settings.datagrams else _BATCH_LINES):
            line = self._queue.popleft()
            lines.append(line)
            size += len(line)
            if size >= _BATCH_BYTES:
                break
        return lines

    def _load(self, batch: _Batch) -> None:
        if self._settings.datagrams and len(batch.lines) > 1:
            # One line a datagram: the rest goes first of all next time.
            if batch.again:
                self._again.appendleft(batch.lines[1:])
            batch = batch._replace(lines=batch.lines[:1])
        self._out = batch
        self._view = memoryview(b"".join(batch.lines))

    def _send(self) -> bool:
        link, out = self._link, self._out
        if link is None or out is None:
            return False
        count = link.send(self._view)
        now = time.monotonic()
        if not count:
            if now - self._moved > self._settings.stall_seconds:
                raise TimeoutError(f"the peer took nothing for {self._settings.stall_seconds:g} s")
            self._spool_queue()  # the queue must not fill up meanwhile
            link.writable(_BUSY)
            return self._closing is not None
        self._moved = now
        self._view = self._view[count:] if not self._settings.datagrams else memoryview(b"")
        if not self._view:
            self._finished(link, out, now)
        return True

    def _finished(self, link: Link, out: _Batch, now: float) -> None:
        if now - self._since > _LASTING:
            self._pause = self._settings.retry_seconds[0]
        self._out = None
        if out.again:
            self.counters.resent += len(out.lines)
        else:
            self.counters.sent += len(out.lines)
            if out.spooled and self._spool is not None:
                self._spool.taken(len(out.lines))
        size = sum(map(len, out.lines))
        self._window.append(_Sent(now, link.sent, out.lines, size))
        self._window_size += size

    def _confirm(self) -> None:
        """Forgets what was sent long ago and has arrived at the peer's kernel."""
        if not self._window or self._link is None:
            return
        old = time.monotonic() - self._settings.resend_seconds
        confirmed = -1
        while self._window:
            first = self._window[0]
            if self._window_size <= _WINDOW_BYTES:
                if first.when > old:
                    return
                if confirmed < 0:
                    confirmed = self._link.confirmed()
                if first.end > confirmed:
                    return
            self._window.popleft()
            self._window_size -= first.size

    def _spool_queue(self) -> bool:
        """Moves what waits in memory to disk; whether anything was moved."""
        if self._spool is None or not self._queue:
            return False
        lines = self._from_queue()
        try:
            taken = self._spool.append(lines)
        except OSError as error:
            self._spool_trouble(error)
            taken = 0
        self.counters.spooled += taken
        self._queue.extendleft(reversed(lines[taken:]))  # no room there: they wait here
        return taken > 0

    def _lost(self, error: Exception) -> None:
        """After a connection is lost: the last seconds, and what was on its way, are sent again."""
        if self._link is not None:
            self._link.close()
            self._link = None
            self._since = time.monotonic()
        # A peer that takes connections and drops them at once must not be tried without a pause.
        self._next_try = time.monotonic() + self._pause
        self._pause = min(self._settings.retry_seconds[1], self._pause * 2)
        again = [sent.lines for sent in self._window]
        self._window.clear()
        self._window_size = 0
        if self._out is not None:
            out, self._out = self._out, None
            if out.again:
                again.append(out.lines)
            elif not out.spooled:  # what came from the spool is still there
                self._queue.extendleft(reversed(out.lines))
        self._again.extend(again)
        self._out_of_reach(error)

    def _end(self) -> None:
        """Ends the connection; what nobody confirmed goes to the spool, or is counted."""
        seconds = max(0.1, (self._closing or 0) - time.monotonic())
        read = self._link is not None and self._out is None and self._link.finish(seconds)
        if self._opening is not None:
            self._opening.give_up()
        if self._link is not None:
            self._link.close()
        doubtful = [] if read else [line for sent in self._window for line in sent.lines]
        doubtful += [line for lines in self._again for line in lines]
        if self._out is not None:
            if self._out.again:
                doubtful += self._out.lines
            elif not self._out.spooled:
                self._queue.extendleft(reversed(self._out.lines))
        self._keep(doubtful)

    def _keep(self, doubtful: list[bytes]) -> None:
        if self._spool is not None:
            while self._spool_queue():
                pass
            self.counters.dropped_spool += len(self._queue)
            try:
                kept = self._spool.append(doubtful)
            except OSError as error:
                self._spool_trouble(error)
                kept = 0
            self.counters.sent -= kept  # they wait again
            self.counters.unconfirmed += len(doubtful) - kept
            self._spool.close()
        else:
            self.counters.unconfirmed += len(doubtful)
            self.counters.dropped_exit += len(self._queue)
        self._queue.clear()
        lost, unsure = self.counters.dropped, self.counters.unconfirmed
        if lost or unsure:  # the counters end with the process
            known = f"{lost:,} of {self.counters.emitted:,} lines were dropped"
            doubt = f"; whether {unsure:,} more arrived is not known" if unsure else ""
            self._tell("end", f"Logstash: {known}{doubt}")

    def _out_of_reach(self, error: Exception | None) -> None:
        keeps = "the spool keeps lines" if self._spool else "lines wait in memory"
        self._tell("reach", f"Logstash is out of reach: {error}; {keeps}; told once")

    def _spool_trouble(self, error: Exception | None) -> None:
        self._tell("spool", f"the spool has trouble: {error or 'a file was removed'}; told once")

    def _tell(self, kind: str, text: str) -> None:
        if kind in self._told or not logging.raiseExceptions or sys.stderr is None:
            return
        self._told.add(kind)
        try:
            sys.stderr.write(f"obskit.logging: {text}\n")
        except (OSError, ValueError):
            return  # there is nowhere left to say it: the counters remain
