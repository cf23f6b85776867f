"""structlog, set up so that its events go straight to our handlers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from obskit.logging.counters import COUNTS
from obskit.logging.formatter import JSONFormatter
from obskit.logging.levels import KNOWN, level_of
from obskit.logging.streams import LineHandler
from obskit.logging.structlog import LEVELS, Renderer

__all__ = ["configure_structlog"]


class _LineLogger:
    """What structlog wraps: takes finished lines and hands them to the handlers."""

    def __init__(self, name: str, service: str, handlers: Sequence[LineHandler]) -> None:
        self.name = name
        for method, level in LEVELS.items():
            setattr(self, method, _writer(service, level, handlers))


def _writer(service: str, level: str, handlers: Sequence[LineHandler]) -> Callable[[bytes], None]:
    counter = COUNTS.counter(service, KNOWN[level][0])
    number = logging.getLevelNamesMapping()[level]

    def write(line: bytes) -> None:
        next(counter)
        for handler in handlers:
            handler.handle_line(line, number)

    return write


_NUMBERS: Final = (0, 10, 20, 30, 40, 50)


def _guarded(level: int) -> type[Any]:
    """Structlog's filtering logger, whose methods survive arguments that do not fit the message."""
    # structlog knows the standard numbers only: the next one above filters alike, since its methods are of those.
    known_level = min((number for number in _NUMBERS if number >= level), default=_NUMBERS[-1])
    plain: type[Any] = structlog.make_filtering_bound_logger(known_level)
    numbers = logging.getLevelNamesMapping()
    # exception() calls error(), and what is below the level does nothing already.
    methods = {
        name: _guarded_method(name)
        for name, known in LEVELS.items()
        if numbers[known] >= level and name != "exception" and hasattr(plain, name)
    }
    by_name = {"ERROR": "error", "WARN": "warning"}

    def log(self: Any, number: int, event: Any = "", *args: Any, **values: Any) -> Any:
        if number < level:
            return None
        name = by_name.get(level_of(None, number)[0], "info" if number >= 20 else "debug")
        return _guarded_method(name)(self, event, *args, **values)

    return type("GuardedFilteringBoundLogger", (plain,), {**methods, "log": log})


def _guarded_method(name: str) -> Callable[..., Any]:
    def method(self: Any, event: Any = "", *args: Any, **values: Any) -> Any:
        if args:
            try:
                # As the standard library does: one mapping is for %(name)s.
                event = event % (
                    args[0] if len(args) == 1 and isinstance(args[0], dict) and args[0] else args
                )
            except Exception:  # noqa: BLE001 - wrong arguments, or their __str__
                values["_args"] = args
        return self._proxy_to_logger(name, event, **values)

    return method


def configure_structlog(
    formatter: JSONFormatter, handlers: Sequence[LineHandler], level: int
) -> Callable[[], None]:
    """Configures structlog to write the same lines as the standard library's loggers.

    Args:
        formatter: Makes the lines.
        handlers: Where they go.
        level: Least level that is written.

    Returns:
        A function that restores structlog's defaults.
    """

    def factory(*args: Any) -> _LineLogger:
        name = args[0] if args and type(args[0]) is str else "root"
        return _LineLogger(name, formatter.service, handlers)

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, Renderer(formatter)],
        wrapper_class=_guarded(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    return structlog.reset_defaults
