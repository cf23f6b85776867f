"""A plan without changes over 200 templates, against a plain loop over the same client, 10 ms away.

The loop asks for each template by its name, as one does with the client; both see the same delay.
"""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.row import Row
from obskit.config import Settings
from obskit.engine import execute
from obskit.local import server
from obskit.local.elasticsearch import Elasticsearch as Server
from obskit.schema import BUILTIN
from obskit.targets import stack
from obskit.targets.base import Context
from obskit.targets.elasticsearch import Elasticsearch, ElasticsearchSettings

COUNT = 200
DELAY = 0.010
ROUNDS = 3


def run() -> list[Row]:
    """All rows."""
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        server.running(Server(version="8.19.21"), Path(folder) / "server") as one,
    ):
        files = _files(Path(folder))
        _provision(one.url, files)
        for delay in (0.0, DELAY):
            with _delayed(one.url, delay) as url:
                rows.append(_row(url, files, delay))
    return rows


def _row(url: str, files: dict[str, Path], delay: float) -> Row:
    requests: list[int] = []

    def ours() -> None:
        target = _target(url, files)
        assert not stack.plan({"elasticsearch": target}, "bench")
        requests.append(target.client.requests)

    def loop() -> None:
        client = _target(url, files).client
        for name, path in files.items():
            body = client.get(f"/_component_template/{name}").body["component_templates"][0]
            wanted = json.loads(path.read_text())["template"]["mappings"]
            assert body["component_template"]["template"]["mappings"] == wanted

    times = {
        name: min(_timed(call) for _ in range(ROUNDS))
        for name, call in (("ours", ours), ("loop", loop))
    }
    ratio = times["loop"] / times["ours"]
    return Row(
        figure=f"plan of {COUNT} templates without changes, {delay * 1000:g} ms away",
        ours=f"{times['ours'] * 1000:.0f} ms, {requests[-1]} requests",
        peer=f"{times['loop'] * 1000:.0f} ms, {COUNT} requests",
        ratio=ratio,
        target="at least 5" if delay else "at least 0 (shown, no target)",
    )


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _files(folder: Path) -> dict[str, Path]:
    files = {}
    for number in range(COUNT):
        path = folder / f"{number}.json"
        properties: dict[str, Any] = {f"field_{at}": {"type": "keyword"} for at in range(20)}
        path.write_text(json.dumps({"template": {"mappings": {"properties": properties}}}))
        files[f"bench-{number}"] = path
    return files


def _target(url: str, files: dict[str, Path]) -> Elasticsearch:
    section = ElasticsearchSettings(url=url, component_templates=files)
    settings = Settings.model_validate({"project": "bench"}).model_copy(
        update={"targets": {"elasticsearch": section}}
    )
    return Elasticsearch(Context(settings=settings, schema=BUILTIN))


def _provision(url: str, files: dict[str, Path]) -> None:
    target = _target(url, files)
    outcomes = execute.apply(
        stack.plan({"elasticsearch": target}, "bench"), {"elasticsearch": target}
    )
    assert execute.succeeded(outcomes), [str(item.error) for item in outcomes if item.error]


@contextlib.contextmanager
def _delayed(url: str, delay: float) -> Iterator[str]:
    """The same server, every request that much later."""
    upstream = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket, wait: float) -> None:
        with contextlib.suppress(OSError):  # the other side closed the connection
            while data := source.recv(1 << 20):
                if wait:
                    time.sleep(wait)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):  # closed: the end
            while True:
                client, _ = listener.accept()
                peer = socket.create_connection((upstream.hostname or "", upstream.port or 80))
                for one in (client, peer):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=pump, args=(client, peer, delay), daemon=True).start()
                threading.Thread(target=pump, args=(peer, client, 0.0), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
