"""Renderers for exact types of the standard library whose text is safe and says what they hold.

A subclass is not rendered by its base's renderer: it may hide what the base shows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final

__all__ = ["Renderer", "find"]

#: Makes a plain value of one that is none.
Renderer = Callable[[Any], object]


def _iso(value: date | datetime | time_of_day) -> str:
    return value.isoformat()


def _error(value: BaseException) -> str:
    return f"{type(value).__qualname__}: {value}"


def _class(value: type) -> str:
    return f"{value.__module__}.{value.__qualname__}"


_EXACT: Final[Mapping[type, Renderer]] = {
    datetime: _iso,
    date: _iso,
    time_of_day: _iso,
    timedelta: timedelta.total_seconds,
    complex: str,
    range: str,
    type: _class,
}

# Of modules that are not imported for their sake: where the value is, its module is loaded.
_NAMED: Final[Mapping[tuple[str, str], Renderer]] = {
    ("decimal", "Decimal"): str,
    ("fractions", "Fraction"): str,
    ("uuid", "UUID"): str,
    **{("pathlib", name): str for name in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")},
    **{("pathlib._local", name): str for name in ("PosixPath", "PurePosixPath")},
    **{("ipaddress", name): str for name in ("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network")},
}  # fmt: skip


def find(kind: type, registered: Mapping[type, Renderer]) -> Renderer | None:
    """The renderer of a type: a registered one of it or of its nearest base, else a built-in exact one.

    Args:
        kind: The type of a value.
        registered: The service's own renderers.
    """
    if registered:
        for base in type.mro(kind) if kind is type else kind.__mro__:
            if base in registered:
                return registered[base]
    if kind in _EXACT:
        return _EXACT[kind]
    module, name = kind.__module__, kind.__qualname__
    renderer = _NAMED.get((module, name))
    if renderer is not None and getattr(sys.modules.get(module), name, None) is kind:
        return renderer
    if module == "builtins" and issubclass(kind, BaseException):
        return _error
    enum = sys.modules.get("enum")
    if enum is not None and issubclass(kind, enum.Enum):
        return _value
    return None


def _value(member: Any) -> object:
    return member.value
