"""Which lines of a block may hold secrets or personal data: a superset, found by plain searches.

An expression with so many alternatives takes ten times as long as reading the block; searching it for each word,
letters made lower-case and digits made equal, takes a tenth of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["suspicious_lines"]

# Whatever the rules secret and personal-data find contains one of these, or an escape that may hide it.
_WORDS: Final = (
    b"pass", b"secret", b"key", b"token", b"authorization", b"cookie", b"credential", b"pwd",
    b"bearer ", b"basic ", b"://", b"@", b"\\u00", b"\\/", b"akia", b"asia", b"ghp_", b"gho_", b"ghu_",
    b"ghs_", b"ghr_", b"github_", b"glpat-", b"xox", b"aiza", b"k_live_", b"eyj",
)  # fmt: skip
_FOLDED: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789 -", b"AAAAAAAAAAAAAAAAAAAAAAAAAA00000000000"
)
# Of a card: a dozen digits, blanks or hyphens in a row. Of an IBAN: two capitals and two digits.
_SHAPES: Final = (b"0" * 12, b"AA00")


def suspicious_lines(data: bytes) -> Iterator[int]:
    """Where the lines begin that may hold something sensitive, in order.

    Args:
        data: Whole lines.
    """
    starts: set[int] = set()
    for text, needles in ((data.lower(), _WORDS), (data.translate(_FOLDED), _SHAPES)):
        for needle in needles:
            at = text.find(needle)
            while at >= 0:
                starts.add(data.rfind(b"\n", 0, at) + 1)
                feed = data.find(b"\n", at)
                at = text.find(needle, feed) if feed >= 0 else -1
    return iter(sorted(starts))
