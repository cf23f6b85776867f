"""Every dashboard, rule file and template of the public corpora that the server accepts plans empty once applied.

What a server refuses is counted, and each refusal has to be one of the known reasons.
"""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.engine.execute import State, apply, succeeded
from obskit.engine.plan import Plan
from obskit.local.elasticsearch import Elasticsearch
from obskit.local.prometheus import Prometheus
from obskit.local.server import Running, Server
from obskit.targets.base import DataSource
from tests.contract.rigs.base import AnyTarget, make_target, plan_of
from tests.servers import grafana_rig as rig

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]
Start = Callable[[Server], Running]

#: Types of fields that the distribution of the tests has no module for, and what stands in for them.
_LACKING = {
    "match_only_text": "text",
    "wildcard": "keyword",
    "constant_keyword": "keyword",
    "scaled_float": "double",
}
#: Parameters of fields that came after the oldest server of the tests.
_YOUNGER = {"synthetic_source_keep"}
_PLUGINS = ("prometheus", "elasticsearch", "loki", "alertmanager", "influxdb", "grafana-opensearch-datasource")  # fmt: skip  # noqa: E501


def _apply_whole(one: AnyTarget, plan: Plan) -> None:
    outcomes = apply(plan, {one.name: one})
    assert succeeded(outcomes), [f"{o.change.address}: {o.error}" for o in outcomes if o.error][:5]


def _told(plan: Plan) -> list[tuple[str, list[str]]]:
    return [(str(c.address), [edit.path for edit in c.edits][:5]) for c in plan.changes]


# Prometheus ---------------------------------------------------------------------------------------


def _rule_files(corpora: Path, folder: Path, promtool: Path) -> tuple[list[Path], int]:
    """Those that promtool accepts, each with a name of its own, and how many it refuses."""
    chosen, refused = [], 0
    base = corpora / "prom-rules"
    for file in sorted(base.rglob("*.y*ml")):
        done = subprocess.run(
            [promtool, "check", "rules", file], capture_output=True, text=True, check=False
        )
        if done.returncode or ": 0 rules found" in done.stdout:
            refused += 1
            continue
        path = folder / "-".join(file.relative_to(base).with_suffix(".yml").parts)
        path.write_bytes(file.read_bytes())
        chosen.append(path)
    return chosen, refused


def test_rule_files_that_promtool_accepts_plan_empty(
    corpora: Path, promtool: Path, module_servers: Start, tmp_path: Path
) -> None:
    server = module_servers(Prometheus())
    chosen, refused = _rule_files(corpora, tmp_path, promtool)
    assert len(chosen) >= 110, "the corpora hold 113 rule files that promtool 2.42 accepts"
    assert refused, "they hold broken ones, too, and those are refused"
    section = {
        "url": server.url, "files": server.addresses["files"], "packs": [], "rules": chosen,
        "settle": "90s",
    }  # fmt: skip
    one = make_target("prometheus", section, folder=tmp_path, project="corpora")
    plan = plan_of(one)
    assert len(plan.changes) == len(chosen)
    _apply_whole(one, plan)
    again = plan_of(make_target("prometheus", section, folder=tmp_path, project="corpora"))
    assert not again, _told(again)
    assert len(again.unchanged) == len(chosen)
    # Not only the files: Prometheus runs a group of each.
    groups = httpx.get(f"{server.url}/api/v1/rules", timeout=60).json()["data"]["groups"]
    running = {Path(group["file"]).name for group in groups}
    assert len(running) >= len(chosen) - 2, "all but those without any group"


# Grafana --------------------------------------------------------------------------------------------


def _boards(corpora: Path, folder: Path) -> tuple[list[dict[str, str]], dict[str, str], int]:
    """Every dashboard with a uid and a title of its own; values of unusual inputs; how many JSONs are none."""
    chosen: list[dict[str, str]] = []
    given: dict[str, str] = {}
    others = 0
    titles: set[str] = set()
    for file in sorted((corpora / "grafana").rglob("*.json")):
        body = json.loads(file.read_text())
        if not isinstance(body, dict) or not body.get("title") or not body.keys() & {"panels", "rows"}:  # fmt: skip
            others += 1
            continue
        while body["title"] in titles:  # Grafana refuses two of one title in a folder
            body["title"] += " (again)"
        titles.add(body["title"])
        body["uid"] = f"c{uuid.uuid5(uuid.NAMESPACE_URL, file.name + body['title']).hex[:12]}"
        for item in body.get("__inputs") or ():
            if item.get("pluginId") not in _PLUGINS and item.get("type") == "datasource":
                given[item["name"]] = "corpora-prometheus"
        path = folder / f"{body['uid']}.json"
        path.write_text(json.dumps(body))
        chosen.append({"file": str(path)})
    return chosen, given, others


def _sources() -> list[DataSource]:
    return [
        DataSource(uid=f"corpora-{kind}"[:40], name=f"corpora {kind}", type=kind, url="http://127.0.0.1:9")
        for kind in _PLUGINS
    ]  # fmt: skip


def _no_input_left(bodies: Sequence[Mapping[str, Any]]) -> None:
    for body in bodies:
        variables = {item.get("name") for item in (body.get("templating") or {}).get("list") or ()}
        left = set(re.findall(r"\$\{(DS_[A-Za-z0-9_-]+)\}", json.dumps(body))) - variables
        assert not left, (body["title"], left)
        assert "__inputs" not in body


@pytest.mark.parametrize("delivery", ["api", "files"])
def test_dashboards_plan_empty(delivery: str, corpora: Path, grafana: Any, tmp_path: Path) -> None:
    (tmp_path / "boards").mkdir()
    chosen, given, others = _boards(corpora, tmp_path / "boards")
    assert len(chosen) >= 60, others
    settings: dict[str, Any] = {"dashboards": chosen, "inputs": given}
    if delivery == "api":
        settings |= {"url": grafana.url, "auth": rig.auth_of(grafana)}
    else:
        for name in ("datasources", "dashboards"):
            (tmp_path / "provisioning" / name).mkdir(parents=True)
        settings["provisioning"] = tmp_path / "provisioning"
    project = f"corpora-{delivery}"
    one = rig.target(tmp_path, _sources(), project=project, **settings)
    outcomes = rig.provision(one)
    failed = {item.change.address: str(item.error) for item in outcomes if item.state is not State.DONE}  # fmt: skip
    # A real Grafana may refuse some of another age; the stand-in and the files refuse none.
    assert len(failed) <= (0.05 * len(chosen) if getattr(grafana, "real", False) else 0), failed
    again = rig.target(tmp_path, _sources(), project=project, **settings)
    plan = rig.plan(again)
    assert {change.address for change in plan.changes} <= failed.keys(), _told(plan)
    live = again.read(frozenset())
    boards = [
        item.body["dashboard"] for address, item in live.items() if address.kind == "dashboard"
    ]
    assert len(boards) == len(chosen) - len(failed)
    _no_input_left(boards)
    if delivery == "api":
        empty = rig.target(tmp_path, [], project=project, **(settings | {"dashboards": []}))
        assert succeeded(apply(rig.plan(empty), {"grafana": empty}))


# Elasticsearch --------------------------------------------------------------------------------------


def _templates(corpora: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Component and index templates by name; a legacy template's content is a component template."""
    base = corpora / "ecs" / "generated" / "elasticsearch"
    whole = json.loads((base / "composable" / "template.json").read_text())
    files = {file.stem: file for file in (base / "composable" / "component").glob("*.json")}
    names = {
        re.sub(r"^ecs_[0-9.]+(?:-[a-z0-9]+)?_", "", name): name for name in whole["composed_of"]
    }
    assert names.keys() <= files.keys(), names.keys() - files.keys()
    parts = {names.get(stem, f"ecs-{stem}"): file for stem, file in files.items()}
    components = {name.lower(): json.loads(file.read_text()) for name, file in parts.items()}
    legacy = json.loads((base / "legacy" / "template.json").read_text())
    components["ecs-legacy"] = {
        "template": {key: legacy[key] for key in ("settings", "mappings") if key in legacy}
    }
    return components, {"ecs": whole}


def _refused(http: httpx.Client, components: Mapping[str, Any]) -> dict[str, str]:
    """What the server says to those that it refuses, before obskit handles any of them."""
    refused: dict[str, str] = {}
    for name, body in components.items():
        answer = http.put(f"/_component_template/{name}", json=body)
        if answer.status_code == 200:
            http.delete(f"/_component_template/{name}").raise_for_status()
        else:
            refused[name] = answer.text
    return refused


def _adapted(value: Any) -> Any:
    """A template whose fields are of types that the distribution has."""
    if isinstance(value, list):
        return [_adapted(item) for item in value]
    if not isinstance(value, dict):
        return value
    whole = {key: _adapted(item) for key, item in value.items()}
    if isinstance(kind := value.get("type"), str) and kind in _LACKING:
        whole["type"] = _LACKING[kind]
        for key in ("scaling_factor", "value"):
            whole.pop(key, None)
    return {key: item for key, item in whole.items() if key not in _YOUNGER}


@pytest.mark.parametrize("version", ["8.7.1", "8.19.21"])
def test_templates_that_elasticsearch_accepts_plan_empty(
    version: str, corpora: Path, module_servers: Start, tmp_path: Path
) -> None:
    server = module_servers(Elasticsearch(version=version))
    components, wholes = _templates(corpora)
    assert len(components) >= 40
    http = httpx.Client(base_url=server.url, timeout=60)
    refused = _refused(http, components)
    for name, words in refused.items():
        lacks = re.search(r"(?:no handler for|the mapper) type \[(\w+)\]", words, re.IGNORECASE)
        younger = re.search(r"unknown parameter \[(\w+)\]", words)
        assert lacks or younger, (name, words)
        assert lacks is None or lacks[1] in _LACKING, (name, words)
        assert younger is None or younger[1] in _YOUNGER, (name, words)
    assert len(components) - len(refused) >= 12, "as they are"
    # The others are tried with the types that this distribution has.
    accepted = components | {name: _adapted(components[name]) for name in refused}
    assert not _refused(http, accepted)
    whole = wholes["ecs"]
    # All parts together are beyond the template's own limit of fields: Elasticsearch refuses it so.
    whole["composed_of"] = [
        part.lower() for part in whole["composed_of"] if part.lower() not in refused
    ]
    assert len(whole["composed_of"]) >= 10
    print(
        f"{version}: as they are: {len(components) - len(refused)}; adapted: {', '.join(refused)}"
    )
    section: dict[str, Any] = {"url": server.url, "component_templates": {}, "index_templates": {}}
    for kind, bodies in (("component", accepted), ("index", {"ecs": whole})):
        for name, body in bodies.items():
            (tmp_path / f"{kind}-{name}.json").write_text(json.dumps(body))
            section[f"{kind}_templates"][name] = f"{kind}-{name}.json"
    one = make_target("elasticsearch", section, folder=tmp_path, project="corpora")
    plan = plan_of(one)
    ours = {c.address.name for c in plan.changes}
    assert accepted.keys() | {"ecs"} <= ours
    _apply_whole(one, plan)
    again = plan_of(make_target("elasticsearch", section, folder=tmp_path, project="corpora"))
    assert not again, _told(again)
    assert len(again.unchanged) == len(plan.changes)
