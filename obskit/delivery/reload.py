"""Telling a server to read its files again: by HTTP, by signal, or by a command."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path

from obskit.config import Section
from obskit.deadline import Deadline
from obskit.delivery import checker
from obskit.delivery.http import Http
from obskit.errors import DeliveryError, RejectedError

__all__ = ["Reload", "reload"]


class Reload(Section):
    """How a server is told; ``/-/reload`` by HTTP when nothing is set.

    Args:
        command: A command line, such as ``systemctl reload prometheus``; run without a shell.
        pid_file: File with the process id of a server that reloads on SIGHUP.
    """

    command: str = ""
    pid_file: Path | None = None


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
