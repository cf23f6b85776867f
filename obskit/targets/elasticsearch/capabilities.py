"""What a server can do, asked of the server itself: builds of one version differ in their modules."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from obskit.targets.elasticsearch.client import Client

__all__ = ["Capabilities", "probe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a server can do.

    Args:
        lifecycle: A template may carry a data stream lifecycle.
        ilm: An index may name an ILM policy.
        nested_events: Below ``subobjects: false`` a nested ``error: {type}`` is indexed. A server that lays
            objects of a *mapping* flat does the same to events; one that refuses them (8.7.1) stores
            the event's object and finds nothing in it.
    """

    lifecycle: bool
    ilm: bool
    nested_events: bool


_PROBES: Final[Mapping[str, Mapping[str, Any]]] = {
    "lifecycle": {"data_stream": {}, "template": {"lifecycle": {"data_retention": "30d"}}},
    "ilm": {"template": {"settings": {"index.lifecycle.name": "obskit-probe"}}},
    "nested_events": {
        "template": {
            "mappings": {
                "subobjects": False,
                "properties": {"a": {"properties": {"b": {"type": "keyword"}}}},
            }
        }
    },
}


def probe(client: Client) -> Capabilities:
    """Ask a server, by simulating templates that use what is asked about; nothing is written.

    Args:
        client: The server.

    Raises:
        ServerError: It does not answer, or refuses for another reason than the feature.
    """

    def ask(body: Mapping[str, Any]) -> bool:
        template = {"index_patterns": ["obskit-probe"], "priority": 2_000_000_000, **body}
        reply = client.call("POST", "/_index_template/_simulate", body=template, allow={400})
        return reply.status < 400

    with ThreadPoolExecutor(len(_PROBES), thread_name_prefix="probe") as pool:
        found = dict(zip(_PROBES, pool.map(ask, _PROBES.values()), strict=True))
    return Capabilities(**found)
