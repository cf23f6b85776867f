"""Redis, as redis_exporter (oliver006) sees it."""

from __future__ import annotations

from ..model import Board, Link, Row, Threshold, steps
from ._parts import DATASOURCE, RATE, chart, instance, job, number, ratio, up
from ._parts import SELECTOR as S

__all__ = ["BOARD"]

_HITS = f"rate(redis_keyspace_hits_total{{{S}}}[{RATE}])"
_MISSES = f"rate(redis_keyspace_misses_total{{{S}}}[{RATE}])"

NOW = Row(
    title="Now",
    panels=(
        up("Redis", "Whether the exporter reaches Redis.", f"min(redis_up{{{S}}})"),
        number(
            "Uptime",
            "Time since the last start of the youngest server.",
            "dtdurations",
            f"min(redis_uptime_in_seconds{{{S}}})",
            thresholds=(
                Threshold(value=None, color="orange"),
                Threshold(value=3600, color="green"),
            ),
        ),
        number(
            "Hit rate",
            "Share of reads that found their key. A cache below 80 % hardly helps.",
            "percentunit",
            f"sum({_HITS}) / (sum({_HITS}) + sum({_MISSES}) > 0)",
            thresholds=steps(0.8, 0.5),
            empty_when="no key was read",
        ),
        number(
            "Memory used of its limit",
            "Share of maxmemory in use. At 100 % keys are evicted, or writes refused, as maxmemory-policy says.",
            "percentunit",
            f"max(redis_memory_used_bytes{{{S}}} / (redis_memory_max_bytes{{{S}}} > 0))",
            thresholds=steps(0.8, 0.95),
            empty_when="maxmemory is not set",
        ),
        number(
            "Clients",
            "Connections of clients.",
            "short",
            f"sum(redis_connected_clients{{{S}}})",
        ),
        number("Keys", "Keys in all databases.", "short", f"sum(redis_db_keys{{{S}}})"),
    ),
)

CACHE = Row(
    title="Cache",
    panels=(
        chart(
            "Hit rate by instance",
            "Share of reads that found their key. A sudden drop: keys expired together, or a new key scheme.",
            "percentunit",
            (f"{_HITS} / ({_HITS} + {_MISSES} > 0)", "{{instance}}"),
            maximum=1,
            thresholds=steps(0.8, 0.5),
            empty_when="no key was read",
        ),
        chart(
            "Hits and misses",
            "Reads a second that found their key, and that did not. Misses go to the database.",
            "ops",
            (_HITS, "{{instance}} hits"),
            (_MISSES, "{{instance}} misses"),
        ),
        chart(
            "Keys evicted and expired",
            "Keys a second that were thrown out for lack of memory, and that reached the end of their time. Evictions "
            "mean that the cache is too small.",
            "ops",
            (f"rate(redis_evicted_keys_total{{{S}}}[{RATE}])", "{{instance}} evicted"),
            (f"rate(redis_expired_keys_total{{{S}}}[{RATE}])", "{{instance}} expired"),
        ),
        chart(
            "Keys without an expiry",
            "Keys that stay until somebody deletes them, by database. In a cache a growing number is a leak: SET "
            "without EX.",
            "short",
            (
                f"sum by (instance, db) (redis_db_keys{{{S}}} - redis_db_keys_expiring{{{S}}})",
                "{{instance}} {{db}}",
            ),
        ),
        chart(
            "Keys by database",
            "All keys, by database.",
            "short",
            (f"sum by (instance, db) (redis_db_keys{{{S}}})", "{{instance}} {{db}}"),
        ),
        chart(
            "Mean time to live",
            "Mean time to live of the keys that have one, by database.",
            "s",
            (f"redis_db_avg_ttl_seconds{{{S}}}", "{{instance}} {{db}}"),
            empty_when="no key has an expiry",
        ),
    ),
)

MEMORY = Row(
    title="Memory",
    panels=(
        chart(
            "Memory",
            "What Redis has allocated, what the process holds, and the limit. Held much above allocated is "
            "fragmentation.",
            "bytes",
            (f"redis_memory_used_bytes{{{S}}}", "{{instance}} allocated"),
            (f"redis_memory_used_rss_bytes{{{S}}}", "{{instance}} held"),
            (f"redis_memory_max_bytes{{{S}}}", "{{instance}} limit"),
        ),
        chart(
            "Fragmentation",
            "Memory held per byte allocated. Above 1.5 with much memory in use, turn on activedefrag; below 1 Redis "
            "has been swapped out.",
            "short",
            (f"redis_mem_fragmentation_ratio{{{S}}}", "{{instance}}"),
            thresholds=steps(1.5, 3),
        ),
        chart(
            "Age of the last snapshot",
            "Time since the data was last written to disk (RDB). It is what a crash would lose without AOF.",
            "s",
            (f"time() - redis_rdb_last_save_timestamp_seconds{{{S}}}", "{{instance}}"),
        ),
    ),
)

LOAD = Row(
    title="Load",
    panels=(
        chart(
            "Commands",
            "Commands a second, the ten most frequent.",
            "ops",
            (
                f"topk(10, sum by (cmd) (rate(redis_commands_total{{{S}}}[{RATE}])))",
                "{{cmd}}",
            ),
            stack=True,
        ),
        chart(
            "Mean time of a command",
            "Time inside Redis, by command. One slow command blocks every other: KEYS, SMEMBERS and Lua scripts are "
            "the usual ones.",
            "s",
            (
                (
                    f"topk(10, sum by (cmd) (rate(redis_commands_duration_seconds_total{{{S}}}[{RATE}]))"
                    f" / (sum by (cmd) (rate(redis_commands_total{{{S}}}[{RATE}])) > 0))"
                ),
                "{{cmd}}",
            ),
            thresholds=steps(0.001, 0.01),
        ),
        chart(
            "Share of failed commands",
            "Commands that answered with an error, of all.",
            "percentunit",
            (
                ratio(
                    f"sum by (instance) (rate(redis_commands_failed_calls_total{{{S}}}[{RATE}]))",
                    f"sum by (instance) (rate(redis_commands_total{{{S}}}[{RATE}]))",
                ),
                "{{instance}}",
            ),
            thresholds=steps(0.001, 0.01),
        ),
        chart(
            "Clients by instance",
            "Connected, blocked (waiting in BLPOP and the like), and the limit.",
            "short",
            (f"redis_connected_clients{{{S}}}", "{{instance}} connected"),
            (f"redis_blocked_clients{{{S}}}", "{{instance}} blocked"),
            (f"redis_config_maxclients{{{S}}}", "{{instance}} limit"),
        ),
        chart(
            "Refused connections",
            "Connections a second that were refused because maxclients was reached.",
            "ops",
            (f"rate(redis_rejected_connections_total{{{S}}}[{RATE}])", "{{instance}}"),
            thresholds=steps(0.01, 1),
        ),
        chart(
            "Slow log",
            "Entries in the slow log (SLOWLOG GET shows them) and the duration of the last one.",
            "short",
            (f"redis_slowlog_length{{{S}}}", "{{instance}} entries"),
        ),
        chart(
            "Network",
            "Bytes in and out a second.",
            "Bps",
            (f"rate(redis_net_input_bytes_total{{{S}}}[{RATE}])", "{{instance}} in"),
            (f"rate(redis_net_output_bytes_total{{{S}}}[{RATE}])", "{{instance}} out"),
        ),
        chart(
            "CPU of the server",
            "Processors in use. Commands run on one: at 1 Redis is at its limit.",
            "short",
            (
                (
                    f"rate(redis_cpu_user_seconds_total{{{S}}}[{RATE}])"
                    f" + rate(redis_cpu_sys_seconds_total{{{S}}}[{RATE}])"
                ),
                "{{instance}}",
            ),
            thresholds=steps(0.7, 0.9),
        ),
        chart(
            "Replicas and their lag",
            "Bytes by which each replica is behind its master.",
            "bytes",
            (
                (
                    f"redis_master_repl_offset{{{S}}} - on (job, instance) group_right ()"
                    f" redis_connected_slave_offset_bytes{{{S}}}"
                ),
                "{{instance}} {{slave_ip}}",
            ),
            empty_when="no replica is connected",
        ),
    ),
)

BOARD = Board(
    uid="obskit-redis",
    title="Redis",
    description="Hit rate, evictions, expiry, memory and load of Redis (redis_exporter).",
    tags=("database",),
    variables=(DATASOURCE, job("redis_up"), instance("redis_up")),
    links=(
        Link(title="Services", url="/d/obskit-services"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(NOW, CACHE, MEMORY, LOAD),
)
