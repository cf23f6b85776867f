"""Prometheus on this machine, reading rules and targets from a folder that obskit delivers to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from obskit.delivery import checker
from obskit.local import binaries
from obskit.local.server import Launch, free_port

__all__ = ["Prometheus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """One Prometheus with its reload allowed over HTTP.

    It reads ``<files>/rules/*.yml`` and the scrape configurations ``<files>/scrape/*.yml``; before version 2.43,
    which brought these, the targets ``<files>/targets/*.yml`` and ``*.json``. A target's ``job`` label wins over
    the name of the job that finds it.

    Args:
        alertmanager: Address of the Alertmanager to send alerts to, as ``host:port``; several with commas.
        scrape: Addresses to scrape from the start, by the name of their job.
        interval: Seconds between scrapes and between evaluations of rules.
        settled: Whether it counts as ready only when each address was scraped, about 6 s later: what
            metrics there are is then known.
        version: The version wanted, which only the cache has; empty for the one on the PATH.
        name: The server's name, which is also its folder's.
    """

    alertmanager: str = ""
    scrape: tuple[tuple[str, str], ...] = ()
    interval: int = 2
    settled: bool = False
    version: str = ""
    name: str = "prometheus"

    def prepare(self, folder: Path) -> Launch:
        """Write the configuration and choose a port.

        Raises:
            LocalError: There is no Prometheus here.
        """
        program = binaries.find(
            "prometheus", "prometheus", cached="prometheus", version=self.version
        )
        files = folder / "files"
        for name in ("rules", "scrape", "targets"):
            (files / name).mkdir(parents=True, exist_ok=True)
        address = f"127.0.0.1:{free_port()}"
        config = folder / "prometheus.yml"
        config.write_text(
            "# Written by obskit up. Rules and targets are delivered into files/.\n"
            + yaml.safe_dump(
                self._config(files, address, scrape_files=_version(program) >= (2, 43)),
                sort_keys=False,
            ),
            encoding="utf-8",
        )
        return Launch(
            argv=(
                str(program),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=1d",
                f"--web.listen-address={address}",
                "--web.enable-lifecycle",  # else a reload is answered 403
            ),
            url=f"http://{address}",
            ready="/api/v1/targets?state=active" if self.settled else "/-/ready",
            holds=self._all_scraped if self.settled else lambda _: True,
            addresses={"address": address, "files": str(files), "config": str(config)},
        )

    def _all_scraped(self, answer: httpx.Response) -> bool:
        targets = answer.json()["data"]["activeTargets"]
        tried = [target for target in targets if target["health"] != "unknown"]
        return len(tried) > len(self.scrape)  # itself, too

    def _config(self, files: Path, address: str, *, scrape_files: bool) -> dict[str, object]:
        seconds = f"{self.interval}s"
        targets = [str(files / "targets" / pattern) for pattern in ("*.yml", "*.json")]
        jobs: list[dict[str, object]] = [
            {"job_name": job, "static_configs": [{"targets": [target]}]}
            for job, target in (("prometheus", address), *self.scrape)
        ]
        if not scrape_files:
            jobs.append(
                {
                    "job_name": "obskit",
                    "file_sd_configs": [{"files": targets, "refresh_interval": "5s"}],
                }
            )
        config: dict[str, object] = {
            "global": {"scrape_interval": seconds, "evaluation_interval": seconds},
            "rule_files": [str(files / "rules" / "*.yml")],
            "scrape_configs": jobs,
        }
        if scrape_files:
            config["scrape_config_files"] = [str(files / "scrape" / "*.yml")]
        if self.alertmanager:
            config["alerting"] = {
                "alertmanagers": [{"static_configs": [{"targets": self.alertmanager.split(",")}]}]
            }
        return config


def _version(program: Path) -> tuple[int, int]:
    """Its version; that of the oldest where it says none."""
    said = checker.run([str(program), "--version"])
    found = re.search(r"version (\d+)\.(\d+)", said.words)
    return (int(found[1]), int(found[2])) if found else (2, 0)
