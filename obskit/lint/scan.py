"""Reads a source block by block and tallies what is wrong; the fast path decides what needs a look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from obskit.lint.carrier import Carrier, Unwrapper, detect
from obskit.lint.context import State
from obskit.lint.decoder import Decoder
from obskit.lint.line import Line
from obskit.lint.linter import LONGEST, Found, Linter
from obskit.lint.report.model import Hit
from obskit.lint.source.blocks import Giant, blocks
from obskit.lint.tally import Tally

__all__ = ["Scan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Lints sources.

    Args:
        linter: The rules.
        tally: Where findings are counted.
        decoder: The fast path; None to look into every line.
        on_hit: Called with each finding that is shown, as soon as it is found.
        carrier: What the lines are wrapped in; None to see by the first line.
    """

    linter: Linter
    tally: Tally
    decoder: Decoder | None = None
    on_hit: Callable[[Hit], None] | None = None
    carrier: Carrier | None = Carrier.PLAIN

    def renewed(self, *, tally: Tally | None = None) -> Scan:
        """The same scan for another source: nothing is known of earlier lines.

        Args:
            tally: Where to count from now on; the same place when None.
        """
        context = replace(self.linter.context, state=State())
        linter = replace(self.linter, context=context)
        return replace(self, linter=linter, tally=self.tally if tally is None else tally)

    def read(self, read: Callable[[int], bytes], name: str, *, whole: bool = True) -> None:
        """Lints one source to its end.

        Args:
            read: Gives at most so many bytes, and none at the end.
            name: Name of the source in findings.
            whole: Whether this is a source from its start, and not a later part of one.
        """
        self.tally.sources += whole
        unwrapper: Unwrapper | None = None
        carrier = self.carrier
        number = 1
        for block in blocks(read):
            if isinstance(block, Giant):
                self.giant(block, name, number)
                number += 1
                continue
            if carrier is None:
                carrier = detect(block.data)
            if carrier is Carrier.PLAIN:
                number += self.block(block.data, name, number)
                continue
            unwrapper = unwrapper or Unwrapper(carrier, self.linter.context.schema)
            for line in unwrapper.lines(block.data, number):
                self.line(line, name)
            number += block.data.count(b"\n")
        if unwrapper is not None:
            for line in unwrapper.rest():
                self.line(line, name)

    def block(self, data: bytes, name: str, first: int = 1) -> int:
        """Lints whole lines, and gives their number.

        Args:
            data: The lines.
            name: Name of the source in findings.
            first: Number of the first one in its source.
        """
        schema = self.linter.context.schema
        if self.decoder is None:
            lines = data.removesuffix(b"\n").split(b"\n")
            suspects: Iterable[tuple[int, bytes]] = enumerate(lines)
        else:
            suspects = self.decoder.suspects(data, self.linter.context)
        for number, raw in suspects:
            self._tell(self.linter.check(Line(raw, schema, first + number)), name)
        count = len(lines) if self.decoder is None else self.decoder.count
        self.tally.lines += count
        return count

    def giant(self, giant: Giant, name: str, number: int) -> None:
        """Tells of a line too long to be looked into.

        Args:
            giant: The line.
            name: Name of the source in findings.
            number: Its number.
        """
        self.tally.lines += 1
        line = Line(
            giant.start,
            self.linter.context.schema,
            number,
            full_size=max(giant.size, LONGEST + 1),
        )
        self._tell(self.linter.check(line), name)

    def line(self, line: Line, name: str) -> None:
        """Lints one line that comes alone.

        Args:
            line: The line.
            name: Name of the source in findings.
        """
        self.tally.lines += 1
        self._tell(self.linter.check(line), name)

    def _tell(self, found: Iterator[Found], name: str) -> None:
        for item in found:
            hit = self.tally.add(item, name)
            if hit is not None and self.on_hit is not None:
                self.on_hit(hit)
