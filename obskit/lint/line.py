"""One line of a log as the rules see it: its text, what a strict JSON reader makes of it, or why not.

Strict means RFC 8259, and on top of it what the parts of the log path agree on: UTF-8 without a byte
order mark and no half of a surrogate pair.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from obskit.lint.instant import instant
from obskit.lint.names import Stranger, strangers
from obskit.schema.model import Schema
from obskit.schema.validate import Validator, Violation, is_timestamp

__all__ = ["MAX_NESTING", "Finding", "Line", "Syntax", "first_look"]

#: Objects and arrays that may enclose each other; orjson and Jackson stop near this depth as well.
MAX_NESTING: Final = 500

_SURROGATE: Final = re.compile(
    r"(?<!\\)(?:\\\\)*(?:(\\u[dD][89abAB][0-9a-fA-F]{2})(?!\\u[dD][c-fC-F])"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
)
_STRINGS_AND_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]}]')


class Syntax(NamedTuple):
    """Why a line is no JSON text: the rule, a sentence, and the column, counted from 1."""

    rule: str
    message: str
    column: int


class Finding(NamedTuple):
    """What a rule says of a line, before it is a :class:`~obskit.errors.Problem`.

    Args:
        message: What is wrong and what to do.
        path: Keys that lead to the value concerned; empty for the whole line.
        key: Whether the key itself is concerned and not its value.
        column: Column, where the rule knows it already.
        nth: Which of several equal keys is meant, from 0; -1 for the last.
    """

    message: str
    path: tuple[str, ...] = ()
    key: bool = False
    column: int | None = None
    nth: int = -1


class _BrokenError(ValueError):
    """A number that JSON does not have."""


@dataclass
class Line:
    """One line of a log.

    Args:
        raw: Its bytes, without the line feed; a carriage return at the end belongs to the line's end.
        schema: The log schema that its event is judged by.
        number: Number of the line in its source, from 1.
        reference: When the line came to be according to its carrier (a container runtime, the
            arrival on a pipe), in seconds since 1970; None where nobody says it.
        full_size: Bytes of the whole line with its line feed, where ``raw`` is only its start; else 0.
    """

    raw: bytes
    schema: Schema
    number: int = 1
    reference: float | None = None
    full_size: int = 0

    @property
    def size(self) -> int:
        """Bytes of the line with its line feed."""
        return self.full_size or len(self.raw) + 1

    @cached_property
    def text(self) -> str:
        """The line as text; bytes that are not UTF-8 are shown as U+FFFD."""
        return self.raw.decode("utf-8", "replace").removesuffix("\r")

    @cached_property
    def blank(self) -> bool:
        """Whether there is nothing on the line but white space of JSON."""
        return not self.raw.strip(b" \t\r\n")

    @cached_property
    def _parsed(self) -> tuple[Any, bool, Syntax | None]:
        try:
            text = self.raw.decode("utf-8").removesuffix("\r")
        except UnicodeDecodeError as error:
            column = len(self.raw[: error.start].decode("utf-8", "replace")) + 1
            byte = self.raw[error.start]
            message = f"byte 0x{byte:02x} is not UTF-8 ({error.reason}); write the log in UTF-8"
            return None, False, Syntax("encoding", message, column)
        if syntax := first_look(text):
            return None, False, syntax
        _SEEN.duplicated = False
        try:
            event = _DECODER.decode(text)
        except json.JSONDecodeError as error:
            message = f"not JSON: {error.msg[0].lower()}{error.msg[1:]}"
            return None, False, Syntax("json-syntax", message, error.pos + 1)
        except _BrokenError as error:
            token = str(error)
            column = _number_column(text, token)
            message = f"not JSON: {token} is no number of JSON"
            return None, False, Syntax("json-syntax", message, column)
        return event, _SEEN.duplicated, None

    @property
    def event(self) -> Any:
        """What the line says; None where :attr:`syntax` says why not."""
        return self._parsed[0]

    @property
    def duplicated(self) -> bool:
        """Whether some object of the line has a key twice."""
        return self._parsed[1]

    @property
    def syntax(self) -> Syntax | None:
        """Why the line is no JSON text; None where it is one."""
        return self._parsed[2]

    @cached_property
    def instant(self) -> float | None:
        """The timestamp in seconds since 1970; None where it breaks the schema."""
        if self.syntax is not None or not isinstance(self.event, dict):
            return None
        text = self.event.get("timestamp")
        return instant(text) if isinstance(text, str) and is_timestamp(text) else None

    @cached_property
    def strangers(self) -> tuple[Stranger, ...]:
        """The keys of the event that are not canonical."""
        if self.syntax is not None or not isinstance(self.event, dict):
            return ()
        return tuple(strangers(self.schema, self.event))

    @cached_property
    def violations(self) -> dict[str, list[Violation]]:
        """What the schema says of the event, by rule."""
        found: dict[str, list[Violation]] = {}
        if self.syntax is None:
            for violation in _validator(self.schema).validate(self.event):
                found.setdefault(violation.rule, []).append(violation)
        return found


_KEPT: list[Validator] = []


def _validator(schema: Schema) -> Validator:
    for held in _KEPT:
        if held.schema is schema:
            return held
    del _KEPT[:-8]
    _KEPT.append(Validator(schema))
    return _KEPT[-1]


def first_look(text: str) -> Syntax | None:
    """What a JSON decoder would accept, or die of, and the log path does not take.

    Args:
        text: A line that is not parsed yet.
    """
    if text.startswith("\ufeff"):
        return Syntax("json-syntax", "not JSON: a byte order mark; write UTF-8 without it", 1)
    if text.count("[") + text.count("{") > MAX_NESTING:
        depth = 0
        for found in _STRINGS_AND_BRACKETS.finditer(text):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
            if depth > MAX_NESTING:
                message = f"not JSON that anyone reads: more than {MAX_NESTING} levels of nesting"
                return Syntax("json-syntax", message, found.start() + 1)
    if "\\u" in text:
        for found in _SURROGATE.finditer(text):
            if group := found.lastindex:
                message = f"not Unicode: {found[group]} is half of a surrogate pair"
                return Syntax("json-syntax", message, found.start(group) + 1)
    return None


def _constant(token: str) -> float:
    raise _BrokenError(token)


def _int(token: str) -> int | float:
    # Python refuses to convert more than 4,300 digits, and a double ends at 309.
    return float(token) if len(token) > 310 else int(token)


class _Seen(threading.local):
    """What the decoder saw of one line; it is made once, since making one costs as much as decoding."""

    duplicated = False


def _paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        _SEEN.duplicated = True
    return made


_SEEN: Final = _Seen()
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_paired, parse_constant=_constant, parse_int=_int
)


def _number_column(text: str, token: str) -> int:
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[-+.\w]+', text):
        if found[0] == token:
            return found.start() + 1
    return 1
