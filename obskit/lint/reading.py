"""The lines of a source one by one, for all that does not judge whole blocks of them."""

from __future__ import annotations

from collections.abc import Iterator

from obskit.lint.carrier import Carrier, Unwrapper, detect
from obskit.lint.line import Line
from obskit.lint.source.blocks import Giant, blocks
from obskit.lint.source.files import Source, told_as_finding
from obskit.schema.model import Schema

__all__ = ["read_lines"]


def read_lines(source: Source, schema: Schema) -> Iterator[Line]:
    """The lines of a source, unpacked, out of what Docker or Kubernetes wrapped them in, in constant memory.

    Args:
        source: A file or standard input.
        schema: The log schema, for the lines that are made.

    Raises:
        ConfigError: It cannot be read.
    """
    carrier: Carrier | None = None
    unwrapper: Unwrapper | None = None
    with told_as_finding(source), source.open() as read:
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
