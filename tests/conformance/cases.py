"""How cases are written: a base event, what differs, and what comes of it."""

from __future__ import annotations

import base64
import json
from typing import Any

ABSENT = object()  # takes a key away

BASE: dict[str, Any] = {
    "timestamp": "2023-09-10T12:34:56Z",
    "level": "INFO",
    "service": "user-service",
    "trace_id": "abc123xyz",
    "message": "User login successful",
}
NORMALISED = {**BASE, "timestamp": "2023-09-10T12:34:56.000Z"}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**base, **changes}.items() if value is not ABSENT}


def dumped(event: Any) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


class Corpus:
    """Collects cases; ids are unique, so that a case can be named."""

    def __init__(self) -> None:
        self.cases: dict[str, dict[str, Any]] = {}

    def text(self) -> str:
        # escaped, so that U+2028 and the like split no line for anybody
        return "".join(json.dumps(case) + "\n" for case in self.cases.values())

    def raw(
        self,
        name: str,
        line: str | bytes,
        why: str,
        *rules: str,
        to: dict[str, Any] | None = None,
        notice: bool = False,
    ) -> None:
        """A case of a literal line; ``to`` is its whole normalised event."""
        assert name not in self.cases, name
        source: dict[str, str]
        if isinstance(line, bytes):
            source = {"line_base64": base64.b64encode(line).decode()}
        else:
            source = {"line": line}
        self.cases[name] = {
            "id": name,
            **source,
            "verdict": "valid" if notice or not rules else "invalid",
            "rules": sorted(rules),
            "normalised": to,
            "why": why,
        }

    def valid(
        self, name: str, why: str, changes: dict[str, Any], to: dict[str, Any] | None = None
    ) -> None:
        """A valid event: the base with changes. Normalised, it is itself, with ``to`` on top."""
        self.raw(
            name,
            dumped(merged(BASE, changes)),
            why,
            to=merged(
                NORMALISED, {**{k: v for k, v in changes.items() if k != "timestamp"}, **(to or {})}
            ),
        )

    def refused(self, name: str, why: str, changes: dict[str, Any], *rules: str) -> None:
        """An invalid event that cannot be repaired."""
        self.raw(name, dumped(merged(BASE, changes)), why, *rules)

    def repaired(
        self, name: str, why: str, changes: dict[str, Any], to: dict[str, Any], *rules: str
    ) -> None:
        """An invalid event that is repaired: normalised, it is the normalised base with ``to`` on top."""
        self.raw(name, dumped(merged(BASE, changes)), why, *rules, to=merged(NORMALISED, to))
