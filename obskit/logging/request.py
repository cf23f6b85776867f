"""What a request says of itself, and how much of it is believed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from obskit.errors import ConfigError, Problem
from obskit.logging.context import parse_traceparent
from obskit.schema.fields import BUILTIN

__all__ = ["Proxies", "trace_of"]

_TRACE: Final = re.compile(BUILTIN.by_name["trace_id"].pattern)
_HOPS: Final = 32


class Proxies:
    """Knows whose ``X-Forwarded-For`` is believed.

    Args:
        trusted: Addresses and networks of one's own proxies; ``*`` is refused, since everybody could then
            choose an address to be logged under.

    Raises:
        ConfigError: One is no address and no network.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        problems: list[Problem] = []
        self._networks = []
        for text in (trusted,) if isinstance(trusted, str) else trusted:
            try:
                self._networks.append(ip_network(text, strict=False))
            except ValueError:
                message = f"trusted proxy {text!r} is no address and no network, such as 10.0.0.0/8"
                problems.append(Problem(rule="logging/proxy", message=message))
        if problems:
            raise ConfigError(problems)
        self._trusts = lru_cache(maxsize=1_024)(self._is_trusted)

    def client(self, peer: str | None, forwarded: Sequence[str]) -> str | None:
        """The address of the client.

        Read from the right: each proxy appends the address that it sees, so the first one from there that is
        not one's own is the client, and what stands left of it is the client's own invention.

        Args:
            peer: Address of the connection's other end; a socket's path or None where it has none.
            forwarded: Values of all ``X-Forwarded-For`` headers, in their order.
        """
        found = _address(peer or "")
        if found is None:
            # A Unix socket: the peer is the proxy on this machine, if any proxy is trusted at all.
            if not self._networks or peer:
                return None
        elif not self._trusts(found):
            return str(found)
        hops = [hop for value in forwarded for hop in value.split(",")][-_HOPS:]
        for hop in reversed(hops):
            address = _address(hop.strip())
            if address is None:
                break
            found = address
            if not self._trusts(address):
                break
        return None if found is None else str(found)

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in ``1.2.3.4``, ``1.2.3.4:567``, ``::1`` or ``[::1]:567``."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A client of a dual-stack socket: its IPv4 address is what the rest of the world knows.
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def trace_of(headers: Mapping[str, str]) -> dict[str, object]:
    """``trace_id``, and ``span_id`` where it is known, of a request's headers; a new id where there is none.

    Args:
        headers: Headers by their lower-case names.
    """
    ids = parse_traceparent(headers.get("traceparent"))
    if ids is not None:
        return {"trace_id": ids[0], "span_id": ids[1]}
    for name in ("x-trace-id", "x-request-id", "x-correlation-id"):
        value = headers.get(name, "")
        if _TRACE.fullmatch(value):
            return {"trace_id": value}
    return {"trace_id": secrets.token_hex(16)}
