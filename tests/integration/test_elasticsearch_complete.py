"""What only a complete Elasticsearch can show: data stream lifecycle, lazy rollover, ILM, and all of it by API key.

The minimal distribution of the other tests has neither lifecycle nor ILM; without ``OBSKIT_TEST_ELASTICSEARCH_URL``
they are unproved.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config.secret import Secret
from obskit.deadline import Deadline
from tests.contract.rigs.base import AnyTarget, apply, make_target, plan_of
from tests.servers.elasticsearch_secured import complete_elasticsearch

pytestmark = pytest.mark.servers


class Complete:
    """The server, and a namespace that is emptied afterwards."""

    def __init__(self, folder: Path) -> None:
        self.url, self.login = complete_elasticsearch()
        self.folder = folder
        self.http = httpx.Client(base_url=self.url, auth=self.login, timeout=30)
        self.namespace = f"test{secrets.token_hex(4)}"
        self.stream = f"logs-obskit.shop-{self.namespace}"

    def target(self, **section: Any) -> AnyTarget:
        auth = {"username": self.login[0], "password": Secret(self.login[1])}
        return make_target(
            "elasticsearch", {"url": self.url, "auth": auth, **section}, folder=self.folder,
            project=self.namespace, namespace=self.namespace,
        )  # fmt: skip

    def write(self) -> None:
        body = {"@timestamp": "2023-09-10T12:34:56Z", "service": "shop"}
        self.http.post(f"/{self.stream}/_doc?op_type=create", json=body).raise_for_status()

    def details(self) -> dict[str, Any]:
        answer = self.http.get(f"/_data_stream/{self.stream}")
        answer.raise_for_status()
        (found,) = answer.json()["data_streams"]
        return dict(found)


@pytest.fixture
def complete(tmp_path: Path) -> Iterator[Complete]:
    server = Complete(tmp_path)
    yield server
    server.http.delete(f"/_data_stream/logs-obskit.*-{server.namespace}").raise_for_status()
    target = server.target()
    apply(target, plan_of(target, desired=[]))


def test_a_rollover_waits_for_the_next_event_where_the_server_is_lazy(complete: Complete) -> None:
    """No empty index is made: the stream is marked, the plan is empty, the next event rolls over."""
    apply(complete.target(), plan_of(complete.target()))
    complete.write()
    changed = complete.target(shards=2)
    apply(changed, plan_of(changed))
    assert not plan_of(changed)
    lazy = "rollover_on_write" in complete.details()
    assert len(complete.details()["indices"]) == (1 if lazy else 2)
    complete.write()
    assert len(complete.details()["indices"]) == 2
    assert not plan_of(changed)


def test_retention_reaches_the_streams_that_exist(complete: Complete) -> None:
    """A template's lifecycle is copied when a stream is made: the one that exists is changed as well."""
    apply(complete.target(), plan_of(complete.target()))
    complete.write()
    shorter = complete.target(retention="9d")
    apply(shorter, plan_of(shorter))
    if shorter.able.lifecycle:  # type: ignore[attr-defined]
        assert complete.details()["lifecycle"]["data_retention"] == "9d"
    else:
        policy = complete.http.get(f"/_ilm/policy/obskit-logs-{complete.namespace}").json()
        (found,) = policy.values()
        assert found["policy"]["phases"]["delete"]["min_age"] == "9d"
    assert not plan_of(shorter)


def test_an_api_key_is_enough(complete: Complete) -> None:
    made = complete.http.post("/_security/api_key", json={"name": complete.namespace})
    if made.status_code >= 400:
        pytest.skip("no complete Elasticsearch here: the one that is given has security off")
    target = make_target(
        "elasticsearch", {"url": complete.url, "auth": {"token": Secret(made.json()["encoded"])}},
        folder=complete.folder, project=complete.namespace, namespace=complete.namespace,
    )  # fmt: skip
    apply(target, plan_of(target))
    assert not plan_of(target)
    privileges = {item.subject: item for item in target.examine(Deadline.after(30))}["privileges"]
    assert privileges.ok, privileges
