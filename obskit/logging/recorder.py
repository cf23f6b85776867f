"""Records what is logged, as it stands on the wire: for tests."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from obskit.logging.event import INVALID
from obskit.logging.formatter import JSONFormatter
from obskit.logging.streams import LineHandler
from obskit.schema.fields import ATTRIBUTES, BUILTIN
from obskit.schema.model import Schema
from obskit.schema.validate import NOTICES, Violation, validate

__all__ = ["Recorder"]


class Recorder(LineHandler):
    """Keeps the lines of everything that is logged inside a ``with`` block.

    What ``configure()`` set up is left as it is: its formatter makes the lines, and its schema judges them.
    Where nothing is set up, a formatter of the recorder's own makes them.

    Args:
        schema: The log schema, where nothing is set up.
    """

    def __init__(self, schema: Schema = BUILTIN) -> None:
        super().__init__()
        self.lines: list[bytes] = []
        self._schemas: list[Schema] = []
        self.setFormatter(JSONFormatter(service="under-test", schema=schema))

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, decoded."""
        return [orjson.loads(line) for line in self.lines]

    def violations(self) -> list[Violation]:
        """What breaks the schema, the values that the formatter had to move away included."""
        found: list[Violation] = []
        for line, schema in zip(self.lines, self._schemas, strict=True):
            event = orjson.loads(line)
            given = validate(event, schema, line_bytes=len(line) + 1)
            found += [item for item in given if item.rule not in NOTICES]
            found += _moved(event)
        return found

    def write_line(self, line: bytes) -> None:
        """Keeps one line.

        Args:
            line: The line, without its newline.
        """
        self.lines.append(line)
        made_by = self.formatter
        self._schemas.append(
            made_by.encoder.schema if isinstance(made_by, JSONFormatter) else BUILTIN
        )

    def __enter__(self) -> Self:
        from obskit.logging.setup import watch

        root = logging.getLogger()
        self._before = root.level
        watch(self)
        if root.level > logging.INFO:
            root.setLevel(logging.INFO)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from obskit.logging.setup import unwatch

        unwatch(self)
        logging.getLogger().setLevel(self._before)


def _moved(event: Mapping[str, Any]) -> list[Violation]:
    marks = (event.get(ATTRIBUTES) or {}).get(INVALID, [])
    return [
        Violation("format", name, f"{name} had a value that breaks the schema; it was moved away")
        for name in marks
    ]
