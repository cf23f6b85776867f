"""MySQL and MariaDB, as mysqld_exporter sees them."""

from __future__ import annotations

from ..model import Board, Link, Row, Threshold, steps
from ._parts import DATASOURCE, RATE, chart, instance, job, number, up
from ._parts import SELECTOR as S

__all__ = ["BOARD"]


def _status(name: str) -> str:
    return f"mysql_global_status_{name}{{{S}}}"


def _rate(name: str) -> str:
    return f"rate({_status(name)}[{RATE}])"


NOW = Row(
    title="Now",
    panels=(
        up("MySQL", "Whether the exporter reaches the server.", f"min(mysql_up{{{S}}})"),
        number(
            "Uptime",
            "Time since the last start of the youngest server.",
            "dtdurations",
            f"min({_status('uptime')})",
            thresholds=(
                Threshold(value=None, color="orange"),
                Threshold(value=3600, color="green"),
            ),
        ),
        number(
            "Queries a second",
            "Statements of clients a second.",
            "ops",
            f"sum({_rate('questions')})",
        ),
        number(
            "Slow queries a second",
            "Statements that took longer than long_query_time. The slow log names them; the runbook has the EXPLAIN.",
            "ops",
            f"sum({_rate('slow_queries')})",
            thresholds=steps(0.1, 1),
        ),
        number(
            "Connections used",
            "Share of max_connections in use. At 100 % logins fail with 'Too many connections'.",
            "percentunit",
            f"max({_status('threads_connected')} / mysql_global_variables_max_connections{{{S}}})",
            thresholds=steps(0.7, 0.85),
        ),
        number(
            "Waiting for row locks",
            "Transactions that wait for a row that another one holds.",
            "short",
            f"sum({_status('innodb_row_lock_current_waits')})",
            thresholds=steps(1, 5),
        ),
    ),
)

CONNECTIONS = Row(
    title="Connections",
    panels=(
        chart(
            "Connections in use and waiting for work",
            "Connected, running (doing work), cached threads, and the limit. Connected is normal, running is load.",
            "short",
            (_status("threads_connected"), "{{instance}} connected"),
            (_status("threads_running"), "{{instance}} running"),
            (_status("threads_cached"), "{{instance}} cached"),
            (f"mysql_global_variables_max_connections{{{S}}}", "{{instance}} limit"),
        ),
        chart(
            "Most connections so far",
            "The largest number since the server started, as a share of the limit: how near it has been.",
            "percentunit",
            (
                f"{_status('max_used_connections')} / mysql_global_variables_max_connections{{{S}}}",
                "{{instance}}",
            ),
            thresholds=steps(0.8, 0.95),
        ),
        chart(
            "Aborted connections",
            "Logins that failed, and clients that went without closing, a second: wrong passwords, time-outs, crashed "
            "clients.",
            "ops",
            (_rate("aborted_connects"), "{{instance}} login failed"),
            (_rate("aborted_clients"), "{{instance}} not closed"),
            thresholds=steps(0.1, 1),
        ),
    ),
)

QUERIES = Row(
    title="Queries",
    panels=(
        chart(
            "Statements by kind",
            "Statements a second, the ten most frequent kinds.",
            "ops",
            (
                f"topk(10, sum by (command) (rate(mysql_global_status_commands_total{{{S}}}[{RATE}])) > 0)",
                "{{command}}",
            ),
            stack=True,
        ),
        chart(
            "Slow queries",
            "Statements a second that took longer than long_query_time.",
            "ops",
            (_rate("slow_queries"), "{{instance}}"),
            thresholds=steps(0.1, 1),
            threshold_lines=True,
        ),
        chart(
            "Queries without a usable index",
            "Joins and selections a second that read a whole table. The runbook shows how to find and EXPLAIN them.",
            "ops",
            (_rate("select_full_join"), "{{instance}} join without index"),
            (_rate("select_scan"), "{{instance}} table scan"),
        ),
        chart(
            "Temporary tables",
            "Temporary tables made a second, in memory and on disk. On disk they are slow: sorts and groups that are "
            "too large.",
            "ops",
            (_rate("created_tmp_tables"), "{{instance}} all"),
            (_rate("created_tmp_disk_tables"), "{{instance}} on disk"),
        ),
        chart(
            "Rows read and sent by handlers",
            "Row operations of the storage engines a second. Many read_rnd_next against few sent rows are scans.",
            "ops",
            (
                f"topk(8, sum by (handler) (rate(mysql_global_status_handlers_total{{{S}}}[{RATE}])) > 0)",
                "{{handler}}",
            ),
        ),
        chart(
            "Network",
            "Bytes in and out a second.",
            "Bps",
            (_rate("bytes_received"), "{{instance}} in"),
            (_rate("bytes_sent"), "{{instance}} out"),
        ),
    ),
)

LOCKS = Row(
    title="Locks",
    panels=(
        chart(
            "Row lock waits",
            "How often a transaction had to wait for a row, a second, and how many wait now.",
            "short",
            (_rate("innodb_row_lock_waits"), "{{instance}} waits a second"),
            (_status("innodb_row_lock_current_waits"), "{{instance}} waiting now"),
            thresholds=steps(1, 5),
        ),
        chart(
            "Time of a row lock wait",
            "Mean time that a wait for a row took.",
            "ms",
            (
                f"{_rate('innodb_row_lock_time')} / ({_rate('innodb_row_lock_waits')} > 0)",
                "{{instance}}",
            ),
            empty_when="no transaction waited for a row",
        ),
        chart(
            "Deadlocks",
            "Deadlocks in each step. SHOW ENGINE INNODB STATUS has the last one, with both statements.",
            "short",
            (f"increase({_status('innodb_deadlocks')}[{RATE}])", "{{instance}}"),
            thresholds=steps(1, 10),
            empty_when="the server is MySQL, which does not count deadlocks here (MariaDB does)",
        ),
        chart(
            "Table locks",
            "Locks of whole tables a second that were granted at once, and that had to wait.",
            "ops",
            (_rate("table_locks_immediate"), "{{instance}} at once"),
            (_rate("table_locks_waited"), "{{instance}} waited"),
        ),
        chart(
            "Undo history",
            "Old row versions that purge has not cleared. It grows while a long transaction is open.",
            "short",
            (_status("innodb_history_list_length"), "{{instance}}"),
            thresholds=steps(100_000, 1_000_000),
            empty_when="the server is MySQL, which keeps it in innodb_metrics",
        ),
    ),
)

STORAGE = Row(
    title="InnoDB and replication",
    panels=(
        chart(
            "Buffer pool hit rate",
            "Share of page reads that were answered from memory. Below 95 % the pool is too small for the working "
            "set.",
            "percentunit",
            (
                (
                    f"1 - {_rate('innodb_buffer_pool_reads')}"
                    f" / ({_rate('innodb_buffer_pool_read_requests')} > 0)"
                ),
                "{{instance}}",
            ),
            maximum=1,
            thresholds=steps(0.95, 0.9),
            empty_when="no page was read",
        ),
        chart(
            "Buffer pool pages",
            "What the pages of the pool hold.",
            "short",
            (
                f"sum by (state) (mysql_global_status_buffer_pool_pages{{{S}}})",
                "{{state}}",
            ),
            stack=True,
        ),
        chart(
            "Data read and written",
            "Bytes a second between InnoDB and the disk.",
            "Bps",
            (_rate("innodb_data_read"), "{{instance}} read"),
            (_rate("innodb_data_written"), "{{instance}} written"),
        ),
        chart(
            "Waits for the redo log",
            "How often a transaction had to wait because the log buffer was full, a second.",
            "ops",
            (_rate("innodb_log_waits"), "{{instance}}"),
            thresholds=steps(0.1, 1),
        ),
        chart(
            "Replication lag",
            "Seconds by which each replica is behind.",
            "s",
            (f"mysql_slave_status_seconds_behind_master{{{S}}}", "{{instance}}"),
            thresholds=steps(30, 300),
            empty_when="the server is no replica",
        ),
        chart(
            "Open files and tables",
            "Table cache misses a second, and open files. Many misses: raise table_open_cache.",
            "short",
            (_rate("table_open_cache_misses"), "{{instance}} misses a second"),
            (_status("open_files"), "{{instance}} open files"),
        ),
    ),
)

BOARD = Board(
    uid="obskit-mysql",
    title="MySQL and MariaDB",
    description="Slow queries, lock waits, connections and InnoDB (mysqld_exporter).",
    tags=("database",),
    variables=(DATASOURCE, job("mysql_up"), instance("mysql_up")),
    links=(
        Link(title="Services", url="/d/obskit-services"),
        Link(title="Logs", url="/d/obskit-logs"),
    ),
    rows=(NOW, CONNECTIONS, QUERIES, LOCKS, STORAGE),
)
