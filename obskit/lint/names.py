"""Names on a line that the schema does not use itself: aliases, dotted keys and strangers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from obskit.schema.model import Schema

__all__ = ["Stranger", "places", "strangers"]


class Stranger(NamedTuple):
    """A key that is not canonical: where it stands, its dotted name, and the field it is an alias of."""

    path: tuple[str, ...]
    name: str
    own: str | None


def strangers(schema: Schema, event: Mapping[str, Any]) -> Iterator[Stranger]:
    """Every key of an event that is not canonical, as Validator tells them apart.

    Args:
        schema: The log schema.
        event: The decoded line.
    """
    yield from _below(schema, event, ())


def places(schema: Schema, event: Mapping[str, Any], name: str) -> Iterator[tuple[str, ...]]:
    """Where values stand under one name: a dotted key first, then nested objects.

    Args:
        schema: The log schema.
        event: The decoded line.
        name: A field's name or alias.
    """
    item = schema.by_name.get(name) or schema.by_alias[name]
    nested = tuple(name.split("."))
    for path in dict.fromkeys(((name,), nested)):
        node: Any = event
        for key in path:
            if not isinstance(node, dict) or key not in node:
                break
            node = node[key]
        else:
            if item.type == "flattened" or not isinstance(node, dict):
                yield path


def _below(schema: Schema, node: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[Stranger]:
    for key, value in node.items():
        path = (*above, key)
        name = ".".join(path)
        if "." not in key and name in schema.by_name:
            # {"host": {"name": …}}: the object is not the field's value, but it may hold it.
            if isinstance(value, dict) and schema.by_name[name].type != "flattened":
                yield from _nested(schema, path, value)
            continue
        if "." not in key and path in schema.containers:
            if isinstance(value, dict):
                yield from _below(schema, value, path)
            continue
        if name in schema.by_name:
            yield Stranger(path, name, name)
        elif name in schema.by_alias and (
            not isinstance(value, dict) or schema.by_alias[name].type == "flattened"
        ):
            yield Stranger(path, name, schema.by_alias[name].name)
        elif isinstance(value, dict) and (nested := list(_nested(schema, path, value))):
            yield from nested
        else:
            yield Stranger(path, name, None)


def _nested(schema: Schema, above: tuple[str, ...], node: Mapping[str, Any]) -> Iterator[Stranger]:
    """Dotted aliases that were written as objects, such as ``{"log": {"level": …}}``."""
    for key, value in node.items():
        path = (*above, key)
        name = ".".join(path)
        if isinstance(value, dict):
            yield from _nested(schema, path, value)
        elif name in schema.by_alias:
            yield Stranger(path, name, schema.by_alias[name].name)
