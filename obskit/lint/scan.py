"""Reads a source block by block and tallies what is wrong; the fast path decides what needs a look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

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
    """

    linter: Linter
    tally: Tally
    decoder: Decoder | None = None
    on_hit: Callable[[Hit], None] | None = None

    def read(self, read: Callable[[int], bytes], name: str) -> None:
        """Lints one source to its end.

        Args:
            read: Gives at most so many bytes, and none at the end.
            name: Name of the source in findings.
        """
        self.tally.sources += 1
        for block in blocks(read):
            if isinstance(block, Giant):
                self.giant(block, name)
            else:
                self.block(block, name)

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
