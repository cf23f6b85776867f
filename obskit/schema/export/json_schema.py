"""JSON Schema, draft 2020-12, of one event (https://json-schema.org/draft/2020-12).

A dotted name is a nested object. ``format`` is asserted by validators only where they are told to;
the timestamp therefore carries its whole rule as a ``pattern`` too. Bounds that the log schema counts in bytes are
counted in characters here, for want of a word: a text of 8,191 characters that takes more bytes passes.
"""

from __future__ import annotations

from typing import Any, Final

from obskit.schema.fields import LIMITS
from obskit.schema.model import Field, FieldType, Schema

__all__ = ["export"]

_TYPES: Final = {
    FieldType.DATE: "string",
    FieldType.KEYWORD: "string",
    FieldType.TEXT: "string",
    FieldType.IP: "string",
    FieldType.LONG: "integer",
    FieldType.DOUBLE: "number",
    FieldType.BOOLEAN: "boolean",
    FieldType.FLATTENED: "object",
}


def export(schema: Schema) -> dict[str, Any]:
    """The JSON Schema of one event.

    Args:
        schema: The log schema.
    """
    root = _object("")
    for field in schema.fields:
        node = root
        for key in field.path[:-1]:
            node = node["properties"].setdefault(key, _object("An object of fields."))
            if field.required and key not in root.setdefault("required", []):
                root["required"].append(key)
        node["properties"][field.path[-1]] = _property(field)
        if field.required:
            node.setdefault("required", []).append(field.path[-1])
    flattened = any(field.type is FieldType.FLATTENED for field in schema.fields)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{schema.name} log event, schema version {schema.version}",
        **root,
        **({"$defs": _levels()} if flattened else {}),
    }


def _levels() -> dict[str, Any]:
    """What may stand at each level below a flattened field: the last one holds no further object."""
    made: dict[str, Any] = {
        "key": {"pattern": "^[^\\u0000]*$", "maxLength": LIMITS.KEY_BYTES},
    }
    for level in range(1, LIMITS.ATTRIBUTE_DEPTH + 1):
        here, below = f"level{level}", f"level{level + 1}"
        made[here] = {
            "maxLength": LIMITS.LEAF_BYTES,
            "items": {"$ref": f"#/$defs/{here}"},
            "propertyNames": {"$ref": "#/$defs/key"},
            "additionalProperties": {"$ref": f"#/$defs/{below}"},
        }
    last = f"level{LIMITS.ATTRIBUTE_DEPTH + 1}"
    made[last] = {
        "not": {"type": "object"},
        "maxLength": LIMITS.LEAF_BYTES,
        "items": {"$ref": f"#/$defs/{last}"},
    }
    return made


def _object(description: str) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "object"}
    if description:
        node = {"type": ["object", "null"], "description": description}
    # Unknown keys belong below attributes, so neither the event nor a nested object is open.
    node.update({"properties": {}, "additionalProperties": False})
    return node


def _property(field: Field) -> dict[str, Any]:
    kind = _TYPES[field.type]
    body: dict[str, Any] = {"type": [kind, "null"] if field.nullable else kind}
    if field.description:
        body["description"] = field.description
    if field.example is not None:
        body["examples"] = [field.example]
    if field.allowed:
        body["enum"] = [*field.allowed, *([None] if field.nullable else [])]
    if field.pattern:
        body["pattern"] = field.pattern
    if field.min_length:
        body["minLength"] = field.min_length
    if field.max_length:
        body["maxLength"] = field.max_length
    if field.minimum is not None:
        body["minimum"] = field.minimum
    if field.maximum is not None:
        body["maximum"] = field.maximum
    if field.type is FieldType.FLATTENED:
        body["$ref"] = "#/$defs/level1"
    elif field.type is FieldType.DATE:
        body["format"] = "date-time"
    elif field.type is FieldType.IP:
        body["anyOf"] = [
            {"format": "ipv4"},
            {"format": "ipv6"},
            *([{"type": "null"}] if field.nullable else []),
        ]
    return body
