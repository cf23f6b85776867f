"""Grafana through its API: on a real one where there is one, else on the stand-in of the recordings."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.engine.execute import succeeded
from obskit.targets.grafana import Grafana
from tests.servers import grafana_rig as rig

SOURCES = [rig.prometheus_source(), rig.elasticsearch_source()]


@pytest.fixture
def project() -> str:
    """A project of its own for each test: the Grafana is shared."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def api(grafana: Any) -> Iterator[httpx.Client]:
    """Grafana as another person uses it."""
    with httpx.Client(base_url=grafana.url, auth=(grafana.user, grafana.password)) as client:
        yield client


@pytest.fixture
def one(grafana: Any, project: str, tmp_path: Path) -> Iterator[Grafana]:
    """A target with data sources and dashboards of its own; everything is removed afterwards."""
    made = rig.target(
        tmp_path, SOURCES, project=project, url=grafana.url, auth=rig.auth_of(grafana), uid_prefix=project,
    )  # fmt: skip
    yield made
    empty = rig.target(
        tmp_path, [], project=project, url=grafana.url, auth=rig.auth_of(grafana), dashboards=[]
    )
    assert succeeded(rig.provision(empty))


def test_a_second_plan_is_empty(one: Grafana) -> None:
    outcomes = rig.provision(one)
    assert succeeded(outcomes), [item.error for item in outcomes if item.error]
    kinds = [item.change.address.kind for item in outcomes]
    assert kinds.count("data_source") == 2
    assert kinds.count("folder") == 1
    assert kinds.count("dashboard") == 3
    again = rig.plan(one)
    assert not again.changes, [change.to_dict() for change in again.changes]
    assert len(again.unchanged) == 6
