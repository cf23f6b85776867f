"""Makes a Grafana target out of a few lines of settings, with servers that stand for its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obskit.config import Auth, Secret, Section, Settings
from obskit.engine.execute import Outcome, apply
from obskit.engine.plan import Plan, make_plan
from obskit.engine.resource import Address, Live, Resource
from obskit.schema import BUILTIN
from obskit.targets.base import Context, DataSource, Target
from obskit.targets.grafana import Grafana
from obskit.targets.grafana.settings import GrafanaSettings


class Peer(Target[Section]):
    """A configured server of which only the data source matters."""

    name = "peer"
    Settings = Section
    kinds = ()

    def __init__(self, context: Context, source: DataSource) -> None:
        self.context = context
        self.settings = Section()
        self.source = source

    def desired(self) -> Sequence[Resource]:
        return ()

    def read(self, wanted: frozenset[Address]) -> Mapping[Address, Live]:
        return {}

    def write(self, change: Any) -> None:
        raise AssertionError(change)

    def data_source(self) -> DataSource:
        return self.source


def prometheus_source(url: str = "http://127.0.0.1:9", **more: Any) -> DataSource:
    return DataSource(
        uid="obskit-prometheus", name="obskit Prometheus", type="prometheus", url=url, **more
    )


def elasticsearch_source(url: str = "http://127.0.0.1:9", **more: Any) -> DataSource:
    options = {"timeField": "@timestamp", "index": "logs-obskit.*"}
    return DataSource(
        uid="obskit-logs",
        name="obskit logs",
        type="elasticsearch",
        url=url,
        options=options,
        **more,
    )


def target(
    base: Path, sources: Sequence[DataSource], *, project: str = "walk", **settings: Any
) -> Grafana:
    """A Grafana target."""
    section = GrafanaSettings(**settings)
    everything = Settings(project=project, targets={"grafana": section}, path=base / "obskit.yml")
    context = Context(settings=everything, schema=BUILTIN)
    made = Grafana(context)
    context.peers["grafana"] = made
    for source in sources:
        context.peers[source.type] = Peer(context, source)
    return made


def auth_of(server: Any) -> Auth:
    """How to sign in to the Grafana of the tests."""
    return Auth(username=server.user, password=Secret(server.password))


def plan(one: Grafana, adopt: frozenset[Address] = frozenset()) -> Plan:
    """Read and compare, as the stack does."""
    desired = one.desired()
    live = one.read(frozenset(item.address for item in desired))
    return make_plan(
        one.context.project, desired, live, normalise=one.normalise, impact=one.impact, adopt=adopt
    )


def provision(one: Grafana, adopt: frozenset[Address] = frozenset()) -> list[Outcome]:
    """Plan and apply."""
    return apply(plan(one, adopt), {"grafana": one})
