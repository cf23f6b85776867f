"""The fast path: says of lines that nothing is wrong with them.

It may be wrong in one direction only: a line that it lets pass has no finding on the slow path. Every other line
is a suspect, and the slow path looks into it. So it can refuse whatever is rare and costly to judge.

The reading is done by Rust (`native/`), line by line where it stands in the block; no object is made of a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from math import inf
from sys import float_info
from typing import Any, Final

from obskit.lint.context import Context, Options
from obskit.lint.profile import Selection
from obskit.lint.sensitive import suspicious_lines
from obskit.schema.fields import ATTRIBUTES, LIMITS
from obskit.schema.model import Field, FieldType, Schema

__all__ = ["Decoder", "fast_path", "has_fast_path"]

_LONG: Final = (-(2**63), 2**63 - 1)
_DOUBLE: Final = (-float_info.max, float_info.max)
_TEXTS: Final = frozenset({FieldType.KEYWORD, FieldType.TEXT})
_SENSITIVE: Final = frozenset({"secret", "personal-data"})
_LIMITS: Final = {
    "line_bytes": LIMITS.LINE_BYTES,
    "attribute_depth": LIMITS.ATTRIBUTE_DEPTH,
    "leaf_bytes": LIMITS.LEAF_BYTES,
    "key_bytes": LIMITS.KEY_BYTES,
}


def has_fast_path() -> bool:
    """Whether obskit was installed with its native part."""
    try:
        import obskit._native  # noqa: F401
    except ImportError:
        return False
    return True


def fast_path(schema: Schema, selection: Selection, options: Options) -> Decoder | None:
    """The fast path for a schema; None where it cannot be had, and every line goes the slow way.

    That is where obskit was installed without its native part, and for a schema that the scanner does not read:
    one with a field that is an object of fields too, or with bounds beyond 64 bits.

    Args:
        schema: The log schema.
        selection: The rules that run.
        options: Limits in force.
    """
    try:
        from obskit._native import Scanner
    except ImportError:
        return None
    try:
        return Decoder(Scanner, schema, selection, options)
    except (TypeError, ValueError):
        return None


class Decoder:
    """Finds the lines of a block that need a look.

    Args:
        scanner: Makes the native scanner of descriptions of fields and limits.
        schema: The log schema.
        selection: The rules that run.
        options: Limits in force.
    """

    def __init__(
        self,
        scanner: Callable[..., Any],
        schema: Schema,
        selection: Selection,
        options: Options,
    ) -> None:
        fields = [
            _described(item)
            for item in schema.fields
            # where types below attributes are compared, each line that has them needs a look
            if item.name != ATTRIBUTES or not options.attribute_types
        ]
        self._scan = scanner(fields, _LIMITS).scan
        self.count = 0  # lines of the block that was read last
        self._ordered = "timestamp-order" in selection.severities
        self._timed = "timestamp-future" in selection.severities
        self._sensitive = bool(_SENSITIVE & selection.severities.keys())

    def suspects(self, data: bytes, context: Context) -> Iterator[tuple[int, bytes]]:
        """The lines that need a look, with their numbers in the block, from 0, in order.

        The state of the context is brought up to date for the lines in between; for those that are given
        out, the slow path does it, before it asks for the next one.

        Args:
            data: Whole lines.
            context: Limits, clock, and what earlier lines said.
        """
        tolerance = context.options.order_seconds if self._ordered else inf
        horizon = context.now() + context.options.future_seconds if self._timed else inf
        state, scan, size = context.state, self._scan, len(data)
        stops = suspicious_lines(data) if self._sensitive else iter(())
        stop = next(stops, size)
        at = number = 0
        while at < size:
            passed, start, end, state.latest, state.least = scan(
                data, at, stop, state.latest, state.least, tolerance, horizon
            )
            number += passed
            if end >= stop:
                stop = next(stops, size)
            at = end + 1
            if start < size:
                yield number, data[start:end]
                number += 1
        self.count = number


def _described(item: Field) -> dict[str, Any]:
    """A field in the words of the native part."""
    pattern = item.pattern if item.type in _TEXTS else ""
    known = item.alphabet if pattern else None
    if known and b"\\" in known[0]:  # of [A-z]: on the wire it begins an escape
        known = None
    alphabet, *lengths = known or (None, item.min_length, item.max_length or None)
    test = re.compile(pattern).fullmatch if pattern and not known else None
    least, greatest = _DOUBLE if item.type is FieldType.DOUBLE else _LONG
    return {
        "path": list(item.path),
        "kind": item.type.value,
        "required": item.required,
        "nullable": item.nullable,
        "allowed": [_written(word) for word in item.allowed] or None,
        "alphabet": alphabet,
        "pattern": test,
        "least_length": lengths[0],
        "greatest_length": lengths[1],
        "least": least if item.minimum is None else item.minimum,
        "greatest": greatest if item.maximum is None else item.maximum,
        "clock": item.name == "timestamp",
    }


def _written(text: str) -> bytes:
    """A text as JSON writes it; half of a surrogate pair becomes bytes that are no UTF-8 and never pass."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")
