"""The formatter of the standard library's logging: one record, one JSON line of the schema."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from re import Pattern as Expression
from sys import modules
from typing import Any, Final

import orjson

from obskit.errors import ConfigError, Problem
from obskit.logging.clock import LAST, MILLISECONDS, second, stamp
from obskit.logging.context import CONTEXT, current_span
from obskit.logging.event import Draft, Encoder
from obskit.logging.failure import describe, exception_of, text_of
from obskit.logging.fields import LEFT_BY_OTHERS, MISSING, Quick
from obskit.logging.levels import KNOWN, level_of
from obskit.logging.redact import REDACTED, Names, patterns
from obskit.logging.renderers import Renderer
from obskit.logging.values import Copier, type_name
from obskit.schema.fields import ATTRIBUTES, BUILTIN, LIMITS
from obskit.schema.model import Schema

__all__ = ["JSONFormatter", "fill"]

_STANDARD: Final = tuple(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)
_COUNT: Final = len(_STANDARD)
# The attribute that a record gets last; what comes after it was added by the service.
_LAST: Final = _STANDARD[-1]
_KNOWN_KEYS: Final = frozenset(_STANDARD) | LEFT_BY_OTHERS
_MOST: Final = LIMITS.LINE_BYTES - 1
_QUICK_MOST: Final = LIMITS.LINE_BYTES // 4  # so that what the careful path bounds is bounded here
_LEAF: Final = LIMITS.LEAF_BYTES // 4  # characters that are surely short enough
_OPTIONAL: Final = ("logger", "thread", "pid")
_SCALARS: Final = frozenset({int, bool, type(None)})
_COPIED: Final = frozenset({dict, list})
_START: Final = b'{"timestamp":"'
_MESSAGE: Final = b',"message":'
_NULL: Final = b"null"
_MILLISECONDS: Final = tuple(text.encode() for text in MILLISECONDS)
_OTEL: Final = "opentelemetry.trace"
_ATTRIBUTE: Final = Quick.ATTRIBUTE
_REDACTED: Final = Quick.REDACTED
_SKIPPED: Final = Quick.SKIPPED
_NOT: Final = Quick.NOT


class JSONFormatter(logging.Formatter):
    """Writes records as JSON lines of the log schema; it never raises and never changes a record.

    Args:
        service: Name of the service; it must not be empty.
        environment: Deployment environment, if every event shall carry it.
        version: Version of the service, if every event shall carry it.
        host: Name of the host; shippers write it too, so it is left out by default.
        fields: Which of ``logger``, ``thread`` and ``pid`` every event carries.
        redact: Words that make a field's name secret, in place of the default ones; one that ends with
            ``$`` counts at the end of a name only. An empty list redacts nothing.
        redact_patterns: Names of patterns (``card``, ``key``) or compiled expressions, taken out of all texts.
        renderers: By type, functions that make a plain value of one that is of no built-in type.
        event_ids: Whether every event carries an id of its own, ``attributes.event_id``.
        schema: The log schema.

    Raises:
        ConfigError: An argument is wrong.
    """

    def __init__(
        self,
        *,
        service: str,
        environment: str = "",
        version: str = "",
        host: str = "",
        fields: Iterable[str] = ("logger",),
        redact: Iterable[str] | None = None,
        redact_patterns: Iterable[str | Expression[str]] = (),
        renderers: Mapping[type, Renderer] | None = None,
        event_ids: bool = False,
        schema: Schema = BUILTIN,
    ) -> None:
        super().__init__()
        chosen = tuple(fields)
        self._check(service, chosen)
        try:
            found = patterns(redact_patterns)
        except ValueError as error:
            raise ConfigError([Problem(rule="logging/pattern", message=str(error))]) from error
        words = None if redact is None else tuple(redact)
        static = {"environment": environment, "version": version, "host": host}
        self.service = service
        self.encoder = Encoder(
            schema=schema,
            static={key: value for key, value in static.items() if value},
            names=None if words == () else Names(words),
            patterns=found,
            renderers=dict(renderers or {}),
            event_ids=event_ids,
            taken=("severity_text", "span_id", *_OPTIONAL),
        )
        self._static = self.encoder.static
        self._quick = self.encoder.router.quick
        self._second: tuple[int, bytes] = (-1, b"")
        self._logger = "logger" in chosen
        self._thread = "thread" in chosen
        self._pid = "pid" in chosen
        self._process = self._thread or self._pid
        self._loggers: dict[str, bytes] = {}
        self._levels = {name: self._level_parts(*known) for name, known in KNOWN.items()}
        # Patterns look into every text and ids are put last: both are the careful path's.
        self._plain = not found and not event_ids

    def _level_parts(self, level: str, severity: str | None) -> tuple[bytes, bytes]:
        """What stands in every line of a level between timestamp and trace id, and after the message."""
        head = orjson.dumps({"level": level, "service": self.service})[1:-1]
        after = {**({"severity_text": severity} if severity else {}), **self._static}
        return b'",%b,"trace_id":' % head, (b"," + orjson.dumps(after)[1:-1] if after else b"")

    @staticmethod
    def _check(service: str, fields: tuple[str, ...]) -> None:
        problems = [
            Problem(
                rule="logging/field",
                message=f"no field {name!r} to add; there are {', '.join(_OPTIONAL)}",
            )
            for name in fields
            if name not in _OPTIONAL
        ]
        if type(service) is not str or not 1 <= len(service) <= 256:
            text = f"service is {service!r}; it needs a name of 1 to 256 characters, such as 'user-service'"
            problems.insert(0, Problem(rule="logging/service", message=text))
        if problems:
            raise ConfigError(problems)

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, without its newline.

        Args:
            record: Any record; it is not changed.
        """
        return self.line(record).decode()

    def line(self, record: logging.LogRecord) -> bytes:
        """The record's line in UTF-8, without its newline.

        Args:
            record: Any record; it is not changed.
        """
        message: str | None = None
        try:
            have = record.__dict__
            message = have["msg"]
            if type(message) is not str:
                return self._careful(record, None)
            if have["args"]:
                try:
                    message = message % have["args"]
                except Exception:  # noqa: BLE001 - an argument's __str__ can raise anything, and is not tried twice
                    return self._careful(
                        record, self._with_bad_args(message, have["args"]), bad_args=True
                    )
            if self._plain and not have["exc_info"] and not have["stack_info"]:
                line = self._quick_line(have, message)
                if line is not None:
                    return line
        except Exception:  # noqa: BLE001 - no plain record: the careful path takes every part by itself
            return self._careful(record, message if type(message) is str else None)
        return self._careful(record, message)

    def _quick_line(self, have: dict[str, Any], message: str) -> bytes | None:
        """The line of a record of plain values, put together from prepared parts; None where it is not plain."""
        head, after = self._levels[have["levelname"]]
        created = have["created"]
        whole = int(created)
        last, second_ = self._second
        if whole != last:
            second_ = self._tick(whole)
        name = have["name"]
        logger = self._loggers.get(name)
        if logger is None:
            logger = self._logger_part(name)
        trace, beside = _NULL, b"}"
        bound = CONTEXT.get()
        if (
            bound is not None
            or self._process
            or len(have) != _COUNT
            or next(reversed(have)) != _LAST
        ):
            found = self._beside(have, bound)
            if found is None:
                return None
            trace, beside = found
        if _OTEL in modules and trace is _NULL:
            return None
        line = b"".join((
            _START, second_, _MILLISECONDS[int((created - whole) * 1000)], head, trace, _MESSAGE,
            orjson.dumps(message), after, logger, beside,
        ))  # fmt: skip
        return line if len(line) <= _QUICK_MOST else None

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

    def _beside(
        self, have: dict[str, Any], bound: Mapping[str, object] | None
    ) -> tuple[bytes, bytes] | None:
        """The trace id and the end of the line; None where a value is not plain or a name not known."""
        fields: dict[str, object] = {}
        if self._process:
            if self._thread and type(have["threadName"]) is str:
                fields["thread"] = have["threadName"][:1_024]
            if self._pid and type(have["process"]) is int:
                fields["pid"] = have["process"]
        extras: list[tuple[str, object]] = []
        for item in reversed(have.items()):
            if item[0] == _LAST:
                break
            extras.append(item)
        if len(have) - len(extras) != _COUNT:
            return None  # a record of another make
        extras.reverse()
        if bound is not None:
            # An event's own value beats a bound one.
            extras += (
                [item for item in bound.items() if item[0] not in have] if extras else bound.items()
            )
        attributes = self._sort(extras, fields, have)
        if attributes is None:
            return None
        trace = fields.pop("trace_id", None)
        end = b"," + orjson.dumps(fields)[1:-1] if fields else b""
        if attributes:
            end += b',"attributes":' + orjson.dumps(attributes)
        return (b'"%b"' % trace.encode() if type(trace) is str else _NULL), end + b"}"

    def _sort(
        self,
        items: Iterable[tuple[str, object]],
        fields: dict[str, object],
        have: Mapping[str, Any],
    ) -> dict[str, object] | None:
        """Sorts values into declared fields and attributes, where all are plain."""
        quick = self._quick
        attributes: dict[str, object] = {}
        for key, value in items:
            route = quick.get(key)
            if route is _ATTRIBUTE:
                kind = type(value)
                if kind is str:
                    if len(value) > _LEAF:  # type: ignore[arg-type]
                        return None
                elif kind is float:
                    if not isfinite(value):  # type: ignore[arg-type]
                        return None
                elif kind in _COPIED:
                    cuts: set[str] = set()
                    copier = Copier(self.encoder.names, (), self.encoder.renderers, cuts)
                    attributes[key] = copier.copy(value, key)
                    if cuts:
                        return None
                    continue
                elif kind not in _SCALARS:
                    return None
                attributes[key] = value
            elif route is _REDACTED:
                attributes[key] = REDACTED
            elif route is None or route is _NOT or (route is _SKIPPED and key not in have):
                return None
            elif route is not _SKIPPED and value is not None:
                checked = route(value)  # type: ignore[operator]
                if checked is MISSING:
                    return None
                fields[key] = checked
        return attributes

    def _careful(self, record: Any, message: str | None, *, bad_args: bool = False) -> bytes:
        """The line of any record; every part is guarded by itself."""
        level, severity = "INFO", None
        when = stamp(time.time())[0]
        try:
            level, severity = level_of(_get(record, "levelname"), _get(record, "levelno"))
            when, right = stamp(_get(record, "created"))
            if message is None:
                message, bad_args = self._message(record)
            draft = self._draft(level, when, message)
            if not right:
                draft.invalid("timestamp")
            if bad_args:
                draft.invalid("message")
            self._fill(draft, record, severity)
            return draft.line()
        except Exception:  # noqa: BLE001 - the line goes out whatever the record holds
            return self._last_resort(level, when, message, record)

    def _draft(self, level: str, when: str, message: str) -> Draft:
        event = {
            "timestamp": when,
            "level": level,
            "service": self.service,
            "trace_id": None,
            "message": message,
        }
        return Draft(self.encoder, event)

    def _fill(self, draft: Draft, record: Any, severity: str | None) -> None:
        draft.put("severity_text", severity)
        draft.event.update(self._static)
        if self._logger:
            draft.put("logger", _get(record, "name"))
        if self._thread:
            draft.put("thread", _get(record, "threadName"))
        if self._pid:
            draft.put("pid", _get(record, "process"))
        fill(draft, list(_extras_of(record)), _get(record, "exc_info"), _get(record, "stack_info"))

    def _message(self, record: Any) -> tuple[str, bool]:
        text, args = text_of(_get(record, "msg")), _get(record, "args")
        if not args:
            return text, False
        try:
            return text % args, False
        except Exception:  # noqa: BLE001 - wrong arguments, or their __str__
            return self._with_bad_args(text, args), True

    def _with_bad_args(self, text: str, args: object) -> str:
        """The message as it is, and its arguments as far as they are plain."""
        shown = Copier(self.encoder.names, self.encoder.patterns, self.encoder.renderers, set())
        try:
            return f"{text} {orjson.dumps(shown.copy(args, 'message')).decode()}"
        except Exception:  # noqa: BLE001 - the message goes out all the same
            return f"{text} {type_name(args)}"

    def _last_resort(self, level: str, when: str, message: str | None, record: Any) -> bytes:
        text = message if type(message) is str else type_name(record)
        return self.encoder.encode(
            {
                "timestamp": when,
                "level": level,
                "service": self.service,
                "trace_id": None,
                "message": text[: _MOST // 8],
                ATTRIBUTES: {"_invalid": ["record"]},
            }
        )


def fill(
    draft: Draft, items: list[tuple[object, object]], exc_info: object, stack_info: object
) -> None:
    """Puts into an event what both paths, the standard library's and structlog's, put there alike.

    Args:
        draft: The event in the making.
        items: What the caller logged beside the message.
        exc_info: What stands for an exception, if anything.
        stack_info: Text of the stack, if asked for.
    """
    draft.put_all(items)
    own = {key for key, _ in items if type(key) is str}
    draft.put_all([(key, value) for key, value in (CONTEXT.get() or {}).items() if key not in own])
    if draft.event["trace_id"] is None and (span := current_span()):
        draft.event["trace_id"], draft.event["span_id"] = span
    exception = exception_of(exc_info)
    if exception is not None:
        for key, value in describe(exception).items():
            draft.put(f"error.{key}", value)
    if type(stack_info) is str and stack_info:
        draft.put("stack_info", stack_info)


def _get(record: Any, name: str) -> Any:
    try:
        have = record.__dict__
        if name in have:
            return have[name]
        return getattr(record, name, None)
    except Exception:  # noqa: BLE001 - a property of a record can raise anything
        return None


def _extras_of(record: Any) -> Iterator[tuple[object, object]]:
    have = _get(record, "__dict__")
    if type(have) is dict:
        for key, value in list(have.items()):
            if type(key) is not str or key not in _KNOWN_KEYS:
                yield key, value
