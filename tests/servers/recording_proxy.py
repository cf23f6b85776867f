"""A proxy on the loopback that passes every request on and remembers it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

#: POSTs that only ask: searches, simulations, queries.
_ASKING = ("/_search", "/_msearch", "/_count", "/_simulate", "/_has_privileges", "/_validate", "/_mget",
           "/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels", "/api/ds/query")  # fmt: skip
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "host"}


@dataclass
class Recording:
    """What went through.

    Args:
        url: Address of the proxy.
        requests: Method and path of each request, in order.
    """

    url: str
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def mutating(self) -> list[tuple[str, str]]:
        """Requests that could change something."""
        return [
            (method, path)
            for method, path in self.requests
            if method not in ("GET", "HEAD", "OPTIONS")
            and not (method == "POST" and any(part in path for part in _ASKING))
        ]


@contextmanager
def recording(upstream: str) -> Iterator[Recording]:
    """Stand in front of a server for the length of a block."""
    target = urlsplit(upstream)
    log = Recording(url="")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            log.requests.append((self.command, self.path))
            size = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(size) if size else None
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _pass_on

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    log.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield log
    finally:
        server.shutdown()
        server.server_close()
