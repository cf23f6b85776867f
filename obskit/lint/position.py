"""Where on a line a key or a value stands. Only findings that are shown pay for this."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["Member", "locate", "members"]

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder(parse_float=str, parse_int=str)


class Member(NamedTuple):
    """One member of an object.

    Args:
        path: The keys that lead to it, its own being the last.
        key: Span of the key, with its quotes.
        value: Span of the value.
        holder: Where the object begins that it is a member of.
    """

    path: tuple[str, ...]
    key: tuple[int, int]
    value: tuple[int, int]
    holder: int


def members(text: str) -> Iterator[Member]:
    """Every member of every object of a JSON text, an object before its own members.

    Members of objects inside arrays carry the path of the array.

    Args:
        text: A valid JSON text.
    """
    pending: list[tuple[int, tuple[str, ...]]] = [(_skip(text, 0), ())]
    while pending:
        start, path = pending.pop()
        found = list(_object(text, start, path))
        yield from found
        for member in reversed(found):
            pending.extend(_inner_objects(text, member.value, member.path))


def locate(text: str, path: tuple[str, ...], *, nth: int = -1) -> Member | None:
    """The member at a path; the last one where a key stands more than once.

    Args:
        text: A valid JSON text.
        path: The keys that lead to it; a dotted key is one key.
        nth: Which of several, from 0; -1 for the last, which is the one that readers keep.
    """
    found = [member for member in members(text) if member.path == path]
    if not found:
        return None
    return found[nth] if -len(found) <= nth < len(found) else found[-1]


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _object(text: str, start: int, path: tuple[str, ...]) -> Iterator[Member]:
    if text[start : start + 1] != "{":
        return
    at = _skip(text, start + 1)
    while text[at] == '"':
        key, after = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, after) + 1)
        _, end = _DECODER.raw_decode(text, value)
        yield Member((*path, key), (at, after), (value, end), start)
        at = _skip(text, end)
        if text[at] != ",":
            return
        at = _skip(text, at + 1)


def _inner_objects(
    text: str, span: tuple[int, int], path: tuple[str, ...]
) -> list[tuple[int, tuple[str, ...]]]:
    first = text[span[0]]
    if first == "{":
        return [(span[0], path)]
    if first != "[":
        return []
    found: list[tuple[int, tuple[str, ...]]] = []
    at = _skip(text, span[0] + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        found.extend(_inner_objects(text, (at, end), path))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found[::-1]
