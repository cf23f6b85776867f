"""What is secret by its look: on request, since every text has to be searched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from obskit.logging.redact import REDACTED, Pattern

__all__ = ["PATTERNS", "patterns"]

_CARD: Final = re.compile(r"(?<![0-9.])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|\bxox[abposr]-[A-Za-z0-9-]{10,}"
    r"|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]{1,256}:[^\s/@]{1,256}(?=@)",
    re.DOTALL,
)


# In a URL's query or a connection string, which access logs and errors of clients show; and in the text of a
# dictionary or of JSON, which "%s" makes.
_PAIR: Final = re.compile(
    r"(?<![A-Za-z0-9])((?:[a-z]+[_-])?(?:password|passwd|pwd|secret|token|api[_-]?key|signature|authorization)"
    r"(?:=|[\"']?: ?))(?:([\"']).*?\2|(?<==)[^&;\s\"']+)",
    re.IGNORECASE,
)


def _cards(text: str) -> str:
    return _CARD.sub(lambda found: REDACTED if _luhn(found[0]) else found[0], text)


def _luhn(text: str) -> bool:
    """Whether the digits carry a card number's check digit (ISO/IEC 7812-1, annex B)."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    double = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(double)) % 10 == 0


def _keys(text: str) -> str:
    return _PAIR.sub(rf"\1\2{REDACTED}\2", _KEY.sub(REDACTED, text))


#: The patterns that can be asked for by name.
PATTERNS: Final[dict[str, Pattern]] = {"card": _cards, "key": _keys}


def patterns(chosen: Iterable[str | re.Pattern[str]]) -> tuple[Pattern, ...]:
    """The functions that take secrets out of a text.

    Args:
        chosen: Names of `PATTERNS` or compiled expressions of one's own.

    Raises:
        ValueError: There is no pattern of that name.
    """
    found: list[Pattern] = []
    for item in chosen:
        if isinstance(item, re.Pattern):
            found.append(_replacing(item))
        elif item in PATTERNS:
            found.append(PATTERNS[item])
        else:
            known = ", ".join(PATTERNS)
            raise ValueError(f"no redaction pattern is named {item!r}; there are {known}")
    return tuple(found)


def _replacing(expression: re.Pattern[str]) -> Pattern:
    return lambda text: expression.sub(REDACTED, text)
