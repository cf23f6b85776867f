"""One local server: prepared, started, waited for, stopped. Tests and `obskit up` use the same code."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import random
import secrets
import shutil
import socket
import ssl
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

import httpx

from obskit.errors import LocalError
from obskit.local import process

__all__ = ["Launch", "Running", "Server", "free_port", "running", "start", "stop"]

# Below the range that the kernel hands out to outgoing connections (32768 up): one of those cannot
# take a port between the moment it was found free and the moment the server binds it.
_PORTS = range(20_000, 32_000)
_ATTEMPTS = 3
_TAKEN = ("address already in use", "bindexception", "failed to bind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a server whose folder is prepared.

    Args:
        argv: Program and arguments.
        url: Where it will answer.
        ready: Path below the URL that answers 200 once the server can be used.
        env: Variables for its environment.
        addresses: What others need of it by name, such as the folder that rules are delivered to.
        auth: Name and password to ask with whether it is ready.
        trust: What vouches for its certificate when it is asked; of an ``https`` URL only.
        holds: What its answer has to be beyond a 200, such as a target that was scraped.
    """

    argv: tuple[str, ...]
    url: str
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None
    trust: ssl.SSLContext | None = None
    holds: Callable[[httpx.Response], bool] = lambda _: True


class Server(Protocol):
    """A kind of server, with its settings. Adding one is a module with a class of this shape."""

    @property
    def name(self) -> str:
        """The server's name, which is also its folder's."""
        ...

    def prepare(self, folder: Path) -> Launch:
        """Write the configuration into the folder, choose free ports, and say how to start.

        Raises:
            LocalError: The program is not on this machine.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that runs on this machine.

    Args:
        name: Its name, such as ``prometheus``.
        url: Where it answers.
        identity: What makes its process ours.
        folder: Where its configuration and data are.
        log: File with what it printed.
        addresses: What others need of it by name, such as the folder that rules are delivered to.
    """

    name: str
    url: str
    identity: process.Identity
    folder: Path
    log: Path
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.identity.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return process.alive(self.identity)


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now, and that no other process was given by this function.

    A server takes seconds to bind the port that was chosen for it. If another one is given the same meanwhile, the
    first is waited for and the second answers.
    """
    for port in random.sample(_PORTS, 200):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            if _reserved(port):
                return port
    raise LocalError("200 ports of the loopback were tried and all are taken", where="127.0.0.1")


_given: set[int] = set()
_HINT = "remove it, or set TMPDIR to a folder of your own"


@functools.cache
def _reservations() -> IO[bytes]:
    path = Path(tempfile.gettempdir()) / f"obskit-ports-{os.getuid()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
    except OSError as error:
        raise LocalError(
            f"cannot be opened: {error.strerror}", where=str(path), hint=_HINT
        ) from None
    found = os.fstat(file.fileno())
    if found.st_uid != os.getuid() or not stat.S_ISREG(found.st_mode):
        file.close()
        raise LocalError("is not a file of this user", where=str(path), hint=_HINT)
    return file


def _reserved(port: int) -> bool:
    """Whether the port is this process' from now on: the lock of one byte, which ends with the process."""
    if port in _given:
        return False
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    _given.add(port)
    return True


def start(
    server: Server,
    folder: Path,
    *,
    deadline: float = 90.0,
    token: str = "",
    spawned: Callable[[Running], None] = lambda _: None,
) -> Running:
    """Start a server and wait until it can be used.

    Args:
        server: What to start.
        folder: Its own folder, made where absent.
        deadline: Seconds until it has to answer.
        token: The mark of its processes; a fresh one by default.
        spawned: Called as soon as the process is there, before it answers.

    Raises:
        LocalError: No program, a start that fails, or no answer in time. Nothing is left running.
    """
    token = token or secrets.token_hex(16)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{server.name}.log"
    for attempt in range(1, _ATTEMPTS + 1):
        launch = server.prepare(folder)
        printed = log.stat().st_size if log.exists() else 0
        identity = process.spawn(launch.argv, token=token, folder=folder, log=log, env=launch.env)
        one = Running(
            name=server.name,
            url=launch.url,
            identity=identity,
            folder=folder,
            log=log,
            addresses=launch.addresses,
        )
        try:
            spawned(one)
            trouble = _wait(one, launch, deadline)
        except BaseException:
            _end(identity)
            raise
        if not trouble:
            return one
        _end(identity)
        said = _tail(log, printed)
        # Somebody else was quicker to take the port: prepare() chooses another. Elasticsearch says so once
        # and then prints pages about its own end, so all that was printed is looked at.
        if attempt == _ATTEMPTS or not _port_was_taken(log, printed):
            raise LocalError(f"{trouble}\n{said}".rstrip(), where=server.name, hint=f"see {log}")
    raise AssertionError("the loop returns or raises")


def stop(one: Running, *, keep: bool = False, grace: float = 10.0) -> None:
    """Stop a server and remove its folder. Stopping it again does nothing.

    Args:
        one: The server.
        keep: Leave its folder.
        grace: Seconds to let it end by itself.

    Raises:
        LocalError: It does not end, not even by SIGKILL.
    """
    _end(one.identity, grace=grace)
    if not keep and one.folder.exists():
        shutil.rmtree(one.folder)


@contextlib.contextmanager
def running(
    server: Server, folder: Path, *, deadline: float = 90.0, keep: bool = False
) -> Iterator[Running]:
    """A server for the length of a ``with`` block.

    Args:
        server: What to start.
        folder: Its own folder.
        deadline: Seconds until it has to answer.
        keep: Leave the folder afterwards.
    """
    one = start(server, folder, deadline=deadline)
    try:
        yield one
    finally:
        stop(one, keep=keep)


def _end(identity: process.Identity, *, grace: float = 10.0) -> None:
    # One stack shares one token among its servers: a server's own processes are those of its session.
    process.stop(identity.token, session=identity.pid, grace=grace)


def _wait(one: Running, launch: Launch, deadline: float) -> str:
    """Wait for a 200; what is wrong where none comes."""
    end = time.monotonic() + deadline
    last = "no connection"
    asked = one.url + launch.ready
    trust = launch.trust or True
    with httpx.Client(timeout=2.0, trust_env=False, auth=launch.auth, verify=trust) as client:
        while True:
            if not one.alive:
                return "ended as soon as it was started:"
            try:
                answer = client.get(asked)
                if answer.status_code == 200 and launch.holds(answer):
                    return ""
                last = f"status {answer.status_code}"
            except httpx.HTTPError as error:
                last = str(error) or type(error).__name__
            if time.monotonic() > end:
                return f"does not answer at {asked} within {deadline:.0f} s ({last}):"
            time.sleep(0.1)


def _port_was_taken(log: Path, printed: int) -> bool:
    with log.open("rb") as file:
        file.seek(printed)
        said = file.read().decode(errors="replace").lower()
    return any(words in said for words in _TAKEN)


def _tail(log: Path, offset: int, lines: int = 15) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        text = file.read().decode(errors="replace")
    return "\n".join("  | " + line[:400] for line in text.splitlines()[-lines:])
