"""Why a panel may be empty for a good reason: conditions of the machine, each of them probed.

Nothing is explained that was not asked for: a row of a table here names a question and what its answer
means. A metric that was renamed is explained by none of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from obskit.errors import ObskitError
from obskit.targets.grafana import elastic, promql
from obskit.targets.grafana.doors import Door, Elastic, Metrics
from obskit.targets.grafana.queries import Query

__all__ = ["COLLECTORS", "QUIET_LOGS", "Reasons", "collector_of"]

#: Beginnings of the Node Exporter's metrics → its collector, the longest first.
#: https://github.com/prometheus/node_exporter#collectors
COLLECTORS: Final[Mapping[str, str]] = dict(
    sorted(
        {
            "node_arp_": "arp", "node_bcache_": "bcache", "node_bonding_": "bonding",
            "node_btrfs_": "btrfs", "node_boot_time_seconds": "stat", "node_buddyinfo_": "buddyinfo",
            "node_cgroups_": "cgroups", "node_context_switches_total": "stat",
            "node_cooling_device_": "thermal_zone", "node_cpu_": "cpu",
            "node_cpu_frequency_": "cpufreq", "node_cpu_scaling_": "cpufreq", "node_disk_": "diskstats",
            "node_dmi_": "dmi", "node_drbd_": "drbd", "node_edac_": "edac", "node_entropy_": "entropy",
            "node_fibrechannel_": "fibrechannel", "node_filefd_": "filefd",
            "node_filesystem_": "filesystem", "node_forks_total": "stat", "node_hwmon_": "hwmon",
            "node_infiniband_": "infiniband", "node_interrupts_total": "interrupts",
            "node_intr_total": "stat", "node_ipvs_": "ipvs", "node_ksmd_": "ksmd", "node_load": "loadavg",
            "node_logind_": "logind", "node_md_": "mdadm", "node_memory_": "meminfo",
            "node_memory_numa_": "meminfo_numa", "node_mountstats_": "mountstats",
            "node_netstat_": "netstat", "node_network_": "netdev", "node_nf_conntrack_": "conntrack",
            "node_nfs_": "nfs", "node_nfsd_": "nfsd", "node_ntp_": "ntp", "node_nvme_": "nvme",
            "node_perf_": "perf", "node_power_supply_": "powersupplyclass", "node_pressure_": "pressure",
            "node_processes_": "processes", "node_procs_": "stat", "node_qdisc_": "qdisc",
            "node_rapl_": "rapl", "node_schedstat_": "schedstat", "node_selinux_": "selinux",
            "node_slabinfo_": "slabinfo", "node_sockstat_": "sockstat", "node_softirqs_": "softirqs",
            "node_softnet_": "softnet", "node_supervisord_": "supervisord", "node_sysctl_": "sysctl",
            "node_systemd_": "systemd", "node_tape_": "tapestats", "node_tcp_connection_": "tcpstat",
            "node_textfile_": "textfile", "node_thermal_zone_": "thermal_zone", "node_time_": "time",
            "node_timex_": "timex", "node_udp_queues": "udp_queues", "node_uname_info": "uname",
            "node_vmstat_": "vmstat", "node_wifi_": "wifi", "node_xfrm_": "xfrm", "node_xfs_": "xfs",
            "node_zfs_": "zfs", "node_zoneinfo_": "zoneinfo",
        }.items(),
        key=lambda item: -len(item[0]),
    )
)  # fmt: skip

#: Metrics that a collector offers only where kernel or machine has them, though it offers others.
OPTIONAL: Final[Mapping[str, str]] = {
    "node_cpu_core_throttles_total": "the processor does not count its throttling (virtual machines hide it)",
    "node_cpu_package_throttles_total": "the processor does not count its throttling (virtual machines hide it)",
    "node_memory_DirectMap1G_bytes": "the kernel maps no memory in pages of this size",
    "node_memory_DirectMap2M_bytes": "the kernel maps no memory in pages of this size",
    "node_memory_DirectMap4k_bytes": "the kernel maps no memory in pages of this size",
    "node_memory_HardwareCorrupted_bytes": "the kernel is built without handling of memory failures",
    "node_memory_KernelStack_bytes": "the kernel does not count it",
    "node_memory_Percpu_bytes": "the kernel does not count it",
    "node_memory_ShmemHugePages_bytes": "the kernel is built without transparent huge pages",
    "node_memory_ShmemPmdMapped_bytes": "the kernel is built without transparent huge pages",
    "node_memory_AnonHugePages_bytes": "the kernel is built without transparent huge pages",
    "node_memory_Bounce_bytes": "the kernel has no bounce buffers",
    "node_memory_CmaFree_bytes": "the kernel is built without contiguous memory areas",
    "node_memory_CmaTotal_bytes": "the kernel is built without contiguous memory areas",
    "node_netstat_IpExt_InOctets": "the exporter is not asked for extended IP statistics",
    "node_vmstat_oom_kill": "the kernel does not count it",
}

#: Beginnings of metrics → what it means that nothing begins so: what a stack need not have, or what has
#: no series until it happens.
ABSENCES: Final[Mapping[str, str]] = {
    "ALERTS": "no alert was pending or firing",
    "alertmanager_": "Alertmanager is not scraped",
    "elasticsearch_": "elasticsearch_exporter is not scraped",
    "grafana_": "Grafana is not scraped",
    "mysql_": "mysqld_exporter is not scraped",
    "obskit_exporter_": "obskit exporter is not scraped",
    "obskit_filebeat_": "obskit exporter is not scraped, or has no Filebeat",
    "obskit_log_": "obskit exporter is not scraped, or counts no logs",
    "obskit_logstash_": "obskit exporter is not scraped, or has no Logstash",
    "obskit_relay_": "obskit relay is not scraped",
    "pg_": "postgres_exporter is not scraped",
    "probe_": "blackbox_exporter is not scraped",
    "prometheus_rule_": "Prometheus has no rules",
    "redis_": "redis_exporter is not scraped",
    "service:p95_objective": "no service has an objective for its latency (p95_ms)",
    "slo:": "no service has an objective (slo)",
}

#: Where others begin so too: what is looked for instead.
_LOOKED_FOR: Final = {"prometheus_rule_": "prometheus_rule_group_rules"}

#: Label → values that name a trouble: a counter of troubles that never happened has no series.
TROUBLES: Final[Mapping[str, re.Pattern[str]]] = {
    "status": re.compile(r"\^?\(?[45](\.\.|xx|\[0-9\]|\\d)"),
    "code": re.compile(r"\^?\(?[45](\.\.|xx|\[0-9\]|\\d)"),
    "state": re.compile(r"failed|error|dead"),
    "level": re.compile(r"(?i)err|fatal|critical"),
    "outcome": re.compile(r"(?i)fail|err"),
    "alertstate": re.compile(r"firing|pending"),
}

#: Part of a Lucene query → what its matching nothing means, once the same index is known to have events.
QUIET_LOGS: Final = (
    (re.compile(r"NOT _exists_:reasons"), "Elasticsearch refused no event"),
    (re.compile(r"(?<!NOT )_index:\S*obskit\.invalid"), "no event is in quarantine"),
    (re.compile(r"\blevel:\s*\(?\"?ERROR"), "no error was logged"),
    (re.compile(r"_exists_:(\S+)"), "no event carries the field {0}"),
    (re.compile(r"lag_ms:[<>]"), "no line is outside the limit of the clock"),
)

_OWN_INDEX: Final = re.compile(r"(?<!NOT )_index:\S*obskit\.invalid\S*")


def collector_of(metric: str) -> str:
    """The collector of the Node Exporter that a metric comes from; empty for other metrics."""
    return next((name for start, name in COLLECTORS.items() if metric.startswith(start)), "")


class Reasons:
    """Looks for the reason of an empty panel.

    Args:
        metrics: Gives the client of a Prometheus.
        indices: Gives the client of an Elasticsearch.
        some_data: Whether other panels of the dashboard show data: where none does, that an exporter is
            not scraped is a fault and no explanation.
    """

    def __init__(
        self,
        metrics: Callable[[Door], Metrics],
        indices: Callable[[Door], Elastic],
        *,
        some_data: bool,
    ) -> None:
        self._some_data = some_data
        self._metrics = metrics
        self._indices = indices

    def of(self, query: Query, missing: Iterable[str]) -> str:
        """Why a query gives nothing, in words; empty where no condition of the tables holds.

        Args:
            query: A query that gave nothing.
            missing: Its metrics that do not exist.
        """
        door = query.door
        if door is None:
            return ""
        try:
            if door.type == "prometheus":
                gone = list(missing)
                client = self._metrics(door)
                if gone:
                    return self._of_missing(client, gone, query)
                return self._of_filter(client, query) or self._of_nothing(client, query.text)
            if door.type == "elasticsearch":
                return self._of_logs(self._indices(door), query)
        except ObskitError:
            return ""  # a probe that cannot be made explains nothing
        return ""

    # Prometheus -----------------------------------------------------------------------------------

    def _of_missing(self, client: Metrics, missing: Iterable[str], query: Query) -> str:
        reasons = [
            self._of_collector(client, name, query) or self._of_absence(client, name)
            for name in missing
        ]
        return "; ".join(dict.fromkeys(reasons)) if all(reasons) else ""

    def _of_collector(self, client: Metrics, metric: str, query: Query) -> str:
        """By what the Node Exporter says of its collectors, on the instances that the query asks for."""
        collector = collector_of(metric)
        if not collector:
            return ""
        machines = ",".join(_machines(query, metric))
        asked = f"max by (collector) (node_scrape_collector_success{{{machines}}})"
        told = {
            str(item["metric"].get("collector")): item["value"][1] for item in client.instant(asked)
        }
        if not told:
            return ""
        if collector not in told:
            return f"the collector {collector} of the Node Exporter is not enabled"
        if float(told[collector]) == 0:
            return f"the collector {collector} of the Node Exporter finds nothing to read on this machine"
        starts = "|".join(start for start, name in COLLECTORS.items() if name == collector)
        if not client.label_values("__name__", f'{{__name__=~"({starts}).*"}}'):
            return f"the collector {collector} runs, and this machine has none of what it reads"
        return OPTIONAL.get(metric, "")

    def _of_absence(self, client: Metrics, metric: str) -> str:
        """By whether anything is there of what not every stack has."""
        for start, meaning in ABSENCES.items():
            if self._some_data and metric.startswith(start):
                begin = _LOOKED_FOR.get(start, start)
                if client.label_values("__name__", f'{{__name__=~"{begin}.*"}}'):
                    return ""
                return f"{meaning} (no metric begins with {begin})"
        return ""

    def _of_filter(self, client: Metrics, query: Query) -> str:
        """By what the same query gives without its comparison, or without its label of troubles."""
        bare, dropped = promql.without_comparisons(query.text)
        if dropped:
            if self._gives(client, bare, query):
                return f"no value is {dropped} (without it there is data)"
            if reason := self._of_nothing(client, bare):
                return reason
        for selector in promql.selectors(query.text):
            name = promql.name_of(selector)
            matchers = list(selector.matchers.matchers) if name else []
            for matcher in matchers:
                trouble = TROUBLES.get(matcher.name)
                if not trouble or not trouble.search(str(matcher.value)):
                    continue
                if _SIGNS[str(matcher.op)] not in ("=", "=~"):
                    continue
                others = [_written(item) for item in matchers if item is not matcher]
                without = f"{name}{{{','.join(others)}}}"
                whole = f"{name}{{{','.join([*others, _written(matcher)])}}}"
                if client.label_values(matcher.name, without) and not client.series(whole):
                    return f"{name} counts nothing with {_written(matcher)}"
        return ""

    def _of_nothing(self, client: Metrics, text: str) -> str:
        """By what it divides by, or takes quantiles of: 0 of 0 and a quantile of nothing are no numbers."""
        for divisor in promql.divisors(text):
            if _all(client.instant(divisor), lambda value: value == 0):
                return f"it divides by {divisor}, which is 0"
        for inner in promql.histograms(text):
            if _all(client.instant(inner), lambda value: value == 0):
                return f"nothing was observed: {inner} is 0"
        for selector in promql.selectors(text):
            quantiles = any(item.name == "quantile" for item in selector.matchers.matchers)
            name = promql.name_of(selector)
            if name and quantiles and _all(client.instant(selector.prettify()), math.isnan):
                return f"nothing was observed: the quantiles of {name} are no numbers"
        return ""

    @staticmethod
    def _gives(client: Metrics, text: str, query: Query) -> bool:
        found = (
            client.instant(text)
            if query.instant
            else client.ranged(text, query.step, query.over.length)
        )
        return any(_drawn(item) for item in found if isinstance(item, Mapping))

    # Elasticsearch ----------------------------------------------------------------------------------

    def absent(self, query: Query) -> list[str]:
        """What a query of logs asks for and is not there at all: any event, or a mapped field.

        Args:
            query: A query that gave nothing.
        """
        door = query.door
        if door is None or door.type != "elasticsearch":
            return []
        try:
            client = self._indices(door)
            if not self._count(client, query, ""):
                return [f"no event in {door.index} in the time range"]
            return [
                f"the field {name}"
                for name in sorted(elastic.fields_of(query.target) - client.fields.keys())
            ]
        except ObskitError:
            return []  # the query failed on the same server, and says why

    def _of_logs(self, client: Elastic, query: Query) -> str:
        """By what the same index has, and the part of the query that leaves nothing of it."""
        if not self._count(client, query, ""):
            return ""
        own = _OWN_INDEX.search(query.text)
        if own and not self._count(client, query, own[0]):
            return "no event is in quarantine"
        if elastic.fields_of(query.target) - client.fields.keys():
            return ""  # a field that is not mapped is a fault of the query, or of the template
        if self._count(client, query, query.text):
            return ""  # there are events; what is aggregated is not in them
        for pattern, words in QUIET_LOGS:
            found = pattern.search(query.text)
            if found:
                return words.format(*found.groups())
        return ""

    @staticmethod
    def _count(client: Elastic, query: Query, text: str) -> int:
        """How many events of the query's time range match a text."""
        window = {
            "gte": int(query.over.start * 1000),
            "lte": int(query.over.end * 1000),
            "format": "epoch_millis",
        }
        filters: list[Any] = [{"range": {_time_field(query): window}}]
        if text:
            filters.append({"query_string": {"analyze_wildcard": True, "query": text}})
        answer = client.search(
            {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": filters}}}
        )
        return int((answer["hits"].get("total") or {}).get("value", 0))


def _time_field(query: Query) -> str:
    options = query.door.options if query.door else {}
    return str(query.target.get("timeField") or options.get("timeField") or "@timestamp")


def _machines(query: Query, metric: str) -> list[str]:
    """The matchers of a selector that choose machines, not what is measured on them."""
    for selector in promql.selectors(query.text):
        if promql.name_of(selector) == metric:
            return [
                _written(matcher)
                for matcher in selector.matchers.matchers
                if matcher.name in ("job", "instance")
            ]
    return []


_SIGNS: Final = {
    "MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~",
}  # fmt: skip


def _written(matcher: Any) -> str:
    """A matcher as PromQL."""
    value = str(matcher.value).replace("\\", "\\\\").replace('"', '\\"')
    return f'{matcher.name}{_SIGNS[str(matcher.op)]}"{value}"'


def _all(found: Iterable[Any], test: Callable[[float], bool]) -> bool:
    """Whether there are values, and each passes."""
    values = [
        float(item["value"][1]) for item in found if isinstance(item, Mapping) and "value" in item
    ]
    return bool(values) and all(test(value) for value in values)


def _drawn(item: Mapping[str, Any]) -> bool:
    points = item.get("values") or [item.get("value") or (0, "NaN")]
    return any(value != "NaN" for _, value in points)
