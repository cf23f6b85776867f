"""What doctor looks at: the endpoint, the folder, and the lines of filebeat.yml that the log path needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from obskit.deadline import Deadline
from obskit.errors import ObskitError
from obskit.targets.base import Finding

if TYPE_CHECKING:
    from obskit.targets.filebeat.target import Filebeat

__all__ = ["examine"]


def examine(target: Filebeat, deadline: Deadline) -> Iterator[Finding]:
    """Address, version, folder, main configuration. Writes nothing."""
    if target.api is None:
        yield Finding(
            subject="address", ok=None, detail="filebeat.url is not set",
            next="set http.enabled: true in filebeat.yml, and filebeat.url in obskit.yml",
        )  # fmt: skip
    else:
        version = target.api.version(deadline)
        yield Finding(subject="address", ok=True, detail=target.api.http.base_url)
        major = int(version.split(".")[0]) if version[:1].isdigit() else 0
        yield Finding(
            subject="version", ok=major >= 7, detail=version,
            next="" if major >= 7 else "filestream with fingerprints needs Filebeat 7.17 or newer",
        )  # fmt: skip
    try:
        target.folder.require()
    except ObskitError as error:
        yield Finding(subject="inputs", ok=False, detail=error.fact, next=error.hint)
    else:
        yield Finding(subject="inputs", ok=True, detail=str(target.folder.root))
    yield from _main(target)


def _main(target: Filebeat) -> Iterator[Finding]:
    if target.settings.config is None:
        return
    path = target.path(target.settings.config)
    if not path.exists():
        yield Finding(
            subject="filebeat.yml", ok=None, detail=f"{path} is not there yet",
            next="obskit provision writes it; then start Filebeat with it",
        )  # fmt: skip
        return
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        yield Finding(subject="filebeat.yml", ok=False, detail=f"{path}: {error}")
        return
    missing = list(_missing(_flat(data), target.settings.shipping))
    lacks = f" lacks: {'; '.join(missing)}" if missing else ""
    yield Finding(
        subject="filebeat.yml", ok=None if missing else True, detail=f"{path}{lacks}",
        next="obskit provision writes it; then restart Filebeat" if missing else "",
    )  # fmt: skip


def _missing(found: Mapping[str, Any], shipping: str) -> Iterator[str]:
    if found.get("filebeat.config.inputs.reload.enabled") is not True:
        yield "filebeat.config.inputs.reload.enabled: true"
    if shipping == "direct":
        if not any("non_indexable_policy.dead_letter_index" in key for key in found):
            yield "output.elasticsearch.non_indexable_policy.dead_letter_index"
        if found.get("setup.template.enabled") is not False:
            yield "setup.template.enabled: false"


def _flat(data: object, above: str = "") -> dict[str, Any]:
    if not isinstance(data, Mapping):
        return {above: data}
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{above}.{key}" if above else str(key))
    return flat
