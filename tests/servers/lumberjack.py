"""The receiving end of Filebeat's Logstash output: events as Logstash's beats input has them.

The Lumberjack protocol, version 2. Frames are a version byte ``2``, a type byte, and: ``W`` a window's size; ``C`` a
length and zlib data that holds frames; ``J`` a sequence number, a length and an event in JSON. ``A`` with a sequence
number acknowledges.
"""

from __future__ import annotations

import json
import socketserver
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any

__all__ = ["Receiver", "receiving"]


class Receiver:
    """What was received so far, in order."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.address = ""
        self._more = threading.Condition()

    def add(self, event: dict[str, Any]) -> None:
        """Take one event."""
        with self._more:
            self.events.append(event)
            self._more.notify_all()

    def wait_for(self, count: int, seconds: float = 30) -> bool:
        """Whether so many events came in time."""
        with self._more:
            return self._more.wait_for(lambda: len(self.events) >= count, seconds)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _number(stream: IO[bytes]) -> int:
    found: int = struct.unpack(">I", _exactly(stream, 4))[0]
    return found


def _frames(stream: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    while True:
        head = stream.read(2)
        if len(head) < 2:
            return
        assert head[:1] == b"2", head
        match head[1:]:
            case b"W":
                _number(stream)
            case b"C":
                packed = _exactly(stream, _number(stream))
                yield from _frames(BytesIO(zlib.decompress(packed)))
            case b"J":
                sequence = _number(stream)
                yield sequence, json.loads(_exactly(stream, _number(stream)))
            case kind:
                raise AssertionError(f"a frame of type {kind!r}")


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens on the loopback and acknowledges every event."""
    receiver = Receiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for sequence, event in _frames(self.rfile):
                receiver.add(event)
                self.wfile.write(b"2A" + struct.pack(">I", sequence))

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
