"""JSON with the place of every value, so that a finding names line and column.

The standard library's reader forgets places, and no maintained package keeps them. Strings and
numbers are read by that reader; only the structure around them is read here.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

__all__ = ["JsonError", "Located", "Path", "locate"]

#: Where a value stands: keys and indexes from the root.
Path = tuple[str | int, ...]

# Grafana's own documents stay below 30; the bound keeps a hostile file from exhausting the stack.
_DEEPEST: Final = 200

_BLANK: Final = re.compile(r"[ \t\r\n]*")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


class JsonError(ValueError):
    """The text is not JSON.

    Args:
        message: What is wrong.
        offset: Where, in characters from 0.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A JSON value and the places in it.

    Args:
        value: The value, as ``json.loads`` gives it.
        offsets: Where each value starts, in characters from 0.
        repeated: Paths of keys that stand twice in their object (the last one counts).
        starts: Offset of the first character of each line.
    """

    value: Any
    offsets: Mapping[Path, int]
    repeated: tuple[Path, ...]
    starts: tuple[int, ...]

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of a value, counted from 1; of its nearest parent where it does not exist.

        Args:
            path: Keys and indexes from the root.
        """
        while path and path not in self.offsets:
            path = path[:-1]
        return self.place_of(self.offsets.get(path, 0))

    def place_of(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, counted from 1.

        Args:
            offset: Characters from 0.
        """
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1


def line_starts(text: str) -> tuple[int, ...]:
    """Give the offset of the first character of each line.

    Args:
        text: Any text.
    """
    return (0, *(match.end() for match in re.finditer("\n", text)))


def locate(text: str) -> Located:
    """Read JSON and remember where every value stands.

    Args:
        text: The JSON text; a byte order mark in front is skipped.

    Raises:
        JsonError: The text is not JSON, or nested deeper than any dashboard is.
    """
    scan = _Scan(text)
    start = scan.blank(1 if text.startswith("\ufeff") else 0)
    value, end = scan.value(start, ())
    end = scan.blank(end)
    if end != len(text):
        raise JsonError("text goes on after the end of the JSON value", end)
    return Located(
        value=value,
        offsets=scan.offsets,
        repeated=tuple(scan.repeated),
        starts=line_starts(text),
    )


class _Scan:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offsets: dict[Path, int] = {}
        self.repeated: list[Path] = []

    def blank(self, offset: int) -> int:
        match = _BLANK.match(self.text, offset)
        return match.end() if match else offset

    def value(self, offset: int, path: Path) -> tuple[Any, int]:
        if len(path) > _DEEPEST:
            raise JsonError(f"nested deeper than {_DEEPEST} levels", offset)
        self.offsets[path] = offset
        match self.text[offset : offset + 1]:
            case "{":
                return self.object(offset + 1, path)
            case "[":
                return self.array(offset + 1, path)
            case "":
                raise JsonError("the text ends where a value is expected", offset)
        return self.leaf(offset)

    def leaf(self, offset: int) -> tuple[Any, int]:
        """Read a string, number, true, false or null."""
        try:
            return _DECODER.raw_decode(self.text, offset)
        except json.JSONDecodeError as error:
            raise JsonError(error.msg, error.pos) from error
        except ValueError as error:  # NaN, or more digits than Python converts
            raise JsonError(str(error), offset) from error

    def array(self, offset: int, path: Path) -> tuple[list[Any], int]:
        items: list[Any] = []
        offset = self.blank(offset)
        if self.text.startswith("]", offset):
            return items, offset + 1
        while True:
            item, offset = self.value(self.blank(offset), (*path, len(items)))
            items.append(item)
            offset = self.blank(offset)
            if self.text.startswith("]", offset):
                return items, offset + 1
            offset = self.comma(offset, "]")

    def object(self, offset: int, path: Path) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        offset = self.blank(offset)
        if self.text.startswith("}", offset):
            return members, offset + 1
        while True:
            offset = self.blank(offset)
            if not self.text.startswith('"', offset):
                raise JsonError("a key in double quotes is expected here", offset)
            key, end = self.leaf(offset)
            if key in members:
                self.repeated.append((*path, key))
            offset = self.blank(end)
            if not self.text.startswith(":", offset):
                raise JsonError("':' is expected after the key", offset)
            members[key], offset = self.value(self.blank(offset + 1), (*path, key))
            offset = self.blank(offset)
            if self.text.startswith("}", offset):
                return members, offset + 1
            offset = self.comma(offset, "}")

    def comma(self, offset: int, closing: str) -> int:
        if not self.text.startswith(",", offset):
            raise JsonError(f"',' or '{closing}' is expected here", offset)
        return offset + 1
