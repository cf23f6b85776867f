"""What doctor says of Grafanas that are not as they should be, and of data sources that do not answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.engine.verify import Verdict
from obskit.targets.base import Finding
from obskit.targets.grafana import examine, health
from tests.servers import grafana_rig as rig
from tests.servers.bad_server import answer, serving

HEALTHY = {"database": "ok", "version": "10.0.0", "commit": "NA"}


def look(served: Mapping[str, tuple[int, Any]], headers: str = "") -> dict[str, Finding]:
    """Doctor's findings of a server that answers so."""

    def behave(connection: Any, request: Any) -> None:
        status, body = served.get(request.target, (404, {"message": "Not found"}))
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}"
        connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    with serving(behave) as server:
        findings = examine.server(Http(server.url), Deadline.after(10))
        return {finding.subject: finding for finding in findings}


ORG = {"/api/org": (200, {"name": "Main Org."})}
RIGHTS = "/api/access-control/user/permissions"


def test_an_old_grafana_a_sick_database_and_a_wrong_clock_are_named() -> None:
    sick = {"database": "failing", "version": "8.5.1"}
    late = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    found = look({"/api/health": (200, sick), **ORG, RIGHTS: (200, {})}, late)
    assert found["address"].ok is False
    assert "failing" in found["address"].detail
    assert found["version"].ok is False
    assert "9 and later" in found["version"].next
    assert found["clock"].ok is False
    assert "synchronise" in found["clock"].next
    assert "missing: datasources:read" in found["privileges"].detail


def test_what_cannot_be_learned_is_not_said_to_be_wrong() -> None:
    found = look({"/api/health": (200, {"database": "ok"}), **ORG})
    assert found["address"].ok is True
    assert found["version"].ok is None
    assert found["privileges"].ok is None
    assert found["clock"].ok is None
    broken = look({"/api/health": (200, HEALTHY), **ORG, RIGHTS: (500, {})}, "Date: soon\r\n")
    assert broken["privileges"].ok is None
    assert "is no date" in broken["clock"].detail


def test_an_address_where_nobody_answers() -> None:
    (finding,) = examine.server(Http("http://127.0.0.1:9"), Deadline.after(5))
    assert finding.ok is False
    assert finding.next


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert examine.folder(tmp_path).ok is True
    missing = examine.folder(tmp_path / "nowhere")
    assert missing.ok is False
    assert "nowhere" in missing.detail


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (200, {"status": "OK", "message": "fine"}, Verdict.PROVED, "fine"),
        (200, {"status": "ERROR", "message": "401 Unauthorized"}, Verdict.FAILED, "401"),
        (400, {"status": "ERROR", "message": "no such host"}, Verdict.FAILED, "no such host"),
        (404, {"message": "Not found"}, Verdict.UNPROVED, "has no test"),
        (404, {"message": "Data source not found"}, Verdict.FAILED, "no such data source"),
    ],
)
def test_grafanas_own_test_of_a_data_source(
    status: int, body: dict[str, str], verdict: Verdict, words: str
) -> None:
    def behave(connection: Any, request: Any) -> None:
        assert request.target == "/api/datasources/uid/obskit-prometheus/health"
        connection.sendall(answer(status, json.dumps(body).encode()))

    with serving(behave) as server:
        (proof,) = health.prove(Http(server.url), [rig.prometheus_source()], Deadline.after(10))
    assert (proof.id, proof.verdict) == ("loaded/grafana/obskit-prometheus", verdict)
    assert words in proof.detail
    assert bool(proof.next) == (verdict is Verdict.FAILED)
