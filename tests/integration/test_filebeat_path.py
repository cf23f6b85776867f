"""The direct path on real servers: a file's line becomes a document of the schema, or is in the quarantine."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from obskit.config.load import load
from obskit.deadline import Deadline
from obskit.engine import execute
from obskit.engine.plan import Action, Cause, Plan
from obskit.engine.verify import Verdict, verify
from obskit.errors import DeliveryError
from obskit.local import server
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.filebeat import Filebeat as FilebeatServer
from obskit.local.server import Running, Server
from obskit.logging import JSONFormatter
from obskit.logging.files import FileHandler
from obskit.schema import BUILTIN, REFERENCE_LINE
from obskit.targets import create, sections, stack
from obskit.targets.base import Canary
from obskit.targets.filebeat import Filebeat
from tests.unit.logpath.corpus import conformance

pytestmark = pytest.mark.servers

Start = Callable[[Server], Running]


@dataclass
class LogPath:
    """One Elasticsearch, one Filebeat, and an obskit.yml for both."""

    folder: Path
    elasticsearch: Running
    filebeat: Running
    with_elasticsearch: bool = True

    def targets(self, services: list[dict[str, Any]], **section: Any) -> dict[str, Any]:
        addresses = self.filebeat.addresses
        document = {
            "project": "shop",
            "environment": "test",
            "services": services,
            "elasticsearch": {"url": self.elasticsearch.url},
            "filebeat": {
                "inputs": addresses["inputs"],
                "data": addresses["data"],
                "log": addresses["log"],
                "url": self.filebeat.url,
                **section,
            },
        }
        path = self.folder / "obskit.yml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return create(load(path, sections()), BUILTIN)

    def provision(self, services: list[dict[str, Any]], **section: Any) -> tuple[Any, Plan]:
        targets = self.targets(services, **section)
        if not self.with_elasticsearch:
            del targets["elasticsearch"]
        plan = stack.plan(targets, "shop")
        outcomes = execute.apply(plan, targets)
        assert execute.succeeded(outcomes), [str(outcome.error) for outcome in outcomes]
        return targets, plan

    def search(self, stream: str, count: int, *, seconds: float = 30) -> list[dict[str, Any]]:
        """The documents of a stream, once there are so many."""
        url = f"{self.elasticsearch.url}/{stream}/_search"
        query = {"size": 2000, "sort": [{"@timestamp": "asc"}]}
        deadline = time.monotonic() + seconds
        while True:
            httpx.post(f"{self.elasticsearch.url}/{stream}/_refresh")
            answer = httpx.post(url, json=query)
            found = answer.json()["hits"]["hits"] if answer.status_code == 200 else []
            if len(found) >= count or time.monotonic() > deadline:
                return [hit["_source"] for hit in found]
            time.sleep(0.3)

    def ignored(self, stream: str) -> list[dict[str, Any]]:
        """The documents of a stream of which Elasticsearch did not index a value."""
        url = f"{self.elasticsearch.url}/{stream}/_search"
        answer = httpx.post(url, json={"query": {"exists": {"field": "_ignored"}}})
        found: list[dict[str, Any]] = answer.raise_for_status().json()["hits"]["hits"]
        return found


@pytest.fixture(scope="module")
def path(module_servers: Start, tmp_path_factory: pytest.TempPathFactory) -> LogPath:
    """Servers with fresh data, and a folder for obskit.yml and log files."""
    elasticsearch = module_servers(Elasticsearch(version="8.7.1"))
    filebeat = module_servers(FilebeatServer(elasticsearch=elasticsearch.url))
    return LogPath(tmp_path_factory.mktemp("shop"), elasticsearch, filebeat)


def _line(**more: Any) -> str:
    return json.dumps({**json.loads(REFERENCE_LINE), **more})


def _filebeat(targets: dict[str, Any]) -> Filebeat:
    found = targets["filebeat"]
    assert isinstance(found, Filebeat)
    return found


def test_the_conformance_corpus_arrives_with_its_verdicts(path: LogPath) -> None:
    """Every line of the corpus is a document of the schema, or in the quarantine with its reasons; none is lost."""
    cases = conformance()
    log = path.folder / "corpus.log"
    log.write_bytes(b"".join(case.line + b"\n" for case in cases))
    service = {"name": "corpus", "logs": ["corpus.log"], "version": "1.2.3"}
    path.provision([service])
    good = [case for case in cases if case.normalised is not None]
    bad = len(cases) - len(good)
    quarantined = path.search("logs-obskit.invalid-default", bad)
    refused = [item for item in quarantined if "reasons" not in item]
    assert not refused, f"{len(refused)} refused by Elasticsearch itself: {refused[:3]}"
    assert len(quarantined) == bad
    assert all(item["message"] and item["error"]["type"] == "schema" for item in quarantined)
    documents = path.search("logs-obskit.*,-logs-obskit.invalid-*", len(good))
    assert len(documents) == len(good)
    assert path.ignored("logs-obskit.*,-logs-obskit.invalid-*") == []
    for document in documents:
        assert document["@timestamp"] == document["timestamp"]
        assert {"host", "environment", "version"} <= document.keys()
        assert not {"agent", "ecs", "input", "log"} & document.keys()
    shipped = ("@timestamp", "data_stream", "host", "environment", "version")
    wanted = {_canonical(_without(case.normalised, shipped)) for case in good}
    found = {_canonical(_without(item, shipped)) for item in documents}
    assert len(wanted - found) == 0, sorted(wanted - found)[:3]


def _canonical(event: Any) -> str:
    """JSON text by which equal values are equal: 200.0 is 200."""

    def number(text: str) -> float | int:
        value = float(text)
        return int(value) if value.is_integer() else value

    return json.dumps(json.loads(json.dumps(event), parse_float=number), sort_keys=True)


def _without(event: Any, names: tuple[str, ...]) -> dict[str, Any]:
    kept = {key: value for key, value in event.items() if key not in names}
    attributes = {k: v for k, v in kept.pop("attributes", {}).items() if k != "shipper"}
    return {**kept, **({"attributes": attributes} if attributes else {})}


def test_a_second_plan_is_empty_and_drift_is_put_right(path: LogPath) -> None:
    """What was written is as desired; what somebody edits is drift, and comes back."""
    service = {"name": "drift", "logs": ["drift.log"]}
    targets, _ = path.provision([service])
    assert not stack.plan(targets, "shop")
    file = Path(path.filebeat.addresses["inputs"]) / "obskit-drift.yml"
    file.write_text(file.read_text() + "# a note of mine\n")
    plan = stack.plan(targets, "shop").of("filebeat")
    assert [(change.action, change.cause) for change in plan] == [(Action.UPDATE, Cause.DRIFTED)]
    path.provision([service])
    assert "a note of mine" not in file.read_text()


def test_a_file_of_one_line_is_read_and_followed_to_its_acknowledgement(path: LogPath) -> None:
    """The hop names what became of a canary: acknowledged, not read by any input."""
    log = path.folder / "one" / "app.log"
    log.parent.mkdir()
    targets, _ = path.provision([{"name": "one", "logs": ["one/*.log"]}])
    line = _line(service="one", trace_id="canary-1")
    log.write_text(line + "\n")
    assert len(path.search("logs-obskit.one-default", 1)) == 1
    filebeat = _filebeat(targets)
    canary = Canary(service="one", path=log, trace_id="canary-1", line=line, offset=0)
    hop = None
    for _ in range(30):  # the registry is written once a second
        hop = filebeat.hop(canary, Deadline.after(10))
        assert hop is not None
        if hop.passed:
            break
        time.sleep(0.2)
    assert hop is not None
    assert hop.passed, hop
    elsewhere = Canary(
        service="one", path=path.folder / "other.log", trace_id="x", line=line, offset=0
    )
    lost = filebeat.hop(elsewhere, Deadline.after(10))
    assert lost is not None
    assert lost.passed is False
    assert "no input reads" in lost.detail


@pytest.mark.parametrize("pattern", ["*.log", "*.log*"])
def test_a_file_that_rotates_while_it_is_followed_loses_no_line(
    path: LogPath, pattern: str
) -> None:
    """Rotated files leave the pattern ``*.log``, or stay in ``*.log*``: each line arrives, and once."""
    name = f"rotating{len(pattern)}"
    log = path.folder / name / "app.log"
    path.provision([{"name": name, "logs": [f"{name}/{pattern}"]}])
    handler = FileHandler(log, max_bytes=50_000, backups=20)
    handler.setFormatter(JSONFormatter(service=name))
    for number in range(1_200):
        handler.handle(logging.LogRecord(name, 20, "", 0, f"line {number}", (), None))
        time.sleep(0.01)
    handler.close()
    assert len(list(log.parent.glob("app.log.*"))) >= 3
    found = path.search(f"logs-obskit.{name}-default", 1_200)
    numbers = Counter(int(item["message"].removeprefix("line ")) for item in found)
    assert sorted(set(range(1_200)) - numbers.keys()) == []
    assert max(numbers.values()) == 1


def test_loaded_is_proved_and_fails_for_an_input_that_does_not_run(path: LogPath) -> None:
    """An input that Filebeat refuses is a failed proof, and new files are put back while it is there."""
    targets, _ = path.provision([{"name": "good", "logs": ["good.log"]}])
    (proof,) = verify(targets["filebeat"].checks())
    assert proof.verdict is Verdict.PROVED, proof
    inputs = Path(path.filebeat.addresses["inputs"])
    foreign = inputs / "somebody.yml"
    foreign.write_text("- type: no_such_input\n  id: x\n")
    try:
        more = path.targets(
            [{"name": "good", "logs": ["good.log"]}, {"name": "late", "logs": ["late.log"]}],
            settle="4s",
        )
        (change,) = stack.plan(more, "shop").of("filebeat")
        filebeat = _filebeat(more)
        filebeat.write(change)
        with pytest.raises(DeliveryError, match="put back") as refused:
            filebeat.settle([change])
        assert "no_such_input" in str(refused.value), "its log's words are told"
        assert not (inputs / "obskit-late.yml").exists()
        (proof,) = verify([_quick(check) for check in targets["filebeat"].checks()])
        assert proof.verdict is Verdict.FAILED
    finally:
        foreign.unlink()


def _quick(check: Any) -> Any:
    import dataclasses

    return dataclasses.replace(check, seconds=3)


def test_plain_text_becomes_events(path: LogPath) -> None:
    """Access lines and tracebacks of several lines are one event each; others are quarantined."""
    (path.folder / "access.log").write_text(
        '10.0.0.1 - alice [10/Sep/2023:12:34:56 +0200] "GET /a HTTP/1.1" 500 123 "-" "curl/8.0" 0.123\n'
    )
    (path.folder / "stderr.log").write_text(
        "starting up with a line that is long enough to know this file by, of 64 bytes\n"
        "ERROR:app.db:query failed\nTraceback (most recent call last):\n"
        '  File "y.py", line 1, in <module>\n    foo()\nrequests.exceptions.Timeout: slow\nnext\n'
    )
    # Begins as the other does: first bytes tell nothing of lines without a time.
    (path.folder / "stderr-2.log").write_text(
        "starting up with a line that is long enough to know this file by, of 64 bytes\n"
    )
    path.provision(
        [{"name": "text"}],
        sources=[
            {"service": "text", "paths": ["access.log"], "format": "nginx"},
            {"service": "text", "paths": ["stderr*.log"], "format": "python"},
        ],
    )
    documents = path.search("logs-obskit.text-default", 5)
    assert len(documents) == 5
    access = next(item for item in documents if "http" in item)
    assert access["timestamp"] == "2023-09-10T10:34:56.000Z"
    assert access["client_ip"] == "10.0.0.1"
    assert access["http"] == {"method": "GET", "status": 500}
    assert access["level"] == "ERROR"
    assert access["duration_ms"] == 123
    failed = next(item for item in documents if "error" in item)
    assert failed["message"] == "query failed"
    assert failed["logger"] == "app.db"
    assert failed["error"]["type"] == "requests.exceptions.Timeout"
    assert failed["error"]["stack"].startswith("Traceback")


def test_what_elasticsearch_refuses_is_in_the_quarantine_too(path: LogPath) -> None:
    """A document that the mapping refuses is kept, with Elasticsearch's own words."""
    path.with_elasticsearch = False  # the template below would win over its own, which it refuses
    refusing = f"{path.elasticsearch.url}/_index_template/refusing"
    body = {"mappings": {"properties": {"message": {"type": "long"}}}}
    template = {"index_patterns": ["logs-obskit.refused-*"], "data_stream": {}, "template": body}
    httpx.put(refusing, json={**template, "priority": 900}).raise_for_status()
    (path.folder / "refused.log").write_text(_line(service="refused", message="words") + "\n")
    path.provision([{"name": "refused", "logs": ["refused.log"]}])
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        documents = path.search("logs-obskit.invalid-default", 0)
        found = [item for item in documents if '"words"' in str(item.get("message"))]
        time.sleep(0.3)
    (document,) = found
    assert "long" in document.get("error.message", "") or "long" in str(document.get("error"))


def test_a_service_that_goes_takes_its_input_with_it(path: LogPath) -> None:
    """The file is deleted, and Filebeat stops the input; a stopped Filebeat fails the hop."""
    targets, plan = path.provision([])
    assert all(change.action is Action.DELETE for change in plan.of("filebeat"))
    assert not list(Path(path.filebeat.addresses["inputs"]).glob("obskit-*.yml"))
    assert _filebeat(targets).api is not None
    gone, _ = path.provision([{"name": "last", "logs": ["last.log"]}])
    server.stop(path.filebeat)
    canary = Canary(
        service="last", path=path.folder / "last.log", trace_id="x", line="{}", offset=0
    )
    hop = _filebeat(gone).hop(canary, Deadline.after(10))
    assert hop is not None
    assert hop.passed is False
    assert "does not answer" in hop.detail
