"""The stack itself: whether what watches everything else is well."""

from __future__ import annotations

from ..model import Board, Kind, Link, Panel, Query, Row, steps
from . import _stack_logs
from ._parts import DATASOURCE, RATE, chart, number, ratio

__all__ = ["BOARD"]

NOW = Row(
    title="Now",
    panels=(
        number(
            "Targets down",
            "Targets that Prometheus cannot scrape.",
            "short",
            "count(up == 0) or vector(0)",
            thresholds=steps(1, 1),
        ),
        number(
            "Firing alerts",
            "Alerts that fire, without the one that always does (the dead man's switch).",
            "short",
            'count(ALERTS{alertstate="firing",alertname!~"Watchdog|DeadMansSwitch"}) or vector(0)',
            thresholds=steps(1, 10),
        ),
        number(
            "Failed reloads",
            "Prometheus and Alertmanager servers whose last reload failed: they run the old configuration.",
            "short",
            "(count(prometheus_config_last_reload_successful == 0) or vector(0))"
            " + (count(alertmanager_config_last_reload_successful == 0) or vector(0))",
            thresholds=steps(1, 1),
        ),
        number(
            "Failed notifications",
            "Notifications of Alertmanager that failed in the last hour. Somebody was not told.",
            "short",
            "sum(increase(alertmanager_notifications_failed_total[1h]))",
            thresholds=steps(1, 10),
            empty_when="Alertmanager is not scraped",
        ),
        number(
            "Quarantined events",
            "Events of the last five minutes that break the log schema.",
            "short",
            "sum(obskit_log_quarantined_5m)",
            thresholds=steps(1, 100),
            empty_when="obskit exporter is not scraped",
        ),
        number(
            "Series",
            "Series in the head of Prometheus: what its memory is spent on.",
            "short",
            "sum(prometheus_tsdb_head_series)",
            thresholds=steps(1_000_000, 5_000_000),
        ),
        Panel(
            title="Targets",
            description="Targets up and known, by job. A job with 0 known targets is a discovery file that broke.",
            kind=Kind.TABLE,
            unit="short",
            width=12,
            queries=(
                Query(expr="sum by (job) (up)", instant=True, table=True),
                Query(expr="count by (job) (up)", instant=True, table=True),
            ),
            transformations=(
                ("merge", {}),
                (
                    "organize",
                    {
                        "excludeByName": {"Time": True},
                        "renameByName": {"Value #A": "Up", "Value #B": "Known"},
                    },
                ),
            ),
        ),
        Panel(
            title="Firing alerts by name",
            description="What fires now, without the dead man's switch.",
            kind=Kind.TABLE,
            unit="short",
            width=12,
            queries=(
                Query(
                    expr="count by (alertname, severity)"
                    ' (ALERTS{alertstate="firing",alertname!~"Watchdog|DeadMansSwitch"})',
                    instant=True,
                    table=True,
                ),
            ),
            empty_when="nothing fires",
        ),
    ),
)

PROMETHEUS = Row(
    title="Prometheus",
    panels=(
        chart(
            "Samples a second",
            "Samples that arrive, by server.",
            "ops",
            (f"rate(prometheus_tsdb_head_samples_appended_total[{RATE}])", "{{instance}} {{type}}"),
        ),
        chart(
            "Series in the head",
            "Cardinality. A jump is a label with too many values (an id, an address, a path).",
            "short",
            ("prometheus_tsdb_head_series", "{{instance}}"),
            thresholds=steps(1_000_000, 5_000_000),
        ),
        chart(
            "Jobs with most series",
            "Series by job after relabelling: which job the cardinality comes from.",
            "short",
            ("topk(10, sum by (job) (scrape_samples_post_metric_relabeling))", "{{job}}"),
        ),
        chart(
            "New series by job",
            "Series that a scrape brought for the first time. Steady ones are churn: labels that change all the time.",
            "short",
            ("topk(10, sum by (job) (scrape_series_added))", "{{job}}"),
        ),
        chart(
            "Slowest scrapes",
            "How long scrapes take; above the time-out (10 s unless set) the target counts as down.",
            "s",
            ("topk(10, scrape_duration_seconds)", "{{job}} {{instance}}"),
            thresholds=steps(5, 10),
        ),
        chart(
            "Configuration reloaded",
            "1 while the last reload was successful. 0: the old configuration goes on, promtool check config says why.",
            "bool_yes_no",
            ("prometheus_config_last_reload_successful", "{{instance}}"),
            maximum=1,
        ),
        chart(
            "Rule evaluations that failed",
            "Failed and missed evaluations in each step. Alerts of such a group do not fire.",
            "short",
            (
                f"sum by (instance, rule_group) (increase(prometheus_rule_evaluation_failures_total[{RATE}]))",
                "{{rule_group}} failed",
            ),
            (
                (
                    "sum by (instance, rule_group)"
                    f" (increase(prometheus_rule_group_iterations_missed_total[{RATE}]))"
                ),
                "{{rule_group}} missed",
            ),
            thresholds=steps(1, 10),
            empty_when="no rule is loaded",
        ),
        chart(
            "Time of rule groups",
            "Duration of the last evaluation as a share of the interval. Above 1 evaluations are missed.",
            "percentunit",
            (
                (
                    "topk(10, prometheus_rule_group_last_duration_seconds"
                    " / prometheus_rule_group_interval_seconds)"
                ),
                "{{rule_group}}",
            ),
            thresholds=steps(0.5, 0.9),
            empty_when="no rule is loaded",
        ),
        chart(
            "Alerts on their way",
            "Alerts that wait to be sent to Alertmanager, and such that were dropped in each step.",
            "short",
            ("prometheus_notifications_queue_length", "{{instance}} waiting"),
            (
                f"increase(prometheus_notifications_dropped_total[{RATE}])",
                "{{instance}} dropped",
            ),
            thresholds=steps(100, 1000),
        ),
        chart(
            "Queries",
            "90th percentile of each part of a query.",
            "s",
            (
                'max by (instance, slice) (prometheus_engine_query_duration_seconds{quantile="0.9"})',
                "{{instance}} {{slice}}",
            ),
            thresholds=steps(1, 10),
            empty_when="nobody has queried for ten minutes",
        ),
        chart(
            "Write-ahead log and compaction",
            "Corruptions and failed compactions in each step: the disk, or memory.",
            "short",
            (
                f"increase(prometheus_tsdb_wal_corruptions_total[{RATE}])",
                "{{instance}} corruptions",
            ),
            (
                f"increase(prometheus_tsdb_compactions_failed_total[{RATE}])",
                "{{instance}} failed compactions",
            ),
            thresholds=steps(1, 1),
        ),
        chart(
            "Size on disk",
            "Bytes of the blocks, without the write-ahead log of the last hours.",
            "bytes",
            ("prometheus_tsdb_storage_blocks_bytes", "{{instance}}"),
        ),
    ),
)

ALERTMANAGER = Row(
    title="Alertmanager",
    panels=(
        chart(
            "Notifications",
            "Notifications sent in each step, by kind of receiver.",
            "short",
            (
                f"sum by (integration) (increase(alertmanager_notifications_total[{RATE}])) > 0",
                "{{integration}}",
            ),
            empty_when="nothing was sent, or Alertmanager is not scraped",
        ),
        chart(
            "Share of notifications that failed",
            "Failed notifications, by kind of receiver. Alertmanager tries again, and gives up at the group's next "
            "interval.",
            "percentunit",
            (
                ratio(
                    f"sum by (integration) (rate(alertmanager_notifications_failed_total[{RATE}]))",
                    f"sum by (integration) (rate(alertmanager_notifications_total[{RATE}]))",
                ),
                "{{integration}}",
            ),
            thresholds=steps(0.01, 0.1),
            empty_when="nothing was sent, or Alertmanager is not scraped",
        ),
        chart(
            "Alerts",
            "Alerts that Alertmanager holds, by state.",
            "short",
            ("sum by (state) (alertmanager_alerts)", "{{state}}"),
            empty_when="Alertmanager is not scraped",
        ),
        chart(
            "Configuration of Alertmanager reloaded",
            "1 while the last reload was successful.",
            "bool_yes_no",
            ("alertmanager_config_last_reload_successful", "{{instance}}"),
            maximum=1,
            empty_when="Alertmanager is not scraped",
        ),
        chart(
            "Time of a notification",
            "95th percentile, by kind of receiver.",
            "s",
            (
                (
                    "histogram_quantile(0.95, sum by (le, integration)"
                    f" (rate(alertmanager_notification_latency_seconds_bucket[{RATE}])))"
                ),
                "{{integration}}",
            ),
            thresholds=steps(1, 5),
            empty_when="nothing was sent, or Alertmanager is not scraped",
        ),
        chart(
            "Silences",
            "Silences, by state. One that nobody remembers hides the next incident.",
            "short",
            ("sum by (state) (alertmanager_silences)", "{{state}}"),
            empty_when="Alertmanager is not scraped",
        ),
    ),
)

GRAFANA = Row(
    title="Grafana",
    panels=(
        chart(
            "Requests to Grafana",
            "Requests a second, by status.",
            "reqps",
            (
                f"sum by (status_code) (rate(grafana_http_request_duration_seconds_count[{RATE}]))",
                "{{status_code}}",
            ),
            stack=True,
            empty_when="Grafana is not scraped",
        ),
        chart(
            "Questions to data sources that failed",
            "Share of answers that were no success, by data source. Panels show them as errors.",
            "percentunit",
            (
                ratio(
                    'sum by (datasource) (rate(grafana_datasource_request_total{code!~"2.."}'
                    f"[{RATE}]))",
                    f"sum by (datasource) (rate(grafana_datasource_request_total[{RATE}]))",
                ),
                "{{datasource}}",
            ),
            thresholds=steps(0.01, 0.2),
            empty_when="Grafana is not scraped, or has asked nothing",
        ),
        chart(
            "Dashboards and users",
            "Dashboards that are stored, and users of the last 30 days.",
            "short",
            ("grafana_stat_totals_dashboard", "{{instance}} dashboards"),
            ("grafana_stat_active_users", "{{instance}} active users"),
            empty_when="Grafana is not scraped",
        ),
    ),
)

BOARD = Board(
    uid="obskit-stack",
    title="The stack itself",
    description="Prometheus, Alertmanager, Grafana, Elasticsearch, Logstash and Filebeat: queues, lag, refused "
    "documents, failed reloads, failed notifications, cardinality.",
    tags=("stack",),
    variables=(DATASOURCE,),
    links=(
        Link(title="Logs", url="/d/obskit-logs"),
        Link(title="Node Exporter", url="/d/obskit-node"),
    ),
    rows=(
        NOW,
        PROMETHEUS,
        ALERTMANAGER,
        _stack_logs.ELASTICSEARCH,
        _stack_logs.LOGSTASH,
        _stack_logs.FILEBEAT,
        GRAFANA,
    ),
    since="now-3h",
)
