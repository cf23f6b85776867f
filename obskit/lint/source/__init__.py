"""Where lines come from: files and what is inside them, pipes, commands, containers, a data stream."""

from __future__ import annotations

from obskit.lint.source.blocks import Block, Giant, blocks
from obskit.lint.source.files import Source, find_sources

__all__ = ["Block", "Giant", "Source", "blocks", "find_sources"]
