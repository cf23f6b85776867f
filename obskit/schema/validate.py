"""Whether one decoded event keeps the schema: the plain slow path that faster ones are judged by.

Rules and what breaks them:

==================  ====================================================================================
``required``        a required key is missing, or null where null is no value
``type``            a value of another JSON type
``format``          a string that is not of its format, or out of its length
``timestamp-zone``  a timestamp that is right but for its missing or abbreviated zone
``allowed``         a value that is not among the allowed ones
``level-case``      an allowed value in another case
``range``           a number out of its bounds
``alias``           a known other name, in place of the field's own or beside it
``unknown-field``   a key that the schema does not declare (it belongs below ``attributes``)
``depth``           ``attributes`` with more levels than the index takes
``leaf-size``       a value below ``attributes`` that the index would cut
``attribute-key``   a key below ``attributes`` that the index refuses
``oversized-line``  a line longer than shippers take
``control-character``  a control character in a value: a notice, it makes no event invalid
==================  ====================================================================================
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final, NamedTuple

from obskit.schema.fields import BUILTIN, LIMITS
from obskit.schema.model import Field, FieldType, Schema

__all__ = ["NOTICES", "RULES", "Validator", "Violation", "is_ip", "is_timestamp", "validate"]

RULES: Final = (
    "required", "type", "format", "timestamp-zone", "allowed", "level-case", "range", "alias",
    "unknown-field", "depth", "leaf-size", "attribute-key", "oversized-line", "control-character",
)  # fmt: skip

#: Rules that tell something without making the event invalid.
NOTICES: Final = frozenset({"control-character"})

# C0 without tab, line feed and carriage return; DEL and C1.
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_TIMESTAMP: Final = re.compile(BUILTIN.by_name["timestamp"].pattern)
_ZONELESS: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)?"
    r"( ?([+-][0-9]{2}([0-9]{2})?|[A-Za-z]{2,5}))?"
)
_SHOWN: Final = 80


class Violation(NamedTuple):
    """One broken rule: its id, the field concerned in dotted form, and a sentence."""

    rule: str
    field: str
    message: str


def is_timestamp(text: str) -> bool:
    """Whether a text is a timestamp of the schema, its day being in the calendar.

    Args:
        text: The value on the wire.
    """
    if not _TIMESTAMP.fullmatch(text):
        return False
    day = int(text[8:10])
    if day <= 28:
        return True
    month, year = int(text[5:7]), int(text[:4])
    if month == 2:
        return day == 29 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day <= 30 or month not in (4, 6, 9, 11)


def is_ip(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address, without zone and without leading zeros.

    Args:
        text: The value on the wire.
    """
    try:
        inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):  # ValueError: NUL or not ASCII
        return False
    return True


def validate(event: object, schema: Schema = BUILTIN, *, line_bytes: int = 0) -> list[Violation]:
    """What is wrong with one decoded event, in the order of the schema's fields.

    Args:
        event: What a JSON decoder made of the line.
        schema: The log schema.
        line_bytes: Length of the line in bytes with its newline, where it is known.
    """
    held = _VALIDATORS.get(id(schema))
    if held is None or held.schema is not schema:
        if len(_VALIDATORS) > 16:
            _VALIDATORS.clear()
        held = _VALIDATORS[id(schema)] = Validator(schema)
    return held.validate(event, line_bytes=line_bytes)


class Validator:
    """Judges events by one schema, whose patterns are compiled once.

    Args:
        schema: The log schema.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._patterns = {
            item.name: re.compile(item.pattern) for item in schema.fields if item.pattern
        }
        # worked out once, since most lines that are looked into have a handful of these fields
        self._fields = [(item, item.path, item.required) for item in schema.fields]
        self._parents = {".".join(item.path[:-1]) for item in schema.fields if len(item.path) > 1}
        self._checks: Mapping[FieldType, Callable[[Field, object], Iterator[Violation]]] = {
            FieldType.DATE: self._date,
            FieldType.KEYWORD: self._text,
            FieldType.TEXT: self._text,
            FieldType.IP: self._ip,
            FieldType.LONG: self._number,
            FieldType.DOUBLE: self._number,
            FieldType.BOOLEAN: self._boolean,
            FieldType.FLATTENED: self._flattened,
        }

    def validate(self, event: object, *, line_bytes: int = 0) -> list[Violation]:
        """What is wrong with one decoded event.

        Args:
            event: What a JSON decoder made of the line.
            line_bytes: Length of the line in bytes with its newline, where it is known.
        """
        found: list[Violation] = []
        if line_bytes > LIMITS.LINE_BYTES:
            text = f"the line has {line_bytes:,} bytes; at most {LIMITS.LINE_BYTES:,} are shipped whole"
            found.append(Violation("oversized-line", "", text))
        if not isinstance(event, dict):
            return [*found, Violation("type", "", f"the line is {_kind(event)}, not an object")]
        strangers = list(self._unknown(event, ""))
        # A field under another name is told once, as that; it is not missing besides.
        renamed = {item.field for item in strangers if item.rule == "alias"}
        for item, path, required in self._fields:
            if not required and path[0] not in event:
                continue
            for broken in self._field(item, path, event):
                if broken.rule == "required" and item.name in renamed:
                    continue
                if broken.rule == "type" and renamed and self._holds(item, event):
                    continue
                found.append(broken)
        return found + strangers

    def check(self, item: Field, value: object) -> Iterator[Violation]:
        """What is wrong with one value, which is not null.

        Args:
            item: The field that it is of.
            value: The value on the wire.
        """
        yield from self._checks[item.type](item, value)

    def _field(
        self, item: Field, path: tuple[str, ...], event: Mapping[str, object]
    ) -> Iterator[Violation]:
        node: object = event
        for depth, key in enumerate(path):
            if node is None:
                break
            if not isinstance(node, dict):
                return  # the parent's own finding, by _unknown, says it
            if key not in node:
                if item.required:
                    text = f"{item.name} is missing"
                    hint = "; outside a request it is null" if item.nullable else ""
                    yield Violation("required", item.name, text + hint)
                return
            node = node[key]
            if node is None and depth < len(path) - 1 and not item.required:
                return
        if node is None:
            if not item.nullable:
                yield Violation("required", item.name, f"{item.name} is null; it needs a value")
            return
        yield from self.check(item, node)

    def _holds(self, item: Field, event: object) -> bool:
        """Whether an object in a field's place is one of ECS: ``{"host": {"name": …}}``."""
        for key in item.path:
            event = event[key] if isinstance(event, dict) else None
        inside = self._nested(item.name, event) if isinstance(event, dict) else ()
        return any(not item.required or found.field == item.name for found in inside)

    def _unknown(self, node: Mapping[str, object], above: str) -> Iterator[Violation]:
        schema = self.schema
        for key, value in node.items():
            name = f"{above}{key}"
            if name in schema.by_name and "." not in key:
                if isinstance(value, dict) and not _is_flattened(schema.by_name[name]):
                    yield from self._nested(name, value)
                continue
            if name in self._parents and "." not in key:
                if isinstance(value, dict):
                    yield from self._unknown(value, f"{name}.")
                elif value is not None:
                    yield Violation("type", name, f"{name} is {_kind(value)}, not an object")
                continue
            yield from self._stranger(name, value)

    def _stranger(self, name: str, value: object) -> Iterator[Violation]:
        schema = self.schema
        if name in schema.by_name:
            yield Violation(
                "alias", name, f"{name!r} is one dotted key; write it as nested objects"
            )
        elif name in schema.by_alias and (
            not isinstance(value, dict) or _is_flattened(schema.by_alias[name])
        ):
            own = schema.by_alias[name].name
            yield Violation("alias", own, f"{name!r} is another name of {own}; rename it")
        elif isinstance(value, dict) and (nested := list(self._nested(name, value))):
            yield from nested
        else:
            text = f"{_shown(name)} is no field of the schema; put it below attributes"
            yield Violation("unknown-field", name, text)

    def _nested(self, name: str, value: Mapping[str, object]) -> Iterator[Violation]:
        """Dotted aliases that were written as objects, such as ``{"log": {"level": …}}``."""
        for key, inner in value.items():
            path = f"{name}.{key}"
            if isinstance(inner, dict):
                yield from self._nested(path, inner)
            elif path in self.schema.by_alias:
                own = self.schema.by_alias[path].name
                yield Violation("alias", own, f"{path!r} is another name of {own}; rename it")

    def _date(self, item: Field, value: object) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield _type(item, value, "a string")
        elif not is_timestamp(value):
            zoneless = _ZONELESS.fullmatch(value)
            if zoneless and is_timestamp(f"{zoneless[1]}T{zoneless[2]}Z"):
                text = (
                    f"{item.name} {value!r} has no zone, or an abbreviated one; write Z or +02:00"
                )
                yield Violation("timestamp-zone", item.name, text)
            else:
                text = f"{item.name} {_shown(value)} is no RFC 3339 date and time"
                yield Violation("format", item.name, f"{text} such as {item.example or _EXAMPLE}")

    def _text(self, item: Field, value: object) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield _type(item, value, "a string")
            return
        if item.allowed and value not in item.allowed:
            yield _not_allowed(item, value)
        elif (pattern := self._patterns.get(item.name)) and not pattern.fullmatch(value):
            text = f"{item.name} {_shown(value)} does not match {item.pattern}"
            yield Violation("format", item.name, text)
        elif len(value) < item.min_length:
            text = f"{item.name} has {len(value)} characters; at least {item.min_length} are needed"
            yield Violation("format", item.name, text)
        elif item.max_length and len(value) > item.max_length:
            text = f"{item.name} has {len(value):,} characters; at most {item.max_length:,} are allowed"
            yield Violation("format", item.name, text)
        if control := _CONTROL.search(value):
            text = f"{item.name} has the control character U+{ord(control[0]):04X}"
            yield Violation("control-character", item.name, text)

    def _ip(self, item: Field, value: object) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield _type(item, value, "a string")
        elif not is_ip(value):
            text = f"{item.name} {_shown(value)} is no IPv4 or IPv6 address"
            yield Violation("format", item.name, text)

    def _number(self, item: Field, value: object) -> Iterator[Violation]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield _type(item, value, "a number")
        elif item.type is FieldType.LONG and isinstance(value, float) and not value.is_integer():
            yield _type(item, value, "a whole number")
        else:
            least, greatest = _bounds(item)
            if value < least:
                text = f"{item.name} is {_shown(value)}; the least is {least}"
                yield Violation("range", item.name, text)
            elif not value <= greatest:  # so that NaN is out of range too
                text = f"{item.name} is {_shown(value)}; the greatest is {greatest}"
                yield Violation("range", item.name, text)

    def _boolean(self, item: Field, value: object) -> Iterator[Violation]:
        if not isinstance(value, bool):
            yield _type(item, value, "true or false")

    def _flattened(self, item: Field, value: object) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield _type(item, value, "an object")
            return
        pending: list[tuple[str, object, int]] = [(item.name, value, 1)]
        while pending:
            name, node, depth = pending.pop()
            if isinstance(node, dict):
                if depth > LIMITS.ATTRIBUTE_DEPTH:
                    text = f"{item.name} has more than {LIMITS.ATTRIBUTE_DEPTH} levels"
                    yield Violation("depth", item.name, text)
                    return
                for key, inner in node.items():
                    if "\0" in key or len(key.encode("utf-8", "replace")) > LIMITS.KEY_BYTES:
                        text = f"a key below {_shown(name)} has a NUL or more than {LIMITS.KEY_BYTES:,} bytes"
                        yield Violation("attribute-key", item.name, text)
                    pending.append((f"{name}.{key}"[:_SHOWN], inner, depth + 1))
            elif isinstance(node, list):
                pending.extend((name, inner, depth) for inner in node)
            elif isinstance(node, str) and len(node) * 4 > LIMITS.LEAF_BYTES:
                size = len(node.encode("utf-8", "replace"))
                if size > LIMITS.LEAF_BYTES:
                    text = f"{_shown(name)} has {size:,} bytes; {LIMITS.LEAF_BYTES:,} are indexed"
                    yield Violation("leaf-size", item.name, text)


def _is_flattened(item: Field) -> bool:
    return item.type is FieldType.FLATTENED


_EXAMPLE: Final = "2023-09-10T12:34:56Z"
_VALIDATORS: Final[dict[int, Validator]] = {}


def _bounds(item: Field) -> tuple[float, float]:
    """The least and the greatest value; what the field does not say, its type does."""
    long = item.type is FieldType.LONG
    least = -(2**63) if long else -sys.float_info.max
    greatest = 2**63 - 1 if long else sys.float_info.max
    return (
        least if item.minimum is None else item.minimum,
        greatest if item.maximum is None else item.maximum,
    )


def _type(item: Field, value: object, wanted: str) -> Violation:
    return Violation("type", item.name, f"{item.name} is {_kind(value)}, not {wanted}")


def _not_allowed(item: Field, value: str) -> Violation:
    upper = value.upper()
    if upper in item.allowed:
        rule = "level-case" if item.name == "level" else "allowed"
        return Violation(rule, item.name, f"{item.name} {value!r} is written {upper}")
    text = f"{item.name} {_shown(value)} is none of {', '.join(item.allowed)}"
    if upper in item.synonyms:
        text += f"; write {item.synonyms[upper]}"
    return Violation("allowed", item.name, text)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, dict) else "an array"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 2] + "…" + text[-1]
