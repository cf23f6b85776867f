"""The native path of structlog: the same event gives the same line as on the standard library's path."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, Final

import structlog.contextvars

from obskit.logging.careful import fill
from obskit.logging.clock import stamp
from obskit.logging.context import CONTEXT
from obskit.logging.failure import text_of
from obskit.logging.fields import OF_STRUCTLOG
from obskit.logging.formatter import JSONFormatter
from obskit.logging.levels import level_of

__all__ = ["Renderer", "structlog_processors"]

Processor = Callable[[Any, str, MutableMapping[str, Any]], Any]

#: structlog's method names → Python's names of levels.
LEVELS: Final = {
    "debug": "DEBUG",
    "info": "INFO",
    "msg": "INFO",
    "warning": "WARNING",
    "warn": "WARNING",
    "error": "ERROR",
    "err": "ERROR",
    "failure": "ERROR",
    "exception": "ERROR",
    "critical": "CRITICAL",
    "fatal": "CRITICAL",
}


def structlog_processors(*, as_text: bool = False, **options: Any) -> Sequence[Processor]:
    """Processors for ``structlog.configure(processors=…)``; the last one makes the line.

    Args:
        as_text: Whether the line is ``str``, for ``PrintLoggerFactory`` and the standard library's
            loggers, and not ``bytes``, for ``BytesLoggerFactory``.
        **options: Arguments of `JSONFormatter`, ``service`` among them.

    Raises:
        ConfigError: An option is wrong.
    """
    renderer = Renderer(JSONFormatter(**options))
    last: Processor = _Text(renderer) if as_text else renderer
    return [structlog.contextvars.merge_contextvars, last]


class _Text:
    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        return self._renderer(logger, method, event).decode()


class Renderer:
    """The last processor: makes the line of an event; it never raises.

    Args:
        formatter: The formatter whose lines these are.
    """

    def __init__(self, formatter: JSONFormatter) -> None:
        self._formatter = formatter
        self._quick = formatter.quick
        self._names = formatter.chosen
        # The quick path knows the thread and the process of a record, not of an event.
        if {"thread", "pid"} & set(formatter.chosen):
            self._quick = None

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> bytes:
        """The line in UTF-8, without its newline.

        Args:
            logger: The wrapped logger; its ``name`` is the event's ``logger``.
            method: Name of the method that was called.
            event: What structlog collected.
        """
        message = event.pop("event", "")
        try:
            if self._quick is not None and type(message) is str and type(event) is dict:
                line = self._quick.event(
                    LEVELS[method], time.time(), logger.name, message, event, CONTEXT.get()
                )
                if line is not None:
                    return line
        except Exception:  # noqa: BLE001 - no plain event: the careful path takes every part by itself
            return self._careful(logger, method, event, message)
        return self._careful(logger, method, event, message)

    def _careful(self, logger: Any, method: str, event: Any, given: object) -> bytes:
        level, severity = level_of(LEVELS.get(method, method))
        when = stamp(time.time())[0]
        message = text_of(given)
        try:
            have = dict(event)
            bad_args = "_args" in have
            if bad_args:
                message = self._formatter.with_bad_args(message, have["_args"])
            own = self._formatter.draft(level, when, message)
            if bad_args:
                own.invalid("message")
            own.put("severity_text", severity)
            own.event.update(self._formatter.encoder.static)
            if "logger" in self._names:
                own.put("logger", _name_of(logger, have))
            if "thread" in self._names:
                own.put("thread", threading.current_thread().name)
            if "pid" in self._names:
                own.put("pid", os.getpid())
            items = [(key, value) for key, value in have.items() if key not in OF_STRUCTLOG]
            stack = have.get("stack_info") or have.get("stack")
            fill(own, items, have.get("exc_info"), stack)
            return own.line()
        except Exception:  # noqa: BLE001 - the line goes out whatever the event holds
            return self._formatter.last_resort(level, when, message)


def _name_of(logger: Any, event: dict[str, Any]) -> object:
    given = event.get("logger")
    return given if type(given) is str else getattr(logger, "name", None) or "root"
