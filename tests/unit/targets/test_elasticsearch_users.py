"""A field that changes names the panels and searches that query it."""

from __future__ import annotations

from pathlib import Path

from obskit.engine.plan import Action, Cause, Change
from obskit.engine.resource import Live
from obskit.schema import BUILTIN
from obskit.schema.model import Field, FieldType
from obskit.targets.elasticsearch.capabilities import Capabilities
from obskit.targets.elasticsearch.streams import Streams
from obskit.targets.elasticsearch.users import users_of
from tests.contract.rigs.base import AnyTarget, make_target

ABLE = Capabilities(lifecycle=True, ilm=True, nested_events=True)


def stack(folder: Path, kind: FieldType) -> AnyTarget:
    schema = BUILTIN.extended([Field(name="level", type=kind, description="Severity.")])
    peers = {
        "kibana": {"url": "http://k"},
        "grafana": {"provisioning": str(folder), "dashboards": ["logs"]},
    }
    return make_target(
        "elasticsearch", {"url": "http://e"}, folder=folder, schema=schema, peers=peers
    )


def test_the_searches_and_panels_on_a_field_are_named(tmp_path: Path) -> None:
    target = stack(tmp_path, FieldType.KEYWORD)
    peers = [peer for peer in target.context.peers.values() if peer.name != "elasticsearch"]
    users = users_of("level", peers)
    assert "kibana/search/obskit-contract-errors (obskit: Errors (contract))" in users
    assert any(user.startswith("grafana/dashboard/obskit-logs") for user in users), users
    assert users_of("nobody.uses.this", peers) == []


def test_the_plan_of_a_type_change_names_them(tmp_path: Path, monkeypatch) -> None:
    one, other = stack(tmp_path, FieldType.KEYWORD), stack(tmp_path, FieldType.TEXT)
    for target in (one, other):
        target._able = ABLE
    monkeypatch.setattr(
        "obskit.targets.elasticsearch.impact.read_streams", lambda *_: Streams(streams=())
    )
    (before,) = [
        item
        for item in one.desired()
        if str(item.address).endswith("component_template/obskit-logs-default")
    ]
    (after,) = [item for item in other.desired() if item.address == before.address]
    change = Change(
        address=after.address, action=Action.UPDATE, cause=Cause.CHANGED, after=after,
        before=Live(address=before.address, body=before.body),
    )  # fmt: skip
    (words,) = [words for words in other.impact(change) if words.startswith("level ")]
    assert words.startswith("level changes from keyword to text")
    assert "used by " in words
    assert "grafana/dashboard/obskit-logs" in words
