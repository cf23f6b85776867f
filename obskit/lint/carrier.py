"""Lines that container runtimes wrap: Docker's json-file and the CRI format of Kubernetes' nodes.

Both cut long lines into parts; the parts are joined again. The runtime's own time is the reference for the
rule ``clock-skew``. A line that is not of the carrier's form is taken as it is, so that the linter tells of it.

Formats: https://docs.docker.com/engine/logging/drivers/json-file/ and
https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from obskit.lint.line import Line
from obskit.lint.linter import LONGEST
from obskit.schema.model import Schema

__all__ = ["Carrier", "Unwrapper", "detect"]

_CRI: Final = re.compile(
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:[0-9]{2})) (stdout|stderr) ([PF])(?::[^ ]*)? (.*)",
    re.DOTALL,
)
_KEPT: Final = 1_024  # bytes of a line that is too long


class Carrier(StrEnum):
    """What lines are wrapped in."""

    PLAIN = "plain"
    DOCKER = "docker"
    CRI = "cri"


def detect(data: bytes) -> Carrier:
    """The carrier of a source, by its first line that is not blank.

    Args:
        data: The first lines.
    """
    line = data.lstrip(b" \t\r\n").split(b"\n", 1)[0]
    if _CRI.fullmatch(line.rstrip(b"\r")):
        return Carrier.CRI
    return Carrier.DOCKER if _docker(line) is not None else Carrier.PLAIN


@dataclass(slots=True)
class _Parts:
    """A line in the making; of one that gets too long only the beginning is kept."""

    number: int
    reference: float
    size: int = 1  # with its line feed
    texts: list[bytes] = field(default_factory=list)

    def add(self, text: bytes) -> None:
        self.size += len(text)
        if self.size <= LONGEST:
            self.texts.append(text)
        elif self.texts:
            self.texts = [self.texts[0][:_KEPT]]
        else:
            self.texts = [text[:_KEPT]]


class Unwrapper:
    """Takes lines out of their carrier; one for each source, since parts span blocks.

    Args:
        carrier: The carrier.
        schema: The log schema, for the lines that are made.
    """

    def __init__(self, carrier: Carrier, schema: Schema) -> None:
        self._carrier = carrier
        self._schema = schema
        self._parts: dict[bytes, _Parts] = {}  # by stream

    def lines(self, data: bytes, first: int) -> Iterator[Line]:
        """The service's own lines.

        Args:
            data: Whole lines of the carrier.
            first: Number of the first one.
        """
        for number, wrapped in enumerate(data.removesuffix(b"\n").split(b"\n"), first):
            raw = wrapped.removesuffix(b"\r")
            taken = _docker(raw) if self._carrier is Carrier.DOCKER else _cri(raw)
            if taken is None:
                yield Line(raw, self._schema, number)
                continue
            stream, reference, text, whole = taken
            parts = self._parts.setdefault(stream, _Parts(number, reference))
            parts.add(text)
            if whole:
                yield self._joined(self._parts.pop(stream))

    def rest(self) -> Iterator[Line]:
        """Lines whose last part never came."""
        for parts in self._parts.values():
            yield self._joined(parts)
        self._parts.clear()

    def _joined(self, parts: _Parts) -> Line:
        size = parts.size if parts.size > LONGEST else 0
        raw = b"".join(parts.texts)
        return Line(raw, self._schema, parts.number, reference=parts.reference, full_size=size)


def _docker(raw: bytes) -> tuple[bytes, float, bytes, bool] | None:
    if not raw.startswith(b"{"):
        return None
    try:
        wrapped = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(wrapped, dict) or not {"log", "time"} <= wrapped.keys() <= {
        "log",
        "time",
        "stream",
        "attrs",
    }:
        return None
    text, reference = wrapped["log"], _moment(wrapped["time"])
    if not isinstance(text, str) or reference is None:
        return None
    stream = str(wrapped.get("stream", "")).encode()
    inner = text.encode("utf-8", "surrogatepass")
    return stream, reference, inner.removesuffix(b"\n"), inner.endswith(b"\n")


def _cri(raw: bytes) -> tuple[bytes, float, bytes, bool] | None:
    found = _CRI.fullmatch(raw)
    reference = _moment(found[1].decode()) if found else None
    if found is None or reference is None:
        return None
    return found[2], reference, found[4], found[3] == b"F"


def _moment(text: object) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
