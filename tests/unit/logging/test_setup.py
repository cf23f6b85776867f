"""configure(): one line, and everything that the process logs has one shape."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.config
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import structlog

from obskit.errors import ConfigError
from obskit.logging import bind, configure, expose_counters, shutdown, structlog_processors


@pytest.fixture
def lines(tmp_path: Path, judge: Any) -> Any:
    """Events in the log file, each a line of the schema."""
    path = tmp_path / "app.json"

    def read() -> list[dict[str, Any]]:
        return [judge(line) for line in path.read_bytes().splitlines()]

    read.path = path  # type: ignore[attr-defined]
    return read


def strip(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != "timestamp"}


EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("info", {}),
    ("info", {"client_ip": "1.2.3.4", "user_id": 42, "cart": 3}),
    ("info", {"password": "x", "deep": {"token": "y", "list": [1, None, 2.5]}}),
    ("info", {"status_code": 404, "http.method": "GET", "error": "text"}),
    ("info", {"client_ip": "nope", "x": float("nan"), "y": b"\xff", "z": object}),
    ("warning", {"attributes": {"a": 1}}),
    ("error", {"trace_id": "abc"}),
    ("critical", {}),
    ("info", {"big": "x" * 20_000}),
    ("info", {"many": {str(n): n for n in range(3_000)}}),
]


def test_the_same_event_gives_the_same_line_on_both_paths(lines: Any) -> None:
    configure(service="both", path=lines.path, environment="test")
    bind(tenant="t1")
    for method, extra in EVENTS:
        getattr(logging.getLogger("app"), method)("hello", extra=extra)
        getattr(structlog.get_logger("app"), method)("hello", **extra)
    written = [strip(event) for event in lines()]
    assert len(written) == 2 * len(EVENTS)
    assert written[0::2] == written[1::2]


def test_exceptions_are_the_same_too(lines: Any) -> None:
    configure(service="both", path=lines.path)
    for log in (logging.getLogger("app"), structlog.get_logger("app")):
        try:
            raise ValueError("wrong")
        except ValueError:
            log.exception("failed")
    first, second = (strip(event) for event in lines())
    assert first == second
    assert first["error"]["type"] == "ValueError"


ARGUMENTS: list[tuple[Any, ...]] = [
    ("%s and %d", "a", 7), ("%s %s", "one"), ("%d", "one"), ("100%", 1), ("%s", object), ("%(a)s", {"a": 1}), ("%s",),
]  # fmt: skip


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_arguments_of_the_message_are_the_same_too(
    lines: Any, arguments: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest's own handler fails a test for such arguments.
    monkeypatch.setattr("_pytest.logging.LogCaptureHandler.emit", lambda self, record: None)
    configure(service="both", path=lines.path)
    logging.getLogger("app").info(*arguments)
    structlog.get_logger("app").info(*arguments)
    first, second = (strip(event) for event in lines())
    assert first == second


def test_any_level_number_is_written(lines: Any) -> None:
    configure(service="both", path=lines.path, level="TRACE")
    for number in (5, 15, 25, 35, 45):
        structlog.get_logger("app").log(number, "%s", "x")
    assert [event["level"] for event in lines()] == ["DEBUG", "DEBUG", "INFO", "WARN", "ERROR"]


def test_structlog_context_and_levels(lines: Any) -> None:
    configure(service="s", path=lines.path, level="WARNING")
    structlog.contextvars.bind_contextvars(request="r1")
    log = structlog.get_logger("app").bind(user_id="42")
    log.info("hidden")
    log.warning("shown")
    structlog.contextvars.clear_contextvars()
    (event,) = lines()
    assert (event["user_id"], event["attributes"]) == ("42", {"request": "r1"})


@pytest.mark.parametrize("as_text", [False, True])
def test_structlog_processors_alone(judge: Any, as_text: bool) -> None:
    (*_, last) = structlog_processors(service="s", as_text=as_text)
    line = last(structlog.get_logger("x"), "info", {"event": "hello", "cart": 1})
    assert isinstance(line, str if as_text else bytes)
    assert judge(line)["attributes"] == {"cart": 1}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": None},
        {"event": object()},
        {"event": "\ud800"},
        {"event": "m" * 90_000},
        {7: 8},
    ],
)
def test_structlog_survives_hostile_events(judge: Any, event: Any) -> None:
    (*_, last) = structlog_processors(service="s")
    assert judge(last(None, "unknown_method", dict(event)))["service"] == "s"


def test_warnings_threads_and_asyncio(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)  # in place of pytest's
    configure(service="s", path=lines.path)
    warnings.warn("old thing", DeprecationWarning, stacklevel=1)

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail, name="worker-1")
    thread.start()
    thread.join()

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(asyncio.sleep(0))
        await task
        asyncio.get_running_loop().call_exception_handler(
            {"message": "Task exception was never retrieved", "exception": ValueError("in a task")}
        )

    asyncio.run(main())
    warned, threaded, tasked = lines()
    assert warned["logger"] == "py.warnings"
    assert "old thing" in warned["message"]
    assert threaded["error"]["message"] == "in a thread"
    assert "worker-1" in threaded["message"]
    assert tasked["error"]["message"] == "in a task"


def test_an_uncaught_exception_is_one_line_and_exit_code_1(judge: Any) -> None:
    code = (
        "from obskit.logging import configure\nconfigure(service='s')\nraise ValueError('the end')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert judge(line)["error"]["message"] == "the end"


def test_standard_output_of_any_encoding(judge: Any) -> None:
    code = (
        "import logging\nfrom obskit.logging import configure\n"
        "configure(service='s')\nlogging.info('äöü \U0001f600')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert judge(done.stdout.rstrip(b"\n"))["message"] == "äöü \U0001f600"


def test_a_closed_standard_output_stops_nothing() -> None:
    code = (
        "import logging, os, sys\nfrom obskit.logging import configure\nconfigure(service='s')\n"
        "os.close(1)\n[logging.info('x') for _ in range(3)]\nsys.stderr.write('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.count("told once") == 1
    assert "done" in done.stderr


UVICORN = {
    "version": 1, "disable_existing_loggers": False,
    "handlers": {"default": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
    "loggers": {"uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
                "uvicorn.access": {"handlers": ["default"], "level": "INFO", "propagate": False}},
}  # fmt: skip


@pytest.mark.parametrize("first", [True, False])
def test_servers_that_configure_before_or_after_are_taken_over(
    lines: Any, first: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    if first:
        logging.config.dictConfig(UVICORN)
    configure(service="s", path=lines.path)
    if not first:
        logging.config.dictConfig(UVICORN)
    logging.getLogger("uvicorn.error").info("started", extra={"color_message": "\x1b[1mstarted"})
    logging.getLogger("uvicorn.access").info("GET / 200")
    assert [event["message"] for event in lines()] == ["started", "GET / 200"]
    assert "attributes" not in lines()[0]
    assert capfd.readouterr().err == ""
    shutdown()
    if first:
        assert logging.getLogger("uvicorn").handlers
        assert logging.getLogger("uvicorn").propagate is False


def test_uvicorn_itself_writes_one_format(judge: Any) -> None:
    code = (
        "import asyncio, logging, uvicorn\nfrom obskit.logging import configure\nconfigure(service='s')\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        while True:\n"
        "            kind = (await receive())['type']\n"
        "            await send({'type': kind + '.complete'})\n"
        "            if kind.endswith('shutdown'): return\n"
        "server = uvicorn.Server(uvicorn.Config(app, port=0))\n"
        "async def main():\n"
        "    asyncio.get_running_loop().call_later(0.5, setattr, server, 'should_exit', True)\n"
        "    await server.serve()\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    events = [judge(line) for line in done.stdout.splitlines()]
    assert {event["logger"] for event in events} == {"uvicorn.error"}
    assert any("startup complete" in event["message"] for event in events)


def test_handlers_of_the_root_logger_are_replaced_and_come_back(lines: Any) -> None:
    root = logging.getLogger()
    old = logging.StreamHandler()
    root.addHandler(old)
    try:
        configure(service="s", path=lines.path)
        assert old not in root.handlers
        shutdown()
        assert old in root.handlers
    finally:
        root.removeHandler(old)


def test_configuring_again_replaces(lines: Any, tmp_path: Path) -> None:
    configure(service="one", path=tmp_path / "other.json")
    configure(service="two", path=lines.path)
    logging.getLogger("app").info("hello")
    assert [event["service"] for event in lines()] == ["two"]
    assert (tmp_path / "other.json").read_bytes() == b""


@pytest.mark.parametrize(
    "options",
    [
        {"service": ""},
        {"service": "s", "level": "LOUD"},
        {"service": "s", "logstash": "nope"},
        {"service": "s", "fields": ["x"]},
        {"service": "s", "stream": "stdin"},
        {"service": "s", "console": "yes"},
        # Its letters would be the words, and nothing secret.
        {"service": "s", "redact": "password"},
        {"service": "s", "schema": "fields.yml"},
        {"service": "s", "logstash": "tcp://x:99999"},
        {"service": "s", "logstash": {"adress": "tcp://x"}},
        {"service": "s", "logstash": {}},
        {"service": "s", "logstash": {"address": "tls://x", "ca_file": "none.pem"}},
    ],
)
def test_a_wrong_option_is_said_and_changes_nothing(options: dict[str, Any]) -> None:
    before = list(logging.getLogger().handlers)
    with pytest.raises(ConfigError):
        configure(**options)
    assert logging.getLogger().handlers == before


def test_events_are_counted_by_level(lines: Any) -> None:
    prometheus_client = pytest.importorskip("prometheus_client")
    configure(service="counted", path=lines.path)
    registry = prometheus_client.CollectorRegistry()
    expose_counters(registry)
    logging.getLogger("app").warning("x")
    structlog.get_logger("app").error("x")
    logging.getLogger("app").critical("x")
    logging.getLogger("app").log(25, "x")
    labels = {"service": "counted"}
    for level, count in (("WARN", 1), ("ERROR", 2), ("INFO", 1)):
        assert registry.get_sample_value("log_events_total", {**labels, "level": level}) == count


def test_the_console_shows_what_would_hide(capsys: pytest.CaptureFixture[str]) -> None:
    configure(service="s", console=True)
    logging.getLogger("app").info(
        "a\x1b[31mred\u202ebidi\x07\n2nd\x7f", extra={"k\u200b": "\x9b\ud800", "n": 1}
    )
    structlog.get_logger("app").error("also", cart=[1])
    out = capsys.readouterr().out
    assert "a␛[31mred\\u202ebidi␇␊2nd␡" in out
    assert "k\\u200b=\\u009b\\ud800" in out
    assert "n=1" in out
    assert "also" in out
    assert not {"\x1b", "\u202e", "\x07", "\x9b", "\u200b"} & set(out)


def test_pipes_get_json_and_terminals_lines_for_people(judge: Any) -> None:
    code = "import logging\nfrom obskit.logging import configure\nconfigure(service='s')\nlogging.info('hello')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    judge(done.stdout.rstrip(b"\n"))
    master, slave = os.openpty()
    subprocess.run([sys.executable, "-c", code], stdout=slave, check=True)
    os.close(slave)
    shown = os.read(master, 10_000).decode()
    os.close(master)
    assert "hello" in shown
    assert not shown.startswith("{")


def test_json_is_still_json_lines(lines: Any) -> None:
    configure(service="s", path=lines.path)
    logging.getLogger("app").info("line\nfeed\r\u2028")
    assert lines.path.read_bytes().count(b"\n") == 1
    assert json.loads(lines.path.read_bytes())["message"] == "line\nfeed\r\u2028"


def test_what_is_logged_while_the_process_ends_is_of_one_format_too(judge: Any) -> None:
    code = (
        "import atexit, logging\n"
        "atexit.register(lambda: logging.warning('the last function'))\n"
        "from obskit.logging import configure\n"
        "class Late:\n"
        "    def __del__(self): logging.warning('the destructor')\n"
        "configure(service='late', stream='stderr'); late = Late()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    events = [judge(line) for line in done.stderr.splitlines()]
    assert [event["message"] for event in events] == ["the last function", "the destructor"]
