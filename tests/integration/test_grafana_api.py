"""Grafana through its API: on a real one where there is one, else on the stand-in of the recordings."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config import Auth, Secret
from obskit.deadline import Deadline
from obskit.engine.execute import State, apply, succeeded
from obskit.engine.plan import Action, Cause, make_plan
from obskit.engine.resource import Resource
from obskit.errors import DeniedError, ForeignObjectError, StalePlanError
from obskit.targets.grafana import Grafana
from tests.servers import grafana_rig as rig
from tests.servers.bad_server import relay, serving

SOURCES = [rig.prometheus_source(), rig.elasticsearch_source()]


@pytest.fixture
def project() -> str:
    """A project of its own for each test: the Grafana is shared."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def api(grafana: Any) -> Iterator[httpx.Client]:
    """Grafana as another person uses it."""
    with httpx.Client(base_url=grafana.url, auth=(grafana.user, grafana.password)) as client:
        yield client


def make(grafana: Any, project: str, folder: Path, sources: Any = (), **settings: Any) -> Grafana:
    return rig.target(
        folder, sources or SOURCES, project=project,
        **{"url": grafana.url, "auth": rig.auth_of(grafana), "uid_prefix": project, **settings},
    )  # fmt: skip


@pytest.fixture
def one(grafana: Any, project: str, tmp_path: Path) -> Iterator[Grafana]:
    """A target with data sources and dashboards of its own; everything is removed afterwards."""
    yield make(grafana, project, tmp_path)
    empty = rig.target(
        tmp_path, [], project=project, url=grafana.url, auth=rig.auth_of(grafana), dashboards=[]
    )
    assert succeeded(rig.provision(empty))


def edit(api: httpx.Client, uid: str, **changes: Any) -> None:
    """Edit a dashboard as its editor in the browser does."""
    found = api.get(f"/api/dashboards/uid/{uid}").json()
    board = {**found["dashboard"], **changes}
    body = {"dashboard": board, "folderUid": found["meta"]["folderUid"], "overwrite": False}
    api.post("/api/dashboards/db", json=body).raise_for_status()


def test_a_second_plan_is_empty_and_writes_nothing(
    grafana: Any, one: Grafana, project: str, tmp_path: Path
) -> None:
    outcomes = rig.provision(one)
    assert succeeded(outcomes), [item.error for item in outcomes if item.error]
    kinds = [item.change.address.kind for item in outcomes]
    assert kinds.count("data_source") == 2
    assert kinds.count("folder") == 1
    assert kinds.count("dashboard") == 3
    with serving(relay(grafana.url)) as proxy:
        again = make(grafana, project, tmp_path, url=proxy.url)
        plan = rig.plan(again)
        assert not plan.changes, [change.to_dict() for change in plan.changes]
        assert len(plan.unchanged) == 6
        assert apply(plan, {"grafana": again}) == []
        # The proxy closes each connection, so now and then a read is asked again.
        asked = set(proxy.methods())
    assert {line.split()[0] for line in asked} == {"GET"}
    assert len([line for line in asked if "/api/search" in line]) == 1
    assert len([line for line in asked if "/api/dashboards/uid/" in line]) == 3


def test_the_folder_and_the_marks_stand_on_the_server(
    api: httpx.Client, one: Grafana, project: str
) -> None:
    rig.provision(one)
    found = api.get(f"/api/dashboards/uid/{project}-node").json()
    assert found["meta"]["folderUid"] == f"obskit-{project}"
    tags = found["dashboard"]["tags"]
    assert f"obskit:{project}" in tags
    assert all(len(tag) <= 50 for tag in tags)
    source = api.get(f"/api/datasources/uid/{project}-prometheus").json()
    assert source["jsonData"]["obskit"]["project"] == project
    notes = api.get("/api/annotations", params={"tags": f"obskit:{project}"}).json()
    assert any(f"folder:obskit-{project}:" in tag for note in notes for tag in note["tags"])
    assert any("provisioned" in note["text"] and "node" in note["text"] for note in notes)


def test_an_edit_in_the_browser_is_drift_told_panel_by_panel(
    api: httpx.Client, one: Grafana, project: str
) -> None:
    rig.provision(one)
    uid = f"{project}-services"
    panels = api.get(f"/api/dashboards/uid/{uid}").json()["dashboard"]["panels"]
    chosen = next(panel for panel in panels if panel["type"] == "timeseries")
    title = chosen["title"]
    chosen["targets"][0]["expr"] = "up"
    chosen["title"] = "mine"
    edit(api, uid, panels=panels)
    plan = rig.plan(one)
    (change,) = plan.changes
    assert (change.action, change.cause) == (Action.UPDATE, Cause.DRIFTED)
    paths = {item.path for item in change.edits}
    assert paths == {
        f"dashboard.panels.{chosen['id']}.title",
        f"dashboard.panels.{chosen['id']}.targets[0].expr",
    }
    assert list(change.impact) == [f"panel {chosen['id']} “{title}”: targets, title"]
    assert succeeded(apply(plan, {"grafana": one}))
    back = api.get(f"/api/dashboards/uid/{uid}").json()["dashboard"]
    assert next(panel for panel in back["panels"] if panel["id"] == chosen["id"])["title"] == title


def test_what_the_editor_adds_is_no_drift(api: httpx.Client, one: Grafana, project: str) -> None:
    """Plugin versions, options of variables, defaults: opening and saving changes nothing."""
    rig.provision(one)
    uid = f"{project}-node"
    board = api.get(f"/api/dashboards/uid/{uid}").json()["dashboard"]
    for panel in board["panels"]:
        panel["pluginVersion"] = "10.0.0"
    for variable in board["templating"]["list"]:
        variable["options"] = [{"text": "a", "value": "a", "selected": True}]
    edit(
        api, uid, panels=board["panels"], templating=board["templating"], liveNow=False, weekStart="",
        schemaVersion=39,
    )  # fmt: skip
    assert not rig.plan(one).changes


def test_an_edit_between_plan_and_apply_is_never_overwritten(
    api: httpx.Client, one: Grafana, grafana: Any, project: str, tmp_path: Path
) -> None:
    rig.provision(one)
    uid = f"{project}-node"
    board = api.get(f"/api/dashboards/uid/{uid}").json()["dashboard"]
    edit(api, uid, title="first edit")
    plan = rig.plan(one)
    edit(api, uid, title="second edit", panels=board["panels"][:3])
    with pytest.raises(StalePlanError):
        apply(plan, {"grafana": one})
    assert api.get(f"/api/dashboards/uid/{uid}").json()["dashboard"]["title"] == "second edit"
    # Even where the check before the first write saw nothing: the write itself carries the version.
    with pytest.raises(StalePlanError, match="changed by someone else"):
        one.write(plan.changes[0])
    assert api.get(f"/api/dashboards/uid/{uid}").json()["dashboard"]["title"] == "second edit"


def test_an_edit_is_kept_as_a_file_and_the_next_plan_is_empty(
    api: httpx.Client, one: Grafana, grafana: Any, project: str, tmp_path: Path
) -> None:
    rig.provision(one)
    uid = f"{project}-node"
    edit(api, uid, title="Node Exporter, ours")
    (change,) = rig.plan(one).changes
    assert change.before is not None
    path = one.write_back(change.before)
    assert path is not None
    assert json.loads(path.read_text())["title"] == "Node Exporter, ours"
    assert "obskit:" not in path.read_text()
    again = make(grafana, project, tmp_path)
    assert not rig.plan(again).changes
    assert any("your edit" in note and str(path) in note for note in again.notes())


def test_a_foreign_dashboard_is_left_alone_until_it_is_adopted(
    api: httpx.Client, one: Grafana, project: str
) -> None:
    uid = f"{project}-node"
    board = {"uid": uid, "title": f"theirs {project}", "tags": ["theirs"], "panels": []}
    api.post("/api/dashboards/db", json={"dashboard": board}).raise_for_status()
    with pytest.raises(ForeignObjectError, match=uid):
        rig.plan(one)
    assert api.get(f"/api/dashboards/uid/{uid}").json()["dashboard"]["tags"] == ["theirs"]
    taken = frozenset({one.address("dashboard", uid)})
    plan = rig.plan(one, adopt=taken)
    assert [c.action for c in plan.changes if c.address.name == uid] == [Action.ADOPT]
    assert succeeded(apply(plan, {"grafana": one}))
    assert not rig.plan(one).changes


def test_a_copy_made_in_the_browser_is_not_ours_to_delete(
    api: httpx.Client, one: Grafana, project: str
) -> None:
    """ "Save as" with "Copy tags" takes the mark along."""
    rig.provision(one)
    board = api.get(f"/api/dashboards/uid/{project}-node").json()["dashboard"]
    copy = {**board, "id": None, "uid": f"{project}-copy", "title": f"{project} copy"}
    del copy["version"]
    api.post("/api/dashboards/db", json={"dashboard": copy}).raise_for_status()
    assert not rig.plan(one).changes
    api.delete(f"/api/dashboards/uid/{project}-copy").raise_for_status()


def test_two_projects_share_a_grafana_and_neither_loses_anything(
    api: httpx.Client, one: Grafana, grafana: Any, project: str, tmp_path: Path
) -> None:
    rig.provision(one)
    other = make(grafana, f"{project}b", tmp_path)
    rig.provision(other)
    assert not rig.plan(one).changes
    assert not rig.plan(other).changes
    nothing = rig.target(
        tmp_path, [], project=f"{project}b", url=grafana.url, auth=rig.auth_of(grafana), dashboards=[]
    )  # fmt: skip
    gone = rig.plan(nothing)
    assert {change.action for change in gone.changes} == {Action.DELETE}
    assert succeeded(apply(gone, {"grafana": nothing}))
    assert not rig.plan(one).changes
    assert api.get(f"/api/folders/obskit-{project}b").status_code == 404


def test_a_folder_that_holds_others_dashboards_is_not_deleted(
    api: httpx.Client, one: Grafana, grafana: Any, project: str, tmp_path: Path
) -> None:
    rig.provision(one)
    board = {"uid": f"{project}-guest", "title": f"guest {project}", "panels": []}
    body = {"dashboard": board, "folderUid": f"obskit-{project}"}
    api.post("/api/dashboards/db", json=body).raise_for_status()
    nothing = rig.target(
        tmp_path, [], project=project, url=grafana.url, auth=rig.auth_of(grafana), dashboards=[]
    )
    outcomes = rig.provision(nothing)
    (failed,) = [item for item in outcomes if item.state is State.FAILED]
    assert failed.change.address.kind == "folder"
    assert f"guest {project}" in str(failed.error)
    assert api.get(f"/api/dashboards/uid/{project}-guest").status_code == 200
    api.delete(f"/api/dashboards/uid/{project}-guest").raise_for_status()


def test_a_secret_is_never_shown_and_its_change_is_seen_by_fingerprint(
    one: Grafana, grafana: Any, project: str, tmp_path: Path
) -> None:
    def having(password: str, key: str | None) -> Grafana:
        source = rig.prometheus_source(
            auth=Auth(username="reader", password=Secret(password, "${env:PROM}"))
        )
        more = {"fingerprint_key": Secret(key)} if key else {}
        return make(grafana, project, tmp_path, [source], dashboards=[], **more)

    first = having("s3cret-one", "key")
    plan = rig.plan(first)
    assert "s3cret" not in json.dumps(plan.to_dict())
    assert succeeded(apply(plan, {"grafana": first}))
    assert not rig.plan(having("s3cret-one", "key")).changes
    (change,) = rig.plan(having("s3cret-two", "key")).changes
    assert [item.path for item in change.edits] == ["secureJsonData.basicAuthPassword"]
    assert "s3cret" not in json.dumps(change.to_dict())
    # Without the key the state is unknown: nothing is said to have changed, nothing is rewritten.
    assert not rig.plan(having("s3cret-two", None)).changes


def test_a_data_source_edited_by_hand_is_drift(
    api: httpx.Client, one: Grafana, project: str
) -> None:
    rig.provision(one)
    path = f"/api/datasources/uid/{project}-prometheus"
    found = api.get(path).json()
    api.put(path, json={**found, "url": "http://elsewhere:9090"}).raise_for_status()
    (change,) = rig.plan(one).changes
    assert (change.cause, [item.path for item in change.edits]) == (Cause.DRIFTED, ["url"])
    assert succeeded(apply(rig.plan(one), {"grafana": one}))
    assert api.get(path).json()["url"] == SOURCES[0].url


def test_doctor_names_what_it_finds(one: Grafana, grafana: Any, tmp_path: Path) -> None:
    findings = {item.subject: item for item in one.examine(Deadline.after(20))}
    assert findings["address"].ok
    assert findings["version"].ok
    assert findings["privileges"].ok
    assert findings["clock"].ok
    wrong = make(grafana, "x", tmp_path, auth=Auth(username="nobody", password=Secret("wrong")))
    denied = {item.subject: item for item in wrong.examine(Deadline.after(20))}
    assert denied["privileges"].ok is False
    assert denied["privileges"].next


def test_a_viewer_is_told_which_privileges_are_missing(
    api: httpx.Client, grafana: Any, project: str, tmp_path: Path
) -> None:
    account = api.post("/api/serviceaccounts", json={"name": project, "role": "Viewer"}).json()
    token = api.post(f"/api/serviceaccounts/{account['id']}/tokens", json={"name": project}).json()[
        "key"
    ]
    viewer = make(grafana, project, tmp_path, auth=Auth(token=Secret(token)))
    findings = {item.subject: item for item in viewer.examine(Deadline.after(20))}
    assert findings["privileges"].ok is False
    assert "dashboards:create" in findings["privileges"].detail
    with pytest.raises(DeniedError, match="permit"):
        # A real Grafana does not even let a viewer list the data sources.
        raise next(item.error for item in rig.provision(viewer) if item.error)


@pytest.mark.parametrize("kind", ["rate-limited", "unavailable"])
def test_a_server_that_is_busy_once_is_asked_again(
    grafana: Any, one: Grafana, project: str, tmp_path: Path, kind: str
) -> None:
    """grafana-client gives up at once; the seam waits as long as it is told."""
    from tests.servers.bad_server import first, says

    busy = says(503, {})
    if kind == "rate-limited":
        busy = says(429, {"message": "slow down"}, retry_after="1")
    with serving(first(2, busy, relay(grafana.url))) as proxy:
        target = make(grafana, project, tmp_path, url=proxy.url)
        assert len(rig.plan(target).changes) == 6


def test_html_with_200_is_an_error_and_not_an_empty_grafana(
    grafana: Any, project: str, tmp_path: Path
) -> None:
    from obskit.errors import BadAnswerError
    from tests.servers.bad_server import always

    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<html>sign in</html>\n"
    with serving(always(page)) as proxy:
        target = make(grafana, project, tmp_path, url=proxy.url)
        with pytest.raises(BadAnswerError, match="HTML"):
            rig.plan(target)


def test_every_page_of_a_long_list_is_read(
    grafana: Any, one: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obskit.targets.grafana.client._PAGE", 2)
    rig.provision(one)
    assert not rig.plan(one).changes


def test_a_dashboard_that_left_obskit_yml_is_deleted(
    api: httpx.Client, one: Grafana, grafana: Any, project: str, tmp_path: Path
) -> None:
    rig.provision(one)
    fewer = make(grafana, project, tmp_path, dashboards=["node"])
    plan = rig.plan(fewer)
    assert {(change.action, change.address.name) for change in plan.changes} == {
        (Action.DELETE, f"{project}-logs"),
        (Action.DELETE, f"{project}-services"),
    }
    assert succeeded(apply(replace(plan), {"grafana": fewer}))
    assert api.get(f"/api/dashboards/uid/{project}-logs").status_code == 404


def test_a_data_source_that_comes_back_has_its_secret_again(
    one: Grafana, grafana: Any, project: str, tmp_path: Path
) -> None:
    """Grafana tells no secret, so the inverse of a deletion takes it from obskit.yml."""
    source = rig.prometheus_source(auth=Auth(username="u", password=Secret("p")))
    first = make(grafana, project, tmp_path, [source], dashboards=[])
    rig.provision(first)
    address = first.address("data_source", f"{project}-prometheus")
    before = first.read(frozenset())[address]
    gone = make_plan(project, [], first.read(frozenset()), normalise=first.normalise)
    assert succeeded(apply(gone, {"grafana": first}))
    inverse = [Resource(address=address, body=before.body)]
    back = make_plan(project, inverse, {}, normalise=first.normalise)
    assert succeeded(apply(back, {"grafana": first}))
    found = httpx.get(
        f"{grafana.url}/api/datasources/uid/{address.name}", auth=(grafana.user, grafana.password)
    ).json()
    assert found["secureJsonFields"] == {"basicAuthPassword": True}


def test_many_new_dashboards_are_not_asked_for_one_by_one(
    grafana: Any, one: Grafana, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obskit.targets.grafana.api._MOST_UNLISTED", 0)
    with serving(relay(grafana.url)) as proxy:
        first = make(grafana, project, tmp_path, url=proxy.url)
        plan = rig.plan(first)
        asked = proxy.methods()
        assert not [line for line in asked if "/api/dashboards/uid/" in line]
    assert succeeded(apply(plan, {"grafana": one}))
    # Should one be there all the same, it is not overwritten: it is saved without a version.
    (change, *_) = [item for item in plan.changes if item.address.kind == "dashboard"]
    with pytest.raises(StalePlanError):
        one.write(change)
