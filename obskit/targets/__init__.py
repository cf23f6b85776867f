"""The targets: one module a kind of server, one line here each."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

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
    context = Context(settings=settings, schema=schema)
    for name in settings.targets:
        context.peers[name] = target_class(name)(context)
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
    return {name: context.peers[name] for name in context.peers if not only or name in set(only)}
