"""What nobody caught becomes an event too: exceptions of the main thread, of threads, and warnings."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["install"]

_LOG = logging.getLogger("obskit.uncaught")


def install(*, warnings: bool, exceptions: bool) -> Callable[[], None]:
    """Logs warnings and uncaught exceptions.

    Exceptions of asyncio tasks need no hook: its own handler logs them to the logger ``asyncio``.

    Args:
        warnings: Whether warnings become events, by the standard library's ``py.warnings`` logger.
        exceptions: Whether uncaught exceptions do.

    Returns:
        A function that puts everything back.
    """
    undo: list[Callable[[], None]] = []
    if warnings:
        logging.captureWarnings(capture=True)
        undo.append(lambda: logging.captureWarnings(capture=False))
    if exceptions:
        undo += [_main(), _threads(), _unraisable()]

    def restore() -> None:
        for step in undo:
            step()

    return restore


def _main() -> Callable[[], None]:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, trace)
            return
        _LOG.critical("uncaught exception", exc_info=(kind, error, trace))
        if before is not sys.__excepthook__:  # another tool's, such as an error tracker's
            before(kind, error, trace)

    sys.excepthook = hook

    def restore() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before

    return restore


def _threads() -> Callable[[], None]:
    before = threading.excepthook

    def hook(args: Any) -> None:
        if args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread is not None else "a thread"
        error = args.exc_value if args.exc_value is not None else args.exc_type()
        _LOG.error(
            "uncaught exception in %s", name, exc_info=(args.exc_type, error, args.exc_traceback)
        )
        if before is not threading.__excepthook__:
            before(args)

    threading.excepthook = hook

    def restore() -> None:
        if threading.excepthook is hook:
            threading.excepthook = before

    return restore


def _unraisable() -> Callable[[], None]:
    before = sys.unraisablehook

    def hook(args: Any) -> None:
        text = args.err_msg or "exception ignored in"
        info = (args.exc_type, args.exc_value, args.exc_traceback)
        _LOG.error("%s", text, exc_info=info if args.exc_value is not None else None)
        if before is not sys.__unraisablehook__:
            before(args)

    sys.unraisablehook = hook

    def restore() -> None:
        if sys.unraisablehook is hook:
            sys.unraisablehook = before

    return restore
