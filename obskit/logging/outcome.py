"""How lines are sent, and what became of them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Counters", "SenderSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderSettings:
    """How lines are sent.

    Args:
        open_socket: Gives a connected socket, or raises OSError.
        datagrams: Whether every line is one datagram.
        queue_lines: Lines that wait in memory.
        resend_seconds: How much is sent again after a connection was lost.
        stall_seconds: After how long a peer that takes nothing counts as lost.
        retry_seconds: First and greatest pause between attempts to connect.
    """

    open_socket: Callable[[], socket.socket]
    datagrams: bool = False
    queue_lines: int = 50_000
    resend_seconds: float = 5.0
    stall_seconds: float = 5.0
    retry_seconds: tuple[float, float] = (0.1, 10.0)


@dataclass(slots=True, kw_only=True)
class Counters:
    """What became of the lines, each counted once: ``emitted + adopted = sent + waiting + dropped``, always.

    Args:
        emitted: Lines that the service wrote.
        adopted: Lines that an earlier process left in the spool, and this one took over.
        sent: Lines that a connection took.
        spooled: Lines that went to disk first (a history, no state).
        resent: Lines that were sent once more (they can arrive twice).
        unconfirmed: Lines of ``sent`` of which nothing says that the peer read them, known at the end.
        dropped_queue: Lines for which the queue had no room.
        dropped_spool: Lines for which the spool had no room, or the disk, or that were removed from there.
        dropped_size: Lines that are longer than a datagram.
        dropped_exit: Lines that waited when time was up at exit with no spool, or came after it.
        reconnects: Connections that were made.
    """

    emitted: int = 0
    adopted: int = 0
    sent: int = 0
    spooled: int = 0
    resent: int = 0
    unconfirmed: int = 0
    dropped_queue: int = 0
    dropped_spool: int = 0
    dropped_size: int = 0
    dropped_exit: int = 0
    reconnects: int = 0

    @property
    def dropped(self) -> int:
        """Lines that were given up."""
        return self.dropped_queue + self.dropped_spool + self.dropped_size + self.dropped_exit
