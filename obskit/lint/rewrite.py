"""Logs rewritten to the schema, line by line, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from obskit.lint.linter import LONGEST
from obskit.lint.normalise import Normaliser
from obskit.lint.reading import read_lines
from obskit.lint.source.files import Source
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
    sources: Iterable[Source],
    how: Rewriting,
    write: Callable[[bytes], object],
    reject: Callable[[bytes], object],
) -> Rewritten:
    """Rewrites sources one after the other.

    Args:
        sources: What to read.
        how: Schema and values to fill in.
        write: Takes an event with its line feed.
        reject: Takes a line that gave no event, as it is, with its line feed.

    Raises:
        ConfigError: A source cannot be read.
    """
    normaliser = Normaliser(how.schema, fill=how.fill)
    done = Rewritten()
    for source in sources:
        for line in read_lines(source, how.schema):
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
