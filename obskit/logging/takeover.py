"""Loggers of servers and frameworks that bring their own handlers: their records go to the root logger.

A server may configure its logging after the service has called ``configure()`` (uvicorn does so when it is
run from code). So a taken logger stays taken: it refuses handlers for the standard streams and always propagates.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

__all__ = ["LOGGERS", "take"]

#: Loggers that are taken over by default.
LOGGERS: Final = (
    "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi",
    "gunicorn", "gunicorn.error", "gunicorn.access",
    "hypercorn.error", "hypercorn.access",
    "celery", "celery.task", "celery.worker", "celery.app.trace", "celery.redirected", "celery.beat",
    "flask.app", "werkzeug",
    "django", "django.server", "django.request", "django.db.backends", "django.security",
)  # fmt: skip


class _TakenLogger(logging.Logger):
    """A logger whose records always reach the root logger, and no standard stream besides."""

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - the standard library's name
        if not _writes_to_stream(hdlr):
            super().addHandler(hdlr)

    @property
    def propagate(self) -> bool:
        return True

    @propagate.setter
    def propagate(self, value: bool) -> None:
        """A server's wish not to propagate is what made two formats of one process."""


def take(names: Iterable[str] = LOGGERS) -> Callable[[], None]:
    """Takes loggers over.

    Args:
        names: Names of loggers; they need not exist yet.

    Returns:
        A function that gives them back.
    """
    undo = [_take(logging.getLogger(name)) for name in names]
    undo += [_take(logger) for logger in _flask_apps()]
    undo.append(_keep_celery())

    def restore() -> None:
        for step in undo:
            step()

    return restore


def _take(logger: logging.Logger) -> Callable[[], None]:
    kind, propagates = type(logger), logger.__dict__.pop("propagate", True)
    removed = [handler for handler in logger.handlers if _writes_to_stream(handler)]
    for handler in removed:
        logger.removeHandler(handler)
    if kind is not logging.Logger:  # a class of somebody's own is not replaced
        logger.propagate = True

        def put_back() -> None:
            logger.propagate = propagates
            for handler in removed:
                logger.addHandler(handler)

        return put_back
    logger.__class__ = _TakenLogger

    def restore() -> None:
        logger.__class__ = kind
        logger.propagate = propagates
        for handler in removed:
            logger.addHandler(handler)

    return restore


def _writes_to_stream(handler: logging.Handler) -> bool:
    """Whether the handler is one for standard output or error: a file or a mail is somebody's wish."""
    if isinstance(handler, logging.FileHandler) or not isinstance(handler, logging.StreamHandler):
        return False
    stream: Any = getattr(handler, "stream", None)
    return stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) or (
        type(handler).__module__.partition(".")[0] in ("flask", "celery", "django", "uvicorn")
    )


def _flask_apps() -> list[logging.Logger]:
    """Loggers of Flask applications that were made before: each carries Flask's default handler."""
    flask = sys.modules.get("flask.logging")
    default = getattr(flask, "default_handler", None)
    if default is None:
        return []
    found = list(logging.root.manager.loggerDict.values())
    return [item for item in found if isinstance(item, logging.Logger) and default in item.handlers]


def _keep_celery() -> Callable[[], None]:
    """Keeps Celery's worker from replacing the root logger's handlers.

    A receiver of ``setup_logging`` does that: https://docs.celeryq.dev/en/stable/userguide/signals.html#setup-logging.
    """
    signals = sys.modules.get("celery.signals")
    if signals is None:
        return lambda: None
    signals.setup_logging.connect(_configured, weak=False)
    return lambda: signals.setup_logging.disconnect(_configured) and None


def _configured(**_: object) -> None:
    """Logging is configured already."""
