"""What is secret: by the name of a field always, by the look of a value on request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

__all__ = ["NAMES", "PATTERNS", "REDACTED", "Names", "Pattern", "patterns"]

#: What is written in place of a secret.
REDACTED: Final = "[REDACTED]"

#: Words that make a field's name secret wherever they stand in it (``db_password_old``).
_ANYWHERE: Final = (
    "password", "passwd", "passphrase", "secret", "authorization", "credential", "credentials",
    "apikey", "privatekey", "secretkey", "accesskey", "pwd",
)  # fmt: skip

#: Words that do so at the end only: ``access_token`` is secret, ``token_count`` is not.
_AT_END: Final = ("token", "cookie", "jwt", "bearer", "cvv", "cvc", "pin", "otp", "ssn", "auth")

#: The names that are redacted by default.
NAMES: Final = _ANYWHERE + _AT_END

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_REMEMBERED: Final = 4_096


class Names:
    """Whether a field's name is the name of a secret.

    Args:
        names: Words that are secret; one that ends with ``$`` is so at the end of a name only.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        given = [*_ANYWHERE, *(f"{word}$" for word in _AT_END)] if names is None else list(names)
        self._anywhere = frozenset(_plain(word) for word in given if not word.endswith("$"))
        self._at_end = frozenset(_plain(word) for word in given if word.endswith("$"))
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        """Whether the name is secret.

        Args:
            name: Name of a field, in any case and with any separators.
        """
        known = self._known.get(name)
        if known is None:
            known = self._judge(name[:256])
            if len(self._known) >= _REMEMBERED:  # names made from data must not fill the memory
                self._known.clear()
            if len(name) <= 256:
                self._known[name] = known
        return known

    def _judge(self, name: str) -> bool:
        words = [word.lower() for word in _WORDS.findall(name)]
        pairs = [a + b for a, b in pairwise(words)]
        if _plain(name) in self._anywhere | self._at_end:
            return True
        if not self._anywhere.isdisjoint(words) or not self._anywhere.isdisjoint(pairs):
            return True
        return not self._at_end.isdisjoint([*words[-1:], *pairs[-1:]])


#: Text in, text without secrets out.
Pattern = Callable[[str], str]

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


def _cards(text: str) -> str:
    return _CARD.sub(lambda found: REDACTED if _luhn(found[0]) else found[0], text)


def _luhn(text: str) -> bool:
    """Whether the digits carry a card number's check digit (ISO/IEC 7812-1, annex B)."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    double = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(double)) % 10 == 0


def _keys(text: str) -> str:
    return _KEY.sub(REDACTED, text)


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


def _plain(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())
