"""Error budgets: how much failure each service may still afford, and how fast it spends it."""

from __future__ import annotations

from ..model import Board, Kind, Link, Override, Panel, Query, Row, Variable, steps
from ._parts import DATASOURCE, chart

__all__ = ["BOARD"]

S = 'service=~"$service"'
_NO_SLO = "no service has an slo in obskit.yml"

# The pairs of windows whose burning together pages (Google SRE Workbook, chapter 5).
_FAST = ("5m", "30m", "1h", "6h")
_SLOW = ("2h", "6h", "1d", "3d")

BUDGET = Row(
    title="Error budget",
    panels=(
        Panel(
            title="Services with an objective",
            description="Objective, what is left of the error budget, and how fast it is being spent. At a burn rate "
            "of 1 the budget lasts exactly its window; at 14.4 two days.",
            kind=Kind.TABLE,
            unit="short",
            width=24,
            height=6,
            queries=tuple(
                Query(expr=expr, instant=True, table=True)
                for expr in (
                    f"max by (service) (slo:objective:ratio{{{S}}})",
                    f"max by (service) (slo:error_budget:remaining_ratio{{{S}}})",
                    f"max by (service) (slo:burn_rate:1h{{{S}}})",
                    f"max by (service) (slo:burn_rate:6h{{{S}}})",
                    f"max by (service) (slo:burn_rate:3d{{{S}}})",
                )
            ),
            transformations=(
                ("merge", {}),
                (
                    "organize",
                    {
                        "excludeByName": {"Time": True},
                        "renameByName": {
                            "service": "Service",
                            "Value #A": "Objective",
                            "Value #B": "Budget left",
                            "Value #C": "Burn rate 1 h",
                            "Value #D": "Burn rate 6 h",
                            "Value #E": "Burn rate 3 d",
                        },
                    },
                ),
            ),
            overrides=(
                Override(
                    field="/^(Objective|Budget left)$/",
                    properties=(("unit", "percentunit"), ("decimals", 2)),
                ),
            ),
            empty_when=_NO_SLO,
        ),
        Panel(
            title="Error budget left",
            description="What is left of each service's error budget. Below 0 the objective is missed: no more risky "
            "releases until the window has moved on.",
            unit="percentunit",
            width=12,
            maximum=1,
            queries=(Query(expr=f"slo:error_budget:remaining_ratio{{{S}}}", legend="{{service}}"),),
            thresholds=steps(0.25, 0),
            threshold_lines=True,
            empty_when=_NO_SLO,
        ),
        Panel(
            title="Availability against the objective",
            description="Share of requests without a 5xx over the last hour, and the objective as a dashed line.",
            unit="percentunit",
            width=12,
            decimals=3,
            queries=(
                Query(
                    expr=f"1 - slo:burn_rate:1h{{{S}}}"
                    f" * on (service) group_left () (1 - max by (service) (slo:objective:ratio{{{S}}}))",
                    legend="{{service}}",
                ),
                Query(
                    expr=f"max by (service) (slo:objective:ratio{{{S}}})",
                    legend="objective {{service}}",
                    objective=True,
                ),
            ),
            empty_when=f"{_NO_SLO}, or there is no traffic",
        ),
    ),
)

BURN = Row(
    title="Burn rates",
    panels=(
        chart(
            "Fast burn",
            "Burn rates over short windows. The page goes out when the last hour and the last 5 minutes both burn "
            "above 14.4, or 6 hours and 30 minutes above 6.",
            "short",
            *((f"slo:burn_rate:{window}{{{S}}}", f"{{{{service}}}} {window}") for window in _FAST),
            width=12,
            thresholds=steps(6, 14.4),
            threshold_lines=True,
            empty_when=f"{_NO_SLO}, or there is no traffic",
        ),
        chart(
            "Slow burn",
            "Burn rates over long windows. A ticket is raised when the last day and the last 2 hours both burn above "
            "3, or 3 days and 6 hours above 1.",
            "short",
            *((f"slo:burn_rate:{window}{{{S}}}", f"{{{{service}}}} {window}") for window in _SLOW),
            width=12,
            thresholds=steps(1, 3),
            threshold_lines=True,
            empty_when=f"{_NO_SLO}, or there is no traffic",
        ),
        chart(
            "Requests that failed",
            "Requests a second that spend the budget, by service.",
            "reqps",
            (f"service:http_requests_errors:rate5m{{{S}}}", "{{service}}"),
            width=12,
            empty_when="there is no traffic",
        ),
        chart(
            "P95 latency and its limit",
            "95th percentile over 5 minutes, and services[].p95_ms of obskit.yml.",
            "s",
            (f"service:http_request_duration_seconds:p95{{{S}}}", "{{service}}"),
            (f"service:p95_objective:seconds{{{S}}}", "limit {{service}}"),
            width=12,
            overrides=(
                Override(
                    field="/^limit/",
                    properties=(("custom.lineStyle", {"fill": "dash", "dash": [10, 10]}),),
                ),
            ),
            empty_when="there is no traffic",
        ),
    ),
)

BOARD = Board(
    uid="obskit-slo",
    title="Error budgets (SLO)",
    description="Error budget and burn rates of every service with an slo in obskit.yml.",
    tags=("services", "slo"),
    variables=(
        DATASOURCE,
        Variable(
            name="service",
            label="Service",
            description="Services to show.",
            kind="values",
            query="label_values(slo:objective:ratio, service)",
        ),
    ),
    links=(
        Link(title="Services", url="/d/obskit-services"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(BUDGET, BURN),
    since="now-24h",
)
