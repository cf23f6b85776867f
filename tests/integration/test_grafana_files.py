"""Grafana by provisioning files: written whole, marked, read back; secrets stay in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit.config import Auth, Secret
from obskit.engine.execute import State, apply, succeeded
from obskit.errors import ReadError
from obskit.targets.grafana import Grafana
from tests.servers import grafana_rig as rig
from tests.servers.bad_server import says, serving


def make(base: Path, **settings: Any) -> Grafana:
    for name in ("datasources", "dashboards"):
        (base / "provisioning" / name).mkdir(parents=True, exist_ok=True)
    auth = Auth(username="reader", password=Secret("pa$$word $HOME", "${env:PASSWORD}"))
    sources = [rig.prometheus_source(auth=auth), rig.elasticsearch_source()]
    return rig.target(base, sources, provisioning="provisioning", **settings)


def test_the_files_are_what_grafana_reads(tmp_path: Path) -> None:
    one = make(tmp_path, folder="Ours $HOME", dashboards_path="/var/lib/grafana/obskit")
    outcomes = rig.provision(one)
    assert succeeded(outcomes), [item.error for item in outcomes]
    root = tmp_path / "provisioning"
    provider = yaml.safe_load((root / "dashboards" / "obskit-walk.yml").read_text())
    (listed,) = provider["providers"]
    assert listed["folder"] == "Ours $$HOME", "as in every file, $NAME would be replaced"
    assert not rig.plan(one).changes
    assert listed["folderUid"] == "obskit-walk"
    assert listed["options"]["path"] == "/var/lib/grafana/obskit"
    assert listed["allowUiUpdates"] is False
    path = root / "datasources" / "obskit-walk-obskit-prometheus.yml"
    written = yaml.safe_load(path.read_text())
    assert written["prune"] is True, "a newer Grafana deletes what is gone from its files"
    (source,) = written["datasources"]
    assert source["basicAuthUser"] == "reader"
    # Grafana replaces $NAME in these files; a dollar sign is written twice.
    assert source["secureJsonData"] == {"basicAuthPassword": "pa$$$$word $$HOME"}
    assert path.stat().st_mode & 0o007 == 0
    boards = sorted(item.name for item in (root / "dashboards" / "obskit-walk").iterdir())
    assert boards == ["obskit-logs.json", "obskit-node.json", "obskit-services.json"]
    board = json.loads((root / "dashboards" / "obskit-walk" / "obskit-node.json").read_text())
    assert "obskit:walk" in board["tags"]


def test_a_second_plan_is_empty_and_shows_no_secret(tmp_path: Path) -> None:
    plan = rig.plan(make(tmp_path))
    assert "pa$$word" not in json.dumps(plan.to_dict())
    assert succeeded(apply(plan, {"grafana": make(tmp_path)}))
    again = rig.plan(make(tmp_path))
    assert not again.changes, [change.to_dict() for change in again.changes]
    assert len(again.unchanged) == 6


def test_a_changed_password_is_seen_and_not_shown(tmp_path: Path) -> None:
    key = {"fingerprint_key": Secret("key")}
    rig.provision(make(tmp_path, **key))
    path = tmp_path / "provisioning" / "datasources" / "obskit-walk-obskit-prometheus.yml"
    path.write_text(path.read_text().replace("pa$$$$word", "other"))
    (change,) = rig.plan(make(tmp_path, **key)).changes
    assert [edit.path for edit in change.edits] == ["secureJsonData.basicAuthPassword"]
    assert "other" not in json.dumps(change.to_dict())


def test_dashboards_may_stand_in_a_folder_of_their_own(tmp_path: Path) -> None:
    one = make(tmp_path, dashboards_dir="boards", dashboards=["node"])
    assert succeeded(rig.provision(one))
    assert [item.name for item in (tmp_path / "boards").iterdir()] == ["obskit-node.json"]
    path = tmp_path / "provisioning" / "dashboards" / "obskit-walk.yml"
    assert str(tmp_path / "boards") in path.read_text()


def test_a_file_of_ours_that_was_cut_short_is_an_error_that_names_it(tmp_path: Path) -> None:
    rig.provision(make(tmp_path))
    path = tmp_path / "provisioning" / "datasources" / "obskit-walk-obskit-logs.yml"
    path.write_text(path.read_text()[:150])
    with pytest.raises(ReadError, match=path.name):
        rig.plan(make(tmp_path))


def test_a_grafana_that_refuses_the_files_gets_the_old_ones_back(tmp_path: Path) -> None:
    """With an address, Grafana is told to read its files; its words are in the error."""
    rig.provision(make(tmp_path, dashboards=["node"]))
    path = tmp_path / "provisioning" / "dashboards" / "obskit-walk" / "obskit-node.json"
    before = path.read_text()
    (tmp_path / "grafana-edited").mkdir()
    (tmp_path / "grafana-edited" / "node.json").write_text(before.replace("Node Exporter", "Mine"))
    with serving(says(500, {"message": "cannot read provisioning"})) as server:
        outcomes = rig.provision(make(tmp_path, dashboards=["node"], url=server.url))
        assert server.methods() == ["POST /api/admin/provisioning/dashboards/reload"]
    assert [item.state for item in outcomes] == [State.UNDONE]
    assert "cannot read provisioning" in str(outcomes[0].error)
    assert path.read_text() == before


def test_a_grafana_that_does_not_run_is_no_obstacle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = make(tmp_path, dashboards=["node"], url="http://127.0.0.1:9")
    assert succeeded(rig.provision(one))
    assert "will read the files when it starts" in caplog.text


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    one = rig.target(tmp_path, [], provisioning="nowhere")
    with pytest.raises(ReadError, match="nowhere"):
        rig.plan(one)
