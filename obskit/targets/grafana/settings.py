"""The section ``grafana`` of obskit.yml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from obskit.config import Auth, Secret, Section, Url

__all__ = ["BUNDLED", "DashboardFile", "DashboardId", "GrafanaSettings"]

#: The dashboards that are provisioned where obskit.yml names none.
BUNDLED = ("node", "logs", "services")


class DashboardFile(Section):
    """A dashboard of the user's own.

    Args:
        file: Its JSON: exported for sharing or not, or an answer of Grafana's API.
    """

    file: Path


class DashboardId(Section):
    """A dashboard of grafana.com, taken from the lock file.

    Args:
        id: Its number.
        revision: Its revision; the one in the lock file where it is left out.
    """

    id: Annotated[int, Field(gt=0)]
    revision: Annotated[int, Field(gt=0)] | None = None


def _kind(value: Any) -> str:
    """Which of the three is meant, so that only its own faults are told."""
    if isinstance(value, Mapping):
        return "by number" if "id" in value else "by file"
    if isinstance(value, DashboardFile | DashboardId):
        return "by number" if isinstance(value, DashboardId) else "by file"
    return "by name"


Choice = Annotated[
    Annotated[str, Tag("by name")]
    | Annotated[DashboardFile, Tag("by file")]
    | Annotated[DashboardId, Tag("by number")],
    Discriminator(_kind),
]


class GrafanaSettings(Section):
    """Which Grafana, and what it shows.

    Args:
        url: Address of Grafana. Without ``provisioning`` it is written to through its API.
        auth: How to sign in: a service account's token, or name and password.
        provisioning: Grafana's provisioning folder, with ``datasources/`` and ``dashboards/``: files
            are delivered there instead, and Grafana need not run.
        dashboards_dir: Where the dashboards' files go; ``dashboards/obskit-PROJECT`` below
            ``provisioning`` when left out.
        dashboards_path: The same folder as Grafana sees it (in its container).
        addresses: Address of a server as Grafana reaches it (in its container), by the name of its section, such
            as ``prometheus: http://prometheus:9090``; the section's own ``url`` where left out.
        folder: Title of the folder; the project's name when left out.
        folder_uid: Uid of the folder; ``obskit-PROJECT`` when left out.
        uid_prefix: Begins the uids of our data sources and bundled dashboards; a second project in
            the same Grafana takes another.
        dashboards: Bundled ones by name, files, numbers of grafana.com; the usual ones when left out.
        inputs: Uid of the data source, or the value, for an ``__inputs`` entry of a dashboard by name;
            where left out, our data source of the same type.
        edited: Folder of the dashboards whose edits ``obskit adopt`` kept: ``node.json`` there is taken
            instead of the bundled ``node``, ``1860.json`` instead of number 1860.
        lock: The lock file of the dashboards of grafana.com.
        fingerprint_key: Key of the fingerprints that tell whether a data source's secret changed.
    """

    url: Url | None = None
    auth: Auth = Auth()
    provisioning: Path | None = None
    dashboards_dir: Path | None = None
    dashboards_path: str = ""
    addresses: Mapping[str, Url] = Field(default_factory=dict)
    folder: Annotated[str, Field(max_length=189)] = ""
    folder_uid: Annotated[str, Field(max_length=40)] = ""
    uid_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,20}$")] = "obskit"
    dashboards: tuple[Choice, ...] | None = None
    inputs: Mapping[str, str] = Field(default_factory=dict)
    edited: Path = Path("grafana-edited")
    lock: Path = Path("obskit.lock")
    fingerprint_key: Secret | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> GrafanaSettings:
        if self.url is None and self.provisioning is None:
            raise ValueError("needs url (its API), or provisioning (a folder for its files)")
        return self
