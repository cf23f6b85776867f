"""The texts that Logstash reads: its pipelines, and pipelines.yml where it is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from obskit import assets
from obskit.config import Settings
from obskit.errors import ConfigError, Problem
from obskit.schema import Schema
from obskit.schema.export.logstash import FilterSettings, export
from obskit.targets.logstash.literal import literal, literals
from obskit.targets.logstash.settings import LogstashSettings
from obskit.targets.shipped import render

__all__ = ["DEAD_LETTERS", "MAIN", "pipeline_files", "pipeline_ids", "pipelines_file"]

#: Name of the main pipeline's file.
MAIN: Final = "obskit.conf"
#: Name of the file of the pipeline that empties the dead letter queue.
DEAD_LETTERS: Final = "obskit-dead-letters.conf"


def pipeline_files(
    settings: Settings, own: LogstashSettings, schema: Schema, elasticsearch: str
) -> dict[str, str]:
    """The pipelines by the names of their files.

    Args:
        settings: All of obskit.yml.
        own: The section ``logstash``.
        schema: The log schema.
        elasticsearch: Address of Elasticsearch as Logstash reaches it.

    Raises:
        ConfigError: No Elasticsearch is configured, or a pattern of the schema cannot be told to Logstash.
    """
    if not elasticsearch:
        message = "logstash: it ships to Elasticsearch, but none is configured"
        raise ConfigError(
            [Problem(rule="config/logstash", message=message, path=str(settings.path))],
            hint="add the section elasticsearch, or logstash.elasticsearch_url",
        )
    common = {
        "namespace": settings.namespace,
        "hosts": literal([elasticsearch]),
        "access": literals(own.output),
    }
    filter_text = export(
        schema,
        FilterSettings(namespace=settings.namespace, environment=settings.environment),
        formats=_formats(),
    )
    files = {
        MAIN: render(
            "logstash/pipeline.conf.j2",
            schema=schema.name,
            listen=literal(own.listen),
            beats_port=own.beats_port,
            tcp_port=own.tcp_port,
            tls=literals(_tls(own.tls)),
            filter=filter_text,
            **common,
        )
    }
    if own.dead_letter_queue:
        files[DEAD_LETTERS] = render(
            "logstash/dead-letters.conf.j2",
            queue=literal(own.dead_letter_queue),
            pipeline=own.pipeline,
            **common,
        )
    return files


def _tls(options: Mapping[str, Any]) -> dict[str, Any]:
    """TLS as it is meant: a certificate alone is not used, and tcp asks clients for theirs by default."""
    if not options:
        return {}
    made = dict(options)
    if not made.keys() & {"ssl_enabled", "ssl", "ssl_enable"}:
        made["ssl_enabled"] = True
    if not made.keys() & {"ssl_client_authentication", "ssl_verify", "ssl_verify_mode"}:
        asked = "required" if made.get("ssl_certificate_authorities") else "none"
        made["ssl_client_authentication"] = asked
    return made


def _formats() -> dict[str, str]:
    folder = assets.path("logstash/formats")
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.rb"))}


def pipeline_ids(own: LogstashSettings) -> dict[str, str]:
    """The id of each pipeline by the name of its file.

    Args:
        own: The section ``logstash``.
    """
    ids = {MAIN: own.pipeline}
    if own.dead_letter_queue:
        ids[DEAD_LETTERS] = f"{own.pipeline}-dead-letters"
    return ids


def pipelines_file(settings: Settings, own: LogstashSettings) -> str:
    """The entries of pipelines.yml.

    Args:
        settings: All of obskit.yml.
        own: The section ``logstash``.
    """
    # Logstash refuses a relative path.config.
    folder = (own.path or str((settings.folder / own.files).resolve())).rstrip("/")
    return render(
        "logstash/pipelines.yml.j2",
        pipeline=own.pipeline,
        main=f"{folder}/{MAIN}",
        dead_letters=f"{folder}/{DEAD_LETTERS}" if own.dead_letter_queue else "",
    )
