"""Panels of logs proved on a real Elasticsearch with our templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit import assets
from obskit.config import Settings
from obskit.deadline import Deadline
from obskit.engine import execute
from obskit.engine.plan import make_plan
from obskit.engine.verify import Proof, Verdict
from obskit.local.elasticsearch import Elasticsearch as Server
from obskit.local.server import Running
from obskit.schema import BUILTIN
from obskit.targets.base import Context
from obskit.targets.elasticsearch import Elasticsearch, ElasticsearchSettings
from obskit.targets.grafana.panels import Prover
from tests.servers import grafana_rig as rig

pytestmark = pytest.mark.servers


@pytest.fixture(params=["8.7.1", "8.19.21"])
def logs(request: pytest.FixtureRequest, start_server: Any, tmp_path: Path) -> Elasticsearch:
    """A fresh Elasticsearch with our templates and no event."""
    server: Running = start_server(Server(version=request.param))
    section = ElasticsearchSettings(url=server.url, replicas=0)
    settings = Settings(
        project="logs", targets={"elasticsearch": section}, path=tmp_path / "obskit.yml"
    )
    target = Elasticsearch(Context(settings=settings, schema=BUILTIN))
    wanted = target.desired()
    live = target.read(frozenset(item.address for item in wanted))
    plan = make_plan("logs", wanted, live, normalise=target.normalise)
    assert execute.succeeded(execute.apply(plan, {"elasticsearch": target}))
    return target


def prove(logs: Elasticsearch, folder: Path, board: Any = "logs") -> dict[str, Proof]:
    (folder / "provisioning").mkdir(exist_ok=True)
    one = rig.target(folder, [logs.data_source()], provisioning="provisioning", dashboards=[board])
    return {
        proof.title.removeprefix("Logs: "): proof
        for check in one.checks()
        for proof in check.run(Deadline.after(60))
    }


def write(logs: Elasticsearch, count: int, stream: str = "user_service", **fields: Any) -> None:
    now = datetime.now(UTC)
    with httpx.Client(base_url=logs.settings.url, timeout=60) as client:
        for at in range(count):
            when = (now - timedelta(seconds=60 - at)).isoformat(timespec="milliseconds")
            event = {
                "@timestamp": when, "timestamp": when, "level": "INFO", "service": "user-service",
                "trace_id": "abc123xyz", "message": "User login successful", "host": "web-1", **fields,
            }  # fmt: skip
            path = f"/logs-obskit.{stream}-default/_doc?refresh=true"
            client.post(path, json=event).raise_for_status()


def test_panels_of_logs_are_judged_as_events_arrive_and_fields_are_mapped(
    logs: Elasticsearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Prover.__init__.__kwdefaults__, "patience", 0.0)
    nothing = prove(logs, tmp_path)
    assert nothing["Lines"].verdict is Verdict.FAILED
    assert "no event in logs-obskit.*" in nothing["Lines"].detail
    assert nothing["Age of the newest line"].verdict is Verdict.NOT_CONFIGURED
    assert Verdict.PROVED not in {proof.verdict for proof in nothing.values()}

    write(logs, 5, duration_ms=12.5)
    calm = prove(logs, tmp_path)
    for title in ("Line count", "Lines by level", "Lines by service", "Lines", "Services that log"):
        assert calm[title].verdict is Verdict.PROVED, (title, calm[title].detail)
    assert calm["Lines"].detail == "data: 5 values"
    assert calm["Newest errors"].verdict is Verdict.EXPLAINED
    assert calm["Newest errors"].detail == "no error was logged"
    assert calm["Quarantined by reason"].detail == "no event is in quarantine"
    assert calm["Answers by status, from logs"].detail == "no event carries the field http.status"
    asked = calm["Lines by level"].evidence[0].asked
    # All has allValue * here, which Grafana writes as it stands; a typed-in text stays as it was typed.
    assert "service:* AND level:* AND (*)" in asked

    write(logs, 2, level="ERROR", error={"type": "TimeoutError"}, http={"status": 504})
    write(logs, 1, stream="invalid", reasons=["level-case"])
    trouble = prove(logs, tmp_path)
    for title in (
        "Newest errors",
        "Errors by type",
        "Quarantined by reason",
        "Answers by status, from logs",
    ):
        assert trouble[title].verdict is Verdict.PROVED, (title, trouble[title].detail)
    assert trouble["Refused by Elasticsearch"].detail == "Elasticsearch refused no event"

    renamed = json.loads(assets.path("dashboards/logs.json").read_text())
    text = json.dumps(renamed).replace('"field": "error.type"', '"field": "error.kind"')
    (tmp_path / "renamed.json").write_text(text)
    wrong = prove(logs, tmp_path, {"file": "renamed.json"})
    assert wrong["Errors by type"].verdict is Verdict.FAILED
    assert "the field error.kind" in wrong["Errors by type"].detail
