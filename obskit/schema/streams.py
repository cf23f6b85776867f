"""Names of the data streams: the one rule that leads from a service to where its events are stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from obskit.errors import ConfigError, Problem

__all__ = [
    "DATASET_PREFIX",
    "QUARANTINE",
    "collisions",
    "dataset_name",
    "namespace_name",
    "quarantine_stream",
    "stream_name",
]

#: Every dataset of obskit starts so; the index template's pattern is ``logs-obskit.*``.
DATASET_PREFIX: Final = "obskit."

#: The dataset that holds what breaks the schema; no service may be named so.
QUARANTINE: Final = "invalid"

# Elasticsearch allows 100 bytes for the dataset and 100 for the namespace of a data stream.
# https://www.elastic.co/docs/reference/ecs/ecs-data_stream
_LIMIT: Final = 100
_NAMESPACE: Final = re.compile(r"[a-z0-9_]{1,100}")

#: Characters of a service's name that remain in its dataset.
SERVICE_LENGTH: Final = _LIMIT - len(DATASET_PREFIX)


def dataset_name(service: str) -> str:
    """The dataset of a service: lower case, every other character ``_``; ``user-service`` → ``user_service``.

    The name is cut at Elasticsearch's limit, and a service that is named as the quarantine gets a
    ``_`` behind it. Two services can share a dataset: see `collisions`.

    Args:
        service: Name of the service, as its events carry it.
    """
    name = re.sub(r"[^a-z0-9_]", "_", service.lower())
    return (f"{name}_" if name == QUARANTINE else name)[:SERVICE_LENGTH]


def stream_name(service: str, namespace: str) -> str:
    """The data stream that a service's events go to: ``logs-obskit.<dataset>-<namespace>``.

    Args:
        service: Name of the service.
        namespace: Namespace of the project, as `namespace_name` allows it.
    """
    return f"logs-{DATASET_PREFIX}{dataset_name(service)}-{namespace}"


def quarantine_stream(namespace: str) -> str:
    """The data stream of the events that break the schema.

    Args:
        namespace: Namespace of the project.
    """
    return f"logs-{DATASET_PREFIX}{QUARANTINE}-{namespace}"


def namespace_name(namespace: str) -> str:
    """The namespace itself, when a data stream may have it.

    Args:
        namespace: Namespace of the project.

    Raises:
        ConfigError: It is empty, too long, or has characters that a data stream refuses.
    """
    if _NAMESPACE.fullmatch(namespace):
        return namespace
    problem = Problem(
        rule="config/namespace",
        message=f"{namespace!r} is no namespace of a data stream: use 1 to 100 of a-z 0-9 _",
    )
    raise ConfigError([problem])


def collisions(services: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The datasets that more than one service would write to, or that are reserved, with their services.

    Args:
        services: Names of the services of the project.
    """
    found: dict[str, list[str]] = {}
    for service in sorted(set(services)):
        found.setdefault(dataset_name(service), []).append(service)
    reserved = re.compile(rf"{QUARANTINE}_?")
    return {
        dataset: tuple(names)
        for dataset, names in found.items()
        if len(names) > 1 or reserved.fullmatch(dataset)
    }
