"""The mark of an owned file: its first line, a comment."""

from __future__ import annotations

import re

from obskit.engine.resource import Mark

__all__ = ["split_mark", "with_mark"]

_MARK = re.compile(
    r"\A(?://|#) obskit project=(?P<project>\S+) release=(?P<release>\S+) digest=(?P<digest>[0-9a-f]+)"
    r" · written by obskit provision: edit obskit\.yml instead\n"
)


def with_mark(text: str, mark: Mark, *, comment: str = "#") -> str:
    """A file's text with its mark as the first line.

    Args:
        text: The text without a mark.
        mark: The mark.
        comment: How the file's language begins a comment: ``#`` or ``//``.
    """
    return (
        f"{comment} obskit project={mark.project} release={mark.release} digest={mark.digest}"
        f" · written by obskit provision: edit obskit.yml instead\n{text}"
    )


def split_mark(text: str) -> tuple[Mark | None, str]:
    """A file's mark, None when it carries none, and its text without it."""
    found = _MARK.match(text)
    if found is None:
        return None, text
    return Mark(**found.groupdict()), text[found.end() :]
