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
from math import inf
from typing import Any, Final

import msgspec

from obskit.lint.context import Context, Options, State
from obskit.lint.profile import Selection
from obskit.lint.sensitive import suspicious_lines
from obskit.lint.shape import NOTHING, Checks, Span, Suspect, merge_order, structure
from obskit.lint.skeleton import Skeletons
from obskit.schema.fields import LIMITS
from obskit.schema.model import Schema

__all__ = ["Decoder"]

_STEP: Final = 64  # lines that are tried together where the block before had suspects
_SAMPLE: Final = 64  # lines that the order of keys is learned from
_LONGEST_GUESS: Final = 4_096  # bytes in which a carriage return shows that the source has them
_LESSONS: Final = 8  # how often that is tried

# Escapes of control characters, and of the quote, which would upset the count of quotes. An escaped backslash
# in front makes a false alarm, which costs a look.
_ESCAPES: Final = re.compile(rb"\\(?:[bf]|u00(?:[01][0-9A-Fa-f]|22|7[fF]|[89][0-9A-Fa-f]))")
_RAW_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
# What msgspec tells of the place: the index of a line that is not of the struct, or a byte that is no JSON.
_PLACE: Final = re.compile(r"at `\$\[(\d+)\]|\(byte (\d+)\)")
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

    def span(self, data: bytes) -> Span:
        """The instants of lines on which nothing is wrong but perhaps their time.

        Args:
            data: Whole lines.

        Raises:
            Suspect: Something else may be wrong.
        """
        if not _short(data, LIMITS.LEAF_BYTES) or _controls(data):
            raise Suspect
        try:
            events = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            # a key that was not seen before may be one of the schema all the same
            certain = not str(error).startswith("Object contains unknown field")
            raise Suspect(_culprit(data, error), certain=certain) from None
        if not events:
            return NOTHING._replace(lines=data.count(b"\n") + (data[-1:] != b"\n"))
        if self._exact:
            self._same(data, events)
        elif not self._alike(data, events):
            raise Suspect
        self._checks.judge(events)
        if self._checks.has_attributes and not self._attributes_pass(data, events):
            raise Suspect
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
            self._same(data, self._decode(data))
        except (Suspect, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        return True

    def _same(self, data: bytes, events: list[Any]) -> None:
        encoded = self._encode(events)
        if encoded == data or (data[-1:] != b"\n" and encoded[:-1] == data):
            return
        low, high = 0, min(len(data), len(encoded))
        while low < high:  # the first byte that differs
            middle = (low + high + 1) // 2
            if encoded[low:middle] == data[low:middle]:
                low = middle
            else:
                high = middle - 1
        raise Suspect(data.count(b"\n", 0, low))

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
        self.count = 0  # lines of the block that was read last
        self._troubled = False  # whether that block had a suspect
        self._lessons = _LESSONS
        self._skeletons = Skeletons()
        self._ordered = "timestamp-order" in selection.severities
        self._timed = self._ordered or "timestamp-future" in selection.severities
        self._sensitive = bool(_SENSITIVE & selection.severities.keys())

    def forget(self) -> None:
        """Says that another source begins: if an order of keys was no help before, it may be now."""
        if self._learned is self._any_order and self._lessons:
            self._order = []

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
        if not self._troubled:
            try:
                self.count = self._tried(data, context).lines
            except Suspect:
                self._troubled = True
            else:
                if self._sensitive:
                    yield from suspicious_lines(data)
                return
        lines = data.removesuffix(b"\n").split(b"\n")
        self.count = len(lines)
        self._troubled = False
        unlike: list[bytes] = []
        starts = range(0, len(lines), _STEP)
        pending = [(start, min(start + _STEP, len(lines)), False) for start in reversed(starts)]
        while pending:
            start, end, doomed = pending.pop()
            piece = b"\n".join(lines[start:end]) if end - start > 1 else lines[start]
            if doomed:
                self._troubled = True
                yield start, piece
                continue
            try:
                self._clean(self._learned, piece, context)
            except Suspect as suspect:
                if end - start > 1:
                    pending.extend(_split(start, end, suspect))
                    continue
                self._troubled = True
                if not self._clean_in_any_order(piece, context):
                    yield start, piece
                    continue
                unlike.append(piece)
            if self._sensitive:
                for number, raw in suspicious_lines(piece):
                    yield start + number, raw
        if len(unlike) * 50 > len(lines):
            self._learn(unlike[:_SAMPLE])

    def _tried(self, data: bytes, context: Context) -> Span:
        """The whole block at once; if attributes turn out to be of too many shapes, they are decoded."""
        hopeful = not self._skeletons.hopeless
        try:
            return self._clean(self._learned, data, context)
        except Suspect:
            if not (hopeful and self._skeletons.hopeless) or self._learned is self._any_order:
                raise
        self._learned = self._exact_reader()
        return self._clean(self._learned, data, context)

    def _clean(self, reader: _Reader, data: bytes, context: Context) -> Span:
        span = reader.span(data)
        if span.first != inf:
            self._in_time(span, context)
        return span

    def _clean_in_any_order(self, line: bytes, context: Context) -> bool:
        if self._learned is self._any_order:
            return False
        try:
            self._clean(self._any_order, line, context)
        except Suspect:
            return False
        return True

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

    def _in_time(self, span: Span, context: Context) -> None:
        """Raises Suspect if a timestamp is late or early; if none is, they are remembered."""
        state, options = context.state, context.options
        if self._timed:
            if span.greatest - context.now() > options.future_seconds:
                raise Suspect
            if self._ordered and not _in_order(span, state, options.order_seconds):
                raise Suspect
        state.seen(span.least, span.greatest)


def _split(start: int, end: int, suspect: Suspect) -> list[tuple[int, int, bool]]:
    """The parts of a range of lines to try next, the first one last, and whether a part is lost anyhow."""
    if suspect.index is None or start + suspect.index >= end:
        middle = (start + end) // 2
        return [(middle, end, False), (start, middle, False)]
    at = start + suspect.index
    parts = ((at + 1, end, False), (at, at + 1, suspect.certain), (start, at, False))
    return [part for part in parts if part[0] < part[1]]


def _culprit(data: bytes, error: Exception) -> int | None:
    """The line that the decoder's error is about, as far as it says."""
    if isinstance(error, UnicodeDecodeError):
        try:
            data.decode()
        except UnicodeDecodeError as first:
            return data.count(b"\n", 0, first.start)
        return None
    found = _PLACE.search(str(error))
    if found is None:
        return None
    if found[1]:
        return int(found[1])
    # Of an object that is not closed, the decoder tells where the next one begins.
    return data.count(b"\n", 0, max(0, int(found[2]) - 1))


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
