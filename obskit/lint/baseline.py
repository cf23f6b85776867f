"""Findings that a team knows of and does not fix today: what is not among them still fails.

A baseline names subjects (a rule and the key or kind of message concerned), not lines: logs are new every day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from obskit.errors import ConfigError, Problem

__all__ = ["read_baseline", "write_baseline"]


def read_baseline(path: Path) -> frozenset[str]:
    """The excused subjects.

    Args:
        path: The file.

    Raises:
        ConfigError: It is not there, or no baseline.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != 1 or not all(
            isinstance(count, int) for count in data["known"].values()
        ):
            raise ValueError("is no baseline of version 1")
        return frozenset(data["known"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"is no baseline: {error}"
        message = f"{reason}; obskit lint --write-baseline FILE writes one"
        raise ConfigError(
            [Problem(rule="lint/baseline", path=str(path), message=message)]
        ) from None


def write_baseline(path: Path, subjects: Mapping[str, int]) -> None:
    """Writes the subjects found, with their counts, sorted, so that reviews show what changed.

    Args:
        path: The file.
        subjects: How often each was found.
    """
    data = {"version": 1, "known": dict(sorted(subjects.items()))}
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
