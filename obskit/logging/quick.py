"""The quick path: lines of plain values, put together from prepared parts.

It writes exactly what the careful path would, or gives up and leaves the event to it. The native part (native/)
does it in one go; `QuickPath` is the same in Python, for where obskit was installed without a Rust compiler.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from math import isfinite
from sys import intern, modules
from typing import Any, Final, Protocol

import orjson

from obskit.logging.clock import EDGE, LAST, MILLISECONDS, second
from obskit.logging.context import OTEL, current_span
from obskit.logging.event import Encoder
from obskit.logging.fields import MISSING, Nested, Quick
from obskit.logging.levels import KNOWN
from obskit.logging.redact import REDACTED
from obskit.logging.values import ITEMS, Copier
from obskit.schema.fields import LIMITS

__all__ = ["STANDARD", "Lines", "QuickPath", "quick_path"]

#: The attributes of a record of the standard library, in the order in which it gets them.
STANDARD: Final = tuple(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)

_COUNT: Final = len(STANDARD)
# The attribute that a record gets last; what comes after it was added by the service.
_LAST: Final = STANDARD[-1]
_END: Final = b"}"
_NULL: Final = b"null"
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

Bound = Mapping[str, object] | None


class Lines(Protocol):
    """What writes lines of plain values; None where one is not plain, and whatever is raised means the same."""

    def record(self, have: dict[str, Any], message: str, bound: Bound, /) -> bytes | None:
        """The line of a record of the standard library.

        Args:
            have: Its attributes.
            message: Its message.
            bound: What is bound in the context.
        """

    def event(  # noqa: PLR0917 - keywords would cost a tenth of the line
        self, level: str, created: float, name: str, message: str, event: dict[str, Any], bound: Bound, /
    ) -> bytes | None:  # fmt: skip
        """The line of an event of structlog.

        Args:
            level: Python's name of the level.
            created: Seconds since 1970.
            name: Name of the logger.
            message: The message.
            event: The values beside it.
            bound: What is bound in the context.
        """


def quick_path(encoder: Encoder, service: str, chosen: Iterable[str]) -> Lines:
    """The quick path of a formatter, native where it can be had.

    Args:
        encoder: What all events have in common.
        service: Name of the service.
        chosen: Which of ``logger``, ``thread`` and ``pid`` every event carries.
    """
    python = QuickPath(encoder, service, chosen)
    try:
        from obskit._native import Writer
    except ImportError:
        return python
    names, chosen = encoder.names, frozenset(chosen)
    return Writer({
        "levels": [(level, *parts) for level, parts in python.levels.items()],
        "standard": [intern(name) for name in STANDARD],
        "logger": "logger" in chosen,
        "thread": "thread" in chosen,
        "pid": "pid" in chosen,
        "route": encoder.router.answer,
        "secret": names or _never,
        "next_id": encoder.next_id if encoder.event_ids else None,
        "span": current_span,
        "modules": modules,
        "otel": OTEL,
        "missing": MISSING,
        "redacted": REDACTED,
        "most": _MOST,
        "leaf": LIMITS.LEAF_BYTES,
        "key": LIMITS.KEY_BYTES // 4,
        "depth": LIMITS.ATTRIBUTE_DEPTH,
        "items": ITEMS,
    })  # fmt: skip


def _never(_name: str) -> bool:
    return False


class QuickPath:
    """Writes events of plain values.

    Args:
        encoder: What all events have in common.
        service: Name of the service.
        chosen: Which of ``logger``, ``thread`` and ``pid`` every event carries.
    """

    def __init__(self, encoder: Encoder, service: str, chosen: Iterable[str]) -> None:
        chosen = frozenset(chosen)
        self._encoder = encoder
        self._service = service
        self._static = encoder.static
        self._logger = "logger" in chosen
        self._thread = "thread" in chosen
        self._pid = "pid" in chosen
        self._quick = encoder.router.quick
        self._second: tuple[int, bytes] = (-1, b"")
        self._loggers: dict[object, bytes] = {}
        #: By Python's names: what stands between timestamp and trace id, and behind the message.
        self.levels = {name: self._level_parts(*known) for name, known in KNOWN.items()}
        self._ids = encoder.event_ids
        # Whether every line has something beside its message.
        self._always = self._thread or self._pid or self._ids

    def record(self, have: dict[str, Any], message: str, bound: Bound, /) -> bytes | None:
        """The line of a record of the standard library; see `Lines`."""
        if have["exc_info"] or have["stack_info"]:
            return None
        trace, end = _NULL, _END
        count = len(have)
        if bound is not None or self._always or count != _COUNT or next(reversed(have)) != _LAST:
            fields: dict[str, object] = {}
            attributes: dict[str, object] = {}
            if self._thread and type(have["threadName"]) is str:
                fields["thread"] = have["threadName"][:1_024]
            if self._pid and type(have["process"]) is int:
                fields["pid"] = have["process"]
            keys = list(have)
            if keys[_COUNT - 1] != _LAST:
                return None  # a record of another make
            if not self._sort(keys[_COUNT:], have, fields, attributes):
                return None
            if bound is not None:
                # An event's own value beats a bound one.
                names = bound if count == _COUNT else [name for name in bound if name not in have]
                if not self._sort(names, bound, fields, attributes):
                    return None
            trace, end = self._end(fields, attributes)
        return self._line(have["levelname"], have["created"], have["name"], message, trace, end)

    def event(  # noqa: PLR0917 - keywords would cost a tenth of the line
        self, level: str, created: float, name: str, message: str, event: dict[str, Any], bound: Bound, /
    ) -> bytes | None:  # fmt: skip
        """The line of an event of structlog; see `Lines`."""
        trace, end = _NULL, _END
        if event or bound is not None or self._ids:
            fields: dict[str, object] = {}
            attributes: dict[str, object] = {}
            if not self._sort(event, event, fields, attributes):
                return None
            if bound is not None:
                names = [given for given in bound if given not in event]
                if not self._sort(names, bound, fields, attributes):
                    return None
            trace, end = self._end(fields, attributes)
        return self._line(level, created, name, message, trace, end)

    def _level_parts(self, level: str, severity: str | None) -> tuple[bytes, bytes]:
        """What stands in every line of a level between timestamp and trace id, and after the message."""
        head = orjson.dumps({"level": level, "service": self._service})[1:-1]
        after = {**({"severity_text": severity} if severity else {}), **self._static}
        return b'",%b,"trace_id":' % head, (b"," + orjson.dumps(after)[1:-1] if after else b"")

    def _line(  # noqa: PLR0917 - as above
        self, level: str, created: float, name: str, message: str, trace: bytes, end: bytes
    ) -> bytes | None:
        if type(created) is not float:  # making an integer of a Decimal can take minutes
            return None
        head, after = self.levels[level]
        whole = int(created)
        last, until = self._second
        if whole != last:
            until = self._tick(whole)
        logger = self._loggers.get(name)
        if logger is None:
            logger = self._logger_part(name)
        if trace is _NULL and OTEL in modules and (span := current_span()):
            if b'"span_id"' in end:
                return None
            trace, end = b'"%b"' % span[0].encode(), b',"span_id":"%b"' % span[1].encode() + end
        line = b"".join((
            _START, until, _MILLISECONDS[int((created - whole) * 1000 + EDGE)], head, trace, _MESSAGE,
            orjson.dumps(message), after, logger, end,
        ))  # fmt: skip
        return line if len(line) <= _MOST else None

    def _end(self, fields: dict[str, object], attributes: dict[str, object]) -> tuple[bytes, bytes]:
        """The trace id, and the rest of the line; the fields are used up."""
        trace = _NULL
        if "trace_id" in fields:
            given = fields.pop("trace_id")
            if type(given) is str:
                trace = orjson.dumps(given)
        if self._ids:
            self._encoder.identify(attributes)
        if attributes:
            fields["attributes"] = attributes
        return trace, b"," + orjson.dumps(fields)[1:] if fields else _END

    def _sort(
        self,
        names: Iterable[str],
        values: Mapping[str, Any],
        fields: dict[str, object],
        attributes: dict[str, object],
    ) -> bool:
        """Sorts values into declared fields and attributes; whether all are plain."""
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
