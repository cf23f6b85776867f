"""A line becomes an event of the schema, or reasons why not.

The rule is docs/normalisation.md; the Filebeat script and the Logstash filter keep the same one, and the
conformance corpus is run through all of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from obskit.lint.instant import to_utc
from obskit.lint.line import first_look
from obskit.schema.fields import ATTRIBUTES, BUILTIN, LIMITS
from obskit.schema.model import Field, FieldType, Schema
from obskit.schema.validate import Validator

__all__ = ["CUT", "Normaliser", "Outcome"]

#: Key below ``attributes`` that lists the paths of what was cut there.
CUT: Final = "_cut"

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_EXACT: Final = 2**53 - 1  # whole numbers that a double holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a line.

    Args:
        event: The event, its fields in the order of the schema; None where there are reasons.
        reasons: Why the line gives no event, as ``field: reason``.
    """

    event: Mapping[str, Any] | None
    reasons: tuple[str, ...] = ()


class _Place(NamedTuple):
    """Where a value stands: the objects above it, outermost first, with the keys taken in them."""

    above: tuple[tuple[dict[str, Any], str], ...]
    holder: dict[str, Any]
    key: str
    name: str

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    def take(self) -> None:
        """Removes the value, and the objects that this leaves empty."""
        del self.holder[self.key]
        for holder, key in reversed(self.above):
            if holder[key]:
                return
            del holder[key]


class Normaliser:
    """Makes events of lines by one schema.

    Args:
        schema: The log schema.
        fill: Values for required fields that a line does not have, by name.
    """

    def __init__(self, schema: Schema = BUILTIN, *, fill: Mapping[str, Any] | None = None) -> None:
        self.schema = schema
        self._fill = dict(fill or {})
        self._validator = Validator(schema)
        self._names = tuple(
            (item, tuple((name, tuple(name.split("."))) for name in (item.name, *item.aliases)))
            for item in schema.fields
        )

    def line(self, raw: bytes) -> Outcome:
        """What becomes of one line.

        Args:
            raw: The line without its line feed.
        """
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode()
            if syntax := first_look(text):
                return Outcome(event=None, reasons=(f"json: {syntax.message}",))
            document = json.loads(
                text, parse_int=_int, parse_float=_float, parse_constant=_constant
            )
        except UnicodeDecodeError:
            return Outcome(event=None, reasons=("json: not UTF-8",))
        except json.JSONDecodeError as error:
            return Outcome(event=None, reasons=(f"json: {error.msg[0].lower()}{error.msg[1:]}",))
        except ValueError as error:  # NaN and its like
            return Outcome(event=None, reasons=(f"json: {error}",))
        if not isinstance(document, dict):
            return Outcome(event=None, reasons=("json: not an object",))
        return self.event(document)

    def event(self, document: dict[str, Any]) -> Outcome:
        """What becomes of one decoded line; the dictionary is used up.

        Args:
            document: What a JSON decoder made of the line.
        """
        values: dict[str, Any] = {}
        reasons: list[str] = []
        declared: Any = None
        for item, names in self._names:
            place = _find(document, item, names)
            if place is None:
                if item.name in self._fill:
                    values[item.name] = self._fill[item.name]
                elif item.required:
                    reasons.append(f"{item.name}: missing")
            elif item.type is FieldType.FLATTENED and item.name == ATTRIBUTES:
                declared = place.value
                place.take()
            elif place.value is None:
                place.take()
                if item.name in self._fill:
                    values[item.name] = self._fill[item.name]
                elif not item.nullable:
                    reasons.append(f"{item.name}: null")
                elif item.required:
                    values[item.name] = None
            elif reason := self._value(item, place, values):
                reasons.append(f"{item.name}: {reason}")
            else:
                place.take()
        span = values.pop("traceparent.span", None)
        if span is not None and "span_id" not in values and "span_id" in self.schema.by_name:
            values["span_id"] = span
        if reasons:
            return Outcome(event=None, reasons=tuple(reasons))
        extra = _collect(document, declared)
        if extra:
            values[ATTRIBUTES] = _bounded_attributes(extra)
        return Outcome(event=_nested(self.schema, values))

    def _value(self, item: Field, place: _Place, values: dict[str, Any]) -> str:
        """Puts the value among the values; the answer is why that cannot be, or nothing."""
        value = place.value
        if place.name == "traceparent" and isinstance(value, str):
            found = _TRACEPARENT.fullmatch(value)
            if found:
                value = found[1]
                values["traceparent.span"] = found[2]
        if item.type is FieldType.DATE:
            text = to_utc(value)
            if text is None:
                return "no instant; write RFC 3339 with a zone"
            values[item.name] = text
            return ""
        if item.synonyms and isinstance(value, str):
            value = self._synonym(item, value, values)
        if item.min_length and isinstance(value, str) and not value.strip():
            return "empty"
        for violation in self._validator.check(item, value):
            if violation.rule != "control-character":
                return violation.message
        if item.type is FieldType.LONG and isinstance(value, float):
            value = int(value)
        values[item.name] = value
        return ""

    def _synonym(self, item: Field, value: str, values: dict[str, Any]) -> str:
        upper = value.strip().upper()
        if upper in item.allowed:
            return upper
        if upper not in item.synonyms:
            return value
        if item.name == "level" and "severity_text" in self.schema.by_name:
            values.setdefault("severity_text", value)
        return item.synonyms[upper]


def _find(
    document: dict[str, Any], item: Field, names: tuple[tuple[str, tuple[str, ...]], ...]
) -> _Place | None:
    fallback = None
    for name, path in names:
        place = _locate(document, name, path)
        if place is None:
            continue
        if item.type is FieldType.FLATTENED or not isinstance(place.value, dict):
            return place
        if name == item.name:
            fallback = place
    return fallback


def _locate(document: dict[str, Any], name: str, path: tuple[str, ...]) -> _Place | None:
    if name in document:
        return _Place((), document, name, name)
    above: list[tuple[dict[str, Any], str]] = []
    holder: Any = document
    for key in path[:-1]:
        if not isinstance(holder.get(key), dict):
            return None
        above.append((holder, key))
        holder = holder[key]
    return _Place(tuple(above), holder, path[-1], name) if path[-1] in holder else None


def _collect(document: Mapping[str, Any], declared: Any) -> dict[str, Any]:
    """Everything that the schema does not declare; a key that is taken gets underscores."""
    extra: dict[str, Any] = {}
    if isinstance(declared, dict):
        extra.update(declared)
    elif declared is not None:
        extra[ATTRIBUTES] = declared
    for key, value in document.items():
        name = key
        while name in extra:
            name += "_"
        extra[name] = value
    return extra


def _bounded_attributes(extra: dict[str, Any]) -> dict[str, Any]:
    cut: list[str] = []
    bounded: dict[str, Any] = _bounded(extra, 1, "", cut)
    if cut:
        bounded[CUT] = cut
    return bounded


def _bounded(value: Any, depth: int, path: str, cut: list[str]) -> Any:
    if isinstance(value, str):
        kept = _first_bytes(value, LIMITS.LEAF_BYTES)
        if len(kept) < len(value):
            cut.append(path)
        return kept
    if not isinstance(value, dict | list):
        return value
    if depth > LIMITS.ATTRIBUTE_DEPTH:
        cut.append(path)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return _first_bytes(text, LIMITS.LEAF_BYTES)
    if isinstance(value, list):
        return [_bounded(inner, depth + 1, path, cut) for inner in value]
    made: dict[str, Any] = {}
    for key, inner in value.items():
        name = _first_bytes(key.replace("\0", "\ufffd"), LIMITS.KEY_BYTES)
        below = f"{path}.{name}" if path else name
        if len(name) < len(key):
            cut.append(below)
        made[name] = _bounded(inner, depth + 1, below, cut)
    return made


def _first_bytes(text: str, limit: int) -> str:
    """The longest start of whole characters that takes at most so many bytes of UTF-8."""
    if len(text) * 4 <= limit:
        return text
    return text.encode()[:limit].decode("utf-8", "ignore")


def _nested(schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the wire has them: in the order of the schema, dotted names as objects."""
    event: dict[str, Any] = {}
    for item in schema.fields:
        if item.name in values:
            holder = event
            for key in item.path[:-1]:
                holder = holder.setdefault(key, {})
            holder[item.path[-1]] = values[item.name]
    return event


def _int(token: str) -> int | str:
    # Python refuses to convert more than 4,300 digits.
    if len(token) > 17:
        return token
    number = int(token)
    return number if abs(number) <= _EXACT else token


def _float(token: str) -> float | str:
    number = float(token)
    return token if math.isinf(number) else number


def _constant(token: str) -> Iterator[None]:
    raise ValueError(f"{token} is no number of JSON")
