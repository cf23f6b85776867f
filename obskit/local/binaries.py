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
# Where distributions put each Java that is installed, one of which is the PATH's.
_JAVAS = Path("/usr/lib/jvm")


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


def java_home(at_least: int = 17) -> Path:
    """The home of a Java to run servers with: ``JAVA_HOME``, that of the PATH's ``java``, or another installed one.

    Args:
        at_least: The oldest version that will do; the first that is not older is taken.

    Raises:
        LocalError: There is no such Java.
    """
    homes = []
    if home := os.environ.get("JAVA_HOME"):
        homes.append(Path(home))
    if found := shutil.which("java"):
        homes.append(Path(found).resolve().parent.parent)
    homes += sorted(path.parent.parent for path in _JAVAS.glob("*/bin/java"))
    for candidate in homes:
        if _java_version(candidate) >= at_least:
            return candidate
    raise LocalError(
        f"there is no Java here, which Elasticsearch needs ({at_least} or newer)",
        where="java",
        hint=f"install one, such as Debian's openjdk-{at_least}-jre-headless, or set JAVA_HOME",
    )


def _java_version(home: Path) -> int:
    """The feature release, such as 17, that a Java's home names in its file ``release``."""
    try:
        text = (home / "release").read_text(encoding="utf-8")
    except FileNotFoundError:
        return (
            10**6
        )  # a home that names none was chosen by hand: the server itself says when it is too old
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(match[1]) if match else 10**6


def _executable(path: Path) -> Path | None:
    return path if path.is_file() and os.access(path, os.X_OK) else None


def _version(folder: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", folder.name)]
