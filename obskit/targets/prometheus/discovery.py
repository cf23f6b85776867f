"""Which way a Prometheus learns of the services: scrape config files, or targets for file-based discovery.

A scrape config file (Prometheus 2.43) is checked as a whole at the reload, so that a mistake is refused; a
broken file of targets is accepted without a word and scrapes nothing. The former is the better way wherever
the server has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import yaml

from obskit.delivery.files import Folder
from obskit.targets.base import Finding

if TYPE_CHECKING:
    from obskit.targets.prometheus.client import PrometheusApi

__all__ = ["KINDS", "Discovery", "matches"]

#: Kind of the resource to the key of prometheus.yml that reads its folder.
KINDS: Final[Mapping[str, str]] = {"scrape": "scrape_config_files", "targets": "file_sd_configs"}
#: Since when a server has the former, for where it cannot be seen: no API lists what its file may hold.
_SINCE: Final = (2, 43)


class Discovery:
    """What the server's own configuration says of the folders, asked once and only when it is needed.

    Args:
        api: The server.
        folders: Where obskit delivers to: ``scrape`` and ``targets``.
        owned: Whether all of prometheus.yml is obskit's to write.
    """

    def __init__(self, api: PrometheusApi, folders: Mapping[str, Folder], *, owned: bool) -> None:
        self._api, self._folders, self._owned = api, folders, owned

    @cached_property
    def running(self) -> Mapping[str, Any]:
        """The configuration that runs."""
        return yaml.safe_load(self._api.data("/status/config", "yaml")) or {}

    def patterns(self, kind: str) -> Sequence[str]:
        """The files of a kind that the server reads."""
        if kind == "scrape":
            return [str(item) for item in self.running.get("scrape_config_files") or ()]
        return [
            str(pattern)
            for job in self.running.get("scrape_configs") or ()
            for discovery in job.get("file_sd_configs") or ()
            for pattern in discovery.get("files") or ()
        ]

    def is_read(self, kind: str) -> bool:
        """Whether the server reads the folder of a kind."""
        path = str(self._folders[kind].root / "x.yml")
        return any(matches(path, pattern) for pattern in self.patterns(kind))

    @cached_property
    def kind(self) -> str:
        """The way to deliver by: what the server is seen to read, else the best that it can."""
        if self.is_read("scrape"):
            return "scrape"
        if self.is_read("targets") and not self._owned:
            return "targets"
        build = str(self._api.data("/status/buildinfo").get("version", ""))
        found = re.match(r"(\d+)\.(\d+)", build)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        return "scrape" if self.patterns("scrape") or version >= _SINCE else "targets"

    def finding(self) -> Finding:
        """Whether the folder that services are delivered to is read; else the lines that are missing."""
        kind = self.kind
        read = self.is_read(kind)
        patterns = list(self.patterns(kind))
        lines = {
            "scrape": f"scrape_config_files:\n  - {self._folders['scrape'].root}/*.yml",
            "targets": "scrape_configs:\n  - job_name: obskit\n    file_sd_configs:\n"
                       f"      - files: [{self._folders['targets'].root}/*.yml]",
        }  # fmt: skip
        return Finding(
            subject=KINDS[kind], ok=read,
            detail=f"the {kind} folder is read" if read
                   else f"prometheus.yml reads {patterns or 'no files'} by {KINDS[kind]}",
            next=f"add to prometheus.yml:\n{lines[kind]}",
        )  # fmt: skip


def matches(path: str, pattern: str) -> bool:
    """Whether a file would be read; a server in a container sees its folder under another name.

    Args:
        path: The file as obskit sees it.
        pattern: A glob of prometheus.yml.
    """
    own, theirs = PurePath(path), PurePath(pattern)
    return own.match(pattern) or (own.parent.name == theirs.parent.name and own.match(theirs.name))
