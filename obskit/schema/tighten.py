"""What a field must be like, and what a project may change of one of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from obskit.schema.model import Field, FieldType, Requirement, Schema
from obskit.schema.validate import Validator

__all__ = ["consistent", "field_problems", "tightened"]

_STRENGTH: Final = {Requirement.OPTIONAL: 0, Requirement.NULLABLE: 1, Requirement.REQUIRED: 2}
_TEXTS: Final = (FieldType.KEYWORD, FieldType.TEXT)
_NUMBERS: Final = (FieldType.LONG, FieldType.DOUBLE)


def field_problems(item: Field) -> Iterator[tuple[str, str]]:
    """What is wrong with a field by itself, as key and message.

    Args:
        item: The field.
    """
    texts = item.type in _TEXTS
    for key in ("allowed", "min_length", "max_length"):
        if getattr(item, key) and not texts:
            yield key, f"means nothing for the type {item.type}"
    for key in ("minimum", "maximum"):
        if getattr(item, key) is not None and item.type not in _NUMBERS:
            yield key, f"means nothing for the type {item.type}"
    if item.max_length and item.min_length > item.max_length:
        yield "min_length", f"{item.min_length} is above max_length {item.max_length}"
    if item.minimum is not None and item.maximum is not None and item.minimum > item.maximum:
        yield "minimum", f"{item.minimum} is above maximum {item.maximum}"
    for canonical in item.synonyms.values():
        if canonical not in item.allowed:
            yield "synonyms", f"{canonical!r} is none of the allowed values"
    try:
        re.compile(item.pattern)
    except re.error as error:
        yield "pattern", f"is no regular expression: {error}"
        return
    if item.example is not None:
        alone = Validator(Schema(fields=(item,)))
        event: object = item.example
        for key in reversed(item.path):
            event = {key: event}
        for broken in alone.validate(event):
            yield "example", broken.message


def tightened(before: Field, after: Field) -> Iterator[tuple[str, str]]:
    """What a project's version of a field allows that ours does not, as key and message.

    Args:
        before: The field of ours.
        after: The project's.
    """
    if after.type is not before.type:
        yield "type", f"is {before.type} and cannot be changed; choose another name"
    if _STRENGTH[after.requirement] < _STRENGTH[before.requirement]:
        yield "requirement", f"is {before.requirement} and cannot be loosened"
    if before.allowed and not set(after.allowed) <= set(before.allowed):
        yield "allowed", f"can only be fewer of {', '.join(before.allowed)}"
    if before.pattern != after.pattern and before.type is FieldType.DATE:
        yield "pattern", "cannot be changed: servers parse it"
    if before.min_length > after.min_length:
        yield "min_length", f"is at least {before.min_length}"
    if before.max_length and not 0 < after.max_length <= before.max_length:
        yield "max_length", f"is at most {before.max_length}"
    if before.minimum is not None and (after.minimum is None or after.minimum < before.minimum):
        yield "minimum", f"is at least {before.minimum}"
    if before.maximum is not None and (after.maximum is None or after.maximum > before.maximum):
        yield "maximum", f"is at most {before.maximum}"
    if before.redact and not after.redact:
        yield "redact", "cannot be taken back"
    if before.ecs and after.ecs != before.ecs:
        yield "ecs", f"is {before.ecs} and cannot be changed"


def consistent(schema: Schema) -> Iterator[tuple[str, str]]:
    """Where fields of a schema contradict each other, as field and message.

    Args:
        schema: The schema.
    """
    names = {item.name for item in schema.fields}
    owner: dict[str, str] = {}
    for item in schema.fields:
        for depth in range(1, len(item.path)):
            above = ".".join(item.path[:depth])
            if above in names:
                yield item.name, f"{item.name}: {above} is a field itself and holds no others"
        for alias in item.aliases:
            if alias in names:
                yield item.name, f"{item.name}: the alias {alias!r} is a field itself"
            elif owner.setdefault(alias, item.name) != item.name:
                yield (
                    item.name,
                    f"{item.name}: the alias {alias!r} is one of {owner[alias]} already",
                )
    ecs: dict[str, str] = {}
    for item in schema.fields:
        if item.ecs and ecs.setdefault(item.ecs, item.name) != item.name:
            yield (
                item.name,
                f"{item.name}: the ECS name {item.ecs} is that of {ecs[item.ecs]} already",
            )
        elif item.ecs in names and item.ecs != item.name:
            yield item.name, f"{item.name}: the ECS name {item.ecs} is a field itself"
