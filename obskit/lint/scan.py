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
from obskit.lint.source.blocks import Block, Giant, blocks
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

    def renewed(self) -> Scan:
        """The same scan for another source: nothing is known of earlier lines."""
        context = replace(self.linter.context, state=State())
        return replace(self, linter=replace(self.linter, context=context))

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
        for block in blocks(read):
            if isinstance(block, Giant):
                self.giant(block, name)
                continue
            if carrier is None:
                carrier = detect(block.data)
            if carrier is Carrier.PLAIN:
                self.block(block, name)
                continue
            unwrapper = unwrapper or Unwrapper(carrier, self.linter.context.schema)
            for line in unwrapper.lines(block.data, block.first):
                self.line(line, name)
        if unwrapper is not None:
            for line in unwrapper.rest():
                self.line(line, name)

    def block(self, block: Block, name: str) -> None:
        """Lints whole lines.

        Args:
            block: The lines.
            name: Name of the source in findings.
        """
        self.tally.lines += block.data.count(b"\n") + (not block.data.endswith(b"\n"))
        if self.decoder is None:
            suspects: Iterable[tuple[int, bytes]] = enumerate(
                block.data.removesuffix(b"\n").split(b"\n")
            )
        else:
            suspects = self.decoder.suspects(block.data, self.linter.context)
        schema = self.linter.context.schema
        for number, raw in suspects:
            self._tell(self.linter.check(Line(raw, schema, block.first + number)), name)

    def giant(self, giant: Giant, name: str) -> None:
        """Tells of a line too long to be looked into.

        Args:
            giant: The line.
            name: Name of the source in findings.
        """
        self.tally.lines += 1
        line = Line(
            giant.start,
            self.linter.context.schema,
            giant.number,
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
