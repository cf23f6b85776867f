"""Recognises objects of attributes by what they look like without their digits.

One place in a program writes one shape of attributes, with other numbers each time. Two texts of valid JSON that are
equal once their digits are taken out nest alike, and if the keys of one are distinct without their digits, so are
those of the other with theirs. So each shape is judged once; that a text is valid JSON is the decoder's business.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Raw

from obskit.schema.fields import LIMITS

__all__ = ["Skeletons"]

_DIGITS: Final = b"0123456789"
_NO_DIGITS: Final = str.maketrans("", "", "0123456789")
_REMEMBERED: Final = 4_096
_PATIENCE: Final = (
    16  # of so many texts at most one may be new, or judging each costs more than it saves
)


class _TwiceError(ValueError):
    """A key stands twice, or may."""


class Skeletons:
    """The shapes of attributes that are known to be sound."""

    def __init__(self) -> None:
        self._sound: set[bytes] = {b"null"}
        self.hopeless = False

    def sound(self, texts: Sequence[Raw]) -> bool:
        """Whether each text is an object without duplicate keys, of at most as many levels as the index takes.

        Args:
            texts: Texts of valid JSON in valid UTF-8, each shorter than the longest key allowed.
        """
        joined = b"\n".join(texts)
        if b"\\" in joined:  # an escape may have digits
            return False
        shapes = joined.translate(None, _DIGITS).split(b"\n")
        if len(shapes) != len(texts):  # a line feed inside
            return False
        if self._sound.issuperset(shapes):
            return True
        new = set(shapes) - self._sound
        if len(new) > 4 + len(shapes) // _PATIENCE:
            self.hopeless = len(shapes) > _PATIENCE * 4
            return False
        if len(self._sound) + len(new) > _REMEMBERED:
            self.hopeless = True
            return False
        for shape in new:
            if not _is_sound(bytes(texts[shapes.index(shape)])):
                return False
        self._sound |= new
        return True


def _is_sound(text: bytes) -> bool:
    try:
        value = json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and _levels(value) <= LIMITS.ATTRIBUTE_DEPTH


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key.translate(_NO_DIGITS) for key, _ in pairs}) != len(pairs):
        raise _TwiceError
    return dict(pairs)


def _levels(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_levels, value.values()), default=0)
    return max(map(_levels, value), default=0) if isinstance(value, list) else 0
