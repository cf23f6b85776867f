"""The sample service has what obskit's dashboards, rules and log schema expect of a service."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from obskit.local import server
from obskit.schema.validate import validate

ROOT = Path(__file__).parents[2]


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the service logs to."""
    return tmp_path_factory.mktemp("service") / "user-service.log"


@pytest.fixture(scope="module")
def service(log: Path) -> Iterator[server.Running]:
    """The service as a process, without load of its own, whose orders always fail."""
    demo = _module("obskit_demo", ROOT / "examples" / "demo.py")
    wanted = demo.SampleService(log=log, load=0, errors=1.0)
    with server.running(wanted, log.parent / "run") as one:
        yield one


def _metric(service: server.Running, start: str) -> list[str]:
    text = httpx.get(f"{service.url}/metrics").text
    return [line for line in text.splitlines() if line.startswith(start)]


def _line(log: Path, trace_id: str) -> dict[str, object]:
    """The line of a request, waited for: the service writes without making requests wait."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        if found := [line for line in lines if line["trace_id"] == trace_id]:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no line with {trace_id} in {log.read_text()}")


def test_a_request_is_counted_by_its_route_and_not_by_its_path(service: server.Running) -> None:
    for number in (1, 2, 3):
        assert httpx.get(f"{service.url}/users/{number}").status_code == 200
    assert _metric(service, "http_requests_total{") != []
    labels = 'method="GET",route="/users/{id}",service="user-service",status="200"'
    assert _metric(service, "http_requests_total{" + labels) == [
        "http_requests_total{" + labels + "} 3.0"
    ]
    buckets = _metric(service, "http_request_duration_seconds_bucket{")
    assert any('le="+Inf"' in line and line.endswith(" 3.0") for line in buckets)
    assert _metric(service, "service_build_info") == [
        'service_build_info{service="user-service",version="1.4.2"} 1.0'
    ]


def test_a_request_logs_one_line_with_the_callers_trace_id(
    service: server.Running, log: Path
) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    header = f"00-{trace_id}-b7ad6b7169203331-01"
    httpx.get(f"{service.url}/users/7", headers={"traceparent": header})
    line = _line(log, trace_id)
    assert (line["level"], line["service"]) == ("INFO", "user-service")
    assert line["client_ip"] == "127.0.0.1"
    assert line["message"] == "GET /users/7 200"
    assert line["http"]["route"] == "/users/{id}"
    assert line["http"]["status"] == 200
    assert line["duration_ms"] > 0


def test_a_failure_is_answered_500_and_logged_with_its_cause(
    service: server.Running, log: Path
) -> None:
    trace_id = "1bf7651916cd43dd8448eb211c80319c"
    header = f"00-{trace_id}-b7ad6b7169203331-01"
    answer = httpx.get(f"{service.url}/orders", headers={"traceparent": header})
    assert answer.status_code == 500
    assert "database" not in answer.text
    line = _line(log, trace_id)
    assert line["level"] == "ERROR"
    assert line["error"]["type"].endswith("ConnectionError")
    assert line["error"]["message"] == "the database did not answer"


def test_a_wrong_name_is_401_and_a_warning(service: server.Running, log: Path) -> None:
    trace_id = "2cf7651916cd43dd8448eb211c80319c"
    header = f"00-{trace_id}-b7ad6b7169203331-01"
    login = httpx.post(
        f"{service.url}/login", json={"user": "mallory"}, headers={"traceparent": header}
    )
    assert login.status_code == 401
    assert _line(log, trace_id)["level"] == "WARN"


def test_every_line_satisfies_the_schema(service: server.Running, log: Path) -> None:
    httpx.get(f"{service.url}/users/9")
    lines = log.read_text().splitlines()
    assert len(lines) >= 2  # the start of the service and what the tests before asked
    for line in lines:
        assert validate(json.loads(line)) == [], line
