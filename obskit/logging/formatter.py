"""The formatter of the standard library's logging: one record, one JSON line of the schema."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from re import Pattern as Expression
from typing import Any, Final, NoReturn

import orjson

from obskit.logging.careful import fill
from obskit.logging.clock import stamp
from obskit.logging.context import CONTEXT
from obskit.logging.event import Draft, Encoder
from obskit.logging.failure import text_of
from obskit.logging.fields import LEFT_BY_OTHERS
from obskit.logging.levels import level_of
from obskit.logging.quick import STANDARD, quick_path
from obskit.logging.redact import Names, Pattern
from obskit.logging.renderers import Renderer
from obskit.logging.values import Copier, type_name
from obskit.schema.fields import ATTRIBUTES, BUILTIN, LIMITS
from obskit.schema.model import Schema

__all__ = ["JSONFormatter"]

_KNOWN_KEYS: Final = frozenset(STANDARD) | LEFT_BY_OTHERS
_MOST: Final = LIMITS.LINE_BYTES - 1
_OPTIONAL: Final = ("logger", "thread", "pid")


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
        _check(service, chosen)
        found = _patterns(redact_patterns)
        words = None if redact is None else tuple(redact)
        static = {"environment": environment, "version": version, "host": host}
        _check_values({"service": service, **static}, schema)
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
        self.chosen = chosen
        self._logger = "logger" in chosen
        self._thread = "thread" in chosen
        self._pid = "pid" in chosen
        #: Writes lines of plain values; patterns look into every text, so there are none with them.
        self.quick = None if found else quick_path(self.encoder, service, chosen)

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
                        record, self.with_bad_args(message, have["args"]), bad_args=True
                    )
            if self.quick is not None:
                line = self.quick.record(have, message, CONTEXT.get())
                if line is not None:
                    return line
        except Exception:  # noqa: BLE001 - no plain record: the careful path takes every part by itself
            return self._careful(record, message if type(message) is str else None)
        return self._careful(record, message)

    def _careful(self, record: Any, message: str | None, *, bad_args: bool = False) -> bytes:
        """The line of any record; every part is guarded by itself."""
        level, severity = "INFO", None
        when = stamp(time.time())[0]
        try:
            level, severity = level_of(_get(record, "levelname"), _get(record, "levelno"))
            when, right = stamp(_get(record, "created"))
            if message is None:
                message, bad_args = self._message(record)
            draft = self.draft(level, when, message)
            if not right:
                draft.invalid("timestamp")
            if bad_args:
                draft.invalid("message")
            self._fill(draft, record, severity)
            return draft.line()
        except Exception:  # noqa: BLE001 - the line goes out whatever the record holds
            return self.last_resort(level, when, type_name(record) if message is None else message)

    def draft(self, level: str, when: str, message: str) -> Draft:
        """An event with its required fields.

        Args:
            level: Level on the wire.
            when: Timestamp on the wire.
            message: The message.
        """
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
        draft.event.update(self.encoder.static)
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
            return self.with_bad_args(text, args), True

    def with_bad_args(self, text: str, args: object) -> str:
        """The message as it is, and its arguments as far as they are plain.

        Args:
            text: The message.
            args: What does not fit it.
        """
        shown = Copier(self.encoder.names, self.encoder.patterns, self.encoder.renderers, set())
        try:
            return f"{text} {orjson.dumps(shown.copy(args, 'message')).decode()}"
        except Exception:  # noqa: BLE001 - the message goes out all the same
            return f"{text} {type_name(args)}"

    def last_resort(self, level: str, when: str, message: str) -> bytes:
        """The required fields alone, for an event of which nothing else can be had.

        Args:
            level: Level on the wire.
            when: Timestamp on the wire.
            message: The message.
        """
        return self.encoder.encode(
            {
                "timestamp": when,
                "level": level,
                "service": self.service,
                "trace_id": None,
                "message": message[: _MOST // 8],
                ATTRIBUTES: {"_invalid": ["record"]},
            }
        )


def _check(service: object, fields: tuple[str, ...]) -> None:
    known = ", ".join(_OPTIONAL)
    texts = [
        f"no field {name!r} to add; there are {known}" for name in fields if name not in _OPTIONAL
    ]
    if type(service) is not str or not 1 <= len(service) <= 256:
        text = f"service is {service!r}; it needs a name of 1 to 256 characters, such as 'user-service'"
        texts.insert(0, text)
    if texts:
        _refuse(texts)


def _check_values(values: Mapping[str, str], schema: Schema) -> None:
    """Refuses a value that every line would carry and that the schema does not allow."""
    from obskit.schema.validate import Validator

    event: dict[str, object] = {key: value for key, value in values.items() if value}
    try:
        orjson.dumps(event)
    except (TypeError, ValueError):
        _refuse([f"service, environment, version and host must be texts of UTF-8: {event!r}"])
    found = Validator(schema).validate(event)
    texts = [
        item.message for item in found if item.field in event and item.rule != "control-character"
    ]
    if texts:
        _refuse(texts)


def _patterns(chosen: Iterable[str | Expression[str]]) -> tuple[Pattern, ...]:
    given = tuple(chosen)
    if not given:
        return ()
    from obskit.logging.patterns import patterns

    try:
        return patterns(given)
    except ValueError as error:
        _refuse([str(error)])


def _refuse(texts: Iterable[str]) -> NoReturn:
    # Imported where it is needed: a service that is right never needs it.
    from obskit.errors import ConfigError, Problem

    raise ConfigError(Problem(rule="logging/option", message=text) for text in texts)


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
