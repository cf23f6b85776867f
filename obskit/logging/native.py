"""structlog, set up so that its events go straight to our handlers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from obskit.logging.counters import COUNTS
from obskit.logging.formatter import JSONFormatter
from obskit.logging.levels import KNOWN
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
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    return structlog.reset_defaults
