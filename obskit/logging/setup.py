"""``configure()``: one line, and everything that the process logs has one shape."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final, Literal

from obskit.errors import ConfigError, Problem
from obskit.logging.console import ConsoleFormatter
from obskit.logging.counters import CountingHandler
from obskit.logging.formatter import JSONFormatter
from obskit.logging.hooks import install
from obskit.logging.streams import LineHandler, StreamHandler
from obskit.logging.takeover import LOGGERS, take
from obskit.schema.fields import BUILTIN
from obskit.schema.model import Schema

__all__ = ["Configured", "configure", "shutdown", "unwatch", "watch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What `configure` set up.

    Args:
        formatter: Makes the lines.
        handlers: Where they go.
    """

    formatter: JSONFormatter
    handlers: list[LineHandler]
    undo: tuple[Callable[[], None], ...]


_ACTIVE: Final[list[Configured]] = []


_WATCHERS: Final[list[LineHandler]] = []


def watch(handler: LineHandler) -> None:
    """Gives a handler every line too, of what is set up now and of what will be.

    Args:
        handler: The handler; it is formatted like the others.
    """
    _WATCHERS.append(handler)
    for made in _ACTIVE:
        handler.setFormatter(made.formatter)
        made.handlers.append(handler)
    logging.getLogger().addHandler(handler)


def unwatch(handler: LineHandler) -> None:
    """Takes a handler of `watch` away again.

    Args:
        handler: The handler.
    """
    _WATCHERS.remove(handler)
    for made in _ACTIVE:
        if handler in made.handlers:
            made.handlers.remove(handler)
    logging.getLogger().removeHandler(handler)


def configure(
    *,
    service: str,
    level: int | str = "INFO",
    path: str | os.PathLike[str] | None = None,
    stream: Literal["stdout", "stderr"] | None = None,
    console: bool | Literal["auto"] = "auto",
    logstash: str | Mapping[str, Any] | None = None,
    max_bytes: int = 50 * 2**20,
    backups: int = 5,
    structlog: bool | None = None,
    warnings: bool = True,
    exceptions: bool = True,
    takeover: Iterable[str] | None = None,
    **options: Any,
) -> Configured:
    """Sets up logging for the whole process; called again, it replaces what it set up before.

    Args:
        service: Name of the service.
        level: Least level that is written.
        path: File that gets the lines, rotated at ``max_bytes``.
        stream: Standard stream that gets the lines; standard output where there is no ``path``.
        console: Whether the stream gets lines for people; ``auto``: where it is a terminal.
        logstash: Address such as ``tcp://logstash:5000`` (``tls``, ``udp``), or arguments of `LogstashHandler`.
        max_bytes: Size at which the file is rotated; 0 for never.
        backups: How many rotated files are kept.
        structlog: Whether structlog is set up too; None: where it is installed.
        warnings: Whether warnings become events.
        exceptions: Whether uncaught exceptions become events.
        takeover: Names of loggers whose own handlers are replaced; None for `LOGGERS`, the servers and
            frameworks known.
        **options: Further arguments of `JSONFormatter`.

    Raises:
        ConfigError: An argument is wrong.
        OSError: The file cannot be opened.
    """
    number = _number(level)
    _check("stream", stream, ("stdout", "stderr", None))
    _check("console", console, (True, False, "auto"))
    if not isinstance(options.get("schema", BUILTIN), Schema):
        # Services load no YAML unasked.
        text = f"schema is {options['schema']!r}; load it by obskit.schema.load.load_schema(FILE)"
        raise ConfigError([Problem(rule="logging/option", message=text)])
    options.setdefault("event_ids", logstash is not None)
    formatter = JSONFormatter(service=service, **options)
    handlers = _handlers(formatter, path, logstash, (max_bytes, backups))
    if stream is not None or not handlers:
        handlers.append(_stream(formatter, stream or "stdout", console))
    shutdown()
    undo: list[Callable[[], None]] = []
    try:
        undo.append(_root(number, (CountingHandler(service), *handlers)))
        undo.append(install(warnings=warnings, exceptions=exceptions))
        undo.append(take(LOGGERS if takeover is None else takeover))
        for watcher in _WATCHERS:
            watcher.setFormatter(formatter)
            handlers.append(watcher)
        if structlog or (structlog is None and find_spec("structlog") is not None):
            from obskit.logging.native import configure_structlog

            undo.append(configure_structlog(formatter, handlers, number))
    except BaseException:
        for step in reversed(undo):  # half of it would be two formats
            step()
        raise
    made = Configured(formatter=formatter, handlers=handlers, undo=tuple(undo))
    _ACTIVE.append(made)
    return made


def shutdown() -> None:
    """Undoes `configure`: flushes and closes its handlers and puts back what was there before."""
    while _ACTIVE:
        made = _ACTIVE.pop()
        for step in reversed(made.undo):
            step()
        for handler in made.handlers:
            handler.close()


def _at_exit() -> None:
    """Sends what waits. The rest stays: what destructors and other exit functions log is of one format too."""
    for made in _ACTIVE:
        for handler in made.handlers:
            handler.close()


atexit.register(_at_exit)


def _check(name: str, given: object, known: tuple[object, ...]) -> None:
    if given not in known:
        text = f"{name} is {given!r}; it is one of {', '.join(map(repr, known))}"
        raise ConfigError([Problem(rule="logging/option", message=text)])


def _number(level: int | str) -> int:
    known = {**logging.getLevelNamesMapping(), "TRACE": 5}
    number = known.get(level.upper()) if isinstance(level, str) else level
    if number is None:
        text = f"no level is named {level!r}; there are {', '.join(known)}"
        raise ConfigError([Problem(rule="logging/level", message=text)])
    return number


def _handlers(
    formatter: JSONFormatter,
    path: str | os.PathLike[str] | None,
    logstash: str | Mapping[str, Any] | None,
    rotation: tuple[int, int],
) -> list[LineHandler]:
    made: list[LineHandler] = []
    if path is not None:
        from obskit.logging.files import FileHandler

        made.append(FileHandler(path, max_bytes=rotation[0], backups=rotation[1]))
    if logstash is not None:
        from obskit.logging.logstash import LogstashHandler

        made.append(LogstashHandler.of(logstash))
    for handler in made:
        handler.setFormatter(formatter)
    return made


def _stream(
    formatter: JSONFormatter, name: Literal["stdout", "stderr"], console: bool | Literal["auto"]
) -> LineHandler:
    terminal = False
    with contextlib.suppress(AttributeError, ValueError):  # no stream, or a closed one
        terminal = getattr(sys, name).isatty()
    handler: LineHandler = StreamHandler(name)
    if terminal if console == "auto" else console:
        handler.setFormatter(
            ConsoleFormatter(formatter, colour=terminal and "NO_COLOR" not in os.environ)
        )
    else:
        handler.setFormatter(formatter)
    return handler


def _root(level: int, handlers: Sequence[logging.Handler]) -> Callable[[], None]:
    """Gives the root logger our handlers in place of those for the standard streams."""
    root = logging.getLogger()
    before = root.level
    removed = [item for item in root.handlers if type(item) is logging.StreamHandler]
    for old in removed:
        root.removeHandler(old)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)

    def restore() -> None:
        for handler in handlers:
            root.removeHandler(handler)
        for old in removed:
            root.addHandler(old)
        root.setLevel(before)

    return restore
