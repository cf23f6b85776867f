"""Public dashboards: what Grafana accepts plans empty after it was applied, in few requests."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from obskit.engine.execute import State, apply
from obskit.targets.base import DataSource
from tests.servers import grafana_rig as rig
from tests.servers.bad_server import relay, serving

_PLUGINS = ("prometheus", "elasticsearch", "loki", "alertmanager", "influxdb", "grafana-opensearch-datasource")  # fmt: skip  # noqa: E501


def _boards(corpora: Path, folder: Path) -> list[dict[str, str]]:
    """Every dashboard with a uid and a title of its own, so that Grafana can hold them side by side."""
    chosen, titles = [], set()
    for file in sorted((corpora / "grafana").rglob("*.json")):
        body = json.loads(file.read_text())
        if not body.get("title") or not ("panels" in body or "rows" in body):
            continue
        if body["title"] in titles or len(str(body.get("uid") or "")) > 40:
            continue
        titles.add(body["title"])
        body["uid"] = f"c{uuid.uuid4().hex[:12]}"
        path = folder / f"{body['uid']}.json"
        path.write_text(json.dumps(body))
        chosen.append({"file": str(path)})
    return chosen


def test_what_was_applied_plans_empty(corpora: Path, grafana: Any, tmp_path: Path) -> None:
    sources = [
        DataSource(uid=f"corpora-{kind}"[:40], name=f"corpora {kind}", type=kind, url="http://127.0.0.1:9")
        for kind in _PLUGINS
    ]  # fmt: skip
    chosen = _boards(corpora, tmp_path)
    assert len(chosen) > 40
    given = {
        str(item["name"]): "corpora-prometheus"
        for one in chosen
        for item in json.loads(Path(one["file"]).read_text()).get("__inputs") or ()
        if item.get("pluginId") not in _PLUGINS
    }
    settings = {"auth": rig.auth_of(grafana), "dashboards": chosen, "inputs": given}
    one = rig.target(tmp_path, sources, project="corpora", url=grafana.url, **settings)
    outcomes = rig.provision(one)
    refused = {item.change.address for item in outcomes if item.state is State.FAILED}
    assert len(refused) <= 0.05 * len(chosen), [str(item.error) for item in outcomes if item.error]
    with serving(relay(grafana.url)) as proxy:
        again = rig.target(tmp_path, sources, project="corpora", url=proxy.url, **settings)
        plan = rig.plan(again)
        asked = set(proxy.methods())
    assert {change.address for change in plan.changes} <= refused
    # No more than one request a dashboard, and a handful for everything else.
    assert len(asked) <= len(chosen) + len(sources) + 5
    empty = rig.target(tmp_path, [], project="corpora", url=grafana.url, auth=rig.auth_of(grafana), dashboards=[])  # fmt: skip  # noqa: E501
    assert all(item.state is State.DONE for item in apply(rig.plan(empty), {"grafana": empty}))
