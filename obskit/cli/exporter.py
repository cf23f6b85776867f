"""``obskit exporter``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from obskit.cli.options import json_option, open_stack, serving, stack_options
from obskit.cli.output import console, show_json
from obskit.errors import ConfigError, Problem

if TYPE_CHECKING:
    from obskit.exporter import Source

__all__ = ["command"]


@click.command("exporter")
@stack_options
@click.option(
    "--listen", default="127.0.0.1:9466", show_default=True, metavar="HOST:PORT",
    help="Where Prometheus finds /metrics.",
)  # fmt: skip
@click.option(
    "--logstash", multiple=True, metavar="URL", help="One more Logstash; may be repeated."
)
@click.option(
    "--filebeat", multiple=True, metavar="URL", help="One more Filebeat; may be repeated."
)
@json_option
def command(
    *,
    file: Path,
    environment: str,
    only: tuple[str, ...],
    listen: str,
    logstash: tuple[str, ...],
    filebeat: tuple[str, ...],
    as_json: bool,
) -> None:
    """Expose what has no exporter: counts of logs, and the state of Logstash and Filebeat.

    The rule packs logs, logstash and filebeat need its metrics. Runs until it is stopped.
    """
    import uvicorn

    from obskit.exporter import application

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter("is no HOST:PORT", param_hint="--listen")
    sources = [
        *_of_stack(file, environment, only),
        *_by_address(logstash, filebeat),
    ]
    if not sources:
        raise ConfigError(
            [
                Problem(
                    rule="config/nothing-to-export",
                    path=str(file),
                    message="names no elasticsearch, no logstash and no filebeat with a url",
                )
            ],
            hint="add one of these sections, or give --logstash or --filebeat",
        )
    if as_json:
        asked = [{"name": source.name, "target": source.target} for source in sources]
        show_json({"metrics": f"http://{listen}/metrics", "asked": asked})
    else:
        err = console(err=True)
        for source in sources:
            err.print(f"asking {source.name} at {escape(source.target)}")
        err.print(f"metrics at http://{escape(listen)}/metrics")
    with serving(listen):
        uvicorn.run(
            application(sources), host=host.strip("[]"), port=int(port), log_level="warning",
            access_log=False,
        )  # fmt: skip


def _of_stack(file: Path, environment: str, only: tuple[str, ...]) -> list[Source]:
    from obskit.delivery.http import Http
    from obskit.exporter import FilebeatStats, LogCounts, LogstashStats
    from obskit.targets.elasticsearch import Elasticsearch
    from obskit.targets.filebeat import Filebeat
    from obskit.targets.logstash import Logstash

    stack = open_stack(file, environment, only)
    folder = stack.settings.folder
    found: list[Source] = []
    for target in stack.targets.values():  # replicas, too
        if isinstance(target, Elasticsearch):
            auth = target.settings.auth
            http = Http(target.settings.url, auth=auth, scheme="ApiKey", folder=folder)
            found.append(LogCounts(http, namespace=stack.settings.namespace))
        elif isinstance(target, Logstash):
            http = Http(target.settings.url, auth=target.settings.auth, folder=folder)
            found.append(LogstashStats(http))
        elif isinstance(target, Filebeat) and target.settings.url:
            found.append(FilebeatStats(Http(target.settings.url, folder=folder)))
    return found


def _by_address(logstash: tuple[str, ...], filebeat: tuple[str, ...]) -> list[Source]:
    from obskit.delivery.http import Http
    from obskit.exporter import FilebeatStats, LogstashStats

    return [
        *(LogstashStats(Http(url)) for url in logstash),
        *(FilebeatStats(Http(url)) for url in filebeat),
    ]
