"""What the keys of obskit.yml mean, read from the docstrings of the models that hold them."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

__all__ = ["Key", "describe"]

_ARGUMENT = re.compile(r"^    (?P<name>\w+): (?P<words>.*(?:\n {8}.*)*)", re.MULTILINE)


class Key(BaseModel):
    """One key of a section.

    Args:
        name: As it is written in obskit.yml.
        words: What it means.
        required: Whether it must be there.
        default: Its default as YAML would write it; empty for none that can be shown.
    """

    name: str
    words: str
    required: bool
    default: str


def describe(model: type[BaseModel]) -> list[Key]:
    """The keys of a section, in the order in which its model has them.

    Args:
        model: The section's model.
    """
    words = {
        found["name"]: " ".join(found["words"].split())
        for found in _ARGUMENT.finditer(inspect.cleandoc(model.__doc__ or ""))
    }
    return [
        Key(
            name=field.alias or name,
            words=words.get(name, ""),
            required=field.is_required(),
            default=""
            if field.is_required()
            else _shown(field.get_default(call_default_factory=True)),
        )
        for name, field in model.model_fields.items()
        if not field.exclude
    ]


def _shown(value: Any) -> str:
    match value:
        case None | "" | BaseModel():
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            return _duration(value)
        case tuple() | list():
            return f"[{', '.join(_shown(item) for item in value)}]"
        case dict():
            return "{}" if not value else ""
        case Path() | str() | int() | float():
            return str(value)
        case _:
            return ""


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
