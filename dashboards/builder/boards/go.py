"""Go services: goroutines, heap and garbage collector, with the way to pprof."""

from __future__ import annotations

from ..model import Board, Kind, Link, Panel, Query, Row, steps
from ._parts import DATASOURCE, RATE, chart, instance, job, number
from ._parts import SELECTOR as S

__all__ = ["BOARD"]

GO = f"on (job, instance) group_left () (max by (job, instance) (go_info{{{S}}}))"
# The index page of net/http/pprof of the instance that was clicked.
PPROF = Link(
    title="pprof of ${__field.labels.instance}",
    url="http://${__field.labels.instance}/debug/pprof/",
    new_tab=True,
)

PROCESS = Row(
    title="Process",
    panels=(
        number(
            "Processes",
            "Go processes that answer Prometheus.",
            "short",
            f"count(go_info{{{S}}})",
            width=6,
        ),
        number(
            "Goroutines",
            "Goroutines of all chosen processes together.",
            "short",
            f"sum(go_goroutines{{{S}}})",
            width=6,
        ),
        Panel(
            title="Versions of Go",
            description="Which release each instance was built with.",
            kind=Kind.TABLE,
            unit="short",
            width=12,
            height=4,
            queries=(
                Query(
                    expr=f"max by (job, instance, version) (go_info{{{S}}})",
                    instant=True,
                    table=True,
                ),
            ),
        ),
        chart(
            "Goroutines by instance",
            "A line that only rises is a leak: goroutines that wait for ever. Click it for pprof, "
            "goroutine?debug=1 lists them by the place where they wait.",
            "short",
            (f"go_goroutines{{{S}}}", "{{instance}}"),
            links=(PPROF,),
        ),
        chart(
            "CPU of the process",
            "Processors in use. Click a line for pprof; profile?seconds=30 says where the time goes.",
            "short",
            (f"rate(process_cpu_seconds_total{{{S}}}[{RATE}]) * {GO}", "{{instance}}"),
            links=(PPROF,),
        ),
        chart(
            "Operating system threads",
            "Threads made. Many more than processors: calls that block outside of Go (files, cgo).",
            "short",
            (f"go_threads{{{S}}}", "{{instance}}"),
            thresholds=steps(500, 1000),
        ),
        chart(
            "Resident memory",
            "Memory that each process holds, of which the heap is only a part.",
            "bytes",
            (f"process_resident_memory_bytes{{{S}}} * {GO}", "{{instance}}"),
        ),
        chart(
            "File descriptors",
            "Share of the limit in use.",
            "percentunit",
            (f"process_open_fds{{{S}}} / process_max_fds{{{S}}} * {GO}", "{{instance}}"),
            thresholds=steps(0.7, 0.9),
            threshold_lines=True,
        ),
    ),
)

HEAP = Row(
    title="Heap and garbage collector",
    panels=(
        chart(
            "Heap",
            "Heap in use by objects, and held from the system. Click for pprof; heap says who allocated it.",
            "bytes",
            (f"go_memstats_heap_inuse_bytes{{{S}}}", "{{instance}} in use"),
            (
                f"go_memstats_heap_sys_bytes{{{S}}} - go_memstats_heap_released_bytes{{{S}}}",
                "{{instance}} held",
            ),
            links=(PPROF,),
        ),
        chart(
            "Allocation rate",
            "Bytes allocated a second: what drives the collector. Fewer allocations are less work for it.",
            "Bps",
            (f"rate(go_memstats_alloc_bytes_total{{{S}}}[{RATE}])", "{{instance}}"),
            links=(PPROF,),
        ),
        chart(
            "Objects on the heap",
            "Live objects and those not yet swept.",
            "short",
            (f"go_memstats_heap_objects{{{S}}}", "{{instance}}"),
        ),
        chart(
            "Collector pauses",
            "The median and the longest pause of the last collections. Longer than 10 ms is unusual.",
            "s",
            (f'go_gc_duration_seconds{{{S},quantile="0.5"}}', "{{instance}} median"),
            (f'go_gc_duration_seconds{{{S},quantile="1"}}', "{{instance}} longest"),
            thresholds=steps(0.01, 0.1),
        ),
        chart(
            "Collections",
            "Runs of the collector a second. Several a second: the heap is small against what is allocated; raise "
            "GOGC or GOMEMLIMIT.",
            "ops",
            (f"rate(go_gc_duration_seconds_count{{{S}}}[{RATE}])", "{{instance}}"),
            thresholds=steps(2, 5),
        ),
        chart(
            "Heap size of the next collection",
            "The heap at which the collector starts again.",
            "bytes",
            (f"go_memstats_next_gc_bytes{{{S}}}", "{{instance}}"),
        ),
    ),
)

BOARD = Board(
    uid="obskit-go",
    title="Go runtime",
    description="Goroutines, heap and garbage collector of Go services (client_golang).",
    tags=("runtime",),
    variables=(DATASOURCE, job("go_info"), instance("go_info")),
    links=(
        Link(title="Services", url="/d/obskit-services"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(PROCESS, HEAP),
)
