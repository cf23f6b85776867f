"""What obskit.yml says of Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from obskit.config import Auth, Duration, Section, Url

__all__ = ["ElasticsearchSettings"]


class ElasticsearchSettings(Section):
    """The section ``elasticsearch``.

    Args:
        url: Address of a node, or of what stands before the cluster.
        nodes: Addresses of more nodes, asked where ``url`` gives no connection.
        auth: How to sign in; ``token`` is an API key in its encoded form.
        timeout: Deadline of one request, retries included.
        retention: How long events are kept, counted from the rollover of their index.
        quarantine_retention: The same for what breaks the schema; ``retention`` where absent.
        shards: Primary shards of an index; the server's default where absent.
        replicas: Copies of each shard; the server's default where absent.
        settings: More index settings, by their names (``index.refresh_interval: 5s``).
        priority: Priority of the index template; the highest that matches a stream wins.
        component_templates: The user's own component templates: name to JSON or YAML file.
        index_templates: The user's own index templates: name to JSON or YAML file.
        rejected_window: How far back ``verify`` looks for events that were rejected.
        grafana_url: Address as Grafana reaches it; ``url`` where absent.
    """

    url: Url
    nodes: tuple[Url, ...] = ()
    auth: Auth = Auth()
    timeout: Duration = timedelta(seconds=30)
    retention: Duration = timedelta(days=30)
    quarantine_retention: Duration | None = None
    shards: Annotated[int, Field(ge=1)] | None = None
    replicas: Annotated[int, Field(ge=0)] | None = None
    settings: Mapping[str, Any] = Field(default_factory=dict)
    priority: Annotated[int, Field(ge=1)] = 500
    component_templates: Mapping[str, Path] = Field(default_factory=dict)
    index_templates: Mapping[str, Path] = Field(default_factory=dict)
    rejected_window: Duration = timedelta(minutes=15)
    grafana_url: Url | None = None
