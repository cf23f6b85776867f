"""The receiver that obskit opens for its synthetic alert."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import orjson

from obskit.deadline import Deadline
from obskit.errors import LocalError

__all__ = ["Listener", "listen"]

_BODY_CAP = 1024 * 1024


class Listener:
    """Bodies as they arrive."""

    def __init__(self) -> None:
        self._bodies: queue.Queue[Any] = queue.Queue()

    def put(self, body: Any) -> None:
        """Called by the server for each JSON body."""
        self._bodies.put(body)

    def next(self, deadline: Deadline, *, at_most: float) -> Any | None:
        """The next body; None when none comes within ``at_most`` seconds or the deadline."""
        try:
            return self._bodies.get(timeout=max(0.01, min(at_most, deadline.remaining)))
        except queue.Empty:
            return None


@contextmanager
def listen(address: str) -> Iterator[Listener]:
    """Take POSTs at an address until the block ends.

    Args:
        address: ``http://host:port``. On a loopback host only this machine is listened to; otherwise every
            interface, since the host's name may be one that only others resolve.

    Raises:
        LocalError: The port is taken, or may not be opened.
    """
    parts = urlsplit(address)
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            if not 0 < size <= _BODY_CAP:
                self.send_error(413)
                return
            try:
                body = orjson.loads(self.rfile.read(size))
            except orjson.JSONDecodeError:
                self.send_error(400)
                return
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            listener.put(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing: the proof tells what arrived."""

    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    host = "127.0.0.1" if loopback else ""
    try:
        server = ThreadingHTTPServer((host, parts.port or 80), Handler)
    except OSError as error:
        raise LocalError(
            f"obskit cannot listen for the synthetic alert: {error.strerror}", where=address,
            hint="is another obskit verify running? else set verify.receiver to a free port",
        ) from None  # fmt: skip
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
