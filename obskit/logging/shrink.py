"""Cuts an event that is too long for one line, the least useful first, and says what was cut."""

from __future__ import annotations

from typing import Any, Final

import orjson

from obskit.schema.fields import ATTRIBUTES, LIMITS

__all__ = ["shrink"]

_MOST: Final = LIMITS.LINE_BYTES - 1  # the newline counts
# As they stand in the line, where a control character takes six bytes.
_MESSAGE: Final = 16_384
_STACK: Final = 20_480
_OTHER: Final = 1_024
_CORE: Final = ("timestamp", "level", "service", "trace_id", "message")
_MARK: Final = "_cut"


def shrink(event: dict[str, Any]) -> bytes:
    """The line of an event that is too long, within the limit and marked.

    Args:
        event: The event, made of plain values that can be encoded.
    """
    attributes = dict(event.get(ATTRIBUTES) or {})
    cuts = set(attributes.pop(_MARK, ()))
    made = _texts({key: value for key, value in event.items() if key != ATTRIBUTES}, "", cuts)
    room = _MOST - len(orjson.dumps(made)) - 2_048  # for the marks
    attributes = _attributes(attributes, room, cuts)
    line = _line(made, attributes, cuts)
    if len(line) <= _MOST:
        return line
    core: dict[str, Any] = {key: made[key] for key in _CORE if key in made}
    cuts.update(key for key in made if key not in core)
    cuts.add(ATTRIBUTES)
    return _line(core, {}, cuts)


def _line(event: dict[str, Any], attributes: dict[str, Any], cuts: set[str]) -> bytes:
    marks = sorted(cut[:96] for cut in cuts)[:16]
    return orjson.dumps({**event, ATTRIBUTES: {**attributes, _MARK: marks}})


def _texts(node: dict[str, Any], above: str, cuts: set[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in node.items():
        path = above + key
        if isinstance(value, dict):
            made[key] = _texts(value, f"{path}.", cuts)
        elif isinstance(value, str):
            limit = {"message": _MESSAGE, "error.stack": _STACK}.get(path, _OTHER)
            made[key] = _fit(value, limit, tail=path == "error.stack")
            if made[key] is not value:
                cuts.add(path)
        else:
            made[key] = value
    return made


def _fit(text: str, limit: int, *, tail: bool) -> str:
    """The text within a number of bytes as they stand in the line; of a stack the end matters most."""
    size = len(orjson.dumps(text))
    if size <= limit:
        return text
    whole, kept = len(text), len(text)
    shown = text
    while size > limit:
        kept = max(0, kept * (limit - 64) // size)
        mark = (
            f"…[{whole - kept:,} characters cut]…"
            if tail
            else f"…[{whole - kept:,} more characters]"
        )
        end = kept - kept // 4 if tail else 0
        shown = f"{text[: kept - end]}{mark}{text[whole - end :]}"
        size = len(orjson.dumps(shown))
    return shown


def _attributes(attributes: dict[str, Any], room: int, cuts: set[str]) -> dict[str, Any]:
    """The attributes within a number of bytes: the largest give way."""
    sizes = {key: len(orjson.dumps({key: value})) for key, value in attributes.items()}
    total = sum(sizes.values())
    made = dict(attributes)
    for key in sorted(sizes, key=lambda name: -sizes[name]):
        if total <= room:
            break
        note = f"…[{sizes[key]:,} bytes cut]"
        cuts.add(key)
        smaller = len(orjson.dumps({key: note}))
        if smaller < sizes[key]:
            made[key] = note
            total += smaller - sizes[key]
        else:
            del made[key]
            total -= sizes[key]
    if total > room:  # very many small ones
        for key in list(made)[::-1]:
            if total <= room:
                break
            total -= len(orjson.dumps({key: made.pop(key)}))
            cuts.add(ATTRIBUTES)
    return made
