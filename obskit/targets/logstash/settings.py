"""What obskit.yml says of Logstash."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from obskit.config import Auth, Duration, Name, Section, Url

__all__ = ["LogstashSettings"]

Port = Annotated[int, Field(ge=1, le=65535)]


class LogstashSettings(Section):
    """``logstash:`` in obskit.yml.

    Args:
        url: Address of its node API.
        auth: How to sign in there.
        files: Folder that obskit writes the pipelines into.
        path: The same folder as Logstash sees it (in a container); ``files`` where absent.
        pipelines: The pipelines.yml that obskit writes whole; where absent, ``doctor`` prints the entries.
        pipeline: Id of the pipeline.
        listen: Address that its inputs listen on.
        beats_port: Port for Filebeat.
        tcp_port: Port for services that send lines over TCP; none where absent.
        tls: TLS of its inputs, by Logstash's own option names (``ssl_certificate``, ``ssl_key``); it is on where
            any is given, and clients need a certificate only where ``ssl_certificate_authorities`` are.
        output: What its elasticsearch output needs beyond the address, by Logstash's own option names
            (``user``, ``api_key``, ``ssl_certificate_authorities``); secrets as ``${NAME}`` of its keystore.
        elasticsearch_url: Elasticsearch as Logstash reaches it; the target's own address where absent.
        dead_letter_queue: Folder of its dead letter queue (``path.dead_letter_queue``) as Logstash sees it;
            what Elasticsearch refuses goes from there to the quarantine. No such pipeline where absent.
        settle: How long it may take until it runs what was written.
    """

    url: Url
    auth: Auth = Auth()
    files: Path
    path: str = ""
    pipelines: Path | None = None
    pipeline: Name = "obskit"
    listen: str = "0.0.0.0"  # noqa: S104 - shippers are on other hosts
    beats_port: Port = 5044
    tcp_port: Port | None = None
    tls: Mapping[str, Any] = Field(default_factory=dict)
    output: Mapping[str, Any] = Field(default_factory=dict)
    elasticsearch_url: Url | None = None
    dead_letter_queue: str = ""
    settle: Duration = timedelta(seconds=30)
