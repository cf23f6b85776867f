"""Where a value goes that a service logs: a declared field, an alias of one, or ``attributes``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from obskit.logging.redact import REDACTED, Names
from obskit.schema.fields import ATTRIBUTES
from obskit.schema.model import Field, FieldType, Schema

__all__ = [
    "LEFT_BY_OTHERS",
    "MISSING",
    "OF_STRUCTLOG",
    "OWN",
    "Quick",
    "Route",
    "RouteKind",
    "Router",
]

#: Stands for "no valid value": null is one.
MISSING: Final = object()

#: Fields that the formatter itself fills; a value of that name from elsewhere goes to ``attributes``.
OWN: Final = frozenset({"timestamp", "level", "service", "message"})

#: What structlog's own processors put into an event, and what only its careful path can handle.
OF_STRUCTLOG: Final = frozenset(
    {"exc_info", "stack_info", "stack", "level", "logger", "_record", "_from_structlog", "_args"}
)

_REMEMBERED: Final = 4_096
_INT64: Final = 2**63


class RouteKind(IntEnum):
    """What is done with a value."""

    ATTRIBUTE = 0  # it goes below attributes
    SECRET = 1  # its name does, the value is replaced
    FIELD = 2  # it is a declared field, if it is valid
    OBJECT = 3  # an object that holds declared fields, such as error or http
    ATTRIBUTES = 4  # it is the object of attributes itself


class Quick(Enum):
    """What the quick path does with a value; a declared field's check stands in its place."""

    ATTRIBUTE = "attribute"
    REDACTED = "redacted"
    SKIPPED = "skipped"  # another formatter left it in the record
    NOT = "not"  # the careful path has to look at it


class Nested(NamedTuple):
    """A declared field inside an object, such as ``http.method``."""

    parent: str
    leaf: str
    check: Callable[[object], object]


class Route(NamedTuple):
    """What is done with the values of one name."""

    kind: RouteKind
    name: str = ""
    path: tuple[str, ...] = ()
    check: Callable[[object], object] | None = None
    alias: bool = False
    secret: bool = False


class Router:
    """Knows the route of every name; each is worked out once.

    Args:
        schema: The log schema.
        names: Says which names are secret.
        taken: Fields that the formatter writes itself, which the quick path must not write twice.
    """

    def __init__(self, schema: Schema, names: Names | None, taken: Iterable[str] = ()) -> None:
        self._schema = schema
        self._names = names
        self._checks = {item.name: _check(item) for item in schema.fields}
        self._parents = frozenset(
            ".".join(item.path[:depth])
            for item in schema.fields
            for depth in range(1, len(item.path))
        )
        self._known: dict[str, Route] = {}
        self._taken = frozenset(taken)
        #: By exact names that were routed before: what the quick path needs of their routes.
        self.quick: dict[str, Quick | Nested | Callable[[object], object]] = dict(_SKIPPED)

    def route(self, name: str) -> Route:
        """The route of a name.

        Args:
            name: An exact ``str``.
        """
        found = self._known.get(name)
        if found is None:
            found = self._find(name)
            if len(self._known) >= _REMEMBERED:  # names made from data must not fill the memory
                self._known.clear()
                self.quick.clear()
                self.quick.update(_SKIPPED)
            if len(name) <= 256 and name not in LEFT_BY_OTHERS:
                self._known[name] = found
                self.quick[name] = self._quick(name, found)
        return found

    def answer(self, name: str) -> dict[str, object] | None:
        """What the native part has to know of a name; None while nobody has routed it.

        Args:
            name: An exact ``str``.
        """
        quick = self.quick.get(name)
        if quick is None:
            return None
        kind, parent, leaf, check = "not", None, name, None
        alphabet, least, greatest = None, 0.0, math.inf
        if isinstance(quick, Quick):
            kind = quick.value
        else:
            parent, leaf, check = quick if isinstance(quick, Nested) else (None, name, quick)
            item = self._schema.by_name[f"{parent}.{leaf}" if parent else leaf]
            kind = _native_kind(item)
            if item.type in (FieldType.LONG, FieldType.DOUBLE):
                least, greatest = _bounds(item)
            else:
                known = (item.min_length, item.max_length or math.inf)
                alphabet, least, greatest = item.alphabet or (None, *known)
        return {
            "kind": kind, "parent": parent, "leaf": leaf, "alphabet": alphabet, "least": least,
            "greatest": greatest, "check": check,
        }  # fmt: skip

    def _quick(self, name: str, route: Route) -> Quick | Nested | Callable[[object], object]:
        if name in self._taken or name in OF_STRUCTLOG:
            return Quick.NOT
        if route.kind is RouteKind.FIELD and not route.alias and route.check is not None:
            if len(route.path) == 1:
                return route.check
            if len(route.path) == 2:
                return Nested(route.path[0], route.path[1], route.check)
        quick = {RouteKind.ATTRIBUTE: Quick.ATTRIBUTE, RouteKind.SECRET: Quick.REDACTED}
        return quick.get(route.kind, Quick.NOT)

    def _find(self, name: str) -> Route:
        if name == ATTRIBUTES and name in self._schema.by_name:
            return Route(RouteKind.ATTRIBUTES, name)
        item = self._schema.by_name.get(name) or self._schema.by_alias.get(name)
        if item is not None and item.name not in OWN and item.type is not FieldType.FLATTENED:
            check = self._checks[item.name]
            return Route(
                RouteKind.FIELD, item.name, item.path, check, name != item.name, item.redact
            )
        if name in self._parents:
            return Route(RouteKind.OBJECT, name)
        if self._names is not None and self._names(name):
            return Route(RouteKind.SECRET, name)
        return Route(RouteKind.ATTRIBUTE, name)


#: What other formatters leave in a record, and uvicorn's message with colours.
LEFT_BY_OTHERS: Final = frozenset({"message", "asctime", "taskName", "color_message"})
_SKIPPED: Final = dict.fromkeys(LEFT_BY_OTHERS, Quick.SKIPPED)


def _check(item: Field) -> Callable[[object], object]:
    """The function that gives the value as the field takes it, or ``MISSING``."""
    if item.redact:
        secret = REDACTED if item.type in (FieldType.KEYWORD, FieldType.TEXT) else MISSING
        return lambda value: secret
    match item.type:
        case FieldType.KEYWORD | FieldType.TEXT:
            return _text_check(item)
        case FieldType.IP:
            return _ip
        case FieldType.LONG | FieldType.DOUBLE:
            return _number_check(item)
        case FieldType.BOOLEAN:
            return lambda value: value if type(value) is bool else MISSING
        case FieldType.DATE:
            return _date
        case _:
            return lambda value: MISSING


def _text_check(item: Field) -> Callable[[object], object]:
    matches = re.compile(item.pattern).fullmatch if item.pattern else None
    synonyms: Mapping[str, str] = item.synonyms
    least, greatest = item.min_length, item.max_length or math.inf

    def plain(value: object) -> object:
        if type(value) is str and least <= len(value) <= greatest:
            return value
        return check(value)

    def check(value: object) -> object:
        if type(value) is int:
            value = str(value) if -_INT64 <= value < 2 * _INT64 else ""
        if type(value) is not str or not least <= len(value) <= greatest:
            return MISSING
        if item.allowed and value not in item.allowed:
            upper = value.upper()
            value = synonyms.get(upper, upper)
            if value not in item.allowed:
                return MISSING
        if matches is not None and not matches(value):
            return MISSING
        return value

    return check if matches or item.allowed else plain


def _native_kind(item: Field) -> str:
    """What the native part may check by itself; the check in Python knows the rest."""
    if item.redact or item.allowed or (item.pattern and item.alphabet is None):
        return "other"
    kinds = {
        FieldType.KEYWORD: "text", FieldType.TEXT: "text", FieldType.IP: "ip", FieldType.LONG: "long",
        FieldType.DOUBLE: "double", FieldType.BOOLEAN: "boolean",
    }  # fmt: skip
    return kinds.get(item.type, "other")


def _bounds(item: Field) -> tuple[float, float]:
    ends = (-_INT64, _INT64 - 1) if item.type is FieldType.LONG else (-math.inf, math.inf)
    return (
        ends[0] if item.minimum is None else item.minimum,
        ends[1] if item.maximum is None else item.maximum,
    )


def _number_check(item: Field) -> Callable[[object], object]:
    long = item.type is FieldType.LONG
    least, greatest = _bounds(item)

    def check(value: object) -> object:
        if type(value) is int:
            return value if least <= value <= greatest and abs(value) < 2 * _INT64 else MISSING
        if type(value) is float and math.isfinite(value) and least <= value <= greatest:
            return value if not long or value.is_integer() else MISSING
        return MISSING

    return check


def _ip(value: object) -> object:
    return value if type(value) is str and len(value) <= 45 and _is_ip(value) else MISSING


@lru_cache(maxsize=1_024)
def _is_ip(text: str) -> bool:
    # Imported on first use: it needs socket, which costs 5 ms that many services never need.
    from obskit.schema.validate import is_ip

    return is_ip(text)


def _date(value: object) -> object:
    from obskit.schema.validate import is_timestamp

    return value if type(value) is str and is_timestamp(value) else MISSING
