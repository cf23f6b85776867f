"""Every string of an event, for the rules that read all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["strings"]


def strings(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every string value with the keys that lead to it; list items have the path of their list.

    Args:
        value: A decoded line, or a part of it.
        path: The keys that lead to the part.
    """
    pending = [(path, value)]
    while pending:
        at, node = pending.pop()
        if isinstance(node, str):
            yield at, node
        elif isinstance(node, dict):
            pending.extend(((*at, key), inner) for key, inner in reversed(node.items()))
        elif isinstance(node, list):
            pending.extend((at, inner) for inner in reversed(node))
