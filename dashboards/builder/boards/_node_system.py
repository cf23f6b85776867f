"""Node Exporter: memory, pressure, clock, and the system's own state."""

from __future__ import annotations

from ..model import Kind, Panel, Query, Row, Threshold, steps
from ._parts import RATE, YES_NO

__all__ = ["CLOCK", "MEMORY", "PRESSURE", "SYSTEM"]

S = 'job=~"$job",instance="$instance"'

MEMORY = Row(
    title="Memory",
    panels=(
        Panel(
            title="Memory",
            description="What memory holds. Caches are given back when programs need them; what counts is "
            "what is left together with them (the available line).",
            unit="bytes",
            stack=True,
            minimum=0,
            width=12,
            queries=(
                Query(
                    expr=f"node_memory_MemTotal_bytes{{{S}}} - node_memory_MemFree_bytes{{{S}}}"
                    f" - node_memory_Buffers_bytes{{{S}}} - node_memory_Cached_bytes{{{S}}}"
                    f" - node_memory_SReclaimable_bytes{{{S}}}",
                    legend="programs",
                ),
                Query(
                    expr=f"node_memory_Buffers_bytes{{{S}}} + node_memory_Cached_bytes{{{S}}}"
                    f" + node_memory_SReclaimable_bytes{{{S}}}",
                    legend="buffers and caches",
                ),
                Query(expr=f"node_memory_MemFree_bytes{{{S}}}", legend="free"),
            ),
        ),
        Panel(
            title="Memory available",
            description="What a new process could get without swapping, as the kernel estimates it.",
            unit="bytes",
            minimum=0,
            width=12,
            queries=(
                Query(expr=f"node_memory_MemAvailable_bytes{{{S}}}", legend="available"),
                Query(expr=f"node_memory_MemTotal_bytes{{{S}}}", legend="total", objective=True),
            ),
        ),
        Panel(
            title="Swap used",
            description="Swap in use. Use by itself is harmless; traffic to and fro is not (next panel).",
            unit="bytes",
            minimum=0,
            queries=(
                Query(
                    expr=f"node_memory_SwapTotal_bytes{{{S}}} - node_memory_SwapFree_bytes{{{S}}}",
                    legend="used",
                ),
                Query(expr=f"node_memory_SwapTotal_bytes{{{S}}}", legend="total"),
            ),
        ),
        Panel(
            title="Swap and page traffic",
            description="Pages a second swapped in and out, and major page faults (reads from disk because a "
            "page was not in memory). Steady swapping in is a machine short of memory.",
            unit="ops",
            minimum=0,
            queries=(
                Query(expr=f"rate(node_vmstat_pswpin{{{S}}}[{RATE}])", legend="swapped in"),
                Query(expr=f"rate(node_vmstat_pswpout{{{S}}}[{RATE}])", legend="swapped out"),
                Query(expr=f"rate(node_vmstat_pgmajfault{{{S}}}[{RATE}])", legend="major faults"),
            ),
        ),
        Panel(
            title="Processes killed for memory",
            description="How often the kernel killed a process because memory ran out, in the shown range's "
            "steps. The kernel's log names the victim.",
            unit="short",
            minimum=0,
            queries=(
                Query(expr=f"increase(node_vmstat_oom_kill{{{S}}}[{RATE}])", legend="killed"),
            ),
            thresholds=steps(1, 1),
        ),
    ),
)

PRESSURE = Row(
    title="Pressure",
    panels=tuple(
        Panel(
            title=f"{name} pressure",
            description=f"Share of time in which some task (waiting) or every task (stalled) had to wait for "
            f"{what}. This is the best single sign of saturation that Linux has: above 10 % users notice.",
            unit="percentunit",
            minimum=0,
            queries=tuple(
                Query(
                    expr=f"rate(node_pressure_{resource}_{kind}_seconds_total{{{S}}}[{RATE}])",
                    legend=kind,
                )
                for kind in kinds
            ),
            thresholds=steps(0.1, 0.4),
            threshold_lines=True,
            empty_when="the kernel has no pressure stall information (before 4.20, or psi=0)",
        )
        for name, resource, what, kinds in (
            ("CPU", "cpu", "a processor", ("waiting",)),
            ("Memory", "memory", "memory", ("waiting", "stalled")),
            ("I/O", "io", "a disk", ("waiting", "stalled")),
        )
    ),
)

CLOCK = Row(
    title="Clock",
    panels=(
        Panel(
            title="Clock synchronised",
            description="Whether the kernel's clock is disciplined by NTP or PTP. Logs and traces of several "
            "hosts cannot be put in order without it.",
            kind=Kind.STAT,
            unit="short",
            width=4,
            queries=(Query(expr=f"node_timex_sync_status{{{S}}}", instant=True),),
            thresholds=(Threshold(value=None, color="red"), Threshold(value=1, color="green")),
            values=YES_NO,
        ),
        Panel(
            title="Clock offset",
            description="How far the kernel believes its clock to be from its reference. Without a reference "
            "it stays 0: see whether the clock is synchronised at all.",
            unit="s",
            width=10,
            queries=(Query(expr=f"node_timex_offset_seconds{{{S}}}", legend="offset"),),
            thresholds=(
                Threshold(value=None, color="red"),
                Threshold(value=-0.05, color="green"),
                Threshold(value=0.05, color="red"),
            ),
        ),
        Panel(
            title="Clock error bound",
            description="The largest error that the kernel allows for, and its estimate. The bound grows when "
            "nothing synchronises the clock; at 16 s the kernel calls it unsynchronised.",
            unit="s",
            width=10,
            minimum=0,
            queries=(
                Query(expr=f"node_timex_maxerror_seconds{{{S}}}", legend="largest"),
                Query(expr=f"node_timex_estimated_error_seconds{{{S}}}", legend="estimated"),
            ),
            thresholds=steps(1, 10),
        ),
    ),
)

SYSTEM = Row(
    title="System",
    panels=(
        Panel(
            title="New processes",
            description="Processes started a second. A jump is a loop of crashes and restarts, or a script that "
            "calls a program for each line.",
            unit="ops",
            minimum=0,
            queries=(Query(expr=f"rate(node_forks_total{{{S}}}[{RATE}])", legend="started"),),
        ),
        Panel(
            title="systemd units failed",
            description="Units in the state failed, by name. `systemctl status` and the journal say why.",
            kind=Kind.TABLE,
            unit="short",
            queries=(
                Query(
                    expr=f'node_systemd_unit_state{{{S},state="failed"}} == 1',
                    instant=True,
                    table=True,
                ),
            ),
            empty_when="no unit failed, or node_exporter runs without --collector.systemd or systemd",
        ),
        Panel(
            title="systemd units by state",
            description="How many units are in each state.",
            unit="short",
            minimum=0,
            queries=(
                Query(
                    expr=f"sum by (state) (node_systemd_units{{{S}}})",
                    legend="{{state}}",
                ),
            ),
            empty_when="node_exporter runs without --collector.systemd, or the host without systemd",
        ),
        Panel(
            title="Connections tracked",
            description="Entries of the connection table, as a share of its limit. At 100 % new connections "
            "are dropped without a word to the program.",
            unit="percentunit",
            minimum=0,
            queries=(
                Query(
                    expr=f"node_nf_conntrack_entries{{{S}}} / node_nf_conntrack_entries_limit{{{S}}}",
                    legend="in use",
                ),
            ),
            thresholds=steps(0.75, 0.9),
            empty_when="the kernel tracks no connections (module nf_conntrack not loaded)",
        ),
        Panel(
            title="Collectors that fail",
            description="Collectors of node_exporter that could not read what they want. The panels that need "
            "them are empty.",
            kind=Kind.TABLE,
            unit="short",
            queries=(
                Query(
                    expr=f"node_scrape_collector_success{{{S}}} == 0",
                    instant=True,
                    table=True,
                ),
            ),
            empty_when="every collector works",
        ),
        Panel(
            title="Time of a scrape by collector",
            description="The slowest collectors. A slow one points to what it reads: a hanging mount, a sick "
            "disk, thousands of interfaces.",
            unit="s",
            minimum=0,
            queries=(
                Query(
                    expr=f"topk(5, node_scrape_collector_duration_seconds{{{S}}})",
                    legend="{{collector}}",
                ),
            ),
            thresholds=steps(1, 5),
        ),
    ),
)
