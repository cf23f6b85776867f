"""Services by the RED method: rate, errors, duration; by service, route and version."""

from __future__ import annotations

from ..model import Board, Event, Kind, Link, Override, Panel, Query, Row, Variable, steps
from ._parts import DATASOURCE, LOGS, RATE, ratio
from ._services_queries import BUILD, TO_LOGS, S, failures, quantile, requests
from ._services_rows import SATURATION, VERSIONS

__all__ = ["BOARD", "P95_PANEL"]

#: Panel id of "P95 latency": alerts and the README point to it.
P95_PANEL = 95

SUMMARY = Row(
    title="Now",
    panels=(
        Panel(
            title="Requests a second",
            description="Requests a second of the chosen services and routes together.",
            kind=Kind.STAT,
            unit="reqps",
            width=6,
            height=4,
            queries=(Query(expr=f"sum(rate(http_requests_total{{{S}}}[{RATE}]))"),),
        ),
        Panel(
            title="Error ratio",
            description="Share of requests that were answered with a status of 500 and above.",
            kind=Kind.STAT,
            unit="percentunit",
            width=6,
            height=4,
            queries=(
                Query(
                    expr=f'(sum(rate(http_requests_total{{{S},status=~"5.."}}[{RATE}])) or vector(0))'
                    f" / (sum(rate(http_requests_total{{{S}}}[{RATE}])) > 0)"
                ),
            ),
            thresholds=steps(0.01, 0.05),
            empty_when="there is no traffic",
        ),
        Panel(
            title="Slowest P95",
            description="95th percentile of the service that is slowest by it.",
            kind=Kind.STAT,
            unit="s",
            width=6,
            height=4,
            queries=(Query(expr=f"max({quantile(0.95, 'service')})"),),
            thresholds=steps(0.5, 2),
            empty_when="there is no traffic",
        ),
        Panel(
            title="Instances up",
            description="Instances of the chosen services that answer Prometheus, by service and version.",
            kind=Kind.STAT,
            unit="short",
            width=6,
            height=4,
            queries=(
                Query(
                    expr=f"count by (service, version) ({BUILD})", legend="{{service}} {{version}}"
                ),
            ),
            empty_when="the services expose no service_build_info",
        ),
    ),
)

RED = Row(
    title="By service",
    panels=(
        Panel(
            title="QPS",
            description="Requests a second, by service. Click a line for the service's logs.",
            unit="reqps",
            minimum=0,
            queries=(Query(expr=requests("service"), legend="{{service}}"),),
            links=(TO_LOGS,),
        ),
        Panel(
            title="Error rate",
            description="Share of requests that were answered with 5xx, by service.",
            unit="percentunit",
            minimum=0,
            queries=(
                Query(expr=ratio(failures("service"), requests("service")), legend="{{service}}"),
            ),
            thresholds=steps(0.01, 0.05),
            threshold_lines=True,
            links=(TO_LOGS,),
            empty_when="there is no traffic",
        ),
        Panel(
            title="Requests by status",
            description="Requests a second, by status class.",
            unit="reqps",
            stack=True,
            minimum=0,
            queries=(
                Query(
                    expr="sum by (class) (label_replace("
                    f"{requests('service, status')}"
                    ', "class", "${1}xx", "status", "(.).."))',
                    legend="{{class}}",
                ),
            ),
        ),
        Panel(
            title="P50 latency",
            description="Half of the requests are faster than this, by service.",
            unit="s",
            minimum=0,
            queries=(Query(expr=quantile(0.5, "service"), legend="{{service}}"),),
            empty_when="there is no traffic",
        ),
        Panel(
            title="P95 latency",
            description="95 of 100 requests are faster than this, by service. The dashed line is the limit "
            "services[].p95_ms of obskit.yml, the same number that the alert uses. Points are single "
            "requests (exemplars): click one for its logs.",
            identifier=P95_PANEL,
            unit="s",
            minimum=0,
            queries=(
                Query(expr=quantile(0.95, "service"), legend="{{service}}", exemplars=True),
                Query(
                    expr='service:p95_objective:seconds{service=~"$service"}',
                    legend="limit {{service}}",
                    objective=True,
                ),
            ),
            links=(TO_LOGS,),
            empty_when="there is no traffic",
        ),
        Panel(
            title="P99 latency",
            description="99 of 100 requests are faster than this, by service: what the unlucky see.",
            unit="s",
            minimum=0,
            queries=(Query(expr=quantile(0.99, "service"), legend="{{service}}", exemplars=True),),
            links=(TO_LOGS,),
            empty_when="there is no traffic",
        ),
        Panel(
            title="Latency distribution",
            description="How many requests fall into each class of duration. Two bands are two kinds of "
            "requests: hits and misses of a cache, or one slow route.",
            kind=Kind.HEATMAP,
            unit="s",
            width=24,
            queries=(
                Query(
                    expr=f"sum by (le) (rate(http_request_duration_seconds_bucket{{{S}}}[{RATE}]))",
                    legend="{{le}}",
                    heatmap=True,
                ),
            ),
        ),
    ),
)

ROUTES = Row(
    title="By route",
    panels=(
        Panel(
            title="QPS by route",
            description="Requests a second, by service, method and route (the twenty busiest).",
            unit="reqps",
            minimum=0,
            queries=(
                Query(
                    expr=f"topk(20, {requests('service, method, route')})",
                    legend="{{service}} {{method}} {{route}}",
                ),
            ),
            links=(TO_LOGS,),
        ),
        Panel(
            title="Error rate by route",
            description="Share of requests that were answered with 5xx, of the routes that failed at all.",
            unit="percentunit",
            minimum=0,
            queries=(
                Query(
                    expr=f"{failures('service, method, route')} / {requests('service, method, route')}",
                    legend="{{service}} {{method}} {{route}}",
                ),
            ),
            thresholds=steps(0.01, 0.05),
            threshold_lines=True,
            links=(TO_LOGS,),
            empty_when="no route has failed since its process started",
        ),
        Panel(
            title="P95 latency by route",
            description="95th percentile, by service, method and route (the twenty slowest).",
            unit="s",
            minimum=0,
            queries=(
                Query(
                    expr=f"topk(20, {quantile(0.95, 'service, method, route')})",
                    legend="{{service}} {{method}} {{route}}",
                ),
            ),
            thresholds=steps(0.5, 2),
            links=(TO_LOGS,),
            empty_when="there is no traffic",
        ),
        Panel(
            title="Routes",
            description="Every route with its requests a second, share of errors and 95th percentile.",
            kind=Kind.TABLE,
            unit="short",
            width=24,
            height=8,
            queries=(
                Query(expr=requests("service, method, route"), instant=True, table=True),
                Query(
                    expr=ratio(
                        failures("service, method, route"), requests("service, method, route")
                    ),
                    instant=True,
                    table=True,
                ),
                Query(expr=quantile(0.95, "service, method, route"), instant=True, table=True),
            ),
            transformations=(
                ("merge", {}),
                (
                    "organize",
                    {
                        "excludeByName": {"Time": True},
                        "indexByName": {"service": 0, "method": 1, "route": 2},
                        "renameByName": {
                            "Value #A": "Requests/s",
                            "Value #B": "Error rate",
                            "Value #C": "P95",
                        },
                    },
                ),
            ),
            overrides=(
                Override(field="/^Requests.s$/", properties=(("unit", "reqps"),)),
                Override(field="/^Error rate$/", properties=(("unit", "percentunit"),)),
                Override(field="/^P95$/", properties=(("unit", "s"),)),
            ),
        ),
    ),
)

BOARD = Board(
    uid="obskit-services",
    title="Services (RED)",
    description="Rate, errors and duration of every service, by service, route and version.",
    tags=("services",),
    variables=(
        DATASOURCE,
        LOGS,
        Variable(
            name="service",
            label="Service",
            description="Services to show.",
            kind="values",
            query="label_values(http_requests_total, service)",
        ),
        Variable(
            name="route",
            label="Route",
            description="Routes to show.",
            kind="values",
            query='label_values(http_requests_total{service=~"$service"}, route)',
        ),
        Variable(
            name="version",
            label="Version",
            description="Versions to compare; choose two for blue and green.",
            kind="values",
            query='label_values(service_build_info{service=~"$service"}, version)',
        ),
    ),
    events=(
        Event(
            name="New versions",
            color="green",
            expr='count by (service, version) (service_build_info{service=~"$service"})'
            ' unless count by (service, version) (service_build_info{service=~"$service"} offset 5m)',
            title="{{service}} {{version}}",
        ),
        Event(
            name="Firing alerts",
            color="red",
            expr='ALERTS{alertstate="firing",service=~"$service"}',
            title="{{alertname}} {{service}}",
        ),
    ),
    links=(Link(title="Logs", url="/d/obskit-logs"),),
    rows=(SUMMARY, RED, ROUTES, VERSIONS, SATURATION),
)
