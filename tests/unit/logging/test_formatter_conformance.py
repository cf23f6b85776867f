"""The formatter over the conformance corpus: an event that is logged comes out as the event that it is."""

from __future__ import annotations

import calendar
import json
import time
from pathlib import Path
from typing import Any

import pytest
import structlog

from obskit.lint.normalise import Normaliser
from obskit.logging import JSONFormatter, structlog_processors
from obskit.schema.fields import LIMITS
from obskit.schema.validate import NOTICES, validate

CORPUS = Path(__file__).resolve().parents[2] / "conformance"
CASES = {
    case["id"]: case["normalised"]
    for path in sorted(CORPUS.glob("*.jsonl"))
    for case in map(json.loads, path.read_text(encoding="ascii").splitlines())
    if case["normalised"] is not None
    # What no line holds is cut: test_formatter.py has that.
    and len(json.dumps(case["normalised"], separators=(",", ":"), ensure_ascii=False).encode())
    < LIMITS.LINE_BYTES
}
_PYTHON = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40}
_NAMES = {30: "WARNING"}


def seconds(timestamp: str) -> float:
    whole = calendar.timegm(time.strptime(timestamp[:19], "%Y-%m-%dT%H:%M:%S"))
    return whole + float(timestamp[19:-1] or 0)


def extras(event: dict[str, Any]) -> dict[str, Any]:
    own = ("timestamp", "level", "service", "message")
    return {key: value for key, value in event.items() if key not in own}


def expected(event: dict[str, Any]) -> dict[str, Any]:
    """The event as Python writes it: milliseconds, and its own name of the level WARN."""
    made = {key: value for key, value in event.items() if value is not None or key == "trace_id"}
    made["timestamp"] = event["timestamp"][:23] + "Z"
    if event["level"] == "WARN" and "severity_text" not in event:
        made["severity_text"] = "WARNING"
    return made


def test_the_corpus_is_there() -> None:
    assert len(CASES) >= 400


@pytest.mark.parametrize("case", CASES)
def test_a_logged_event_comes_out_as_itself(case: str, make_record: Any) -> None:
    event = CASES[case]
    record = make_record(event["message"], level=_PYTHON[event["level"]])
    record.levelname = _NAMES.get(record.levelno, event["level"])
    record.created = seconds(event["timestamp"])
    # As a shipper's or a test's record would: all fields of the event, the record's own "thread" included.
    formatter = JSONFormatter(service=event["service"], fields=())
    given = extras(event)
    thread = given.pop("thread", None)
    record.__dict__.update(given)
    if thread is not None:
        formatter = JSONFormatter(service=event["service"], fields=("thread",))
        record.threadName = thread
    line = formatter.line(record)
    written = json.loads(line)
    found = validate(written, line_bytes=len(line) + 1)
    assert [item for item in found if item.rule not in NOTICES] == []
    assert written == expected(event)
    again = Normaliser().line(line)
    assert again.reasons == ()
    assert again.event == written


@pytest.mark.parametrize(
    "case", [case for case, event in CASES.items() if event["level"] == "INFO"]
)
def test_structlog_writes_the_same(case: str) -> None:
    event = CASES[case]
    (*_, last) = structlog_processors(service=event["service"], fields=())
    line = last(
        structlog.PrintLogger(), "info", {"event": event["message"], **_unlike_structlog(event)}
    )
    written = json.loads(line)
    wanted = expected({**event, "timestamp": written["timestamp"]})
    for name in ("event", "logger"):  # structlog means the message and the logger by these
        wanted.pop(name, None)
    assert written == wanted


def _unlike_structlog(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in extras(event).items() if key not in ("event", "logger")}
