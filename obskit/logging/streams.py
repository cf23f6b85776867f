"""Where lines go: a standard stream, and what all our handlers have in common."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Literal

from obskit.logging.formatter import JSONFormatter

__all__ = ["LineHandler", "StreamHandler"]


class LineHandler(logging.Handler):
    """A handler that takes whole lines too, from structlog's native path.

    Args:
        level: Least level that is handled.
    """

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.init_lines()

    def init_lines(self) -> None:
        """What ``__init__`` does beside the standard library's, for a handler of another base too."""
        #: Lines that could not be written.
        self.failed = 0
        self._for_people: Callable[[bytes], str] | None = None

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - the standard library's name
        """Sets the formatter.

        Args:
            fmt: The formatter; a console's shows whole lines in its own way too.
        """
        super().setFormatter(fmt)
        self._for_people = getattr(fmt, "render_line", None)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record; a failure is counted and told once.

        Args:
            record: The record.
        """
        formatter = self.formatter
        try:
            if isinstance(formatter, JSONFormatter):
                line = formatter.line(record)
            else:
                line = self.format(record).encode("utf-8", "backslashreplace")
            self.write_line(line)
        except Exception:  # noqa: BLE001 - logging never stops the service
            self._fail()

    def handle_line(self, line: bytes, number: int) -> None:
        """Writes one line of JSON.

        Args:
            line: The line, without its newline.
            number: Python's number of its level.
        """
        if number < self.level:
            return
        with self.lock:  # type: ignore[union-attr] # it is made in __init__
            try:
                self.write_line(
                    line if self._for_people is None else self._for_people(line).encode()
                )
            except Exception:  # noqa: BLE001 - logging never stops the service
                self._fail()

    def write_line(self, line: bytes) -> None:
        """Writes one line; the handler's lock is held.

        Args:
            line: The line, without its newline.

        Raises:
            OSError: It could not be written.
        """
        raise NotImplementedError

    def _fail(self) -> None:
        self.failed += 1
        if self.failed == 1 and logging.raiseExceptions and sys.stderr is not None:
            error = sys.exc_info()[1]
            try:
                sys.stderr.write(f"obskit.logging: {self!r} cannot write: {error!r}; told once\n")
            except (OSError, ValueError):
                return  # there is nowhere left to say it: the count remains


class StreamHandler(LineHandler):
    """Writes to standard output or standard error, whatever they are at the time.

    Args:
        name: Which of the two.
    """

    def __init__(self, name: Literal["stdout", "stderr"] = "stdout") -> None:
        super().__init__()
        self._stream_name = name

    def write_line(self, line: bytes) -> None:
        """Writes one line at once, in UTF-8 whatever the stream's own encoding is.

        Args:
            line: The line, without its newline.
        """
        stream: Any = getattr(sys, self._stream_name)
        if stream is None:  # pythonw, or closed on purpose
            return
        buffer = getattr(stream, "buffer", None)
        if buffer is None:
            stream.write(line.decode() + "\n")
            stream.flush()
            return
        stream.flush()  # what print left in the text layer comes first
        buffer.write(line + b"\n")
        buffer.flush()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._stream_name}>"
