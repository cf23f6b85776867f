"""The Elasticsearch mapping and index settings of a schema, and of the quarantine.

The mapping has ``subobjects: false``: without it the keyword ``service`` and the alias
``service.name`` cannot stand side by side
(https://www.elastic.co/guide/en/elasticsearch/reference/8.7/subobjects.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from obskit.schema.fields import LIMITS
from obskit.schema.model import Field, FieldType, Schema

__all__ = ["export", "mapping", "quarantine_mapping", "settings"]

# Lucene refuses a term above 32,766 bytes; a UTF-16 unit takes at most three, a pair four.
_KEYWORD_UNITS: Final = 8_191

# Elasticsearch's own default is 1,000; written out so that an operator sees what bounds the stream.
_TOTAL_FIELDS: Final = 1_000

# What the shipping path itself writes beside the schema's fields.
_SHIPPED: Final[Mapping[str, Mapping[str, Any]]] = {
    "data_stream.type": {"type": "keyword", "ignore_above": 256},
    "data_stream.dataset": {"type": "keyword", "ignore_above": 256},
    "data_stream.namespace": {"type": "keyword", "ignore_above": 256},
}


def export(schema: Schema) -> dict[str, Any]:
    """The ``template`` of a component template: settings and mappings.

    Args:
        schema: The log schema.
    """
    return {"settings": settings(schema), "mappings": mapping(schema)}


def mapping(schema: Schema, *, subobjects: bool = False) -> dict[str, Any]:
    """The mapping of a stream that holds events of the schema.

    Args:
        schema: The log schema.
        subobjects: Lay the fields out as objects, for servers that do not index a nested ``error: {type}``
            below ``subobjects: false`` (8.7.1 stores it and finds nothing; 8.19 does index it). Names of
            ECS below a field of ours are then multi-fields (``service.name``) or, where they mean another
            field (``service.version``), left out.
    """
    properties: dict[str, Any] = {"@timestamp": {"type": "date"}}
    for field in schema.fields:
        properties[field.name] = _property(field)
    for name, body in _SHIPPED.items():
        properties.setdefault(name, dict(body))
    for field in schema.fields:
        if field.ecs and field.ecs != field.name:
            properties.setdefault(field.ecs, {"type": "alias", "path": field.name})
    layout: dict[str, Any] = {} if subobjects else {"subobjects": False}
    return {
        "dynamic": "false",
        **layout,
        "date_detection": False,
        "numeric_detection": False,
        "_meta": {"schema": schema.name, "schema_version": schema.version},
        "properties": _nested(properties) if subobjects else properties,
    }


def settings(schema: Schema) -> dict[str, Any]:
    """The index settings that belong to the mapping.

    Args:
        schema: The log schema.
    """
    aliases = sum(1 for field in schema.fields if field.ecs and field.ecs != field.name)
    needed = len(schema.fields) + len(_SHIPPED) + aliases + 1
    return {
        "index": {
            "mapping": {
                # Only for a schema that outgrows the default is it raised, to the next thousand.
                "total_fields": {"limit": max(_TOTAL_FIELDS, -(-needed // 1_000) * 1_000)},
            },
        }
    }


def quarantine_mapping() -> dict[str, Any]:
    """A mapping that refuses neither shape of what is quarantined.

    Filebeat's dead letter is ``{@timestamp, message, error.type, error.message}``; obskit's own documents
    are ``{@timestamp, message, reasons, service, error.*}``. ``message`` is the original event as text in
    both, so nothing of its content is parsed, and only these few names are mapped at all.
    """
    keyword = {"type": "keyword", "ignore_above": _KEYWORD_UNITS}
    properties: dict[str, Any] = {
        # ignore_malformed is not allowed here: whoever writes to the quarantine sets the time of writing.
        "@timestamp": {"type": "date"},
        "message": {"type": "text"},
        "reasons": dict(keyword),
        "service": dict(keyword),
        "error.type": dict(keyword),
        "error.message": {"type": "text"},
        **{name: dict(body) for name, body in _SHIPPED.items()},
    }
    return {
        "dynamic": "false",
        "date_detection": False,
        "numeric_detection": False,
        # Objects, not subobjects: false: Filebeat writes error nested (see mapping()).
        "properties": _nested(properties),
    }


def _nested(properties: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name, body in properties.items():
        *parents, leaf = name.split(".")
        level, path = root, ""
        for parent in parents:
            path = f"{path}.{parent}" if path else parent
            node = level.setdefault(parent, {"properties": {}})
            if "properties" not in node:
                if body.get("path") == path and len(name.split(".")) == len(path.split(".")) + 1:
                    node.setdefault("fields", {})[leaf] = _copy_of(node)
                break
            level = node["properties"]
        else:
            level[leaf] = body
    return root


def _copy_of(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "fields"}


def _property(field: Field) -> dict[str, Any]:
    body: dict[str, Any] = {"type": field.type.value}
    match field.type:
        case FieldType.KEYWORD:
            # The server counts UTF-16 units, of which a character takes up to two: what the schema
            # allows is never cut.
            body["ignore_above"] = min(2 * field.max_length or _KEYWORD_UNITS, _KEYWORD_UNITS)
        case FieldType.DATE:
            body["format"] = "strict_date_optional_time_nanos"
        case FieldType.FLATTENED:
            body["ignore_above"] = LIMITS.LEAF_BYTES
            body["depth_limit"] = LIMITS.ATTRIBUTE_DEPTH
        case _:
            pass
    return body
