"""Two teams provision into one Alertmanager and one Grafana at the same moment, and neither loses anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from obskit.deadline import Deadline
from obskit.delivery.files import Folder, Lock
from obskit.engine.execute import apply as apply_plan
from obskit.engine.execute import succeeded
from obskit.errors import DeliveryError
from obskit.local.alertmanager import Alertmanager
from obskit.local.server import Running, Server
from obskit.targets import alertmanager
from tests.contract.rigs.base import AnyTarget, apply, make_target, owned, plan_of
from tests.servers import grafana_rig as rig
from tests.servers import grafana_standin as standin

Start = Callable[[Server], Running]
TEAMS = ("blue", "red")


def team(server: Running, folder: Path, name: str, url: str = "http://127.0.0.1:9/") -> AnyTarget:
    section = {
        "url": server.url, "file": server.addresses["file"],
        "receivers": [{"name": "hook", "webhook": {"url": url}}],
    }  # fmt: skip
    return make_target("alertmanager", section, folder=folder, project=name)


@pytest.fixture
def slow_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """amtool takes its time between the reading of the file and its writing: both teams are in between."""
    check = alertmanager.check_config

    def slow(*arguments: Any) -> Any:
        time.sleep(0.5)
        return check(*arguments)

    monkeypatch.setattr(alertmanager, "check_config", slow)


@pytest.mark.servers
def test_neither_loses_its_routes_when_both_apply_at_once(
    module_servers: Start, tmp_path: Path, slow_check: None
) -> None:
    server = module_servers(Alertmanager())
    together = threading.Barrier(len(TEAMS))

    def provision(name: str) -> None:
        target = team(server, tmp_path, name)
        plan = plan_of(target)
        together.wait(30)
        apply(target, plan)

    with ThreadPoolExecutor(len(TEAMS)) as pool:
        list(pool.map(provision, TEAMS))
    for name in TEAMS:
        assert not plan_of(team(server, tmp_path, name)), name
    status = httpx.get(f"{server.url}/api/v2/status", timeout=10).json()
    running = yaml.safe_load(status["config"]["original"])
    assert {f"obskit/{name}/hook" for name in TEAMS} <= {
        one["name"] for one in running["receivers"]
    }
    blue = team(server, tmp_path, "blue")
    apply(blue, plan_of(blue, desired=[]))
    assert not plan_of(team(server, tmp_path, "red"))
    red = team(server, tmp_path, "red")
    apply(red, plan_of(red, desired=[]))
    assert owned(red) == {}


def test_who_waits_too_long_is_told_and_writes_nothing(tmp_path: Path) -> None:
    first, second = Lock(Folder(tmp_path)), Lock(Folder(tmp_path))
    first.take(Deadline.after(1))
    first.take(Deadline.after(1))
    with pytest.raises(DeliveryError, match=r"another obskit has been writing there for 0\.2 s"):
        second.take(Deadline.after(0.2))
    first.give()
    second.take(Deadline.after(1))
    second.give()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="cannot be opened"):
        Lock(Folder(tmp_path / "nowhere")).take(Deadline.after(1))


def test_neither_loses_a_dashboard_when_both_apply_at_once(tmp_path: Path) -> None:
    with standin.running() as server:
        together = threading.Barrier(len(TEAMS))

        def make(name: str) -> Any:
            return rig.target(
                tmp_path, [rig.prometheus_source(), rig.elasticsearch_source()], project=name,
                url=server.url, auth=rig.auth_of(server), uid_prefix=name,
            )  # fmt: skip

        def provision(name: str) -> bool:
            one = make(name)
            plan = rig.plan(one)
            together.wait(30)
            return succeeded(apply_plan(plan, {"grafana": one}))

        with ThreadPoolExecutor(len(TEAMS)) as pool:
            assert list(pool.map(provision, TEAMS)) == [True, True]
        for name in TEAMS:
            plan = rig.plan(make(name))
            assert not plan, plan.to_dict()
            assert len(plan.unchanged) == 6
