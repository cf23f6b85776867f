"""The native part: there where it has to be, missed by nobody where it cannot be had, and safe to share."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
import threading
from pathlib import Path

import pytest
import structlog

from obskit.lint.config import LintSettings
from obskit.lint.session import Job, lint_sources
from obskit.logging import JSONFormatter, bound, structlog_processors
from obskit.logging.quick import QuickPath
from obskit.schema.fields import REFERENCE_LINE

HERE = importlib.util.find_spec("obskit._native") is not None
native = pytest.mark.skipif(not HERE, reason="no native part here: it was built without cargo")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the native part."""
    monkeypatch.setitem(sys.modules, "obskit._native", None)


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("app", logging.INFO, "app.py", 1, "paid", (), None)
    made.__dict__.update(extra)
    return made


def test_it_is_here_where_it_is_required() -> None:
    if os.environ.get("OBSKIT_NATIVE") != "required":
        pytest.skip("no native part here: nothing says that it is required")
    assert HERE


def test_the_linter_finds_the_same_without_it(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    log = tmp_path / "app.log"
    log.write_text("\n".join([REFERENCE_LINE, REFERENCE_LINE.replace("INFO", "info"), "{", ""]))
    job = Job(settings=LintSettings(), names=(str(log),))
    with_it, _ = lint_sources(job)
    request.getfixturevalue("without")
    assert lint_sources(job)[0] == with_it
    assert [item.rule for item in with_it.rules] == ["level-case", "json-syntax"]


@pytest.mark.usefixtures("without")
def test_the_formatter_writes_the_same_without_it() -> None:
    formatter = JSONFormatter(service="shop", fields=("logger", "thread", "pid"), event_ids=True)
    assert isinstance(formatter.quick, QuickPath)
    with bound(trace_id="abc", cart=3):
        event = json.loads(formatter.line(record(client_ip="10.0.0.1", cart=4)))
    assert event["attributes"].pop("event_id").endswith("-1")
    assert event["attributes"] == {"cart": 4}
    assert (event["trace_id"], event["client_ip"], event["logger"]) == ("abc", "10.0.0.1", "app")
    assert event["thread"] == threading.current_thread().name
    assert event["pid"] == os.getpid()


@native
def test_structlog_writes_the_same_on_both_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    def line() -> bytes:
        *_, render = structlog_processors(service="shop")
        logger = structlog.testing.CapturingLoggerFactory()()
        logger.name = "app"
        values = {
            "event": "paid",
            "user_id": "7",
            "http.method": "GET",
            "items": [1, {"password": "x"}],
        }
        render(logger, "warning", dict(values))  # the first time Python routes the names
        return render(logger, "warning", dict(values))

    monkeypatch.setattr("obskit.logging.structlog.time.time", lambda: 1_694_349_296.5)
    with_it = line()
    monkeypatch.setitem(sys.modules, "obskit._native", None)
    assert with_it == line()
    assert json.loads(with_it)["attributes"] == {"items": [1, {"password": "[REDACTED]"}]}


@native
def test_a_writer_that_is_used_while_it_writes_loses_no_line() -> None:
    """A renderer of names that logs by itself, and many threads at once."""
    formatter = JSONFormatter(service="shop")
    lines: list[bytes] = []

    def log(number: int) -> None:
        for count in range(500):
            value = {f"key{number}.{count}": count}
            lines.append(formatter.line(record(**{f"name{number}_{count % 50}": value})))

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({line for line in lines if json.loads(line)["message"] == "paid"}) == 4_000


@native
def test_a_dictionary_that_changes_while_it_is_written_raises_nothing() -> None:
    formatter = JSONFormatter(service="shop")
    shared: dict[str, int] = {}
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            shared[f"key{number % 900}"] = number
            shared.pop(f"key{(number + 450) % 900}", None)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(2_000):
            assert json.loads(formatter.line(record(shared=shared)))["message"] == "paid"
    finally:
        stop.set()
        thread.join()
