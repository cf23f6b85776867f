"""One connection to Logstash: opened beside the sender's work, never waiting, and honest about what arrived."""

from __future__ import annotations

import contextlib
import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
from collections.abc import Callable
from typing import Final

__all__ = ["LARGEST_DATAGRAM", "Link", "Opening"]

#: Bytes of the longest UDP datagram over IPv4.
LARGEST_DATAGRAM: Final = 65_507


class Opening:
    """An attempt to connect, in a thread of its own: names and handshakes can take long.

    Args:
        open_socket: Gives a connected socket, or raises OSError.
    """

    def __init__(self, open_socket: Callable[[], socket.socket]) -> None:
        self._open_socket = open_socket
        self._done = threading.Event()
        self._given_up = False
        self.socket: socket.socket | None = None
        self.error: Exception | None = None
        try:
            threading.Thread(target=self._run, name="obskit-logstash-connect", daemon=True).start()
        except RuntimeError:  # Python 3.12 and later start no thread while the process ends
            self._run()

    @property
    def done(self) -> bool:
        """Whether the attempt has ended, one way or the other."""
        return self._done.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits for the end of the attempt; whether it came.

        Args:
            seconds: The longest wait.
        """
        return self._done.wait(seconds)

    def give_up(self) -> None:
        """Closes what the attempt leads to, now or later."""
        self._given_up = True
        if self.socket is not None:
            self.socket.close()

    def _run(self) -> None:
        try:
            self.socket = self._open_socket()
        except (OSError, ValueError) as error:
            self.error = error
        finally:
            self._done.set()
            if self._given_up and self.socket is not None:
                self.socket.close()


class Link:
    """A connected socket that never blocks.

    Args:
        connected: The socket.
        datagrams: Whether every line is one datagram.
    """

    def __init__(self, connected: socket.socket, *, datagrams: bool) -> None:
        self._socket = connected
        self._socket.settimeout(0)
        self._datagrams = datagrams
        self._tls = isinstance(connected, ssl.SSLSocket)
        #: Bytes given to the kernel.
        self.sent = 0

    def send(self, data: memoryview) -> int:
        """Gives bytes to the kernel as far as it takes them; 0 where it takes none now.

        Args:
            data: Whole lines, or with datagrams one line.

        Raises:
            OSError: The connection is dead.
        """
        try:
            count = self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        self.sent += count
        return count

    def writable(self, seconds: float) -> bool:
        """Waits until the kernel takes more; whether it does.

        Args:
            seconds: The longest wait.
        """
        poll = select.poll()  # select takes no descriptor above 1,023
        poll.register(self._socket, select.POLLOUT)
        return bool(poll.poll(seconds * 1e3))

    def alive(self) -> bool:
        """Whether the peer still holds its end; what it sends is thrown away."""
        if self._datagrams:
            return True
        try:
            return self._socket.recv(65_536) != b""
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False

    def confirmed(self) -> int:
        """Bytes that the peer's kernel has acknowledged: Linux tells what it still holds.

        TLS adds bytes of its own: there the answer is all or nothing.
        """
        if self._datagrams:
            return self.sent
        try:
            held = struct.unpack(
                "i", fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0" * 4)
            )[0]
        except (OSError, ValueError):
            return 0
        if self._tls:
            return self.sent if held == 0 else 0
        return self.sent - int(held)

    def finish(self, seconds: float) -> bool:
        """Ends the connection and waits for the peer to end it too; whether it did, having read all.

        Args:
            seconds: The longest wait.
        """
        if self._datagrams:
            return True
        try:
            self._socket.settimeout(seconds)
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket = self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)
            while self._socket.recv(65_536):
                pass
        except (OSError, ValueError):
            return False
        return True

    def close(self) -> None:
        """Closes the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()
