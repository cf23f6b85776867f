"""THE field list. A new log field is one line here; every format is derived from it."""

from __future__ import annotations

from typing import Final

from obskit.schema.model import Field, FieldType, Requirement, Schema

__all__ = ["ATTRIBUTES", "BUILTIN", "LEVELS", "LIMITS", "REFERENCE_LINE", "TIMESTAMP_PATTERN"]

#: RFC 3339 section 5.6, narrowed: upper-case ``T`` and ``Z``, year ≥ 1970, no leap second, no hour 24, and
#: an offset of at most 18 hours: Elasticsearch refuses what is beyond (tried on 8.7.1).
TIMESTAMP_PATTERN: Final = (
    r"^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]((0[0-9]|1[0-7]):[0-5][0-9]|18:00))$"
)

LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")

_LEVEL_SYNONYMS: Final = {
    "WARNING": "WARN", "CRITICAL": "ERROR", "FATAL": "ERROR", "SEVERE": "ERROR", "ERR": "ERROR",
    "EMERGENCY": "ERROR", "EMERG": "ERROR", "ALERT": "ERROR", "CRIT": "ERROR", "PANIC": "ERROR",
    "NOTICE": "INFO", "INFORMATION": "INFO", "INFORMATIONAL": "INFO",
    "VERBOSE": "DEBUG", "FINE": "DEBUG", "FINER": "DEBUG", "FINEST": "TRACE",
}  # fmt: skip


class LIMITS:
    """Bounds that formatter, normaliser, linter and shippers keep alike."""

    # one line, with its newline
    LINE_BYTES: Final = 65_536
    # levels of objects, ``attributes`` itself being the first (flattened: depth_limit)
    ATTRIBUTE_DEPTH: Final = 20
    # UTF-8 bytes of one leaf below ``attributes`` (flattened: ignore_above)
    LEAF_BYTES: Final = 8_191
    # UTF-8 bytes of one key below ``attributes``: 20 of them and a leaf stay below Lucene's 32,766
    KEY_BYTES: Final = 1_024


#: Where everything goes that the schema does not declare.
ATTRIBUTES: Final = "attributes"

_R, _N = Requirement.REQUIRED, Requirement.NULLABLE
_DATE, _KEY, _TEXT, _IP = FieldType.DATE, FieldType.KEYWORD, FieldType.TEXT, FieldType.IP
_LONG, _DOUBLE, _FLAT = FieldType.LONG, FieldType.DOUBLE, FieldType.FLATTENED

# One field a line: that is the point of this module, so lines may be long.
# fmt: off
# ruff: noqa: E501
BUILTIN: Final = Schema(fields=(
    Field(name="timestamp", type=_DATE, requirement=_R, pattern=TIMESTAMP_PATTERN, description="When the event happened, RFC 3339, written in UTC.", example="2023-09-10T12:34:56.123Z", aliases=("@timestamp", "ts", "time", "datetime", "date", "asctime", "eventTime", "event_time", "log_time", "logged_at"), otel="Timestamp", record="created"),
    Field(name="level", type=_KEY, requirement=_R, allowed=LEVELS, synonyms=_LEVEL_SYNONYMS, description="Severity, upper-case.", example="INFO", aliases=("log.level", "lvl", "severity", "levelname", "loglevel", "log_level", "SeverityText", "priority"), ecs="log.level", otel="SeverityText", record="levelname"),
    Field(name="service", type=_KEY, requirement=_R, min_length=1, max_length=256, description="Name of the service that wrote the event.", example="user-service", aliases=("service.name", "service_name", "serviceName", "svc", "app", "application", "app_name"), ecs="service.name", otel="service.name"),
    Field(name="trace_id", type=_KEY, requirement=_N, pattern=r"^[A-Za-z0-9._-]{1,128}$", description="Opaque id of the request the event belongs to; null outside a request.", example="abc123xyz", aliases=("trace.id", "traceId", "traceID", "traceid", "TraceId", "otelTraceID", "dd.trace_id", "x-trace-id", "correlation_id", "traceparent"), ecs="trace.id", otel="TraceId"),
    Field(name="message", type=_TEXT, requirement=_R, description="What happened, for people.", example="User login successful", aliases=("msg", "event.message", "text", "log", "body", "Body"), otel="Body", record="message"),
    Field(name="client_ip", type=_IP, description="Address of the client, IPv4 or IPv6.", example="192.168.1.1", aliases=("client.ip", "clientIp", "clientIP", "client_address", "client.address", "remote_addr", "remote_ip", "remoteAddr", "ip"), ecs="client.ip", otel="client.address"),
    Field(name="severity_text", type=_KEY, max_length=64, description="The level as the source named it, where it differs.", example="CRITICAL"),
    Field(name="span_id", type=_KEY, pattern=r"^[A-Za-z0-9._-]{1,128}$", description="Id of the span within the trace.", example="00f067aa0ba902b7", aliases=("span.id", "spanId", "spanID", "SpanId", "otelSpanID", "dd.span_id"), ecs="span.id", otel="SpanId"),
    Field(name="environment", type=_KEY, max_length=256, description="Deployment environment.", example="production", aliases=("service.environment", "deployment.environment", "deployment.environment.name", "env"), ecs="service.environment", otel="deployment.environment.name"),
    Field(name="version", type=_KEY, max_length=256, description="Version of the service.", example="1.4.2", aliases=("service.version", "service_version", "app_version"), ecs="service.version", otel="service.version"),
    Field(name="host", type=_KEY, max_length=256, description="Name of the host the service runs on.", example="web-01", aliases=("host.name", "hostname", "host_name"), ecs="host.name", otel="host.name"),
    Field(name="logger", type=_KEY, max_length=1024, description="Name of the logger.", example="app.auth", aliases=("log.logger", "logger_name", "loggerName"), ecs="log.logger", record="name"),
    Field(name="thread", type=_KEY, max_length=1024, description="Name of the thread.", example="MainThread", aliases=("process.thread.name", "threadName", "thread_name"), ecs="process.thread.name", otel="thread.name", record="threadName"),
    Field(name="pid", type=_LONG, minimum=0, maximum=2**63 - 1, description="Id of the process.", example=4711, aliases=("process.pid", "process_id"), ecs="process.pid", otel="process.pid", record="process"),
    Field(name="error.type", type=_KEY, max_length=1024, description="Class of the exception.", example="ValueError", aliases=("exception.type", "exc_type", "exception_class"), otel="exception.type"),
    Field(name="error.message", type=_TEXT, description="Message of the exception.", example="invalid literal", aliases=("exception.message", "exc_message"), otel="exception.message"),
    Field(name="error.stack", type=_TEXT, description="Stack trace, newest call last.", example="Traceback (most recent call last): …", aliases=("error.stack_trace", "stack_trace", "stacktrace", "exc_info", "exception.stacktrace", "traceback"), ecs="error.stack_trace", otel="exception.stacktrace"),
    Field(name="http.method", type=_KEY, max_length=64, description="Method of the HTTP request.", example="GET", aliases=("http.request.method", "http_method", "request_method"), ecs="http.request.method", otel="http.request.method"),
    Field(name="http.route", type=_KEY, max_length=1024, description="Route template of the HTTP request, of low cardinality.", example="/users/{id}", aliases=("http_route",), otel="http.route"),
    Field(name="http.status", type=_LONG, minimum=100, maximum=599, description="Status of the HTTP response.", example=200, aliases=("http.response.status_code", "http.status_code", "status_code", "http_status"), ecs="http.response.status_code", otel="http.response.status_code"),
    Field(name="duration_ms", type=_DOUBLE, minimum=0, description="How long it took, in milliseconds.", example=12.5, aliases=("durationMs", "elapsed_ms", "latency_ms", "response_time_ms")),
    Field(name="user_id", type=_KEY, max_length=256, description="Id of the user concerned; not a name or an address.", example="42", aliases=("user.id", "userId", "uid"), ecs="user.id", otel="user.id"),
    Field(name="event", type=_KEY, max_length=256, description="Stable name of the kind of event, for machines.", example="user.login", aliases=("event.action", "event_name", "event.name"), ecs="event.action", otel="event.name"),
    Field(name=ATTRIBUTES, type=_FLAT, description="Everything else that the service logs.", example={"cart": {"items": 3}}, aliases=("extra", "labels"), otel="Attributes"),
))
# fmt: on

#: The line that every implementation must accept, always.
REFERENCE_LINE: Final = (
    '{"timestamp":"2023-09-10T12:34:56Z","level":"INFO","service":"user-service","trace_id":"abc123xyz",'
    '"message":"User login successful","client_ip":"192.168.1.1"}'
)
