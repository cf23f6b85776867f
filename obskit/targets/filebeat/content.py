"""The texts that Filebeat reads: an input file for each service, and filebeat.yml where it is ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from obskit import assets
from obskit.config import Settings
from obskit.errors import ConfigError, Problem
from obskit.schema import LIMITS, Schema
from obskit.schema.export.filebeat import ScriptSettings, export
from obskit.schema.streams import quarantine_stream
from obskit.targets.filebeat.settings import FilebeatSettings, Source
from obskit.targets.shipped import render

__all__ = [
    "input_count",
    "input_files",
    "main_file",
    "sources",
]

# A stack trace of many lines is one event; a line of JSON is bounded by the schema.
_EVENT_BYTES: Final = {"json": LIMITS.LINE_BYTES + 1}
_TEXT_BYTES: Final = 1_048_576
# Formats whose lines carry their time, so that the first bytes of two files differ.
_TIMED: Final = frozenset({"json", "nginx"})


def sources(settings: Settings, own: FilebeatSettings) -> list[Source]:
    """Everything that is read: the files of the services, then the sources of the section.

    Args:
        settings: All of obskit.yml.
        own: The section ``filebeat``.
    """
    files = [
        Source(service=item.name, paths=tuple(_absolute(settings, item.logs)))
        for item in settings.services
        if item.logs
    ]
    return files + [
        source.model_copy(update={"paths": tuple(_absolute(settings, source.paths))})
        for source in own.sources
    ]


def _absolute(settings: Settings, paths: Iterable[str]) -> Iterator[str]:
    # Filebeat takes a relative path from its own working folder, which nobody knows.
    return (str(settings.folder / path) for path in paths)


def input_files(settings: Settings, own: FilebeatSettings, schema: Schema) -> dict[str, str]:
    """The input files by name: one for each service, with an input for each of its sources.

    Args:
        settings: All of obskit.yml.
        own: The section ``filebeat``.
        schema: The log schema.

    Raises:
        ConfigError: A pattern of the schema cannot be told to Filebeat.
    """
    versions = {item.name: item.version for item in settings.services}
    files: dict[str, list[str]] = {}
    taken: set[str] = set()
    for source in sources(settings, own):
        known = {
            "environment": settings.environment,
            "version": versions.get(source.service, ""),
            "service": source.service,
        }
        script = ""
        if own.shipping == "direct":
            script = export(
                schema,
                ScriptSettings(namespace=settings.namespace, **known),
                reader=_shipped(f"filebeat/formats/{source.format}.js"),
            )
        text = render(
            f"filebeat/inputs/{source.type}.yml.j2",
            id=_input_id(settings, source, taken),
            service=source.service,
            format=source.format,
            paths=list(source.paths),
            matches=[f"_SYSTEMD_UNIT={unit}" for unit in source.units],
            multiline=_shipped(f"filebeat/formats/{source.format}.multiline.yml").rstrip(),
            timed=source.format in _TIMED,
            metadata=own.metadata,
            shipping=own.shipping,
            known={
                key: value for key, value in {**known, "format": source.format}.items() if value
            },
            script=script.rstrip(),
            event_bytes=_EVENT_BYTES.get(source.format, _TEXT_BYTES),
        )
        files.setdefault(f"obskit-{source.service}.yml", []).append(text)
    return {name: "\n".join(texts) for name, texts in files.items()}


def _input_id(settings: Settings, source: Source, taken: set[str]) -> str:
    """An id that stays while the source stays, also when its paths change.

    Filebeat's memory of what it has read hangs on it: another id reads every file again.
    """
    parts = [settings.project, source.service]
    parts += [part for part in (source.type, source.format) if part not in ("filestream", "json")]
    base = found = "-".join(parts)
    number = 2
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    taken.add(found)
    return found


def _shipped(name: str) -> str:
    """A shipped text, empty where the format needs none."""
    path = assets.root() / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def main_file(settings: Settings, own: FilebeatSettings, elasticsearch: str) -> str:
    """All of filebeat.yml.

    Args:
        settings: All of obskit.yml.
        own: The section ``filebeat``.
        elasticsearch: Address of Elasticsearch as Filebeat reaches it.

    Raises:
        ConfigError: It ships to Elasticsearch, and none is configured.
    """
    if own.shipping == "direct" and not elasticsearch:
        message = "filebeat.config: it ships to Elasticsearch, but no elasticsearch is configured"
        raise ConfigError(
            [Problem(rule="config/filebeat", message=message, path=str(settings.path))],
            hint="add the section elasticsearch, or filebeat.elasticsearch_url",
        )
    direct = own.shipping == "direct"
    return render(
        "filebeat/filebeat.yml.j2",
        inputs=str(settings.folder / own.inputs),
        shipping=own.shipping,
        hosts=[elasticsearch] if direct else list(own.logstash_hosts),
        access=dict(own.output),
        quarantine=quarantine_stream(settings.namespace),
        http_port=urlsplit(own.url).port if own.url else None,
    )


def input_count(text: str) -> int:
    """How many inputs a file of ``filebeat.config.inputs`` holds; 0 where it is none.

    Args:
        text: The file.
    """
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return 0
    # One that is not enabled counts too: Filebeat lists it as running (seen on 7.17).
    return sum(isinstance(item, dict) for item in data) if isinstance(data, list) else 0
