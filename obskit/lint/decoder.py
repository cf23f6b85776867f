"""The fast path: says of whole blocks of lines that nothing is wrong with them.

It may be wrong in one direction only: a line that it lets pass has no finding on the slow path. Every other line
is a suspect, and the slow path looks into it. So it can refuse whatever is rare and costly to judge.

msgspec decodes a block of lines into structs made from the schema, which checks syntax, UTF-8, required and unknown
fields, types, lengths, bounds and allowed values in C. What it accepts silently is caught on the whole block:

- a duplicate key, two objects on one line, one object on two lines: encoding the structs again yields the
  block byte for byte, where a source writes its keys in one order and without white space. Elsewhere the
  encoded structs have as many quotes as the block, and every line feed of it stands between two braces;
- control characters, long lines, forms of timestamps, alphabets of ids: see the methods below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from obskit.lint.context import Context, Options, State
from obskit.lint.profile import Selection
from obskit.lint.sensitive import suspicious_lines
from obskit.lint.shape import NOTHING, Checks, Span, merge_order, structure
from obskit.lint.skeleton import Skeletons
from obskit.schema.fields import LIMITS
from obskit.schema.model import Schema

__all__ = ["Decoder"]

_STEP: Final = 32  # lines that are tried together where a block is not clean as a whole
_SAMPLE: Final = 64  # lines that the order of keys is learned from
_LONGEST_GUESS: Final = 4_096  # bytes in which a carriage return shows that the source has them
_LESSONS: Final = 8  # how often that is tried

# Escapes of control characters, and of the quote, which would upset the count of quotes. An escaped backslash
# in front makes a false alarm, which costs a look.
_ESCAPES: Final = re.compile(rb"\\(?:[bf]|u00(?:[01][0-9A-Fa-f]|22|7[fF]|[89][0-9A-Fa-f]))")
_RAW_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
_SENSITIVE: Final = frozenset({"secret", "personal-data"})


class _Reader:
    """Decodes blocks by one struct, and checks what the struct cannot say.

    Args:
        schema: The log schema.
        order: Dotted names in the order in which a source writes them; only these are read, and the block has to
            be, byte for byte, what encoding yields: that leaves no room for duplicates or white space. Without,
            every field of the schema is read, in any order, and quotes and line feeds are counted.
        with_attributes: Whether ``attributes`` is read.
        skeletons: Known shapes of attributes, to leave them as text; None to decode them.
    """

    def __init__(
        self,
        schema: Schema,
        order: Sequence[str] | None,
        *,
        with_attributes: bool,
        skeletons: Skeletons | None = None,
    ) -> None:
        raw = skeletons is not None
        struct, paths = structure(
            schema, order, with_attributes=with_attributes, raw_attributes=raw
        )
        self._decode = msgspec.json.Decoder(struct).decode_lines
        self._encode = msgspec.json.Encoder().encode_lines
        self._checks = Checks(schema, paths)
        self._exact = order is not None
        self._skeletons = skeletons

    def span(self, data: bytes) -> Span | None:
        """The instants of lines on which nothing is wrong but perhaps their time; None where something may be.

        Args:
            data: Whole lines.
        """
        if not _short(data, LIMITS.LEAF_BYTES) or _controls(data):
            return None
        try:
            events = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if not events:
            return NOTHING  # blank lines
        if not (self._same(data, events) if self._exact else self._alike(data, events)):
            return None
        if not self._checks.passes(events):
            return None
        if self._checks.has_attributes and not self._attributes_pass(data, events):
            return None
        return self._checks.span(events)

    def _attributes_pass(self, data: bytes, events: list[Any]) -> bool:
        short = _short(data, LIMITS.KEY_BYTES)
        if self._skeletons is None:
            return short or self._checks.keys_are_short(events)
        # what is left as text is not checked for UTF-8 by the decoder
        texts = self._checks.attributes(events)
        return (
            short
            and (data.isascii() or _is_utf8(data))
            and (not texts or self._skeletons.sound(texts))
        )

    def same(self, data: bytes) -> bool:
        """Whether encoding yields the data again, byte for byte.

        Args:
            data: Whole lines.
        """
        try:
            return self._same(data, self._decode(data))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False

    def _same(self, data: bytes, events: list[Any]) -> bool:
        encoded = self._encode(events)
        return encoded == data or (data[-1:] != b"\n" and encoded[:-1] == data)

    def _alike(self, data: bytes, events: list[Any]) -> bool:
        feeds = data.count(b"\n") - data.endswith(b"\n")
        if feeds != len(events) - 1 or (feeds and data.count(b"}\n{") != feeds):
            return False
        return self._encode(events).count(b'"') == data.count(b'"')


class Decoder:
    """Finds the lines of a block that need a look.

    It learns from the first lines in which order a source writes its keys, and then reads by that order, which
    is cheaper; lines in another order are read all the same.

    Args:
        schema: The log schema.
        selection: The rules that run.
        options: Limits in force.
    """

    def __init__(self, schema: Schema, selection: Selection, options: Options) -> None:
        self._schema = schema
        self._with_attributes = not options.attribute_types
        self._any_order = _Reader(schema, None, with_attributes=self._with_attributes)
        self._learned = self._any_order
        self._order: list[str] = []
        self._lessons = _LESSONS
        self._skeletons = Skeletons()
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
        if b"\r" in data[:_LONGEST_GUESS]:
            data = data.replace(b"\r\n", b"\n")
        if not self._order:
            self._learn(data.split(b"\n", _SAMPLE)[:_SAMPLE])
        hopeful = not self._skeletons.hopeless
        clean = self._clean(self._learned, data, context)
        if (
            not clean
            and hopeful
            and self._skeletons.hopeless
            and self._learned is not self._any_order
        ):
            self._learned = self._exact_reader()
            clean = self._clean(self._learned, data, context)
        if clean:
            if self._sensitive:
                yield from suspicious_lines(data)
            return
        unlike: list[bytes] = []
        lines = data.removesuffix(b"\n").split(b"\n")
        for start in range(0, len(lines), _STEP):
            part = lines[start : start + _STEP]
            joined = b"\n".join(part)
            if self._clean(self._learned, joined, context):
                if self._sensitive:
                    for number, raw in suspicious_lines(joined):
                        yield start + number, raw
                continue
            for number, raw in enumerate(part, start):
                if self._clean(self._learned, raw, context):
                    suspicious = False
                elif self._clean(self._any_order, raw, context):
                    suspicious = False
                    unlike.append(raw)
                else:
                    suspicious = True
                if suspicious or (self._sensitive and any(suspicious_lines(raw))):
                    yield number, raw
        if len(unlike) * 50 > len(lines):
            self._learn(unlike[:_SAMPLE])

    def _clean(self, reader: _Reader, data: bytes, context: Context) -> bool:
        span = reader.span(data)
        return span is not None and (span is NOTHING or self._in_time(span, context))

    def _learn(self, lines: list[bytes]) -> None:
        """Takes the order of keys from lines; if most of them cannot be encoded again, order is no help."""
        if not self._lessons:
            return
        self._lessons -= 1
        for line in lines:
            merge_order(self._order, line)
        reader = self._exact_reader()
        same = sum(map(reader.same, lines))
        self._learned = reader if same * 2 > len(lines) else self._any_order
        if self._learned is self._any_order:
            self._order = self._order or ["timestamp"]

    def _exact_reader(self) -> _Reader:
        skeletons = None if self._skeletons.hopeless else self._skeletons
        return _Reader(
            self._schema, self._order, with_attributes=self._with_attributes, skeletons=skeletons
        )

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


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _controls(data: bytes) -> bool:
    """Whether the data may hold control characters beside white space, or an escaped quote of another kind."""
    if b"\\" in data and _ESCAPES.search(data):
        return True
    if b"\x7f" in data:
        return True
    return not data.isascii() and _RAW_C1.search(data) is not None
