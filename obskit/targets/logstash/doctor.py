"""What doctor looks at: the node API, the folder, the pipelines' entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from obskit.deadline import Deadline
from obskit.errors import ObskitError
from obskit.targets.base import Finding
from obskit.targets.logstash.client import Pipeline
from obskit.targets.logstash.content import pipeline_ids, pipelines_file

if TYPE_CHECKING:
    from obskit.targets.logstash.target import Logstash

__all__ = ["examine"]


def examine(target: Logstash, deadline: Deadline) -> Iterator[Finding]:
    """Address, version, folder, pipelines. Writes nothing."""
    node = target.api.node(deadline)
    yield Finding(subject="address", ok=True, detail=target.http.base_url)
    major = int(node.version.split(".")[0]) if node.version[:1].isdigit() else 0
    yield Finding(
        subject="version", ok=major >= 8, detail=node.version,
        next="" if major >= 8 else "the pipelines are made for Logstash 8 and 9",
    )  # fmt: skip
    try:
        target.folder.require()
    except ObskitError as error:
        yield Finding(subject="files", ok=False, detail=error.fact, next=error.hint)
    else:
        yield Finding(subject="files", ok=True, detail=str(target.folder.root))
    running = target.api.pipelines(deadline)
    for name in pipeline_ids(target.settings).values():
        yield _entry(target, name, running.get(name))


def _entry(target: Logstash, name: str, running: Pipeline | None) -> Finding:
    subject = f"pipeline {name}"
    if running is None:
        if target.settings.pipelines is not None:
            return Finding(
                subject=subject, ok=None, detail="does not run yet",
                next="obskit provision writes pipelines.yml; Logstash takes it up by itself",
            )  # fmt: skip
        lines = pipelines_file(target.context.settings, target.settings)
        entries = "\n".join(
            line for line in lines.splitlines() if line and not line.lstrip().startswith("#")
        )
        return Finding(
            subject=subject, ok=None, detail="does not run: pipelines.yml has no such entry",
            next=f"add to pipelines.yml:\n{entries}",
        )  # fmt: skip
    if not running.reload_automatic:
        return Finding(
            subject=subject, ok=False, detail="config.reload.automatic is off",
            next="set config.reload.automatic: true in logstash.yml, and start Logstash again",
        )  # fmt: skip
    kept = "a dead letter queue" if running.dead_letter_queue else "no dead letter queue"
    return Finding(
        subject=subject, ok=True, detail=f"runs with {kept} and a {running.queue_type} queue"
    )
