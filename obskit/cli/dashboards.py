"""``obskit dashboards``: the dashboards of grafana.com in the lock file."""

from __future__ import annotations

import re
from pathlib import Path

import click

from obskit.cli.options import json_option, stack_options
from obskit.cli.output import console, show_json, working
from obskit.errors import UnreachableError

__all__ = ["command"]


@click.group("dashboards")
def command() -> None:
    """Fetch dashboards of grafana.com, so that everything else works without the network."""


@command.command("pull")
@click.argument("wanted", nargs=-1, metavar="[ID[@REVISION]]...")
@click.option(
    "--from", "address", default="https://grafana.com", show_default=True, metavar="URL",
    help="Where to fetch from.",
)  # fmt: skip
@click.option(
    "--accept-change", is_flag=True,
    help="Take another text for a revision that is locked already.",
)  # fmt: skip
@stack_options
@json_option
def pull(
    wanted: tuple[str, ...],
    address: str,
    file: Path,
    environment: str,
    only: tuple[str, ...],
    *,
    accept_change: bool,
    as_json: bool,
) -> int:
    """Fetch dashboards by number into obskit.lock; without a number, all that obskit.yml names."""
    from obskit.config import load
    from obskit.deadline import Deadline
    from obskit.delivery.http import Http
    from obskit.targets import sections
    from obskit.targets.grafana.lock import Lock
    from obskit.targets.grafana.lock import pull as fetch
    from obskit.targets.grafana.settings import DashboardId, GrafanaSettings

    del only
    settings = load(file, sections(), environment=environment)
    section = settings.targets.get("grafana")
    if not isinstance(section, GrafanaSettings):
        raise click.UsageError(f"{file} has no section grafana")
    numbers = [_number(text) for text in wanted]
    if not numbers:
        named = [item for item in section.dashboards or () if isinstance(item, DashboardId)]
        numbers = [(item.id, item.revision) for item in named]
    if not numbers:
        raise click.UsageError("name a dashboard: obskit dashboards pull 1860@37")
    lock = Lock(settings.folder / section.lock)
    http = Http(address)
    told = []
    for number, revision in numbers:
        with working(f"fetching dashboard {number}", quiet=as_json):
            try:
                entry, text = fetch(http, number, revision, Deadline.after(60))
            except UnreachableError as error:
                raise UnreachableError(
                    error.message, where=error.where,
                    hint="only this command needs the network: name a mirror with --from, or download the "
                    "dashboard's JSON elsewhere and write {file: …} in obskit.yml",
                ) from None  # fmt: skip
        before = lock.entries.get(number)
        lock.keep(entry, text, accept_change=accept_change)
        told.append(
            {
                "id": number, "revision": entry.revision, "sha256": entry.sha256, "title": entry.title,
                "before": before.revision if before else None,
            }
        )  # fmt: skip
        if not as_json:
            was = (
                f" (was {before.revision})" if before and before.revision != entry.revision else ""
            )
            console().print(f"{number} revision {entry.revision}{was}: {entry.title}, in {lock.path.name}")  # fmt: skip
    if as_json:
        show_json({"dashboards": told, "lock": str(lock.path)})
    return 0


def _number(text: str) -> tuple[int, int | None]:
    """``1860`` or ``1860@37``.

    Raises:
        click.UsageError: It is neither.
    """
    found = re.fullmatch(r"(\d+)(?:@(\d+))?", text)
    if found is None:
        raise click.UsageError(f"{text!r} is no dashboard: write its number, such as 1860@37")
    return int(found[1]), int(found[2]) if found[2] else None
