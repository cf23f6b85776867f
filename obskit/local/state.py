"""What runs, written down so that another process can stop it: ``state.json``."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from obskit.errors import LocalError
from obskit.local.process import Identity
from obskit.local.server import Running

__all__ = ["State", "locked", "read", "remove", "write"]

_FILE = "state.json"
_LOCK = "lock"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A stack as it was started.

    Args:
        token: The mark of all its processes.
        servers: What was started, in this order.
        project: Name of the Docker Compose project; empty where the servers are native processes.
        addresses: Addresses of a Docker Compose stack by server and name; native ones carry their own.
    """

    token: str
    servers: tuple[Running, ...] = ()
    project: str = ""
    addresses: Mapping[str, Mapping[str, str]] | None = None

    def with_server(self, one: Running) -> State:
        """The state with one more server."""
        return replace(self, servers=(*self.servers, one))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time start or stop the stack of a folder; others wait."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                # whoever held it before may have removed the folder with the file that is locked here
                if os.path.samestat(os.fstat(lock.fileno()), (folder / _LOCK).stat()):
                    yield
                    return


def read(folder: Path) -> State | None:
    """The state of a folder's stack; ``None`` where nothing was started.

    Raises:
        LocalError: The file is not one that :func:`write` wrote.
    """
    file = folder / _FILE
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        data = orjson.loads(raw)
        if data["format"] != _FORMAT:
            raise LocalError(
                f"is of format {data['format']}, not {_FORMAT}",
                where=str(file),
                hint="run obskit down with the release of obskit that started the stack",
            )
        return State(
            token=data["token"],
            project=data["project"],
            addresses=data["addresses"],
            servers=tuple(_running(entry, data["token"]) for entry in data["servers"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise LocalError(
            f"is not what obskit up wrote ({type(error).__name__}: {error})",
            where=str(file),
            hint="stop the servers by hand and remove the file",
        ) from error


def write(folder: Path, state: State) -> None:
    """Write the state, whole or not at all."""
    data = {
        "format": _FORMAT,
        "token": state.token,
        "project": state.project,
        "addresses": state.addresses,
        "servers": [
            {
                "name": one.name,
                "url": one.url,
                "pid": one.identity.pid,
                "started": one.identity.started,
                "folder": str(one.folder),
                "log": str(one.log),
                "addresses": dict(one.addresses),
            }
            for one in state.servers
        ],
    }
    draft = folder / f".{_FILE}"
    with draft.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(orjson.dumps(data, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / _FILE)


def remove(folder: Path) -> None:
    """Remove the state file, the lock, and the folder where nothing else is in it."""
    for name in (_FILE, f".{_FILE}", _LOCK):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # kept data, or files of the user's
        folder.rmdir()


def _running(entry: dict[str, Any], token: str) -> Running:
    return Running(
        name=entry["name"],
        url=entry["url"],
        identity=Identity(pid=entry["pid"], started=entry["started"], token=token),
        folder=Path(entry["folder"]),
        log=Path(entry["log"]),
        addresses=entry["addresses"],
    )
