"""Who uses a log field: panels, searches and rules of the other targets, found in what they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from obskit.engine.resource import Body
from obskit.targets.base import Target

__all__ = ["users_of"]


def users_of(field: str, peers: Iterable[Target[Any]]) -> list[str]:
    """The objects of other targets that query a field: address, and title of the panel within it.

    A value is a use when it *is* the field's name (``{"field": "level"}``) or holds ``name:`` as query
    languages write it (``level:ERROR``, ``level : ERROR``).

    Args:
        field: Name of the field.
        peers: The other targets.
    """
    query = re.compile(rf"(?<![\w.\"']){re.escape(field)}\s*:")
    found: dict[str, None] = {}
    for peer in peers:
        for resource in peer.desired():
            for title in _titles(resource.body, field, query, ""):
                address = str(resource.address)
                found[f"{address} ({title})" if title else address] = None
    return list(found)


def _titles(body: Body, field: str, query: re.Pattern[str], title: str) -> Iterator[str]:
    """The nearest title above each use."""
    if isinstance(body, Mapping):
        own = body.get("title")
        here = own if isinstance(own, str) and own else title
        for key, value in body.items():
            if key not in ("title", "description"):
                yield from _titles(value, field, query, here)
    elif isinstance(body, list | tuple):
        for item in body:
            yield from _titles(item, field, query, title)
    elif isinstance(body, str) and (body == field or query.search(body)):
        yield title
