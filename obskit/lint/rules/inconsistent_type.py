"""An undeclared field has another type than it had on an earlier line.

In an index with dynamic mapping the second one is refused, and which one comes second changes from day
to day. Declared fields have the type of the schema (rule `type`). Below `attributes` types may differ,
since that is one flattened field; `lint.attribute_types` (profile `strict`) compares them there as well.

Bad:  {"cart": 3}  and later  {"cart": {"items": 3}}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.schema.fields import ATTRIBUTES

ID: Final = "inconsistent-type"
SEVERITY: Final = Severity.WARNING

_NAMES: Final = {str: "a string", bool: "a boolean", int: "a number", float: "a number", dict: "an object",
                 list: "an array"}  # fmt: skip
_MOST: Final = 10_000  # names that are remembered, so that generated keys do not eat the memory


def check(line: Line, context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    if not isinstance(line.event, dict):
        return
    types = context.state.types
    for path, value in _undeclared(line, context):
        kind = _NAMES.get(type(value))
        if kind is None:  # null is of every type
            continue
        name = ".".join(path)
        first = types.get(name)
        if first is None:
            if len(types) < _MOST:
                types[name] = kind
        elif first != kind:
            yield Finding(f"{name} is {kind} here and was {first} on an earlier line", path)


def _undeclared(line: Line, context: Context) -> Iterator[tuple[tuple[str, ...], Any]]:
    event = line.event
    for item in line.strangers:
        if item.own is None:
            node: Any = event
            for key in item.path:
                node = node[key]
            yield from _leaves(item.path, node)
    if context.options.attribute_types and isinstance(event.get(ATTRIBUTES), dict):
        for key, value in event[ATTRIBUTES].items():
            yield from _leaves((ATTRIBUTES, key), value)


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, value
    if isinstance(value, dict) and len(path) < 20:
        for key, inner in value.items():
            yield from _leaves((*path, key), inner)
