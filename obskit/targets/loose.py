"""Files by themselves: which kind of server each is for, and what its checker says. For ``obskit check FILE``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from obskit.errors import ConfigError, Problem
from obskit.targets import REGISTRY, target_class

__all__ = ["Checked", "check_files"]

_SUFFIXES: Final = (".yml", ".yaml", ".json", ".conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file.

    Args:
        path: The file.
        target: The kind of server that it is for; empty where none of ours.
        problems: What is wrong with it.
    """

    path: Path
    target: str
    problems: tuple[Problem, ...]


def check_files(paths: Iterable[Path]) -> list[Checked]:
    """Check files, and all that look like one below folders.

    Args:
        paths: Files and folders.

    Raises:
        ConfigError: A path is not there.
    """
    files = list(dict.fromkeys(_files(paths)))
    workers = min(8, (os.cpu_count() or 1) * 2)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="check") as pool:
        return list(pool.map(_check, files))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    missing = []
    for path in paths:
        if path.is_dir():
            yield from sorted(
                found for found in path.rglob("*") if found.suffix in _SUFFIXES and found.is_file()
            )
        elif path.is_file():
            yield path
        else:
            missing.append(path)
    if missing:
        raise ConfigError(
            [
                Problem(rule="check/missing", message="no such file or folder", path=str(path))
                for path in missing
            ]
        )


def _check(path: Path) -> Checked:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(
            rule="check/unreadable", message=f"cannot be read: {error}", path=str(path)
        )
        return Checked(path=path, target="", problems=(problem,))
    for name in REGISTRY:
        found = target_class(name).check_file(path, text)
        if found is not None:
            return Checked(path=path, target=name, problems=tuple(found))
    return Checked(path=path, target="", problems=())
