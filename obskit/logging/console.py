"""Lines for people: colours on a terminal, and nothing in a value that can act on the terminal."""

from __future__ import annotations

import logging
import re
import unicodedata
from typing import Any, Final

import orjson

from obskit.logging.formatter import JSONFormatter
from obskit.schema.fields import ATTRIBUTES

__all__ = ["ConsoleFormatter", "render", "visible"]

_COLOURS: Final = {"TRACE": "2", "DEBUG": "36", "INFO": "32", "WARN": "33", "ERROR": "1;31"}
_SHOWN_APART: Final = frozenset(
    {"timestamp", "level", "service", "message", "logger", "trace_id", "error", ATTRIBUTES}
)
# Everything that is no letter, mark, number, punctuation, symbol or blank is looked at one by one.
_SUSPECT: Final = re.compile(r"[^\x20-\x7e\t\n]")
_PICTURES: Final = 0x2400


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with control characters, ANSI escapes, bidi and zero-width marks made visible.

    Args:
        text: Any text.
        lines: Whether line feeds and tabs stay (a stack trace).
    """
    if not lines and ("\n" in text or "\t" in text):
        text = text.replace("\n", "␊").replace("\t", "␉")
    return _SUSPECT.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    sign = found[0]
    code = ord(sign)
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return "␡"
    # Cc controls, Cf bidi and zero-width marks and tags, Cs surrogates, Zl and Zp separators.
    if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return sign


def render(event: dict[str, Any], *, colour: bool) -> str:
    """One event for people.

    Args:
        event: The event as it stands on the wire.
        colour: Whether the terminal shows colours.
    """
    level = visible(str(event.get("level", "")))
    clock = visible(str(event.get("timestamp", "")))
    head = f"{level:<5}"
    message = visible(str(event.get("message", "")))
    if colour:
        clock, head = f"\x1b[2m{clock}\x1b[0m", f"\x1b[{_COLOURS.get(level, '0')}m{head}\x1b[0m"
        message = f"\x1b[1m{message}\x1b[0m"
    parts = [clock, head, message]
    if event.get("logger"):
        parts.insert(2, f"{visible(str(event['logger']))}:")
    parts += [_pair(key, value, colour) for key, value in _others(event)]
    error = event.get("error")
    if isinstance(error, dict):
        stack = error.get("stack") or f"{error.get('type', '')}: {error.get('message', '')}"
        parts.append("\n" + visible(str(stack), lines=True))
    return " ".join(parts)


def _others(event: dict[str, Any]) -> list[tuple[str, Any]]:
    pairs = [("trace_id", event["trace_id"])] if event.get("trace_id") else []
    pairs += [(key, value) for key, value in event.items() if key not in _SHOWN_APART]
    attributes = event.get(ATTRIBUTES)
    return [*pairs, *(attributes.items() if isinstance(attributes, dict) else ())]


def _pair(key: str, value: object, colour: bool) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    name = visible(key)
    shown = visible(text)
    if isinstance(value, str) and (" " in shown or not shown):
        shown = f'"{shown}"'
    return f"\x1b[2m{name}=\x1b[0m{shown}" if colour else f"{name}={shown}"


class ConsoleFormatter(logging.Formatter):
    """Writes records for people, from the same events as the JSON lines.

    Args:
        json: Makes the events.
        colour: Whether the terminal shows colours.
    """

    def __init__(self, json: JSONFormatter, *, colour: bool = False) -> None:
        super().__init__()
        self.json = json
        self.colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """The record for people.

        Args:
            record: Any record; it is not changed.
        """
        return self.render_line(self.json.line(record))

    def render_line(self, line: bytes) -> str:
        """A JSON line for people.

        Args:
            line: A line of ours.
        """
        return render(orjson.loads(line), colour=self.colour)
