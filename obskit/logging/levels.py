"""How levels of Python are written: ``WARNING`` is ``WARN``, ``CRITICAL`` is ``ERROR``."""

from __future__ import annotations

from typing import Final

from obskit.schema.fields import BUILTIN, LEVELS

__all__ = ["KNOWN", "level_of", "number_of"]

_SYNONYMS: Final = BUILTIN.by_name["level"].synonyms

#: Level names of Python and structlog → the level on the wire and, where it differs, the name.
KNOWN: Final[dict[str, tuple[str, str | None]]] = {
    "DEBUG": ("DEBUG", None),
    "INFO": ("INFO", None),
    "WARNING": ("WARN", "WARNING"),
    "ERROR": ("ERROR", None),
    "CRITICAL": ("ERROR", "CRITICAL"),
}

_NUMBERS: Final = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40}


def level_of(name: object, number: object = None) -> tuple[str, str | None]:
    """The level on the wire and the source's own name where it differs.

    Args:
        name: Name of the level, such as ``WARNING``; anything is taken.
        number: Number of the level, for names that nobody knows.
    """
    text = name if type(name) is str else ""
    upper = text.upper()
    level = upper if upper in LEVELS else _SYNONYMS.get(upper)
    if level is None:
        level = _by_number(number)
    return level, (text[:64] if text and text != level else None)


def number_of(level: str) -> int:
    """The number that Python gives to a level of the schema.

    Args:
        level: A level on the wire.
    """
    return _NUMBERS.get(level, 20)


def _by_number(number: object) -> str:
    if type(number) is not int:
        return "INFO"
    for level, least in (("ERROR", 40), ("WARN", 30), ("INFO", 20), ("DEBUG", 10)):
        if number >= least:
            return level
    return "TRACE" if number > 0 else "INFO"
