"""The careful path: any event, every part of it guarded by itself. Both logging libraries end here."""

from __future__ import annotations

from collections.abc import Iterable

from obskit.logging.context import CONTEXT, current_span
from obskit.logging.event import Draft
from obskit.logging.failure import describe, exception_of

__all__ = ["fill"]


def fill(
    draft: Draft, items: Iterable[tuple[object, object]], exc_info: object, stack_info: object
) -> None:
    """Puts into an event what both paths, the standard library's and structlog's, put there alike.

    Args:
        draft: The event in the making.
        items: What the caller logged beside the message.
        exc_info: What stands for an exception, if anything.
        stack_info: Text of the stack, if asked for.
    """
    items = list(items)
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
