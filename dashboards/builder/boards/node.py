"""Node Exporter: one Linux host, and all of them in one table."""

from __future__ import annotations

from ..model import Board, Event, Kind, Link, Override, Panel, Query, Row, Threshold, steps
from . import _node_io, _node_system
from ._parts import DATASOURCE, RATE, instance, job

__all__ = ["BOARD"]

S = 'job=~"$job",instance="$instance"'
ALL = 'job=~"$job"'

_BUSY = f'1 - avg by (instance) (rate(node_cpu_seconds_total{{{ALL},mode="idle"}}[{RATE}]))'
_USED = f"1 - node_memory_MemAvailable_bytes{{{ALL}}} / node_memory_MemTotal_bytes{{{ALL}}}"
_ROOT = (
    f'1 - node_filesystem_avail_bytes{{{ALL},mountpoint="/",fstype!="rootfs"}}'
    f' / node_filesystem_size_bytes{{{ALL},mountpoint="/",fstype!="rootfs"}}'
)

OVERVIEW = Row(
    title="All nodes",
    panels=(
        Panel(
            title="Nodes",
            description="Every node of the chosen jobs: uptime, and how much of CPU, memory and root file "
            "system is in use. Click a name to see that node below.",
            kind=Kind.TABLE,
            unit="short",
            width=24,
            height=6,
            queries=(
                Query(
                    expr=f"time() - node_boot_time_seconds{{{ALL}}}",
                    instant=True,
                    table=True,
                ),
                Query(expr=_BUSY, instant=True, table=True),
                Query(expr=_USED, instant=True, table=True),
                Query(expr=_ROOT, instant=True, table=True),
                Query(expr=f"node_load5{{{ALL}}}", instant=True, table=True),
            ),
            thresholds=steps(0.8, 0.9),
            transformations=(
                ("joinByField", {"byField": "instance", "mode": "outer"}),
                (
                    "filterFieldsByName",
                    {"include": {"pattern": "^instance$|^Value.*"}},
                ),
                (
                    "organize",
                    {
                        "renameByName": {
                            "instance": "Instance",
                            "Value #A": "Uptime",
                            "Value #B": "CPU",
                            "Value #C": "Memory",
                            "Value #D": "Root file system",
                            "Value #E": "Load (5 min)",
                        }
                    },
                ),
            ),
            overrides=(
                Override(
                    field="/^Uptime$/",
                    properties=(
                        ("unit", "dtdurations"),
                        ("color", {"mode": "fixed", "fixedColor": "text"}),
                    ),
                ),
                Override(
                    field="/^(CPU|Memory|Root file system)$/",
                    properties=(
                        ("unit", "percentunit"),
                        ("custom.cellOptions", {"type": "gauge", "mode": "basic"}),
                        ("min", 0),
                        ("max", 1),
                    ),
                ),
                Override(
                    field="/^Instance$/",
                    properties=(
                        (
                            "links",
                            [
                                {
                                    "title": "Show this node",
                                    "url": "/d/obskit-node?var-instance=${__value.raw}&${__url_time_range}",
                                }
                            ],
                        ),
                    ),
                ),
            ),
        ),
    ),
)

SUMMARY = Row(
    title="$instance",
    panels=(
        Panel(
            title="Uptime",
            description="Time since the last boot. A small value that nobody expected is a crash or a restart.",
            kind=Kind.STAT,
            unit="dtdurations",
            width=4,
            height=4,
            queries=(Query(expr=f"time() - node_boot_time_seconds{{{S}}}", instant=True),),
            thresholds=(
                Threshold(value=None, color="orange"),
                Threshold(value=3600, color="green"),
            ),
        ),
        Panel(
            title="CPU busy",
            description="Share of all processor time that was not idle. Above 80 % for long, work waits: look "
            "at the pressure row before adding processors.",
            kind=Kind.STAT,
            unit="percentunit",
            width=4,
            height=4,
            minimum=0,
            maximum=1,
            queries=(
                Query(
                    expr=f'1 - avg(rate(node_cpu_seconds_total{{{S},mode="idle"}}[{RATE}]))',
                ),
            ),
            thresholds=steps(0.8, 0.9),
        ),
        Panel(
            title="Memory used",
            description="Share of memory that is not available to a new process (caches count as available).",
            kind=Kind.STAT,
            unit="percentunit",
            width=4,
            height=4,
            minimum=0,
            maximum=1,
            queries=(
                Query(
                    expr=f"1 - node_memory_MemAvailable_bytes{{{S}}} / node_memory_MemTotal_bytes{{{S}}}",
                ),
            ),
            thresholds=steps(0.85, 0.95),
        ),
        Panel(
            title="Fullest file system",
            description="The fullest real file system of this node. At 100 % databases and Elasticsearch stop "
            "writing; Elasticsearch does at 95 %.",
            kind=Kind.STAT,
            unit="percentunit",
            width=4,
            height=4,
            minimum=0,
            maximum=1,
            queries=(
                Query(
                    expr=f"max(1 - node_filesystem_avail_bytes{{{S},{_node_io.REAL_FS}}}"
                    f" / node_filesystem_size_bytes{{{S},{_node_io.REAL_FS}}})",
                ),
            ),
            thresholds=steps(0.8, 0.9),
        ),
        Panel(
            title="Load per processor",
            description="Tasks that run or wait, per processor, over 5 minutes. Above 1 more work is ready than "
            "processors can take.",
            kind=Kind.STAT,
            unit="short",
            width=4,
            height=4,
            decimals=2,
            queries=(
                Query(
                    expr=f'sum(node_load5{{{S}}}) / count(node_cpu_seconds_total{{{S},mode="idle"}})',
                ),
            ),
            thresholds=steps(1, 2),
        ),
        Panel(
            title="Kernel",
            description="Kernel release, architecture and host name as the node reports them.",
            kind=Kind.STAT,
            unit="short",
            width=4,
            height=4,
            queries=(
                Query(
                    expr=f"node_uname_info{{{S}}}",
                    legend="{{nodename}} {{release}} {{machine}}",
                    instant=True,
                ),
            ),
            name_only=True,
        ),
    ),
)
CPU = Row(
    title="CPU",
    panels=(
        Panel(
            title="CPU time by mode",
            description="Where processor time goes, as a share of all processors. Much iowait points to the "
            "disks, much steal to the hypervisor, much softirq to the network.",
            unit="percentunit",
            stack=True,
            minimum=0,
            maximum=1,
            width=12,
            queries=(
                Query(
                    expr=f'sum by (mode) (rate(node_cpu_seconds_total{{{S},mode!="idle"}}[{RATE}]))'
                    f' / scalar(count(node_cpu_seconds_total{{{S},mode="idle"}}))',
                    legend="{{mode}}",
                ),
            ),
        ),
        Panel(
            title="CPU busy by processor",
            description="Each processor by itself. One at 100 % beside idle ones is a program with one thread, "
            "or interrupts that are not spread.",
            unit="percentunit",
            minimum=0,
            maximum=1,
            width=12,
            queries=(
                Query(
                    expr=f'1 - sum by (cpu) (rate(node_cpu_seconds_total{{{S},mode="idle"}}[{RATE}]))',
                    legend="CPU {{cpu}}",
                ),
            ),
            thresholds=steps(0.8, 0.95),
        ),
        Panel(
            title="Load average",
            description="Tasks that run or wait over 1, 5 and 15 minutes, and the number of processors as the "
            "limit. Linux counts tasks in uninterruptible sleep (slow disks) as well.",
            unit="short",
            queries=(
                Query(expr=f"node_load1{{{S}}}", legend="1 min"),
                Query(expr=f"node_load5{{{S}}}", legend="5 min"),
                Query(expr=f"node_load15{{{S}}}", legend="15 min"),
                Query(
                    expr=f'count(node_cpu_seconds_total{{{S},mode="idle"}})',
                    legend="processors",
                    objective=True,
                ),
            ),
        ),
        Panel(
            title="Context switches and interrupts",
            description="How often the kernel changed tasks and served interrupts. A jump without more traffic "
            "is lock contention or a device that misbehaves.",
            unit="ops",
            queries=(
                Query(
                    expr=f"rate(node_context_switches_total{{{S}}}[{RATE}])",
                    legend="context switches",
                ),
                Query(expr=f"rate(node_intr_total{{{S}}}[{RATE}])", legend="interrupts"),
            ),
        ),
        Panel(
            title="Processes running and blocked",
            description="Tasks ready to run, and tasks blocked on the disk. Blocked ones that stay are a sick "
            "disk or a network file system that does not answer.",
            unit="short",
            queries=(
                Query(expr=f"node_procs_running{{{S}}}", legend="running"),
                Query(expr=f"node_procs_blocked{{{S}}}", legend="blocked"),
            ),
        ),
    ),
)

BOARD = Board(
    uid="obskit-node",
    title="Node Exporter",
    description="One Linux host: CPU, memory, disks, file systems, network, pressure, clock, systemd.",
    tags=("node",),
    variables=(DATASOURCE, job("node_uname_info"), instance("node_uname_info", multi=False)),
    events=(
        Event(
            name="Boots",
            color="red",
            expr='changes(node_boot_time_seconds{job=~"$job",instance="$instance"}[2m]) > 0',
            title="{{instance}} booted",
        ),
        Event(
            name="Firing alerts",
            color="orange",
            expr='ALERTS{alertstate="firing",instance="$instance"}',
            title="{{alertname}}",
            enabled=False,
        ),
    ),
    links=(Link(title="Logs", url="/d/obskit-logs"),),
    rows=(
        OVERVIEW,
        SUMMARY,
        CPU,
        _node_system.MEMORY,
        _node_system.PRESSURE,
        _node_io.FILESYSTEM,
        _node_io.DISK,
        _node_io.NETWORK,
        _node_system.CLOCK,
        _node_system.SYSTEM,
    ),
)
