"""Two Prometheus and two clustered Alertmanagers: one alert, one notification, and one is killed."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from obskit.config import load
from obskit.deadline import Deadline
from obskit.engine.execute import apply, succeeded
from obskit.engine.verify import Verdict, verify
from obskit.local import server as local
from obskit.local.alertmanager import Alertmanager
from obskit.local.prometheus import Prometheus
from obskit.schema import BUILTIN
from obskit.targets import create, sections, stack
from obskit.targets.alertmanager.listener import Listener, listen
from tests.conftest import Generation

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("cluster")]

RULES = """\
groups:
  - name: one
    interval: 1s
    rules:
      - alert: One
        expr: vector(1)
        labels: {obskit_proof: cluster, run: RUN}
"""


class Cluster:
    """Two of each."""

    def __init__(
        self, start: Callable[..., local.Running], folder: Path, generation: Generation
    ) -> None:
        gossip = [f"127.0.0.1:{local.free_port()}" for _ in range(2)]
        self.alertmanagers = [
            start(
                Alertmanager(
                    name=f"alertmanager{n}", cluster=gossip[n], peers=(gossip[1 - n],),
                    version=generation.alertmanager,
                )
            )
            for n in range(2)
        ]  # fmt: skip
        addresses = ",".join(item.addresses["address"] for item in self.alertmanagers)
        self.prometheus = [
            start(
                Prometheus(
                    name=f"prometheus{n}", alertmanager=addresses, interval=1,
                    version=generation.prometheus,
                )
            )
            for n in range(2)
        ]  # fmt: skip
        self.receiver = f"http://127.0.0.1:{local.free_port()}"
        first, second = self.alertmanagers
        one, two = self.prometheus
        path = folder / "obskit.yml"
        path.write_text(
            "project: cluster\n"
            f"verify: {{deadline: 40s, receiver: '{self.receiver}'}}\n"
            "alertmanager:\n"
            f"  url: {first.url}\n  file: {first.addresses['file']}\n"
            f"  replicas: [{{url: '{second.url}', file: '{second.addresses['file']}'}}]\n"
            "prometheus:\n"
            f"  url: {one.url}\n  files: {one.addresses['files']}\n  packs: [prometheus]\n"
            f"  replicas: [{{url: '{two.url}', files: '{two.addresses['files']}'}}]\n"
        )
        self.targets = create(load(path, sections()), BUILTIN)
        self._ready()

    def _ready(self) -> None:
        deadline = Deadline.after(60)
        for key in ("alertmanager", "alertmanager@2"):
            http = self.targets[key].http
            while True:
                cluster = http.get("/api/v2/status").json()["cluster"]
                if cluster["status"] == "ready" and len(cluster["peers"]) == 2:
                    break
                assert deadline.sleep(0.5), cluster
        for key in ("prometheus", "prometheus@2"):
            while "up" not in self.targets[key].api.metric_names():
                assert deadline.sleep(0.5)

    def fire(self, run: str) -> None:
        """The same rule on both, as two Prometheus of one team have it."""
        for server in self.prometheus:
            path = Path(server.addresses["files"]) / "rules" / "one.yml"
            path.write_text(RULES.replace("RUN", run))
        for key in ("prometheus", "prometheus@2"):
            self.targets[key].reload(Deadline.after(20))


def arrivals(listener: Listener, run: str, seconds: float) -> Counter[str]:
    """How often each alert of a run arrives."""
    end, found = time.monotonic() + seconds, Counter[str]()
    while (left := end - time.monotonic()) > 0:
        body: Any = listener.next(Deadline.after(left), at_most=left)
        for alert in (body or {}).get("alerts", []):
            if alert["labels"].get("run") == run and alert["status"] == "firing":
                found[alert["fingerprint"]] += 1
    return found


@pytest.fixture(scope="module")
def cluster(
    module_servers: Callable[..., local.Running],
    tmp_path_factory: pytest.TempPathFactory,
    generation: Generation,
) -> Cluster:
    return Cluster(module_servers, tmp_path_factory.mktemp("cluster"), generation)


def test_every_instance_is_provisioned_and_proved(cluster: Cluster) -> None:
    plan = stack.plan(cluster.targets, "cluster")
    keys = {change.address.target for change in plan.changes}
    assert keys == {"prometheus", "prometheus@2", "alertmanager", "alertmanager@2"}
    assert succeeded(apply(plan, cluster.targets))
    assert not stack.plan(cluster.targets, "cluster")
    proofs = {item.id: item for item in verify(stack.checks(cluster.targets))}
    wrong = {key: item.detail for key, item in proofs.items() if item.verdict is Verdict.FAILED}
    assert wrong == {}
    assert {"rules/prometheus", "rules@2/prometheus", "loaded/alertmanager", "loaded@2/alertmanager",
            "loaded/prometheus/alertmanagers", "alert/synthetic"} <= proofs.keys()  # fmt: skip
    assert proofs["alert/synthetic"].verdict is Verdict.PROVED


def test_an_alert_arrives_exactly_once_while_both_live(cluster: Cluster) -> None:
    """The second Alertmanager waits for the first (15 s), and then knows that it has told."""
    with listen(cluster.receiver) as listener:
        cluster.fire("both")
        found = arrivals(listener, "both", 75)
    assert list(found.values()) == [1]


def test_an_alert_arrives_when_one_alertmanager_is_killed_with_at_most_one_duplicate(
    cluster: Cluster,
) -> None:
    killed = cluster.alertmanagers[0]
    os.kill(killed.identity.pid, signal.SIGKILL)
    with listen(cluster.receiver) as listener:
        cluster.fire("killed")
        found = arrivals(listener, "killed", 90)
    assert len(found) == 1
    assert 1 <= found.total() <= 2
    proofs = {
        item.id: item for item in verify(stack.checks(cluster.targets), only="loaded/alertmanager")
    }
    assert proofs["loaded/alertmanager"].verdict is Verdict.FAILED, "the dead one is told"
