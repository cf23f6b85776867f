"""The quick path: lines of plain values, put together from prepared parts.

It writes exactly what the careful path would, or gives up and leaves the event to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from sys import modules
from typing import Any, Final

import orjson

from obskit.logging.clock import EDGE, LAST, MILLISECONDS, second
from obskit.logging.context import OTEL, current_span
from obskit.logging.event import Encoder
from obskit.logging.fields import MISSING, Nested, Quick
from obskit.logging.levels import KNOWN
from obskit.logging.redact import REDACTED
from obskit.logging.values import Copier
from obskit.schema.fields import LIMITS

__all__ = ["END", "NULL", "QuickPath"]

#: The end of a line without fields beside the message.
END: Final = b"}"
#: The trace id of an event outside a request.
NULL: Final = b"null"

_MOST: Final = LIMITS.LINE_BYTES // 4  # so that what the careful path bounds is bounded here
_LEAF: Final = LIMITS.LEAF_BYTES // 4  # characters that are surely short enough
_SCALARS: Final = frozenset({bool, type(None)})
_COPIED: Final = frozenset({dict, list})
_START: Final = b'{"timestamp":"'
_MESSAGE: Final = b',"message":'
_MILLISECONDS: Final = tuple(text.encode() for text in MILLISECONDS)
_ATTRIBUTE: Final = Quick.ATTRIBUTE
_REDACTED: Final = Quick.REDACTED
_SKIPPED: Final = Quick.SKIPPED
_NOT: Final = Quick.NOT


class QuickPath:
    """Writes events of plain values.

    Args:
        encoder: What all events have in common.
        service: Name of the service.
        logger: Whether every event carries its logger.
    """

    def __init__(self, encoder: Encoder, service: str, *, logger: bool) -> None:
        self._encoder = encoder
        self._service = service
        self._static = encoder.static
        self._logger = logger
        self._quick = encoder.router.quick
        self._second: tuple[int, bytes] = (-1, b"")
        self._loggers: dict[object, bytes] = {}
        self._levels = {name: self._level_parts(*known) for name, known in KNOWN.items()}
        self._ids = encoder.event_ids
        #: Whether it can be used: patterns look into every text.
        self.usable = not encoder.patterns

    def _level_parts(self, level: str, severity: str | None) -> tuple[bytes, bytes]:
        """What stands in every line of a level between timestamp and trace id, and after the message."""
        head = orjson.dumps({"level": level, "service": self._service})[1:-1]
        after = {**({"severity_text": severity} if severity else {}), **self._static}
        return b'",%b,"trace_id":' % head, (b"," + orjson.dumps(after)[1:-1] if after else b"")

    def line(  # noqa: PLR0917 - keywords would cost a tenth of the line
        self, level: str, created: float, name: str, message: str, trace: bytes, end: bytes
    ) -> bytes | None:
        """The line of an event; None where it is too long for the quick path.

        Args:
            level: Python's name of the level.
            created: Seconds since 1970.
            name: Name of the logger.
            message: The message.
            trace: The trace id as JSON.
            end: The rest of the line, from `end`.

        Raises:
            Exception: A value is not plain.
        """
        head, after = self._levels[level]
        whole = int(created)
        last, until = self._second
        if whole != last:
            until = self._tick(whole)
        logger = self._loggers.get(name)
        if logger is None:
            logger = self._logger_part(name)
        if trace is NULL and OTEL in modules and (span := current_span()):
            if b'"span_id"' in end:
                return None
            trace, end = b'"%b"' % span[0].encode(), b',"span_id":"%b"' % span[1].encode() + end
        line = b"".join((
            _START, until, _MILLISECONDS[int((created - whole) * 1000 + EDGE)], head, trace, _MESSAGE,
            orjson.dumps(message), after, logger, end,
        ))  # fmt: skip
        return line if len(line) <= _MOST else None

    def end(self, fields: dict[str, object], attributes: dict[str, object]) -> tuple[bytes, bytes]:
        """The trace id and the end of the line.

        Args:
            fields: Declared fields; used up.
            attributes: What goes below ``attributes``.
        """
        trace = NULL
        if "trace_id" in fields:
            given = fields.pop("trace_id")
            if type(given) is str:
                trace = orjson.dumps(given)
        if self._ids:
            self._encoder.identify(attributes)
        if attributes:
            fields["attributes"] = attributes
        return trace, b"," + orjson.dumps(fields)[1:] if fields else END

    def sort(
        self,
        names: Iterable[str],
        values: Mapping[str, Any],
        fields: dict[str, object],
        attributes: dict[str, object],
    ) -> bool:
        """Sorts values into declared fields and attributes; whether all are plain.

        Args:
            names: Which of the values.
            values: What the service logs.
            fields: Gets the declared fields.
            attributes: Gets the others.
        """
        quick = self._quick
        for key in names:
            value = values[key]
            route = quick.get(key)
            if route is _ATTRIBUTE:
                kind = type(value)
                if kind is str:
                    if len(value) > _LEAF:
                        return False
                elif kind is int:
                    pass  # one beyond 64 bits makes the encoder raise
                elif kind is float:
                    if not isfinite(value):
                        return False
                elif kind in _COPIED:
                    cuts: set[str] = set()
                    copier = Copier(self._encoder.names, (), self._encoder.renderers, cuts)
                    value = copier.copy(value, key)
                    if cuts:
                        return False
                elif kind not in _SCALARS:
                    return False
                attributes[key] = value
            elif route is _REDACTED:
                attributes[key] = REDACTED
            elif route is None or route is _NOT:
                return False
            elif isinstance(route, Nested):
                if value is not None:
                    checked = route.check(value)
                    if checked is MISSING:
                        return False
                    fields.setdefault(route.parent, {})[route.leaf] = checked  # type: ignore[index]
            elif route is not _SKIPPED and value is not None:
                checked = route(value)
                if checked is MISSING:
                    return False
                fields[key] = checked
        return True

    def _tick(self, whole: int) -> bytes:
        if not 0 < whole < LAST:
            raise ValueError("no time of the schema")
        text = second(whole).encode()
        self._second = (whole, text)  # one assignment: threads see the old pair or the new one
        return text

    def _logger_part(self, name: object) -> bytes:
        if type(name) is not str or len(name) > 1_024:
            raise TypeError("no name of a logger")
        part = b',"logger":' + orjson.dumps(name) if self._logger else b""
        if len(self._loggers) >= 1_024:  # names made from data must not fill the memory
            self._loggers.clear()
        self._loggers[name] = part
        return part
