"""The exported mapping on real servers: valid events are indexed whole and found by both of their names."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import pytest

from obskit.local.server import Running
from obskit.schema import BUILTIN, LIMITS
from obskit.schema.export import elasticsearch as export
from obskit.schema.load import parse_schema

pytestmark = pytest.mark.servers


@pytest.fixture(params=["elasticsearch", "elasticsearch_new"])
def index(request: pytest.FixtureRequest) -> tuple[httpx.Client, str, bool]:
    """A client, a fresh index's name, and whether nested objects need the object layout there."""
    running: Running = request.getfixturevalue(request.param)
    client = httpx.Client(base_url=running.url, timeout=30)
    return client, f"schema-{secrets.token_hex(4)}", request.param == "elasticsearch"


def full_event() -> dict[str, Any]:
    """An event that has every field, at its greatest length."""
    event: dict[str, Any] = {}
    for item in BUILTIN.fields:
        value = item.example
        if item.max_length:
            value = "😀" * item.max_length
        node = event
        for key in item.path[:-1]:
            node = node.setdefault(key, {})
        node[item.path[-1]] = value
    deep: Any = "é" * (LIMITS.LEAF_BYTES // 2)
    for _ in range(LIMITS.ATTRIBUTE_DEPTH):
        deep = {"k" * LIMITS.KEY_BYTES: deep}
    return {**event, "@timestamp": event["timestamp"], "attributes": deep}


def test_a_full_event_is_indexed_whole(index: tuple[httpx.Client, str, bool]) -> None:
    client, name, old = index
    body = {
        "settings": export.settings(BUILTIN),
        "mappings": export.mapping(BUILTIN, subobjects=old),
    }
    assert client.put(f"/{name}", json=body).status_code == 200
    done = client.post(f"/{name}/_doc?refresh=true", json=full_event())
    assert done.status_code == 201, done.text

    def found(query: dict[str, Any]) -> int:
        answer = client.post(f"/{name}/_search", json={"query": query}).json()
        return int(answer["hits"]["total"]["value"])

    assert found({"exists": {"field": "_ignored"}}) == 0
    for item in BUILTIN.fields:
        if item.name != "attributes":
            assert found({"exists": {"field": item.name}}) == 1, item.name
        lost = old and item.ecs in ("service.environment", "service.version", "event.action")
        if item.ecs and not lost:
            assert found({"exists": {"field": item.ecs}}) == 1, item.ecs
    client.delete(f"/{name}")


def test_a_project_schema_is_a_mapping_too(index: tuple[httpx.Client, str, bool]) -> None:
    client, name, old = index
    schema = parse_schema(
        "fields:\n  cart.items: {type: long}\n  order_id: {type: keyword, ecs: labels.order}\n"
        "  paid: {type: boolean}\n  at: {type: date}\n  ratio: {type: double}\n  peer: {type: ip}\n"
    )
    body = {"settings": export.settings(schema), "mappings": export.mapping(schema, subobjects=old)}
    done = client.put(f"/{name}", json=body)
    assert done.status_code == 200, done.text
    client.delete(f"/{name}")


def test_the_quarantine_takes_both_shapes(index: tuple[httpx.Client, str, bool]) -> None:
    client, name, _ = index
    assert client.put(f"/{name}", json={"mappings": export.quarantine_mapping()}).status_code == 200
    now = "2023-09-10T12:34:56Z"
    for document in (
        {"@timestamp": now, "message": '{"a": 1}', "error.type": 400, "error.message": "refused"},
        {
            "@timestamp": now,
            "message": "x",
            "error": {"type": "json", "message": "m", "code": {"a": [1]}},
        },
        {
            "@timestamp": now,
            "message": "x" * 500_000,
            "reasons": ["level: missing"],
            "service": "s",
        },
        {
            "@timestamp": now,
            "message": "",
            "reasons": ["é" * 30_000],
            "host": {"name": "h"},
            "a": {"b": 1},
        },
    ):
        done = client.post(f"/{name}/_doc?refresh=true", json=document)
        assert done.status_code == 201, done.text
    query = {"query": {"terms": {"error.type": ["400", "json"]}}}
    assert client.post(f"/{name}/_search", json=query).json()["hits"]["total"]["value"] == 2
    client.delete(f"/{name}")
