"""A link that leads nowhere: no address, this machine only, or a dashboard that is not here.

Whether a dashboard is here is known only where several are checked together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, items, mapping, text_of
from obskit.lint.dashboards.positions import Path

__all__ = ["ID", "SEVERITY", "check"]

ID = "dashboard/unreachable-link"
SEVERITY = Severity.WARNING
LOCAL = re.compile(r"https?://(localhost|127\.|0\.0\.0\.0)")
BOARD = re.compile(r"^/?d/([A-Za-z0-9_-]+)")


def check(dashboard: Dashboard) -> Iterator[Problem]:
    """Find links that lead nowhere.

    Args:
        dashboard: The dashboard.

    Yields:
        One finding for each.
    """
    for path, link in _links(dashboard):
        url = text_of(link.get("url"))
        if not url.strip():
            if link.get("type", "link") == "link":
                yield dashboard.problem(
                    ID, f"the link {_name(link)} has no address", path, SEVERITY
                )
            continue
        if LOCAL.match(url):
            message = f"the link {_name(link)} leads to the reader's own machine: {url}"
            yield dashboard.problem(ID, message, (*path, "url"), SEVERITY)
        found = BOARD.search(url)
        if (
            found
            and dashboard.known_uids is not None
            and found.group(1) not in dashboard.known_uids
        ):
            message = f"the link {_name(link)} leads to the dashboard {found.group(1)!r}, which is not here"
            yield dashboard.problem(ID, message, (*path, "url"), SEVERITY)


def _name(link: Mapping[str, Any]) -> str:
    return repr(text_of(link.get("title")) or "without a title")


def _links(dashboard: Dashboard) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield from _listed(dashboard.body.get("links"), (*dashboard.root, "links"))
    for panel in dashboard.panels:
        yield from _listed(panel.body.get("links"), (*panel.path, "links"))
        config = mapping(panel.body.get("fieldConfig"))
        here = (*panel.path, "fieldConfig")
        defaults = mapping(config.get("defaults"))
        yield from _listed(defaults.get("links"), (*here, "defaults", "links"))
        for number, override in enumerate(items(config.get("overrides"))):
            for index, setting in enumerate(items(mapping(override).get("properties"))):
                if mapping(setting).get("id") == "links":
                    place = (*here, "overrides", number, "properties", index, "value")
                    yield from _listed(setting.get("value"), place)


def _listed(links: Any, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for number, link in enumerate(items(links)):
        yield (*path, number), mapping(link)
