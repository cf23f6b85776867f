"""The process of this machine that listens at an address: its command line tells where its files are.

No server's API says where Filebeat's inputs, Logstash's pipelines or alertmanager.yml are. Linux tells which process
holds a listening socket (``/proc/net/tcp``, proc(5)), of our own user's processes, or of all to root.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Process", "listening_at"]

_LISTEN = "0A"  # of the column ``st``


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that listens.

    Args:
        arguments: Its command line.
        folder: Its working folder.
    """

    arguments: Sequence[str]
    folder: Path

    def option(self, *names: str) -> str:
        """The value of an option, given as ``--name=value`` or ``--name value``; empty where it is not given.

        Args:
            names: Its names, without their dashes.
        """
        following = [*self.arguments[1:], ""]
        for argument, after in zip(self.arguments, following, strict=True):
            name, equals, value = argument.lstrip("-").partition("=")
            if argument.startswith("-") and name in names:
                return value if equals else after
        return ""

    def path(self, value: str) -> Path:
        """A path of its command line or configuration, which is relative to its working folder."""
        return self.folder / value


def listening_at(url: str, name: str) -> Process | None:
    """Find who listens at an address; None where that is not this machine, or cannot be seen.

    Args:
        url: The address.
        name: Part of the program's name: another program there is a proxy, whose options mean other things.
    """
    with contextlib.suppress(ValueError, LookupError, OSError):
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        if not _here(parts.hostname or ""):
            return None
        wanted = {f"socket:[{inode}]" for inode in _listening(port)}
        for process in Path("/proc").iterdir() if wanted else ():
            if process.name.isdigit() and _holds(process, wanted):
                raw = (process / "cmdline").read_bytes().decode("utf-8", "surrogateescape")
                arguments = raw.rstrip("\0").split("\0")
                if _is(arguments, name):
                    return Process(arguments=arguments, folder=(process / "cwd").readlink())
    return None


def _is(arguments: Sequence[str], name: str) -> bool:
    program = Path(arguments[0]).name
    return name in program or (program == "java" and name in " ".join(arguments).lower())


def _here(host: str) -> bool:
    """Whether a name is one of this machine's: only to its own addresses can a socket be bound."""
    for family, kind, *_, address in socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            probe.bind(address)
            return True
    return False


def _listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            columns = line.split()
            if columns[3] == _LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                yield columns[9]


def _holds(process: Path, sockets: set[str]) -> bool:
    with contextlib.suppress(OSError):  # somebody else's process, or one that ended meanwhile
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in sockets:
                    return True
    return False
