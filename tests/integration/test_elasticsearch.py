"""The Elasticsearch target on real servers: plan, apply, plan again; rollover, retention, foreign objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config import Settings
from obskit.engine import execute
from obskit.engine.plan import Action, Plan, make_plan
from obskit.errors import ForeignObjectError, ReadError, ServerError
from obskit.local.elasticsearch import Elasticsearch as Server
from obskit.local.server import Running
from obskit.schema.fields import BUILTIN
from obskit.schema.model import Field, FieldType, Schema
from obskit.targets.base import Context
from obskit.targets.elasticsearch import Elasticsearch, ElasticsearchSettings

pytestmark = pytest.mark.servers

Start = Callable[[Any], Running]


@pytest.fixture(scope="module", params=["8.7.1", "8.19.21"])
def server(request: pytest.FixtureRequest, module_servers: Start) -> Running:
    return module_servers(Server(version=request.param))


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A namespace of its own for each test, since these builds cannot delete data streams."""
    return f"n{abs(hash(request.node.nodeid)) % 10**9}"


def make_target(
    server: Running, namespace: str, *, schema: Schema = BUILTIN, project: str = "shop", **section: Any
) -> Elasticsearch:
    settings = Settings.model_validate({"project": project, "namespace": namespace}).model_copy(
        update={"targets": {"elasticsearch": ElasticsearchSettings(url=server.url, **section)}}
    )
    return Elasticsearch(Context(settings=settings, schema=schema))


def plan_of(target: Elasticsearch, desired: Any = None) -> Plan:
    wanted = target.desired() if desired is None else desired
    live = target.read(frozenset(resource.address for resource in wanted))
    return make_plan(
        target.context.project, wanted, live,
        normalise=target.normalise, impact=target.impact, notes=target.notes(),
    )  # fmt: skip


def apply(target: Elasticsearch, plan: Plan) -> None:
    outcomes = execute.apply(plan, {target.name: target})
    assert execute.succeeded(outcomes), [str(outcome.error) for outcome in outcomes]


def test_apply_then_nothing_to_do(server: Running, namespace: str) -> None:
    """A second plan is empty, and all objects carry the project's mark."""
    target = make_target(server, namespace)
    first = plan_of(target)
    assert {change.action for change in first.changes} == {Action.CREATE}
    assert len(first.changes) == 4
    apply(target, first)
    second = plan_of(target)
    assert not second, second.to_dict()
    assert len(second.unchanged) == 4
