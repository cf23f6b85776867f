"""A peer for the Logstash handler on a real socket, and what its tests wait for."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable

from obskit.logging.logstash import LogstashHandler


class Peer:
    """A TCP peer that reads lines, or as much as it is told to."""

    def __init__(
        self, port: int = 0, *, tls: ssl.SSLContext | None = None, reads: bool = True
    ) -> None:
        self.lines: list[bytes] = []
        self._tls = tls
        self._reads = reads
        self._held: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(8)
        self.port = self._listener.getsockname()[1]
        self._over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._over:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            if self._over:
                taken.close()
                return
            self._held.append(taken)
            if self._reads:
                threading.Thread(target=self._read, args=(taken,), daemon=True).start()

    def _read(self, taken: socket.socket) -> None:
        try:
            if self._tls is not None:
                taken = self._tls.wrap_socket(taken, server_side=True)
                self._held.append(taken)
            rest = b""
            while data := taken.recv(65_536):
                *lines, rest = (rest + data).split(b"\n")
                self.lines += lines
        except OSError:
            return
        finally:
            taken.close()

    def ids(self) -> Counter[str]:
        return Counter(json.loads(line)["attributes"]["event_id"] for line in self.lines)

    def stop(self) -> None:
        """Ends at once, as a killed process does: connections are reset."""
        self._over = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for held in self._held:
            try:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                held.close()
            except OSError:
                continue


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def balanced(handler: LogstashHandler) -> bool:
    counters = handler.counters
    return counters.emitted + counters.adopted == (
        counters.sent + handler.waiting + counters.dropped
    )
