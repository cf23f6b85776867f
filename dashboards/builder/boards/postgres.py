"""PostgreSQL, as postgres_exporter sees it."""

from __future__ import annotations

from ..model import Board, Link, Row, Variable, steps
from ._parts import DATASOURCE, RATE, chart, instance, job, number, up
from ._parts import SELECTOR as S

__all__ = ["BOARD"]

D = f'{S},datname=~"$database"'
_EXTRA = "postgres_exporter runs without prometheus/exporters/postgres-queries.yml"


def _rate(name: str, labels: str = D) -> str:
    return f"rate(pg_stat_database_{name}{{{labels}}}[{RATE}])"


_BY = "by (instance, datname)"
_HIT, _READ = (f"sum {_BY} ({_rate(name)})" for name in ("blks_hit", "blks_read"))

NOW = Row(
    title="Now",
    panels=(
        up("PostgreSQL", "Whether the exporter reaches the server.", f"min(pg_up{{{S}}})"),
        number(
            "Transactions a second",
            "Commits and rollbacks a second.",
            "ops",
            f"sum({_rate('xact_commit')}) + sum({_rate('xact_rollback')})",
        ),
        number(
            "Connections used",
            "Share of max_connections in use. At 100 % logins fail with 'too many clients already'.",
            "percentunit",
            f"max(sum by (job, instance) (pg_stat_activity_count{{{S}}})"
            f" / max by (job, instance) (pg_settings_max_connections{{{S}}}))",
            thresholds=steps(0.7, 0.85),
        ),
        number(
            "Longest transaction",
            "Age of the oldest open transaction. While it is open, vacuum clears nothing that is younger.",
            "s",
            f"max(pg_stat_activity_max_tx_duration{{{D}}})",
            thresholds=steps(300, 1800),
        ),
        number(
            "Cache hit rate",
            "Share of page reads that were answered from shared buffers.",
            "percentunit",
            f"sum({_HIT}) / (sum({_HIT}) + sum({_READ}) > 0)",
            thresholds=steps(0.95, 0.9),
            empty_when="no page was read",
        ),
        number(
            "Size",
            "Size of the chosen databases.",
            "bytes",
            f"sum(pg_database_size_bytes{{{D}}})",
        ),
    ),
)

CONNECTIONS = Row(
    title="Connections",
    panels=(
        chart(
            "Connections by state",
            "What the connections do. 'idle' wait for work in somebody's pool; 'idle in transaction' hold locks and "
            "do nothing; 'active' is load.",
            "short",
            (
                f"sum by (state) (pg_stat_activity_count{{{D}}})",
                "{{state}}",
            ),
            stack=True,
        ),
        chart(
            "Connections by database and limit",
            "Connections of each database, and max_connections.",
            "short",
            (f"sum by (datname) (pg_stat_activity_count{{{D}}})", "{{datname}}"),
            (f"max(pg_settings_max_connections{{{S}}})", "limit"),
        ),
        chart(
            "Longest transaction by state",
            "Age of the oldest transaction, by what it does. Long 'idle in transaction' is a program that forgot to "
            "commit.",
            "s",
            (
                f"max by (datname, state) (pg_stat_activity_max_tx_duration{{{D}}}) > 0",
                "{{datname}} {{state}}",
            ),
            thresholds=steps(300, 1800),
            empty_when="no transaction is open",
        ),
    ),
)

QUERIES = Row(
    title="Queries",
    panels=(
        chart(
            "Commits and rollbacks",
            "Transactions a second. Many rollbacks are errors in the program, or conflicts.",
            "ops",
            (f"sum {_BY} ({_rate('xact_commit')})", "{{datname}} commits"),
            (f"sum {_BY} ({_rate('xact_rollback')})", "{{datname}} rollbacks"),
        ),
        chart(
            "Share of rollbacks",
            "Rollbacks among all transactions.",
            "percentunit",
            (
                (
                    f"sum {_BY} ({_rate('xact_rollback')})"
                    f" / (sum {_BY} ({_rate('xact_commit')}) + sum {_BY} ({_rate('xact_rollback')}) > 0)"
                ),
                "{{datname}}",
            ),
            thresholds=steps(0.05, 0.2),
            empty_when="there were no transactions",
        ),
        chart(
            "Rows",
            "Rows returned (read), fetched (by index) and changed, a second. Many more returned than fetched are scans "
            "of whole tables.",
            "ops",
            *(
                (f"sum(rate(pg_stat_database_tup_{name}{{{D}}}[{RATE}]))", name)
                for name in ("returned", "fetched", "inserted", "updated", "deleted")
            ),
        ),
        chart(
            "Slow statements now",
            "Statements that have run for more than 5 seconds. The runbook has the EXPLAIN.",
            "short",
            (f"pg_obskit_slow_statements{{{D}}}", "{{datname}}"),
            thresholds=steps(1, 5),
            empty_when=_EXTRA,
        ),
        chart(
            "Mean time of a statement",
            "Mean execution time of the ten slowest statements, by query id. The runbook shows how to find the "
            "text and EXPLAIN it.",
            "s",
            (
                (
                    "topk(10, sum by (queryid, datname)"
                    f" (rate(pg_stat_statements_seconds_total{{{D}}}[{RATE}]))"
                    " / (sum by (queryid, datname)"
                    f" (rate(pg_stat_statements_calls_total{{{D}}}[{RATE}])) > 0))"
                ),
                "{{datname}} {{queryid}}",
            ),
            thresholds=steps(0.5, 5),
            empty_when="postgres_exporter is older than 0.13 or runs without --collector.stat_statements, or the "
            "extension pg_stat_statements is missing",
        ),
        chart(
            "Temporary files",
            "Bytes a second written to disk because a sort or hash did not fit into work_mem.",
            "Bps",
            (f"sum {_BY} ({_rate('temp_bytes')})", "{{datname}}"),
            thresholds=steps(1_000_000, 100_000_000),
        ),
        chart(
            "Cache hit rate by database",
            "Share of page reads that were answered from shared buffers. Below 95 % they are too small, or a query "
            "reads whole tables.",
            "percentunit",
            (f"{_HIT} / ({_HIT} + {_READ} > 0)", "{{datname}}"),
            maximum=1,
            thresholds=steps(0.95, 0.9),
            empty_when="no page was read",
        ),
    ),
)

LOCKS = Row(
    title="Locks",
    panels=(
        chart(
            "Sessions that wait for a lock",
            "Sessions that another one keeps waiting, by database. The runbook shows who holds what.",
            "short",
            (f"pg_obskit_blocked_sessions{{{D}}}", "{{datname}}"),
            thresholds=steps(1, 5),
            empty_when=_EXTRA,
        ),
        chart(
            "Longest wait for a lock",
            "How long the session has waited that has waited longest.",
            "s",
            (f"pg_obskit_blocked_longest_seconds{{{D}}}", "{{datname}}"),
            thresholds=steps(10, 30),
            threshold_lines=True,
            empty_when=_EXTRA,
        ),
        chart(
            "Locks by mode",
            "Locks that are held, by mode. Access exclusive ones (ALTER TABLE, VACUUM FULL) stop every reader.",
            "short",
            (f"sum by (mode) (pg_locks_count{{{D}}}) > 0", "{{mode}}"),
            empty_when="no lock is held",
        ),
        chart(
            "Deadlocks",
            "Deadlocks in each step, by database. The server's log has both statements.",
            "short",
            (
                f"sum {_BY} (increase(pg_stat_database_deadlocks{{{D}}}[{RATE}]))",
                "{{datname}}",
            ),
            thresholds=steps(1, 10),
        ),
        chart(
            "Conflicts with recovery",
            "Queries on a standby that were cancelled because the replay needed their rows, in each step.",
            "short",
            (
                f"sum {_BY} (increase(pg_stat_database_conflicts{{{D}}}[{RATE}]))",
                "{{datname}}",
            ),
            thresholds=steps(1, 10),
        ),
    ),
)

STORAGE = Row(
    title="Storage and replication",
    panels=(
        chart(
            "Checkpoints",
            "Checkpoints a second that came by the clock, and that were forced because max_wal_size was full. Many "
            "forced ones: raise it.",
            "ops",
            (
                f"rate(pg_stat_bgwriter_checkpoints_timed_total{{{S}}}[{RATE}])",
                "{{instance}} by the clock",
            ),
            (
                f"rate(pg_stat_bgwriter_checkpoints_req_total{{{S}}}[{RATE}])",
                "{{instance}} forced",
            ),
            empty_when="the server is PostgreSQL 17 or newer, which counts them in pg_stat_checkpointer",
        ),
        chart(
            "Buffers written",
            "Pages a second written by the checkpointer, the background writer and by backends themselves. Backends "
            "that write wait for the disk.",
            "ops",
            *(
                (f"rate(pg_stat_bgwriter_buffers_{name}_total{{{S}}}[{RATE}])", label)
                for name, label in (
                    ("checkpoint", "{{instance}} checkpointer"),
                    ("clean", "{{instance}} background writer"),
                    ("backend", "{{instance}} backends"),
                )
            ),
            empty_when="the server is PostgreSQL 17 or newer",
        ),
        chart(
            "Size by database",
            "Size on disk of each database.",
            "bytes",
            (f"pg_database_size_bytes{{{D}}}", "{{datname}}"),
        ),
        chart(
            "Replication lag",
            "Seconds by which a replica is behind its primary; 0 on a primary.",
            "s",
            (
                (
                    f"pg_obskit_replication_lag_seconds{{{S}}} or on (job, instance)"
                    f" pg_replication_lag_seconds{{{S}}}"
                ),
                "{{instance}}",
            ),
            thresholds=steps(30, 300),
            empty_when="postgres_exporter is older than 0.12 and runs without"
            " prometheus/exporters/postgres-queries.yml",
        ),
        chart(
            "Replication lag of standbys",
            "Bytes by which each standby is behind, as its primary sees it.",
            "bytes",
            (
                f"pg_stat_replication_pg_wal_lsn_diff{{{S}}}",
                "{{application_name}} {{client_addr}}",
            ),
            thresholds=steps(100_000_000, 1_000_000_000),
            empty_when="no standby is connected",
        ),
        chart(
            "Age of the last archived log",
            "Time since a write-ahead log segment was last archived: what point-in-time recovery would lose.",
            "s",
            (f"pg_stat_archiver_last_archive_age{{{S}}} > 0", "{{instance}}"),
            thresholds=steps(3600, 86400),
            empty_when="no log segment has been archived",
        ),
        chart(
            "Failed archivings",
            "Write-ahead log segments that could not be archived, in each step.",
            "short",
            (f"increase(pg_stat_archiver_failed_count{{{S}}}[{RATE}])", "{{instance}}"),
            thresholds=steps(1, 1),
        ),
    ),
)

BOARD = Board(
    uid="obskit-postgres",
    title="PostgreSQL",
    description="Slow transactions, locks, connections and storage of PostgreSQL (postgres_exporter).",
    tags=("database",),
    variables=(
        DATASOURCE,
        job("pg_up"),
        instance("pg_up"),
        Variable(
            name="database",
            label="Database",
            description="Databases to show.",
            kind="values",
            query='label_values(pg_stat_database_numbackends{job=~"$job",instance=~"$instance",'
            'datname!~"template.*|"}, datname)',
        ),
    ),
    links=(
        Link(title="Services", url="/d/obskit-services"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(NOW, CONNECTIONS, QUERIES, LOCKS, STORAGE),
)
