"""A value looks like personal data: an e-mail address, a payment card, an IBAN.

What is logged has to be found and deleted on request, in every copy. Log an id instead (`user_id`). Opt
in with `--select personal-data`: it reads every string. Card numbers count with a valid check digit
only, and so do IBANs.

Bad:  {"message": "mail sent to ada@example.org"}
Good: {"message": "mail sent", "user_id": "42"}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.context import Context
from obskit.lint.line import Finding, Line
from obskit.lint.rules._strings import strings

ID: Final = "personal-data"
SEVERITY: Final = Severity.WARNING
OPT_IN: Final = True

_MAIL: Final = re.compile(r"\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b")
_CARD: Final = re.compile(r"(?<![\w.-])[3-6]\d{3}(?:[ -]?\d){8,14}\d(?![\w.-])")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")


def check(line: Line, _context: Context) -> Iterator[Finding]:
    """What the rule finds on one line."""
    for path, value in strings(line.event):
        if what := _personal(value):
            yield Finding(f"{'.'.join(path)} has {what}; log an id instead", path)


def _personal(text: str) -> str:
    if "@" in text and _MAIL.search(text):
        return "an e-mail address"
    if any(_luhn(found[0]) for found in _CARD.finditer(text)):
        return "a payment card number"
    if any(_iban(found[0]) for found in _IBAN.finditer(text)):
        return "an IBAN"
    return ""


def _luhn(text: str) -> bool:
    """The check digit of payment cards, ISO/IEC 7812-1 annex B."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _iban(text: str) -> bool:
    """The check digits of ISO 13616: the rearranged number is 1 modulo 97."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
