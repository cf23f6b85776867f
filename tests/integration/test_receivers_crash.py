"""A relay that is killed loses nothing that it acknowledged. Real processes, real HTTP on both sides."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from obskit.local import server as local
from tests.servers.robot import Platform, Received, platform

FEISHU = "/v1/demo/oncall/feishu"


def notification(number: int, status: str = "firing") -> bytes:
    alert = {
        "status": status, "labels": {"alertname": f"Alert{number:03}"}, "annotations": {},
        "startsAt": "2026-01-02T03:04:05Z", "fingerprint": f"{number:016x}",
    }  # fmt: skip
    return json.dumps(
        {"version": "4", "groupKey": f"g{number}", "status": status, "alerts": [alert], "receiver": "r"}
    ).encode()  # fmt: skip


class Relays:
    """Relay processes, one after the other, on one queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, platform_url: str) -> None:
        (self.folder / "obskit.yml").write_text(f"""\
project: demo
alertmanager:
  url: http://127.0.0.1:9
  file: alertmanager.yml
  receivers:
    - name: oncall
      feishu: {{url: "{platform_url}/hook/0123456789abcdef-secret"}}
""")
        listen = f"127.0.0.1:{local.free_port()}"
        with (self.folder / "relay.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "obskit", "relay", "-f", str(self.folder / "obskit.yml"),
                 "--listen", listen, "--queue", str(self.folder / "relay.sqlite")],
                stdout=log, stderr=log,
            )  # fmt: skip
        self.url = f"http://{listen}"
        end = time.monotonic() + 20
        while True:
            try:
                if httpx.get(f"{self.url}/-/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, (self.folder / "relay.log").read_text()
            time.sleep(0.05)

    def end(self, sign: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(sign)
        return self.process.wait(20)

    def post(self, body: bytes) -> bool:
        """Whether it was acknowledged."""
        try:
            return httpx.post(f"{self.url}{FEISHU}", content=body, timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def relays(tmp_path: Path) -> Iterator[Relays]:
    made = Relays(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGKILL)


def told(there: Platform) -> list[str]:
    with there.changed:
        return [re.findall(rb"Alert\d{3}", one.raw)[0].decode() for one in there.received]


@contextmanager
def slow_platform(seconds: float) -> Iterator[Platform]:
    def handle(_: Received) -> dict[str, int]:
        time.sleep(seconds)
        return {"code": 0}

    with platform(handle=handle) as there:
        yield there


def _until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.05)


def test_killed_between_the_acknowledgement_and_the_sending_it_tells_after_its_restart(
    relays: Relays,
) -> None:
    relays.start(f"http://127.0.0.1:{local.free_port()}")  # nobody there: nothing can be sent
    assert relays.post(notification(1))
    relays.end(signal.SIGKILL)
    with slow_platform(0) as there:
        relays.start(there.url)
        there.wait(1)
        assert told(there) == ["Alert001"]
        assert relays.post(notification(1)), "a late twin is acknowledged"
        assert relays.end(signal.SIGTERM) in {0, -signal.SIGTERM}
        assert told(there) == ["Alert001"], "and not told twice"


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.8])
def test_killed_at_any_time_every_acknowledged_notification_arrives(
    relays: Relays, delay: float
) -> None:
    with slow_platform(0.05) as there:
        relays.start(there.url)
        acknowledged = []

        def flood() -> None:
            for number in range(400):
                if not relays.post(notification(number)):
                    return
                acknowledged.append(f"Alert{number:03}")
                time.sleep(0.01)

        with ThreadPoolExecutor() as pool:
            flooding = pool.submit(flood)
            _until(lambda: bool(acknowledged), 10)
            time.sleep(delay)
            relays.end(signal.SIGKILL)
            flooding.result(20)
        relays.start(there.url)
        _until(lambda: set(acknowledged) <= set(told(there)), 60)
        twice = len(told(there)) - len(set(told(there)))
        assert twice <= 1, "only what was under way may arrive twice"


def test_terminated_it_finishes_and_refuses_nothing_that_it_acknowledged(relays: Relays) -> None:
    with slow_platform(0.5) as there:
        relays.start(there.url)
        for number in range(3):
            assert relays.post(notification(number))
        there.wait(1)
        assert relays.end(signal.SIGTERM) in {0, -signal.SIGTERM}
        assert "Traceback" not in (relays.folder / "relay.log").read_text()
        relays.start(there.url)
        there.wait(3)
        time.sleep(0.3)
        assert sorted(told(there)) == ["Alert000", "Alert001", "Alert002"], "each exactly once"


def test_a_second_relay_on_the_same_queue_is_refused(relays: Relays) -> None:
    with slow_platform(0) as there:
        relays.start(there.url)
        second = subprocess.run(
            [sys.executable, "-m", "obskit", "relay", "-f", str(relays.folder / "obskit.yml"),
             "--listen", f"127.0.0.1:{local.free_port()}", "--queue", str(relays.folder / "relay.sqlite")],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert second.returncode == 1
        assert "another relay has this queue" in second.stderr
