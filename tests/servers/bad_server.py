"""A server that misbehaves on purpose, on raw sockets, since no HTTP library lets one send half an answer.

A behaviour is a function that is given a connection and one request and writes what it likes::

    with serving(html) as server:
        Http(server.url).get("/")
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    number: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Behaviour = Callable[[socket.socket, Request], None]


@dataclass
class BadServer:
    """A running server: its address, and what it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def methods(self) -> list[str]:
        """The methods and targets, in order."""
        return [f"{request.method} {request.target}" for request in self.requests]


@contextlib.contextmanager
def serving(behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[BadServer]:
    """Serve a behaviour on a free port of the loopback.

    Args:
        behave: What is done with each request.
        tls: For HTTPS.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    server = BadServer(url=f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    stopping = threading.Event()
    live: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # a client that hangs up is what these tests are about
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            live.append(connection)
            with connection:
                if tls is None and connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    connection.sendall(answer(400))  # a TLS handshake, which is no line of HTTP
                    return
                stream = connection.makefile("rb")
                while not stopping.is_set():
                    request = _read(stream, len(server.requests))
                    if request is None:
                        return
                    server.requests.append(request)
                    behave(connection, request)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopping.set()
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in live:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _read(stream: Any, number: int) -> Request | None:
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (text := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        body = stream.read(int(headers.get("content-length", 0)))
    return Request(number, line[0], line[1], headers, body)


def answer(
    status: int, body: bytes = b"", *, kind: str = "application/json", **headers: str
) -> bytes:
    """The bytes of a whole answer."""
    lines = [f"HTTP/1.1 {status} Status", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def always(data: bytes) -> Behaviour:
    """Answer every request with the same bytes."""
    return lambda connection, _: connection.sendall(data)


def says(status: int, body: Any, **headers: str) -> Behaviour:
    """Answer every request with JSON."""
    return always(answer(status, json.dumps(body).encode(), **headers))


html = always(answer(200, b"<!DOCTYPE html><html><body>Sign in</body></html>", kind="text/html"))
html_as_json = always(answer(200, b"<html>Sign in</html>", x_elastic_product="Elasticsearch"))
empty = always(answer(200))
redirect = always(answer(302, location="https://login.example/"))
denied = says(
    401, {"error": {"type": "security_exception", "reason": "unable to authenticate user"}}
)
forbidden = says(403, {"error": {"type": "security_exception", "reason": "action is unauthorized"}})


def half(whole: bytes) -> Behaviour:
    """Promise a body, send half of it and hang up."""

    def behave(connection: socket.socket, _: Request) -> None:
        data = answer(200, whole, x_elastic_product="Elasticsearch")
        connection.sendall(data[: len(data) - len(whole) // 2])
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def cut_json(whole: bytes) -> Behaviour:
    """Half of a body whose length says that it is whole, as a proxy with a cap sends it."""
    return always(answer(200, whole[: len(whole) // 2], x_elastic_product="Elasticsearch"))


def hang_up(connection: socket.socket, _: Request) -> None:
    """Close the connection without an answer."""
    connection.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket, _: Request) -> None:
    """Answer nothing, and keep the connection."""
    connection.settimeout(30)
    connection.recv(1)


def drip(connection: socket.socket, _: Request) -> None:
    """A byte a second: no client's timeout between bytes ever ends it."""
    connection.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n"
    )
    for _byte in range(60):
        connection.sendall(b" ")
        time.sleep(1)


def first(count: int, one: Behaviour, then: Behaviour) -> Behaviour:
    """One behaviour for the first requests, another afterwards."""

    def behave(connection: socket.socket, request: Request) -> None:
        (one if request.number < count else then)(connection, request)

    return behave


def relay(
    upstream: str,
    change: Callable[[Request, bytes], bytes] = lambda _, data: data,
    *,
    trust: ssl.SSLContext | None = None,
) -> Behaviour:
    """Pass requests to a real server, and its answers back, changed or not.

    Args:
        upstream: Address of the real server.
        trust: What vouches for it, where it speaks TLS.
        change: Given a request and the bytes of its whole answer, what is sent instead. An answer that
            was changed ends its connection, so that a shorter one is seen as cut.
    """
    parts = urlsplit(upstream)

    def behave(connection: socket.socket, request: Request) -> None:
        headers = {**request.headers, "connection": "close", "host": parts.netloc}
        headers.pop("transfer-encoding", None)
        headers["content-length"] = str(len(request.body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        plain = socket.create_connection((parts.hostname or "", parts.port or 80), 30)
        with trust.wrap_socket(plain, server_hostname=parts.hostname) if trust else plain as peer:
            peer.sendall(
                f"{request.method} {request.target} HTTP/1.1\r\n{head}\r\n".encode() + request.body
            )
            data = b"".join(iter(lambda: peer.recv(65536), b""))
        connection.sendall(change(request, data))
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def cutting(path: str) -> Callable[[Request, bytes], bytes]:
    """For :func:`relay`: send only half of the answers to a path; everything else is whole.

    Args:
        path: What the target of a request contains.
    """

    def change(request: Request, data: bytes) -> bytes:
        head, gap, body = data.partition(b"\r\n\r\n")
        return head + gap + body[: len(body) // 2] if path in request.target else data

    return change
