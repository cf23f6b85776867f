"""Lines of plain text become the same events in Filebeat and in Logstash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from obskit import assets
from obskit.schema import BUILTIN
from obskit.schema.export import filebeat, logstash
from tests.servers import normalisers

_SETTINGS = filebeat.ScriptSettings(service="web", environment="test", version="2.0")
_PARSED_BY_TIME = ("uvicorn", "python", "go")  # their lines have no time of their own


def _read(name: str) -> str:
    return assets.path(name).read_text(encoding="utf-8")


NGINX = [
    '10.0.0.1 - alice [10/Sep/2023:12:34:56 +0200] "GET /a?b=1 HTTP/1.1" 200 123 "-" "curl/8.0"',
    '2001:db8::1 - - [10/Sep/2023:12:34:56 +0000] "POST /x HTTP/2.0" 502 0 "https://e.x/" "Mozilla/5.0 (X11)" 0.1',
    '10.0.0.1 - - [10/Sep/2023:12:34:56 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"',
    'client.example - john doe [01/Jan/2024:00:00:00 -0330] "GET /\\"quoted\\" HTTP/1.0" 404 - "-" "a \\"b\\" c"',
    "nonsense",
    '10.0.0.1 - - [10/Foo/2023:12:34:56 +0000] "GET / HTTP/1.1" 200 1',
    '10.0.0.1 - - [31/Feb/2023:12:34:56 +0000] "GET / HTTP/1.1" 200 1',
]
UVICORN = [
    'INFO:     127.0.0.1:54321 - "GET /health HTTP/1.1" 200 OK',
    'INFO:     ::1:54321 - "GET / HTTP/1.1" 404 Not Found',
    'INFO:     - - "GET /sock HTTP/1.1" 500',
    'INFO:     testclient:50000 - "GET / HTTP/1.1" 200 OK',
    "INFO:     Started server process [1]",
    'ERROR:    Exception in ASGI application\nTraceback (most recent call last):\n  File "x.py", line 1\nValueError: b',
    "nonsense",
]
PYTHON = [
    """ERROR:app.db:query failed
Traceback (most recent call last):
  File "y.py", line 1, in <module>
    foo()
requests.exceptions.Timeout: slow: very""",
    'Traceback (most recent call last):\n  File "y.py", line 1\nKeyboardInterrupt',
    """INFO:root:x
Traceback (most recent call last):
  File "a"
A: 1

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b"
b.B: 2
more of it""",
    "WARNING:root:careful\n",
    "just a line",
]
GO = [
    "panic: runtime error: out of range [5]\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:8 +0x1d",
    "2023/09/10 12:34:56 http: panic serving 127.0.0.1:5: boom\ngoroutine 7 [running]:",
    "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:",
    "2023/09/10 12:34:56.123456 listening on :8080",
    "plain",
    "white space \t ",
    "no white space\0",
    "nor this\u00a0",
]


def _document(document: dict[str, Any] | None, name: str) -> dict[str, Any]:
    assert document is not None
    shipped = ["@timestamp", "@metadata"]
    if name in _PARSED_BY_TIME and "reasons" not in document:
        assert document["timestamp"] == document["@timestamp"] or "@metadata" not in document
        shipped.append("timestamp")
    return {key: value for key, value in document.items() if key not in shipped}


@pytest.fixture(scope="module")
def made(
    filebeat_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, Any]]]:
    """What Filebeat makes of the lines of each format; several lines are joined by its input, here by us."""
    folder = tmp_path_factory.mktemp("formats")
    found = {}
    for name, texts in {"nginx": NGINX, "uvicorn": UVICORN, "python": PYTHON, "go": GO}.items():
        reader = _read(f"filebeat/formats/{name}.js")
        # Standard input has no multi-line: a placeholder stands for the line feed.
        script = filebeat.export(BUILTIN, _SETTINGS, reader=reader).replace(
            'var line = event.Get("message");',
            'var line = event.Get("message").split("␤").join("\\n");',
        )
        lines = [text.replace("\n", "␤").encode() for text in texts]
        found[name] = normalisers.filebeat_documents(filebeat_binary, script, lines, folder / name)
    return found


@pytest.mark.parametrize(
    ("name", "texts"), [("nginx", NGINX), ("uvicorn", UVICORN), ("python", PYTHON), ("go", GO)]
)
def test_both_shippers_make_the_same_documents(
    name: str, texts: list[str], made: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """The script's reader and the Ruby reader agree on every line, refused ones included."""
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    known = {"service": "web", "environment": "test", "version": "2.0", "format": name}
    code = logstash.ruby(
        BUILTIN,
        logstash.FilterSettings(environment="elsewhere"),
        formats={item: _read(f"logstash/formats/{item}.rb") for item in ("nginx", "uvicorn", "python", "go")},
    )  # fmt: skip
    events = [{"message": text, "obskit": known} for text in texts]
    documents = normalisers.logstash_documents(command, code, events, tmp_path)
    assert [_document(item, name) for item in documents] == [
        _document(item, name) for item in made[name]
    ]


def test_an_access_line_of_nginx_becomes_an_event(made: dict[str, list[dict[str, Any]]]) -> None:
    """Time, client, request, status, size and duration are in fields of the schema, or below attributes."""
    first, second, handshake, named, nonsense, month, day = made["nginx"]
    assert first["timestamp"] == "2023-09-10T10:34:56.000Z"
    assert first["client_ip"] == "10.0.0.1"
    assert first["http"] == {"method": "GET", "status": 200}
    assert first["level"] == "INFO"
    assert first["message"] == NGINX[0]
    assert first["attributes"] == {
        "path": "/a?b=1", "protocol": "HTTP/1.1", "bytes": 123, "user": "alice", "agent": "curl/8.0",
    }  # fmt: skip
    assert second["level"] == "ERROR"
    assert second["duration_ms"] == 100
    assert handshake["http"] == {"status": 400}
    assert handshake["level"] == "WARN"
    assert named["attributes"]["client"] == "client.example"
    assert "client_ip" not in named
    for refused in (nonsense, month, day):
        assert refused["data_stream"]["dataset"] == "obskit.invalid"
        assert refused["reasons"]


def test_a_traceback_is_one_event(made: dict[str, list[dict[str, Any]]]) -> None:
    """Its level, its exception, and all of its lines are kept; of chained ones the last is named."""
    failed, interrupted, chained, warned, plain = made["python"]
    assert failed["level"] == "ERROR"
    assert failed["logger"] == "app.db"
    assert failed["message"] == "query failed"
    assert failed["error"]["type"] == "requests.exceptions.Timeout"
    assert failed["error"]["message"] == "slow: very"
    assert failed["error"]["stack"].count("\n") == 3
    assert interrupted["error"]["type"] == "KeyboardInterrupt"
    assert interrupted["message"] == "KeyboardInterrupt"
    assert (chained["level"], chained["error"]["type"]) == ("ERROR", "b.B")
    assert (warned["level"], warned["severity_text"]) == ("WARN", "WARNING")
    assert plain["message"] == "just a line"


def test_a_panic_is_one_event(made: dict[str, list[dict[str, Any]]]) -> None:
    """With its goroutines as the stack; ordinary lines lose the time that log has put before them."""
    panic, serving, fatal, logged, _, *ends = made["go"]
    assert [item["message"] for item in ends] == [
        "white space",
        "no white space\0",
        "nor this\u00a0",
    ]
    assert panic["error"]["type"] == "panic"
    assert panic["error"]["message"].startswith("runtime error")
    assert panic["error"]["stack"].endswith("+0x1d")
    assert serving["error"]["message"] == "boom"
    assert fatal["error"]["type"] == "fatal error"
    assert (logged["level"], logged["message"]) == ("INFO", "listening on :8080")
