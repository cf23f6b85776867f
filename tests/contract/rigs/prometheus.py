"""The rig of the Prometheus target: a real one that scrapes itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.local.prometheus import Prometheus as Server
from obskit.targets.prometheus.client import PrometheusApi
from tests.contract.rigs.base import AnyTarget, Make, Rig, Start, make_target
from tests.servers.golang import PROMETHEUS_NEWEST

_OWN = "groups:\n  - name: own\n    rules:\n      - {alert: Own, expr: vector(0) > 1}\n"


class PrometheusRig(Rig):
    """Rules and targets in a folder that the server reads."""

    def __init__(self, start: Start, folder: Path, *, version: str = "") -> None:
        self.folder = folder
        self.server = start(Server(interval=1, version=version))
        self.files = Path(self.server.addresses["files"])
        (folder / "own.yml").write_text(_OWN)
        api, deadline = PrometheusApi(Http(self.server.url)), Deadline.after(20)
        while "prometheus_build_info" not in api.metric_names():
            assert deadline.sleep(0.2), "the first scrape did not come"

    def target(self, *, changed: bool = False) -> AnyTarget:
        services: list[dict[str, Any]] = [{"name": "shop", "metrics": ["127.0.0.1:9"], "slo": 99}]
        if changed:
            services = [{"name": "shop", "metrics": ["127.0.0.1:9", "127.0.0.1:10"], "slo": 98}]
            return self._target(services=services, rules=[self.folder / "own.yml"])
        return self._target(services=services)

    def _target(self, *, services: Any = (), **more: Any) -> AnyTarget:
        section = {"url": self.server.url, "files": self.files, "packs": ["prometheus"], **more}
        return make_target("prometheus", section, folder=self.folder, services=services)

    def foreign(self) -> object:
        path = self.files / "rules" / "theirs.yml"
        if not path.exists():
            path.write_text("# obskit project=other release=1 digest=0\ngroups: []\n")
        return path.read_text()

    @contextmanager
    def occupy(self) -> Iterator[None]:
        path = self.files / "rules" / "obskit-contract-prometheus.yml"
        path.write_text("groups: []\n")
        yield
        path.unlink()

    def drift(self) -> None:
        path = self.files / "rules" / "obskit-contract-prometheus.yml"
        path.write_text(path.read_text().replace("severity: critical", "severity: info", 1))

    @contextmanager
    def denied(self) -> Iterator[AnyTarget]:
        yield self._target(files=self.folder / "not-there")

    @contextmanager
    def cut_short(self) -> Iterator[AnyTarget]:
        path = self.files / "rules" / "obskit-contract-prometheus.yml"
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.index("·".encode()) + 1])  # in the middle of a character
        yield self._target()
        path.write_bytes(whole)


RIGS: dict[str, Make] = {
    "2.42": PrometheusRig,
    PROMETHEUS_NEWEST: partial(PrometheusRig, version=PROMETHEUS_NEWEST),
}
