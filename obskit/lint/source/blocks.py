"""Cuts a stream of bytes into blocks of whole lines, in constant memory, whatever a line's length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from obskit.lint.linter import LONGEST

__all__ = ["BLOCK_BYTES", "Block", "Giant", "blocks"]

#: Bytes that are read at once: large enough for the decoder, small enough for the cache.
BLOCK_BYTES: Final = 131_072
_KEPT: Final = 1_024  # bytes of a giant that are kept to show


class Block(NamedTuple):
    """Whole lines, with their line feeds; the last line of a source may lack it."""

    data: bytes


class Giant(NamedTuple):
    """A line too long to be looked into: its start, and its whole size with the line feed."""

    start: bytes
    size: int


def blocks(read: Callable[[int], bytes], *, size: int = BLOCK_BYTES) -> Iterator[Block | Giant]:
    """The blocks of a source, in order.

    Args:
        read: Gives at most so many bytes, and none at the end.
        size: Bytes to read at once.
    """
    carry = b""
    while chunk := read(size):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield Block(b"".join((carry, memoryview(chunk)[:cut])))  # copied once
            carry = chunk[cut:]
        else:
            carry += chunk
        if len(carry) > LONGEST:
            start, length = carry[:_KEPT], len(carry)
            carry = b""
            while chunk := read(size):
                end = chunk.find(b"\n") + 1
                if end:
                    length += end
                    carry = chunk[end:]
                    break
                length += len(chunk)
            else:
                length += 1  # as if its line feed were there
            yield Giant(start, length)
            # what follows the giant in its last chunk may hold whole lines
            cut = carry.rfind(b"\n") + 1
            if cut:
                yield Block(carry[:cut])
                carry = carry[cut:]
    if carry:
        yield Block(carry)
