"""Lines as they come: the ends of growing files, and what a command prints."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep, time
from typing import IO, Final, NamedTuple

from obskit.errors import LocalError
from obskit.lint.linter import LONGEST

__all__ = ["Arrived", "Command", "follow"]

_POLL: Final = 0.2  # seconds between looks at a file
_GRACE: Final = 10.0  # seconds that a command has to end after it was asked to
_CHUNK: Final = 65_536


class Arrived(NamedTuple):
    """A line that came: its source, number, bytes (of a giant its start), whole size, and when."""

    name: str
    number: int
    raw: bytes
    size: int
    when: float | None


@dataclass(slots=True)
class _Splitter:
    """Cuts what arrives into lines, in constant memory."""

    name: str
    number: int = 0
    held: bytes = b""
    size: int = 0

    def lines(self, chunk: bytes, when: float | None) -> Iterator[Arrived]:
        *whole, rest = chunk.split(b"\n")
        for text in whole:
            self._hold(text)
            yield self._line(when)
        self._hold(rest)

    def rest(self, when: float | None) -> Iterator[Arrived]:
        if self.size:
            yield self._line(when)

    def _hold(self, text: bytes) -> None:
        self.size += len(text)
        if len(self.held) <= LONGEST:
            self.held += text

    def _line(self, when: float | None) -> Arrived:
        self.number += 1
        line = Arrived(self.name, self.number, self.held, self.size + 1, when)
        self.held, self.size = b"", 0
        return line


def follow(names: Sequence[str], *, until: Callable[[], bool]) -> Iterator[Arrived]:
    """The lines of files, and then those that are added, across rotation and truncation.

    What is there already has no time of arrival; what is added has.

    Args:
        names: Paths of files; one that is not there yet is waited for.
        until: Asked after each look; true ends it.
    """
    files = [_Followed(name) for name in names]
    first = True
    while True:
        for file in files:
            yield from file.look(None if first else time())
        first = False
        if until():
            for file in files:
                yield from file.end()
            return
        sleep(_POLL)


class _Followed:
    def __init__(self, name: str) -> None:
        self._path = Path(name)
        self._file: IO[bytes] | None = None
        self._splitter = _Splitter(name)

    def look(self, when: float | None) -> Iterator[Arrived]:
        if self._file is None:
            if not self._path.exists():
                return
            self._file = self._path.open("rb", buffering=0)
        yield from self._drained(self._file, when)
        try:
            now = self._path.stat()
        except FileNotFoundError:  # between the two steps of a rotation
            return
        opened = os.fstat(self._file.fileno())
        if (now.st_ino, now.st_dev) != (opened.st_ino, opened.st_dev):
            yield from self._drained(self._file, when)  # what came until it was renamed
            yield from self._splitter.rest(when)
            self._file.close()
            self._file = self._path.open("rb", buffering=0)
            self._splitter = _Splitter(str(self._path))
            yield from self._drained(self._file, when)
        elif now.st_size < self._file.tell():
            self._file.seek(0)
            self._splitter = _Splitter(str(self._path))
            yield from self._drained(self._file, when)

    def end(self) -> Iterator[Arrived]:
        if self._file is not None:
            yield from self._splitter.rest(time())
            self._file.close()

    def _drained(self, file: IO[bytes], when: float | None) -> Iterator[Arrived]:
        while chunk := file.read(_CHUNK):
            yield from self._splitter.lines(chunk, when)


@dataclass(slots=True)
class Command:
    """A command whose standard output and error are read until it ends.

    Args:
        argv: The command and its arguments.
    """

    argv: Sequence[str]
    status: int | None = field(default=None, init=False)

    def lines(self, *, until: Callable[[], bool]) -> Iterator[Arrived]:
        """What it prints; output and error are two sources.

        Args:
            until: Asked several times a second; true asks the command to end.

        Raises:
            LocalError: It cannot be started.
        """
        try:
            process = subprocess.Popen(
                self.argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            hint = "check the command after --run --"
            raise LocalError(error.strerror or str(error), where=self.argv[0], hint=hint) from None
        try:
            yield from _printed(process, until)
        finally:
            self.status = _ended(process)


def _printed(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> Iterator[Arrived]:
    deadline = float("inf")
    with selectors.DefaultSelector() as selector:
        for stream, name in ((process.stdout, "stdout"), (process.stderr, "stderr")):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, _Splitter(name))
        while selector.get_map():
            for key, _ in selector.select(_POLL):
                chunk = os.read(key.fd, _CHUNK)
                if chunk:
                    yield from key.data.lines(chunk, time())
                else:
                    yield from key.data.rest(time())
                    selector.unregister(key.fileobj)
            if deadline == float("inf") and until():
                process.send_signal(signal.SIGTERM)
                deadline = monotonic() + _GRACE
            if monotonic() > deadline:  # a grandchild may hold the pipes for ever
                return


def _ended(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.terminate()
    try:
        status = process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return status
