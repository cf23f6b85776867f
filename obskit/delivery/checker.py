"""Running a server's own checker (``promtool``, ``amtool``, ``filebeat``, …) within a deadline."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from obskit.errors import DeliveryError

__all__ = ["Ran", "find", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended.

    Args:
        code: Exit code.
        out: Its standard output.
        err: Its standard error.
    """

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it exited with 0."""
        return self.code == 0

    @property
    def words(self) -> str:
        """What it said, errors first."""
        return "\n".join(part for part in (self.err.strip(), self.out.strip()) if part)


def find(name: str) -> str | None:
    """The path of a program: ``OBSKIT_<NAME>`` in the environment, else on the PATH; None if neither."""
    return os.environ.get(f"OBSKIT_{name.upper().replace('-', '_')}") or shutil.which(name)


def run(
    command: Sequence[str],
    *,
    seconds: float = 30.0,
    stdin: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Ran:
    """Run a program to its end, without a shell.

    Args:
        command: Program and arguments.
        seconds: Deadline, after which it is killed.
        stdin: What it reads.
        environ: More environment variables.

    Raises:
        DeliveryError: It could not be started or did not end in time.
    """
    try:
        done = subprocess.run(
            list(command), input=stdin, capture_output=True, text=True, errors="replace",
            timeout=seconds, check=False, env={**os.environ, **(environ or {})},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DeliveryError(f"did not end within {seconds:g} s", where=command[0]) from None
    except OSError as error:
        raise DeliveryError(f"cannot be started: {error.strerror}", where=command[0]) from None
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)
