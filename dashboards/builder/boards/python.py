"""Python services: what prometheus_client says of the process, its memory and its garbage collector."""

from __future__ import annotations

from ..model import Board, Kind, Link, Panel, Query, Row, steps
from ._parts import DATASOURCE, RATE, chart, instance, job, number
from ._parts import SELECTOR as S

__all__ = ["BOARD"]

# Other runtimes have process_* metrics as well: only the processes that run Python.
PYTHON = f"on (job, instance) group_left () (max by (job, instance) (python_info{{{S}}}))"


def _of(metric: str) -> str:
    return f"{metric} * {PYTHON}"


PROCESS = Row(
    title="Process",
    panels=(
        number(
            "Processes",
            "Python processes that answer Prometheus.",
            "short",
            f"count(python_info{{{S}}})",
            width=6,
        ),
        number(
            "Youngest process",
            "Time since the last start of any process. Small when nobody deployed: something restarts.",
            "dtdurations",
            f"time() - max({_of(f'process_start_time_seconds{{{S}}}')})",
            width=6,
        ),
        Panel(
            title="Versions of Python",
            description="Which interpreter each instance runs.",
            kind=Kind.TABLE,
            unit="short",
            width=12,
            height=4,
            queries=(
                Query(
                    expr=f"max by (job, instance, implementation, version) (python_info{{{S}}})",
                    instant=True,
                    table=True,
                ),
            ),
        ),
        chart(
            "CPU of the process",
            "Processors in use. One interpreter with its lock cannot use more than 1: at 1 it is the bottleneck; run "
            "more workers.",
            "short",
            (_of(f"rate(process_cpu_seconds_total{{{S}}}[{RATE}])"), "{{instance}}"),
            thresholds=steps(0.8, 0.95),
            threshold_lines=True,
        ),
        chart(
            "Resident memory",
            "Memory that each process holds. A saw that never comes back down is a leak: see the collector below.",
            "bytes",
            (_of(f"process_resident_memory_bytes{{{S}}}"), "{{instance}}"),
        ),
        chart(
            "File descriptors",
            "Share of the limit in use: sockets, files, pipes.",
            "percentunit",
            (
                f"process_open_fds{{{S}}} / process_max_fds{{{S}}} * {PYTHON}",
                "{{instance}}",
            ),
            thresholds=steps(0.7, 0.9),
            threshold_lines=True,
        ),
    ),
)

COLLECTOR = Row(
    title="Garbage collector",
    panels=(
        chart(
            "Collections",
            "Runs of the collector a second, by generation. Many of generation 2 stop the program often: look for "
            "large graphs of objects that live long.",
            "ops",
            (
                f"sum by (instance, generation) (rate(python_gc_collections_total{{{S}}}[{RATE}]))",
                "{{instance}} generation {{generation}}",
            ),
        ),
        chart(
            "Objects collected",
            "Objects in reference cycles that were freed, a second.",
            "ops",
            (
                f"sum by (instance, generation) (rate(python_gc_objects_collected_total{{{S}}}[{RATE}]))",
                "{{instance}} generation {{generation}}",
            ),
        ),
        chart(
            "Objects that cannot be collected",
            "Objects that the collector found and could not free. Anything but 0 is a leak, usually in an extension.",
            "short",
            (
                f"sum by (instance) (increase(python_gc_objects_uncollectable_total{{{S}}}[1h]))",
                "{{instance}}",
            ),
            thresholds=steps(1, 100),
        ),
    ),
)

BOARD = Board(
    uid="obskit-python",
    title="Python runtime",
    description="Process, memory and garbage collector of Python services (prometheus_client).",
    tags=("runtime",),
    variables=(DATASOURCE, job("python_info"), instance("python_info")),
    links=(
        Link(title="Services", url="/d/obskit-services"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(PROCESS, COLLECTOR),
)
