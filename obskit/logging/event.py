"""From what is known of an event to its line: one strict JSON object of at most 64 KiB."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import count, islice
from typing import Any, Final
from weakref import WeakSet

import orjson

from obskit.logging.context import parse_traceparent
from obskit.logging.fields import MISSING, Route, RouteKind, Router
from obskit.logging.redact import REDACTED, Names, Pattern
from obskit.logging.renderers import Renderer
from obskit.logging.values import ITEMS, Copier, clean, cut, unused
from obskit.schema.fields import ATTRIBUTES, LIMITS
from obskit.schema.model import Schema

__all__ = ["CUT", "EVENT_ID", "INVALID", "Draft", "Encoder"]

#: Below ``attributes``: the paths of what was cut. Shippers use the same name.
CUT: Final = "_cut"
#: Below ``attributes``: the declared fields whose value was invalid and stands there too.
INVALID: Final = "_invalid"
#: Below ``attributes``: the event's own id, by which resent lines are told from new ones.
EVENT_ID: Final = "event_id"

_MOST: Final = LIMITS.LINE_BYTES - 1  # the newline counts
_IDS: Final = frozenset({"trace_id", "span_id"})


# A forked child must not go on with its parent's series of ids.
_WITH_IDS: Final[WeakSet[Encoder]] = WeakSet()


def _renew() -> None:
    for encoder in _WITH_IDS:
        encoder.renew()


os.register_at_fork(after_in_child=_renew)


class Encoder:
    """What all events of one formatter have in common.

    Args:
        schema: The log schema.
        static: Fields that every event carries, such as ``environment``.
        names: Says which names are secret; None to redact nothing by name.
        patterns: Take secrets out of texts.
        renderers: By type, for values that are of no built-in type.
        event_ids: Whether every event gets an id of its own.
        taken: Optional fields that the formatter writes itself.
    """

    def __init__(
        self,
        *,
        schema: Schema,
        static: Mapping[str, object],
        names: Names | None,
        patterns: tuple[Pattern, ...],
        renderers: Mapping[type, Renderer],
        event_ids: bool,
        taken: Iterable[str] = (),
    ) -> None:
        self.schema = schema
        self.names = names
        self.patterns = patterns
        self.renderers = renderers
        self.static = dict(static)
        self.router = Router(schema, names, {*taken, *static})
        #: Whether every event gets an id of its own.
        self.event_ids = event_ids
        self._ids = count(1)
        self._prefix = os.urandom(8).hex()
        if event_ids:
            _WITH_IDS.add(self)

    def renew(self) -> None:
        """Gives ids of another series."""
        self._prefix = os.urandom(8).hex()

    def identify(self, attributes: dict[str, Any]) -> None:
        """Puts the event's id among its attributes, where ids are wanted.

        Args:
            attributes: The event's attributes.
        """
        if self.event_ids:
            attributes[EVENT_ID] = self.next_id()

    def next_id(self) -> str:
        """An id that no other event has."""
        return f"{self._prefix}-{next(self._ids)}"

    def encode(self, event: dict[str, Any]) -> bytes:
        """The line of an event, without its newline.

        Args:
            event: The event, made of plain values.
        """
        try:
            line = orjson.dumps(event)
        except (TypeError, ValueError, RecursionError):
            # A lone surrogate or a number beyond 64 bits; copies have neither.
            copier = Copier(None, (), self.renderers, set())
            event = _whole(copier, event)
            line = orjson.dumps(event)
        if len(line) <= _MOST:
            return line
        from obskit.logging.shrink import shrink

        return shrink(event)


class Draft:
    """An event in the making, on the careful path: each part is guarded by itself.

    Args:
        encoder: What all events have in common.
        event: The required fields.
    """

    __slots__ = ("_copier", "_cuts", "_encoder", "_invalid", "attributes", "event")

    def __init__(self, encoder: Encoder, event: dict[str, Any]) -> None:
        self._encoder = encoder
        self._cuts: set[str] = set()
        self._invalid: set[str] = set()
        self._copier = Copier(encoder.names, encoder.patterns, encoder.renderers, self._cuts)
        self.event = event
        self.attributes: dict[str, Any] = {}
        self.event["message"] = self._copier.text(
            event["message"], "message", _room(event["message"])
        )

    def put(self, key: object, value: object) -> None:
        """Places one value that a service logs.

        Args:
            key: Its name; any object, as it comes.
            value: Any value.
        """
        name = self._copier.key(key)
        route = self._encoder.router.route(name)
        match route.kind:
            case RouteKind.ATTRIBUTE:
                self._attribute(name, self._copier.copy(value, name))
            case RouteKind.SECRET:
                self._attribute(name, REDACTED)
            case RouteKind.FIELD:
                self._field(name, route, value)
            case RouteKind.OBJECT:
                self._object(name, value)
            case RouteKind.ATTRIBUTES:
                self._merge(value)

    def put_all(self, items: Iterable[tuple[object, object]]) -> None:
        """Places many values; canonical names first, since they beat aliases.

        Args:
            items: Names and values.
        """
        later: list[tuple[object, object]] = []
        given = list(items)
        if len(given) > ITEMS:
            self._cuts.add(ATTRIBUTES)
        for key, value in given[:ITEMS]:
            route = self._encoder.router.route(key) if type(key) is str else None
            if route is not None and route.alias:
                later.append((key, value))
            else:
                self.put(key, value)
        for key, value in later:
            self.put(key, value)

    def invalid(self, name: str) -> None:
        """Marks a declared field whose value was none.

        Args:
            name: Name of the field.
        """
        self._invalid.add(name)

    def line(self) -> bytes:
        """The event's line, without its newline."""
        if self._cuts:
            self.attributes[CUT] = sorted(self._cuts)[:64]
        if self._invalid:
            self.attributes[INVALID] = sorted(self._invalid)
        self._encoder.identify(self.attributes)
        if self.attributes:
            self.event[ATTRIBUTES] = self.attributes
        return self._encoder.encode(self.event)

    def _attribute(self, name: str, value: object) -> None:
        self.attributes[unused(name, self.attributes)] = value

    def _field(self, given: str, route: Route, value: object) -> None:
        if value is None:
            return
        kind = type(value)
        if given == "traceparent" and kind is str and (ids := parse_traceparent(value)):
            self._set(("trace_id",), ids[0], alias=True)
            self._set(("span_id",), ids[1], alias=True)
            return
        if route.alias and route.name in _IDS and kind is str and not value.strip("0"):  # type: ignore[attr-defined]
            return  # what OpenTelemetry's instrumentation writes where there is no span
        if kind not in (str, int, float, bool):
            value = self._copier.copy(value, given)
        if type(value) is str:
            value = clean(self._copier.without_secrets(value, _room(value)))
        if route.check is None or not self._set(route.path, route.check(value), route.alias):
            if not route.secret and (not route.alias or _value_at(self.event, route.path) is None):
                self._invalid.add(route.name)
            kept = REDACTED if route.secret else self._copier.copy(value, given)
            self._attribute(given, kept)

    def _set(self, path: tuple[str, ...], value: object, alias: bool) -> bool:
        if value is MISSING:
            return False
        if alias and _value_at(self.event, path) is not None:
            return False
        node = self.event
        for key in path[:-1]:
            node = node.setdefault(key, {})
        if type(value) is str and len(value) > LIMITS.LEAF_BYTES // 4:
            value, was_cut = cut(value, _room(value))
            if was_cut:
                self._cuts.add(".".join(path))
        node[path[-1]] = value
        return True

    def _object(self, name: str, value: object) -> None:
        """An object that holds declared fields: those find their place, its others are attributes."""
        if type(value) is not dict:
            self._attribute(name, self._copier.copy(value, name))
            return
        rest: dict[object, object] = {}
        for key, inner in list(islice(dict.items(value), ITEMS)):
            route = self._encoder.router.route(f"{name}.{key}") if type(key) is str else None
            if route is not None and route.kind is RouteKind.FIELD:
                self._field(route.name, route, inner)
            else:
                rest[key] = inner
        if rest:
            self._attribute(name, self._copier.copy(rest, name))
        if len(value) > ITEMS:
            self._cuts.add(name)

    def _merge(self, value: object) -> None:
        made = self._copier.copy(value, ATTRIBUTES, 0)
        if type(made) is dict:
            for key, inner in made.items():
                self._attribute(key, inner)
        elif made is not None:
            self._invalid.add(ATTRIBUTES)
            self._attribute(ATTRIBUTES, made)


def _room(text: str) -> int:
    """Bytes for a text: one that no line can hold is cut to what `shrink` would leave of it."""
    return _MOST if len(text) <= _MOST else _MOST // 4


def _value_at(event: Mapping[str, Any], path: tuple[str, ...]) -> object:
    node: Any = event
    for key in path:
        if type(node) is not dict or key not in node:
            return None
        node = node[key]
    return node


def _whole(copier: Copier, event: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in event.items():
        if type(value) is str:
            made[key] = clean(value)
        else:
            made[key] = copier.copy(value, key, 0)
    return made
