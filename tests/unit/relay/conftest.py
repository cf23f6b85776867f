"""Notifications, a clock that is set by hand, and a queue, for the tests of the relay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from obskit.relay import Queue


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1_790_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock) -> Iterator[Queue]:
    made = Queue(tmp_path / "relay.sqlite", now=clock)
    yield made
    made.close()


@pytest.fixture
def webhook() -> Callable[..., bytes]:
    """A function that writes Alertmanager's JSON."""

    def write(
        *, status: str = "firing", group: str = "g", alerts: list[dict[str, Any]] | None = None, count: int = 1,
        common: dict[str, str] | None = None, **more: Any,
    ) -> bytes:  # fmt: skip
        made = alerts or [
            {
                "status": status,
                "labels": {"alertname": "DiskFull", "host": f"db{number}"},
                "annotations": {"summary": f"disk of db{number} is full"},
                "startsAt": "2026-01-02T03:04:05.123Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus/graph",
                "fingerprint": f"{number:016x}",
            }
            for number in range(count)
        ]
        return json.dumps(
            {
                "version": "4", "groupKey": group, "status": status, "receiver": "obskit/demo/oncall",
                "truncatedAlerts": 0, "groupLabels": {}, "commonAnnotations": {},
                "commonLabels": {"alertname": "DiskFull"} if common is None else common,
                "externalURL": "http://alertmanager", "alerts": made,
            } | more
        ).encode()  # fmt: skip

    return write
