"""What obskit.yml says of Filebeat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from obskit.config import Duration, Name, Section, Url

__all__ = ["FilebeatSettings", "Source"]


class Source(Section):
    """Log lines that are not JSON in the files of a service's ``logs``.

    Args:
        service: Name of the service.
        type: Where the lines are: in files, in the files of a container runtime, or in systemd's journal.
        format: What the lines are: JSON events of the schema, or plain text of a known kind.
        paths: Files (globs), for all but the journal.
        units: Units of systemd, for the journal.
    """

    service: Name
    type: Literal["filestream", "container", "journald"] = "filestream"
    format: Literal["json", "nginx", "uvicorn", "python", "go"] = "json"
    paths: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.type == "journald":
            if not self.units or self.paths:
                raise ValueError("a source of the journal has units, and no paths")
        elif not self.paths or self.units:
            raise ValueError("a source of files has paths, and no units")
        return self


class FilebeatSettings(Section):
    """``filebeat:`` in obskit.yml.

    Args:
        inputs: Folder whose ``*.yml`` Filebeat loads and reloads (``filebeat.config.inputs``).
        shipping: ``direct`` to Elasticsearch with the schema's script, or ``logstash``.
        url: Address of its HTTP endpoint (``http.enabled: true``), for proofs.
        data: Its data folder (``path.data``), for the proof of what was acknowledged.
        log: Its log file, for the words of its errors.
        sources: Log lines beyond the files of the services.
        metadata: Whether it runs in ``kubernetes`` or with ``docker``, whose names are added.
        config: File to write all of filebeat.yml into; where absent, ``doctor`` looks at nothing there.
        output: What Filebeat needs beyond the address to reach Elasticsearch (``username``, ``api_key``,
            ``ssl.certificate_authorities``), by Filebeat's names; secrets as ``${NAME}`` of its keystore.
        elasticsearch_url: Elasticsearch as Filebeat reaches it; the target's own address where absent.
        logstash_hosts: ``host:port`` of the beats inputs of Logstash, where it ships there.
        settle: How long it may take until it runs what was written.
    """

    inputs: Path
    shipping: Literal["direct", "logstash"] = "direct"
    url: Url | None = None
    data: Path | None = None
    log: Path | None = None
    sources: tuple[Source, ...] = ()
    metadata: Literal["", "docker", "kubernetes"] = ""
    config: Path | None = None
    output: Mapping[str, Any] = Field(default_factory=dict)
    elasticsearch_url: Url | None = None
    logstash_hosts: Annotated[tuple[str, ...], Field(min_length=1)] = ("127.0.0.1:5044",)
    settle: Duration = timedelta(seconds=20)
