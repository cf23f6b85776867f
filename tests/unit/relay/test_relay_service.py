"""The relay as it runs: real HTTP on both sides."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from obskit.config import Secret
from obskit.config.receivers import DingTalk, Receiver
from obskit.relay import Patience, Queue, Relay, Target, application, create
from obskit.relay.app import BODY_CAP
from obskit.relay.robots import problems
from tests.servers.robot import Platform, answer, platform

TARGET = Target("demo", "oncall", "dingtalk")
QUICK = Patience(request=2.0, first=0.05, longest=0.2, refusals=3, silence=0.3)
PATH = "/v1/demo/oncall/dingtalk"


def receiver(url: str, name: str = "oncall") -> Receiver:
    return Receiver(name=name, dingtalk=DingTalk(url=Secret(url), secret=Secret("SEC-key")))


@contextmanager
def running(
    url: str, path: Path, *, patience: Patience = QUICK, tokens: dict[str, Secret] | None = None,
    robots: tuple[Receiver, ...] = (),
) -> Iterator[tuple[httpx.Client, Relay]]:  # fmt: skip
    """A relay on a free port, for the length of a ``with`` block."""
    made = robots or (receiver(f"{url}/send?access_token=the-token"),)
    relay = Relay(create("demo", made), Queue(path), patience=patience)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application(relay, tokens), log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            yield client, relay
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()


@pytest.fixture
def there() -> Iterator[Platform]:
    with platform() as made:
        yield made


def metric(client: httpx.Client, name: str, **more: str) -> float:
    labels = {"kind": "dingtalk", "project": "demo", "receiver": "oncall"} | more
    shown = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(f"obskit_relay_{name}{{{shown}}} "):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no {name} of {shown}")


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


def test_a_notification_arrives_once_however_many_alertmanagers_send_it(
    there: Platform, tmp_path: Path, webhook
) -> None:
    with running(there.url, tmp_path / "q") as (client, _):
        assert client.post(PATH, content=webhook()).json() == {"status": "queued"}
        assert client.post(PATH, content=webhook(receiver="twin")).json() == {"status": "duplicate"}
        there.wait(1)
        until(lambda: metric(client, "sent_total") == 1)
        assert metric(client, "deduplicated_total") == 1
        assert metric(client, "queue_depth") == 0
        assert client.post(PATH, content=webhook(status="resolved")).json() == {"status": "queued"}
        there.wait(2)
    assert len(there.received) == 2


def test_a_throttled_robot_is_left_alone_and_told_later(
    there: Platform, tmp_path: Path, webhook
) -> None:
    there.answers = [answer({"errcode": 130101, "errmsg": "send too fast"})]
    with running(there.url, tmp_path / "q") as (client, _):
        start = time.monotonic()
        client.post(PATH, content=webhook(group="a"))
        client.post(PATH, content=webhook(group="b"))
        there.wait(3)
        assert time.monotonic() - start >= 0.3, "silence for every group"
        until(lambda: metric(client, "sent_total") == 2)
        assert metric(client, "failed_total", outcome="throttled") == 1
        assert metric(client, "retried_total") == 1


def test_retry_after_is_kept(there: Platform, tmp_path: Path, webhook) -> None:
    there.answers = [answer({}, 429, retry_after="1")]
    with running(there.url, tmp_path / "q") as (client, _):
        start = time.monotonic()
        client.post(PATH, content=webhook())
        there.wait(2)
        assert time.monotonic() - start >= 1.0


def test_a_platform_that_is_down_is_tried_until_it_is_back(tmp_path: Path, webhook) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(f"http://127.0.0.1:{port}", tmp_path / "q") as (client, _):
        assert client.post(PATH, content=webhook()).status_code == 200
        until(lambda: metric(client, "failed_total", outcome="busy") >= 4)
        assert metric(client, "dead_total") == 0, "more often than a refusal is believed"
        with platform(port) as there:
            there.wait(1)
            until(lambda: metric(client, "sent_total") == 1)


def test_a_refusal_is_believed_after_some_attempts_kept_and_told_without_secrets(
    there: Platform, tmp_path: Path, webhook, caplog: pytest.LogCaptureFixture
) -> None:
    there.usual = answer({"errcode": 310000, "errmsg": "sign not match for the-token SEC-key"})
    with caplog.at_level(logging.INFO), running(there.url, tmp_path / "q") as (client, relay):
        client.post(PATH, content=webhook())
        until(lambda: metric(client, "dead_total") == 1)
        assert metric(client, "dead_letters") == 1
        assert metric(client, "queue_depth") == 0
        (dead,) = relay.queue.dead()
        assert dead.attempts == 3
        assert "sign not match for (secret) (secret)" in dead.reason
        assert dead.body == webhook()
    assert len(there.received) == 3
    assert "gave up telling demo/oncall/dingtalk after 3 attempts" in caplog.text
    assert "the-token" not in caplog.text + repr(dead)
    for path in tmp_path.iterdir():
        assert b"the-token" not in path.read_bytes()
        assert b"SEC-key" not in path.read_bytes()


def test_success_of_http_with_a_login_page_is_no_success(
    there: Platform, tmp_path: Path, webhook
) -> None:
    there.answers = [(200, {"content-type": "text/html"}, b"<html>sign in</html>")]
    with running(there.url, tmp_path / "q") as (client, _):
        client.post(PATH, content=webhook())
        there.wait(2)
        until(lambda: metric(client, "sent_total") == 1)
        assert metric(client, "failed_total", outcome="refused") == 1


def test_what_is_no_notification_is_refused_with_a_reason_and_counted(
    there: Platform, tmp_path: Path, webhook
) -> None:
    with running(there.url, tmp_path / "q") as (client, _):
        bad = client.post(PATH, content=b"{}")
        assert (bad.status_code, "version" in bad.json()["error"]) == (400, True)
        unknown = client.post("/v1/demo/oncall/wecom", content=webhook())
        assert (unknown.status_code, "names no such receiver" in unknown.text) == (404, True)
        assert client.post(PATH, content=b"x" * (BODY_CAP + 1)).status_code == 413
        chunks = (b"x" * 65536 for _ in range(BODY_CAP // 65536 + 2))
        assert client.post(PATH, content=chunks).status_code == 413
        assert client.get(PATH).status_code == 405
        shown = client.get("/metrics").text
        for status, count in ((400, 1), (404, 1), (413, 2)):
            assert f'obskit_relay_rejected_total{{status="{status}"}} {count}.0' in shown
    assert there.received == []


def test_a_token_is_wanted_where_one_is_set(there: Platform, tmp_path: Path, webhook) -> None:
    with running(there.url, tmp_path / "q", tokens={"demo": Secret("tökén")}) as (client, _):
        for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "tökén".encode()}):
            assert client.post(PATH, content=webhook(), headers=given).status_code == 401
        good = {"authorization": "Bearer tökén".encode()}
        assert client.post(PATH, content=webhook(), headers=good).status_code == 200


def test_it_is_not_ready_and_acknowledges_nothing_while_the_queue_cannot_be_written(
    there: Platform, tmp_path: Path, webhook
) -> None:
    with running(there.url, tmp_path / "q") as (client, relay):
        assert client.get("/-/ready").status_code == 200
        relay.queue._db.execute("pragma query_only = on")
        assert client.get("/-/ready").status_code == 503
        assert client.get("/-/healthy").status_code == 200
        assert client.post(PATH, content=webhook()).status_code == 503
        relay.queue._db.execute("pragma query_only = off")
        assert client.get("/-/ready").status_code == 200
        assert client.post(PATH, content=webhook()).json() == {"status": "queued"}
        there.wait(1)


def test_a_robot_gets_no_more_than_its_limit_from_all_its_receivers(
    there: Platform, tmp_path: Path, webhook
) -> None:
    url = f"{there.url}/send?access_token=the-token"
    with running(url, tmp_path / "q", robots=(receiver(url), receiver(url, "other"))) as (
        client,
        _,
    ):
        for number in range(15):
            for name in ("oncall", "other"):
                client.post(f"/v1/demo/{name}/dingtalk", content=webhook(group=str(number)))
        there.wait(20)
        time.sleep(0.5)
        assert len(there.received) == 20, "twenty a minute"
        waiting = metric(client, "queue_depth") + metric(client, "queue_depth", receiver="other")
        assert waiting == 10


def test_shutting_down_finishes_what_is_under_way(tmp_path: Path, webhook) -> None:
    arrived = threading.Event()

    def slow(_: object) -> dict[str, int]:
        arrived.set()
        time.sleep(0.7)
        return {"errcode": 0}

    with platform(handle=slow) as there:
        with running(there.url, tmp_path / "q") as (client, _):
            client.post(PATH, content=webhook())
            assert arrived.wait(5)
        queue = Queue(tmp_path / "q")
        assert queue.next(TARGET) == (None, None), "it was told, and is known to be"
        queue.close()
        assert len(there.received) == 1


def test_an_address_that_is_none_is_found_before_the_relay_runs() -> None:
    robots = create("demo", (receiver("oapi.dingtalk.com/robot?access_token=the-token"),))
    (problem,) = problems(robots, "obskit.yml")
    assert "oncall: dingtalk.url is no address" in problem.message
    assert "the-token" not in str(problem)


def test_a_lane_outlives_a_queue_that_is_ill(
    there: Platform, tmp_path: Path, webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be marked as told is told again: twice is better than never."""
    there.answers = [answer({}, 503)]
    with running(there.url, tmp_path / "q") as (client, relay):
        client.post(PATH, content=webhook())
        there.wait(1)
        relay.queue._db.execute("pragma query_only = on")
        until(lambda: "the queue cannot be used" in caplog.text)
        assert relay.alive
        relay.queue._db.execute("pragma query_only = off")
        relay._lanes[TARGET].wake()
        until(lambda: metric(client, "sent_total") == 1)
        assert metric(client, "queue_depth") == 0


def test_one_that_cannot_be_read_any_more_is_given_up_and_stops_nobody(
    there: Platform, tmp_path: Path, webhook
) -> None:
    queue = Queue(tmp_path / "q")
    queue.put(TARGET, "k", "old", b'{"version": "5"}', window=60)
    queue.close()
    with running(there.url, tmp_path / "q") as (client, relay):
        client.post(PATH, content=webhook())
        there.wait(1)
        until(lambda: metric(client, "dead_total") == 1)
        assert "version 4" in relay.queue.dead()[0].reason


def test_what_waits_for_a_robot_that_is_configured_no_more_is_kept_and_named(
    there: Platform, tmp_path: Path, webhook, caplog: pytest.LogCaptureFixture
) -> None:
    queue = Queue(tmp_path / "q")
    queue.put(Target("demo", "gone", "wecom"), "k", "g", webhook(), window=60)
    queue.close()
    with running(there.url, tmp_path / "q") as (client, _):
        assert "1 notifications wait for demo/gone/wecom" in caplog.text
        assert metric(client, "queue_depth", receiver="gone", kind="wecom") == 1
    assert there.received == []


def test_a_lane_that_has_ended_makes_the_relay_not_ready(there: Platform, tmp_path: Path) -> None:
    with running(there.url, tmp_path / "q") as (client, relay):
        relay._lanes[TARGET].end()
        relay._lanes[TARGET].join(5)
        answered = client.get("/-/ready")
        assert (answered.status_code, answered.text) == (503, "a lane has ended: see the log\n")
