"""Where a server's program is: named by the environment, on the PATH, or in the cache of `make servers`."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import platformdirs

from obskit.errors import LocalError

__all__ = ["cache_folder", "find", "java_home", "look_for"]

# Debian puts some servers where an ordinary user's PATH does not look.
_MORE_FOLDERS = ("/usr/local/sbin", "/usr/sbin")


def cache_folder() -> Path:
    """The folder that ``make servers`` fills: ``$OBSKIT_CACHE``, else the user's cache folder."""
    if root := os.environ.get("OBSKIT_CACHE"):
        return Path(root).expanduser().absolute() / "servers"
    return Path(platformdirs.user_cache_dir("obskit")) / "servers"


def look_for(name: str, *programs: str, cached: str = "", version: str = "") -> Path | None:
    """Look for a program, without complaint where there is none.

    Args:
        name: The server's name; ``OBSKIT_<NAME>`` in the environment names its program.
        programs: The names it goes by on the PATH, in order of preference.
        cached: Path of the program inside its folder ``<name>-<version>`` in the cache.
        version: The version wanted, which only the cache can promise; empty for any, newest first.

    Returns:
        The program's absolute path, or ``None``.
    """
    if chosen := os.environ.get(f"OBSKIT_{name.upper()}"):
        return _executable(Path(chosen).expanduser().absolute())
    if not version:
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_MORE_FOLDERS))
        for program in programs:
            if found := shutil.which(program, path=path):
                return Path(found).absolute()
    if not cached or not cache_folder().is_dir():
        return None
    folders = cache_folder().glob(f"{name}-{version or '*'}")
    for folder in sorted(folders, key=_version, reverse=True):
        if inside := _executable(folder / cached):
            return inside
    return None


def find(name: str, *programs: str, cached: str = "", version: str = "") -> Path:
    """Find a program as :func:`look_for` does.

    Raises:
        LocalError: There is none; the message says where it was looked for.
    """
    found = look_for(name, *programs, cached=cached, version=version)
    if found is None:
        wanted = f"{name} {version}".strip()
        places = [f"OBSKIT_{name.upper()}"]
        if not version and programs:
            places.append(f"the PATH ({', '.join(programs)})")
        if cached:
            places.append(str(cache_folder()))
        raise LocalError(
            f"{wanted} is not on this machine (looked at {', '.join(places)})",
            where=name,
            hint=f"run make servers in a checkout of obskit, or set OBSKIT_{name.upper()}",
        )
    return found


def java_home() -> Path:
    """The home of the Java to run servers with: ``JAVA_HOME``, else of the ``java`` on the PATH.

    Raises:
        LocalError: There is no Java.
    """
    if home := os.environ.get("JAVA_HOME"):
        return Path(home)
    found = shutil.which("java")
    if found is None:
        raise LocalError(
            "there is no Java here, which Elasticsearch needs (17 or newer)",
            where="java",
            hint="install one, such as Debian's openjdk-17-jre-headless, or set JAVA_HOME",
        )
    return Path(found).resolve().parent.parent


def _executable(path: Path) -> Path | None:
    return path if path.is_file() and os.access(path, os.X_OK) else None


def _version(folder: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", folder.name)]
