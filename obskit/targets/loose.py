"""Files by themselves: which kind of server each is for, and what its checker says. For ``obskit check FILE``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from obskit.errors import ConfigError, Problem, Severity
from obskit.targets import REGISTRY, target_class
from obskit.targets.official import top_keys

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
    paths = list(paths)
    files = list(dict.fromkeys(_files(paths)))
    named = {path for path in paths if path.is_file()}
    workers = min(8, (os.cpu_count() or 1) * 2)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="check") as pool:
        return list(pool.map(lambda file: _check(file, named=file in named), files))


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


def _check(path: Path, *, named: bool) -> Checked:
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
    # Below a folder there may be anything; of a file that was named, silence would read as approval.
    return Checked(path=path, target="", problems=tuple(_unknown(path, text)) if named else ())


def _unknown(path: Path, text: str) -> Iterator[Problem]:
    """Why a file was not checked: it cannot be read as what its name says, or it is of another kind."""
    if path.suffix in (".yml", ".yaml", ".json"):
        try:
            for _ in yaml.parse(text, Loader=yaml.SafeLoader):  # JSON is YAML
                pass
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            yield Problem(
                rule="check/syntax", path=str(path), line=mark.line + 1 if mark else None,
                column=mark.column + 1 if mark else None,
                message=f"cannot be read: {getattr(error, 'problem', None) or error}",
            )  # fmt: skip
            return
    own = "project" in top_keys(path, text)
    words = f"is obskit's own: obskit check -f {path}" if own else "misspelt keys at the top?"
    yield Problem(
        rule="check/unknown-kind", path=str(path), severity=Severity.WARNING,
        message=f"was not checked, for it is no file of a server that obskit knows: {words}",
    )  # fmt: skip
