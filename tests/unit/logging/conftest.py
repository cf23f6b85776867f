"""What every test of a written line asks of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from obskit.logging import clear, shutdown
from obskit.logging.logstash import LogstashHandler
from obskit.schema.fields import LIMITS
from obskit.schema.validate import NOTICES, validate

Judge = Callable[[bytes | str], dict[str, Any]]


def _judge(line: bytes | str) -> dict[str, Any]:
    raw = line if isinstance(line, bytes) else line.encode()
    assert len(raw) < LIMITS.LINE_BYTES
    assert b"\n" not in raw
    assert b"\r" not in raw
    event = orjson.loads(raw)  # strict UTF-8, no NaN, no lone surrogate

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"duplicate keys in {keys}"
        return dict(pairs)

    json.loads(raw, object_pairs_hook=unique, parse_constant=pytest.fail)
    broken = [item for item in validate(event, line_bytes=len(raw) + 1) if item.rule not in NOTICES]
    assert not broken, broken
    return event


@pytest.fixture
def judge() -> Judge:
    """Decodes a line that must be one strict JSON line of the schema."""
    return _judge


@pytest.fixture
def make_record() -> Callable[..., logging.LogRecord]:
    """Makes a record as ``logger.log(…, extra=…)`` does."""

    def make(
        msg: object = "hello",
        args: Any = (),
        *,
        exc_info: Any = None,
        name: Any = "app.auth",
        level: Any = logging.INFO,
        **extra: Any,
    ) -> logging.LogRecord:
        record = logging.LogRecord(name, level, "auth.py", 12, msg, args, exc_info, "login")
        record.__dict__.update(extra)
        return record

    return make


@pytest.fixture(autouse=True)
def _clean_logging() -> Iterator[None]:
    """Every test starts and ends with nothing bound and nothing configured."""
    clear()
    yield
    shutdown()
    clear()


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
