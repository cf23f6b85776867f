"""Node Exporter: file systems, disks and network."""

from __future__ import annotations

from ..model import Panel, Query, Row, Threshold, steps
from ._parts import RATE

__all__ = ["DISK", "FILESYSTEM", "NETWORK", "REAL_FS"]

S = 'job=~"$job",instance="$instance"'
# File systems that hold no data of anybody; a full squashfs or overlay says nothing.
REAL_FS = 'fstype!~"tmpfs|ramfs|rootfs|overlay|squashfs|iso9660|fuse.lxcfs|nsfs"'
# Partitions repeat what their disk counts; loop devices and ramdisks are files and memory.
DISKS = 'device!~"loop.*|ram.*|fd.*|sr.*|dm-.*|md.*"'
# Pairs of containers appear and vanish, and their traffic is counted on the bridge as well.
LINKS = 'device!~"lo|veth.*|cali.*|cni.*|lxc.*"'


def _both(metric_in: str, metric_out: str, names: tuple[str, str], where: str) -> tuple[Query, ...]:
    return tuple(
        Query(expr=f"rate({metric}{{{S},{where}}}[{RATE}])", legend=f"{{{{device}}}} {name}")
        for metric, name in zip((metric_in, metric_out), names, strict=True)
    )


FILESYSTEM = Row(
    title="File systems",
    panels=(
        Panel(
            title="File system space used",
            description="Share of space that ordinary users cannot write to any more.",
            unit="percentunit",
            minimum=0,
            maximum=1,
            queries=(
                Query(
                    expr=f"1 - node_filesystem_avail_bytes{{{S},{REAL_FS}}}"
                    f" / node_filesystem_size_bytes{{{S},{REAL_FS}}}",
                    legend="{{mountpoint}}",
                ),
            ),
            thresholds=steps(0.8, 0.9),
            threshold_lines=True,
        ),
        Panel(
            title="File system space free",
            description="Bytes that ordinary users can still write.",
            unit="bytes",
            minimum=0,
            queries=(
                Query(
                    expr=f"node_filesystem_avail_bytes{{{S},{REAL_FS}}}",
                    legend="{{mountpoint}} ({{device}})",
                ),
            ),
        ),
        Panel(
            title="Space free in four days",
            description="Bytes free in four days if each file system goes on growing as in the last six hours. "
            "Below 0 it is full by then.",
            unit="bytes",
            queries=(
                Query(
                    expr=f"predict_linear(node_filesystem_avail_bytes{{{S},{REAL_FS}}}[6h], 4 * 86400)",
                    legend="{{mountpoint}}",
                ),
            ),
            thresholds=(Threshold(value=None, color="red"), Threshold(value=0, color="green")),
            threshold_lines=True,
        ),
        Panel(
            title="Inodes used",
            description="Share of inodes in use. A file system with free bytes and no inodes refuses new "
            "files all the same.",
            unit="percentunit",
            minimum=0,
            maximum=1,
            queries=(
                Query(
                    expr=f"1 - node_filesystem_files_free{{{S},{REAL_FS}}}"
                    f" / (node_filesystem_files{{{S},{REAL_FS}}} > 0)",
                    legend="{{mountpoint}}",
                ),
            ),
            thresholds=steps(0.8, 0.9),
            threshold_lines=True,
            empty_when="the file systems count no inodes (btrfs, some network file systems)",
        ),
        Panel(
            title="Read-only file systems",
            description="1 for a file system that is mounted read-only. A data disk that turned read-only met "
            "an error: see the kernel's log.",
            unit="bool_yes_no",
            minimum=0,
            maximum=1,
            queries=(
                Query(
                    expr=f"node_filesystem_readonly{{{S},{REAL_FS}}}",
                    legend="{{mountpoint}}",
                ),
            ),
            thresholds=steps(1, 1),
        ),
        Panel(
            title="Open files",
            description="File handles in use, as a share of the kernel's limit.",
            unit="percentunit",
            minimum=0,
            queries=(
                Query(
                    expr=f"node_filefd_allocated{{{S}}} / node_filefd_maximum{{{S}}}",
                    legend="open / limit",
                ),
            ),
            thresholds=steps(0.7, 0.9),
        ),
    ),
)

DISK = Row(
    title="Disks",
    panels=(
        Panel(
            title="Disk throughput",
            description="Bytes read from and written to each disk a second.",
            unit="Bps",
            minimum=0,
            queries=_both(
                "node_disk_read_bytes_total",
                "node_disk_written_bytes_total",
                ("read", "write"),
                DISKS,
            ),
        ),
        Panel(
            title="Disk operations",
            description="Reads and writes that were completed a second.",
            unit="iops",
            minimum=0,
            queries=_both(
                "node_disk_reads_completed_total",
                "node_disk_writes_completed_total",
                ("reads", "writes"),
                DISKS,
            ),
        ),
        Panel(
            title="Disk latency",
            description="Mean time of a read and of a write, waiting included. SSDs answer within 1 ms, "
            "spinning disks within 20 ms.",
            unit="s",
            minimum=0,
            queries=tuple(
                Query(
                    expr=f"rate(node_disk_{kind}_time_seconds_total{{{S},{DISKS}}}[{RATE}])"
                    f" / (rate(node_disk_{kind}s_completed_total{{{S},{DISKS}}}[{RATE}]) > 0)",
                    legend=f"{{{{device}}}} {kind}",
                )
                for kind in ("read", "write")
            ),
            thresholds=steps(0.02, 0.1),
            empty_when="no disk was read or written",
        ),
        Panel(
            title="Disk busy",
            description="Share of time in which the disk had work. At 100 % a single spinning disk is "
            "saturated; SSDs and arrays can take more in parallel, so look at latency as well.",
            unit="percentunit",
            minimum=0,
            maximum=1,
            queries=(
                Query(
                    expr=f"rate(node_disk_io_time_seconds_total{{{S},{DISKS}}}[{RATE}])",
                    legend="{{device}}",
                ),
            ),
            thresholds=steps(0.8, 0.95),
        ),
        Panel(
            title="Disk queue",
            description="Mean number of requests that were under way or waited.",
            unit="short",
            minimum=0,
            queries=(
                Query(
                    expr=f"rate(node_disk_io_time_weighted_seconds_total{{{S},{DISKS}}}[{RATE}])",
                    legend="{{device}}",
                ),
            ),
            thresholds=steps(8, 32),
        ),
        Panel(
            title="Mean size of a disk operation",
            description="Bytes a read or write moves. Small ones at a high rate are what disks do worst.",
            unit="bytes",
            minimum=0,
            queries=(
                Query(
                    expr=f"rate(node_disk_read_bytes_total{{{S},{DISKS}}}[{RATE}])"
                    f" / (rate(node_disk_reads_completed_total{{{S},{DISKS}}}[{RATE}]) > 0)",
                    legend="{{device}} read",
                ),
                Query(
                    expr=f"rate(node_disk_written_bytes_total{{{S},{DISKS}}}[{RATE}])"
                    f" / (rate(node_disk_writes_completed_total{{{S},{DISKS}}}[{RATE}]) > 0)",
                    legend="{{device}} write",
                ),
            ),
            empty_when="no disk was read or written",
        ),
    ),
)

NETWORK = Row(
    title="Network",
    panels=(
        Panel(
            title="Network traffic",
            description="Bits a second in and out of each interface (loopback and container pairs left out).",
            unit="bps",
            minimum=0,
            queries=tuple(
                Query(
                    expr=f"8 * rate(node_network_{way}_bytes_total{{{S},{LINKS}}}[{RATE}])",
                    legend=f"{{{{device}}}} {name}",
                )
                for way, name in (("receive", "in"), ("transmit", "out"))
            ),
        ),
        Panel(
            title="Packets",
            description="Packets a second in and out of each interface.",
            unit="pps",
            minimum=0,
            queries=_both(
                "node_network_receive_packets_total",
                "node_network_transmit_packets_total",
                ("in", "out"),
                LINKS,
            ),
        ),
        Panel(
            title="Interfaces up",
            description="1 for an interface whose link works.",
            unit="bool_on_off",
            minimum=0,
            maximum=1,
            queries=(Query(expr=f"node_network_up{{{S},{LINKS}}}", legend="{{device}}"),),
        ),
        Panel(
            title="Network errors",
            description="Packets a second that were damaged. Anything but 0 is a cable, a port or a driver.",
            unit="pps",
            minimum=0,
            queries=_both(
                "node_network_receive_errs_total",
                "node_network_transmit_errs_total",
                ("in", "out"),
                LINKS,
            ),
            thresholds=steps(0.01, 1),
        ),
        Panel(
            title="Packets dropped",
            description="Packets a second that the kernel or the card threw away: full queues, or packets of "
            "a protocol that nobody here speaks.",
            unit="pps",
            minimum=0,
            queries=_both(
                "node_network_receive_drop_total",
                "node_network_transmit_drop_total",
                ("in", "out"),
                LINKS,
            ),
            thresholds=steps(1, 10),
        ),
        Panel(
            title="Receive queue pressure",
            description="Packets that a processor's backlog dropped, and times it ran out of its budget.",
            unit="ops",
            minimum=0,
            queries=(
                Query(
                    expr=f"sum(rate(node_softnet_dropped_total{{{S}}}[{RATE}]))",
                    legend="dropped",
                ),
                Query(
                    expr=f"sum(rate(node_softnet_times_squeezed_total{{{S}}}[{RATE}]))",
                    legend="budget used up",
                ),
            ),
            thresholds=steps(1, 100),
        ),
        Panel(
            title="TCP connections",
            description="Connections in use, allocated, waiting after their end, and without an owner.",
            unit="short",
            minimum=0,
            queries=(
                Query(expr=f"node_netstat_Tcp_CurrEstab{{{S}}}", legend="established"),
                Query(expr=f"node_sockstat_TCP_alloc{{{S}}}", legend="allocated"),
                Query(expr=f"node_sockstat_TCP_tw{{{S}}}", legend="time-wait"),
                Query(expr=f"node_sockstat_TCP_orphan{{{S}}}", legend="orphan"),
            ),
        ),
        Panel(
            title="TCP retransmissions",
            description="Share of sent segments that had to be sent again. Above 1 % the path loses packets.",
            unit="percentunit",
            minimum=0,
            queries=(
                Query(
                    expr=f"rate(node_netstat_Tcp_RetransSegs{{{S}}}[{RATE}])"
                    f" / (rate(node_netstat_Tcp_OutSegs{{{S}}}[{RATE}]) > 0)",
                    legend="retransmitted",
                ),
            ),
            thresholds=steps(0.01, 0.05),
        ),
        Panel(
            title="Refused connections",
            description="Connections a second that met a full accept queue. The service does not accept fast "
            "enough, or its backlog is too small.",
            unit="ops",
            minimum=0,
            queries=(
                Query(
                    expr=f"rate(node_netstat_TcpExt_ListenOverflows{{{S}}}[{RATE}])",
                    legend="queue full",
                ),
                Query(
                    expr=f"rate(node_netstat_TcpExt_ListenDrops{{{S}}}[{RATE}])",
                    legend="dropped",
                ),
            ),
            thresholds=steps(0.01, 1),
        ),
    ),
)
