"""Telling a server to read its files again: by HTTP, by signal, or by a command."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path

from obskit.config import Section
from obskit.deadline import Deadline
from obskit.delivery import checker
from obskit.delivery.http import Http
from obskit.errors import DeliveryError, RejectedError

__all__ = ["LogTail", "Reload", "reload"]

_MOST, _LINES, _LONGEST = 1_000_000, 5, 600
# level=error of logfmt in any case, "level":"error" of JSON.
_TROUBLE = re.compile(r"level\W{1,3}(warn|error|fatal|crit)", re.IGNORECASE)


class Reload(Section):
    """How a server is told; ``/-/reload`` by HTTP when nothing is set.

    Args:
        command: A command line, such as ``systemctl reload prometheus``; run without a shell.
        pid_file: File with the process id of a server that reloads on SIGHUP.
        log: The server's log, where this machine can read it: Prometheus answers a refused reload without the
            reason, which is only there.
    """

    command: str = ""
    pid_file: Path | None = None
    log: Path | None = None


class LogTail:
    """What a server logs of trouble from now on.

    Args:
        path: Its log; None where there is none to read.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._start = path.stat().st_size if path is not None and path.is_file() else 0

    def words(self) -> str:
        """Its last lines since then that warn or worse, to be put behind a message; empty where there are none."""
        if self._path is None:
            return ""
        try:
            with self._path.open("rb") as file:
                # A log that was rotated meanwhile is shorter: then all of it is new.
                file.seek(self._start if self._path.stat().st_size >= self._start else 0)
                lines = file.read(_MOST).decode(errors="replace").splitlines()
        except OSError as error:
            return f"\n(its log {self._path} cannot be read: {error.strerror})"
        trouble = [line[:_LONGEST] for line in lines if _TROUBLE.search(line)][-_LINES:]
        return "".join(f"\n  its log: {line}" for line in trouble)


def reload(how: Reload, http: Http, deadline: Deadline) -> None:
    """Tell a server to read its files again.

    Args:
        how: The way.
        http: The server, for ``POST /-/reload``.
        deadline: By when it has to have answered.

    Raises:
        DeliveryError: It refused, or could not be told.
    """
    if how.command:
        ran = checker.run(shlex.split(how.command), seconds=max(deadline.remaining, 0.1))
        if not ran.ok:
            raise DeliveryError(f"exit code {ran.code}: {ran.words[:500]}", where=how.command)
    elif how.pid_file is not None:
        try:
            os.kill(int(how.pid_file.read_text(encoding="ascii").strip()), signal.SIGHUP)
        except (OSError, ValueError) as error:
            raise DeliveryError(f"no process to signal: {error}", where=str(how.pid_file)) from None
    else:
        try:
            http.post("/-/reload", deadline=deadline)
        except RejectedError as error:
            raise DeliveryError(f"refused to reload: {error.message}", where=error.where) from None
