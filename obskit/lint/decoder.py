"""The fast path: says of whole blocks of lines that nothing is wrong with them.

It may be wrong in one direction only: a line that it lets pass has no finding on the slow path. Every other line
is a suspect, and the slow path looks into it. So it can refuse whatever is rare and costly to judge.

msgspec decodes a block of lines into structs made from the schema, which checks syntax, UTF-8, required and unknown
fields, types, lengths, bounds and allowed values in C. What it accepts silently is caught on the whole block:

- a duplicate key: encoding the structs again yields fewer quotes than the block has;
- two objects on one line, one object on two lines: every line feed stands between two braces;
- control characters, long lines, forms of timestamps, alphabets of ids: see the methods below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from obskit.lint.context import Context, Options, State
from obskit.lint.profile import Selection
from obskit.lint.sensitive import suspicious_lines
from obskit.lint.shape import Checks, Span, structure
from obskit.schema.fields import LIMITS
from obskit.schema.model import Schema

__all__ = ["Decoder"]

_STEP: Final = 32  # lines that are tried together where a block is not clean as a whole

# Escapes of control characters, and of the quote, which would upset the count of quotes. An escaped backslash
# in front makes a false alarm, which costs a look.
_ESCAPES: Final = re.compile(rb"\\(?:[bf]|u00(?:[01][0-9A-Fa-f]|22|7[fF]|[89][0-9A-Fa-f]))")
_RAW_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
_SENSITIVE: Final = frozenset({"secret", "personal-data"})


class Decoder:
    """Finds the lines of a block that need a look.

    Args:
        schema: The log schema.
        selection: The rules that run.
        options: Limits in force.
    """

    def __init__(self, schema: Schema, selection: Selection, options: Options) -> None:
        struct, paths = structure(schema, with_attributes=not options.attribute_types)
        self._decode = msgspec.json.Decoder(struct).decode_lines
        self._encode = msgspec.json.Encoder().encode_lines
        self._checks = Checks(schema, paths)
        self._ordered = "timestamp-order" in selection.severities
        self._timed = self._ordered or "timestamp-future" in selection.severities
        self._sensitive = bool(_SENSITIVE & selection.severities.keys())

    def suspects(self, data: bytes, context: Context) -> Iterator[tuple[int, bytes]]:
        """The lines that need a look, with their numbers in the block, from 0, in order.

        The state of the context is brought up to date for the lines in between; for those that are given
        out, the slow path does it, before it asks for the next one.

        Args:
            data: Whole lines.
            context: Limits, clock, and what earlier lines said.
        """
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        if self._clean(data, context):
            if self._sensitive:
                yield from suspicious_lines(data)
            return
        lines = data.removesuffix(b"\n").split(b"\n")
        for start in range(0, len(lines), _STEP):
            part = lines[start : start + _STEP]
            joined = b"\n".join(part)
            if self._clean(joined, context):
                if self._sensitive:
                    for number, raw in suspicious_lines(joined):
                        yield start + number, raw
                continue
            for number, raw in enumerate(part, start):
                if not self._clean(raw, context) or (
                    self._sensitive and any(suspicious_lines(raw))
                ):
                    yield number, raw

    def _clean(self, data: bytes, context: Context) -> bool:
        if not _short(data, LIMITS.LEAF_BYTES) or _controls(data):
            return False
        try:
            events = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        count = len(events)
        if not count:
            return True  # blank lines
        feeds = data.count(b"\n") - data.endswith(b"\n")
        if feeds != count - 1 or (feeds and data.count(b"}\n{") != feeds):
            return False
        if self._encode(events).count(b'"') != data.count(b'"'):
            return False
        if not self._checks.passes(events):
            return False
        if not _short(data, LIMITS.KEY_BYTES) and not self._checks.keys_are_short(events):
            return False
        span = self._checks.span(events)
        return span is not None and self._in_time(span, context)

    def _in_time(self, span: Span, context: Context) -> bool:
        """Whether no timestamp is late or early; if so, the latest one is remembered."""
        state, options = context.state, context.options
        if self._timed:
            if span.greatest - context.now() > options.future_seconds:
                return False
            if self._ordered and not _in_order(span, state, options.order_seconds):
                return False
        state.seen(span.least, span.greatest)
        return True


def _in_order(span: Span, state: State, tolerance: float) -> bool:
    latest = span.first if state.latest is None else state.latest
    if not span.all:  # in order among themselves
        return latest - span.first <= tolerance
    if max(latest, span.greatest) - span.least <= tolerance:
        return True
    for moment in span.all:
        if latest - moment > tolerance:
            return False
        latest = max(latest, moment)
    return True


def _short(data: bytes, limit: int) -> bool:
    """Whether no line is longer than a leaf or a key may be: none of them can be too long then."""
    start, end = 0, len(data)
    while end - start > limit:
        feed = data.rfind(b"\n", start, start + limit + 1)
        if feed < 0:
            return False
        start = feed + 1
    return True


def _controls(data: bytes) -> bool:
    """Whether the data may hold control characters beside white space, or an escaped quote of another kind."""
    if b"\\" in data and _ESCAPES.search(data):
        return True
    if b"\x7f" in data:
        return True
    return not data.isascii() and _RAW_C1.search(data) is not None
