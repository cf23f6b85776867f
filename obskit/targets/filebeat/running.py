"""What a running Filebeat's command line and configuration tell, for ``init --from-running``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from obskit.delivery.listener import Process

__all__ = ["section_of"]


def section_of(process: Process | None) -> dict[str, Any]:
    """Its folders and how it ships, as far as this machine shows them.

    Args:
        process: The process; None where Filebeat is elsewhere.
    """
    if process is None:
        return {}
    home = process.path(process.option("path.home") or ".")
    config = process.path(process.option("path.config") or str(home))
    data = process.path(process.option("path.data") or str(home / "data"))
    found: dict[str, Any] = {"data": str(data)} if data.is_dir() else {}
    try:
        text = (config / (process.option("c") or "filebeat.yml")).read_text(encoding="utf-8")
        settings = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return found  # not for us to read: doctor says what its folder lacks
    inputs = _at(settings, "filebeat.config.inputs.path")
    if isinstance(inputs, str):
        inputs = inputs.replace("${path.config}", str(config)).replace("${path.home}", str(home))
        found["inputs"] = str((config / inputs).parent)
    hosts = _at(settings, "output.logstash.hosts")
    if hosts:
        found |= {"shipping": "logstash", "logstash_hosts": hosts if isinstance(hosts, list) else [hosts]}  # fmt: skip
    return found


def _at(settings: Any, path: str) -> Any:
    """A setting, which Filebeat takes nested or with dots in its keys; None where it is not there."""
    if not path:
        return settings
    if not isinstance(settings, Mapping):
        return None
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        key = ".".join(parts[:end])
        if key in settings:
            found = _at(settings[key], ".".join(parts[end:]))
            if found is not None:
                return found
    return None
