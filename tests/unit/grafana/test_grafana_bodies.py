"""Marks fit into Grafana's columns; what the server or its editor adds never shows."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from obskit import assets
from obskit.config import Auth, Secret
from obskit.engine.diff import diff, same
from obskit.engine.resource import Mark, digest
from obskit.targets.grafana import marks, normal, sources
from tests.contract.rigs.base import make_target
from tests.servers import grafana_rig as rig

LONG = "a-project-with-a-name-that-is-as-long-as-the-rules-of-obskit-al"


@pytest.mark.parametrize("project", ["demo", LONG, LONG[:-1] + "x"])
def test_a_mark_survives_in_tags_of_fifty_characters(project: str) -> None:
    mark = Mark(project=project, release="12.34.56.dev789", digest=digest("body"))
    tags = marks.tags_of(mark, "obskit-node")
    assert all(len(tag) <= 50 for tag in tags)
    read = marks.mark_of_tags(["own", *tags], project, "obskit-node")
    assert read is not None
    assert (read.project, read.digest) == (project, mark.digest)
    assert mark.release.startswith(read.release)
    assert marks.plain_tags(["own", *tags]) == ["own"]
    assert len(marks.uid("obskit", project)) <= 40


def test_projects_of_equal_beginnings_are_not_mistaken() -> None:
    other = LONG[:-1] + "x"
    tags = marks.tags_of(Mark(project=other, release="1", digest=digest("x")), "a")
    read = marks.mark_of_tags(tags, LONG, "a")
    assert read is not None
    assert read.project != LONG
    assert marks.uid("obskit", LONG) != marks.uid("obskit", other)


def test_tags_without_a_mark_are_nobodys() -> None:
    assert marks.mark_of_tags(["obskit", "node"], "demo", "a") is None


def test_a_copy_with_its_tags_is_nobodys() -> None:
    tags = marks.tags_of(Mark(project="demo", release="1", digest=digest("x")), "obskit-node")
    assert marks.mark_of_tags(tags, "demo", "copy-of-obskit-node") is None


def _bundled() -> dict[str, Any]:
    board: dict[str, Any] = json.loads(assets.path("dashboards/node.json").read_text())
    return board


def _body(board: dict[str, Any]) -> dict[str, Any]:
    return {"folder": "f", "dashboard": board}


def test_normalising_is_idempotent_and_leaves_its_argument_alone() -> None:
    board = _bundled()
    before = copy.deepcopy(board)
    once = normal.dashboard(_body(board))
    assert same(normal.dashboard(once), once)
    assert board == before


def test_what_saving_in_the_editor_adds_does_not_show() -> None:
    edited = _bundled() | {
        "id": 7, "version": 12, "iteration": 1700000000, "schemaVersion": 41, "liveNow": False,
        "weekStart": "", "preload": False, "gnetId": None,
    }  # fmt: skip
    edited["panels"][3]["pluginVersion"] = "11.0.0"
    edited["templating"]["list"][0]["options"] = [{"text": "x", "value": "x"}]
    assert same(normal.dashboard(_body(edited)), normal.dashboard(_body(_bundled())))


def test_a_dashboard_without_tags_is_one_with_none_beside_its_mark() -> None:
    one, other = {"title": "x"}, {"title": "x", "tags": []}
    assert same(normal.dashboard(_body(one)), normal.dashboard(_body(other)))


def test_panels_are_told_by_id_so_one_that_is_put_first_moves_no_other() -> None:
    edited = _bundled()
    edited["panels"].insert(0, {"id": 4711, "type": "text", "title": "new"})
    edits = list(diff(normal.dashboard(_body(_bundled())), normal.dashboard(_body(edited))))
    assert [edit.path for edit in edits] == ["dashboard.panels.4711"]
    words = normal.panel_words([edit.path for edit in edits], normal.titles(edited["panels"]))
    assert list(words) == ["panel 4711 “new”: the whole panel"]


def test_panels_inside_a_row_are_told_by_their_own_title() -> None:
    inner = {"id": 9, "type": "stat", "title": "inner", "targets": [{"expr": "up"}]}
    row = {"id": 1, "type": "row", "title": "row", "panels": [inner]}
    changed = {**row, "panels": [{**inner, "targets": [{"expr": "down"}]}]}
    edits = list(
        diff(
            normal.dashboard(_body({"panels": [row]})),
            normal.dashboard(_body({"panels": [changed]})),
        )
    )
    paths = [edit.path for edit in edits]
    assert paths == ["dashboard.panels.1.panels.9.targets[0].expr"]
    assert list(normal.panel_words(paths, normal.titles([row]))) == ["panel 9 “inner”: targets"]


def test_panels_without_ids_keep_their_places() -> None:
    body = normal.dashboard(
        _body({"panels": [{"title": "a"}, {"title": "b"}, {"id": 3}, {"id": 3}]})
    )
    assert list(body["dashboard"]["panels"]) == ["#1", "#2", "3", "#4"]


@pytest.mark.parametrize(
    ("kind", "auth", "expected"),
    [
        (
            "prometheus",
            Auth(username="u", password=Secret("p")),
            ({"basicAuth": True, "basicAuthUser": "u"}, {}, {"basicAuthPassword": "p"}),
        ),
        (
            "prometheus",
            Auth(token=Secret("t")),
            ({}, {"httpHeaderName1": "Authorization"}, {"httpHeaderValue1": "Bearer t"}),
        ),
        (
            "elasticsearch",
            Auth(token=Secret("t")),
            ({}, {"httpHeaderName1": "Authorization"}, {"httpHeaderValue1": "ApiKey t"}),
        ),
        ("prometheus", Auth(verify=False), ({}, {"tlsSkipVerify": True}, {})),
    ],
)
def test_signing_in_becomes_what_grafana_calls_it(
    kind: str, auth: Auth, expected: tuple[Any, Any, Any], tmp_path: Path
) -> None:
    make = rig.prometheus_source if kind == "prometheus" else rig.elasticsearch_source
    body = sources.body_of(make(auth=auth), tmp_path)
    top, options, secrets = expected
    assert body.items() >= top.items()
    assert body["jsonData"].items() >= options.items()
    assert sources.revealed(body).get("secureJsonData", {}) == secrets
    assert all(isinstance(item, Secret) for item in body.get("secureJsonData", {}).values())


def test_a_certificate_authority_goes_with_the_data_source(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    body = sources.body_of(rig.prometheus_source(auth=Auth(ca_file=Path("ca.pem"))), tmp_path)
    assert body["jsonData"]["tlsAuthWithCACert"] is True
    assert sources.revealed(body)["secureJsonData"]["tlsCACert"].startswith("-----BEGIN")


def test_elasticsearchs_index_in_either_place_is_the_same() -> None:
    old = {"type": "elasticsearch", "database": "logs-*", "jsonData": {"index": "logs-*"}}
    new = {"type": "elasticsearch", "database": "", "jsonData": {"index": "logs-*"}}
    assert same(normal.data_source(old, None), normal.data_source(new, None))


def test_grafana_reaches_servers_where_it_is_told(tmp_path: Path) -> None:
    """In a container the address of a server is another than obskit's own; a name that is no section is told."""
    section = {
        "provisioning": "grafana", "addresses": {"prometheus": "http://prometheus:9090", "promtheus": "http://x"},
    }  # fmt: skip
    peers = {
        "prometheus": {"url": "http://127.0.0.1:9090", "files": "files"},
        "alertmanager": {"url": "http://127.0.0.1:9093", "file": "alertmanager.yml"},
    }
    target = make_target("grafana", section, folder=tmp_path, peers=peers)
    bodies = {
        item.address.name: item.body
        for item in target.desired()
        if item.address.kind == "data_source"
    }
    assert bodies["obskit-prometheus"]["url"] == "http://prometheus:9090"
    assert bodies["obskit-alertmanager"]["url"] == "http://127.0.0.1:9093"
    told = [problem for problem in target.check() if problem.rule == "config/grafana"]
    assert ["promtheus" in problem.message for problem in told] == [True]
