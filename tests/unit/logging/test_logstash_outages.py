"""The Logstash handler while its peer is away, stands still or comes and goes: by event ids nothing is lost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.servers.log_peer import Peer, balanced, free_port, wait_for


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
