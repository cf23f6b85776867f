"""The clocks of all nodes: without them logs and traces of several hosts cannot be put in order."""

from __future__ import annotations

from ..model import Board, Kind, Link, Panel, Query, Row, Threshold, steps
from ._parts import DATASOURCE, chart, instance, job, number
from ._parts import SELECTOR as S

__all__ = ["BOARD"]

_BAD_BELOW_AND_ABOVE = (
    Threshold(value=None, color="red"),
    Threshold(value=-0.05, color="green"),
    Threshold(value=0.05, color="red"),
)

NOW = Row(
    title="Now",
    panels=(
        number(
            "Nodes without synchronisation",
            "Nodes whose kernel says that nothing disciplines its clock. Check chronyd, systemd-timesyncd or ntpd "
            "there, and that UDP port 123 is open.",
            "short",
            f"count(node_timex_sync_status{{{S}}} == 0) or vector(0)",
            thresholds=steps(1, 1),
            width=6,
        ),
        number(
            "Largest offset",
            "The offset from its reference of the node that is furthest off, as its kernel sees it.",
            "s",
            f"max(abs(node_timex_offset_seconds{{{S}}}))",
            thresholds=steps(0.01, 0.05),
            width=6,
        ),
        number(
            "Largest difference to Prometheus",
            "How far the clock of a node and that of the Prometheus server lie apart. A scrape takes time, so "
            "differences below one second mean nothing.",
            "s",
            f"max(abs(timestamp(node_time_seconds{{{S}}}) - node_time_seconds{{{S}}}))",
            thresholds=steps(1, 5),
            width=6,
        ),
        number(
            "Largest error bound",
            "The largest error that a kernel allows for. It grows while nothing synchronises; at 16 s the kernel "
            "gives up.",
            "s",
            f"max(node_timex_maxerror_seconds{{{S}}})",
            thresholds=steps(1, 10),
            width=6,
        ),
    ),
)

ALL = Row(
    title="By node",
    panels=(
        chart(
            "Synchronised",
            "1 while the kernel's clock is disciplined by NTP or PTP.",
            "bool_yes_no",
            (f"node_timex_sync_status{{{S}}}", "{{instance}}"),
            maximum=1,
        ),
        chart(
            "Offset from the reference",
            "How far each kernel believes its clock to be from its reference. 0 for ever means that there is none.",
            "s",
            (f"node_timex_offset_seconds{{{S}}}", "{{instance}}"),
            minimum=None,
            thresholds=_BAD_BELOW_AND_ABOVE,
            threshold_lines=True,
        ),
        chart(
            "Difference to Prometheus",
            "Clock of each node minus that of the Prometheus server. It needs no NTP to be trusted, but is only "
            "as exact as a scrape is fast.",
            "s",
            (f"node_time_seconds{{{S}}} - timestamp(node_time_seconds{{{S}}})", "{{instance}}"),
            minimum=None,
        ),
        chart(
            "Error bound",
            "The largest error that each kernel allows for.",
            "s",
            (f"node_timex_maxerror_seconds{{{S}}}", "{{instance}}"),
            thresholds=steps(1, 10),
        ),
        chart(
            "Frequency correction",
            "How much faster or slower than its crystal each clock is run. A jump is a new reference, or a machine "
            "that was moved to another host.",
            "percentunit",
            (f"node_timex_frequency_adjustment_ratio{{{S}}} - 1", "{{instance}}"),
            minimum=None,
            decimals=6,
        ),
        Panel(
            title="Clock source",
            description="Where each kernel takes its time from. A virtual machine on 'hpet' or 'acpi_pm' reads its "
            "clock slowly.",
            kind=Kind.TABLE,
            unit="short",
            queries=(
                Query(
                    expr=f"max by (instance, clocksource) (node_time_clocksource_current_info{{{S}}})",
                    instant=True,
                    table=True,
                ),
            ),
            empty_when="node_exporter is older than 1.4",
        ),
    ),
)

BOARD = Board(
    uid="obskit-clock",
    title="Clocks",
    description="Offset and synchronisation of the clocks of all nodes.",
    tags=("node", "clock"),
    variables=(DATASOURCE, job("node_timex_sync_status"), instance("node_timex_sync_status")),
    links=(
        Link(title="Node Exporter", url="/d/obskit-node"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(NOW, ALL),
    since="now-6h",
)
