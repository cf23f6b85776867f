"""What is seen from outside: probes of blackbox_exporter."""

from __future__ import annotations

from ..model import Board, Kind, Link, Panel, Query, Row, steps
from ._parts import DATASOURCE, chart, instance, job, number
from ._parts import SELECTOR as S

__all__ = ["BOARD"]

_NO_HTTP = "no probe speaks HTTP"
_NO_TLS = "no probe speaks TLS"

NOW = Row(
    title="Now",
    panels=(
        number(
            "Failing probes",
            "Addresses that cannot be reached from the blackbox exporter.",
            "short",
            f"count(probe_success{{{S}}} == 0) or vector(0)",
            width=6,
            thresholds=steps(1, 1),
        ),
        number(
            "Availability",
            "Share of probes that succeeded in the shown range.",
            "percentunit",
            f"avg(avg_over_time(probe_success{{{S}}}[$__range]))",
            width=6,
            decimals=3,
            thresholds=steps(0.999, 0.99),
        ),
        number(
            "Slowest probe",
            "The longest probe now.",
            "s",
            f"max(probe_duration_seconds{{{S}}})",
            width=6,
            thresholds=steps(1, 5),
        ),
        number(
            "First certificate to expire",
            "Time until the first certificate of any address expires.",
            "dtdurations",
            f"min(probe_ssl_earliest_cert_expiry{{{S}}} - time())",
            width=6,
            thresholds=steps(14 * 86400, 86400),
            empty_when=_NO_TLS,
        ),
    ),
)

PROBES = Row(
    title="Probes",
    panels=(
        Panel(
            title="Addresses",
            description="Every address, and whether its last probe succeeded.",
            kind=Kind.TABLE,
            unit="bool_yes_no",
            queries=(
                Query(
                    expr=f"max by (job, instance) (probe_success{{{S}}})", instant=True, table=True
                ),
            ),
            thresholds=steps(1, 0),
        ),
        chart(
            "Success",
            "1 while an address answers as its module wants it to.",
            "bool_yes_no",
            (f"probe_success{{{S}}}", "{{instance}}"),
            maximum=1,
        ),
        chart(
            "Duration",
            "How long each probe took.",
            "s",
            (f"probe_duration_seconds{{{S}}}", "{{instance}}"),
            thresholds=steps(1, 5),
        ),
        chart(
            "Duration by phase",
            "Where the time of HTTP probes goes: name resolution, connection, TLS, the server's work, transfer.",
            "s",
            (
                f"sum by (phase) (probe_http_duration_seconds{{{S}}})",
                "{{phase}}",
            ),
            stack=True,
            empty_when=_NO_HTTP,
        ),
        chart(
            "HTTP status",
            "Status of the last answer; 0 when there was none.",
            "none",
            (f"probe_http_status_code{{{S}}}", "{{instance}}"),
            thresholds=steps(400, 500),
            empty_when=_NO_HTTP,
        ),
        chart(
            "Time until certificates expire",
            "Days until the first certificate in each chain expires.",
            "d",
            (
                f"(probe_ssl_earliest_cert_expiry{{{S}}} - time()) / 86400",
                "{{instance}}",
            ),
            thresholds=steps(14, 1),
            empty_when=_NO_TLS,
        ),
    ),
)

BOARD = Board(
    uid="obskit-blackbox",
    title="Probes from outside",
    description="Reachability, duration and certificates (blackbox_exporter).",
    tags=("services",),
    variables=(DATASOURCE, job("probe_success"), instance("probe_success")),
    links=(
        Link(title="Services", url="/d/obskit-services"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(NOW, PROBES),
    since="now-6h",
)
