"""Elasticsearch as the end of the log path: searching it, and asking whether it takes an event at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from obskit.deadline import Deadline
from obskit.engine.verify import Exchange
from obskit.errors import BadAnswerError, ServerError
from obskit.schema.streams import stream_name
from obskit.targets.base import Canary, Hop
from obskit.targets.elasticsearch.client import Client

__all__ = ["ORDER", "EventStore"]

#: Elasticsearch is the last server on the log path.
ORDER: Final = 100


class EventStore:
    """Events in Elasticsearch.

    Args:
        client: The server.
        namespace: Namespace of the data streams.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    @property
    def where(self) -> str:
        """Its address."""
        return self._client.urls[0]

    def search(
        self, index: str, body: Mapping[str, Any], deadline: Deadline
    ) -> Mapping[str, Any] | None:
        """The answer to a search; None while no such index is there.

        Args:
            index: Streams, by name or pattern.
            body: The search.
            deadline: By when.

        Raises:
            ServerError: It does not answer, or refuses.
        """
        reply = self._client.call(
            "POST", f"/{index}/_search", params={"ignore_unavailable": "true"}, body=dict(body),
            deadline=deadline, allow={404},
        )  # fmt: skip
        if reply.status == 404:
            return None
        answer: Mapping[str, Any] = reply.body
        if not isinstance(answer.get("hits"), Mapping):
            raise BadAnswerError(
                "answered a search without hits", where=f"POST {self.where}/{index}/_search",
                hint="is the address that of Elasticsearch itself?",
            )  # fmt: skip
        return answer

    def hop(self, canary: Canary, deadline: Deadline) -> Hop:
        """Whether Elasticsearch takes the canary's event when it is handed to it past all shippers.

        Asked only when a canary did not arrive: it tells a server that refuses from a shipper that loses.

        Args:
            canary: The canary.
            deadline: By when.
        """
        stream = stream_name(canary.service, self._namespace)
        event = json.loads(canary.line)
        event |= {"@timestamp": event["timestamp"], "event": "obskit.canary.direct"}
        # An id of its own: the search for the canary itself must not find this one.
        event["trace_id"] = f"{canary.trace_id}.direct"
        lines = [{"create": {}}, event]
        asked = f"POST /{stream}/_bulk, the canary's event"
        try:
            answer = self._client.call(
                "POST", f"/{stream}/_bulk", body=lines, deadline=deadline
            ).body
        except ServerError as error:
            return Hop(
                name="elasticsearch", order=ORDER, passed=False, detail=error.message, next=error.hint,
                evidence=(Exchange(of=self.where, asked=asked, answer=str(error)),),
            )  # fmt: skip
        item = answer["items"][0]["create"]
        evidence = (Exchange(of=self.where, asked=asked, answer=json.dumps(item)),)
        if "error" in item:  # the request was answered with 200 all the same
            reason = item["error"].get("reason", "")
            caused = (item["error"].get("caused_by") or {}).get("reason", "")
            return Hop(
                name="elasticsearch", order=ORDER, passed=False, evidence=evidence,
                detail=f"it refuses such events: {reason}" + (f": {caused}" if caused else ""),
                next="is the mapping obskit's? obskit drift tells; obskit doctor names a template that wins",
            )  # fmt: skip
        return Hop(
            name="elasticsearch", order=ORDER, passed=None, evidence=evidence,
            detail="it takes such an event when it is handed to it directly",
        )  # fmt: skip
