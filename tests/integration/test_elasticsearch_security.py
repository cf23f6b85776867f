"""Elasticsearch with users, API keys and TLS: who may do what is told before anything is written."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from obskit.config import load
from obskit.config.secret import Secret
from obskit.deadline import Deadline
from obskit.engine import execute
from obskit.engine.verify import Proof, Verdict, verify
from obskit.errors import DeniedError, UnreachableError
from obskit.local import server as servers
from obskit.local.elasticsearch import Elasticsearch as Server
from obskit.local.filebeat import Filebeat
from obskit.local.server import Running
from obskit.schema import BUILTIN
from obskit.targets import create, sections, stack
from obskit.targets.base import Canary
from tests.contract.rigs.base import AnyTarget, apply, make_target, plan_of
from tests.servers.elasticsearch_secured import (
    PASSWORD,
    PROVISIONER,
    USER,
    Certificate,
    SecuredElasticsearch,
    api_key,
)
from tests.servers.jvm import ELASTICSEARCH, ELASTICSEARCH_NEWEST

pytestmark = pytest.mark.servers

Start = Callable[[Any], Running]

#: May look, and read events; may neither make templates nor write.
POOR = {
    "cluster": ["monitor"],
    "indices": [{"names": ["logs-obskit.*"], "privileges": ["read"]}],
}
ADMIN = {"username": USER, "password": Secret(PASSWORD)}


@dataclass(frozen=True)
class Secured:
    """A server that speaks TLS and asks who is there, and its superuser's connection."""

    url: str
    certificate: Certificate
    http: httpx.Client

    def key(self, name: str, may: Mapping[str, Any]) -> dict[str, Any]:
        """How to sign in with a new API key."""
        return {"token": Secret(api_key(self.http, name, may))}


@pytest.fixture(scope="module", params=[*ELASTICSEARCH, *ELASTICSEARCH_NEWEST])
def secured(request: pytest.FixtureRequest, module_servers: Start) -> Secured:
    # One version's certificate is self-signed: nothing else may differ.
    certificate = Certificate.self_signed() if request.param == "8.19.21" else Certificate.issued()
    roles = {"provisioner": PROVISIONER, "poor": POOR}
    server = module_servers(
        SecuredElasticsearch(version=request.param, roles=roles, certificate=certificate)
    )
    http = httpx.Client(
        base_url=server.url, auth=(USER, PASSWORD), verify=certificate.trust, timeout=30
    )
    return Secured(server.url, certificate, http)


def target_at(server: Secured, folder: Path, namespace: str, **auth: Any) -> AnyTarget:
    """A target that trusts the server by its authority's file, unless told otherwise."""
    (folder / "ca.pem").write_text(server.certificate.authority)
    return make_target(
        "elasticsearch", {"url": server.url, "auth": {"ca_file": "ca.pem", **auth}}, folder=folder,
        project=namespace, namespace=namespace,
    )  # fmt: skip


def findings(target: AnyTarget) -> dict[str, Any]:
    return {item.subject: item for item in target.examine(Deadline.after(30))}


@pytest.mark.parametrize("way", ["key", "password"])
def test_the_privileges_that_doctor_names_are_enough(
    secured: Secured, tmp_path: Path, way: str
) -> None:
    """For plan, apply, rollover, the proofs' searches and the direct write of a canary."""
    login = (
        secured.key("provisioner", PROVISIONER)
        if way == "key"
        else {"username": "provisioner", "password": Secret(PASSWORD)}
    )
    name = f"rights{way}"
    target = target_at(secured, tmp_path, name, **login)
    found = findings(target)
    assert found["privileges"].ok, found["privileges"]
    assert found["address"].ok
    apply(target, plan_of(target))
    assert not plan_of(target)
    target.notes()
    event = {
        "timestamp": "2023-09-10T12:34:56.000Z",
        "service": "a",
        "trace_id": "t",
        "message": "m",
    }
    canary = Canary(
        service="a", path=tmp_path, trace_id="t", line=json.dumps(event), offset=0
    )  # fmt: skip
    hop = target.hop(canary, Deadline.after(30))
    assert hop is not None
    assert hop.passed is None, hop
    assert "takes such an event" in hop.detail
    more = make_target(
        "elasticsearch", {"url": secured.url, "auth": {"ca_file": "ca.pem", **login}, "shards": 2},
        folder=tmp_path, project=name, namespace=name,
    )  # fmt: skip
    apply(more, plan_of(more))
    assert not plan_of(more)


@pytest.mark.parametrize("way", ["key", "password"])
def test_a_missing_privilege_is_named_before_any_write(
    secured: Secured, tmp_path: Path, way: str
) -> None:
    login = (
        secured.key("poor", POOR)
        if way == "key"
        else {"username": "poor", "password": Secret(PASSWORD)}
    )
    target = target_at(secured, tmp_path, "poor", **login)
    privileges = findings(target)["privileges"]
    assert privileges.ok is False
    assert " lacks " in privileges.detail
    assert "manage_index_templates" in privileges.detail
    assert "create_doc on logs-obskit.*-poor" in privileges.detail
    with pytest.raises(DeniedError, match="unauthorized"):
        plan_of(target)


@pytest.mark.parametrize(
    "auth",
    [{"username": USER, "password": Secret("no")}, {"token": Secret("d3Jvbmc6d3Jvbmc=")}],
    ids=["password", "key"],
)
def test_wrong_credentials_are_refused_by_name(
    secured: Secured, tmp_path: Path, auth: dict[str, Any]
) -> None:
    target = target_at(secured, tmp_path, "wrong", **auth)
    with pytest.raises(DeniedError, match="does not accept the credentials") as caught:
        plan_of(target)
    assert "auth in obskit.yml" in caught.value.hint
    assert findings(target)["address"].ok is False


def test_a_key_that_was_taken_back_is_refused(secured: Secured, tmp_path: Path) -> None:
    login = secured.key("taken-back", PROVISIONER)
    target = target_at(secured, tmp_path, "back", **login)
    assert plan_of(target)
    secured.http.request(
        "DELETE", "/_security/api_key", json={"name": "taken-back"}
    ).raise_for_status()
    with pytest.raises(DeniedError, match="does not accept the credentials"):
        plan_of(target_at(secured, tmp_path, "back", **login))


def test_tls_by_authority_and_by_fingerprint(secured: Secured, tmp_path: Path) -> None:
    """Trusted by its authority's file, its own fingerprint or its authority's."""
    by_authority = target_at(secured, tmp_path, "tls", **ADMIN)
    apply(by_authority, plan_of(by_authority))
    for plain in secured.certificate.fingerprints:
        shown = ":".join(plain[at : at + 2] for at in range(0, 64, 2)).upper()
        for text in (plain, shown):
            trust = {"ca_file": None, "ca_fingerprint": text}
            assert not plan_of(target_at(secured, tmp_path, "tls", **ADMIN, **trust))


@pytest.mark.parametrize(
    "trust",
    [{"ca_file": None}, {"ca_file": None, "ca_fingerprint": "00" * 32}, {"ca_file": "other.pem"}],
    ids=["nothing", "another fingerprint", "another authority"],
)
def test_a_server_that_is_not_trusted_is_told_no_secret(
    secured: Secured, tmp_path: Path, trust: dict[str, Any]
) -> None:
    (tmp_path / "other.pem").write_text(Certificate.issued().authority)
    target = target_at(secured, tmp_path, "tls", **{**ADMIN, **trust})
    with pytest.raises(UnreachableError, match="not trusted") as caught:
        plan_of(target)
    assert "auth.ca_file" in caught.value.hint
    assert "auth.ca_fingerprint" in caught.value.hint
    address = findings(target)["address"]
    assert address.ok is False
    assert "not trusted" in address.detail


def test_the_commands_of_a_user_with_a_key(secured: Secured, tmp_path: Path) -> None:
    """doctor, plan, provision and verify, from an obskit.yml with the key in the environment."""
    (tmp_path / "ca.pem").write_text(secured.certificate.authority)
    auth = {"token": "${env:ES_API_KEY}", "ca_file": "ca.pem"}
    data = {
        "project": "commands",
        "namespace": "commands",
        "elasticsearch": {"url": secured.url, "auth": auth},
    }
    (tmp_path / "obskit.yml").write_text(yaml.safe_dump(data))
    key = api_key(secured.http, "commands", PROVISIONER)

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "obskit", *argv], cwd=tmp_path, capture_output=True, text=True,
            check=False, env={"PATH": "/usr/bin:/bin", "ES_API_KEY": key, "HOME": str(tmp_path)},
        )  # fmt: skip

    doctor = run("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "has all that is needed" in doctor.stdout
    planned = run("plan")
    assert planned.returncode == 3, planned.stdout + planned.stderr
    provisioned = run("provision", "--yes")
    assert provisioned.returncode == 0, provisioned.stdout + provisioned.stderr
    again = run("plan")
    assert again.returncode == 0, again.stdout + again.stderr
    verified = run("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for done in (doctor, planned, provisioned, again, verified):
        assert key not in done.stdout + done.stderr


@pytest.mark.parametrize("secured", ["8.7.1"], indirect=True)  # the others answer no GET /
def test_a_line_of_a_service_arrives_over_tls_by_an_api_key(
    secured: Secured, start_server: Start, tmp_path: Path
) -> None:
    """The whole log path, from the file to every field that is searched for, and what breaks the schema, too.

    With a key that may not search, nothing counts as proved, and the reason is told.
    """
    (tmp_path / "ca.pem").write_text(secured.certificate.authority)
    key = api_key(secured.http, "log-path", PROVISIONER)
    filebeat = start_server(
        Filebeat(
            elasticsearch=secured.url,
            output={
                "api_key": base64.b64decode(key).decode(),
                "ssl.certificate_authorities": [str(tmp_path / "ca.pem")],
            },
        )
    )
    (tmp_path / "logs").mkdir()
    at = filebeat.addresses

    def proofs(key: str) -> dict[str, Proof]:
        (tmp_path / "obskit.yml").write_text(
            yaml.safe_dump(
                {
                    "project": "shop",
                    "services": [{"name": "shop", "logs": [str(tmp_path / "logs" / "shop.log")]}],
                    "elasticsearch": {
                        "url": secured.url, "auth": {"token": key, "ca_file": "ca.pem"},
                    },
                    "filebeat": {
                        "inputs": at["inputs"], "data": at["data"], "log": at["log"], "url": filebeat.url,
                    },
                }
            )
        )  # fmt: skip
        targets = create(load(tmp_path / "obskit.yml", sections()), BUILTIN)
        if not (tmp_path / "provisioned").exists():
            outcomes = execute.apply(stack.plan(targets, "shop"), targets)
            assert execute.succeeded(outcomes), [str(outcome.error) for outcome in outcomes]
            (tmp_path / "provisioned").touch()
        return {proof.id: proof for proof in verify(stack.checks(targets), only="canary")}

    (tmp_path / "logs" / "shop.log").touch()
    found = proofs(key)
    assert {proof.verdict for proof in found.values()} == {Verdict.PROVED}, found
    blind = {"cluster": ["monitor"], "indices": []}
    found = proofs(api_key(secured.http, "blind", blind))
    assert Verdict.PROVED not in {proof.verdict for proof in found.values()}
    assert "unauthorized" in str(found)
    assert key not in str(found)


@pytest.mark.slow
def test_three_nodes_and_one_that_dies(
    start_server: Start, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Provisioned through one node; when it dies, the others are asked, and nothing is to be done.

    Half a cluster still takes what is new: a change is applied, and read back, by the two that live.
    """
    ports = [free_port() for _ in range(3)]
    common = {
        "discovery.type": "multi-node",
        "discovery.seed_hosts": [f"127.0.0.1:{port}" for port in ports],
        "cluster.initial_master_nodes": ["one"],
    }
    running = [
        start_server(
            Server(
                version="8.19.21", heap="384m", name=f"elasticsearch-{name}",
                settings={**common, "node.name": name, "transport.port": port},
            )
        )
        for name, port in zip(("one", "two", "three"), ports, strict=True)
    ]  # fmt: skip
    section = {"url": running[0].url, "nodes": [one.url for one in running[1:]], "replicas": 1}
    target = make_target("elasticsearch", section, folder=tmp_path)
    assert "3 nodes" in findings(target)["address"].detail
    apply(target, plan_of(target))
    servers.stop(running[0])
    again = make_target("elasticsearch", section, folder=tmp_path)
    deadline = Deadline.after(60)  # until the others notice that one is gone, and choose a master
    while "2 nodes" not in findings(again)["address"].detail:
        assert deadline.sleep(1.0), findings(again)["address"].detail
    assert not plan_of(again)
    changed = make_target("elasticsearch", {**section, "shards": 2}, folder=tmp_path)
    apply(changed, plan_of(changed))
    assert not plan_of(changed)
    with httpx.Client(base_url=running[1].url, timeout=30) as http:
        event = {"@timestamp": "2023-09-10T12:34:56Z", "service": "shop", "level": "INFO"}
        http.post("/logs-obskit.shop-default/_doc?refresh=true", json=event).raise_for_status()
        found = http.get("/logs-obskit.*/_search", params={"q": "service.name:shop"}).json()
        assert found["hits"]["total"]["value"] == 1
