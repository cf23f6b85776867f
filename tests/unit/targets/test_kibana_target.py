"""The Kibana target beyond the contract: links, spaces, proofs, and answers that are not Kibana's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config.secret import Secret
from obskit.deadline import Deadline
from obskit.engine.verify import Verdict, verify
from obskit.errors import BadAnswerError, DeliveryError, ReadError
from obskit.targets.kibana_content import normalise, resources, saved_search, search_body
from tests.contract.rigs.base import AnyTarget, apply, make_target, owned, plan_of
from tests.servers import bad_server as bad
from tests.servers.kibana_standin import PASSWORD, USER, StandIn, kibana


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with kibana() as state:
        yield state


def target_at(url: str, folder: Path, *, space: str = "", **more: Any) -> AnyTarget:
    section = {"url": url, "space": space, "auth": {"username": USER, "password": Secret(PASSWORD)}}
    return make_target("kibana", section, folder=folder, project="shop", **more)


def link_of(target: AnyTarget) -> str:
    (view,) = [item for item in target.desired() if item.address.name == "obskit-shop-logs"]
    return str(view.body["fieldFormats"]["trace_id"]["params"]["urlTemplate"])


def test_a_trace_id_links_to_the_tracing_tool(tmp_path: Path) -> None:
    target = target_at("http://k", tmp_path, links={"trace": "https://tempo/trace/{trace_id}"})
    assert link_of(target) == "https://tempo/trace/{{value}}"


def test_without_a_tracing_tool_it_links_to_all_events_of_the_trace(tmp_path: Path) -> None:
    link = link_of(target_at("http://k", tmp_path))
    assert link.startswith("discover#/?_a=")
    assert "trace_id:%22{{value}}%22" in link
    assert "index:'obskit-shop-logs'" in link


def test_the_logs_view_leaves_the_quarantine_out(tmp_path: Path) -> None:
    views = {
        item.address.name: item.body["title"]
        for item in target_at("http://k", tmp_path, namespace="eu").desired()
        if item.address.kind == "data_view"
    }
    assert views == {
        "obskit-shop-logs": "logs-obskit.*-eu,-logs-obskit.invalid-eu",
        "obskit-shop-quarantine": "logs-obskit.invalid-eu",
    }


def test_a_saved_search_survives_the_way_there_and_back(tmp_path: Path) -> None:
    for item in resources(target_at("http://k", tmp_path).context.settings):
        if item.address.kind == "search":
            back = search_body(saved_search(item.body))
            assert normalise("search", back) == normalise("search", item.body)


def test_a_filter_that_was_pinned_by_hand_shows(tmp_path: Path) -> None:
    (first, *_) = [
        item.body
        for item in resources(target_at("http://k", tmp_path).context.settings)
        if item.address.kind == "search"
    ]
    saved = saved_search(first)
    meta = saved["attributes"]["kibanaSavedObjectMeta"]
    source = json.loads(meta["searchSourceJSON"]) | {"filter": [{"meta": {"key": "host"}}]}
    meta["searchSourceJSON"] = json.dumps(source)
    assert normalise("search", search_body(saved)) != normalise("search", first)


def test_two_spaces_do_not_see_each_other(stand_in: StandIn, tmp_path: Path) -> None:
    blue, green = (target_at(stand_in.url, tmp_path, space=name) for name in ("blue", "green"))
    apply(blue, plan_of(blue))
    assert owned(green) == {}
    apply(green, plan_of(green))
    assert not plan_of(blue)
    assert {space for space, _, _ in stand_in.objects} == {"blue", "green"}


def test_two_projects_share_one_space(stand_in: StandIn, tmp_path: Path) -> None:
    shop = target_at(stand_in.url, tmp_path)
    section = {"url": stand_in.url, "auth": {"username": USER, "password": Secret(PASSWORD)}}
    bank = make_target("kibana", section, folder=tmp_path, project="bank")
    apply(shop, plan_of(shop))
    apply(bank, plan_of(bank))
    apply(bank, plan_of(bank, desired=[]))
    assert not plan_of(shop)


def test_killed_after_the_registry_and_before_the_object_converges(
    stand_in: StandIn, tmp_path: Path
) -> None:
    target = target_at(stand_in.url, tmp_path)
    change = plan_of(target).changes[0]
    target._register(change.address, target.mark(change))  # and the process is killed here
    apply(target, plan_of(target))
    assert not plan_of(target)


def test_what_reads_back_otherwise_is_put_back(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kibana acknowledged and stored something else: an error, and nothing of it is left."""
    target = target_at(stand_in.url, tmp_path)
    (change, *_) = plan_of(target).changes
    target.write(change)
    item = stand_in.objects["default", "index-pattern", change.address.name]
    item["attributes"]["title"] = "else-*"
    with pytest.raises(DeliveryError, match=r"reads back otherwise.*title"):
        target.settle([change])
    assert owned(target) == {}
    assert stand_in.objects == {}


def test_the_proof_tells_apart_present_missing_and_blind(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_at(stand_in.url, tmp_path)
    (before,) = verify(target.checks())
    assert before.verdict is Verdict.FAILED
    assert "not there" in before.detail
    apply(target, plan_of(target))
    (after,) = verify(target.checks())
    assert after.verdict is Verdict.PROVED
    monkeypatch.setattr("tests.servers.kibana_standin._FIELDS", {})
    (blind,) = verify(target.checks())
    assert blind.verdict is Verdict.UNPROVED


def test_doctor_names_version_and_state(stand_in: StandIn, tmp_path: Path) -> None:
    found = {
        item.subject: item for item in target_at(stand_in.url, tmp_path).examine(Deadline.after(5))
    }
    assert found["version"].detail == "8.19.0"
    assert found["address"].ok
    assert found["privileges"].ok


@pytest.mark.parametrize(
    "answer",
    [
        bad.html,
        bad.always(bad.answer(404, b"<html>nginx</html>", kind="text/html")),
        bad.says(200, {}),
    ],
    ids=["login-page", "404-of-a-proxy", "other-json"],
)
def test_an_answer_that_is_not_kibanas_never_looks_like_absent(
    answer: bad.Behaviour, tmp_path: Path
) -> None:
    with bad.serving(answer) as server:
        with pytest.raises(BadAnswerError):
            plan_of(target_at(server.url, tmp_path))


def test_a_registry_that_was_edited_by_hand_stops_the_plan(
    stand_in: StandIn, tmp_path: Path
) -> None:
    target = target_at(stand_in.url, tmp_path)
    apply(target, plan_of(target))
    stand_in.objects["default", "tag", "obskit-shop"]["attributes"]["description"] = "our tag"
    with pytest.raises(ReadError, match="registry"):
        plan_of(target)


def test_the_stand_in_refuses_a_write_without_its_header(stand_in: StandIn) -> None:
    answer = httpx.post(f"{stand_in.url}/api/data_views/data_view", json={}, auth=(USER, PASSWORD))
    assert answer.status_code == 400
    assert "kbn-xsrf" in answer.json()["message"]
