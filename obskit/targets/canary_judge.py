"""Whether a canary that arrived is what was written: value by value, stored and searchable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from obskit.schema import ATTRIBUTES, Field, FieldType, Schema

__all__ = ["flat", "judge", "queries"]

#: What stands in a document beside the schema's fields, by right.
_BESIDE: Final = frozenset({"@timestamp", "data_stream"})


def judge(
    hit: Mapping[str, Any],
    wanted: Mapping[str, Any],
    schema: Schema,
) -> list[str]:
    """What is wrong with a document that arrived; empty where all is right.

    Args:
        hit: The document, as the search returned it.
        wanted: Values by field.
        schema: The log schema.
    """
    source = hit["_source"]
    got = flat(source, schema)
    wrong = []
    for name, value in wanted.items():
        if name not in got:
            wrong.append(f"{name} is missing")
        elif not _contains(got[name], value):
            wrong.append(f"{name} is {_shown(got[name])}, not {_shown(value)}")
    if source.get("@timestamp") != wanted["timestamp"]:
        shown = _shown(source.get("@timestamp"))
        wrong.append(f"@timestamp is {shown}, not {_shown(wanted['timestamp'])}")
    more = sorted(key for key in source if key.split(".")[0] not in schema.top_level | _BESIDE)
    if more:
        wrong.append(f"it has undeclared fields: {', '.join(more)}")
    if hit.get("_ignored"):
        wrong.append(f"not indexed: {', '.join(hit['_ignored'])}")
    return wrong


def flat(event: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """The declared fields of an event by their dotted names, nested or dotted as they came.

    Args:
        event: The event.
        schema: The log schema.
    """
    found: dict[str, Any] = {}
    for field in schema.fields:
        if field.name in event:
            found[field.name] = event[field.name]
            continue
        node: Any = event
        for key in field.path:
            node = node.get(key) if isinstance(node, Mapping) else None
        if node is not None:
            found[field.name] = node
    return found


def _contains(got: Any, wanted: Any) -> bool:
    """Equal, but that a shipper may add to an object (``attributes.shipper``)."""
    if isinstance(got, Mapping) and isinstance(wanted, Mapping):
        return all(key in got and _contains(got[key], value) for key, value in wanted.items())
    if isinstance(got, bool) or isinstance(wanted, bool):
        return got is wanted
    return bool(got == wanted)


def queries(schema: Schema, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """For each field, the search that has to find the document by its value.

    Args:
        schema: The log schema.
        wanted: Values by field.
    """
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        query = _query(schema.by_name[name], value)
        if query is not None:
            found[name] = query
    return found


def _query(field: Field, value: Any) -> dict[str, Any] | None:
    if field.type is FieldType.FLATTENED:
        if field.name == ATTRIBUTES:
            return {"term": {f"{ATTRIBUTES}.obskit.canary": "true"}}
        return {"exists": {"field": field.name}}
    if field.type is FieldType.TEXT:
        return {"match": {field.name: {"query": value, "operator": "and"}}}
    return {"term": {field.name: value}}


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
