"""How many events each service logged, by level, as Elasticsearch has them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from prometheus_client.core import Metric

from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.errors import BadAnswerError
from obskit.exporter.source import gauge
from obskit.schema import LEVELS
from obskit.schema.streams import DATASET_PREFIX, quarantine_stream

__all__ = ["LogCounts"]

WINDOW: Final = timedelta(minutes=5)

#: Events need time to be read, shipped and made searchable: the window ends so long ago.
SETTLE: Final = timedelta(minutes=1)

#: A service that logged within this time is known, and counts 0 when it falls silent.
MEMORY: Final = timedelta(days=1)

#: The services of a day are asked for so seldom, since that reads a day of events.
REFRESH: Final = timedelta(minutes=5)

MOST_SERVICES: Final = 1000


class LogCounts:
    """Counts of log events by service and level, and of events that broke the schema.

    Args:
        http: The Elasticsearch.
        namespace: Namespace of the data streams.
        now: The time, replaceable in tests.
    """

    name = "elasticsearch"

    def __init__(
        self,
        http: Http,
        *,
        namespace: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.target = http.base_url
        self._http = http
        self._now = now
        self._quarantine = quarantine_stream(namespace)
        self._logs = f"logs-{DATASET_PREFIX}*-{namespace},-{self._quarantine}"
        self._known: dict[str, float] = {}
        self._known_at = -REFRESH.total_seconds()
        self._lock = threading.Lock()

    def collect(self, deadline: Deadline) -> Iterable[Metric]:
        """Counts of the last whole window; see :class:`~obskit.exporter.source.Source`."""
        end = self._now() - SETTLE
        window = {"gte": _text(end - WINDOW), "lt": _text(end)}
        known = self._services(deadline)
        counts: Counter[tuple[str, str]] = Counter()
        recent: dict[str, float] = {}
        for bucket in self._by_service(
            # what carries a time in the future is not counted, but seen by the newest timestamp
            {"gte": window["gte"], "lt": _text(self._now() + MEMORY)},
            {
                "window": {
                    "filter": {"range": {"@timestamp": window}},
                    "aggs": {"levels": {"terms": {"field": "level", "size": 20}}},
                }
            },
            deadline,
        ):
            service = str(bucket["key"])
            recent[service] = _newest(bucket)
            for level in bucket["window"]["levels"]["buckets"]:
                counts[service, str(level["key"])] = int(level["doc_count"])
        services = sorted({*known, *recent})
        yield gauge(
            "obskit_log_events_5m",
            "Events of five minutes, one minute ago, by service and level.",
            ("service", "level"),
            (
                ({"service": service, "level": level}, float(counts[service, level]))
                for service in services
                for level in LEVELS
            ),
        )
        yield gauge(
            "obskit_log_newest_timestamp_seconds",
            "Timestamp of the newest event of a service, as a Unix time.",
            ("service",),
            (
                ({"service": name}, max(known.get(name, 0), recent.get(name, 0)))
                for name in services
            ),
        )
        yield gauge(
            "obskit_log_quarantined_5m",
            "Events of five minutes, one minute ago, that broke the log schema.",
            (),
            [({}, self._quarantined(window, deadline))],
        )

    def _services(self, deadline: Deadline) -> Mapping[str, float]:
        """Services of the last day, with the time of their newest event."""
        with self._lock:
            if time.monotonic() - self._known_at >= REFRESH.total_seconds():
                span = {
                    "gte": _text(self._now() - MEMORY),
                    "lt": _text(self._now() + MEMORY),
                }
                found = self._by_service(span, {}, deadline)
                self._known = {str(bucket["key"]): _newest(bucket) for bucket in found}
                self._known_at = time.monotonic()
            return self._known

    def _by_service(
        self, span: Mapping[str, str], more: Mapping[str, Any], deadline: Deadline
    ) -> list[Mapping[str, Any]]:
        answer = self._search(
            self._logs,
            {
                "size": 0,
                "track_total_hits": False,
                "query": {"range": {"@timestamp": span}},
                "aggs": {
                    "services": {
                        "terms": {"field": "service", "size": MOST_SERVICES},
                        "aggs": {"newest": {"max": {"field": "@timestamp"}}, **more},
                    }
                },
            },
            deadline,
        )
        # Without a single index there are no aggregations in the answer at all.
        found: list[Mapping[str, Any]] = (
            answer.get("aggregations", {}).get("services", {}).get("buckets", [])
        )
        return found

    def _quarantined(self, window: Mapping[str, str], deadline: Deadline) -> float:
        answer = self._search(
            self._quarantine,
            {"size": 0, "track_total_hits": True, "query": {"range": {"@timestamp": window}}},
            deadline,
        )
        return float(answer["hits"]["total"]["value"])

    def _search(self, indices: str, body: Mapping[str, Any], deadline: Deadline) -> Any:
        answer = self._http.post(
            f"/{indices}/_search",
            params={"ignore_unavailable": "true", "allow_no_indices": "true"},
            json=body,
            deadline=deadline,
        )
        document = answer.json()
        if not isinstance(document, dict) or "hits" not in document:
            raise BadAnswerError("answers a search with something else", where=answer.request)
        shards = document.get("_shards", {})
        # A part of the shards would make a count that is too low look like a good one.
        if document.get("timed_out") or shards.get("failed"):
            raise BadAnswerError(
                f"counted in only {shards.get('successful')} of {shards.get('total')} shards",
                where=answer.request,
            )
        return document


def _newest(bucket: Mapping[str, Any]) -> float:
    value = bucket["newest"]["value"]
    return float(value) / 1000 if value is not None else 0.0


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
