"""Grafana's variables in texts: ``$name``, ``${name}``, ``${name:format}``, ``[[name]]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["REFERENCE", "is_builtin", "names"]

#: A reference to a variable. ``$1`` is a group of a regular expression and none.
REFERENCE: Final = re.compile(
    r"\$(?P<plain>[A-Za-z_]\w*)"
    r"|\$\{(?P<braced>[A-Za-z_]\w*)(?P<field>\.[^:}]*)?(?::(?P<format>[^}]*))?\}"
    r"|\[\[(?P<square>[A-Za-z_]\w*)(?P<square_field>\.[^:\]]*)?(?::(?P<square_format>[^\]]*))?\]\]"
)

# https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/#global-variables
# and the names without underscores that only some places know.
_GLOBAL: Final = frozenset({"timeFilter", "interval"})


def names(text: str) -> Iterator[tuple[str, int]]:
    """Find the variables that a text refers to.

    Args:
        text: Any text of a dashboard.

    Yields:
        Name and offset of each reference.
    """
    for match in REFERENCE.finditer(text):
        yield name_of(match), match.start()


def name_of(match: re.Match[str]) -> str:
    """Give the name in a match of :data:`REFERENCE`.

    Args:
        match: The match.
    """
    return match.group("plain") or match.group("braced") or match.group("square")


def is_builtin(name: str) -> bool:
    """Tell whether Grafana itself sets a variable.

    Args:
        name: Name without ``$``.
    """
    return name.startswith("__") or name in _GLOBAL
