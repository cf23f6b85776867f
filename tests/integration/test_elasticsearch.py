"""The Elasticsearch target on real servers: plan, apply, plan again; rollover, retention, foreign objects."""

from __future__ import annotations

import dataclasses
import json
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.config import Settings
from obskit.deadline import Deadline
from obskit.engine import execute
from obskit.engine.plan import Action, Cause, Plan, make_plan
from obskit.errors import ForeignObjectError, UnreachableError
from obskit.local import process
from obskit.local.elasticsearch import Elasticsearch as Server
from obskit.local.server import Running
from obskit.schema.fields import BUILTIN
from obskit.schema.model import Field, FieldType, Schema
from obskit.targets.base import Context, Finding
from obskit.targets.elasticsearch import Elasticsearch, ElasticsearchSettings
from obskit.targets.elasticsearch.normalise import STAMPS
from tests.servers.jvm import ELASTICSEARCH, ELASTICSEARCH_NEWEST

pytestmark = pytest.mark.servers

Start = Callable[[Any], Running]


_NOWHERE = Running(
    name="gone", url="http://127.0.0.1:9", identity=process.Identity(pid=0, started=0, token="none"),
    folder=Path(), log=Path(),
)  # fmt: skip


VERSIONS = (*ELASTICSEARCH, *ELASTICSEARCH_NEWEST)


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest, module_servers: Start) -> Running:
    return module_servers(Server(version=request.param))


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A namespace of its own for each test, since these builds cannot delete data streams."""
    return f"n{zlib.crc32(request.node.nodeid.encode())}"


def make_target(
    server: Running,
    namespace: str,
    *,
    schema: Schema = BUILTIN,
    project: str = "",
    **section: Any,
) -> Elasticsearch:
    settings = Settings.model_validate(
        {"project": project or namespace, "namespace": namespace}
    ).model_copy(
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


def search(server: Running, stream: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    httpx.post(f"{server.url}/{stream}/_refresh", timeout=30).raise_for_status()
    answer = httpx.post(f"{server.url}/{stream}/_search", json={"query": query}, timeout=30)
    answer.raise_for_status()
    assert answer.json()["_shards"]["failed"] == 0, answer.text
    return [hit["_source"] for hit in answer.json()["hits"]["hits"]]


def write_event(server: Running, stream: str, **event: Any) -> None:
    body = {"@timestamp": "2023-09-10T12:34:56.123Z", "service": "user-service", **event}
    answer = httpx.post(f"{server.url}/{stream}/_doc?op_type=create", json=body, timeout=30)
    assert answer.status_code == 201, answer.text


def backing(server: Running, stream: str) -> list[str]:
    answer = httpx.get(f"{server.url}/_resolve/index/{stream}", timeout=30).json()
    return [index for item in answer["data_streams"] for index in item["backing_indices"]]


def with_field(kind: FieldType) -> Schema:
    return BUILTIN.extended([Field(name="code", type=kind, description="A code.")])


def test_an_event_is_found_by_every_name_of_its_fields(server: Running, namespace: str) -> None:
    """Nested objects and ECS names are found, whatever layout of the mapping this server needs."""
    target = make_target(server, namespace)
    apply(target, plan_of(target))
    stream = f"logs-obskit.user_service-{namespace}"
    write_event(
        server, stream, trace_id="t-1", client_ip="192.168.1.1", level="INFO",
        error={"type": "ValueError"}, http={"status": 200}, attributes={"cart": {"items": 3}},
    )  # fmt: skip
    for name, value in {
        "service": "user-service", "service.name": "user-service", "trace.id": "t-1", "level": "INFO",
        "client_ip": "192.168.0.0/16", "error.type": "ValueError", "http.status": 200,
        "attributes.cart.items": "3",
    }.items():  # fmt: skip
        assert search(server, stream, {"term": {name: value}}), name


def test_a_field_that_changes_type_rolls_over_and_old_events_stay_findable(
    server: Running, namespace: str
) -> None:
    """The plan names the rollover and the field; apply does it; a search finds old and new events."""
    target = make_target(server, namespace, schema=with_field(FieldType.KEYWORD))
    apply(target, plan_of(target))
    stream = f"logs-obskit.user_service-{namespace}"
    write_event(server, stream, code="42", trace_id="old")

    changed = make_target(server, namespace, schema=with_field(FieldType.LONG))
    plan = plan_of(changed)
    assert [str(change.address) for change in plan.changes] == [
        f"elasticsearch/component_template/obskit-logs-{namespace}"
    ]
    (change,) = plan.changes
    assert f"needs a rollover: {stream} (obskit provision does it)" in change.impact
    assert any(words.startswith("code changes from keyword to long") for words in change.impact)
    apply(changed, plan)

    assert len(backing(server, stream)) == 2
    write_event(server, stream, code=42, trace_id="new")
    found = search(server, stream, {"term": {"code": 42}})
    assert sorted(hit["trace_id"] for hit in found) == ["new", "old"]
    assert not plan_of(changed)
    assert len(backing(server, stream)) == 2, "an unchanged template rolls nothing over"


def test_killed_between_template_and_rollover_the_next_run_converges(
    server: Running, namespace: str
) -> None:
    """The write index that was left behind shows as a change, and only its rollover is missing."""
    target = make_target(server, namespace)
    apply(target, plan_of(target))
    stream = f"logs-obskit.user_service-{namespace}"
    write_event(server, stream)
    changed = make_target(server, namespace, schema=with_field(FieldType.LONG))
    (change,) = plan_of(changed).changes
    changed.write(change)  # and the process is killed here

    again = make_target(server, namespace, schema=with_field(FieldType.LONG))
    plan = plan_of(again)
    (change,) = plan.changes
    assert [edit.path for edit in change.edits] == ["write_indices_behind"]
    assert change.impact == (f"needs a rollover: {stream} (obskit provision does it)",)
    apply(again, plan)
    assert len(backing(server, stream)) == 2
    assert not plan_of(again)


def test_a_stream_that_was_there_before_the_templates_is_rolled_over(
    server: Running, namespace: str
) -> None:
    """A foreign template made the stream: the first apply gives it an index by ours."""
    stream = f"logs-obskit.early-{namespace}"
    foreign = {"index_patterns": [f"logs-*-{namespace}"], "priority": 7, "data_stream": {}}
    httpx.put(f"{server.url}/_index_template/f-{namespace}", json=foreign).raise_for_status()
    write_event(server, stream)
    target = make_target(server, namespace)
    plan = plan_of(target)
    told = [words for change in plan.changes for words in change.impact]
    assert told == [f"needs a rollover: {stream} (obskit provision does it)"]
    apply(target, plan)
    assert len(backing(server, stream)) == 2
    assert not plan_of(target)


def foreign_template(server: Running, name: str, body: dict[str, Any]) -> Iterator[None]:
    httpx.put(f"{server.url}/_index_template/{name}", json=body).raise_for_status()
    yield
    httpx.delete(f"{server.url}/_index_template/{name}").raise_for_status()


def test_a_template_that_would_win_is_named(server: Running, namespace: str) -> None:
    """The plan and doctor name a foreign template of a higher priority, and the streams it takes."""
    target = make_target(server, namespace)
    apply(target, plan_of(target))
    body = {"index_patterns": [f"logs-*-{namespace}"], "priority": 9000}
    with contextmanager(foreign_template)(server, f"greedy-{namespace}", body):
        (note,) = [words for words in plan_of(target).notes if "wins over" in words]
        for words in (f"greedy-{namespace}", "priority 9000", f"logs-obskit.invalid-{namespace}"):
            assert words in note
        (finding,) = [item for item in examine(target) if item.subject == "templates"]
        assert finding.ok is False
        assert f"greedy-{namespace}" in finding.detail
    assert not [words for words in plan_of(target).notes if "wins over" in words]


def test_a_rollover_that_another_template_takes_is_an_error(
    server: Running, namespace: str
) -> None:
    """The server acknowledges the rollover; the index it made is by the other template: not success."""
    target = make_target(server, namespace)
    apply(target, plan_of(target))
    stream = f"logs-obskit.user_service-{namespace}"
    write_event(server, stream)
    body = {"index_patterns": [stream], "priority": 9000, "data_stream": {}}
    httpx.put(f"{server.url}/_index_template/taker-{namespace}", json=body).raise_for_status()
    changed = make_target(server, namespace, schema=with_field(FieldType.LONG))
    outcomes = execute.apply(plan_of(changed), {changed.name: changed})
    assert not execute.succeeded(outcomes)
    assert "not by our template" in str(outcomes[0].error)
    assert plan_of(changed), "the next plan still shows what is missing"


def test_an_index_that_took_the_name_of_a_stream_is_noted(server: Running, namespace: str) -> None:
    """What was written before there was a template is an ordinary index, which nothing can roll over."""
    write_event(server, f"logs-obskit.plain-{namespace}")
    target = make_target(server, namespace)
    plan = plan_of(target)
    (note,) = [words for words in plan.notes if "ordinary indices" in words]
    assert f"logs-obskit.plain-{namespace}" in note
    apply(target, plan)
    assert not plan_of(target)


def test_what_was_changed_by_hand_is_drift_and_is_put_right(
    server: Running, namespace: str
) -> None:
    target = make_target(server, namespace)
    apply(target, plan_of(target))
    name = target.names.logs
    path = f"{server.url}/_index_template/{name}"
    body = httpx.get(path).json()["index_templates"][0]["index_template"]
    sent = {key: value for key, value in body.items() if key not in STAMPS}
    httpx.put(path, json={**sent, "priority": 7}).raise_for_status()
    (change,) = plan_of(target).changes
    assert change.cause is Cause.DRIFTED
    assert [(edit.path, edit.before, edit.after) for edit in change.edits] == [("priority", 7, 500)]
    apply(target, plan_of(target))
    assert not plan_of(target)


def test_what_is_not_ours_is_never_touched(server: Running, namespace: str) -> None:
    """A foreign object at a wanted name stops the plan; another project's objects do, too."""
    target = make_target(server, namespace)
    path = f"{server.url}/_component_template/{target.names.logs}"
    theirs = {"template": {"mappings": {"properties": {"a": {"type": "keyword"}}}}}
    httpx.put(path, json=theirs).raise_for_status()
    with pytest.raises(ForeignObjectError, match=target.names.logs):
        plan_of(target)
    httpx.delete(path).raise_for_status()
    apply(target, plan_of(target))
    with pytest.raises(ForeignObjectError):
        plan_of(make_target(server, namespace, project="other"))


def test_adopting_takes_a_foreign_template_over_and_the_inverse_gives_it_back(
    server: Running, namespace: str
) -> None:
    """By name only; what it held is in the plan, and writing that back restores it without our mark."""
    target = make_target(server, namespace)
    path = f"{server.url}/_component_template/{target.names.logs}"
    theirs = {
        "template": {"mappings": {"properties": {"a": {"type": "keyword"}}}},
        "_meta": {"by": "them"},
    }
    httpx.put(path, json=theirs).raise_for_status()
    wanted = target.desired()
    address = target.address("component_template", target.names.logs)
    plan = make_plan(
        namespace, wanted, target.read(frozenset(item.address for item in wanted)),
        normalise=target.normalise, adopt=frozenset({address}),
    )  # fmt: skip
    (adopted,) = [change for change in plan.changes if change.address == address]
    assert adopted.action is Action.ADOPT
    apply(target, plan)
    assert not plan_of(target)
    assert adopted.before is not None
    target._put(address, adopted.before.body, None)
    found = httpx.get(path).json()["component_templates"][0]["component_template"]
    assert {key: value for key, value in found.items() if key not in STAMPS} == theirs


def test_the_inverse_plan_removes_what_was_made(server: Running, namespace: str) -> None:
    target = make_target(server, namespace)
    apply(target, plan_of(target))
    gone = plan_of(target, desired=[])
    assert {change.action for change in gone.changes} == {Action.DELETE}
    apply(target, gone)
    assert not target.read(frozenset(resource.address for resource in target.desired()))


def test_templates_that_streams_lean_on_stay_without_our_mark(
    server: Running, namespace: str
) -> None:
    """No event is deleted with its template: the plan says that it stays, and the next one is empty."""
    target = make_target(server, namespace)
    apply(target, plan_of(target))
    stream = f"logs-obskit.user_service-{namespace}"
    write_event(server, stream)
    plan = plan_of(target, desired=[])
    told = [words for change in plan.changes for words in change.impact]
    assert any(words.startswith(f"{stream} lean on it") for words in told)
    apply(target, plan)
    assert not plan_of(target, desired=[])
    left = target.read(frozenset(resource.address for resource in target.desired()))
    assert {live.mark for live in left.values()} == {None}
    assert {address.name for address in left} == {target.names.logs}
    write_event(server, stream)
    assert len(search(server, stream, {"match_all": {}})) == 2


def test_shorter_retention_names_the_indices_that_it_will_delete(
    server: Running, namespace: str
) -> None:
    """Where the server keeps retention, the plan names what will be lost; elsewhere it says nobody keeps it."""
    target = make_target(server, namespace)
    plan = plan_of(target)
    if not target.able.lifecycle:
        assert any("nothing deletes events after 30d" in words for words in plan.notes)
        assert "retention" in {item.subject for item in examine(target) if item.ok is None}
        return
    apply(target, plan)
    stream = f"logs-obskit.user_service-{namespace}"
    write_event(server, stream)
    httpx.post(f"{server.url}/{stream}/_rollover").raise_for_status()
    old = backing(server, stream)[0]
    time.sleep(1.1)
    shorter = make_target(server, namespace, retention="1s")
    changes = {change.address.name: change for change in plan_of(shorter).changes}
    assert changes[target.names.logs].impact == (f"retention will delete 1 indices: {old}",)
    assert changes[target.names.quarantine].impact == (
        "retention is shorter; no index is old enough to be deleted by it now",
    )
    apply(shorter, plan_of(shorter))
    assert not plan_of(shorter)


def test_reading_takes_a_constant_number_of_requests(
    server: Running, namespace: str, tmp_path: Path
) -> None:
    """200 templates of the user's own take no request more than none."""
    few = make_target(server, namespace)
    apply(few, plan_of(few))
    before = few.client.requests
    few.read(frozenset())
    alone = few.client.requests - before
    files = {}
    for number in range(200):
        files[f"own-{namespace}-{number}"] = tmp_path / f"{number}.json"
        text = json.dumps(
            {"template": {"settings": {"number_of_replicas": 0, "index": {"codec": "default"}}}}
        )
        files[f"own-{namespace}-{number}"].write_text(text)
    many = make_target(server, namespace, component_templates=files)
    apply(many, plan_of(many))
    assert len(plan_of(many).unchanged) == 204
    before = many.client.requests
    many.read(frozenset())
    assert many.client.requests - before == alone <= 6
    apply(many, plan_of(many, desired=few.desired()))


def test_templates_of_the_public_corpora_plan_empty_after_being_applied(
    server: Running, namespace: str, corpora: Path
) -> None:
    """The Elastic Common Schema's own templates, as far as this server accepts them."""
    folder = corpora / "ecs/generated/elasticsearch/composable"
    whole = folder / "template.json"
    version = json.loads(whole.read_text())["_meta"]["ecs_version"]
    parts = {f"ecs_{version}_{path.stem}": path for path in (folder / "component").glob("*.json")}
    accepted = {
        name: path
        for name, path in parts.items()
        if httpx.post(
            f"{server.url}/_index_template/_simulate",
            json={
                "index_patterns": ["probe"],
                "template": json.loads(path.read_text())["template"],
            },
        ).status_code
        == 200
    }
    assert len(accepted) >= 13, sorted(set(parts) - set(accepted))
    target = make_target(server, namespace, component_templates=accepted)
    apply(target, plan_of(target))
    second = plan_of(target)
    assert not second, [str(change.address) for change in second.changes]
    apply(target, plan_of(target, desired=make_target(server, namespace).desired()))


def test_doctor_says_what_it_sees(server: Running, namespace: str) -> None:
    found = {item.subject: item for item in examine(make_target(server, namespace))}
    assert found["version"].detail in VERSIONS
    assert found["licence"].detail.startswith("basic, active")
    assert found["privileges"].detail.startswith("security is off")
    assert found["clock"].ok, found["clock"]
    assert "node local has used" in found["disk"].detail
    assert found["templates"].ok, found["templates"]


def examine(target: Elasticsearch) -> list[Finding]:
    return list(target.examine(Deadline.after(30)))


def test_a_closed_port_is_a_clear_error(namespace: str, free_port: Callable[[], int]) -> None:
    gone = dataclasses.replace(_NOWHERE, url=f"http://127.0.0.1:{free_port()}")
    target = make_target(gone, namespace)
    with pytest.raises(UnreachableError, match="no connection"):
        target.desired()
    (finding,) = examine(target)
    assert finding.subject == "address"
    assert finding.ok is False


def test_the_next_node_is_asked_where_one_gives_no_connection(
    server: Running, namespace: str, free_port: Callable[[], int]
) -> None:
    gone = dataclasses.replace(server, url=f"http://127.0.0.1:{free_port()}")
    target = make_target(gone, namespace, nodes=(server.url,))
    apply(target, plan_of(target))
    assert not plan_of(target)
