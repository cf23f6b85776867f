"""The canary through a real Filebeat into a real Elasticsearch: proved, and each cause of failure named."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config import Settings
from obskit.deadline import Deadline
from obskit.engine import execute, verify
from obskit.engine.verify import Proof, Verdict
from obskit.local import server
from obskit.local.elasticsearch import Elasticsearch as ElasticsearchServer
from obskit.local.filebeat import Filebeat as FilebeatServer
from obskit.local.server import Running, Server
from obskit.schema import BUILTIN
from obskit.schema.model import Field, FieldType, Schema
from obskit.targets import stack
from obskit.targets.base import Context, Target
from obskit.targets.elasticsearch import Elasticsearch, ElasticsearchSettings
from obskit.targets.filebeat import Filebeat, FilebeatSettings

pytestmark = pytest.mark.servers

Start = Callable[[Server], Running]
Targets = Mapping[str, Target[Any]]


@pytest.fixture(scope="module")
def elastic(module_servers: Start) -> Running:
    return module_servers(ElasticsearchServer(version="8.7.1"))


@pytest.fixture(scope="module")
def beat(module_servers: Start, elastic: Running) -> Running:
    return module_servers(
        FilebeatServer(elasticsearch=elastic.url, quarantine="logs-obskit.invalid-canary")
    )


def targets_for(
    elastic: Running,
    beat: Running | None,
    folder: Path,
    services: list[dict[str, Any]],
    *,
    schema: Schema = BUILTIN,
    seconds: int = 20,
) -> Targets:
    sections: dict[str, Any] = {"elasticsearch": ElasticsearchSettings(url=elastic.url)}
    if beat is not None:
        sections["filebeat"] = FilebeatSettings(
            inputs=Path(beat.addresses["inputs"]),
            url=beat.url,
            data=beat.folder / "data",
            log=beat.log,
        )
    settings = Settings.model_validate(
        {
            "project": "canary", "namespace": "canary", "environment": "staging", "services": services,
            "verify": {"deadline": f"{seconds}s"},
        }
    ).model_copy(update={"targets": sections, "path": folder / "obskit.yml"})  # fmt: skip
    context = Context(settings=settings, schema=schema)
    context.peers["elasticsearch"] = Elasticsearch(context)
    if beat is not None:
        context.peers["filebeat"] = Filebeat(context)
    return context.peers


def provision(targets: Targets) -> None:
    outcomes = execute.apply(stack.plan(targets, "canary"), targets)
    assert execute.succeeded(outcomes), [str(item.error) for item in outcomes]


def proofs_of(targets: Targets, only: str = "canary") -> dict[str, Proof]:
    found = verify.verify(stack.checks(targets), only=only)
    return {proof.id: proof for proof in found}


@contextlib.contextmanager
def winning(elastic: Running, stream: str, mappings: dict[str, Any]) -> Iterator[None]:
    """Somebody's template wins over ours for one stream, which gets an index by ours afterwards."""
    body = {
        "index_patterns": [stream], "priority": 9000, "data_stream": {}, "template": {"mappings": mappings},
    }  # fmt: skip
    httpx.put(f"{elastic.url}/_index_template/somebodys", json=body).raise_for_status()
    yield
    httpx.put(
        f"{elastic.url}/_index_template/somebodys", json={**body, "index_patterns": ["nothing"]}
    ).raise_for_status()
    httpx.post(f"{elastic.url}/{stream}/_rollover").raise_for_status()


def shop(tmp_path: Path, name: str, logs: str = "*.json") -> dict[str, Any]:
    (tmp_path / name).mkdir()
    return {"name": name, "logs": [f"{name}/{logs}"], "version": "1.4.2"}


def test_both_canaries_are_proved_and_leave_no_file(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    """Every declared field arrives, environment and version are added, the broken line is quarantined."""
    service = shop(tmp_path, "user-service")
    schema = BUILTIN.extended(
        [Field(name="order.total", type=FieldType.DOUBLE, description="Sum.")]
    )
    targets = targets_for(elastic, beat, tmp_path, [service], schema=schema)
    provision(targets)
    proofs = proofs_of(targets)
    assert {id_: proof.verdict for id_, proof in proofs.items()} == {
        "canary/user-service": Verdict.PROVED,
        "canary/user-service/invalid": Verdict.PROVED,
    }, proofs
    assert "logs-obskit.user_service-canary" in proofs["canary/user-service"].detail
    (document,) = [
        json.loads(item.answer)["_source"]
        for item in proofs["canary/user-service"].evidence
        if "_search trace_id" in item.asked
    ]
    assert document["environment"] == "staging"
    assert document["version"] == "1.4.2"
    assert document["order"] == {"total": 1}
    assert "level" in proofs["canary/user-service/invalid"].detail
    assert "client_ip" in proofs["canary/user-service/invalid"].detail
    assert list((tmp_path / "user-service").iterdir()) == []


def test_canaries_of_many_services_at_once_are_all_found(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    services = [shop(tmp_path, f"many-{number}") for number in range(6)]
    targets = targets_for(elastic, beat, tmp_path, services)
    provision(targets)
    proofs = proofs_of(targets)
    assert len(proofs) == 12
    assert {proof.verdict for proof in proofs.values()} == {Verdict.PROVED}, proofs


def test_a_named_file_gets_its_line_appended_whole(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    """The service's own lines stay as they are; the canaries stand behind them."""
    service = shop(tmp_path, "appender", "app.log")
    file = tmp_path / "appender" / "app.log"
    own = json.dumps({"timestamp": "2023-09-10T12:34:56Z", "level": "INFO", "service": "appender",
                      "trace_id": None, "message": "started"}) + "\n"  # fmt: skip
    file.write_text(own)
    targets = targets_for(elastic, beat, tmp_path, [service])
    provision(targets)
    proofs = proofs_of(targets)
    assert {proof.verdict for proof in proofs.values()} == {Verdict.PROVED}, proofs
    text = file.read_text()
    assert text.startswith(own)
    assert [json.loads(line)["message"] for line in text.splitlines()] == [
        "started", "obskit canary", "obskit canary",
    ]  # fmt: skip


def test_a_service_that_has_not_logged_yet_is_proved(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    """Its file is named and not there: it is made, and what the service appends later arrives as well."""
    service = shop(tmp_path, "newcomer", "app.log")
    targets = targets_for(elastic, beat, tmp_path, [service])
    provision(targets)
    assert not (tmp_path / "newcomer" / "app.log").exists()
    proofs = proofs_of(targets)
    assert {proof.verdict for proof in proofs.values()} == {Verdict.PROVED}, proofs
    proofs = proofs_of(targets)
    assert {proof.verdict for proof in proofs.values()} == {Verdict.PROVED}, proofs


def test_a_service_without_logs_or_shipper_is_not_configured(
    elastic: Running, tmp_path: Path
) -> None:
    proofs = proofs_of(
        targets_for(elastic, None, tmp_path, [{"name": "silent"}, shop(tmp_path, "b")])
    )
    assert {proof.verdict for proof in proofs.values()} == {Verdict.NOT_CONFIGURED}
    assert "names no logs" in proofs["canary/silent"].detail
    assert "ships logs" in proofs["canary/b"].detail


def test_logs_that_are_not_on_this_machine_are_unproved(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    away = {"name": "away", "logs": ["no/such/folder/*.json", "no/file.log"]}
    proofs = proofs_of(targets_for(elastic, beat, tmp_path, [away]))
    assert {proof.verdict for proof in proofs.values()} == {Verdict.UNPROVED}
    assert "run obskit verify where the service writes" in proofs["canary/away"].next


def test_a_field_of_the_wrong_type_is_named(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    """Somebody's template with another type for one field: the document is refused, and the proof says why."""
    service = shop(tmp_path, "typed")
    targets = targets_for(elastic, beat, tmp_path, [service])
    provision(targets)
    mappings = {"properties": {"host": {"type": "ip"}}}
    with winning(elastic, "logs-obskit.typed-canary", mappings):
        proof = proofs_of(targets)["canary/typed"]
    assert proof.verdict is Verdict.FAILED
    assert "arrived in the quarantine instead of logs-obskit.typed-canary" in proof.detail
    assert "host" in proof.detail
    rejected = proofs_of(targets, only="rejected/bulk")["rejected/bulk"]
    assert rejected.verdict is Verdict.PROVED, "obskit's own canary is not counted"


def test_an_unindexed_field_is_named(elastic: Running, beat: Running, tmp_path: Path) -> None:
    """Stored and not searchable is not arrived."""
    service = shop(tmp_path, "blind")
    targets = targets_for(elastic, beat, tmp_path, [service])
    provision(targets)
    mappings = {"dynamic": False, "properties": {"trace_id": {"type": "keyword"}}}
    with winning(elastic, "logs-obskit.blind-canary", mappings):
        proof = proofs_of(targets)["canary/blind"]
    assert proof.verdict is Verdict.FAILED
    assert "stored, but not found by: attributes, client_ip," in proof.detail


def test_rejected_events_are_counted_with_their_reasons(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    """Before: 0 events, canaries aside. A service that logs nonsense: counted, with service and reason."""
    service = shop(tmp_path, "sloppy")
    targets = targets_for(elastic, beat, tmp_path, [service])
    provision(targets)
    before = proofs_of(targets, only="rejected")
    assert before["rejected/quarantine"].verdict is Verdict.PROVED, before
    assert before["rejected/ignored"].verdict is Verdict.PROVED
    line = {"timestamp": "2023-09-10T12:34:56Z", "level": "SHOUT", "service": "sloppy", "trace_id": None,
            "message": "m" * 50}  # fmt: skip
    (tmp_path / "sloppy" / "a.json").write_text(json.dumps(line) + "\n")
    end = time.monotonic() + 15
    while time.monotonic() < end:
        proof = proofs_of(targets, only="rejected")["rejected/quarantine"]
        if proof.verdict is Verdict.FAILED:
            break
        time.sleep(0.5)
    assert proof.verdict is Verdict.FAILED
    assert proof.detail.startswith("1 events of sloppy (1): level")


def test_what_elasticsearch_itself_refused_is_told_in_its_words(
    elastic: Running, tmp_path: Path
) -> None:
    """A dead letter as Filebeat writes it; obskit's own canaries beside it are not counted."""
    targets = targets_for(elastic, None, tmp_path, [])
    provision(targets)
    before = proofs_of(targets, only="rejected/bulk")["rejected/bulk"]
    assert before.verdict is Verdict.PROVED, before
    reason = "failed to parse field [client_ip] of type [ip]"
    for message in (
        '{"message":"obskit canary","client_ip":"x"}',
        '{"message":"real","client_ip":"x"}',
    ):
        letter = {"message": message, "error": {"type": "400", "message": reason}}
        ship(elastic, "logs-obskit.invalid-canary", **letter)
    after = proofs_of(targets, only="rejected/bulk")["rejected/bulk"]
    assert after.verdict is Verdict.FAILED
    assert after.detail == f"1 events: {reason}"
    assert after.next


def test_a_value_that_cannot_be_searched_is_told(elastic: Running, tmp_path: Path) -> None:
    """Accepted, stored, and ignored: longer than the field's index takes."""
    targets = targets_for(elastic, None, tmp_path, [])
    provision(targets)
    assert proofs_of(targets, only="rejected/ignored")["rejected/ignored"].verdict is Verdict.PROVED
    ship(elastic, "logs-obskit.long-canary", service="long", thread="t" * 4000)
    after = proofs_of(targets, only="rejected/ignored")["rejected/ignored"]
    assert after.verdict is Verdict.FAILED
    assert "thread" in after.detail


def ship(elastic: Running, stream: str, **event: Any) -> None:
    """Write one event of now, searchable when this returns."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    answer = httpx.post(
        f"{elastic.url}/{stream}/_doc?op_type=create&refresh=true",
        json={"@timestamp": now, **event},
    )
    assert answer.status_code == 201, answer.text


def test_a_dead_filebeat_is_named_as_the_hop_that_lost_it(
    elastic: Running, start_server: Start, tmp_path: Path
) -> None:
    own = start_server(
        FilebeatServer(elasticsearch=elastic.url, quarantine="logs-obskit.invalid-canary")
    )
    targets = targets_for(elastic, own, tmp_path, [shop(tmp_path, "orphan")], seconds=8)
    provision(targets)
    server.stop(own, keep=True)
    started = time.monotonic()
    proofs = proofs_of(targets)
    assert time.monotonic() - started < 25
    proof = proofs["canary/orphan"]
    assert proof.verdict is Verdict.FAILED
    assert "filebeat lost it" in proof.detail
    assert "does not answer" in proof.detail
    assert proof.next
    assert any(item.of == "filebeat" for item in proof.evidence)
    assert proofs["canary/orphan/invalid"].verdict is Verdict.FAILED
    assert list((tmp_path / "orphan").iterdir()) == []


def test_an_elasticsearch_that_takes_no_writes_is_the_hop_and_not_the_shipper_that_waits(
    elastic: Running, beat: Running, tmp_path: Path
) -> None:
    """The block that a full disk sets: Filebeat retries, and the proof names the server that refuses."""
    targets = targets_for(elastic, beat, tmp_path, [shop(tmp_path, "full")], seconds=10)
    provision(targets)
    stream = "logs-obskit.full-canary"
    ship(elastic, stream, service="full")
    block(elastic, stream, blocked=True)
    try:
        proof = proofs_of(targets)["canary/full"]
        disk = {
            item.subject: item for item in targets["elasticsearch"].examine(Deadline.after(20))
        }["disk"]
    finally:
        block(elastic, stream, blocked=False)
    assert proof.verdict is Verdict.FAILED
    assert "elasticsearch lost it" in proof.detail, proof.detail
    assert "disk" in proof.detail or "block" in proof.detail
    assert disk.ok is False
    assert "writes are blocked on 1 indices" in disk.detail


def block(elastic: Running, stream: str, *, blocked: bool) -> None:
    """Set or lift the block of a full disk."""
    body = {"index.blocks.read_only_allow_delete": True if blocked else None}
    httpx.put(f"{elastic.url}/{stream}/_settings", json=body).raise_for_status()


def test_a_frozen_elasticsearch_fails_within_the_deadline(
    start_server: Start, tmp_path: Path
) -> None:
    """No answer is a failed proof with the server's address, not a hang."""
    frozen = start_server(ElasticsearchServer(version="8.7.1"))
    own = start_server(
        FilebeatServer(elasticsearch=frozen.url, quarantine="logs-obskit.invalid-canary")
    )
    targets = targets_for(frozen, own, tmp_path, [shop(tmp_path, "waiting")], seconds=6)
    provision(targets)
    with paused(frozen):
        started = time.monotonic()
        proofs = proofs_of(targets)
        assert time.monotonic() - started < 15
    assert proofs["canary/waiting"].verdict is Verdict.FAILED
    assert frozen.url in proofs["canary/waiting"].detail


class paused:
    """A server that is stopped in its tracks while the block runs."""

    def __init__(self, running: Running) -> None:
        self.pids = server.process.descendants(running.identity.token)

    def __enter__(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)
