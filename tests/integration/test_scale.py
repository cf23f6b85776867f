"""How many requests a plan without changes takes: constant, whatever there is; one a dashboard for Grafana."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.estate import write_files
from obskit.engine.plan import Plan
from obskit.local.alertmanager import Alertmanager
from obskit.local.prometheus import Prometheus
from obskit.local.server import Running, Server
from tests.contract.rigs.base import apply, make_target, plan_of
from tests.servers import grafana_rig as rig
from tests.servers.recording_proxy import Recording, recording

pytestmark = [pytest.mark.servers, pytest.mark.timeout(200)]
Start = Callable[[Server], Running]


@contextmanager
def _unchanged(
    name: str, section: dict[str, Any], folder: Path, url: str
) -> Iterator[tuple[Plan, Recording]]:
    """The plan of what was just applied, and what it asked for."""
    one = make_target(name, section | {"url": url}, folder=folder, project="scale")
    apply(one, plan_of(one))
    with recording(url) as proxy:
        again = make_target(name, section | {"url": proxy.url}, folder=folder, project="scale")
        yield plan_of(again), proxy


def test_elasticsearch_is_asked_as_often_for_60_templates_as_for_4(
    elasticsearch_new: Running, tmp_path: Path
) -> None:
    write_files(tmp_path, dashboards=0, rules=0, templates=60)
    files = tmp_path / "templates"
    asked = []
    for count in (2, 30):
        section = {
            f"{kind}_templates": {
                f"scale-{number:03}": files / f"{kind}-{number:03}.json" for number in range(count)
            }
            for kind in ("component", "index")
        }
        with _unchanged("elasticsearch", section, tmp_path, elasticsearch_new.url) as (plan, proxy):
            assert not plan, [str(change.address) for change in plan.changes]
            assert len(plan.unchanged) >= 2 * count
            assert not proxy.mutating
            asked.append(len(proxy.requests))
    assert asked[0] == asked[1] <= 12
    one = make_target(
        "elasticsearch", {"url": elasticsearch_new.url}, folder=tmp_path, project="scale"
    )
    apply(one, plan_of(one, []))  # nothing is left behind for the other tests of the session


def test_prometheus_is_asked_as_often_for_1000_rules_as_for_100(
    module_servers: Start, tmp_path: Path
) -> None:
    server = module_servers(Prometheus())
    write_files(tmp_path, dashboards=0, rules=1_000, templates=0)
    files = sorted((tmp_path / "rules").glob("*.yml"))
    asked = []
    for count in (5, 50):
        section = {
            "files": server.addresses["files"], "packs": [], "rules": files[:count], "settle": "60s",
        }  # fmt: skip
        with _unchanged("prometheus", section, tmp_path, server.url) as (plan, proxy):
            assert not plan, [str(change.address) for change in plan.changes]
            assert len(plan.unchanged) == count
            assert not proxy.mutating
            asked.append(len(proxy.requests))
    assert asked[0] == asked[1] <= 2


def test_alertmanager_is_asked_as_often_for_100_receivers_as_for_2(
    module_servers: Start, tmp_path: Path
) -> None:
    server = module_servers(Alertmanager())
    asked = []
    for count in (2, 100):
        receivers = [
            {"name": f"r{number}", "webhook": {"url": "http://127.0.0.1:9/"}}
            for number in range(count)
        ]
        section = {"file": server.addresses["file"], "receivers": receivers}
        with _unchanged("alertmanager", section, tmp_path, server.url) as (plan, proxy):
            assert not plan, [str(change.address) for change in plan.changes]
            assert plan.unchanged
            assert not proxy.mutating
            asked.append(len(proxy.requests))
    assert asked[0] == asked[1] <= 4


def test_grafana_is_asked_once_a_dashboard_and_a_handful_of_times_beside(
    grafana: Any, tmp_path: Path
) -> None:
    write_files(tmp_path, dashboards=100, rules=0, templates=0)
    chosen = [{"file": str(file)} for file in sorted((tmp_path / "dashboards").glob("*.json"))]
    settings: dict[str, Any] = {"auth": rig.auth_of(grafana), "dashboards": chosen}
    sources = [rig.prometheus_source()]
    one = rig.target(tmp_path, sources, project="scale", url=grafana.url, **settings)
    assert all(outcome.error is None for outcome in rig.provision(one))
    with recording(grafana.url) as proxy:
        again = rig.target(tmp_path, sources, project="scale", url=proxy.url, **settings)
        plan = rig.plan(again)
        assert not plan.changes, [str(change.address) for change in plan.changes]
        assert len(plan.unchanged) == 102
        paths = [path for _, path in proxy.requests if path.startswith("/api/dashboards/uid/")]
        assert len(paths) == len(set(paths)) == 100
        assert len(proxy.requests) - len(paths) <= 6
    empty = rig.target(tmp_path, [], project="scale", url=grafana.url, **(settings | {"dashboards": []}))  # fmt: skip
    assert all(outcome.error is None for outcome in rig.provision(empty))
