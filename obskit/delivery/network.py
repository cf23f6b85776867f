"""A network stream that keeps a total deadline and a pinned certificate, below any HTTP client.

Clients count a timeout from each byte received, so a server that sends a byte a second holds them for
ever. Here every read, write and handshake gets what is left of one deadline.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

import httpcore

from obskit.deadline import Deadline

__all__ = ["DEADLINE", "DeadlineBackend"]

#: The deadline of the request that this thread is making.
DEADLINE: ContextVar[Deadline | None] = ContextVar("obskit_http_deadline", default=None)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    deadline = DEADLINE.get()
    if deadline is None:
        return timeout
    if deadline.passed:
        raise error("deadline")
    return min(timeout, deadline.remaining) if timeout else deadline.remaining


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects, and hands out streams that keep the deadline.

    Args:
        fingerprint: SHA-256 of the certificate to insist on, in lower-case hex; empty for none. It is the
            server's own, or that of the authority which signed it and comes with it.
    """

    def __init__(self, fingerprint: str = "") -> None:
        self._inner = httpcore.SyncBackend()
        self.fingerprint = fingerprint
        self.authority: ssl.SSLContext | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection within what is left."""

        def connect() -> httpcore.NetworkStream:
            return self._inner.connect_tcp(
                host, port, _left(timeout, httpcore.ConnectTimeout), local_address, socket_options
            )

        return _Stream(connect(), self, connect)


class _Stream(httpcore.NetworkStream):
    def __init__(
        self,
        inner: httpcore.NetworkStream,
        backend: DeadlineBackend,
        connect: Callable[[], httpcore.NetworkStream],
    ) -> None:
        self._inner, self._backend, self._connect = inner, backend, connect

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        def shake(stream: httpcore.NetworkStream, trust: ssl.SSLContext) -> httpcore.NetworkStream:
            return stream.start_tls(trust, server_hostname, _left(timeout, httpcore.ConnectTimeout))

        inner = shake(self._inner, self._backend.authority or ssl_context)
        pinned = self._backend.fingerprint
        if pinned and self._backend.authority is None:
            shown = _certificates(inner.get_extra_info("ssl_object"))
            prints = [hashlib.sha256(item).hexdigest() for item in shown]
            if pinned not in prints:
                inner.close()
                seen = prints[0] if prints else "none"
                raise httpcore.ConnectError(
                    f"certificate fingerprint mismatch: the server's is {seen}"
                )
            if pinned != prints[0]:
                # Anybody can send an authority's certificate along; only its signature proves anything. The
                # handshake is made again with this authority as the one that is trusted, names checked.
                inner.close()
                trust = ssl.create_default_context(cadata=shown[prints.index(pinned)])
                trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it may be an intermediate one
                trust.set_alpn_protocols(["http/1.1"])
                inner = shake(self._connect(), trust)
                self._backend.authority = trust
        return _Stream(inner, self._backend, self._connect)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _certificates(connection: ssl.SSLObject | ssl.SSLSocket) -> list[bytes]:
    """The server's certificate, then, where Python tells it, those that it sent along; DER."""
    # By position: httpcore hands out the inner object, which takes no keyword.
    certificates = [connection.getpeercert(True) or b""]  # noqa: FBT003
    # Public from Python 3.13; before, only on the inner object.
    for holder in (connection, getattr(connection, "_sslobj", None)):
        chain = getattr(holder, "get_unverified_chain", None)
        if chain is not None:
            certificates += [
                item if isinstance(item, bytes) else ssl.PEM_cert_to_DER_cert(item.public_bytes())
                for item in chain() or []
            ]
            break
    return [item for item in certificates if item]
