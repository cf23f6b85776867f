"""What newer Grafanas do that 10.0 does not: only on the stand-in, told to do so; a real one does it by itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.engine.execute import State, apply, succeeded
from obskit.engine.plan import Action, Cause
from obskit.errors import BadAnswerError
from obskit.targets.grafana import Grafana
from tests.servers import grafana_rig as rig
from tests.servers import grafana_standin as standin

SOURCES = [rig.prometheus_source(), rig.elasticsearch_source()]


@pytest.fixture
def server() -> Iterator[standin.Standin]:
    with standin.running() as one:
        yield one


def make(server: standin.Standin, folder: Path, **settings: Any) -> Grafana:
    given = {"url": server.url, "auth": rig.auth_of(server), **settings}
    return rig.target(folder, SOURCES, project="newer", **given)


def migrated(board: dict[str, Any]) -> dict[str, Any]:
    """As Grafana 12 saves: the newest schema, defaults written out, strings made objects, empty keys gone."""
    new = copy.deepcopy(board) | {
        "schemaVersion": 42,
        "timepicker": {},
        "links": [],
        "graphTooltip": 0,
    }
    new["annotations"] = {
        "list": [{"builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard"}]
    }
    for panel in new.get("panels") or ():
        panel["fieldConfig"] = {"defaults": {}, "overrides": [], **(panel.get("fieldConfig") or {})}
        panel["transparent"] = panel.get("transparent", False)
        for target in panel.get("targets") or ():
            target.setdefault("datasource", panel.get("datasource"))
    return new


def edited(server: standin.Standin, uid: str) -> None:
    data = server.state.boards[uid]["data"]
    data["panels"][0]["title"] = "edited in the browser"
    data["version"] += 1


def test_what_grafana_makes_of_a_dashboard_while_saving_it_is_no_drift(
    server: standin.Standin, tmp_path: Path
) -> None:
    server.state.migrate = migrated
    one = make(server, tmp_path)
    assert succeeded(rig.provision(one))
    live = one.read(frozenset())[one.address("dashboard", "obskit-node")]
    assert live.body["dashboard"]["schemaVersion"] == 42, "it is another text than was sent"
    plan = rig.plan(make(server, tmp_path))
    assert not plan.changes, [change.to_dict() for change in plan.changes]


def test_an_edit_of_a_migrated_dashboard_is_drift_and_is_put_right(
    server: standin.Standin, tmp_path: Path
) -> None:
    server.state.migrate = migrated
    assert succeeded(rig.provision(make(server, tmp_path)))
    edited(server, "obskit-node")
    again = make(server, tmp_path)
    (change,) = rig.plan(again).changes
    assert change.cause is Cause.DRIFTED
    assert any("title" in words for words in change.impact)
    assert succeeded(apply(rig.plan(again), {"grafana": again}))
    assert not rig.plan(make(server, tmp_path)).changes


def test_a_change_of_obskit_yml_is_no_drift_where_grafana_migrates(
    server: standin.Standin, tmp_path: Path
) -> None:
    server.state.migrate = migrated
    path = tmp_path / "ours.json"
    board = {"uid": "ours", "title": "Ours", "panels": [{"id": 1, "type": "text", "title": "a"}]}
    path.write_text(json.dumps(board))
    given = {"dashboards": [{"file": "ours.json"}]}
    assert succeeded(rig.provision(make(server, tmp_path, **given)))
    board["title"] = "Ours, renamed"
    path.write_text(json.dumps(board))
    (change,) = rig.plan(make(server, tmp_path, **given)).changes
    assert (change.action, change.cause) == (Action.UPDATE, Cause.CHANGED)


def test_a_dashboard_that_was_moved_without_a_new_version_is_drift(
    server: standin.Standin, tmp_path: Path
) -> None:
    """Grafana 12 keeps the folder beside the dashboard, so moving it makes no version."""
    assert succeeded(rig.provision(make(server, tmp_path)))
    server.state.boards["obskit-node"]["folder"] = ""
    (change,) = rig.plan(make(server, tmp_path)).changes
    assert [edit.path for edit in change.edits] == ["folder"]


def test_every_public_dashboard_plans_empty_where_grafana_migrates(
    corpora: Path, server: standin.Standin, tmp_path: Path
) -> None:
    server.state.migrate = migrated
    chosen, titles = [], set()
    for number, file in enumerate(sorted((corpora / "grafana").rglob("*.json"))):
        body = json.loads(file.read_text())
        if not isinstance(body, dict) or not body.get("title") or body["title"] in titles:
            continue
        if not body.keys() & {"panels", "rows"} or body.get("__inputs"):
            continue
        titles.add(body["title"])
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(body | {"uid": f"corpus-{number}"}))
        chosen.append({"file": path.name})
    assert len(chosen) >= 20
    one = make(server, tmp_path, dashboards=chosen)
    assert succeeded(rig.provision(one))
    again = make(server, tmp_path, dashboards=chosen)
    plan = rig.plan(again)
    assert not plan.changes, [change.to_dict() for change in plan.changes][:1]
    assert len(plan.unchanged) >= len(chosen)


def _of_v2(server: standin.Standin, uid: str, versions: list[str]) -> Any:
    """Answers as Grafana 12 and later do for a dashboard that a browser saved in the schema v2."""
    group = "/apis/dashboard.grafana.app"
    place = f"/namespaces/default/dashboards/{uid}"
    data = copy.deepcopy(server.state.boards[uid]["data"])
    data["panels"][0]["title"] = "edited in the browser"
    version = data.pop("version") + 1
    for key in ("id", "uid"):
        data.pop(key)
    answers = {
        f"/api/dashboards/uid/{uid}": (
            406, {"message": f"dashboard api version not supported, use {group}/v2beta1{place} instead"}
        ),
        group: (200, {"kind": "APIGroup", "versions": [{"version": item} for item in versions]}),
        f"{group}/v1beta1{place}": (
            200,
            {"kind": "Dashboard", "spec": data, "metadata": {
                "name": uid, "generation": version,
                "annotations": {"grafana.app/folder": server.state.boards[uid]["folder"]},
            }},
        ),
    }  # fmt: skip

    def fail(method: str, path: str) -> tuple[int, bytes, dict[str, str]] | None:
        if method != "GET" or path not in answers:
            return None
        status, body = answers[path]
        return status, json.dumps(body).encode(), {"Content-Type": "application/json"}

    return fail


def test_an_edit_that_a_browser_saved_in_the_schema_v2_is_read_in_the_classic_one(
    server: standin.Standin, tmp_path: Path
) -> None:
    assert succeeded(rig.provision(make(server, tmp_path)))
    server.state.fail = _of_v2(server, "obskit-node", ["v2beta1", "v1beta1", "v0alpha1"])
    (change,) = rig.plan(make(server, tmp_path)).changes
    assert change.cause is Cause.DRIFTED
    assert [edit.after for edit in change.edits] != []
    assert all(edit.path.endswith(".title") for edit in change.edits), change.to_dict()


def test_where_no_classic_schema_is_offered_the_plan_says_what_to_do(
    server: standin.Standin, tmp_path: Path
) -> None:
    assert succeeded(rig.provision(make(server, tmp_path)))
    server.state.fail = _of_v2(server, "obskit-node", ["v2beta1"])
    with pytest.raises(BadAnswerError, match="schema v2") as caught:
        rig.plan(make(server, tmp_path))
    assert "restore an older version" in caught.value.hint


def test_a_dashboard_from_a_provisioning_file_is_refused_before_it_is_written(
    server: standin.Standin, tmp_path: Path
) -> None:
    assert succeeded(rig.provision(make(server, tmp_path)))
    server.state.provisioned.add("obskit-node")
    edited(server, "obskit-node")
    again = make(server, tmp_path)
    asked = len(server.state.requests)
    (outcome,) = rig.provision(again)
    assert outcome.state is State.FAILED
    assert "provisioning file" in str(outcome.error)
    assert {method for method, _ in server.state.requests[asked:]} == {"GET"}


@pytest.mark.parametrize("what", ["folder", "library panel"])
def test_a_folder_that_holds_more_of_others_than_dashboards_is_not_deleted(
    what: str, server: standin.Standin, tmp_path: Path
) -> None:
    """Grafana deletes folders inside a folder and unused library panels with it, without a word."""
    assert succeeded(rig.provision(make(server, tmp_path)))
    if what == "folder":
        inside = {"uid": "theirs", "title": "theirs"}
        httpx.post(
            f"{server.url}/api/folders", json=inside, auth=(server.user, server.password)
        ).raise_for_status()
        server.state.folders["theirs"]["parentUid"] = "obskit-newer"
    else:
        server.state.library["l1"] = {"title": "theirs", "folder": "obskit-newer"}
    empty = rig.target(
        tmp_path, [], project="newer", url=server.url, auth=rig.auth_of(server), dashboards=[]
    )
    failed = [item for item in rig.provision(empty) if item.state is State.FAILED]
    assert [item.change.address.kind for item in failed] == ["folder"]
    assert f"{what} theirs" in str(failed[0].error)
    assert "obskit-newer" in server.state.folders


def test_a_folder_is_still_ours_after_thousands_of_other_annotations(
    server: standin.Standin, tmp_path: Path
) -> None:
    """Each apply leaves an annotation; a list of a thousand must not push the registry out of sight."""
    given = {"folder_uid": "shared-name"}
    assert succeeded(rig.provision(make(server, tmp_path, **given)))
    for _ in range(1200):
        server.state.annotate({"text": "obskit", "tags": ["obskit", "obskit:newer"]}, "admin")
    assert not rig.plan(make(server, tmp_path, **given)).changes


def test_new_dashboards_that_are_listed_late_are_read_back_all_the_same(
    server: standin.Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obskit.targets.grafana.api._MOST_UNLISTED", 0)
    one = make(server, tmp_path)
    plan = rig.plan(one)
    assert succeeded(apply(plan, {"grafana": one}))

    def late(method: str, path: str) -> tuple[int, bytes, dict[str, str]] | None:
        if method == "GET" and path.startswith("/api/search"):
            return 200, b"[]", {"Content-Type": "application/json"}
        return None

    server.state.fail = late
    assert not rig.plan(one).changes
