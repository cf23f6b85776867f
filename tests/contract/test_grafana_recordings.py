"""The stand-in answers as a real Grafana 10.0 did: every recorded request, in order."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import grafana_standin as standin

_RECORDINGS = Path(
    os.environ.get("OBSKIT_RECORDINGS")
    or Path(__file__).resolve().parents[3] / "shared" / "recordings"
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UP = [
    ({"__name__": "up", "instance": "127.0.0.1:19090", "job": "prometheus"}, "1"),
    ({"__name__": "up", "instance": "127.0.0.1:19100", "job": "node"}, "1"),
]


def _recorded_prometheus(_: str, path: str, params: Any) -> tuple[int, Any]:
    """The Prometheus that the recorded Grafana asked, as far as it was asked."""
    query = params["query"]
    if query == "sum(":
        error = 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis'
        return 400, {"status": "error", "errorType": "bad_data", "error": error}
    assert path == "/api/v1/query", path
    found = _UP if query == "up" else []
    result = [{"metric": labels, "value": [1795432964.954, value]} for labels, value in found]
    return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}


def _told(value: Any, key: str = "") -> Any:
    """Without what differs from run to run: times, random ids, tokens."""
    if isinstance(value, dict):
        return {name: _told(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_told(item, key) for item in value]
    if key == "accessErrorId":
        return "<id>"
    if key == "key":
        return "glsa_<token>"
    if key in ("created", "updated") and isinstance(value, int):
        return "<milliseconds>"
    return _MOMENT.sub("<time>", value) if isinstance(value, str) else value


def test_every_recorded_request_is_answered_as_it_was(corpora: Path) -> None:
    """Status, content type and body of 69 requests; later answers depend on earlier requests."""
    file = _RECORDINGS / "grafana-10.0.jsonl"
    if not file.is_file():
        pytest.skip("no corpora at recordings: set OBSKIT_RECORDINGS to the folder that holds them")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 69
    tokens: dict[str, str] = {}
    last_name = ""
    with standin.running(standin.State(ask=_recorded_prometheus)) as one:
        for number, line in enumerate(lines, 1):
            asked, expected = line["request"], line["response"]
            body = asked["body"]
            if asked["path"] == "/api/dashboards/import":
                board = corpora / "grafana/rfmoz/prometheus/node-exporter-full.json"
                body = {**body, "dashboard": json.loads(board.read_text())}
            headers = {}
            if asked["auth"] == "basic":
                password = "wrong" if expected["status"] == 401 else one.password
                pair = base64.b64encode(f"{one.user}:{password}".encode()).decode()
                headers["Authorization"] = f"Basic {pair}"
            elif asked["auth"] == "bearer":
                who = {401: "nobody", 403: "viewer"}.get(expected["status"], "obskit")
                headers["Authorization"] = f"Bearer {tokens.get(who, 'glsa_of_nobody')}"
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            answer = httpx.request(
                asked["method"], one.url + asked["path"], headers=headers,
                content=content if body is not None else None,
            )  # fmt: skip
            where = f"line {number}: {asked['method']} {asked['path']}"
            assert answer.status_code == expected["status"], where
            if expected["status"] not in (401, 404, 400):  # there the charset varies
                assert answer.headers["content-type"] == expected["content_type"], where
            assert _told(answer.json()) == _told(expected["body"]), where
            if asked["path"] == "/api/serviceaccounts":
                last_name = body["name"]
            elif asked["path"].endswith("/tokens"):
                tokens[last_name] = answer.json()["key"]
