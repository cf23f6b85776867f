"""The exporter says what the servers say, and says when they do not answer."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from obskit.delivery.http import Http
from obskit.exporter import Exporter, FilebeatStats, LogCounts, LogstashStats, application

Pages = dict[str, Any]
Serve = Callable[[Pages], str]


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """The exporter hung up on a server that is too slow, as it should."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server on the loopback that answers paths with JSON; a callable is given the request's body."""
    servers = []

    def start(pages: Pages) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                page = pages.get(self.path.partition("?")[0])
                if callable(page):
                    page = page(json.loads(body))
                text = page if isinstance(page, bytes) else json.dumps(page).encode()
                self.send_response(404 if page is None else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                """Nothing on the terminal."""

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def scraped(*sources: Any, patience: float = 5.0) -> dict[str, dict[tuple[str, ...], float]]:
    """What a scrape brings: metric → label values (in the order of their names) → value."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exporter(sources, patience=patience))
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            values = tuple(sample.labels[name] for name in sorted(sample.labels))
            assert values not in found.get(sample.name, {}), "the same series twice"
            found.setdefault(sample.name, {})[values] = sample.value
    return found


def pipeline(**more: Any) -> dict[str, Any]:
    """A pipeline as `/_node/stats/pipelines` of Logstash 8.19 lists it."""
    return {
        "events": {"in": 10, "filtered": 9, "out": 8, "duration_in_millis": 6},
        "plugins": {"inputs": [], "filters": [], "outputs": [{"id": "o", "name": "elasticsearch"}]},
        "reloads": {
            "successes": 0,
            "failures": 0,
            "last_error": None,
            "last_success_timestamp": None,
            "last_failure_timestamp": None,
        },
        "queue": {"type": "memory", "queue_size_in_bytes": 0, "max_queue_size_in_bytes": 0},
        **more,
    }


def logstash(**pipelines: Any) -> Pages:
    return {
        "/_node/stats/pipelines": {"host": "l", "pipelines": pipelines},
        "/_node/stats/jvm": {"host": "l", "jvm": {"mem": {"heap_used_percent": 42}}},
    }


def reloads(failure: str | None, success: str | None) -> dict[str, Any]:
    return {
        "failures": 5,
        "last_error": {"message": "Expected one of …"},
        "last_failure_timestamp": failure,
        "last_success_timestamp": success,
    }


def test_logstash_is_told_by_pipeline(serve):
    outputs = [
        {"documents": {"successes": 5, "dlq_routed": 2}},
        {"documents": {"dlq_routed": 1, "non_retryable_failures": 4}},
    ]
    url = serve(
        logstash(
            main=pipeline(
                plugins={"outputs": outputs},
                queue={"queue_size_in_bytes": 900, "max_queue_size_in_bytes": 1000},
            )
        )
    )
    found = scraped(LogstashStats(Http(url)))
    assert found["obskit_exporter_source_up"] == {("logstash", url): 1}
    assert found["obskit_logstash_events_total"] == {
        ("main", "in", url): 10,
        ("main", "filtered", url): 9,
        ("main", "out", url): 8,
    }
    assert found["obskit_logstash_queue_bytes"] == {("main", url): 900}
    assert found["obskit_logstash_queue_max_bytes"] == {("main", url): 1000}
    assert found["obskit_logstash_dead_letter_events_total"] == {("main", url): 3}
    assert found["obskit_logstash_dropped_events_total"] == {("main", url): 4}
    assert found["obskit_logstash_jvm_heap_used_ratio"] == {(url,): 0.42}


@pytest.mark.parametrize(
    ("failure", "success", "failed"),
    [
        (None, None, 0),
        ("2026-11-23T11:36:43.398658975Z", None, 1),
        ("2026-11-23T11:36:43.398658975Z", "2026-11-23T11:36:33.339762877Z", 1),
        ("2026-11-23T11:36:33.339762877Z", "2026-11-23T11:36:43.398Z", 0),
    ],
)
def test_a_refused_edit_counts_until_a_good_one_follows(serve, failure, success, failed):
    url = serve(logstash(main=pipeline(reloads=reloads(failure, success))))
    found = scraped(LogstashStats(Http(url)))
    assert found["obskit_logstash_pipeline_reload_failed"] == {("main", url): failed}


def test_a_pipeline_that_was_just_removed_is_passed_over(serve):
    url = serve(logstash(main=pipeline(), gone={"events": None, "plugins": {}}))
    found = scraped(LogstashStats(Http(url)))
    assert found["obskit_logstash_queue_bytes"] == {("main", url): 0}


@pytest.mark.parametrize(
    "pages",
    [
        {},
        {"/_node/stats/pipelines": {"status": "ok"}},
        {"/_node/stats/pipelines": b"<html>sign in</html>"},
        {**logstash(main=pipeline()), "/_node/stats/jvm": {"jvm": {}}},
        {**logstash(main=pipeline()), "/_node/stats/jvm": {"jvm": {"mem": {"heap_used_percent": "x"}}}},
    ],
)  # fmt: skip
def test_an_answer_of_another_server_is_no_answer(serve, pages, caplog):
    url = serve(pages)
    found = scraped(LogstashStats(Http(url)))
    assert found["obskit_exporter_source_up"] == {("logstash", url): 0}
    assert not [name for name in found if name.startswith("obskit_logstash")]
    assert "logstash does not answer" in caplog.text


def stats(acked: int) -> dict[str, Any]:
    events = {"acked": acked, "failed": 1, "dropped": 2, "duplicates": 0, "toomany": 3, "total": 9}
    pipe = {"events": {"active": 7}, "queue": {"acked": acked, "max_events": 4096}}
    return {"libbeat": {"output": {"events": events}, "pipeline": pipe}}


def test_two_filebeats_share_a_metric(serve):
    one, two = serve({"/stats": stats(5)}), serve({"/stats": stats(6)})
    found = scraped(FilebeatStats(Http(one)), FilebeatStats(Http(two)))
    assert found["obskit_filebeat_output_events_total"]["acked", one] == 5
    assert found["obskit_filebeat_output_events_total"]["acked", two] == 6
    assert found["obskit_filebeat_pipeline_events_active"] == {(one,): 7, (two,): 7}
    assert found["obskit_filebeat_queue_max_events"] == {(one,): 4096, (two,): 4096}


def test_a_server_that_is_gone_leaves_the_others_alone(serve):
    url = serve({"/stats": stats(5)})
    gone = "http://127.0.0.1:1"
    found = scraped(FilebeatStats(Http(gone)), FilebeatStats(Http(url)))
    assert found["obskit_exporter_source_up"] == {("filebeat", gone): 0, ("filebeat", url): 1}
    assert list(found["obskit_filebeat_queue_max_events"]) == [(url,)]


def test_a_server_that_hangs_does_not_hold_the_scrape_beyond_its_patience(serve):
    held = threading.Event()
    url = serve({"/stats": stats(5)})
    slow = serve({"/logs-obskit.*-default,-logs-obskit.invalid-default/_search": lambda _: held.wait(5)})  # fmt: skip
    start = time.monotonic()
    found = scraped(
        LogCounts(Http(slow), namespace="default"), FilebeatStats(Http(url)), patience=0.5
    )
    held.set()
    assert time.monotonic() - start < 3
    assert found["obskit_exporter_source_up"] == {("elasticsearch", slow): 0, ("filebeat", url): 1}


def test_a_failure_is_logged_once_and_so_is_its_end(serve, caplog):
    caplog.set_level(logging.INFO, "obskit.exporter")
    pages: Pages = {}
    exporter = Exporter([FilebeatStats(Http(serve(pages)))])
    list(exporter.collect())
    list(exporter.collect())
    pages["/stats"] = stats(5)
    list(exporter.collect())
    list(exporter.collect())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def counted(services: dict[str, dict[str, int]], **more: Any) -> Callable[[Any], Any]:
    """An Elasticsearch that has these events, as it answers the two kinds of aggregation."""

    def answer(body: Any) -> Any:
        buckets = []
        for name, levels in services.items():
            bucket: dict[str, Any] = {"key": name, "newest": {"value": 1_700_000_000_500.0}}
            if "window" in body["aggs"]["services"]["aggs"]:
                if not levels:
                    continue
                found = [{"key": level, "doc_count": count} for level, count in levels.items()]
                bucket["window"] = {"levels": {"buckets": found}}
            buckets.append(bucket)
        return {
            "timed_out": False,
            "_shards": {"total": 2, "successful": 2, "failed": 0},
            "hits": {"hits": []},
            "aggregations": {"services": {"buckets": buckets}},
            **more,
        }

    return answer


LOGS = "/logs-obskit.*-default,-logs-obskit.invalid-default/_search"
QUARANTINE = "/logs-obskit.invalid-default/_search"
NONE_BROKEN = {"hits": {"total": {"value": 0}}}


def test_a_service_that_is_silent_counts_zero_at_every_level(serve):
    url = serve(
        {LOGS: counted({"shop": {"ERROR": 3, "INFO": 5}, "cron": {}}), QUARANTINE: NONE_BROKEN}
    )
    found = scraped(LogCounts(Http(url), namespace="default"))
    events = found["obskit_log_events_5m"]
    assert events["ERROR", "shop"] == 3
    assert events["INFO", "shop"] == 5
    assert events["WARN", "shop"] == 0
    assert {level: events[level, "cron"] for level in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")} == {
        "TRACE": 0, "DEBUG": 0, "INFO": 0, "WARN": 0, "ERROR": 0
    }  # fmt: skip
    assert found["obskit_log_newest_timestamp_seconds"]["shop",] == 1_700_000_000.5
    assert found["obskit_log_quarantined_5m"] == {(): 0}


def test_the_window_is_five_minutes_and_ends_a_minute_ago(serve):
    asked: list[Any] = []

    def answer(body: Any) -> Any:
        asked.append(body)
        return NONE_BROKEN

    url = serve({LOGS: counted({}), QUARANTINE: answer})
    at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    scraped(LogCounts(Http(url), namespace="default", now=lambda: at))
    assert asked[0]["query"]["range"]["@timestamp"] == {
        "gte": "2026-11-23T11:54:00.000Z",
        "lt": "2026-11-23T11:59:00.000Z",
    }


def test_an_empty_elasticsearch_is_no_error(serve):
    nothing = {
        "_shards": {"total": 0, "successful": 0, "failed": 0},
        "hits": {"total": {"value": 0}},
    }
    url = serve({LOGS: nothing, QUARANTINE: nothing})
    found = scraped(LogCounts(Http(url), namespace="default"))
    assert found["obskit_exporter_source_up"] == {("elasticsearch", url): 1}
    assert found["obskit_log_quarantined_5m"] == {(): 0}


@pytest.mark.parametrize(
    "more", [{"timed_out": True}, {"_shards": {"total": 2, "successful": 1, "failed": 1}}]
)
def test_a_count_of_some_of_the_shards_is_no_count(serve, more, caplog):
    url = serve({LOGS: counted({"shop": {"INFO": 1}}, **more), QUARANTINE: NONE_BROKEN})
    found = scraped(LogCounts(Http(url), namespace="default"))
    assert found["obskit_exporter_source_up"] == {("elasticsearch", url): 0}
    assert "obskit_log_events_5m" not in found
    assert "shards" in caplog.text


def test_the_pages_are_there(serve):
    app = application([FilebeatStats(Http(serve({"/stats": stats(5)})))])

    async def get(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://exporter") as client:
            return await client.get(path)

    metrics = asyncio.run(get("/metrics"))
    assert metrics.status_code == 200
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert 'obskit_filebeat_output_events_total{outcome="acked"' in metrics.text
    assert asyncio.run(get("/-/healthy")).status_code == 200
