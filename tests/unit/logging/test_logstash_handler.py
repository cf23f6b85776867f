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
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from obskit.errors import ConfigError
from obskit.logging import configure
from obskit.logging.logstash import LogstashHandler
from tests.servers.log_peer import Peer, balanced, free_port, wait_for


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
