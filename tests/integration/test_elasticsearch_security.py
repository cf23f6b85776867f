"""Elasticsearch with users, API keys and TLS: who may do what is told before anything is written."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from obskit.config.secret import Secret
from obskit.deadline import Deadline
from obskit.errors import DeniedError, UnreachableError
from obskit.local import server as servers
from obskit.local.elasticsearch import Elasticsearch as Server
from obskit.local.server import Running
from obskit.targets.base import Canary
from tests.contract.rigs.base import AnyTarget, apply, make_target, plan_of
from tests.servers.bad_server import relay, serving
from tests.servers.elasticsearch_secured import PASSWORD, USER, SecuredElasticsearch

pytestmark = pytest.mark.servers

Start = Callable[[Any], Running]


STREAMS = ["logs-obskit.*"]
ROLES = {
    # What doctor asks for: no more, no less.
    "provisioner": {
        "cluster": ["manage_index_templates", "monitor"],
        "indices": [
            {
                "names": STREAMS,
                "privileges": [
                    "auto_configure", "create_doc", "manage", "monitor", "read", "view_index_metadata",
                ],
            }
        ],
    },
    "poor": {"cluster": ["monitor"], "indices": [{"names": STREAMS, "privileges": ["read"]}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def secured(module_servers: Start) -> Running:
    return module_servers(SecuredElasticsearch(version="8.19.21", roles=ROLES))


def target_at(server: Running, folder: Path, namespace: str, **auth: Any) -> AnyTarget:
    return make_target(
        "elasticsearch", {"url": server.url, "auth": auth}, folder=folder, project=namespace,
        namespace=namespace,
    )  # fmt: skip


def findings(target: AnyTarget) -> dict[str, Any]:
    return {item.subject: item for item in target.examine(Deadline.after(30))}


def test_the_privileges_that_doctor_names_are_enough(secured: Running, tmp_path: Path) -> None:
    """For plan, apply, rollover, the proofs' searches and the direct write of a canary."""
    login = {"username": "provisioner", "password": Secret(PASSWORD)}
    target = target_at(secured, tmp_path, "rights", **login)
    privileges = findings(target)["privileges"]
    assert privileges.ok, privileges
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
        "elasticsearch", {"url": secured.url, "auth": login, "shards": 2}, folder=tmp_path,
        project="rights", namespace="rights",
    )  # fmt: skip
    apply(more, plan_of(more))
    assert not plan_of(more)


def test_a_missing_privilege_is_named_before_any_write(secured: Running, tmp_path: Path) -> None:
    login = {"username": "poor", "password": Secret(PASSWORD)}
    target = target_at(secured, tmp_path, "poor", **login)
    privileges = findings(target)["privileges"]
    assert privileges.ok is False
    assert "poor lacks" in privileges.detail
    assert "manage_index_templates" in privileges.detail
    assert "create_doc on logs-obskit.*-poor" in privileges.detail
    with pytest.raises(DeniedError, match="unauthorized"):
        plan_of(target)


def test_a_wrong_password_is_refused_by_name(secured: Running, tmp_path: Path) -> None:
    target = target_at(secured, tmp_path, "wrong", username=USER, password=Secret("no"))
    with pytest.raises(DeniedError, match="does not accept the credentials") as caught:
        plan_of(target)
    assert "auth in obskit.yml" in caught.value.hint
    assert findings(target)["address"].ok is False


def test_tls_by_authority_and_by_fingerprint(secured: Running, tmp_path: Path) -> None:
    """A real server behind a TLS end: trusted by its CA or its fingerprint, else not spoken to."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    print_ = hashlib.sha256(der).hexdigest()
    fingerprint = ":".join(print_[at : at + 2] for at in range(0, 64, 2)).upper()
    login = {"username": USER, "password": Secret(PASSWORD)}
    with serving(relay(secured.url), tls=context) as end:
        at = dataclasses.replace(secured, url=end.url)
        by_authority = target_at(at, tmp_path, "tls", **login, ca_file="ca.pem")
        apply(by_authority, plan_of(by_authority))
        by_fingerprint = target_at(at, tmp_path, "tls", **login, ca_fingerprint=fingerprint)
        assert not plan_of(by_fingerprint)
        asked = len(end.requests)
        with pytest.raises(UnreachableError, match="not trusted"):
            plan_of(target_at(at, tmp_path, "tls", **login))
        assert len(end.requests) == asked, "no password is sent to a server that is not trusted"


@pytest.mark.slow
def test_three_nodes_and_one_that_dies(
    start_server: Start, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Provisioned through one node; when it dies, the others are asked, and nothing is to be done."""
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
    assert not plan_of(again)
    deadline = Deadline.after(60)  # until the others notice that one is gone
    while "2 nodes" not in findings(again)["address"].detail:
        assert deadline.sleep(1.0), findings(again)["address"].detail
