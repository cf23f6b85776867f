"""Lines on disk, for as long as nobody takes them: first in, first out, within a number of bytes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

__all__ = ["Spool"]

_SEGMENT: Final = 4 * 2**20
_LOCK: Final = ".lock"
_SPOOL: Final = ".spool"


class Spool:
    """Segments of lines in a folder that several processes may share.

    Each process writes segments of its own, under a lock that ends with it. What a process that has ended
    left behind is taken over by the next one that starts. A segment is removed once all its lines were
    taken; a process that is killed in the middle of one leaves it whole, so lines can come twice, never not.

    Args:
        folder: The folder; it is made.
        max_bytes: Bytes that this process keeps there.

    Raises:
        OSError: The folder cannot be used.
    """

    def __init__(self, folder: str | os.PathLike[str], *, max_bytes: int) -> None:
        self._folder = Path(folder).absolute()
        self._max_bytes = max_bytes
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lock = _lock(self._folder / f"{self._name}{_LOCK}")
        self._number = 0
        self._segments: deque[Path] = deque()
        self._writing = -1
        self._size = 0  # of the segment being written
        self._bytes = 0  # of all segments
        self._counts: deque[int] = deque()  # lines of each segment, as they were counted
        self._batch: list[bytes] = []  # lines of the segment being read that are not taken
        #: Lines that wait.
        self.pending = 0
        #: Lines that other processes left behind and this one took over.
        self.adopted = 0
        #: Lines that were here and are gone: somebody removed their file, or it cannot be read any more.
        self.lost = 0
        #: Why a file of the folder was left alone, the last time that happened.
        self.trouble: OSError | None = None
        self._adopt()

    def append(self, lines: Sequence[bytes]) -> int:
        """Writes lines, each with its newline, and gives the number that found room.

        Args:
            lines: Whole lines.

        Raises:
            OSError: The disk took none of them.
        """
        taken, size = 0, 0
        for line in lines:
            if self._bytes + size + len(line) > self._max_bytes:
                break
            taken, size = taken + 1, size + len(line)
        if taken:
            self._write(b"".join(lines[:taken]), taken)
            self.pending += taken
        return taken

    def take(self, count: int, size: int) -> list[bytes]:
        """The oldest lines; they remain on disk until `taken` says that they are sent.

        Args:
            count: The greatest number of lines.
            size: The number of bytes after which no further line is added.
        """
        if not self._batch and self._segments:
            if len(self._segments) == 1:
                self._close_segment()
            try:
                self._batch = _whole_lines(self._segments[0])
            except OSError as error:
                self.trouble = error
            missing = self._counts[0] - len(self._batch)
            self.lost += missing
            self.pending -= missing
            self._counts[0] = len(self._batch)
            if not self._batch:
                self._remove_first()
                return []
        chosen: list[bytes] = []
        total = 0
        for line in self._batch[:count]:
            chosen.append(line)
            total += len(line)
            if total >= size:
                break
        return chosen

    def taken(self, count: int) -> None:
        """Forgets the oldest lines.

        Args:
            count: How many of those that `take` gave.
        """
        if not self._segments:
            return
        del self._batch[:count]
        self.pending -= count
        self._counts[0] -= count
        if not self._batch:
            self._remove_first()

    def close(self) -> None:
        """Leaves what is there to the next process."""
        self._close_segment()
        if self._lock >= 0:
            if not self._segments:
                with contextlib.suppress(OSError):
                    (self._folder / f"{self._name}{_LOCK}").unlink()
            os.close(self._lock)
            self._lock = -1

    def abandon(self) -> None:
        """In a forked child: closes its copies of descriptors, so that the lock ends with the parent."""
        self._close_segment()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _write(self, data: bytes, count: int) -> None:
        if self._writing < 0:
            path = self._folder / f"{self._name}.{self._number:08d}{_SPOOL}"
            self._writing = os.open(
                path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640
            )
            self._number += 1
            self._segments.append(path)
            self._counts.append(0)
            self._size = 0
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._writing, view) :]
        except OSError:
            # What was written of these lines goes again: they wait elsewhere, and would come twice.
            try:
                os.ftruncate(self._writing, self._size)
            except OSError:
                self._close_segment()  # nothing must be written behind half a line
            raise
        self._size += len(data)
        self._bytes += len(data)
        self._counts[-1] += count
        if self._size >= _SEGMENT:
            self._close_segment()

    def _close_segment(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def _remove_first(self) -> None:
        path = self._segments.popleft()
        self._counts.popleft()
        with contextlib.suppress(OSError):
            self._bytes -= path.stat().st_size
            path.unlink()
        if not self._segments:
            self._bytes = 0
            self._close_segment()

    def _adopt(self) -> None:
        """Takes over the segments of processes that have ended."""
        locks = {path.name.removesuffix(_LOCK) for path in self._folder.glob(f"*{_LOCK}")}
        # Segments without a lock too: somebody tidied up, or put back a copy.
        names = locks | {path.name.split(".")[0] for path in self._folder.glob(f"*{_SPOOL}")}
        for name in sorted(names - {self._name}):
            lock = self._folder / f"{name}{_LOCK}"
            held = _lock(lock, wait=False)
            if held < 0:
                continue
            try:
                for path in sorted(self._folder.glob(f"{name}.*{_SPOOL}")):
                    try:
                        self._take_over(path)
                    except OSError as error:  # one bad file must not keep a service from starting
                        self.trouble = error
                with contextlib.suppress(OSError):
                    lock.unlink()
            finally:
                os.close(held)

    def _take_over(self, path: Path) -> None:
        count, size = _count(path), path.stat().st_size
        new = self._folder / f"{self._name}.{self._number:08d}{_SPOOL}"
        path.rename(new)
        self._number += 1
        self._segments.append(new)
        self._counts.append(count)
        self._bytes += size
        self.pending += count
        self.adopted += count


def _lock(path: Path, *, wait: bool = True) -> int:
    """The descriptor of a locked file; -1 where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        return -1
    return descriptor


def _whole_lines(path: Path) -> list[bytes]:
    """The lines of a segment; a last one that was cut short by a crash is no line."""
    return [line + b"\n" for line in path.read_bytes().split(b"\n")[:-1]]


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(2**20):
            yield block


def _count(path: Path) -> int:
    blocks: Iterable[bytes] = _blocks(path)
    return sum(block.count(b"\n") for block in blocks)
