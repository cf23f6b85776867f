"""The objects that obskit.yml asks of Elasticsearch: component templates, index templates, ILM policies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from obskit.engine.resource import Address, Resource, digest
from obskit.errors import ConfigError, Problem
from obskit.schema import Schema
from obskit.schema.export import elasticsearch as export
from obskit.schema.streams import DATASET_PREFIX, quarantine_stream
from obskit.targets.elasticsearch.capabilities import Capabilities
from obskit.targets.elasticsearch.settings import ElasticsearchSettings

__all__ = ["Names", "es_time", "read_file", "resources"]

TARGET: Final = "elasticsearch"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of what is ours in one namespace.

    Args:
        namespace: Namespace of the data streams.
    """

    namespace: str

    @property
    def logs(self) -> str:
        """Name of the templates and the policy of the services' streams."""
        return f"obskit-logs-{self.namespace}"

    @property
    def quarantine(self) -> str:
        """Name of the templates and the policy of the quarantine."""
        return f"obskit-quarantine-{self.namespace}"

    @property
    def pattern(self) -> str:
        """What all streams of the namespace match, the quarantine among them."""
        return f"logs-{DATASET_PREFIX}*-{self.namespace}"

    @property
    def quarantine_stream(self) -> str:
        """The stream of what breaks the schema."""
        return quarantine_stream(self.namespace)


def es_time(length: timedelta) -> str:
    """A duration as Elasticsearch writes it, in the largest unit that is exact: ``30d``, ``36h``.

    Args:
        length: The duration.
    """
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def resources(
    settings: ElasticsearchSettings,
    schema: Schema,
    names: Names,
    able: Capabilities,
    folder: Path,
) -> Iterator[Resource]:
    """Everything that should be on the server.

    Args:
        settings: The section of obskit.yml.
        schema: The log schema.
        names: Names of what is ours.
        able: What the server can do.
        folder: Where relative paths start.

    Raises:
        ConfigError: A template file of the user's cannot be read.
    """
    events = export.mapping(schema, subobjects=not able.nested_events)
    kept = settings.retention
    kept_quarantine = settings.quarantine_retention or kept
    yield from _streams(
        names.logs, names.pattern, settings.priority, events, export.settings(schema), kept, settings, able
    )  # fmt: skip
    # One more than the services' template, whose pattern matches the quarantine, too.
    yield from _streams(
        names.quarantine, names.quarantine_stream, settings.priority + 1, export.quarantine_mapping(), {},
        kept_quarantine, settings, able,
    )  # fmt: skip
    own = {_component(name) for name in settings.component_templates}
    for name, path in settings.component_templates.items():
        yield Resource(address=_component(name), body=read_file(folder / path))
    for name, path in settings.index_templates.items():
        body = read_file(folder / path)
        parts = {_component(str(part)) for part in body.get("composed_of") or ()}
        yield Resource(
            address=Address(TARGET, "index_template", name), body=body, needs=frozenset(parts & own)
        )


def _component(name: str) -> Address:
    return Address(TARGET, "component_template", name)


def _streams(  # noqa: PLR0917
    name: str,
    pattern: str,
    priority: int,
    mapping: Mapping[str, Any],
    index: Mapping[str, Any],
    retention: timedelta,
    settings: ElasticsearchSettings,
    able: Capabilities,
) -> Iterator[Resource]:
    needs = {_component(name)}
    more: dict[str, Any] = {}
    if settings.shards is not None:
        more["index.number_of_shards"] = settings.shards
    if settings.replicas is not None:
        more["index.number_of_replicas"] = settings.replicas
    if able.ilm and not able.lifecycle:
        policy = Address(TARGET, "ilm_policy", name)
        yield Resource(address=policy, body=_policy(retention))
        more["index.lifecycle.name"] = name
        needs.add(policy)
    template: dict[str, Any] = {
        "settings": {**index, **more, **settings.settings},
        "mappings": dict(mapping),
    }
    # The stamp reaches every index that is made by the template: it tells which need a rollover.
    stamp = {"obskit": {"template": digest(template)[:16]}}
    template["mappings"]["_meta"] = {**mapping.get("_meta", {}), **stamp}
    yield Resource(address=_component(name), body={"template": template})
    whole: dict[str, Any] = {
        "index_patterns": [pattern],
        "composed_of": [name],
        "priority": priority,
        "data_stream": {},
    }
    if able.lifecycle:
        whole["template"] = {"lifecycle": {"data_retention": es_time(retention)}}
    yield Resource(
        address=Address(TARGET, "index_template", name), body=whole, needs=frozenset(needs)
    )


def _policy(retention: timedelta) -> dict[str, Any]:
    # Retention counts from the rollover, so an index may not span much of it.
    age = _DAY if retention >= 7 * _DAY else max(retention / 7, timedelta(hours=1))
    rollover = {"max_age": es_time(age), "max_primary_shard_size": "50gb"}
    return {
        "phases": {
            "hot": {"actions": {"rollover": rollover}},
            "delete": {"min_age": es_time(retention), "actions": {"delete": {}}},
        }
    }


def read_file(path: Path) -> dict[str, Any]:
    """A template from a JSON or YAML file.

    Args:
        path: The file.

    Raises:
        ConfigError: It is not there, or is no object of JSON or YAML.
    """
    problem = ""
    data: Any = None
    line = column = None
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8: {error.reason} at byte {error.start}"
    except json.JSONDecodeError as error:
        problem, line, column = f"is no JSON: {error.msg}", error.lineno, error.colno
    except yaml.YAMLError as error:
        problem = f"is no YAML: {error}"
    if not problem and not isinstance(data, dict):
        problem = "is no template: an object with keys such as index_patterns and template"
    if problem:
        raise ConfigError(
            [
                Problem(
                    rule="elasticsearch/template", message=problem, path=str(path), line=line,
                    column=column,
                )
            ]
        )  # fmt: skip
    return dict(data)
