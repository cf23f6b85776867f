"""What is secret by the name of its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

__all__ = ["NAMES", "REDACTED", "Names", "Pattern"]

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

    Raises:
        ConfigError: A word has one letter, as those of a text have that was meant to be a list.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        if names is not None:
            names = [names] if isinstance(names, str) else list(names)
            _refuse_letters(names)
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


def _refuse_letters(words: list[str]) -> None:
    if short := [word for word in words if len(_plain(word)) < 2]:
        from obskit.errors import ConfigError, Problem

        text = f"redact has {short[0]!r}; it needs a list of words, such as ['password', 'token$']"
        raise ConfigError([Problem(rule="logging/option", message=text)])


#: Text in, text without secrets out.
Pattern = Callable[[str], str]


def _plain(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())
