"""``obskit relay``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from obskit.cli.options import json_option, serving
from obskit.cli.output import console, show_json
from obskit.config import Secret, load
from obskit.errors import ConfigError, LocalError, Problem
from obskit.targets import sections

if TYPE_CHECKING:
    from obskit.relay import Queue, Robot, Target

__all__ = ["command"]


@click.command("relay")
@click.option(
    "-f", "--file", "files", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    default=(Path("obskit.yml"),), show_default="obskit.yml",
    help="The configuration that names the receivers; repeat it for more projects.",
)  # fmt: skip
@click.option(
    "-e", "--environment", default="", metavar="NAME",
    help="Environment: obskit.NAME.yml over obskit.yml, .env.NAME for references.",
)  # fmt: skip
@click.option(
    "--listen", default="127.0.0.1:9465", show_default=True, metavar="HOST:PORT",
    help="Where Alertmanager posts; alertmanager.relay names it.",
)  # fmt: skip
@click.option(
    "--queue", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The queue; below the user's state folder where not given.",
)  # fmt: skip
@click.option("--dead", is_flag=True, help="List what could not be told, and end.")
@click.option("--retry-dead", is_flag=True, help="Queue what could not be told again, and end.")  # fmt: skip
@json_option
def command(
    *,
    files: tuple[Path, ...],
    environment: str,
    listen: str,
    queue: Path | None,
    dead: bool,
    retry_dead: bool,
    as_json: bool,
) -> None:
    """Tell DingTalk, Feishu, WeCom and Teams what Alertmanager says.

    Takes Alertmanager's webhook at /v1/PROJECT/RECEIVER/KIND, keeps it on disk, and sends it signed, within
    the platform's limits, until it arrived. Runs until it is stopped.
    """
    from obskit.relay import Queue

    path = queue or _default_queue()
    if dead or retry_dead:
        if not path.exists():
            raise click.BadParameter(f"there is no queue at {path}", param_hint="--queue")
        kept = Queue(path, shared=dead and not retry_dead)
        try:
            _show_dead(kept, as_json=as_json) if dead else None
            if retry_dead:
                count = kept.revive()
                console(err=True).print(f"{count} notifications wait again")
        finally:
            kept.close()
        return
    _serve(files, environment, listen, path)


def _serve(files: tuple[Path, ...], environment: str, listen: str, path: Path) -> None:
    import uvicorn

    from obskit.logging import configure
    from obskit.relay import Queue, Relay, application

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter("is no HOST:PORT", param_hint="--listen")
    robots, tokens = _robots(files, environment)
    configure(service="obskit-relay", stream="stderr", console=False)
    logging.getLogger("uvicorn.access").disabled = True  # probes and scrapes; refusals are logged
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(
            f"its folder cannot be made: {error.strerror}",
            where=str(path), hint="name another file with --queue",
        ) from None  # fmt: skip
    relay = Relay(robots, Queue(path))
    err = console(err=True)
    for target in relay.targets:
        err.print(f"http://{escape(listen)}/v1/{escape(str(target))}")
    with serving(listen):
        uvicorn.run(
            application(relay, tokens), host=host.strip("[]"), port=int(port), log_config=None,
            access_log=False, timeout_graceful_shutdown=5, server_header=False,
        )  # fmt: skip


def _robots(
    files: tuple[Path, ...], environment: str
) -> tuple[dict[Target, Robot], dict[str, Secret]]:
    from obskit.relay.robots import create, problems

    robots: dict[Target, Robot] = {}
    tokens: dict[str, Secret] = {}
    wrong: list[Problem] = []
    for file in files:
        settings = load(file, sections(), environment=environment)
        own: Any = settings.targets.get("alertmanager")
        found = create(settings.project, own.receivers) if own is not None else {}
        if not found:
            wrong.append(
                Problem(
                    rule="relay/nobody", path=str(file),
                    message="names no receiver that the relay could tell: dingtalk, feishu, wecom, msteams "
                    "below alertmanager.receivers",
                )
            )  # fmt: skip
        wrong += problems(found, str(file))
        for target in found.keys() & robots.keys():
            wrong.append(
                Problem(
                    rule="relay/twice", path=str(file), message=f"{target} stands in another file too"
                )
            )  # fmt: skip
        robots |= found
        if own is not None and own.relay_token is not None:
            tokens[settings.project] = own.relay_token
    if wrong:
        raise ConfigError(wrong)
    return robots, tokens


def _default_queue() -> Path:
    from platformdirs import user_state_path

    return user_state_path("obskit") / "relay.sqlite"


def _show_dead(queue: Queue, *, as_json: bool) -> None:
    from obskit.relay.message import Notification
    from obskit.relay.words import Words

    rows = []
    for entry in queue.dead():
        try:
            title = Words.of(Notification.read(entry.body)).title
        except ValueError:
            title = "(unreadable)"
        received = datetime.fromtimestamp(entry.received_at, UTC).isoformat(timespec="seconds")
        rows.append(
            {
                "id": entry.id, "target": str(entry.target), "received": received,
                "attempts": entry.attempts, "title": title, "reason": entry.reason,
            }
        )  # fmt: skip
    if as_json:
        show_json(rows)
        return
    for row in rows:
        click.echo(
            f"{row['received']}  {row['target']}  {row['title']}: {row['reason']} ({row['attempts']} attempts)"
        )
    console(err=True).print(f"{len(rows)} notifications could not be told")
