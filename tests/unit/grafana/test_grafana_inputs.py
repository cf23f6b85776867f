"""``__inputs`` and ``${DS_*}``: filled with our data sources, and none left over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from obskit.targets.grafana import inputs
from obskit.targets.grafana.dashboards import load
from obskit.targets.grafana.settings import GrafanaSettings
from tests.servers import grafana_rig as rig

SOURCES = [rig.prometheus_source(), rig.elasticsearch_source()]


def test_a_declared_input_becomes_the_uid_of_our_data_source_of_its_type() -> None:
    board = {
        "__inputs": [
            {"name": "DS_PROM", "type": "datasource", "pluginId": "prometheus"},
            {"name": "VAR_JOB", "type": "constant", "value": "node"},
        ],
        "__requires": [{"type": "panel"}],
        "panels": [{"datasource": "${DS_PROM}", "targets": [{"expr": 'up{job="${VAR_JOB}"}'}]}],
    }
    filled, problems = inputs.fill(board, SOURCES, {}, "board.json")
    assert problems == []
    assert filled["panels"][0]["datasource"] == "obskit-prometheus"
    assert filled["panels"][0]["targets"][0]["expr"] == 'up{job="node"}'
    assert not {"__inputs", "__requires"} & filled.keys()


def test_what_obskit_yml_gives_wins() -> None:
    board = {
        "__inputs": [{"name": "DS_X", "type": "datasource", "pluginId": "loki"}],
        "x": "${DS_X}",
    }
    filled, problems = inputs.fill(board, SOURCES, {"DS_X": "our-loki"}, "board.json")
    assert (filled["x"], problems) == ("our-loki", [])


def test_an_input_without_a_data_source_is_named_with_what_to_do() -> None:
    board = {
        "__inputs": [{"name": "DS_X", "type": "datasource", "pluginId": "loki"}],
        "x": "${DS_X}",
    }
    _, (problem,) = inputs.fill(board, SOURCES, {}, "board.json")
    assert problem.path == "board.json"
    assert "${DS_X} needs a data source of type loki" in problem.message
    assert "grafana.inputs.DS_X" in problem.message


def test_an_undeclared_input_is_filled_by_the_type_beside_it_or_its_name() -> None:
    board = {
        "panels": [
            {"datasource": {"type": "elasticsearch", "uid": "${DS_WHATEVER}"}},
            {"datasource": "${DS_PROMETHEUS-MAIN}"},
        ]
    }
    filled, problems = inputs.fill(board, SOURCES, {}, "board.json")
    assert problems == []
    assert filled["panels"][0]["datasource"]["uid"] == "obskit-logs"
    assert filled["panels"][1]["datasource"] == "obskit-prometheus"


def test_a_variable_of_the_dashboard_stays_and_chooses_our_data_source() -> None:
    variable = {"name": "ds_prometheus", "type": "datasource", "query": "prometheus", "current": {}}
    board = {"templating": {"list": [variable]}, "panels": [{"datasource": {"uid": "${ds_prometheus}"}}]}  # fmt: skip
    filled, problems = inputs.fill(board, SOURCES, {}, "board.json")
    assert problems == []
    assert filled["panels"] == board["panels"]
    assert filled["templating"]["list"][0]["current"]["value"] == "obskit-prometheus"


def test_an_exported_library_panel_is_put_in_its_place() -> None:
    model = {"type": "stat", "targets": [{"expr": "up", "datasource": {"uid": "${DS_P}"}}]}
    board = {
        "__inputs": [{"name": "DS_P", "type": "datasource", "pluginId": "prometheus"}],
        "__elements": {"lib": {"uid": "lib", "name": "Shared", "model": model}},
        "panels": [{"type": "row", "panels": [{"id": 7, "libraryPanel": {"uid": "lib"}}]}],
    }
    filled, _ = inputs.fill(board, SOURCES, {}, "board.json")
    (panel,) = filled["panels"][0]["panels"]
    assert panel["id"] == 7
    assert panel["targets"][0]["datasource"]["uid"] == "obskit-prometheus"
    assert "libraryPanel" not in panel


def _left(value: Any) -> list[str]:
    return [line for line in json.dumps(value).split('"') if line.startswith("${DS_")]


def test_every_dashboard_of_the_corpora_loads_and_leaves_no_input(
    corpora: Path, tmp_path: Path
) -> None:
    """With a data source for each type that they ask for, which is named in ``inputs`` where it is not ours."""
    files = sorted((corpora / "grafana").rglob("*.json"))
    boards = [
        file
        for file in files
        if "panels" in (body := json.loads(file.read_text())) or "rows" in body
    ]
    assert len(boards) > 40
    loaded = 0
    for file in boards:
        body = json.loads(file.read_text())
        given = {
            str(item["name"]): "given"
            for item in body.get("__inputs") or ()
            if item.get("pluginId") not in ("prometheus", "elasticsearch")
        }
        settings = GrafanaSettings(
            provisioning=tmp_path, dashboards=[{"file": str(file)}], inputs=given
        )
        found, _, problems = load(settings, tmp_path, SOURCES)
        assert [problem for problem in problems if problem.rule == "grafana/input"] == [], file
        if not found:
            assert problems, file
            continue
        loaded += 1
        variables = {
            item.get("name") for item in (found[0].body.get("templating") or {}).get("list") or ()
        }
        left = {item.strip("${}").partition(":")[0] for item in _left(found[0].body)}
        assert left <= variables, file
    assert loaded >= 0.9 * len(boards)


@pytest.mark.parametrize("name", ["nodes", "../secrets"])
def test_an_unknown_bundled_dashboard_is_named_with_those_there_are(
    name: str, tmp_path: Path
) -> None:
    settings = GrafanaSettings(provisioning=tmp_path, dashboards=[name])
    found, _, (problem,) = load(settings, tmp_path, SOURCES)
    assert not found
    assert name in problem.message


def test_bundled_dashboards_without_their_server_are_left_out_and_named(tmp_path: Path) -> None:
    found, notes, problems = load(GrafanaSettings(provisioning=tmp_path), tmp_path, SOURCES[:1])
    assert problems == []
    assert {board.uid for board in found} == {"obskit-node", "obskit-services"}
    assert notes == ["dashboard logs is left out: no elasticsearch is configured for it to query"]


def test_equal_uids_and_broken_files_are_all_findings(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"title": "A", "uid": "same"}')
    (tmp_path / "b.json").write_text('{"title": "B", "uid": "same"}')
    (tmp_path / "c.json").write_text('{"title": "C",\n "uid": }')
    (tmp_path / "d.json").write_text(json.dumps({"title": "D", "uid": "x" * 41}))
    files = [{"file": f"{name}.json"} for name in "abcde"]
    settings = GrafanaSettings(provisioning=tmp_path, dashboards=files)
    found, _, problems = load(settings, tmp_path, SOURCES)
    assert [board.uid for board in found] == ["same"]
    said = {Path(problem.path).name: problem for problem in problems}
    assert set(said) == {"b.json", "c.json", "d.json", "e.json"}
    assert (said["c.json"].line, said["c.json"].column) == (2, 9)
    assert "over 40 characters" in said["d.json"].message


def test_an_input_that_is_not_declared_may_have_any_signs_in_its_name() -> None:
    """Exporters make it of the data source's name: ``Prometheus (eu.west)``."""
    board = {
        "panels": [{"datasource": {"type": "prometheus", "uid": "${DS_PROMETHEUS_(EU.WEST)}"}}]
    }
    filled, problems = inputs.fill(board, SOURCES, {}, "board.json")
    assert problems == []
    assert filled["panels"][0]["datasource"]["uid"] == "obskit-prometheus"
