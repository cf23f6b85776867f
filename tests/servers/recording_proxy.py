"""A proxy before a real server that passes everything on and remembers what was asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

# Of one hop only; the body is passed on decoded, so its encoding and length are new.
_OWN = {"connection", "keep-alive", "transfer-encoding", "content-encoding", "content-length"}
#: What asks by POST, and changes nothing.
_QUESTIONS = (
    "/_search", "/_msearch", "/_count", "/_index_template/_simulate", "/_security/user/_has_privileges",
    "/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/ds/query",
)  # fmt: skip


@dataclass
class Recording:
    """What was asked of one server.

    Args:
        url: Where the proxy listens.
        asked: Method and path of each request, in order.
    """

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)

    def mutating(self) -> list[str]:
        """The requests that change something."""
        return [
            f"{method} {path}"
            for method, path in self.asked
            if method not in {"GET", "HEAD", "OPTIONS"}
            and not any(question in path for question in _QUESTIONS)
        ]


@contextlib.contextmanager
def recording(upstream: str) -> Iterator[Recording]:
    """Run a proxy before a server on a free port of the loopback."""
    client = httpx.Client(base_url=upstream, timeout=60, trust_env=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            held.asked.append((self.command, self.path))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", *_OWN}}
            answer = client.request(self.command, self.path, content=body, headers=headers)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _pass_on

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    held = Recording(url=f"http://127.0.0.1:{proxy.server_address[1]}")
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
        client.close()
