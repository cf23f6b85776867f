"""Processes that outlive the command that started them, and are stopped without ever hitting another's.

A process id alone is no identity: it is used again. A process of ours is known by its id, the moment
it started *and* a token in its environment, all three of which have to agree before a signal is sent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from obskit.errors import LocalError

__all__ = ["Identity", "alive", "descendants", "spawn", "stop", "unprivileged"]

TOKEN = "OBSKIT_LOCAL_TOKEN"  # noqa: S105 - the name of a mark, no secret
_POLL = 0.05
# Ours to reap as long as this interpreter lives: a child that nobody waits for stays as a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What makes a process ours.

    Args:
        pid: Process id, which is also the id of its process group and session.
        started: When it started, in clock ticks since the machine booted (``/proc/PID/stat``, field 22).
        token: The value of ``OBSKIT_LOCAL_TOKEN`` in its environment.
    """

    pid: int
    started: int
    token: str


def spawn(
    argv: Sequence[str | Path],
    *,
    token: str,
    folder: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
) -> Identity:
    """Start a process in a session of its own, with its output appended to a log file.

    Args:
        argv: Program and arguments.
        token: The mark that its environment carries.
        folder: Its working folder.
        log: File for its standard output and error.
        env: Variables beside those of this process.

    Raises:
        LocalError: The program cannot be run.
    """
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                [str(part) for part in argv],
                cwd=folder,
                env={**os.environ, **(env or {}), TOKEN: token},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise LocalError(f"cannot be run: {error.strerror}", where=str(argv[0])) from error
    _children[child.pid] = child
    stat = _stat(child.pid)
    return Identity(pid=child.pid, started=stat[2] if stat else 0, token=token)


def alive(identity: Identity) -> bool:
    """Whether the process runs and is the one that was started."""
    _reap(identity.pid)
    stat = _stat(identity.pid)
    if stat is None or stat[0] == "Z" or stat[2] != identity.started:
        return False
    # While a process becomes another program its environment reads as nothing, which says nothing.
    return _environment(identity.pid) == b"" or _carries(identity.pid, identity.token)


def descendants(token: str, *, session: int | None = None) -> tuple[int, ...]:
    """The ids of all processes that carry a token: a server and what it started, orphans too.

    Args:
        token: The mark.
        session: Only those of this session; all by default.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            stat = _stat(pid)
            if stat is None or stat[0] == "Z" or session not in {None, stat[1]}:
                continue
            if _carries(pid, token):
                found.append(pid)
    return tuple(sorted(found))


def stop(token: str, *, session: int | None = None, grace: float = 10.0) -> tuple[int, ...]:
    """Stop every process that carries a token: TERM, and KILL for what is left after the grace.

    Args:
        token: The mark of the processes to stop.
        session: Only those of this session; all by default.
        grace: Seconds to let them end by themselves.

    Returns:
        The ids that were there; empty where nothing ran.

    Raises:
        LocalError: A process outlived KILL.
    """
    there = descendants(token, session=session)
    for sent, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        left = descendants(token, session=session)
        for pid in left:
            _signal(pid, token, sent)
        while left and time.monotonic() < deadline:
            time.sleep(_POLL)
            for pid in there:
                _reap(pid)
            # the children of what just ended carry the token, too: look at all, not at those of the start
            left = descendants(token, session=session)
        if not left:
            return there
    raise LocalError(f"processes {', '.join(map(str, left))} do not end, not even by SIGKILL")


def unprivileged(argv: Sequence[str | Path], *, reads: Path, writes: Path) -> list[str]:
    """A command line that runs a program as somebody else than root, for servers that refuse root.

    A user namespace is best: inside it root's files stay root's to use and nothing needs another owner.
    Where the kernel or a container forbids those, the program gets a user id of its own, its folder
    with it, and the one capability to walk through folders that are root's alone.

    Args:
        argv: Program and arguments.
        reads: A folder the program must be able to read.
        writes: The folder that it writes into.
    """
    command = [str(part) for part in argv]
    if os.geteuid() != 0:
        return command
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    probe = ["sh", "-c", 'test -r "$1" && test -w "$2"', "sh", str(reads), str(writes)]
    with contextlib.suppress(OSError):  # no such command is an answer as well: no
        if subprocess.run([*namespace, *probe], capture_output=True, check=False).returncode == 0:
            return [*namespace, *command]
    nobody = 65534
    for path in (writes, *writes.rglob("*")):
        os.chown(path, nobody, nobody, follow_symlinks=False)
    capability = "-all,+dac_read_search"
    return [
        "setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", "--no-new-privs",
        "--securebits=+no_setuid_fixup", f"--inh-caps={capability}", f"--ambient-caps={capability}",
        f"--bounding-set={capability}", "--", *command,
    ]  # fmt: skip


def _signal(pid: int, token: str, sent: signal.Signals) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # Asked again with the handle held: what the id named before is what the signal goes to.
        if _carries(pid, token):
            signal.pidfd_send_signal(handle, sent)
    except ProcessLookupError:
        pass  # ended by itself in between, which is what was wanted
    finally:
        os.close(handle)


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State, session and start of a process; ``None`` where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return fields[0], int(fields[3]), int(fields[19])


def _carries(pid: int, token: str) -> bool:
    environment = _environment(pid)
    return environment is not None and f"{TOKEN}={token}".encode() in environment.split(b"\0")


def _environment(pid: int) -> bytes | None:
    """A process' environment; None where it is gone or somebody else's."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
