"""What obtaining servers needs whatever they are: the cache, commands with progress, Debian's packages.

Python's standard library only: `make servers` works before the environment is there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Unobtainable(Exception):
    """Something cannot be had here; the text says what to do about it."""


def home() -> Path:
    """The user's home, also where HOME is empty or unset."""
    return Path(os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def cache() -> Path:
    """Where the servers are kept: outside the checkout, the same folder `obskit up` looks into."""
    if root := os.environ.get("OBSKIT_CACHE"):
        return Path(root).expanduser().absolute() / "servers"
    return Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "obskit" / "servers"


@dataclasses.dataclass(frozen=True)
class Part:
    """One thing to have: how to find it, what obtaining it costs, and how to obtain it."""

    name: str
    cost: str
    find: Callable[[], Path | None]
    obtain: Callable[[], None]
    optional: bool = False  # where it cannot be had, its tests are skipped with that reason


def say(text: str) -> None:
    """One line of progress, at once, also into a pipe."""
    print(text, flush=True)


def run(argv: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command, a line every 20 s meanwhile; its output, or Unobtainable with the output's end."""
    started = time.monotonic()
    environment = {"HOME": str(home()), **{k: v for k, v in os.environ.items() if v}, **(env or {})}
    done = threading.Event()

    def tick() -> None:
        while not done.wait(20):
            say(f"    … {Path(argv[0]).name} still working, {time.monotonic() - started:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        result = subprocess.run(
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise Unobtainable(f"{argv[0]}: {error.strerror}") from error
    finally:
        done.set()
    if result.returncode:
        tail = "\n".join("    | " + line for line in result.stdout.strip().splitlines()[-12:])
        raise Unobtainable(f"`{' '.join(argv)}` ended with {result.returncode}:\n{tail}")
    return result.stdout


def kept(*parts: str) -> Callable[[], Path | None]:
    """A finder for a file in the cache."""
    return lambda: path if (path := cache().joinpath(*parts)).is_file() else None


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the cache's own file system, so that the last step is one rename."""
    folder = Path(tempfile.mkdtemp(prefix=".obtaining-", dir=cache()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def checked(archive: Path, digest: str, name: str) -> Path:
    """The archive itself, where its SHA-256 is the one that is committed; Unobtainable where it is another."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise Unobtainable(f"{name}: SHA-256 is {found}, expected {digest}: refused")
    return archive


def place(source: Path, target: Path) -> None:
    """Move a complete folder to its place; half of an older one there goes first."""
    if target.exists():
        shutil.rmtree(target)
    source.rename(target)


def on_path(*names: str) -> Callable[[], Path | None]:
    """A finder for the first of these programs; Debian's sbin folders count."""

    def find() -> Path | None:
        path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin"
        return next((Path(p) for name in names if (p := shutil.which(name, path=path))), None)

    return find


@contextlib.contextmanager
def no_services() -> Iterator[None]:
    """Keep Debian's packages from starting the servers as system services."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():  # the machine has a policy of its own: leave it
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def apt(*packages: str) -> Callable[[], None]:
    """An obtainer by apt-get, without questions and without starting services."""

    def obtain() -> None:
        if not shutil.which("apt-get"):
            raise Unobtainable(f"no apt-get here: put {', '.join(packages)} on the PATH by hand")
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if sudo and not shutil.which("sudo"):
            raise Unobtainable(f"needs root: run `apt-get install {' '.join(packages)}` as root")
        install = [
            *sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q",
            "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold",
            "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120", *packages,
        ]  # fmt: skip
        with no_services() if not sudo else contextlib.nullcontext():
            try:
                run(install)
            except Unobtainable:  # the lists of a bare machine are empty or old
                run([*sudo, "apt-get", "update", "-q", "-o", "DPkg::Lock::Timeout=120"])
                run(install)

    return obtain
