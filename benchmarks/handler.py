"""The Logstash handler: what its caller waits for, with a peer that misbehaves, and what an outage loses."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

from benchmarks.row import Row
from obskit.logging import JSONFormatter
from obskit.logging.logstash import LogstashHandler
from obskit.logging.streams import LineHandler

CALLS = 8_000
ROUNDS = 4
BURST = 100  # calls in a row, as one request of a service makes them
PAUSE = 0.005


class NoOp(LineHandler):
    """Formats and throws away: what logging costs without any transport."""

    def write_line(self, line: bytes) -> None:
        """Nothing."""


def run() -> list[Row]:
    """All rows."""
    rows: list[Row] = []
    for name, peer in PEERS.items():
        rows += _caller(name, peer)
    return [*rows, *_outage()]


def _caller(name: str, peer: Callable[[], contextlib.AbstractContextManager[int]]) -> list[Row]:
    quiet = NoOp()
    quiet.setFormatter(JSONFormatter(service="bench", event_ids=True))
    with tempfile.TemporaryDirectory() as folder, peer() as port:
        handler = LogstashHandler(
            "127.0.0.1", port, service="bench", spool=folder, flush_seconds=1.0, stall_seconds=1.0,
            retry_seconds=(0.05, 0.5), connect_seconds=1.0,
        )  # fmt: skip
        rounds = [_times(handler, quiet) for _ in range(ROUNDS)]
        handler.close()
        counters = handler.counters
    assert counters.emitted == ROUNDS * CALLS

    def least(which: int, share: int) -> float:
        """The best of the rounds: what a busy machine adds is not the handler's."""
        return min(times[which][min(CALLS * share // 1_000, CALLS - 1)] for times in rounds)

    longest = min(
        ((times[0][-1] - times[1][-1], times) for times in rounds), key=lambda pair: pair[0]
    )
    ours, noop = (times[-1] * 1e3 for times in longest[1])
    return [
        _micro(f"caller, p99, peer {name}", least(0, 990), least(1, 990), 100),
        _micro(f"caller, p99.9, peer {name}", least(0, 999), least(1, 999), 1_000),
        Row(
            f"caller, longest, peer {name}", f"{ours:.2f} ms", f"{noop:.2f} ms", ours - noop,
            "at most 10 ms more than a handler that does nothing",
        ),
    ]  # fmt: skip


def _micro(figure: str, ours: float, noop: float, most: int) -> Row:
    return Row(
        figure, f"{ours * 1e6:.0f} µs", f"{noop * 1e6:.0f} µs", ours * 1e6, f"at most {most} µs"
    )


def _times(handler: LineHandler, quiet: LineHandler) -> tuple[list[float], list[float]]:
    """Sorted times of calls, the two handlers taking turns."""
    record = logging.LogRecord("app", logging.INFO, "app.py", 1, "User login successful", (), None)
    record.__dict__.update({"user_id": "42", "cart": 3})
    taken: dict[LineHandler, list[float]] = {handler: [], quiet: []}
    clock = time.perf_counter
    for _ in range(CALLS // BURST):
        for which, times in taken.items():
            for _ in range(BURST):
                start = clock()
                which.handle(record)
                times.append(clock() - start)
        time.sleep(PAUSE)
    return sorted(taken[handler]), sorted(taken[quiet])


@contextlib.contextmanager
def _refusing() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]  # bound and not listening: connections are refused


@contextlib.contextmanager
def _black_hole() -> Iterator[int]:
    """A full backlog: the kernel lets further attempts wait without an answer."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            attempt = waiting.enter_context(socket.socket())
            attempt.settimeout(0)
            attempt.connect_ex(("127.0.0.1", port))
        yield port


@contextlib.contextmanager
def _never_reading() -> Iterator[int]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@contextlib.contextmanager
def _flapping() -> Iterator[int]:
    """Takes a connection, reads a little, resets it; again and again."""
    over = threading.Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        listener.settimeout(0.05)

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    taken, _ = listener.accept()
                    with taken:
                        taken.settimeout(0.05)
                        with contextlib.suppress(OSError):
                            taken.recv(4_096)
                        taken.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


@contextlib.contextmanager
def _reading() -> Iterator[int]:
    peer = _Reader(0)
    yield peer.port
    peer.stop()


PEERS: dict[str, Callable[[], contextlib.AbstractContextManager[int]]] = {
    "reads": _reading,
    "refuses": _refusing,
    "answers nothing": _black_hole,
    "never reads": _never_reading,
    "flaps": _flapping,
}


class _Reader:
    """A peer that reads lines."""

    def __init__(self, port: int) -> None:
        self.data: list[bytes] = []
        self._held: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(8)
        self.port: int = self._listener.getsockname()[1]
        self._over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._over:
            with contextlib.suppress(OSError):
                taken, _ = self._listener.accept()
                self._held.append(taken)
                threading.Thread(target=self._read, args=(taken,), daemon=True).start()

    def _read(self, taken: socket.socket) -> None:
        mine: list[bytes] = []
        with contextlib.suppress(OSError):
            while data := taken.recv(65_536):
                mine.append(data)
        self.data.append(b"".join(mine))
        taken.close()

    def ids(self) -> list[str]:
        """Event ids of the whole lines that arrived."""
        lines = [line for data in self.data for line in data.split(b"\n")[:-1]]
        return [json.loads(line)["attributes"]["event_id"] for line in lines]

    def stop(self) -> None:
        """Ends at once: connections are reset."""
        self._over = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for held in self._held:
            with contextlib.suppress(OSError):
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                held.shutdown(socket.SHUT_RDWR)
                held.close()


def _outage() -> list[Row]:
    record = logging.LogRecord("app", logging.INFO, "app.py", 1, "User login successful", (), None)
    with tempfile.TemporaryDirectory() as folder:
        first = _Reader(0)
        handler = LogstashHandler(
            "127.0.0.1",
            first.port,
            service="bench",
            spool=folder,
            retry_seconds=(0.05, 0.5),
            flush_seconds=10.0,
        )
        second: _Reader | None = None
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < 4.0:  # 1 s up, 2 s down, 1 s up
            for _ in range(20):
                handler.handle(record)
            time.sleep(0.005)
            if second is None and first.data == [] and now > 1.0 and not first._over:
                first.stop()
            if second is None and now > 3.0:
                second = _Reader(first.port)
        handler.close()
        counters = handler.counters
        assert second is not None
        time.sleep(0.3)
        arrived = [*first.ids(), *second.ids()]
        second.stop()
    lost = counters.emitted - len(set(arrived))
    more = len(arrived) - len(set(arrived))
    return [
        Row(
            "lines lost over an outage of 2 s, by distinct event ids, with the spool",
            f"{lost} of {counters.emitted:,}", f"{more:,} came twice", lost, "at most 0",
        ),
        Row(
            "emitted = delivered + counted drops, over the same outage",
            f"{counters.emitted:,}", f"{len(set(arrived)):,} + {counters.dropped}",
            abs(counters.emitted - len(set(arrived)) - counters.dropped), "at most 0",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    for row in run():
        verdict = "ok  " if row.met else "MISS"
        print(
            f"{verdict} {row.ratio:8.2f} ({row.target:15.15}) {row.ours:>14} {row.peer:>16}  {row.figure}"
        )
