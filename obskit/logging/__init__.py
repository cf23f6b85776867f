"""Logs of one shape, for services: ``from obskit.logging import configure``.

What is heavy (structlog, python-logstash, the handlers) is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obskit.logging.context import bind, bound, carry, clear, context, unbind
from obskit.logging.formatter import JSONFormatter

if TYPE_CHECKING:
    from obskit.logging.asgi import ASGIMiddleware
    from obskit.logging.counters import expose_counters
    from obskit.logging.logstash import LogstashHandler
    from obskit.logging.setup import configure, shutdown
    from obskit.logging.structlog import structlog_processors
    from obskit.logging.wsgi import WSGIMiddleware

__all__ = [
    "ASGIMiddleware",
    "JSONFormatter",
    "LogstashHandler",
    "WSGIMiddleware",
    "bind",
    "bound",
    "carry",
    "clear",
    "configure",
    "context",
    "expose_counters",
    "shutdown",
    "structlog_processors",
    "unbind",
]

_LAZY = {
    "ASGIMiddleware": "obskit.logging.asgi",
    "LogstashHandler": "obskit.logging.logstash",
    "WSGIMiddleware": "obskit.logging.wsgi",
    "expose_counters": "obskit.logging.counters",
    "configure": "obskit.logging.setup",
    "shutdown": "obskit.logging.setup",
    "structlog_processors": "obskit.logging.structlog",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
