"""Logstash's node API, as far as it proves what runs.

https://www.elastic.co/docs/api/doc/logstash/: ``hash`` is the SHA-256 of the configuration file's bytes, and a broken
edit shows in nothing but ``reloads`` (seen on 8.19).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError

__all__ = ["Node", "NodeApi", "Pipeline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The process.

    Args:
        version: Its version.
        status: ``green``, ``yellow``, ``red`` or ``unknown``, in its own words.
    """

    version: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline that runs.

    Args:
        hash: SHA-256 of the configuration that runs, in hex.
        reload_automatic: Whether it takes up changes by itself.
        dead_letter_queue: Whether refused events are kept.
        events_in: Events that its inputs took.
        events_out: Events that its outputs acknowledged.
        queue_type: ``memory`` or ``persisted``.
        queued: Events that wait.
        last_success: When it was reloaded last; None for never.
        last_failure: When a reload failed last; None for never.
        last_error: The message of that failure. It stays after the mend.
    """

    hash: str
    reload_automatic: bool
    dead_letter_queue: bool
    events_in: int
    events_out: int
    queue_type: str
    queued: int
    last_success: datetime | None
    last_failure: datetime | None
    last_error: str

    @property
    def failing(self) -> bool:
        """Whether the newest reload failed: the pipeline from before it goes on in silence."""
        if self.last_failure is None:
            return False
        return self.last_success is None or self.last_failure > self.last_success

    def failed_after(self, moment: datetime) -> bool:
        """Whether a reload failed after a moment.

        Args:
            moment: With its zone.
        """
        return self.last_failure is not None and self.last_failure > moment


class NodeApi:
    """Logstash's node API.

    Args:
        http: The server.
    """

    def __init__(self, http: Http) -> None:
        self.http = http

    def node(self, deadline: Deadline | None = None) -> Node:
        """The process itself.

        Raises:
            BadAnswerError: The answer is not one of a Logstash.
        """
        body = self._get("/", deadline)
        return Node(version=str(body["version"]), status=str(body.get("status", "unknown")))

    def pipelines(self, deadline: Deadline | None = None) -> dict[str, Pipeline]:
        """The pipelines that run, by id.

        Raises:
            BadAnswerError: The answer is not one of a Logstash.
        """
        nodes = self._mapping(self._get("/_node/pipelines", deadline), "pipelines")
        stats = self._mapping(self._get("/_node/stats/pipelines", deadline), "pipelines")
        found = {}
        for name, node in nodes.items():
            stat = stats.get(name) or {}
            # A pipeline that was just removed is listed some seconds longer, with no events.
            if stat.get("events") is None:
                continue
            found[name] = _pipeline(node, stat)
        return found

    def _get(self, path: str, deadline: Deadline | None) -> dict[str, Any]:
        answer = self.http.get(path, deadline=deadline)
        body = answer.json()
        if not isinstance(body, dict) or "version" not in body or "pipeline" not in body:
            raise BadAnswerError(
                "this is not the answer of a Logstash", where=answer.request,
                hint="is logstash.url the address of its node API (api.http.port, 9600)?",
            )  # fmt: skip
        return body

    def _mapping(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        found = body.get(key)
        if not isinstance(found, dict):
            raise BadAnswerError(f"the answer has no {key}", where=self.http.base_url)
        return found


def _pipeline(node: dict[str, Any], stat: dict[str, Any]) -> Pipeline:
    events, reloads, queue = (stat.get(key) or {} for key in ("events", "reloads", "queue"))
    return Pipeline(
        hash=str(node.get("hash", "")),
        reload_automatic=bool(node.get("config_reload_automatic")),
        dead_letter_queue=bool(node.get("dead_letter_queue_enabled")),
        events_in=int(events.get("in") or 0),
        events_out=int(events.get("out") or 0),
        queue_type=str(queue.get("type", "")),
        queued=int(queue.get("events_count") or 0),
        last_success=_moment(reloads.get("last_success_timestamp")),
        last_failure=_moment(reloads.get("last_failure_timestamp")),
        last_error=str((reloads.get("last_error") or {}).get("message", "")),
    )


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    # Nanoseconds: Python reads six digits, and cuts the rest.
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
