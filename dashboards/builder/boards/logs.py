"""Logs: what the services say, and what of it broke the schema."""

from __future__ import annotations

from ..model import (
    Board,
    Kind,
    Link,
    LogQuery,
    Override,
    Panel,
    Row,
    Threshold,
    Variable,
    steps,
)
from ._logs_invalid import CLOCKS, INVALID, QUARANTINE, columns
from ._parts import DATASOURCE, LOGS

__all__ = ["BOARD"]

# ``:raw``, because Grafana escapes what is typed into a text box: ``*`` would search for an asterisk.
SEARCH = "(${search:raw})"
VALID = f"NOT {INVALID} AND service:$service AND level:$level AND {SEARCH}"
ERRORS = f"NOT {INVALID} AND service:$service AND level:ERROR AND {SEARCH}"

LEVEL_COLORS = tuple(
    Override(
        field=f"/^{level}$/",
        properties=(("color", {"mode": "fixed", "fixedColor": color}),),
    )
    for level, color in (
        ("TRACE", "#808080"),
        ("DEBUG", "blue"),
        ("INFO", "green"),
        ("WARN", "orange"),
        ("ERROR", "red"),
    )
)

_TRACE_LINKS = Override(
    field="/^trace_id$/",
    properties=(
        (
            "links",
            [
                {
                    "title": "All lines of this trace",
                    "url": "/d/obskit-logs?var-trace_id=${__value.raw}&${__url_time_range}",
                }
            ],
        ),
    ),
)


SUMMARY = Row(
    title="Volume",
    panels=(
        Panel(
            title="Line count",
            description="Log lines in the shown range that match the choice above.",
            kind=Kind.STAT,
            unit="short",
            calc="sum",
            width=5,
            height=4,
            queries=(LogQuery(query=VALID, alias="lines"),),
        ),
        Panel(
            title="Errors",
            description="Lines of level ERROR in the shown range.",
            kind=Kind.STAT,
            unit="short",
            calc="sum",
            width=5,
            height=4,
            queries=(LogQuery(query=ERRORS, alias="errors"),),
            thresholds=steps(1, 100),
        ),
        Panel(
            title="Services that log",
            description="Services with at least one line. One less than expected is a service that is down, or "
            "whose lines do not arrive.",
            kind=Kind.STAT,
            unit="short",
            calc="count",
            width=4,
            height=4,
            # One row a value: a count in each interval would miss who logs less often.
            queries=(LogQuery(query=VALID, by=("service",), over_time=False, top=1000),),
        ),
        Panel(
            title="Hosts that log",
            description="Hosts with at least one line.",
            kind=Kind.STAT,
            unit="short",
            calc="count",
            width=5,
            height=4,
            # One row a value: a count in each interval would miss who logs less often.
            queries=(LogQuery(query=VALID, by=("host",), over_time=False, top=1000),),
        ),
        Panel(
            title="Quarantined",
            description="Events that break the log schema, or that Elasticsearch refused: kept in "
            "logs-obskit.invalid-*, with the reasons. See the last rows.",
            kind=Kind.STAT,
            unit="short",
            calc="sum",
            width=5,
            height=4,
            queries=(LogQuery(query=INVALID, alias="quarantined"),),
            thresholds=(Threshold(value=None, color="green"), Threshold(value=1, color="red")),
        ),
        Panel(
            title="Lines by level",
            description="Log lines in each interval, by level. A jump of one colour shows when it began.",
            unit="short",
            bars=True,
            stack=True,
            minimum=0,
            width=12,
            queries=(LogQuery(query=VALID, by=("level",), alias="{{term level}}"),),
            overrides=LEVEL_COLORS,
        ),
        Panel(
            title="Lines by service",
            description="Log lines in each interval, by service (the ten that log most).",
            unit="short",
            bars=True,
            stack=True,
            minimum=0,
            width=12,
            queries=(LogQuery(query=VALID, by=("service",), alias="{{term service}}"),),
        ),
    ),
)

ERROR_ROW = Row(
    title="Errors",
    panels=(
        Panel(
            title="Error share",
            description="Share of lines that are errors, in each interval.",
            unit="percentunit",
            minimum=0,
            width=8,
            queries=(
                LogQuery(query=ERRORS, alias="errors"),
                LogQuery(query=VALID, alias="lines"),
            ),
            transformations=(
                ("joinByField", {"byField": "Time", "mode": "outer"}),
                (
                    "calculateField",
                    {
                        "mode": "binary",
                        "alias": "error share",
                        "binary": {"left": "errors", "operator": "/", "right": "lines"},
                        "replaceFields": True,
                    },
                ),
            ),
            thresholds=steps(0.01, 0.05),
            threshold_lines=True,
        ),
        Panel(
            title="Errors by service",
            description="Lines of level ERROR in each interval, by service.",
            unit="short",
            bars=True,
            stack=True,
            minimum=0,
            width=8,
            queries=(LogQuery(query=ERRORS, by=("service",), alias="{{term service}}"),),
            empty_when="nothing of the chosen services was logged as ERROR",
        ),
        Panel(
            title="Errors by type",
            description="Exceptions in the shown range, by class and service.",
            kind=Kind.TABLE,
            unit="short",
            width=8,
            queries=(
                LogQuery(query=ERRORS, by=("error.type", "service"), over_time=False, top=20),
            ),
            empty_when="no error in the shown range carries an exception (error.type)",
        ),
        Panel(
            title="Newest errors",
            description="The newest lines of level ERROR. Click one for its fields; its trace_id leads to "
            "every other line of the request.",
            kind=Kind.TABLE,
            unit="",
            width=24,
            height=9,
            queries=(LogQuery(query=ERRORS, documents=100),),
            transformations=columns(
                "@timestamp", "service", "trace_id", "message", "error.type", "logger", "host"
            ),
            overrides=(_TRACE_LINKS,),
            empty_when="nothing of the chosen services was logged as ERROR",
        ),
    ),
)

REQUESTS = Row(
    title="Requests",
    panels=(
        Panel(
            title="Duration by service, from logs",
            description="95th percentile of duration_ms, by service, of the lines that carry it.",
            unit="ms",
            minimum=0,
            width=12,
            queries=(
                LogQuery(
                    query=f"{VALID} AND _exists_:duration_ms",
                    by=("service",),
                    metric="percentiles",
                    of="duration_ms",
                    percents=(95,),
                    alias="{{term service}}",
                ),
            ),
            thresholds=steps(500, 2000),
            empty_when="no line carries duration_ms",
        ),
        Panel(
            title="Answers by status, from logs",
            description="Lines with an HTTP status in each interval, by status.",
            unit="short",
            bars=True,
            stack=True,
            minimum=0,
            width=12,
            queries=(
                LogQuery(
                    query=f"{VALID} AND _exists_:http.status",
                    by=("http.status",),
                    alias="{{term http.status}}",
                ),
            ),
            empty_when="no line carries http.status",
        ),
    ),
)

SEARCHING = Row(
    title="Search",
    panels=(
        Panel(
            title="Lines of a trace",
            description="Every line with the trace_id typed in above, of all services, newest first. With * all "
            "lines inside a request are shown.",
            kind=Kind.LOGS,
            unit="",
            width=12,
            height=12,
            queries=(
                LogQuery(
                    query=f"NOT {INVALID} AND trace_id:${{trace_id:raw}}",
                    documents=500,
                    as_logs=True,
                ),
            ),
            empty_when="no line carries this trace_id",
        ),
        Panel(
            title="Lines",
            description="The newest lines that match services, levels and search.",
            identifier=2,
            kind=Kind.LOGS,
            unit="",
            width=12,
            height=12,
            queries=(LogQuery(query=VALID, documents=500, as_logs=True),),
        ),
    ),
)

BOARD = Board(
    uid="obskit-logs",
    title="Logs",
    description="Log volume, errors, search by trace id, and the quarantine.",
    tags=("logs",),
    variables=(
        LOGS,
        DATASOURCE,
        Variable(
            name="service",
            label="Service",
            description="Services to show.",
            kind="terms",
            query='{"find":"terms","field":"service","size":500}',
            all_value="*",
        ),
        Variable(
            name="level",
            label="Level",
            description="Levels to show.",
            kind="terms",
            query='{"find":"terms","field":"level","size":10}',
            all_value="*",
        ),
        Variable(
            name="search",
            label="Search",
            description='Lucene query, such as message:timeout AND http.route:"/pay".',
            kind="text",
            query="*",
        ),
        Variable(
            name="trace_id",
            label="Trace id",
            description="Trace whose lines are shown in the row Search.",
            kind="text",
            query="*",
        ),
    ),
    links=(Link(title="Services", url="/d/obskit-services"),),
    rows=(SUMMARY, ERROR_ROW, REQUESTS, SEARCHING, QUARANTINE, CLOCKS),
)
