"""The targets: one module a kind of server, one line here each."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from obskit.config import Section, Settings
from obskit.errors import ConfigError, Problem
from obskit.schema import Schema
from obskit.targets.base import Context, Target

__all__ = ["REGISTRY", "create", "sections", "target_class"]

#: Key in obskit.yml → module and class. Modules are imported on first use, so that a command loads
#: only the clients it needs.
REGISTRY: Final[dict[str, str]] = {
    "elasticsearch": "obskit.targets.elasticsearch:Elasticsearch",
    "logstash": "obskit.targets.logstash:Logstash",
    "filebeat": "obskit.targets.filebeat:Filebeat",
    "prometheus": "obskit.targets.prometheus:Prometheus",
    "alertmanager": "obskit.targets.alertmanager:Alertmanager",
    "grafana": "obskit.targets.grafana:Grafana",
    "kibana": "obskit.targets.kibana:Kibana",
}


def target_class(name: str) -> type[Target[Any]]:
    """The class of a target, imported on first use."""
    module, _, attribute = REGISTRY[name].partition(":")
    found: type[Target[Any]] = getattr(importlib.import_module(module), attribute)
    return found


class _Sections(Mapping[str, type[Section]]):
    """Settings by key, each imported when it is asked for."""

    def __getitem__(self, name: str) -> type[Section]:
        if name not in REGISTRY:
            raise KeyError(name)
        return target_class(name).Settings

    def __iter__(self) -> Iterator[str]:
        return iter(REGISTRY)

    def __len__(self) -> int:
        return len(REGISTRY)


def sections() -> Mapping[str, type[Section]]:
    """Each target's own settings, by its key in obskit.yml; imported as they are asked for."""
    return _Sections()


def create(
    settings: Settings, schema: Schema, *, only: Iterable[str] = ()
) -> dict[str, Target[Any]]:
    """Make the targets that obskit.yml names; no connection is opened.

    Args:
        settings: All of obskit.yml.
        schema: The log schema.
        only: Names of targets to keep (``--target``); empty for all. The others stay peers.

    Raises:
        ConfigError: A name is not configured.
    """
    settings = settings.model_copy(update={"targets": _with_replicas(settings)})
    context = Context(settings=settings, schema=schema)
    for key in settings.targets:
        made = target_class(key.partition("@")[0])(replace(context, key=key))
        context.peers[key] = made
    unknown = [name for name in only if name not in context.peers]
    if unknown:
        known = ", ".join(context.peers) or "none"
        raise ConfigError(
            [
                Problem(
                    rule="config/target",
                    message=f"--target {name}: is not configured (configured: {known})",
                    path=str(settings.path),
                )
                for name in unknown
            ]
        )
    return {
        key: target
        for key, target in context.peers.items()
        if not only or key in only or key.partition("@")[0] in only
    }


def _with_replicas(settings: Settings) -> dict[str, Section]:
    """Each section, and behind it one for each of its replicas: the first with what differs."""
    found: dict[str, Section] = {}
    problems: list[Problem] = []
    for name, section in settings.targets.items():
        found[name] = section
        same = {
            field.alias or key: getattr(section, key)
            for key, field in type(section).model_fields.items()
            if key != "replicas"
        }
        replicas = getattr(section, "replicas", ())
        if not isinstance(
            replicas, tuple
        ):  # Elasticsearch's are a number: the copies of each shard
            continue
        for number, differing in enumerate(replicas, start=2):
            try:
                found[f"{name}@{number}"] = type(section).model_validate({**same, **differing})
            except ValidationError as error:
                problems += [
                    Problem(
                        rule="config/replica",
                        message=f"{name}.replicas[{number - 2}].{'.'.join(map(str, item['loc']))}: {item['msg']}",
                        path=str(settings.path),
                    )
                    for item in error.errors(include_input=False)
                ]
    if problems:
        raise ConfigError(problems)
    return found
