"""The queue on disk: what is in it survives, duplicates are told apart, and order is kept in a group."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obskit.errors import LocalError
from obskit.relay import Queue
from obskit.relay.message import Notification
from obskit.relay.rate import Bucket
from obskit.relay.robots import Target
from obskit.relay.robots.base import Limit

TARGET = Target("demo", "oncall", "dingtalk")


def put(queue: Queue, key: str, group: str = "g", target: Target = TARGET) -> int | None:
    return queue.put(target, key, group, key.encode(), window=60)


def test_the_same_notification_within_the_window_is_kept_once(queue: Queue, clock) -> None:
    assert put(queue, "a") is not None
    clock.at += 59
    assert put(queue, "a") is None
    clock.at += 2
    assert put(queue, "a") is not None, "a repetition is no duplicate"


def test_one_that_was_given_up_is_taken_anew(queue: Queue) -> None:
    put(queue, "a")
    entry, _ = queue.next(TARGET)
    queue.bury(entry, "no such robot")
    assert put(queue, "a") is not None
    assert [dead.reason for dead in queue.dead()] == ["no such robot"]


def test_notifications_of_a_group_keep_their_order_and_groups_do_not_wait_for_each_other(
    queue: Queue, clock
) -> None:
    put(queue, "began", "g1")
    put(queue, "ended", "g1")
    put(queue, "other", "g2")
    entry, _ = queue.next(TARGET)
    assert entry.body == b"began"
    queue.later(entry, 30, "busy")
    entry, _ = queue.next(TARGET)
    assert entry.body == b"other", "what ended is not told before what began"
    queue.sent(entry)
    assert queue.next(TARGET) == (None, clock.at + 30)
    clock.at += 30
    for expected in (b"began", b"ended"):
        entry, _ = queue.next(TARGET)
        assert entry.body == expected
        queue.sent(entry)
    assert queue.next(TARGET) == (None, None)


def test_receivers_do_not_see_each_others_notifications(queue: Queue) -> None:
    other = Target("demo", "oncall", "feishu")
    put(queue, "a")
    assert queue.next(other) == (None, None)
    assert put(queue, "b", target=other) is not None


def test_what_was_put_is_there_after_the_process_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "relay.sqlite"
    child = os.fork()
    if child == 0:
        put(Queue(path), "a")
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    queue = Queue(path)
    assert queue.next(TARGET)[0].body == b"a"
    assert path.stat().st_mode & 0o077 == 0, "nobody else reads it"
    queue.close()


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(queue: Queue) -> None:
    assert queue._db.execute("pragma synchronous").fetchone() == (2,), "FULL"
    assert queue._db.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_queue_has_one_relay(queue: Queue) -> None:
    with pytest.raises(LocalError, match="another relay has this queue"):
        Queue(queue.path)
    Queue(queue.path, shared=True).close()


def test_a_file_that_is_no_queue_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "relay.sqlite"
    path.write_bytes(b"something else" * 100)
    with pytest.raises(LocalError, match="is no queue that can be used"):
        Queue(path)
    assert path.read_bytes().startswith(b"something else")


def test_a_full_queue_takes_no_more_and_loses_nothing(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "relay.sqlite", most=2)
    put(queue, "a")
    put(queue, "b")
    with pytest.raises(LocalError, match="2 notifications wait already"):
        put(queue, "c")
    assert queue.waiting()[TARGET].queued == 2
    queue.close()


def test_a_queue_that_cannot_be_written_says_so(queue: Queue) -> None:
    queue._db.execute("pragma query_only = on")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        queue.probe()
    with pytest.raises(sqlite3.OperationalError):
        put(queue, "a")
    queue._db.execute("pragma query_only = off")
    queue.probe()


def test_what_was_told_is_forgotten_and_what_was_given_up_can_be_tried_again(
    queue: Queue, clock
) -> None:
    for key in ("a", "b", "c"):
        put(queue, key, key)
    queue.sent(queue.next(TARGET)[0])
    queue.bury(queue.next(TARGET)[0], "refused")
    clock.at += 7200
    queue.prune()
    state = queue.waiting()[TARGET]
    assert (state.queued, state.dead, state.oldest) == (1, 1, clock.at - 7200)
    assert queue.revive() == 1
    assert queue.dead() == []
    assert queue.waiting()[TARGET].queued == 2


def test_two_alertmanagers_make_one_key_and_another_state_another(
    webhook: Callable[..., bytes],
) -> None:
    def key(body: bytes) -> str:
        return Notification.read(body).key(*TARGET)

    first = webhook(count=3)
    twin = webhook(count=3, receiver="x", externalURL="http://another-alertmanager")
    assert key(first) == key(twin)
    assert key(first) != key(webhook(count=2))
    assert key(first) != key(webhook(count=3, status="resolved"))
    assert key(first) != key(webhook(count=3, group="h"))
    again = first.replace(b"03:04:05.123", b"03:09:05.123")
    assert key(first) != key(again), "it ended and began anew"
    elsewhere = first.replace(b"03:04:05.123Z", b"11:04:05.123+08:00")
    assert key(first) == key(elsewhere), "the same moment in another time zone"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"version": "3", "groupKey": "g", "status": "firing", "alerts": []}', "version"),
        (b'{"version": "4", "groupKey": "g", "status": "maybe", "alerts": []}', "status"),
        (b'{"version": "4", "groupKey": "g", "status": "firing", "alerts": []}', "no alerts"),
        (b'{"version": "4", "groupKey": "g", "status": "firing", "alerts": [{}]}', r"\$.alerts\[0\]"),
        (b'{"version": "4", "groupKey": "\xff", "status": "firing", "alerts": []}', "Alertmanager"),
    ],
)  # fmt: skip
def test_what_is_no_notification_is_refused_with_its_place(body: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Notification.read(body)


@given(gaps=st.lists(st.floats(0, 30), min_size=1, max_size=80))
def test_no_span_of_time_ever_sees_more_than_its_limit(gaps: list[float]) -> None:
    limits = (Limit(20, 60.0), Limit(5, 1.0))
    bucket = Bucket(limits)
    now, taken = 0.0, []
    for gap in gaps:
        now += gap
        while (wait := bucket.take(now)) > 0:
            now += wait + 1e-6
        taken.append(now)
    for most, seconds in limits:
        for start in taken:
            assert sum(start <= at < start + seconds for at in taken) <= most


def test_a_clock_that_is_set_back_stops_nothing(queue: Queue, clock) -> None:
    put(queue, "a")
    queue.later(queue.next(TARGET)[0], 30, "busy")
    clock.at -= 86400
    assert queue.next(TARGET)[0].body == b"a"
    bucket = Bucket((Limit(1, 60.0),), taken=[clock.at + 86400])
    assert bucket.take(clock.at) == 0.0


def test_a_bucket_remembers_what_was_sent_before_a_restart() -> None:
    bucket = Bucket((Limit(2, 60.0),), taken=[100.0, 110.0])
    assert bucket.take(120.0) == 40.0
    assert bucket.take(160.5) == 0.0
