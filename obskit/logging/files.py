"""A file that a shipper follows: whole lines, rotated by renaming, right with several processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from obskit.logging.streams import LineHandler

__all__ = ["FileHandler"]

_LOOK_EVERY: Final = 0.5  # seconds between looks at who else rotated


class FileHandler(LineHandler):
    """Appends lines to a file and rotates it at a size.

    Every line is one ``write`` to a file opened for appending, so lines of several processes do not
    mix. Rotation renames (``app.json`` → ``app.json.1``), under a lock file, so that one process does it
    and a shipper that follows the file by identity loses nothing.

    Args:
        path: The file; its folder is made.
        max_bytes: Size at which it is rotated; 0 for never.
        backups: How many rotated files are kept.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, max_bytes: int = 50 * 2**20, backups: int = 5
    ) -> None:
        super().__init__()
        self.path = Path(path).absolute()
        self._max_bytes = max_bytes
        self._backups = max(1, backups)
        self._descriptor = -1
        self._looked = 0.0
        self._torn = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def write_line(self, line: bytes) -> None:
        """Appends one line.

        Args:
            line: The line, without its newline.

        Raises:
            OSError: It could not be written whole.
        """
        now = time.monotonic()
        if self._descriptor < 0 or now - self._looked >= _LOOK_EVERY:
            self._look(now)
        data = line + b"\n"
        if self._torn:  # the last write was cut short: its rest must not swallow this line
            data = b"\n" + data
        written = os.write(self._descriptor, data)
        self._torn = written != len(data)
        self._size += written
        if self._torn:
            raise OSError(
                f"{self.path}: {written} of {len(data)} bytes written; the disk may be full"
            )
        if self._max_bytes and self._size >= self._max_bytes:
            self._rotate()

    def close(self) -> None:
        """Closes the file."""
        self.acquire()
        try:
            self._close()
        finally:
            self.release()
        super().close()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(self.path, flags, 0o640)
        self._size = os.fstat(self._descriptor).st_size
        if self._size:
            self._torn = not _ends_with_newline(self.path)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _look(self, now: float) -> None:
        """Opens the file again where it was renamed or removed, and learns its size."""
        self._looked = now
        if self._descriptor >= 0:
            mine = os.fstat(self._descriptor)
            try:
                there = self.path.stat()
            except FileNotFoundError:
                there = None
            if there is not None and (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino):
                self._size = there.st_size
                return
            self._close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def _rotate(self) -> None:
        with _locked(self.path.with_name(f".{self.path.name}.lock")):
            self._look(time.monotonic())  # another process may have done it meanwhile
            if self._size < self._max_bytes:
                return
            for number in range(self._backups - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._numbered(number).replace(self._numbered(number + 1))
            self.path.replace(self._numbered(1))
            self._close()
            self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
