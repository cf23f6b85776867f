"""An exception as fields of the schema; nothing that an exception does can stop it."""

from __future__ import annotations

import sys
import traceback
from typing import Any, Final

from obskit.logging.values import clean, type_name

__all__ = ["describe", "exception_of", "text_of"]

# Frames of one traceback; RecursionError has a thousand alike.
_FRAMES: Final = 64
# Characters of a stack that are kept: what a line can hold at most. `shrink` cuts them further, in the middle too.
_STACK: Final = 60_000


def text_of(value: object) -> str:
    """One guarded ``str()`` of a value; its type name where that fails.

    Args:
        value: Any value.
    """
    if type(value) is str:
        return value
    try:
        text = str(value)
        return text if type(text) is str else str.__str__(text)
    except Exception:  # noqa: BLE001 - a __str__ can raise anything
        return type_name(value)


def exception_of(exc_info: object) -> BaseException | None:
    """The exception of what stands in ``exc_info``: a triple, an exception, or true for the current one.

    Args:
        exc_info: Any value.
    """
    if isinstance(exc_info, BaseException):
        return exc_info
    if type(exc_info) is tuple and len(exc_info) == 3:
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    if exc_info is True or exc_info == 1:
        return sys.exc_info()[1]
    return None


def describe(exception: BaseException) -> dict[str, str]:
    """``type``, ``message`` and ``stack`` of an exception.

    Args:
        exception: Any exception.
    """
    return {
        "type": _name(type(exception)),
        "message": clean(text_of(exception)[:65_536]),
        "stack": clean(_stack(exception)),
    }


def _name(kind: type) -> str:
    name = type_name_of(kind)
    return name.removeprefix("builtins.")[:1_024]


def type_name_of(kind: type) -> str:
    """Dotted name of a class.

    Args:
        kind: A class.
    """
    module, name = kind.__dict__.get("__module__", ""), kind.__name__
    qualified = getattr(kind, "__qualname__", name)
    return clean(f"{module}.{qualified}" if type(module) is str and module else str(name))


def _stack(exception: BaseException) -> str:
    try:
        shown: Any = traceback.TracebackException(
            type(exception), exception, exception.__traceback__, limit=-_FRAMES, compact=True
        )
        text = "".join(shown.format()).rstrip("\n")
        # The exception itself stands at the end, below all its causes.
        return text if len(text) <= _STACK else f"{text[: _STACK // 2]}\n…\n{text[-_STACK // 2 :]}"
    except Exception:  # noqa: BLE001 - cause, context and notes can be anything
        return "<the stack could not be rendered>"
