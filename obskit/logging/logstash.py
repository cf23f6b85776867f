"""The Logstash handler: python-logstash's, with a queue, a background sender, TLS and a spool."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from inspect import signature
from typing import Any, Final, Literal, NoReturn, Self
from urllib.parse import urlsplit

from logstash.handler_tcp import TCPLogstashHandler

from obskit.errors import ConfigError, Problem
from obskit.logging.formatter import JSONFormatter
from obskit.logging.outcome import Counters, SenderSettings
from obskit.logging.sender import Sender
from obskit.logging.spool import Spool
from obskit.logging.streams import LineHandler

__all__ = ["LogstashHandler"]

Transport = Literal["tcp", "tls", "udp"]
_PORT: Final = 5959  # python-logstash's


class LogstashHandler(LineHandler, TCPLogstashHandler):  # type: ignore[misc] # it has no types
    """Sends lines to a Logstash ``tcp`` or ``udp`` input with codec ``json_lines``; it never blocks the caller.

    TCP acknowledges nothing to the sender, so what a dying connection took may be lost: after a
    reconnect the last seconds are sent again. Lines carry ``attributes.event_id``; with it as
    ``document_id`` in the output a line that came twice is stored once.

    Args:
        host: Name or address of Logstash.
        port: Port of its input.
        transport: ``tcp``, ``tls`` or ``udp``.
        service: Name of the service, where no formatter is set.
        spool: Folder for lines during an outage; None to keep them in memory.
        spool_bytes: Bytes that are kept there.
        queue_lines: Lines that wait in memory; what is beyond is dropped and counted.
        resend_seconds: How much is sent again after a connection was lost.
        stall_seconds: After how long a peer that takes nothing counts as lost.
        retry_seconds: First and greatest pause between attempts to connect.
        connect_seconds: Deadline of one attempt to connect.
        flush_seconds: The longest wait at exit.
        ca_file: Certificates that the server's is checked by; None for the system's.
        cert_file: Certificate of the service, where Logstash asks for one.
        key_file: Its key.

    Raises:
        ConfigError: An argument is wrong, or a certificate cannot be used.
        OSError: The spool's folder cannot be used.
    """

    def __init__(
        self,
        host: str,
        port: int = _PORT,
        *,
        transport: Transport = "tcp",
        service: str = "",
        spool: str | os.PathLike[str] | None = None,
        spool_bytes: int = 256 * 2**20,
        queue_lines: int = 50_000,
        resend_seconds: float = 5.0,
        stall_seconds: float = 5.0,
        retry_seconds: tuple[float, float] = (0.1, 10.0),
        connect_seconds: float = 5.0,
        flush_seconds: float = 3.0,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
    ) -> None:
        if transport not in ("tcp", "tls", "udp"):
            _refuse(f"no transport is named {transport!r}; there are tcp, tls and udp")
        TCPLogstashHandler.__init__(self, host, port, version=1)
        self.init_lines()
        # python-logstash's own formatter writes another shape
        self.setFormatter(JSONFormatter(service=service, event_ids=True) if service else None)
        self._transport = transport
        self._connect_seconds = connect_seconds
        self._flush_seconds = flush_seconds
        self._tls = _tls(ca_file, cert_file, key_file) if transport == "tls" else None
        self._settings = SenderSettings(
            open_socket=self.makeSocket,
            datagrams=transport == "udp",
            queue_lines=queue_lines,
            resend_seconds=resend_seconds,
            stall_seconds=stall_seconds,
            retry_seconds=retry_seconds,
        )
        self._spool = (spool, spool_bytes)
        self._pid = os.getpid()
        self._sender = self._new_sender()

    @classmethod
    def of(cls, given: str | Mapping[str, Any]) -> Self:
        """A handler of an address such as ``tls://logstash:5000``, or of arguments.

        Args:
            given: The address, or arguments of the class (``address`` may stand among them).

        Raises:
            ConfigError: The address is none, or an argument is not known.
        """
        arguments = {"address": given} if isinstance(given, str) else dict(given)
        address = arguments.pop("address", None)
        if address is not None:
            arguments |= _parts(address)
        known = signature(cls).parameters
        if unknown := [name for name in arguments if name not in known]:
            near = get_close_matches(unknown[0], [*known, "address"], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            _refuse(f"logstash has no argument {unknown[0]!r}; {hint}")
        if "host" not in arguments:
            _refuse("logstash needs an address, such as tcp://logstash:5000")
        return cls(**arguments)

    @property
    def counters(self) -> Counters:
        """What became of the lines of this process."""
        return self._sender.counters

    @property
    def waiting(self) -> int:
        """Lines of this process that no connection took yet."""
        return self._sender.waiting

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record.

        Args:
            record: The record.

        Raises:
            ConfigError: There is neither a formatter nor a service's name to make one.
        """
        if self.formatter is None:
            _refuse("no formatter: give the handler service='user-service', or set a JSONFormatter")
        return super().format(record)

    def write_line(self, line: bytes) -> None:
        """Queues one line; the handler's lock is held.

        Args:
            line: The line, without its newline.
        """
        if os.getpid() != self._pid:
            self._after_fork()
        # Another formatter may write several lines; on the wire each would be an event.
        self._sender.put(line.replace(b"\n", b"\\n") + b"\n")

    def makeSocket(self, timeout: float = 1) -> socket.socket:  # noqa: N802 - python-logstash's name
        """A connected socket.

        Args:
            timeout: Ignored: the handler's own deadline counts.

        Raises:
            OSError: No connection.
        """
        if self._transport == "udp":
            return _datagram_socket(self.host, self.port)
        plain: socket.socket = super().makeSocket(self._connect_seconds)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._tls is None:
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def flush(self) -> None:
        """Waits until Logstash took all lines, at most ``flush_seconds``."""
        sender = getattr(self, "_sender", None)
        if sender is not None and os.getpid() == self._pid and sender.waiting:
            sender.flush(self._flush_seconds)

    def close(self) -> None:
        """Sends what waits, at most ``flush_seconds`` long; the spool keeps what could not be sent."""
        sender = getattr(self, "_sender", None)
        if sender is not None and os.getpid() == self._pid:
            sender.close(self._flush_seconds)
            with self.lock:  # type: ignore[union-attr] # it is made in __init__
                sender.seal()
        super().close()

    def _new_sender(self) -> Sender:
        folder, size = self._spool
        _close_in_worker(self)
        return Sender(self._settings, None if folder is None else Spool(folder, max_bytes=size))

    def _after_fork(self) -> None:
        """In a child: its parent's queue, connection and thread are its parent's; it starts with its own."""
        self._pid = os.getpid()
        self._sender.abandon()
        self._sender = self._new_sender()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._transport}://{self.host}:{self.port}>"


def _close_in_worker(handler: LogstashHandler) -> None:
    """Has a worker of ``multiprocessing``, or of Celery's ``billiard``, close the handler at its end.

    Such a worker ends by ``os._exit``, so that ``atexit`` is not heard; its finalizers are, the ones of least
    priority last (``multiprocessing.util.Finalize``).
    """
    for name in ("multiprocessing", "billiard"):
        process, util = sys.modules.get(f"{name}.process"), sys.modules.get(f"{name}.util")
        if process is None or util is None:
            continue
        if getattr(process.current_process(), "_parent_pid", None) is not None:
            util.Finalize(None, LogstashHandler.close, args=(handler,), exitpriority=-100)


def _parts(address: str) -> dict[str, object]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:  # no port, or half a bracket
        host, port = None, None
    if not host or parts.scheme not in ("tcp", "tls", "udp"):
        _refuse(f"logstash is {address!r}; it is written like tcp://logstash:5000 (tls, udp)")
    return {"host": host, "transport": parts.scheme, "port": port or _PORT}


def _refuse(text: str) -> NoReturn:
    raise ConfigError([Problem(rule="logging/logstash", message=text)])


def _tls(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if cert_file is not None:
            context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as error:  # which name no file
        files = ", ".join(file for file in (ca_file, cert_file, key_file) if file)
        _refuse(f"a certificate or key of {files} cannot be used: {error}")
    return context


def _datagram_socket(host: str, port: int) -> socket.socket:
    error: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_DGRAM
    ):
        made = socket.socket(family, kind, protocol)
        try:
            made.connect(address)
        except OSError as failed:
            made.close()
            error = failed
        else:
            return made
    raise error
