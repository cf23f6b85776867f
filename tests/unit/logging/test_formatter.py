"""What a line of the formatter holds."""

from __future__ import annotations

import json
import logging
import logging.config
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from obskit.errors import ConfigError
from obskit.logging import JSONFormatter, bind
from obskit.logging.fields import OWN
from obskit.schema import BUILTIN
from obskit.schema.load import parse_schema


@pytest.fixture
def formatter() -> JSONFormatter:
    return JSONFormatter(service="user-service")


def test_the_reference_event(make_record: Any, formatter: JSONFormatter, judge: Any) -> None:
    record = make_record("User login successful", trace_id="abc123xyz", client_ip="192.168.1.1")
    record.created = 1694349296.123
    assert judge(formatter.format(record)) == {
        "timestamp": "2023-09-10T12:34:56.123Z", "level": "INFO", "service": "user-service",
        "trace_id": "abc123xyz", "message": "User login successful", "logger": "app.auth",
        "client_ip": "192.168.1.1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1694349296.123, "2023-09-10T12:34:56.123Z"), (1694349296.9999998, "2023-09-10T12:34:56.999Z"),
        (1694349296, "2023-09-10T12:34:56.000Z"), (0.25, "1970-01-01T00:00:00.250Z"),
        (253402300799.5, "9999-12-31T23:59:59.500Z"), (951782400.0, "2000-02-29T00:00:00.000Z"),
    ],
)  # fmt: skip
def test_timestamps(
    make_record: Any, formatter: JSONFormatter, judge: Any, seconds: float, text: str
) -> None:
    record = make_record()
    record.created = seconds
    assert judge(formatter.format(record))["timestamp"] == text


@pytest.mark.parametrize(
    ("number", "name", "level", "severity"),
    [
        (5, "TRACE", "TRACE", None), (10, "DEBUG", "DEBUG", None), (20, "INFO", "INFO", None),
        (30, "WARNING", "WARN", "WARNING"), (40, "ERROR", "ERROR", None), (50, "CRITICAL", "ERROR", "CRITICAL"),
        (25, "NOTICE", "INFO", "NOTICE"), (35, "Level 35", "WARN", "Level 35"), (1, "Level 1", "TRACE", "Level 1"),
    ],
)  # fmt: skip
def test_levels(
    make_record: Any,
    formatter: JSONFormatter,
    judge: Any,
    number: int,
    name: str,
    level: str,
    severity: str | None,
) -> None:
    record = make_record(level=number)
    record.levelname = name
    event = judge(formatter.format(record))
    assert (event["level"], event.get("severity_text")) == (level, severity)


def test_extras_find_their_place(make_record: Any, formatter: JSONFormatter, judge: Any) -> None:
    event = judge(
        formatter.format(
            make_record(
                status_code=404, remote_addr="::1", user_id=42, cart={"items": [1, None, True]},
                **{"http.method": "GET", "error": {"type": "X", "code": 7}, "attributes": {"more": 1}},
            )
        )
    )  # fmt: skip
    assert event["http"] == {"method": "GET", "status": 404}
    assert event["client_ip"] == "::1"
    assert event["user_id"] == "42"
    assert event["error"] == {"type": "X"}
    assert event["attributes"] == {
        "cart": {"items": [1, None, True]},
        "error": {"code": 7},
        "more": 1,
    }


def test_a_canonical_name_beats_an_alias(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    event = judge(formatter.format(make_record(remote_addr="1.1.1.1", client_ip="2.2.2.2")))
    assert event["client_ip"] == "2.2.2.2"
    assert event["attributes"]["remote_addr"] == "1.1.1.1"


@pytest.mark.parametrize("name", sorted(OWN - {"message"}))
def test_the_required_fields_cannot_be_overwritten(
    make_record: Any, formatter: JSONFormatter, judge: Any, name: str
) -> None:
    event = judge(
        formatter.format(
            make_record(**{name: "mine"}) if name != "level" else _with(make_record(), level="mine")
        )
    )
    assert event["attributes"][name] == "mine"
    assert event["service"] == "user-service"


def _with(record: logging.LogRecord, **extra: Any) -> logging.LogRecord:
    record.__dict__.update(extra)
    return record


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_ip", "x"), ("trace_id", "a b"), ("trace_id", "x" * 129), ("pid", -1), ("duration_ms", "fast"),
        ("user_id", "u" * 257), ("environment", ["prod"]), ("duration_ms", True),
    ],
)  # fmt: skip
def test_an_invalid_value_moves_to_attributes_and_is_marked(
    make_record: Any, formatter: JSONFormatter, judge: Any, name: str, value: Any
) -> None:
    event = judge(formatter.format(make_record(**{name: value})))
    assert event.get(name) is None
    assert event["attributes"][name] == value
    assert event["attributes"]["_invalid"] == [name]


def test_invalid_nested_values_move_too(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    event = judge(formatter.format(make_record(**{"http.status": 42, "http.method": "GET"})))
    assert event["http"] == {"method": "GET"}
    assert event["attributes"] == {"http.status": 42, "_invalid": ["http.status"]}


def test_traceparent_is_read_by_position(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    event = judge(formatter.format(make_record(traceparent=header)))
    assert event["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert event["span_id"] == "00f067aa0ba902b7"


def test_the_ids_of_no_span_are_null(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    event = judge(formatter.format(make_record(otelTraceID="0", otelSpanID="0")))
    assert event["trace_id"] is None


def test_an_exception_has_its_fields(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        record = make_record(exc_info=sys.exc_info())
    event = judge(formatter.format(record))
    assert event["error"]["type"] == "ValueError"
    assert event["error"]["message"] == "wrong"
    assert event["error"]["stack"].endswith("ValueError: wrong")
    assert record.exc_text is None


def test_values_of_the_standard_library(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    class Colour(Enum):
        RED = "red"

    event = judge(
        formatter.format(
            make_record(
                a=datetime(2023, 9, 10, tzinfo=UTC), b=date(2023, 9, 10), c=timedelta(seconds=1.5), d=Decimal("1.10"),
                e=UUID(int=1), f=Path("/x"), g=Colour.RED, h=ip_address("::1"), i=ValueError("no"), j={1}, k=2 + 1j,
            )
        )
    )  # fmt: skip
    assert event["attributes"] == {
        "a": "2023-09-10T00:00:00+00:00", "b": "2023-09-10", "c": 1.5, "d": "1.10",
        "e": "00000000-0000-0000-0000-000000000001", "f": "/x", "g": "red", "h": "::1",
        "i": "ValueError: no", "j": [1], "k": "(2+1j)",
    }  # fmt: skip


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Fine(Money):
    pass


def test_a_registered_renderer_is_used_for_its_type_and_below(make_record: Any, judge: Any) -> None:
    formatter = JSONFormatter(service="s", renderers={Money: lambda value: {"cents": value.cents}})
    event = judge(formatter.format(make_record(a=Money(7), b=Fine(8))))
    assert event["attributes"] == {"a": {"cents": 7}, "b": {"cents": 8}}
    plain = judge(JSONFormatter(service="s").format(make_record(a=Money(7))))
    assert plain["attributes"] == {"a": f"<{__name__}.Money>"}


def test_a_renderer_that_raises_or_loops_shows_the_type(make_record: Any, judge: Any) -> None:
    formatter = JSONFormatter(
        service="s", renderers={Money: lambda value: value, Fine: lambda value: 1 / 0}
    )
    event = judge(formatter.format(make_record(a=Money(7), b=Fine(8))))
    assert event["attributes"] == {"a": f"<{__name__}.Money>", "b": f"<{__name__}.Fine>"}


def test_what_is_cut_is_named(make_record: Any, formatter: JSONFormatter, judge: Any) -> None:
    event = judge(
        formatter.format(make_record("m" * 100_000, big="x" * 10_000, many=list(range(2_000))))
    )
    assert event["attributes"]["_cut"] == ["big", "many", "message"]
    assert event["message"].endswith("more characters]")
    assert event["attributes"]["many"][-1] == "… 1,000 more"


@pytest.mark.parametrize(
    "options",
    [
        {"environment": "e" * 257},
        {"version": 7},
        {"host": "\ud800"},
        {"service": "\ud800"},
        {"environment": object()},
    ],
)
def test_a_value_of_every_line_is_checked_once(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        JSONFormatter(**{"service": "s", **options})


def test_a_projects_own_pattern_opens_no_door(make_record: Any) -> None:
    schema = parse_schema("fields:\n  trace_id: {pattern: '^.+$'}\n")
    line = JSONFormatter(service="s", schema=schema).format(make_record(trace_id='a","level":"X'))
    assert json.loads(line)["trace_id"] == 'a","level":"X'
    assert json.loads(line)["level"] == "INFO"


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError) as caught:
        JSONFormatter(service="", fields=["logger", "host"])
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match="card, key"):
        JSONFormatter(service="s", redact_patterns=["cards"])


def test_static_and_optional_fields(make_record: Any, judge: Any) -> None:
    formatter = JSONFormatter(
        service="s",
        environment="prod",
        version="1.2",
        host="web-1",
        fields=("logger", "thread", "pid"),
    )
    event = judge(formatter.format(make_record()))
    assert (event["environment"], event["version"], event["host"]) == ("prod", "1.2", "web-1")
    assert (event["thread"], event["pid"]) == (
        "MainThread",
        logging.LogRecord("", 0, "", 0, "", (), None).process,
    )
    assert judge(formatter.format(make_record(environment="test")))["environment"] == "test"


def test_a_record_formatted_by_another_first_is_the_same_line(
    make_record: Any, formatter: JSONFormatter
) -> None:
    record = make_record("hi %s", ("you",), cart=1)
    line = formatter.format(record)
    logging.Formatter("%(asctime)s %(message)s").format(record)
    assert formatter.format(record) == line


def test_event_ids_are_distinct(make_record: Any, judge: Any) -> None:
    formatter = JSONFormatter(service="s", event_ids=True)
    record = make_record()
    ids = {judge(formatter.format(record))["attributes"]["event_id"] for _ in range(100)}
    assert len(ids) == 100


def test_dict_config_makes_it(capsys: pytest.CaptureFixture[str], judge: Any) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": "obskit.logging.JSONFormatter", "service": "from-dict"}},
            "handlers": {
                "out": {
                    "class": "logging.StreamHandler",
                    "formatter": "json",
                    "stream": "ext://sys.stdout",
                }
            },
            "loggers": {"dict.config": {"handlers": ["out"], "level": "INFO", "propagate": False}},
        }
    )
    logging.getLogger("dict.config").info("hello", extra={"cart": 1})
    assert judge(capsys.readouterr().out.rstrip("\n"))["service"] == "from-dict"
    logging.getLogger("dict.config").handlers.clear()


def test_bound_values_and_extras_together(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    bind(trace_id="abc", client_ip="1.1.1.1", tenant="t1")
    event = judge(formatter.format(make_record(client_ip="2.2.2.2")))
    assert (event["trace_id"], event["client_ip"], event["attributes"]) == (
        "abc",
        "2.2.2.2",
        {"tenant": "t1"},
    )


def test_every_field_with_its_example_comes_back(
    make_record: Any, formatter: JSONFormatter, judge: Any
) -> None:
    # A record has a thread of its own, which no extra can overwrite.
    own = {*OWN, "thread"}
    given = {item.name: item.example for item in BUILTIN.fields if item.name not in own}
    event = judge(formatter.format(make_record(**given)))
    for item in BUILTIN.fields:
        if item.name not in own:
            node: Any = event
            for key in item.path:
                node = node[key]
            assert node == item.example


def test_import_is_light() -> None:
    """No server client, no structlog, no python-logstash and no YAML come with it."""
    code = "import sys, obskit.logging; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {
        "structlog",
        "logstash",
        "yaml",
        "httpx",
        "elasticsearch",
        "pydantic",
        "click",
        "rich",
        "socket",
        "ssl",
        "asyncio",
    }
    assert not heavy & set(done.stdout.split())


def test_of_very_many_extras_the_first_thousand_are_written_and_the_cut_is_marked(
    make_record: Any, judge: Any, formatter: JSONFormatter
) -> None:
    record = make_record("many")
    record.__dict__.update({f"k{number}": number for number in range(100_000)})
    attributes = judge(formatter.line(record))["attributes"]
    assert attributes["_cut"] == ["attributes"]
    assert len(attributes) == 1_001
    record = make_record("nested")
    record.__dict__["http"] = {"method": "GET"} | {str(number): 1 for number in range(100_000)}
    event = judge(formatter.line(record))
    assert event["http"] == {"method": "GET"}
    assert event["attributes"]["_cut"] == ["http"]


def test_patterns_search_no_more_of_a_text_than_can_be_written(
    make_record: Any, judge: Any
) -> None:
    """A megabyte under each of many names would cost the caller seconds."""

    searched: list[int] = []

    def watching(text: str) -> str:
        searched.append(len(text))
        return text

    formatter = JSONFormatter(service="s", redact_patterns=["key"])
    formatter.encoder.patterns = (watching,)
    record = make_record("big")
    record.__dict__.update({"client_ip": "x" * 10**6, "note": "y" * 10**6})
    judge(formatter.line(record))
    assert 8_191 < max(searched) <= 2 * 65_536


def test_of_a_long_chain_of_causes_the_exception_itself_is_kept(
    make_record: Any, judge: Any, formatter: JSONFormatter
) -> None:
    error = ValueError("the first cause")
    for number in range(3_000):
        later = ValueError(f"cause {number} " + "x" * 100)
        later.__cause__ = error
        error = later
    last = RuntimeError("the exception itself")
    last.__cause__ = error
    record = make_record("failed")
    record.exc_info = (RuntimeError, last, None)
    shown = judge(formatter.line(record))["error"]
    assert shown["stack"].startswith("ValueError: the first cause")
    assert shown["stack"].endswith("RuntimeError: the exception itself")
