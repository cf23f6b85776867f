"""A robot's platform on the loopback: keeps what it was sent, and answers what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}


@dataclass
class Platform:
    """What the platform got, and how it answers: ``answers`` first, in their order, then ``usual``."""

    url: str
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    usual: tuple[int, dict[str, str], bytes] = (200, {}, b'{"errcode":0,"errmsg":"ok"}')
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int, seconds: float = 10.0) -> list[Received]:
        """Wait until so many requests came; fails where they do not."""
        with self.changed:
            came = self.changed.wait_for(lambda: len(self.received) >= count, seconds)
        assert came, f"{len(self.received)} requests, not {count}"
        return self.received

    def take(self, one: Received) -> tuple[int, dict[str, str], bytes]:
        with self.changed:
            self.received.append(one)
            self.changed.notify_all()
            return self.answers.pop(0) if self.answers else self.usual


def answer(data: Any, status: int = 200, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """An answer of JSON."""
    return status, {k.replace("_", "-"): v for k, v in headers.items()}, json.dumps(data).encode()


@contextmanager
def platform(port: int = 0, handle: Callable[[Received], Any] | None = None) -> Iterator[Platform]:
    """A platform for the length of a ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            one = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, raw)
            status, headers, body = made.take(one)
            if handle is not None:
                said = handle(one)
                body = (said if isinstance(said, str) else json.dumps(said)).encode()
                if isinstance(said, str):  # a platform that answers no JSON says so
                    headers = {"content-type": "text/html", **headers}
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    made = Platform(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
