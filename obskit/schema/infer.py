"""A schema proposed from sample logs, and where services disagree about a field's type."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from obskit.schema.fields import ATTRIBUTES, BUILTIN
from obskit.schema.model import Field, FieldType, Requirement, Schema
from obskit.schema.validate import is_ip, is_timestamp

__all__ = ["Inference", "TypeConflict", "infer", "to_yaml"]

_DEPTH: Final = 3
_FIELDS: Final = 2_000  # keys made from data (ids as keys) must not fill the memory
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_KEYWORD: Final = 128  # longer texts are for reading


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeConflict:
    """A field that has different types.

    Args:
        field: Its name in the logs.
        types: Type → the services that write it so, with how often.
    """

    field: str
    types: Mapping[str, Mapping[str, int]]

    def __str__(self) -> str:
        parts = (
            f"{kind} in {', '.join(f'{name or chr(8211)} ({count}×)' for name, count in sorted(by.items()))}"
            for kind, by in sorted(self.types.items())
        )
        return f"{self.field}: {'; '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What sample logs say.

    Args:
        fields: Fields that a schema file could declare.
        conflicts: Fields whose type differs, between services or within one.
        aliases: Other names of fields of ours that were seen, with the field's name.
        events: Events that were read.
        skipped: Lines that are no JSON object.
    """

    fields: tuple[Field, ...]
    conflicts: tuple[TypeConflict, ...]
    aliases: Mapping[str, str]
    events: int
    skipped: int


@dataclass(slots=True)
class _Seen:
    count: int = 0
    types: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    example: object = None
    longest: int = 0
    least: float = 0


def infer(lines: Iterable[bytes | str], schema: Schema = BUILTIN) -> Inference:
    """A proposal for a schema file from sample logs.

    Args:
        lines: Lines of JSON.
        schema: The schema that is there already; its fields are not proposed again.
    """
    seen: dict[str, _Seen] = {}
    aliases: dict[str, str] = {}
    events = skipped = 0
    for line in lines:
        event = _decoded(line)
        if event is None:
            skipped += bool(line.strip())
            continue
        events += 1
        service = _service(event, schema)
        for name, value in _flat(event, schema):
            if name in schema.by_alias and name not in schema.by_name:
                aliases.setdefault(name, schema.by_alias[name].name)
            if value is None or (name not in seen and len(seen) >= _FIELDS):
                continue
            _note(seen.setdefault(name, _Seen()), service, value)
    proposed = [
        _field(name, what, events)
        for name, what in sorted(seen.items())
        if name not in schema.by_name and name not in schema.by_alias
    ]
    return Inference(
        fields=tuple(_unique(item for item in proposed if item is not None)),
        conflicts=tuple(_conflicts(seen)),
        aliases=dict(sorted(aliases.items())),
        events=events,
        skipped=skipped,
    )


def to_yaml(found: Inference) -> str:
    """The proposal as a schema file.

    Args:
        found: What `infer` found.
    """
    import yaml

    head = [
        f"# Proposed from {found.events:,} events by obskit schema infer: check each field, then keep it."
    ]
    head += [f"# Conflict: {conflict}" for conflict in found.conflicts]
    body: dict[str, Any] = {}
    for item in found.fields:
        entry: dict[str, Any] = {"type": item.type.value}
        if item.required:
            entry["requirement"] = item.requirement.value
        if item.example is not None:
            entry["example"] = item.example
        if item.aliases:
            entry["aliases"] = list(item.aliases)
        body[item.name] = entry
    return (
        "\n".join(head)
        + "\n"
        + yaml.safe_dump({"fields": body}, sort_keys=False, allow_unicode=True)
    )


def _decoded(line: bytes | str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _service(event: Mapping[str, Any], schema: Schema) -> str:
    own = schema.by_name.get("service")
    for name in ("service", *(own.aliases if own else ())):
        value: Any = event.get(name)
        if value is None and "." in name:
            above, _, key = name.partition(".")
            inner = event.get(above)
            value = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(value, str) and value:
            return value[:64]
    return ""


def _flat(
    event: Mapping[str, Any], schema: Schema, above: str = "", level: int = 1
) -> Iterator[tuple[str, Any]]:
    for key, value in event.items():
        name = f"{above}{key}"
        if name == ATTRIBUTES and isinstance(value, dict):
            yield from _flat(value, schema, "", level)
        elif isinstance(value, dict) and level < _DEPTH:
            yield from _flat(value, schema, f"{name}.", level + 1)
        else:
            yield name, value


def _note(what: _Seen, service: str, value: Any) -> None:
    what.count += 1
    what.types[_type(value)][service] += 1
    if isinstance(value, str):
        what.longest = max(what.longest, len(value))
    if what.example is None and not isinstance(value, dict | list):
        what.example = value[:80] if isinstance(value, str) else value


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "long"
    if isinstance(value, float):
        return "double"
    if isinstance(value, str):
        if is_timestamp(value):
            return "date"
        return "ip" if 2 < len(value) < 46 and is_ip(value) else "string"
    return "object" if isinstance(value, dict) else "array"


def _one_type(types: Iterable[str]) -> str | None:
    """The type that holds values of all these types; None where there is none."""
    kinds = set(types)
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {"long", "double"}:
        return "double"
    return "string" if kinds <= {"string", "date", "ip"} else None


def _field(name: str, what: _Seen, events: int) -> Field | None:
    kind = _one_type(what.types)
    if kind in (None, "object", "array") or what.longest > 8_191:
        return None  # it stays below attributes, where any type is right
    if kind == "string":
        kind = "text" if what.longest > _KEYWORD or "\n" in str(what.example) else "keyword"
    own = _CAMEL.sub("_", name).lower().replace("-", "_")
    if not _NAME.fullmatch(own):
        return None
    every = events >= 100 and what.count == events
    return Field(
        name=own,
        type=FieldType(kind or "keyword"),
        requirement=Requirement.REQUIRED if every else Requirement.OPTIONAL,
        example=what.example,
        aliases=() if own == name else (name,),
    )


def _unique(fields: Iterable[Field]) -> Iterator[Field]:
    taken: set[str] = set()
    for item in fields:
        above = {".".join(item.path[:depth]) for depth in range(1, len(item.path))}
        if (
            item.name not in taken
            and not above & taken
            and item.name.split(".")[0] not in BUILTIN.by_name
        ):
            taken.add(item.name)
            yield item


def _conflicts(seen: Mapping[str, _Seen]) -> Iterator[TypeConflict]:
    for name, what in sorted(seen.items()):
        if _one_type(what.types) is None:
            types = {kind: dict(by) for kind, by in what.types.items()}
            yield TypeConflict(field=name, types=types)
