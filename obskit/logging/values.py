"""Copies of what a service logs that any JSON encoder takes: bounded, acyclic, made of plain types.

No method of a value is ever called but of exact built-in types and of registered renderers: a
``__str__`` can raise, block, or print a secret that its class meant to hide.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict, deque
from collections.abc import Container, Mapping
from itertools import islice
from typing import Any, Final

from obskit.logging.redact import REDACTED, Names, Pattern
from obskit.logging.renderers import Renderer, find
from obskit.schema.fields import LIMITS

__all__ = ["ITEMS", "Copier", "clean", "cut", "type_name", "unused"]

#: Items of one list or object that are written.
ITEMS: Final = 1_000

# All values of one event: what is beyond would not fit into the line anyway.
_NODES: Final = 8_000
_INTEGERS: Final = (-(2**63), 2**64)


def type_name(value: object) -> str:
    """``<module.Class>`` of a value, without calling any of its methods.

    Args:
        value: Any value.
    """
    kind = type(value)
    try:
        module, name = (
            type.__getattribute__(kind, "__module__"),
            type.__getattribute__(kind, "__qualname__"),
        )
        if type(module) is not str or type(name) is not str:
            return "<object>"
    except Exception:  # noqa: BLE001 - a metaclass can hold anything
        return "<object>"
    return clean(f"<{name}>" if module == "builtins" else f"<{module}.{name}>")[:256]


def clean(text: str) -> str:
    r"""The text with lone surrogates written out (``\ud800``), which UTF-8 cannot carry.

    Args:
        text: An exact ``str``.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def cut(text: str, limit: int) -> tuple[str, bool]:
    """The text within a number of UTF-8 bytes, and whether it had to be cut; a cut text says so.

    Args:
        text: An exact ``str``.
        limit: The greatest number of UTF-8 bytes, 64 or more.
    """
    if len(text) * 4 <= limit:
        return clean(text), False
    # Of a huge text only the beginning is looked at: limit characters are limit bytes or more.
    head = clean(text[: limit + 1]).encode()
    if len(text) <= limit and len(head) <= limit:
        return head.decode(), False
    kept = head[: limit - 40].decode("utf-8", "ignore")
    return f"{kept}…[{len(text) - len(kept):,} more characters]", True


class Copier:
    """Copies the values of one event.

    Args:
        names: Says which names are secret.
        patterns: Take secrets out of texts.
        renderers: By type, for values of other types.
        cuts: Gets the paths of what was cut.
    """

    __slots__ = ("_above", "_cuts", "_left", "_names", "_patterns", "_renderers", "_room")

    def __init__(
        self,
        names: Names | None,
        patterns: tuple[Pattern, ...],
        renderers: Mapping[type, Renderer],
        cuts: set[str],
    ) -> None:
        self._names = names
        self._patterns = patterns
        self._renderers = renderers
        self._cuts = cuts
        self._left = _NODES
        self._room = 4 * LIMITS.LINE_BYTES
        self._above: set[int] = set()

    def copy(self, value: object, path: str, level: int = 1) -> object:
        """A plain copy of a value.

        Args:
            value: Any value.
            path: Its dotted path, to name what was cut.
            level: Objects above it, ``attributes`` included.
        """
        kind = type(value)
        if kind is str:
            return self.text(value, path)  # type: ignore[arg-type]
        if value is None or kind is bool:
            return value
        self._left -= 1
        if self._left < 0:
            self._cuts.add(path)
            return "…"
        if kind is int:
            return _integer(value)  # type: ignore[arg-type]
        if kind is float:
            return value if math.isfinite(value) else str(value)  # type: ignore[arg-type]
        if kind in _CONTAINERS:
            return self._container(value, path, level)
        return self._other(value, path, level)

    def text(self, value: str, path: str, limit: int = LIMITS.LEAF_BYTES) -> str:
        """A text without lone surrogates and secrets, within a number of bytes.

        Args:
            value: An exact ``str``.
            path: Its dotted path, to name what was cut.
            limit: The greatest number of UTF-8 bytes.
        """
        if self._room < 0:  # the line is full many times over: only beginnings are of use
            limit = 64
        text, was_cut = cut(self.without_secrets(value, limit), limit)
        self._room -= len(text)
        if was_cut:
            self._cuts.add(path)
        return text

    def without_secrets(self, value: str, limit: int = LIMITS.LEAF_BYTES) -> str:
        """A text without what the patterns find, as far as it can be written.

        Args:
            value: An exact ``str``.
            limit: The greatest number of UTF-8 bytes that are written of it.
        """
        for pattern in self._patterns:
            # A little more than is written, so that the end of a secret is seen with its beginning.
            value = pattern(value[: 2 * limit]) + value[2 * limit :]
        return value

    def key(self, key: object) -> str:
        """A key of an object as an index takes it.

        Args:
            key: Any key of a dictionary.
        """
        kind = type(key)
        if kind is str:
            text = clean(key[: LIMITS.KEY_BYTES + 1])  # type: ignore[index]
        elif key is None or kind in (bool, float):
            text = str(key)
        elif kind is int:
            text = str(_integer(key))  # type: ignore[arg-type]
        elif kind is bytes:
            text = _decoded(key[: LIMITS.KEY_BYTES + 1])  # type: ignore[index]
        else:
            text = type_name(key)
        if "\0" in text:
            text = text.replace("\0", "\\0")
        return text if len(text) * 4 <= LIMITS.KEY_BYTES else _cut_key(text)

    def _container(self, value: Any, path: str, level: int) -> object:
        kind = type(value)
        if kind is bytes or kind is bytearray:
            text = _decoded(bytes(value[: LIMITS.LEAF_BYTES + 1]))
            if len(value) > LIMITS.LEAF_BYTES:
                self._cuts.add(path)
            return self.text(text, path)
        mark = id(value)
        if mark in self._above:
            return f"<{kind.__name__} that contains itself>"
        if level >= LIMITS.ATTRIBUTE_DEPTH:
            self._cuts.add(path)
            return f"<{kind.__name__} of {len(value):,}>"
        self._above.add(mark)
        try:
            if kind in (dict, OrderedDict, defaultdict):
                return self._object(value, path, level + 1)
            return self._array(value, path, level + 1)
        except RuntimeError:  # another thread changed it meanwhile
            return f"<{kind.__name__} that changed while it was logged>"
        finally:
            self._above.discard(mark)

    def _object(self, value: dict[Any, Any], path: str, level: int) -> dict[str, object]:
        made: dict[str, object] = {}
        for key, inner in list(islice(dict.items(value), ITEMS)):
            name = unused(self.key(key), made)
            below = f"{path}.{name}"[:256]
            if self._names is not None and self._names(name):
                made[name] = REDACTED
            else:
                made[name] = self.copy(inner, below, level)
        if len(value) > ITEMS:
            self._cuts.add(path)
            made[unused("…", made)] = f"{len(value) - ITEMS:,} more"
        return made

    def _array(self, value: Any, path: str, level: int) -> list[object]:
        made = [self.copy(inner, path, level) for inner in list(islice(value, ITEMS))]
        if len(value) > ITEMS:
            self._cuts.add(path)
            made.append(f"… {len(value) - ITEMS:,} more")
        return made

    def _other(self, value: object, path: str, level: int) -> object:
        if level > LIMITS.ATTRIBUTE_DEPTH:
            return type_name(value)
        try:
            renderer = find(type(value), self._renderers)
            if renderer is None:
                return type_name(value)
            # One level deeper, so that a renderer that returns its argument comes to an end.
            return self.copy(renderer(value), path, level + 1)
        except Exception:  # noqa: BLE001 - a renderer can raise anything, and the line goes out all the same
            return type_name(value)


_CONTAINERS: Final = frozenset(
    {dict, list, tuple, set, frozenset, bytes, bytearray, OrderedDict, defaultdict, deque}
)


def unused(name: str, taken: Container[str]) -> str:
    """The name, or where it is taken already the name with a number behind it.

    Args:
        name: A key.
        taken: Keys.
    """
    if name not in taken:
        return name
    if len(name) * 4 > LIMITS.KEY_BYTES:  # room for the number
        name = name.encode()[: LIMITS.KEY_BYTES - 16].decode("utf-8", "ignore")
    number = 2
    while f"{name}#{number}" in taken:
        number += 1
    return f"{name}#{number}"


def _integer(value: int) -> object:
    if _INTEGERS[0] <= value < _INTEGERS[1]:
        return value
    bits = value.bit_length()
    return str(value) if bits <= 2_000 else f"<int of {bits:,} bits>"


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _cut_key(text: str) -> str:
    raw = text.encode()
    if len(raw) <= LIMITS.KEY_BYTES:
        return text
    return raw[: LIMITS.KEY_BYTES - 3].decode("utf-8", "ignore") + "…"
