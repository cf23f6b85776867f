"""What the fast path makes of a schema: structs for msgspec, and checks of whole columns of values.

A column is the values of one field in a block. Joined with line feeds it is one text, and a text is checked in
C: by translating digits, by deleting an alphabet, by comparing. That costs a tenth of an expression on each value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import inf
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from obskit.lint.instant import instant
from obskit.schema.fields import ATTRIBUTES, LIMITS
from obskit.schema.model import Field, FieldType, Schema
from obskit.schema.validate import is_ip, is_timestamp

__all__ = ["NOTHING", "Checks", "Span", "Suspect", "merge_order", "structure"]

_SCALAR: Any = str | int | float | bool | None
_FLAT: Any = dict[str, str | int | float | bool | list[_SCALAR] | None]
_NESTED: Any = dict[str, str | int | float | bool | list[_SCALAR] | _FLAT | None]
#: Three levels below ``attributes`` are decided here; deeper ones are rare and looked into.
_ATTRIBUTES: Any = dict[str, str | int | float | bool | list[_SCALAR] | _NESTED | None]

_LONG_LEAST: Final = -(2**63)
_LONG_GREATEST: Final = 2**63 - 1
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_SHAPE: Final = re.compile(rb"0000-00-00T00:00:00(?:\.0{1,9})?Z")
_CLASS: Final = re.compile(r"\^?\[([A-Za-z0-9._-]+)\]\{(\d+),(\d+)\}\$?")
_REMEMBERED: Final = 65_536


class Suspect(Exception):  # noqa: N818 (no error: it says where to look)
    """Something may be wrong in a block; ``index`` is the line that it is likely on, from 0, or None.

    Of a line that ``certain`` is said of, nothing else is tried before the slow path looks. A wrong guess costs
    time only.
    """

    def __init__(self, index: int | None = None, *, certain: bool = False) -> None:
        super().__init__(index)
        self.index = index
        self.certain = certain


class Span(NamedTuple):
    """The instants of a block's timestamps: first, least and greatest, and all where they are not in order."""

    lines: int
    first: float
    least: float
    greatest: float
    all: Sequence[float] = ()


#: Of blank lines.
NOTHING: Final = Span(0, inf, inf, -inf)


def merge_order(order: list[str], line: bytes) -> None:
    """Adds the keys of a line to an order of keys, each behind the key that it stands behind.

    Args:
        order: Dotted names; it is changed.
        line: A line; one that is no object changes nothing.
    """
    try:
        event = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if isinstance(event, dict):
        _merge(order, event, "")


def _merge(order: list[str], node: dict[str, Any], above: str) -> None:
    before = -1
    for key, value in node.items():
        name = above + key
        if name not in order:
            order.insert(before + 1, name)
        before = order.index(name)
        if isinstance(value, dict) and name != ATTRIBUTES:
            _merge(order, value, name + ".")


def structure(
    schema: Schema,
    order: Sequence[str] | None,
    *,
    with_attributes: bool,
    raw_attributes: bool = False,
) -> tuple[type[msgspec.Struct], dict[str, tuple[str, ...]]]:
    """The struct of an event, and the attributes of it that lead to each field.

    Args:
        schema: The log schema.
        order: Dotted names in the order in which a source writes them, to make a struct of these and the
            required fields only; None for every field, in the order of the schema.
        with_attributes: Whether ``attributes`` is decoded; without, each line that has it is a suspect.
        raw_attributes: Whether it is left as text.
    """
    paths: dict[str, tuple[str, ...]] = {}
    fields = [item for item in schema.fields if with_attributes or item.name != ATTRIBUTES]
    if order is not None:
        fields = [item for item in fields if item.required or item.name in order]
        rank = {name: place for place, name in enumerate(order)}
        fields.sort(
            key=lambda item: [
                rank.get(".".join(item.path[:depth]), len(rank))
                for depth in range(1, len(item.path) + 1)
            ]
        )
    return _struct("Event", fields, (), paths, raw_attributes=raw_attributes), paths


def _struct(
    name: str,
    fields: Sequence[Field],
    above: tuple[str, ...],
    paths: dict[str, tuple[str, ...]],
    *,
    raw_attributes: bool,
) -> type[msgspec.Struct]:
    depth = len(above)
    groups: dict[str, list[Field]] = {}
    for item in fields:
        groups.setdefault(item.path[depth], []).append(item)
    members: list[Any] = []
    rename: dict[str, str] = {}
    for number, (key, inside) in enumerate(groups.items()):
        attribute = f"f{number}"
        rename[attribute] = key
        here = (*above, attribute)
        leaf = len(inside) == 1 and len(inside[0].path) == depth + 1
        kind: Any
        if leaf:
            kind = _type(inside[0])
            paths[inside[0].name] = here
        else:
            kind = _struct(f"{name}_{number}", inside, here, paths, raw_attributes=raw_attributes)
        if leaf and raw_attributes and inside[0].name == ATTRIBUTES:
            members.append((attribute, msgspec.Raw, UNSET))  # Raw is only raw outside of unions
            continue
        must = any(item.required for item in inside)
        if (leaf and inside[0].nullable) or (not leaf and not must):
            kind = kind | None
        members.append((attribute, kind) if must else (attribute, kind | UnsetType, UNSET))
    return msgspec.defstruct(
        name, members, rename=rename, forbid_unknown_fields=True, gc=False, kw_only=True
    )


def _type(item: Field) -> Any:
    if item.type is FieldType.FLATTENED:
        return _ATTRIBUTES
    if item.type is FieldType.BOOLEAN:
        return bool
    if item.type is FieldType.LONG:
        least = _LONG_LEAST if item.minimum is None else int(item.minimum)
        greatest = _LONG_GREATEST if item.maximum is None else int(item.maximum)
        return Annotated[int, Meta(ge=least, le=greatest)]
    if item.type is FieldType.DOUBLE:
        return Annotated[float, Meta(ge=item.minimum, le=item.maximum)]
    if item.allowed:
        return Literal[item.allowed]
    least, greatest = item.min_length, item.max_length
    if item.pattern and (found := _CLASS.fullmatch(item.pattern)):
        least, greatest = max(least, int(found[2])), min(greatest or 1 << 30, int(found[3]))
    if least or greatest:
        return Annotated[str, Meta(min_length=least or None, max_length=greatest or None)]
    return str


class Checks:
    """What msgspec cannot decide of a block, column by column.

    Args:
        schema: The log schema.
        paths: The attributes that lead to each field, as ``structure`` gives them.
    """

    def __init__(self, schema: Schema, paths: dict[str, tuple[str, ...]]) -> None:
        self._timestamp = attrgetter(".".join(paths["timestamp"]))
        self._columns: list[
            tuple[Callable[[Sequence[Any]], list[Any]], Callable[[list[Any]], None]]
        ] = []
        self.has_attributes = ATTRIBUTES in paths
        self._attributes = attrgetter(".".join(paths.get(ATTRIBUTES, ("f0",))))
        for item in schema.fields:
            check = self._check(item)
            if check is not None and item.name in paths and item.name != "timestamp":
                self._columns.append((_column(paths[item.name]), check))

    def judge(self, events: Sequence[Any]) -> None:
        """Raises Suspect unless every value but the timestamps is of its form.

        Args:
            events: The decoded lines.
        """
        for column, check in self._columns:
            check(column(events))

    def attributes(self, events: Sequence[Any]) -> list[Any]:
        """What is there of ``attributes``.

        Args:
            events: The decoded lines.
        """
        return [value for value in map(self._attributes, events) if value is not UNSET]

    def keys_are_short(self, events: Sequence[Any]) -> bool:
        """Whether no key below ``attributes`` is longer than the index takes.

        Args:
            events: The decoded lines.
        """
        pending = [value for value in self.attributes(events) if value.__class__ is dict]
        while pending:
            for key, value in pending.pop().items():
                if len(key) * 4 > LIMITS.KEY_BYTES and len(key.encode()) > LIMITS.KEY_BYTES:
                    return False
                if value.__class__ is dict:
                    pending.append(value)
        return True

    def span(self, events: Sequence[Any]) -> Span:
        """The instants of the timestamps; raises Suspect where one of them may break the schema.

        Args:
            events: The decoded lines, at least one.
        """
        texts = list(map(self._timestamp, events))
        joined = "\n".join(texts)
        if not joined.isascii():
            raise Suspect(next(place for place, text in enumerate(texts) if not text.isascii()))
        shaped = joined.encode().translate(_ZEROS)
        width = len(texts[0])
        shape = shaped[:width]
        if shaped != (shape + b"\n") * (len(texts) - 1) + shape:
            return self._mixed(texts)
        ordered = sorted(texts)  # texts of one shape are in the order of their instants
        if not _SHAPE.fullmatch(shape) or not self._in_calendar(ordered, joined, width + 1):
            return self._mixed(texts)
        first, least, greatest = instant(texts[0]), instant(ordered[0]), instant(ordered[-1])
        if ordered == texts:
            return Span(len(texts), first, least, greatest)
        return Span(len(texts), first, least, greatest, list(map(instant, texts)))

    def _in_calendar(self, ordered: list[str], joined: str, step: int) -> bool:
        """Whether all of them are dates and times; of equal hours only one is looked at."""
        if ordered[0][:13] == ordered[-1][:13]:
            hours = {ordered[0][:13]}
        else:
            hours = {text[:13] for text in ordered}
        if not all(is_timestamp(hour + ":00:00Z") for hour in hours):
            return False
        return max(joined[14::step]) <= "5" and max(joined[17::step]) <= "5"

    def _mixed(self, texts: list[str]) -> Span:
        for place, text in enumerate(texts):
            if not is_timestamp(text):
                raise Suspect(place)
        instants = list(map(instant, texts))
        return Span(len(texts), instants[0], min(instants), max(instants), instants)

    def _check(self, item: Field) -> Callable[[list[Any]], None] | None:
        if item.type is FieldType.DATE:
            return _Memo(is_timestamp)
        if item.type is FieldType.IP:
            return _Memo(is_ip)
        if item.type not in (FieldType.KEYWORD, FieldType.TEXT) or not item.pattern:
            return None
        if found := _CLASS.fullmatch(item.pattern):
            return _Alphabet(found[1])
        matches = re.compile(item.pattern).fullmatch
        return _Memo(lambda text: matches(text) is not None)


class _Memo:
    """A test that is made once for each distinct value; addresses and names come again and again."""

    def __init__(self, test: Callable[[str], bool]) -> None:
        self._test = test
        self._passed: set[Any] = {UNSET, None}

    def __call__(self, values: list[Any]) -> None:
        if self._passed.issuperset(values):
            return
        new = set(values) - self._passed
        for value in new:
            if not self._test(value):
                raise Suspect(values.index(value))
        if len(self._passed) + len(new) > _REMEMBERED:
            self._passed = {UNSET, None}
        self._passed |= new


class _Alphabet:
    """A test that no value has a character outside a set of ASCII ones."""

    def __init__(self, ranges: str) -> None:
        inside = re.compile(f"[{ranges}]")
        self._whole = re.compile(f"[{ranges}]*")
        self._signs = bytes(code for code in range(128) if inside.match(chr(code)))

    def __call__(self, values: list[Any]) -> None:
        try:
            joined = "\n".join(values)
        except TypeError:  # UNSET or None among them
            strings = [value for value in values if value.__class__ is str]
            joined = "\n".join(strings)
        else:
            strings = values
        if joined.isascii():
            rest = joined.encode().translate(None, self._signs)
            if rest == b"\n" * (len(strings) - 1):
                return
        for place, value in enumerate(values):
            if value.__class__ is str and not self._whole.fullmatch(value):
                raise Suspect(place)


def _column(path: tuple[str, ...]) -> Callable[[Sequence[Any]], list[Any]]:
    """The values of one field, UNSET and None among them."""
    last = attrgetter(".".join(path[1:] or path))
    if len(path) == 1:
        return lambda events: list(map(last, events))
    above = attrgetter(path[0])

    def nested(events: Sequence[Any]) -> list[Any]:
        holders = [item for item in map(above, events) if item is not UNSET and item is not None]
        return list(map(last, holders))

    return nested
