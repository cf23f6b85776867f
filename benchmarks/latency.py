"""Adds latency to servers on the loopback: a proxy in a process of its own that holds every byte back.

It forwards bytes and knows no HTTP beyond where a request begins, so it costs both sides next to nothing::

    with delayed([grafana, elasticsearch]) as proxy:
        proxy.hold_back(0.01)
        proxy.urls, proxy.counts()
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Proxy", "delayed"]

_ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Proxy:
    """A running proxy.

    Args:
        urls: Its address for each upstream, in their order.
        process: Its process.
    """

    urls: list[str]
    process: subprocess.Popen[str]

    def hold_back(self, seconds: float) -> None:
        """Hold each request back from now on, and count from zero."""
        self._tell(str(seconds))

    def counts(self) -> list[int]:
        """Requests to each upstream since the last time this was asked."""
        return self._tell("")

    def _tell(self, words: str) -> list[int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        found: list[int] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def delayed(upstreams: Sequence[str]) -> Iterator[Proxy]:
    """Stand in front of servers for the length of a block; nothing is held back yet.

    Args:
        upstreams: Addresses of the servers.
    """
    command = [sys.executable, "-m", "benchmarks.latency", *upstreams]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Proxy(json.loads(process.stdout.readline()), process)
        finally:
            process.stdin.close()  # its end is the proxy's, however this process ends
            process.wait(10)


class _Pipe(asyncio.Protocol):
    """One side of a connection; what it receives goes to the other side, after a while."""

    def __init__(self, count: _Count | None) -> None:
        self.count = count  # of the side that asks
        self.other: _Pipe | None = None
        self.transport: asyncio.Transport | None = None
        self.waiting: list[bytes] = []
        self.asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        for data in self.waiting:
            transport.write(data)
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        other = self.other
        assert other is not None
        if self.count is not None:
            if not self.asking:  # the first bytes after an answer are a new request
                self.count.requests += 1
            self.asking = True
            if self.count.seconds:
                asyncio.get_running_loop().call_later(self.count.seconds, other.send, data)
                return
        else:
            other.asking = False
        other.send(data)

    def send(self, data: bytes) -> None:
        if self.transport is None:
            self.waiting.append(data)
        else:
            self.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


@dataclass
class _Count:
    requests: int = 0
    seconds: float = 0.0


async def _serve(upstreams: Sequence[str]) -> None:
    loop = asyncio.get_running_loop()
    counts = [_Count() for _ in upstreams]
    running: set[asyncio.Task[object]] = set()

    def front(host: str, port: int, count: _Count) -> _Pipe:
        asker, answerer = _Pipe(count), _Pipe(None)
        asker.other, answerer.other = answerer, asker
        task: asyncio.Task[object] = loop.create_task(
            loop.create_connection(lambda: answerer, host, port)
        )
        running.add(task)
        task.add_done_callback(running.discard)
        return asker

    urls = []
    for upstream, count in zip(upstreams, counts, strict=True):
        parts = urlsplit(upstream)
        server = await loop.create_server(
            lambda parts=parts, count=count: front(parts.hostname or "", parts.port or 80, count),
            "127.0.0.1",
            0,
            backlog=256,
        )
        urls.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    print(json.dumps(urls), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps([count.requests for count in counts]), flush=True)
        for count in counts:
            count.requests = 0
            count.seconds = float(line) if line.strip() else count.seconds


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1:]))
