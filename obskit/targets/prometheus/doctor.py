"""What doctor looks at in Prometheus before anything is written."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import yaml

from obskit.deadline import Deadline
from obskit.errors import DeliveryError
from obskit.targets import official
from obskit.targets.base import Finding
from obskit.targets.clock import clock_finding
from obskit.targets.prometheus.client import PrometheusApi
from obskit.targets.prometheus.discovery import matches

if TYPE_CHECKING:
    from obskit.targets.prometheus import Prometheus

__all__ = ["examine", "recognise"]

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def examine(target: Prometheus, deadline: Deadline) -> Iterator[Finding]:
    """Address, version, reload, what the server's configuration lacks, folders, clock."""
    build = target.api.data("/status/buildinfo", deadline=deadline)
    yield Finding(subject="address", ok=True, detail=target.http.base_url)
    yield Finding(subject="version", ok=True, detail=f"Prometheus {build.get('version', '?')}")
    yield official.match("promtool", str(build.get("version", "")))
    flags = target.api.data("/status/flags", deadline=deadline)
    how = target.settings.reload
    if not how.command and how.pid_file is None:
        on = flags.get("web.enable-lifecycle") == "true"
        yield Finding(
            subject="privileges", ok=on, detail=f"reload by HTTP is {'on' if on else 'off'}",
            next="start it with --web.enable-lifecycle, or set prometheus.reload.command",
        )  # fmt: skip
    yield from _folders(target)
    yield from _configuration(target, target.discovery.running)
    yield _interval(target, target.discovery.running)
    seconds = float(target.api.query("time()", deadline=deadline)[0]["value"][1])
    yield clock_finding(seconds, time.time())


def recognise(api: PrometheusApi, deadline: Deadline) -> Mapping[str, Any] | None:
    """The section for a running Prometheus.

    Its folder is the parent of a rule_files entry that ends in ``rules/*.yml``, else ``obskit`` beside its
    configuration: ``doctor`` prints the lines that make it read that.
    """
    build = api.data("/status/buildinfo", deadline=deadline)
    if not isinstance(build, dict) or "goVersion" not in build:
        return None
    config = yaml.safe_load(api.data("/status/config", "yaml", deadline=deadline)) or {}
    # Relative paths are those of a configuration that was named by a relative path.
    runs_in = PurePath(str(api.data("/status/runtimeinfo", deadline=deadline).get("CWD") or "/"))
    folders = [runs_in / str(item) for item in config.get("rule_files") or []]
    beside = runs_in / str(
        api.data("/status/flags", deadline=deadline).get("config.file") or "/etc/prometheus/prometheus.yml"
    )  # fmt: skip
    files = next(
        (item.parent.parent for item in folders if item.parent.name == "rules"),
        beside.parent / "obskit",
    )
    return {"url": api.http.base_url, "files": str(files)}


def _folders(target: Prometheus) -> Iterator[Finding]:
    for folder in target.used_folders().values():
        try:
            folder.require()
        except DeliveryError as error:
            yield Finding(
                subject="files", ok=False, detail=f"{error.where}: {error.message}", next=error.hint
            )
        else:
            yield Finding(subject="files", ok=True, detail=f"{folder.root} can be written to")


def _configuration(target: Prometheus, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether prometheus.yml reads the folders; the missing lines are printed, ready to paste."""
    rules = str(target.folders["rules"].root / "x.yml")
    globs = [str(item) for item in config.get("rule_files") or []]
    read = any(matches(rules, pattern) for pattern in globs)
    yield Finding(
        subject="rule_files", ok=read,
        detail="the rules folder is read" if read else f"prometheus.yml reads {globs or 'no rule files'}",
        next=f"add to prometheus.yml:\nrule_files:\n  - {target.folders['rules'].root}/*.yml",
    )  # fmt: skip
    if any(service.metrics for service in target.context.settings.services):
        yield target.discovery.finding()
    peer = target.context.peers.get("alertmanager")
    if peer is not None:
        listed = (config.get("alerting") or {}).get("alertmanagers") or []
        address = str(getattr(peer.settings, "url", "")).split("://")[-1]
        yield Finding(
            subject="alerting", ok=bool(listed),
            detail="alerts are sent to Alertmanager" if listed else "prometheus.yml names no Alertmanager",
            next="add to prometheus.yml:\nalerting:\n  alertmanagers:\n    - static_configs:\n"
                 f"        - targets: [{address}]",
        )  # fmt: skip


def _interval(target: Prometheus, config: Mapping[str, Any]) -> Finding:
    """Whether Grafana is told an interval that the server keeps."""
    text = str((config.get("global") or {}).get("scrape_interval", "1m"))
    theirs = timedelta(
        seconds=sum(int(n) * _UNITS[u] for n, u in re.findall(r"(\d+)(ms|[smhdwy])", text))
    )
    ours = target.settings.scrape_interval
    ok = theirs <= ours
    return Finding(
        subject="scrape_interval", ok=True if ok else None,
        detail=f"the server scrapes every {text}" + ("" if ok else f", Grafana is told {ours.total_seconds():g}s"),
        next="" if ok else f"set prometheus.scrape_interval to {text}: rates in panels would be empty",
    )  # fmt: skip
