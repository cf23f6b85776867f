"""What is true for all events of a request: bound once, carried by ``contextvars``.

Asyncio tasks inherit it and cannot change their parent's. New threads and executors start empty, by
design of ``contextvars``; `carry` takes the context into them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token, copy_context
from functools import wraps
from typing import Final, ParamSpec, TypeVar

__all__ = [
    "CONTEXT",
    "OTEL",
    "bind",
    "bound",
    "carry",
    "clear",
    "context",
    "current_span",
    "parse_traceparent",
    "unbind",
]

P = ParamSpec("P")
R = TypeVar("R")

#: The values bound in this context; never changed in place, so that contexts can share it.
CONTEXT: Final[ContextVar[Mapping[str, object] | None]] = ContextVar("obskit_context", default=None)

# https://www.w3.org/TR/trace-context/#traceparent-header; a version of ff is invalid, and versions
# after 00 may add parts.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?",
    re.DOTALL,
)
#: The module whose presence says that the service uses OpenTelemetry.
OTEL: Final = "opentelemetry.trace"


def bind(**values: object) -> Token[Mapping[str, object] | None]:
    """Adds values to every event of this context.

    Args:
        **values: Fields (``trace_id``, ``client_ip``…) or attributes; ``traceparent`` gives
            ``trace_id`` and ``span_id``.

    Returns:
        A token for ``CONTEXT.reset``, to restore what was bound before.
    """
    added = dict(values)
    ids = parse_traceparent(added.get("traceparent"))
    if ids is not None:
        del added["traceparent"]
        added = {"trace_id": ids[0], "span_id": ids[1], **added}
    return CONTEXT.set({**(CONTEXT.get() or {}), **added})


def unbind(*names: str) -> None:
    """Takes values out of this context; names that are not bound are ignored.

    Args:
        *names: Names as they were given to `bind`.
    """
    CONTEXT.set({key: value for key, value in (CONTEXT.get() or {}).items() if key not in names})


def clear() -> None:
    """Takes all values out of this context."""
    CONTEXT.set(None)


def context() -> dict[str, object]:
    """A copy of the values bound in this context."""
    return dict(CONTEXT.get() or {})


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Binds values for the length of a ``with`` block.

    Args:
        **values: As for `bind`.
    """
    token = bind(**values)
    try:
        yield
    finally:
        CONTEXT.reset(token)


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """The function with the context of now: for ``Thread(target=carry(f))`` and ``executor.submit(carry(f))``.

    Args:
        function: A function to run in another thread. It may run many times and in many threads at
            once: each run gets a copy of its own.
    """
    taken = copy_context()

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        return taken.copy().run(function, *args, **kwargs)

    return inside


def parse_traceparent(value: object) -> tuple[str, str] | None:
    """Trace and span id of a W3C ``traceparent`` header; None where it is none.

    Args:
        value: The header's value.
    """
    if type(value) is not str:
        return None
    found = _TRACEPARENT.fullmatch(value.strip())
    return (found[1], found[2]) if found else None


def current_span() -> tuple[str, str] | None:
    """Trace and span id of OpenTelemetry's current span, where the service has loaded OpenTelemetry."""
    module = sys.modules.get(OTEL)
    if module is None:
        return None
    try:
        found = module.get_current_span().get_span_context()
        if not found.is_valid:
            return None
        return f"{found.trace_id:032x}", f"{found.span_id:016x}"
    except Exception:  # noqa: BLE001 - a half-loaded or foreign OpenTelemetry costs no event
        return None
