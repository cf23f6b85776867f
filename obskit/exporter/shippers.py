"""The state of Logstash and Filebeat, which have no Prometheus endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from prometheus_client.core import Metric

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError
from obskit.exporter.source import Sample, counter, gauge, number

__all__ = ["FilebeatStats", "LogstashStats"]

_STAGES: Final = ("in", "filtered", "out")
_OUTCOMES: Final = ("acked", "failed", "dropped", "duplicates", "toomany")


class LogstashStats:
    """A Logstash, by its node API.

    Args:
        http: The node API.
    """

    name = "logstash"

    def __init__(self, http: Http) -> None:
        self.target = http.base_url
        self._http = http

    def collect(self, deadline: Deadline) -> Iterable[Metric]:
        """State of every pipeline; see :class:`~obskit.exporter.source.Source`."""
        pipelines = self._pipelines(deadline)
        heap = self._http.get("/_node/stats/jvm", deadline=deadline)
        percent = number(heap.json(), "jvm", "mem", "heap_used_percent", where=heap.request)
        labels = ("target", "pipeline")
        rows = [({"target": self.target, "pipeline": name}, body) for name, body in pipelines]
        yield counter(
            "obskit_logstash_events",
            "Events of a pipeline, by stage: in, filtered, out.",
            (*labels, "stage"),
            (
                ({**label, "stage": stage}, float(body["events"].get(stage, 0)))
                for label, body in rows
                for stage in _STAGES
            ),
        )
        yield gauge(
            "obskit_logstash_pipeline_reload_failed",
            "1 where the newest edit was refused and the pipeline runs the one before.",
            labels,
            ((label, float(_reload_failed(body.get("reloads") or {}))) for label, body in rows),
        )
        for name, key, text in (
            ("obskit_logstash_queue_bytes", "queue_size_in_bytes", "Bytes in the queue."),
            ("obskit_logstash_queue_max_bytes", "max_queue_size_in_bytes",
             "Bytes that the persistent queue may hold; 0 for a queue in memory."),
        ):  # fmt: skip
            queues = ((label, float(body.get("queue", {}).get(key, 0))) for label, body in rows)
            yield gauge(name, text, labels, queues)
        yield counter(
            "obskit_logstash_dead_letter_events",
            "Events that the outputs sent to the dead letter queue.",
            labels,
            ((label, _refused(body, "dlq_routed")) for label, body in rows),
        )
        yield counter(
            "obskit_logstash_dropped_events",
            "Events that Elasticsearch refused for good and no dead letter queue took.",
            labels,
            ((label, _refused(body, "non_retryable_failures")) for label, body in rows),
        )
        yield gauge(
            "obskit_logstash_jvm_heap_used_ratio",
            "Share of the heap that is in use.",
            ("target",),
            [({"target": self.target}, percent / 100)],
        )

    def _pipelines(self, deadline: Deadline) -> list[tuple[str, Mapping[str, Any]]]:
        answer = self._http.get("/_node/stats/pipelines", deadline=deadline)
        document = answer.json()
        if not isinstance(document, dict) or not isinstance(document.get("pipelines"), dict):
            raise BadAnswerError("its answer has no pipelines", where=answer.request)
        # A pipeline that was just removed is listed for some seconds with nothing in it.
        return [(name, body) for name, body in document["pipelines"].items() if body.get("events")]


def _reload_failed(reloads: Mapping[str, Any]) -> bool:
    """`last_error` stays after the mend, so the times are compared."""
    failed, succeeded = reloads.get("last_failure_timestamp"), reloads.get("last_success_timestamp")
    if failed is None:
        return False
    return succeeded is None or datetime.fromisoformat(failed) > datetime.fromisoformat(succeeded)


def _refused(body: Mapping[str, Any], fate: str) -> float:
    """What the elasticsearch outputs count of documents that were refused for good, by their fate."""
    outputs = body.get("plugins", {}).get("outputs", ())
    return float(sum(output.get("documents", {}).get(fate, 0) for output in outputs))


class FilebeatStats:
    """A Filebeat, by its HTTP endpoint.

    Args:
        http: The endpoint (``http.enabled: true``).
    """

    name = "filebeat"

    def __init__(self, http: Http) -> None:
        self.target = http.base_url
        self._http = http

    def collect(self, deadline: Deadline) -> Iterable[Metric]:
        """State of output and queue; see :class:`~obskit.exporter.source.Source`."""
        answer = self._http.get("/stats", deadline=deadline)
        document, where = answer.json(), answer.request
        label = {"target": self.target}
        outcomes: list[Sample] = [
            ({**label, "outcome": outcome}, number(document, "libbeat", "output", "events", outcome, where=where))
            for outcome in _OUTCOMES
        ]  # fmt: skip
        yield counter(
            "obskit_filebeat_output_events",
            "Events that the output was given, by what became of them.",
            ("target", "outcome"),
            outcomes,
        )
        yield gauge(
            "obskit_filebeat_pipeline_events_active",
            "Events that were published and are not acknowledged yet.",
            ("target",),
            [(label, number(document, "libbeat", "pipeline", "events", "active", where=where))],
        )
        yield gauge(
            "obskit_filebeat_queue_max_events",
            "Events that the queue holds at most.",
            ("target",),
            [(label, number(document, "libbeat", "pipeline", "queue", "max_events", where=where))],
        )
