"""Other names: aliases, dotted keys, nested objects, collisions, traceparent."""

# One case a line: that is the point of this module.
# ruff: noqa: E501

from __future__ import annotations

from cases import ABSENT, Corpus

ALIASES = {
    "timestamp": ("@timestamp", "ts", "time", "datetime", "date", "asctime", "eventTime", "event_time", "log_time", "logged_at"),
    "level": ("log.level", "lvl", "severity", "levelname", "loglevel", "log_level", "SeverityText", "priority"),
    "service": ("service.name", "service_name", "serviceName", "svc", "app", "application", "app_name"),
    "trace_id": ("trace.id", "traceId", "traceID", "traceid", "TraceId", "otelTraceID", "dd.trace_id", "x-trace-id", "correlation_id",
                 "traceparent"),
    "message": ("msg", "event.message", "text", "log", "body", "Body"),
    "client_ip": ("client.ip", "clientIp", "clientIP", "client_address", "client.address", "remote_addr", "remote_ip", "remoteAddr", "ip"),
    "span_id": ("span.id", "spanId", "spanID", "SpanId", "otelSpanID", "dd.span_id"),
    "environment": ("service.environment", "deployment.environment", "deployment.environment.name", "env"),
    "version": ("service.version", "service_version", "app_version"),
    "host": ("host.name", "hostname", "host_name"),
    "logger": ("log.logger", "logger_name", "loggerName"),
    "thread": ("process.thread.name", "threadName", "thread_name"),
    "pid": ("process.pid", "process_id"),
    "error.type": ("exception.type", "exc_type", "exception_class"),
    "error.message": ("exception.message", "exc_message"),
    "error.stack": ("error.stack_trace", "stack_trace", "stacktrace", "exc_info", "exception.stacktrace", "traceback"),
    "http.method": ("http.request.method", "http_method", "request_method"),
    "http.route": ("http_route",),
    "http.status": ("http.response.status_code", "http.status_code", "status_code", "http_status"),
    "duration_ms": ("durationMs", "elapsed_ms", "latency_ms", "response_time_ms"),
    "user_id": ("user.id", "userId", "uid"),
    "event": ("event.action", "event_name", "event.name"),
}  # fmt: skip
VALUES = {
    "timestamp": "2023-09-10T12:34:56Z", "level": "INFO", "service": "user-service", "trace_id": "abc123xyz", "message": "User login successful",
    "client_ip": "10.0.0.1", "pid": 7, "http.status": 200, "duration_ms": 1.5,
}  # fmt: skip
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
IDS = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}


def nested(name: str, value: object) -> dict[str, object]:
    for key in reversed(name.split(".")):
        value = {key: value}
    return value  # type: ignore[return-value]


def add(corpus: Corpus) -> None:
    every_alias(corpus)
    dotted(corpus)
    collisions(corpus)
    traceparents(corpus)
    bad_values(corpus)


def every_alias(corpus: Corpus) -> None:
    for own, names in ALIASES.items():
        value = VALUES.get(own, "x")
        # what the base has anyhow comes out as it would without the alias
        result = (
            {}
            if own in ("timestamp", "level", "service", "trace_id", "message")
            else nested(own, value)
        )
        for name in names:
            gone = {own: ABSENT} if "." not in own else {}
            corpus.repaired(
                f"alias-{name}", f"{name} is {own}", {**gone, name: value}, result, "alias"
            )
            if "." in name:
                inside = nested(name, value)
                if (
                    own != "service" and "service" in inside
                ):  # the object stands where the service's name stood
                    inside["service"] = {"name": "user-service", **inside["service"]}  # type: ignore[dict-item]
                corpus.repaired(f"alias-{name}-nested", f"{name} as nested objects is {own}",
                                {**gone, **inside}, result, "alias")  # fmt: skip


def dotted(corpus: Corpus) -> None:
    for name in (
        "error.type",
        "error.message",
        "error.stack",
        "http.method",
        "http.route",
        "http.status",
    ):
        value = VALUES.get(name, "x")
        corpus.repaired(
            f"dotted-{name}", f"{name} as one key", {name: value}, nested(name, value), "alias"
        )
    corpus.repaired("ecs", "an event as ecs-logging writes it", {
        "@timestamp": "2023-09-10T12:34:56.000Z", "timestamp": ABSENT, "log.level": "info", "level": ABSENT,
        "ecs.version": "1.6.0", "service": {"name": "user-service", "version": "1.4.2"}, "log": {"logger": "app.auth"},
        "process": {"pid": 7, "thread": {"name": "MainThread"}}, "trace": {"id": "abc123xyz"}, "trace_id": ABSENT,
    }, {"version": "1.4.2", "logger": "app.auth", "pid": 7, "thread": "MainThread", "attributes": {"ecs.version": "1.6.0"}},
        "alias", "unknown-field")  # fmt: skip
    corpus.repaired("zap", "an event as zap writes it", {
        "timestamp": ABSENT, "ts": 1694349296.5, "level": "info", "message": ABSENT, "msg": "hi", "caller": "main.go:7",
    }, {"timestamp": "2023-09-10T12:34:56.500Z", "message": "hi", "attributes": {"caller": "main.go:7"}},
        "alias", "level-case", "unknown-field")  # fmt: skip
    corpus.repaired(
        "json-logger",
        "an event as python-json-logger writes it",
        {
            "timestamp": ABSENT,
            "asctime": "2023-09-10T12:34:56Z",
            "level": ABSENT,
            "levelname": "WARNING",
            "name": "app",
            "lineno": 7,
        },
        {"level": "WARN", "severity_text": "WARNING", "attributes": {"name": "app", "lineno": 7}},
        "alias",
        "unknown-field",
    )
    corpus.repaired(
        "host-object",
        "what Beats add: the name counts, the rest goes below attributes",
        {"host": {"name": "web-01", "os": {"family": "debian"}}},
        {"host": "web-01", "attributes": {"host": {"os": {"family": "debian"}}}},
        "alias",
    )
    corpus.repaired(
        "event-object",
        "an object is no event name, but may hold one",
        {"event": {"action": "login", "kind": "event"}},
        {"event": "login", "attributes": {"event": {"kind": "event"}}},
        "alias",
    )
    corpus.repaired(
        "log-object",
        "an object under log is no message",
        {"log": {"level": "debug"}, "level": ABSENT},
        {"level": "DEBUG"},
        "alias",
    )
    corpus.refused(
        "host-object-nameless", "an object is no host", {"host": {"os": "linux"}}, "type"
    )
    corpus.refused(
        "service-object-nameless", "an object is no service", {"service": {"id": "1"}}, "type"
    )
    corpus.repaired(
        "labels", "labels are attributes", {"labels": {"a": 1}}, {"attributes": {"a": 1}}, "alias"
    )
    corpus.repaired(
        "extra", "extra is attributes", {"extra": {"a": 1}}, {"attributes": {"a": 1}}, "alias"
    )


def collisions(corpus: Corpus) -> None:
    both = ("alias", "alias-collision")
    corpus.repaired(
        "collide-level",
        "the canonical name wins; the other's value goes below attributes",
        {"severity": "ERROR"},
        {"attributes": {"severity": "ERROR"}},
        *both,
    )
    corpus.repaired(
        "collide-equal",
        "an equal value collides too",
        {"severity": "INFO"},
        {"attributes": {"severity": "INFO"}},
        *both,
    )
    corpus.repaired(
        "collide-listed",
        "among aliases the first listed wins",
        {"level": ABSENT, "severity": "ERROR", "lvl": "DEBUG"},
        {"level": "DEBUG", "attributes": {"severity": "ERROR"}},
        *both,
    )
    corpus.repaired(
        "collide-timestamp",
        "Logstash's own time beside the service's",
        {"@timestamp": "2023-09-10T12:35:00Z"},
        {"attributes": {"@timestamp": "2023-09-10T12:35:00Z"}},
        *both,
    )
    corpus.repaired(
        "collide-message",
        "text beside message",
        {"text": "other"},
        {"attributes": {"text": "other"}},
        *both,
    )
    corpus.repaired(
        "collide-null",
        "a canonical null is there: it says outside a request",
        {"trace_id": None, "traceId": "abc"},
        {"trace_id": None, "attributes": {"traceId": "abc"}},
        *both,
    )
    corpus.repaired(
        "collide-attributes",
        "attributes wins over labels",
        {"attributes": {"a": 1}, "labels": {"b": 2}},
        {"attributes": {"a": 1, "labels": {"b": 2}}},
        *both,
    )
    corpus.repaired(
        "collide-nested",
        "the losing name stays an object",
        {"log": {"level": "ERROR"}},
        {"attributes": {"log": {"level": "ERROR"}}},
        *both,
    )
    corpus.repaired(
        "collide-dotted-and-nested",
        "one dotted key and the nested one: the key with dots is found first",
        {"error.type": "A", "error": {"type": "B"}},
        {"error": {"type": "A"}, "attributes": {"error": {"type": "B"}}},
        *both,
    )
    corpus.repaired(
        "collide-three",
        "three names of one field",
        {"level": ABSENT, "lvl": "WARN", "severity": "ERROR", "levelname": "INFO"},
        {"level": "WARN", "attributes": {"severity": "ERROR", "levelname": "INFO"}},
        *both,
    )


def traceparents(corpus: Corpus) -> None:
    corpus.repaired(
        "traceparent",
        "trace and span by position",
        {"trace_id": ABSENT, "traceparent": PARENT},
        IDS,
        "alias",
    )
    corpus.repaired(
        "traceparent-span",
        "the event's own span wins",
        {"trace_id": ABSENT, "traceparent": PARENT, "span_id": "s1"},
        {**IDS, "span_id": "s1"},
        "alias",
    )
    corpus.repaired(
        "traceparent-span-alias",
        "under any name",
        {"trace_id": ABSENT, "traceparent": PARENT, "spanId": "s1"},
        {**IDS, "span_id": "s1"},
        "alias",
    )
    corpus.repaired(
        "traceparent-later",
        "a later version may have more behind",
        {"trace_id": ABSENT, "traceparent": f"01{PARENT[2:]}-x"},
        IDS,
        "alias",
    )
    corpus.repaired(
        "traceparent-beside",
        "a trace id beside it wins",
        {"traceparent": PARENT},
        {"attributes": {"traceparent": PARENT}},
        "alias",
        "alias-collision",
    )
    corpus.repaired(
        "traceparent-not",
        "another text stands for itself",
        {"trace_id": ABSENT, "traceparent": "abc"},
        {"trace_id": "abc"},
        "alias",
    )
    corpus.repaired(
        "traceparent-upper",
        "upper-case digits are no traceparent: it stands for itself",
        {"trace_id": ABSENT, "traceparent": PARENT.upper()},
        {"trace_id": PARENT.upper()},
        "alias",
    )
    corpus.refused(
        "traceparent-empty",
        "an empty text is no id",
        {"trace_id": ABSENT, "traceparent": ""},
        "alias",
    )
    corpus.repaired(
        "traceparent-null",
        "null under another name",
        {"trace_id": ABSENT, "traceparent": None},
        {"trace_id": None},
        "alias",
    )


def bad_values(corpus: Corpus) -> None:
    corpus.refused("alias-bad-ip", "renamed, it is still no address", {"ip": "nowhere"}, "alias")
    corpus.refused(
        "alias-bad-level",
        "renamed, it is still no level",
        {"level": ABSENT, "lvl": "LOUD"},
        "alias",
    )
    corpus.refused(
        "alias-bad-time",
        "renamed, it still has no zone",
        {"timestamp": ABSENT, "asctime": "2023-09-10 12:34:56,123"},
        "alias",
    )
    corpus.refused(
        "alias-null-required",
        "null is no level under any name",
        {"level": ABSENT, "lvl": None},
        "alias",
    )
    corpus.repaired(
        "alias-level-case",
        "renamed and rewritten",
        {"level": ABSENT, "lvl": "warning"},
        {"level": "WARN", "severity_text": "warning"},
        "alias",
    )
    corpus.repaired(
        "alias-null-optional", "an optional null is left out", {"ip": None}, {}, "alias"
    )
    corpus.repaired(
        "alias-optional",
        "optional fields have aliases too",
        {"ip": "10.0.0.1"},
        {"client_ip": "10.0.0.1"},
        "alias",
    )
