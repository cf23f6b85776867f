"""The Logstash handler against real sockets: nothing is lost silently, and the caller never waits."""

from __future__ import annotations

import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from obskit.errors import ConfigError
from obskit.logging import configure
from obskit.logging.logstash import LogstashHandler


class Peer:
    """A TCP peer that reads lines, or as much as it is told to."""

    def __init__(
        self, port: int = 0, *, tls: ssl.SSLContext | None = None, reads: bool = True
    ) -> None:
        self.lines: list[bytes] = []
        self._tls = tls
        self._reads = reads
        self._held: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(8)
        self.port = self._listener.getsockname()[1]
        self._over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._over:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            if self._over:
                taken.close()
                return
            self._held.append(taken)
            if self._reads:
                threading.Thread(target=self._read, args=(taken,), daemon=True).start()

    def _read(self, taken: socket.socket) -> None:
        try:
            if self._tls is not None:
                taken = self._tls.wrap_socket(taken, server_side=True)
                self._held.append(taken)
            rest = b""
            while data := taken.recv(65_536):
                *lines, rest = (rest + data).split(b"\n")
                self.lines += lines
        except OSError:
            return
        finally:
            taken.close()

    def ids(self) -> Counter[str]:
        return Counter(json.loads(line)["attributes"]["event_id"] for line in self.lines)

    def stop(self) -> None:
        """Ends at once, as a killed process does: connections are reset."""
        self._over = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for held in self._held:
            try:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                held.close()
            except OSError:
                continue


@pytest.fixture
def make(
    make_record: Any,
) -> Iterator[Callable[..., tuple[LogstashHandler, Callable[[int], None]]]]:
    made: list[LogstashHandler] = []

    def build(port: int, **options: Any) -> tuple[LogstashHandler, Callable[[int], None]]:
        options = {
            "service": "user-service",
            "retry_seconds": (0.05, 0.2),
            "flush_seconds": 1.0,
            **options,
        }
        handler = LogstashHandler(options.pop("host", "127.0.0.1"), port, **options)
        made.append(handler)

        def log(count: int) -> None:
            for number in range(count):
                handler.handle(make_record(f"event {number}"))

        return handler, log

    yield build
    for handler in made:
        handler.close()


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_lines_arrive_whole_and_once(make: Any, judge: Any) -> None:
    peer = Peer()
    handler, log = make(peer.port)
    log(5_000)
    handler.close()
    assert wait_for(lambda: len(peer.lines) == 5_000)
    assert set(peer.ids().values()) == {1}
    assert [judge(line)["message"] for line in peer.lines[:2]] == ["event 0", "event 1"]
    counters = handler.counters
    assert (counters.emitted, counters.sent, counters.dropped, counters.unconfirmed) == (
        5_000,
        5_000,
        0,
        0,
    )
    peer.stop()


def test_an_outage_of_two_seconds_loses_nothing(make: Any, tmp_path: Path) -> None:
    """The peer is killed under load and comes back after 2 s: by distinct event ids nothing is lost."""
    first = Peer()
    handler, log = make(first.port, spool=tmp_path)
    for _ in range(10):
        log(200)
        time.sleep(0.01)
    first.stop()
    start = time.monotonic()
    while time.monotonic() - start < 2.0:
        log(100)
        time.sleep(0.05)
    second = Peer(first.port)
    log(500)
    assert handler.counters.spooled > 0
    assert wait_for(lambda: handler.waiting == 0)
    handler.close()
    emitted = handler.counters.emitted
    assert wait_for(lambda: len(set(first.ids()) | set(second.ids())) == emitted)
    assert handler.counters.dropped == 0
    assert list(tmp_path.iterdir()) == []
    second.stop()


def test_an_outage_without_a_spool_keeps_what_the_queue_holds(make: Any) -> None:
    port = free_port()
    handler, log = make(port, queue_lines=1_000)
    log(1_500)
    assert handler.counters.dropped_queue == 500
    peer = Peer(port)
    assert wait_for(lambda: len(peer.lines) == 1_000)
    counters = handler.counters
    assert wait_for(lambda: counters.sent == 1_000)
    assert counters.emitted == counters.sent + counters.dropped
    peer.stop()


def test_what_the_spool_holds_is_sent_by_the_next_process(make: Any, tmp_path: Path) -> None:
    port = free_port()
    handler, log = make(port, spool=tmp_path)
    log(300)
    handler.close()
    assert handler.counters.dropped == 0
    assert list(tmp_path.glob("*.spool"))
    peer = Peer(port)
    heir, _ = make(port, spool=tmp_path)
    assert wait_for(lambda: len(peer.ids()) == 300)
    heir.close()
    assert list(tmp_path.iterdir()) == []
    peer.stop()


def test_a_spool_that_is_full_drops_and_counts(make: Any, tmp_path: Path) -> None:
    handler, log = make(free_port(), spool=tmp_path, spool_bytes=20_000, queue_lines=100)
    for _ in range(20):
        log(50)
        time.sleep(0.03)
    handler.close()
    counters = handler.counters
    assert counters.dropped > 0
    assert counters.emitted == counters.spooled + counters.dropped
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spool")) <= 20_000


def test_a_peer_that_never_reads_stalls_nobody(make: Any, tmp_path: Path, make_record: Any) -> None:
    peer = Peer(reads=False)
    handler, _ = make(peer.port, spool=tmp_path, stall_seconds=0.3)
    text = "x" * 8_000
    slowest = 0.0
    for _ in range(2_000):
        start = time.perf_counter()
        handler.handle(make_record(text))
        slowest = max(slowest, time.perf_counter() - start)
    assert slowest < 0.5  # a busy machine is no stall; the figures are in benchmarks/handler.py
    assert wait_for(lambda: handler.counters.reconnects > 1)
    handler.close()
    counters = handler.counters
    assert counters.dropped + counters.unconfirmed < counters.emitted
    peer.stop()


def test_a_peer_that_flaps_loses_nothing(make: Any, tmp_path: Path) -> None:
    port = free_port()
    handler, log = make(port, spool=tmp_path)
    peers: list[Peer] = []
    for _ in range(5):
        peers.append(Peer(port))
        for _ in range(10):
            log(20)
            time.sleep(0.01)
        peers[-1].stop()
        time.sleep(0.1)
    peers.append(Peer(port))
    assert wait_for(lambda: handler.waiting == 0)
    handler.close()

    def arrived() -> set[str]:
        """Of all peers: one that is stopped may still have been reading what was sent before."""
        return {found for peer in peers for found in peer.ids()}

    assert wait_for(lambda: len(arrived()) == handler.counters.emitted)
    peers[-1].stop()


def test_tls_checks_the_certificate(make: Any, tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    peer = Peer(tls=context)
    handler, log = make(peer.port, host="localhost", transport="tls", ca_file=str(trusted))
    log(1_000)
    handler.close()
    assert wait_for(lambda: len(peer.lines) == 1_000)
    stranger, log = make(peer.port, host="localhost", transport="tls", ca_file=str(other))
    log(10)
    stranger.close()
    assert stranger.counters.sent == 0
    assert stranger.counters.dropped_exit == 10
    assert len(peer.lines) == 1_000
    peer.stop()


def test_udp_sends_a_datagram_a_line(make: Any, judge: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        handler, log = make(peer.getsockname()[1], transport="udp")
        log(20)
        got = [judge(peer.recv(70_000).rstrip(b"\n"))["message"] for _ in range(20)]
        handler.close()
    assert got == [f"event {number}" for number in range(20)]


def test_a_line_longer_than_a_datagram_is_dropped_and_counted(make: Any, make_record: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        handler, log = make(peer.getsockname()[1], transport="udp")
        handler.handle(make_record("x" * 65_350))
        log(1)
        assert json.loads(peer.recv(70_000))["message"] == "event 0"
        assert handler.counters.dropped_size == handler.counters.dropped == 1
        handler.close()


_FORKING = """
import logging, os, sys, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of a fork of a process with threads
from obskit.logging import configure
made = configure(service="forked", logstash={"address": sys.argv[1], "flush_seconds": 5})
log = logging.getLogger("app")
log.info("before")
child = os.fork()
for number in range(50):
    log.info("%s %d", "child" if child == 0 else "parent", number)
if child:
    os.waitpid(child, 0)
"""


def test_a_forked_child_sends_its_own_lines_only() -> None:
    peer = Peer()
    subprocess.run(
        [sys.executable, "-c", _FORKING, f"tcp://127.0.0.1:{peer.port}"], check=True, timeout=60
    )
    assert wait_for(lambda: len(peer.lines) == 101)
    messages = Counter(json.loads(line)["message"] for line in peer.lines)
    assert set(messages.values()) == {1}
    assert set(peer.ids().values()) == {1}
    peer.stop()


def test_exit_flushes_without_being_told() -> None:
    peer = Peer()
    code = (
        "import logging, sys; from obskit.logging import configure\n"
        "configure(service='short', logstash=sys.argv[1])\n"
        "[logging.info('line %d', number) for number in range(200)]"
    )
    subprocess.run(
        [sys.executable, "-c", code, f"tcp://127.0.0.1:{peer.port}"], check=True, timeout=60
    )
    assert wait_for(lambda: len(peer.lines) == 200)
    peer.stop()


def test_structlog_and_logging_share_the_handler(judge: Any) -> None:
    structlog = pytest.importorskip("structlog")
    peer = Peer()
    configure(service="both", logstash=f"tcp://127.0.0.1:{peer.port}")
    logging.getLogger("app").info("one", extra={"cart": 1})
    structlog.get_logger("app").info("one", cart=1)
    assert wait_for(lambda: len(peer.lines) == 2)
    first, second = (judge(line) for line in peer.lines)
    for event in (first, second):
        event.pop("timestamp")
        event["attributes"].pop("event_id")
    assert first == second
    peer.stop()


@pytest.mark.parametrize("address", ["http://x:1", "logstash:5000", "tcp://", ""])
def test_a_wrong_address_is_said(address: str) -> None:
    with pytest.raises(ConfigError, match="tcp://logstash:5000"):
        LogstashHandler.of(address)


def test_descriptors_and_threads_are_given_back(make: Any) -> None:
    peer = Peer()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        handler, log = make(peer.port)
        log(10)
        handler.close()
    assert wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before + 1)
    assert not [item for item in threading.enumerate() if item.name == "obskit-logstash"]
    peer.stop()


def balanced(handler: LogstashHandler) -> bool:
    counters = handler.counters
    return counters.emitted + counters.adopted == (
        counters.sent + handler.waiting + counters.dropped
    )


def test_the_counters_balance_over_processes_and_an_end_without_confirmation(
    make: Any, tmp_path: Path
) -> None:
    port = free_port()
    first, log = make(port, spool=tmp_path)
    log(300)
    first.close()
    assert balanced(first)
    assert first.waiting == 300
    silent = Peer(port, reads=False)  # takes lines and confirms none of them
    second, log = make(port, spool=tmp_path, flush_seconds=0.3)
    log(100)
    assert wait_for(lambda: second.counters.sent == 400)
    second.close()
    assert second.counters.adopted == 300
    assert balanced(second), second.counters
    assert second.waiting == 400  # nobody said that they were read, so they wait again
    silent.stop()
    peer = Peer(port)
    third, _ = make(port, spool=tmp_path)
    third.close()
    assert balanced(third), third.counters
    assert len(peer.ids()) == 400
    peer.stop()


def test_a_line_after_the_end_is_counted_as_dropped(
    make: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    handler, log = make(free_port(), flush_seconds=0.1)
    log(3)
    handler.close()
    log(2)
    assert handler.counters.dropped_exit == 5
    assert balanced(handler)
    assert "3 of 3 lines were dropped" in capfd.readouterr().err


def test_a_spool_removed_by_hand_is_counted(make: Any, tmp_path: Path) -> None:
    port = free_port()
    handler, log = make(port, spool=tmp_path)
    log(50)
    assert wait_for(lambda: handler.counters.spooled == 50)
    for path in tmp_path.glob("*.spool"):
        path.unlink()
    peer = Peer(port)
    assert wait_for(lambda: handler.counters.dropped_spool == 50)
    assert balanced(handler)
    log(1)
    assert wait_for(lambda: len(peer.lines) == 1)
    peer.stop()


_WORKERS = """
import logging, multiprocessing, sys, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of a fork of a process with threads
from obskit.logging import configure

def work(number):
    if multiprocessing.get_start_method() == "spawn":
        configure(service="worker", logstash=sys.argv[1])
    for line in range(100):
        logging.info("worker %d %d", number, line)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    configure(service="parent", logstash=sys.argv[1])
    workers = [multiprocessing.Process(target=work, args=(number,)) for number in range(3)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_multiprocessing_send_their_last_lines(method: str, tmp_path: Path) -> None:
    """They end without ``atexit``: https://docs.python.org/3/library/atexit.html."""
    peer = Peer()
    (tmp_path / "app.py").write_text(_WORKERS)
    address = f"tcp://127.0.0.1:{peer.port}"
    subprocess.run(
        [sys.executable, str(tmp_path / "app.py"), address, method], check=True, timeout=60
    )
    assert wait_for(lambda: len(peer.lines) == 300, 2)
    assert set(peer.ids().values()) == {1}
    peer.stop()


def test_a_handler_without_formatter_and_service_says_what_it_needs(
    make_record: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    handler = LogstashHandler("127.0.0.1", free_port(), flush_seconds=0.1)
    handler.handle(make_record("hello"))
    assert handler.failed == 1
    assert "give the handler service='user-service'" in capfd.readouterr().err
    handler.close()


def test_another_formatter_writes_single_lines(make: Any, make_record: Any) -> None:
    peer = Peer()
    handler, _ = make(peer.port)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.handle(make_record("two\nlines"))
    assert wait_for(lambda: peer.lines == [rb"two\nlines"])
    peer.stop()
