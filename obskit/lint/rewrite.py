"""Logs rewritten to the schema, line by line, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from obskit.errors import ConfigError, Problem
from obskit.lint.carrier import Carrier, Unwrapper, detect
from obskit.lint.line import Line
from obskit.lint.linter import LONGEST
from obskit.lint.normalise import Normaliser
from obskit.lint.source.blocks import Giant, blocks
from obskit.lint.source.files import READ_ERRORS, Source, find_sources
from obskit.schema.fields import BUILTIN
from obskit.schema.model import Schema

__all__ = ["Rewriting", "Rewritten", "rewrite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """How to rewrite.

    Args:
        schema: The log schema.
        fill: Values for required fields that a line does not have.
    """

    schema: Schema = BUILTIN
    fill: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Rewritten:
    """What became of the lines.

    Args:
        events: Lines that gave an event.
        changed: Events that differ from their line.
        rejected: Lines that gave none.
        reasons: How often each reason was given, with the first place.
    """

    events: int = 0
    changed: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """The same for machines."""
        reasons = [
            {"reason": reason, "count": count, "first": self.first[reason]}
            for reason, count in self.reasons.most_common()
        ]
        return {
            "events": self.events,
            "changed": self.changed,
            "rejected": self.rejected,
            "reasons": reasons,
        }

    def lines(self) -> Iterator[str]:
        """The same for people."""
        for reason, count in self.reasons.most_common(20):
            yield f"{count:>9,}  {reason}  (first {self.first[reason]})"
        if len(self.reasons) > 20:
            yield f"           and {len(self.reasons) - 20} reasons more (--json shows all)"
        yield f"{self.events:,} events ({self.changed:,} rewritten), {self.rejected:,} lines gave none"

    def refuse(self, reasons: Sequence[str], place: str) -> None:
        """Counts a line that gave no event.

        Args:
            reasons: Why.
            place: Source and line.
        """
        self.rejected += 1
        for reason in reasons:
            # values differ from line to line; what they break does not
            kind = reason if len(reason) <= 120 else reason[:119] + "…"
            if kind not in self.reasons and len(self.reasons) >= 1_000:
                kind = "other reasons"
            self.reasons[kind] += 1
            self.first.setdefault(kind, place)


def rewrite(
    names: Sequence[str],
    how: Rewriting,
    write: Callable[[bytes], object],
    reject: Callable[[bytes], object],
) -> Rewritten:
    """Rewrites files, directories, patterns and standard input.

    Args:
        names: What the user wrote.
        how: Schema and values to fill in.
        write: Takes an event with its line feed.
        reject: Takes a line that gave no event, as it is, with its line feed.

    Raises:
        ConfigError: A name stands for nothing or cannot be read.
    """
    normaliser = Normaliser(how.schema, fill=how.fill)
    done = Rewritten()
    for source in find_sources(names):
        for line in _lines(source, how.schema):
            if line.blank and not line.full_size:
                continue
            place = f"{source.shown}:{line.number}"
            if line.full_size:
                reject(line.raw + b"\n")
                done.refuse([f"line: longer than {LONGEST:,} bytes"], place)
                continue
            raw = line.raw.removesuffix(b"\r")
            outcome = normaliser.line(raw)
            if outcome.event is None:
                reject(raw + b"\n")
                done.refuse(outcome.reasons, place)
                continue
            text = orjson.dumps(outcome.event)
            done.events += 1
            done.changed += text != raw
            write(text + b"\n")
    return done


def _lines(source: Source, schema: Schema) -> Iterator[Line]:
    carrier: Carrier | None = None
    unwrapper: Unwrapper | None = None
    try:
        with source.open() as read:
            number = 1
            for block in blocks(read):
                if isinstance(block, Giant):
                    yield Line(block.start, schema, number, full_size=block.size)
                    number += 1
                    continue
                carrier = carrier or detect(block.data)
                if carrier is Carrier.PLAIN:
                    for raw in block.data.removesuffix(b"\n").split(b"\n"):
                        yield Line(raw, schema, number)
                        number += 1
                    continue
                unwrapper = unwrapper or Unwrapper(carrier, schema)
                yield from unwrapper.lines(block.data, number)
                number += block.data.count(b"\n")
            if unwrapper is not None:
                yield from unwrapper.rest()
    except READ_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = Problem(
            rule="lint/source", path=source.shown, message=f"cannot be read: {reason}"
        )
        raise ConfigError([problem]) from error
