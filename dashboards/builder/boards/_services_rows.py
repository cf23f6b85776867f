"""Services: versions side by side, and saturation."""

from __future__ import annotations

from ..model import Kind, LogQuery, Panel, Query, Row, steps
from ._parts import RATE, ratio
from ._services_queries import LOGGED, VERSION_P95, S, of_process, version_requests

__all__ = ["SATURATION", "VERSIONS"]

VERSIONS = Row(
    title="Versions side by side",
    panels=(
        Panel(
            title="QPS by version",
            description="Requests a second of each chosen version: how far a roll-out, or a switch from blue to "
            "green, has come.",
            unit="reqps",
            stack=True,
            minimum=0,
            queries=(Query(expr=version_requests(), legend="{{service}} {{version}}"),),
            empty_when="the services expose no service_build_info",
        ),
        Panel(
            title="Error rate by version",
            description="Share of 5xx of each chosen version. The new one should not lie above the old one.",
            unit="percentunit",
            minimum=0,
            queries=(
                Query(
                    expr=ratio(version_requests(f'{S},status=~"5.."'), version_requests()),
                    legend="{{service}} {{version}}",
                ),
            ),
            thresholds=steps(0.01, 0.05),
            threshold_lines=True,
            empty_when="the services expose no service_build_info, or there is no traffic",
        ),
        Panel(
            title="P95 latency by version",
            description="95th percentile of each chosen version.",
            unit="s",
            minimum=0,
            queries=(Query(expr=VERSION_P95, legend="{{service}} {{version}}"),),
            thresholds=steps(0.5, 2),
            empty_when="the services expose no service_build_info, or there is no traffic",
        ),
    ),
)

SATURATION = Row(
    title="Saturation",
    panels=(
        Panel(
            title="Requests in flight",
            description="Mean number of requests under way at once: rate times mean duration (Little's law). It "
            "is also the number of workers that are needed.",
            unit="short",
            minimum=0,
            queries=(
                Query(
                    expr=f"sum by (service) (rate(http_request_duration_seconds_sum{{{S}}}[{RATE}]))",
                    legend="{{service}}",
                ),
            ),
        ),
        Panel(
            title="CPU by instance",
            description="Processors that each process uses. A Python or Node process stands at its limit with 1.",
            unit="short",
            minimum=0,
            queries=(
                Query(
                    expr=of_process(f"rate(process_cpu_seconds_total[{RATE}])"),
                    legend="{{service}} {{instance}}",
                ),
            ),
            thresholds=steps(0.8, 0.95),
            empty_when="the services expose no service_build_info or no process metrics",
        ),
        Panel(
            title="Memory by instance",
            description="Resident memory of each process. A line that only rises is a leak.",
            unit="bytes",
            minimum=0,
            queries=(
                Query(
                    expr=of_process("process_resident_memory_bytes"),
                    legend="{{service}} {{instance}}",
                ),
            ),
            empty_when="the services expose no service_build_info or no process metrics",
        ),
        Panel(
            title="File descriptors in use",
            description="Share of a process's file descriptors in use. At 100 % it accepts no connection.",
            unit="percentunit",
            minimum=0,
            queries=(
                Query(
                    expr=of_process("(process_open_fds / process_max_fds)"),
                    legend="{{service}} {{instance}}",
                ),
            ),
            thresholds=steps(0.7, 0.9),
            threshold_lines=True,
            empty_when="the services expose no service_build_info or no process metrics",
        ),
        Panel(
            title="Errors in the logs",
            description="Lines of level ERROR of the chosen services in each interval.",
            unit="short",
            bars=True,
            stack=True,
            minimum=0,
            queries=(
                LogQuery(
                    query=f"{LOGGED} AND level:ERROR", by=("service",), alias="{{term service}}"
                ),
            ),
            empty_when="nothing of the chosen services was logged as ERROR",
        ),
        Panel(
            title="Newest errors of these services",
            description="The newest lines of level ERROR of the chosen services; trace_id leads to every line "
            "of the request.",
            kind=Kind.LOGS,
            unit="",
            queries=(LogQuery(query=f"{LOGGED} AND level:ERROR", documents=50, as_logs=True),),
            empty_when="nothing of the chosen services was logged as ERROR",
        ),
    ),
)
