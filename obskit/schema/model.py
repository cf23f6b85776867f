"""What a field is and what a schema is: values that every format is derived from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

__all__ = ["Field", "FieldType", "Requirement", "Schema"]

# A pattern that names characters and how many of them, and nothing else.
_CLASS: Final = re.compile(r"\^?\[([A-Za-z0-9._-]+)\]\{(\d+),(\d+)\}\$?")


class FieldType(StrEnum):
    """The type of a field, in Elasticsearch's words."""

    DATE = "date"
    KEYWORD = "keyword"
    TEXT = "text"
    IP = "ip"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    FLATTENED = "flattened"


class Requirement(StrEnum):
    """Whether an event must carry the field."""

    REQUIRED = "required"  # the key is there and has a value
    NULLABLE = "nullable"  # the key is there, its value may be null: absence is a decision
    OPTIONAL = "optional"  # neither


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the log schema.

    Args:
        name: Name on the wire; a dot makes a nested object (``error.type`` is ``{"error": {"type": …}}``).
        type: Type of the value.
        requirement: Whether an event must carry it.
        description: One sentence for people.
        example: A valid value.
        aliases: Names seen in the wild, best first; a dotted alias is matched both as a dotted key and as
            a nested object.
        allowed: The only values allowed, in order; empty for any.
        synonyms: Other spellings of allowed values, upper-case → canonical (``WARNING`` → ``WARN``).
        pattern: Regular expression that the whole of a string value matches; empty for any.
        min_length: Least length of a string in characters.
        max_length: Greatest length of a string in characters; 0 for no limit but the line's.
        minimum: Least value of a number.
        maximum: Greatest value of a number.
        redact: Whether the value is secret by nature and replaced by formatters.
        ecs: Name in the Elastic Common Schema, made an ``alias`` in the mapping; empty for none.
        otel: Name in OpenTelemetry's log data model or semantic conventions; empty for none.
        record: Attribute of ``logging.LogRecord`` that carries it; empty for none.
    """

    name: str
    type: FieldType
    requirement: Requirement = Requirement.OPTIONAL
    description: str = ""
    example: object = None
    aliases: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=dict)
    pattern: str = ""
    min_length: int = 0
    max_length: int = 0
    minimum: float | None = None
    maximum: float | None = None
    redact: bool = False
    ecs: str = ""
    otel: str = ""
    record: str = ""

    @property
    def required(self) -> bool:
        """Whether the key must be there."""
        return self.requirement is not Requirement.OPTIONAL

    @property
    def nullable(self) -> bool:
        """Whether null is a valid value."""
        return self.requirement is not Requirement.REQUIRED

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to the value on the wire."""
        return tuple(self.name.split("."))

    @property
    def alphabet(self) -> tuple[bytes, int, int] | None:
        """ASCII characters, least and greatest number of them, where the pattern says no more than that."""
        found = _CLASS.fullmatch(self.pattern)
        if found is None:
            return None
        inside = re.compile(f"[{found[1]}]")
        signs = bytes(code for code in range(128) if inside.match(chr(code)))
        least, greatest = max(self.min_length, int(found[2])), int(found[3])
        return signs, least, min(self.max_length or greatest, greatest)


@dataclass(frozen=True, kw_only=True)
class Schema:
    """An ordered list of fields; what is not among them goes below ``attributes``.

    Args:
        fields: The fields, in the order in which they are written.
        name: Name of the schema, for messages and generated files.
        version: Version of the schema, for generated files.
    """

    fields: tuple[Field, ...]
    name: str = "obskit"
    version: str = "1"

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by their names."""
        return {item.name: item for item in self.fields}

    @cached_property
    def by_alias(self) -> Mapping[str, Field]:
        """Fields by their aliases; canonical names are not among the keys."""
        return {alias: item for item in self.fields for alias in item.aliases}

    @cached_property
    def required(self) -> tuple[Field, ...]:
        """Fields whose key every event carries."""
        return tuple(item for item in self.fields if item.required)

    @cached_property
    def top_level(self) -> frozenset[str]:
        """The keys that may stand at the top of an event."""
        return frozenset(item.path[0] for item in self.fields)

    @cached_property
    def containers(self) -> frozenset[tuple[str, ...]]:
        """The paths of objects that hold fields, such as ``error`` of ``error.type``."""
        return frozenset(
            item.path[:depth] for item in self.fields for depth in range(1, len(item.path))
        )

    def extended(self, fields: Iterable[Field], *, name: str = "") -> Schema:
        """A schema with fields added, or replaced where the name is known already.

        Args:
            fields: The project's fields.
            name: Name of the new schema; the old one when empty.
        """
        new = {item.name: item for item in fields}
        kept = tuple(new.pop(item.name, item) for item in self.fields)
        return replace(self, fields=kept + tuple(new.values()), name=name or self.name)
