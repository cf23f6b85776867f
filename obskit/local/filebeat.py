"""Filebeat on this machine, with inputs that it reads anew from a folder while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from obskit.local import binaries
from obskit.local.server import Launch, free_port

__all__ = ["Filebeat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filebeat:
    """One Filebeat that ships straight into Elasticsearch.

    An input names the stream of an event in ``@metadata.raw_index``. What Elasticsearch refuses goes
    to the quarantine stream instead of being dropped with a log line.

    Args:
        elasticsearch: URL of the Elasticsearch.
        quarantine: Stream for refused events.
        output: More of ``output.elasticsearch``, such as how to sign in and whom to trust.
        name: The server's name, which is also its folder's.
    """

    elasticsearch: str
    quarantine: str = "logs-obskit.invalid-default"
    output: Mapping[str, object] = field(default_factory=dict)
    name: str = "filebeat"

    def prepare(self, folder: Path) -> Launch:
        """Write the configuration and choose a port.

        Raises:
            LocalError: There is no Filebeat here.
        """
        program = binaries.find("filebeat", "filebeat", cached="filebeat")
        inputs = folder / "inputs.d"
        for path in (inputs, folder / "data", folder / "logs"):
            path.mkdir(exist_ok=True)
        port = free_port()
        config = folder / "filebeat.yml"
        config.write_text(
            "# Written by obskit up. Inputs are delivered into inputs.d/ and read anew every second.\n"
            + yaml.safe_dump(self._config(inputs, port), sort_keys=False),
            encoding="utf-8",
        )
        config.chmod(0o600)  # Filebeat refuses a configuration that others may write
        return Launch(
            argv=(
                str(program),
                "run",
                "-e",
                "-c",
                str(config),
                "--path.home",
                str(folder),
                "--path.data",
                str(folder / "data"),
                "--path.logs",
                str(folder / "logs"),
            ),
            url=f"http://127.0.0.1:{port}",
            ready="/stats",
            addresses={
                "inputs": str(inputs),
                "config": str(config),
                "data": str(folder / "data"),
                "log": str(folder / f"{self.name}.log"),
            },
        )

    def _config(self, inputs: Path, port: int) -> dict[str, object]:
        return {
            "filebeat.config.inputs": {
                "enabled": True,
                "path": str(inputs / "*.yml"),
                "reload": {"enabled": True, "period": "1s"},
            },
            # Written after an input's own processors have run, so they are taken away here; events that
            # are none of ours keep them.
            "processors": [
                {
                    "drop_fields": {
                        "when": {"contains": {"@metadata.raw_index": "logs-obskit."}},
                        "fields": ["agent", "ecs", "input", "log"],
                        "ignore_missing": True,
                    }
                }
            ],
            "output.elasticsearch": {
                "hosts": [self.elasticsearch],
                "index": "%{[@metadata.raw_index]}",
                "non_indexable_policy": {"dead_letter_index": {"index": self.quarantine}},
                "allow_older_versions": True,
                "max_retries": -1,
                "backoff": {"init": "1s", "max": "5s"},
                **self.output,
            },
            "queue.mem": {"flush": {"min_events": 1, "timeout": "0.2s"}},
            "setup.template.enabled": False,
            "setup.ilm.enabled": False,
            "http": {"enabled": True, "host": "127.0.0.1", "port": port},
            "logging.to_files": False,
            "logging.level": "info",
        }
