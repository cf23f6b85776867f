"""Files, directories and patterns of names; compressed files by their first bytes."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Final

import zstandard

from obskit.errors import ConfigError, Problem

__all__ = ["READ_ERRORS", "STDIN", "Source", "find_sources", "told_as_finding"]

#: What reading a source may raise: it is not readable, or its compression is broken.
READ_ERRORS: Final = (OSError, EOFError, zlib.error, zstandard.ZstdError)

#: The name of standard input.
STDIN: Final = "-"

_SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".log", ".gz", ".zst")


@dataclass(frozen=True, slots=True)
class Source:
    """A file or standard input.

    Args:
        name: Its path, as the user wrote it or found in a directory; ``-`` for standard input.
    """

    name: str

    @property
    def shown(self) -> str:
        """The name in findings."""
        return "stdin" if self.name == STDIN else self.name

    def is_file(self, path: Path) -> bool:
        """Whether this is that file, whatever either is called.

        Args:
            path: A file that is there.
        """
        return self.name != STDIN and Path(self.name).samefile(path)

    @property
    def splittable(self) -> bool:
        """Whether parts of it can be read on their own."""
        return self.name != STDIN and Path(self.name).is_file() and not self._magic()

    @contextmanager
    def open(self, start: int = 0, end: int = -1) -> Iterator[Callable[[int], bytes]]:
        """Opens it; what is given reads at most so many bytes, decompressed, and none at the end.

        Args:
            start: First byte of the lines to read; those that begin before it are left out.
            end: Byte from which on no line begins any more; -1 for the end of the source.

        Raises:
            OSError: It cannot be read.
        """
        if self.name == STDIN:
            yield lambda size: os.read(sys.stdin.fileno(), size)
            return
        magic = self._magic()
        with Path(self.name).open("rb", buffering=0) as raw:
            if magic == "gzip":
                with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
                    yield unpacked.read
            elif magic == "zstd":
                yield _Zstd(raw).read
            elif start or end >= 0:
                yield _Range(raw, start, end).read
            else:
                yield lambda size: raw.read(size) or b""

    def _magic(self) -> str:
        path = Path(self.name)
        if not path.is_file():  # a named pipe must not lose its first bytes
            return {".gz": "gzip", ".zst": "zstd"}.get(path.suffix, "")
        with path.open("rb") as file:
            first = file.read(4)
        if first[:2] == b"\x1f\x8b":
            return "gzip"
        return "zstd" if first == b"\x28\xb5\x2f\xfd" else ""


class _Zstd:
    """Decompresses frame after frame, and tells where the last one is cut: zstandard's own reader does not.

    It is fed little at a time, because a few bytes can stand for megabytes.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = io.BufferedReader(file)
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._inside = False
        self._ready = b""

    def read(self, size: int) -> bytes:
        """At most so many bytes more, and none at the end.

        Raises:
            EOFError: The last frame is cut.
        """
        while len(self._ready) < size and (fed := self._file.read(256)):
            self._feed(fed)
        data, self._ready = self._ready[:size], self._ready[size:]
        if not data and self._inside:
            raise EOFError("Compressed file ended in the middle of a frame")
        return data

    def _feed(self, fed: bytes) -> None:
        while fed:
            self._inside = True
            self._ready += self._frame.decompress(fed)
            fed = self._frame.unused_data
            if not self._frame.eof:
                return
            self._inside = False
            self._frame = zstandard.ZstdDecompressor().decompressobj()


class _Range:
    """Reads the lines of a file that begin in a range of bytes."""

    def __init__(self, file: io.FileIO, start: int, end: int) -> None:
        self._file = file
        self._end = end
        self._at = start  # offset of the next byte to read
        self._done = False
        if start:
            # A line begins where a line feed stands in front of it.
            self._at = file.seek(start - 1)
            while chunk := file.read(65_536):
                feed = chunk.find(b"\n")
                self._at += len(chunk) if feed < 0 else feed + 1
                if feed >= 0:
                    break
            file.seek(self._at)
            self._done = 0 <= end <= self._at

    def read(self, size: int) -> bytes:
        """At most so many bytes more, none after the end of the last line that begins in the range."""
        if self._done:
            return b""
        data = self._file.read(size) or b""
        before, self._at = self._at, self._at + len(data)
        if 0 <= self._end <= self._at:
            feed = data.find(b"\n", max(0, self._end - 1 - before)) + 1
            if feed:
                self._done = True
                return data[:feed]
        return data


@contextmanager
def told_as_finding(source: Source) -> Iterator[None]:
    """Makes a finding of an error while a source is read.

    Args:
        source: The source.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        yield
    except (
        BrokenPipeError
    ):  # of standard output: what was found is written while the source is read
        raise
    except READ_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = Problem(
            rule="lint/source", path=source.shown, message=f"cannot be read: {reason}"
        )
        raise ConfigError([problem]) from error


def find_sources(names: Iterable[str]) -> list[Source]:
    """The sources that names stand for: files, directories (their logs, at any depth), patterns.

    Args:
        names: What the user wrote; ``-`` is standard input.

    Raises:
        ConfigError: A name stands for nothing.
    """
    found: dict[str, None] = {}
    problems = []
    for name in names:
        if name == STDIN:
            found[name] = None
            continue
        path = Path(name)
        if path.is_dir():
            inside = sorted(str(item) for item in path.rglob("*") if _is_log(item))
            if not inside:
                problems.append(_problem(name, f"no file below it ends in {', '.join(_SUFFIXES)}"))
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[name] = None
        elif has_magic(name):
            matched = sorted(item for item in glob(name, recursive=True) if not Path(item).is_dir())  # noqa: PTH207 (relative patterns stay relative)
            if not matched:
                problems.append(
                    _problem(name, "no file matches; quote it if the shell should not expand it")
                )
            found.update(dict.fromkeys(matched))
        else:
            problems.append(_problem(name, "no such file or directory"))
    if problems:
        raise ConfigError(problems)
    return [Source(name) for name in found]


def _is_log(path: Path) -> bool:
    return path.is_file() and path.suffix in _SUFFIXES and not path.name.startswith(".")


def _problem(name: str, message: str) -> Problem:
    return Problem(rule="lint/source", path=name, message=message)
