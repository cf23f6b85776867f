"""What obskit.yml says, frozen: the part that belongs to no single server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from obskit.config.secret import Secret

__all__ = ["Auth", "Duration", "Links", "Name", "Section", "Service", "Settings", "Url", "VerifySettings"]  # fmt: skip

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    text = str(value)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("is no duration: write one like 30s, 5m, 1h30m or 30d")
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def _url(value: str) -> str:
    if not re.match(r"https?://[^\s/]+", value):
        raise ValueError("is no address: write one like http://127.0.0.1:9200")
    return value.rstrip("/")


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise ValueError(
            "is no name: letters, digits and . _ - , 63 at most, a letter or digit first"
        )
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Url = Annotated[str, AfterValidator(_url)]
Name = Annotated[str, AfterValidator(_name)]


class Section(BaseModel):
    """The base of every part of obskit.yml: frozen, and unknown keys are findings."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Auth(Section):
    """How to sign in to a server, and whom to trust; give one of the ways or none.

    Args:
        username: Name for basic authentication.
        password: Its password.
        token: Bearer token or API key.
        ca_file: PEM file of the certificate authority to trust.
        ca_fingerprint: SHA-256 of the certificate to trust, in hex, colons or not.
        verify: Whether the certificate is verified; only for trials.
    """

    username: str = ""
    password: Secret | None = None
    token: Secret | None = None
    ca_file: Path | None = None
    ca_fingerprint: str = ""
    verify: bool = True


class Links(Section):
    """Addresses of neighbouring tools; ``{trace_id}`` is replaced.

    Args:
        trace: Where a trace is shown, such as ``https://tempo.example/trace/{trace_id}``.
        pprof: Where profiles are taken.
    """

    trace: str = ""
    pprof: str = ""


class Service(Section):
    """A service of the user's.

    Args:
        name: Its name, as in the log field ``service``.
        logs: Files (globs) that it logs to, one JSON event a line.
        metrics: ``host:port`` addresses that Prometheus scrapes.
        metrics_path: Path of the metrics.
        team: Who is called; a label of its alerts.
        version: Version written into events that carry none.
        slo: Share of requests that must succeed, in per cent, such as 99.9.
        p95_ms: Objective of the 95th percentile of latency, in milliseconds.
        links: Addresses of neighbouring tools, for this service.
    """

    name: Name
    logs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    metrics_path: str = "/metrics"
    team: str = ""
    version: str = ""
    slo: Annotated[float, Field(gt=0, lt=100)] | None = None
    p95_ms: Annotated[float, Field(gt=0)] | None = None
    links: Links = Links()


class VerifySettings(Section):
    """How proofs are made.

    Args:
        deadline: How long one proof may take.
        receiver: Address at which obskit listens for the synthetic alert; Alertmanager must reach it.
    """

    deadline: Duration = timedelta(seconds=60)
    receiver: Url = "http://127.0.0.1:19465"


class Settings(Section):
    """All of obskit.yml.

    Args:
        project: Name of the project; every owned object carries it.
        environment: Name of the environment, written into events and labels.
        namespace: Namespace of the data streams.
        services: The services.
        log_schema: File of the project's own log fields (key ``schema``).
        verify: How proofs are made.
        links: Addresses of neighbouring tools.
        targets: The section of each server, as its target's own settings; absent ones are not there.
        lint: The linter's own section, as it was read.
        path: The file; not a key of obskit.yml.
    """

    project: Name
    environment: str = "default"
    namespace: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,100}$")] = "default"
    services: tuple[Service, ...] = ()
    log_schema: Path | None = Field(default=None, alias="schema")
    verify: VerifySettings = VerifySettings()
    links: Links = Links()
    lint: Mapping[str, Any] = Field(default_factory=dict)
    targets: Mapping[str, Section] = Field(default_factory=dict, exclude=True)
    path: Path = Field(default=Path("obskit.yml"), exclude=True)

    @property
    def folder(self) -> Path:
        """The folder of obskit.yml: where relative paths start."""
        return self.path.resolve().parent
