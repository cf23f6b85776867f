"""The shipped content (dashboards, rules, pipelines, compose files): the one place that finds it.

In a checkout it stands at the top of the repository; in the wheel, below ``obskit/content``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from obskit.errors import ObskitError

__all__ = ["path", "root"]

_PACKAGE = Path(__file__).resolve().parent


@cache
def root() -> Path:
    """The folder that holds ``dashboards/ logstash/ filebeat/ prometheus/ alertmanager/ compose/``.

    Raises:
        ObskitError: The installation carries no content.
    """
    for candidate in (_PACKAGE / "content", _PACKAGE.parent):
        if (candidate / "dashboards").is_dir() and (candidate / "prometheus").is_dir():
            return candidate
    raise ObskitError(
        "the installed package carries no dashboards, rules or pipelines",
        where=str(_PACKAGE),
        hint="reinstall obskit: pip install --force-reinstall obskit",
    )


def path(name: str) -> Path:
    """The path of a shipped file or folder.

    Args:
        name: Path below the content's root, such as ``prometheus/rules/node.yml``.

    Raises:
        ObskitError: There is no such content, or the name leads out of it.
    """
    base = root()
    found = (base / name).resolve()
    if not found.is_relative_to(base):
        raise ObskitError(f"{name!r} leads out of the shipped content", where=str(base))
    if not found.exists():
        raise ObskitError(f"no shipped content is named {name!r}", where=str(base))
    return found
