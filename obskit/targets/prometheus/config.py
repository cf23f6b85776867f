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
from obskit.targets.prometheus.content import no_promtool

if TYPE_CHECKING:
    from obskit.targets.prometheus import Prometheus

__all__ = ["check_config", "main_config"]


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
    shown = str(source) if source else name
    promtool = checker.find("promtool")
    if promtool is None:
        yield no_promtool(shown)
        return
    yield from official.ask(
        [promtool, "check", "config", "--syntax-only"], text, rule="prometheus/promtool", shown=shown,
        name="promtool", folder=source.parent if source else None,
    )  # fmt: skip
