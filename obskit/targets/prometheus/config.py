"""All of ``prometheus.yml``, where obskit owns it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from obskit.delivery import checker
from obskit.errors import Problem
from obskit.targets import official
from obskit.targets.official import top_keys
from obskit.targets.prometheus.content import check_rules

if TYPE_CHECKING:
    from obskit.targets.prometheus import Prometheus

__all__ = ["check_any", "check_config", "main_config"]


def main_config(target: Prometheus) -> str:
    """The file: our rules and targets, more jobs of the user's, and every Alertmanager of obskit.yml."""
    seconds = f"{target.settings.scrape_interval.total_seconds():g}s"
    # As the server sees them: its own folder, where obskit delivers to.
    rules, services = (
        target.folders[name].root.resolve() for name in ("rules", target.discovery.kind)
    )
    jobs: list[dict[str, Any]] = [
        {"job_name": name, "static_configs": [{"targets": list(addresses)}]}
        for name, addresses in target.settings.scrape.items()
    ]
    config: dict[str, Any] = {
        "global": {"scrape_interval": seconds, "evaluation_interval": seconds},
        "rule_files": [f"{rules}/*.yml"],
        "scrape_configs": jobs,
    }
    if target.discovery.kind == "scrape":
        config["scrape_config_files"] = [f"{services}/*.yml"]
    else:
        jobs.append({"job_name": "obskit", "file_sd_configs": [{"files": [f"{services}/*.yml"]}]})
    managers = [
        urlsplit(str(getattr(peer.settings, "url", ""))).netloc
        for key, peer in target.context.peers.items()
        if key.partition("@")[0] == "alertmanager"
    ]
    if managers:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": managers}]}]}
    return yaml.safe_dump(config, sort_keys=False)


def check_config(name: str, text: str, source: Path | None) -> Iterator[Problem]:
    """Findings of ``promtool check config`` on the text, where it is installed.

    Args:
        name: Its name.
        text: Its text.
        source: The file it was made from, for messages.
    """
    promtool = checker.find("promtool")
    if promtool is not None:
        command = [promtool, "check", "config", "--syntax-only"]
        shown = str(source) if source else name
        yield from official.ask(
            command, text, rule="prometheus/promtool", shown=shown, name="promtool"
        )


#: Keys that only a prometheus.yml has at its top.
_MAIN_KEYS = {
    "alerting", "otlp", "remote_read", "remote_write", "rule_files", "runtime", "scrape_config_files",
    "scrape_configs", "storage", "tracing",
}  # fmt: skip


def check_any(path: Path, text: str) -> Iterator[Problem] | None:
    """Findings of a rule file or of a prometheus.yml; None where it is neither.

    Args:
        path: The file.
        text: Its text.
    """
    keys = top_keys(path, text)
    if "groups" in keys:
        return check_rules(path.name, text, path)
    # An alertmanager.yml has a global, and may have tracing, but it always has a route or receivers.
    if keys & {"route", "receivers"}:
        return None
    if keys & _MAIN_KEYS or "global" in keys:
        return check_config(path.name, text, path)
    return None
