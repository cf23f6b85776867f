"""The stack itself: the path of a log line, from Filebeat to Elasticsearch.

Elasticsearch is seen by elasticsearch_exporter; Filebeat and Logstash, which have no metrics for Prometheus, by
obskit exporter.
"""

from __future__ import annotations

from ..model import Row, Threshold, steps
from ._parts import RATE, chart, number

__all__ = ["ELASTICSEARCH", "FILEBEAT", "LOGSTASH"]

_NO_ELASTIC = "elasticsearch_exporter is not scraped"
_NO_OBSKIT = "obskit exporter is not scraped, or the server is not in obskit.yml"

ELASTICSEARCH = Row(
    title="Elasticsearch",
    panels=(
        number(
            "Cluster health",
            "2 green, 1 yellow (a replica is missing), 0 red (data is missing).",
            "short",
            'max(elasticsearch_cluster_health_status{color="green"} * 2'
            ' or elasticsearch_cluster_health_status{color="yellow"} > 0'
            ' or elasticsearch_cluster_health_status{color="red"} * 0)',
            thresholds=(
                Threshold(value=None, color="red"),
                Threshold(value=1, color="orange"),
                Threshold(value=2, color="green"),
            ),
            values=((0.0, "red", "red"), (1.0, "yellow", "yellow"), (2.0, "green", "green")),
            empty_when=_NO_ELASTIC,
        ),
        number(
            "Nodes",
            "Nodes of the cluster.",
            "short",
            "max(elasticsearch_cluster_health_number_of_nodes)",
            empty_when=_NO_ELASTIC,
        ),
        number(
            "Shards without a node",
            "Shards that are assigned to no node. On a single node replicas never are: set their number to 0.",
            "short",
            "sum(elasticsearch_cluster_health_unassigned_shards)",
            thresholds=steps(1, 10),
            empty_when=_NO_ELASTIC,
        ),
        number(
            "Least space",
            "Share of the data disk that is free, on the fullest node. At 5 % Elasticsearch stops writing.",
            "percentunit",
            "min(elasticsearch_filesystem_data_available_bytes / elasticsearch_filesystem_data_size_bytes)",
            thresholds=steps(0.15, 0.06),
            empty_when=_NO_ELASTIC,
        ),
        number(
            "Refused writes",
            "Bulk requests refused in the last hour because the write queue was full.",
            "short",
            'sum(increase(elasticsearch_thread_pool_rejected_count{type="write"}[1h]))',
            thresholds=steps(1, 100),
            empty_when=_NO_ELASTIC,
        ),
        number(
            "Documents",
            "Documents in all indices of all nodes, replicas counted.",
            "short",
            "sum(elasticsearch_indices_docs)",
            empty_when=_NO_ELASTIC,
        ),
        chart(
            "Indexing",
            "Documents indexed a second, by node.",
            "ops",
            (f"rate(elasticsearch_indices_indexing_index_total[{RATE}])", "{{name}}"),
            empty_when=_NO_ELASTIC,
        ),
        chart(
            "Thread pools that refuse",
            "Requests a second that were refused because a pool's queue was full.",
            "ops",
            (
                (
                    "sum by (name, type)"
                    f" (rate(elasticsearch_thread_pool_rejected_count{{type=~'write|search|get'}}[{RATE}]))"
                ),
                "{{name}} {{type}}",
            ),
            thresholds=steps(0.01, 1),
            empty_when=_NO_ELASTIC,
        ),
        chart(
            "Queues of thread pools",
            "Requests that wait for a thread.",
            "short",
            (
                "sum by (name, type) (elasticsearch_thread_pool_queue_count{type=~'write|search|get'})",
                "{{name}} {{type}}",
            ),
            thresholds=steps(100, 1000),
            empty_when=_NO_ELASTIC,
        ),
        chart(
            "Heap",
            "Share of the Java heap in use. A saw is healthy; above 90 % for long it collects without end.",
            "percentunit",
            (
                (
                    'elasticsearch_jvm_memory_used_bytes{area="heap"}'
                    ' / elasticsearch_jvm_memory_max_bytes{area="heap"}'
                ),
                "{{name}}",
            ),
            maximum=1,
            thresholds=steps(0.85, 0.95),
            threshold_lines=True,
            empty_when=_NO_ELASTIC,
        ),
        chart(
            "Time of a search",
            "Mean time of the query phase.",
            "s",
            (
                (
                    f"rate(elasticsearch_indices_search_query_time_seconds[{RATE}])"
                    f" / (rate(elasticsearch_indices_search_query_total[{RATE}]) > 0)"
                ),
                "{{name}}",
            ),
            thresholds=steps(0.5, 2),
            empty_when=f"nothing was searched, or {_NO_ELASTIC}",
        ),
        chart(
            "Circuit breakers",
            "How often a breaker refused work to save memory, in each step.",
            "short",
            (
                f"sum by (name, breaker) (increase(elasticsearch_breakers_tripped[{RATE}]))",
                "{{name}} {{breaker}}",
            ),
            thresholds=steps(1, 10),
            empty_when=_NO_ELASTIC,
        ),
    ),
)

LOGSTASH = Row(
    title="Logstash",
    panels=(
        chart(
            "Events",
            "Events a second into, through the filters of, and out of each pipeline.",
            "ops",
            (
                f"sum by (pipeline, stage) (rate(obskit_logstash_events_total[{RATE}]))",
                "{{pipeline}} {{stage}}",
            ),
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Queue",
            "Share of the persistent queue in use. When it is full, Logstash takes nothing more from Filebeat.",
            "percentunit",
            (
                "obskit_logstash_queue_bytes / (obskit_logstash_queue_max_bytes > 0)",
                "{{target}} {{pipeline}}",
            ),
            maximum=1,
            thresholds=steps(0.5, 0.8),
            threshold_lines=True,
            empty_when=f"the queue is in memory, or {_NO_OBSKIT}",
        ),
        chart(
            "Dead letters",
            "Events in each step that Elasticsearch refused and that went to the dead letter queue.",
            "short",
            (
                f"sum by (pipeline) (increase(obskit_logstash_dead_letter_events_total[{RATE}]))",
                "{{pipeline}}",
            ),
            thresholds=steps(1, 100),
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Pipeline not reloaded",
            "1 for a pipeline that runs its old text because the new one is refused.",
            "bool_yes_no",
            ("obskit_logstash_pipeline_reload_failed", "{{target}} {{pipeline}}"),
            maximum=1,
            thresholds=steps(1, 1),
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Heap of Logstash",
            "Share of the Java heap in use.",
            "percentunit",
            ("obskit_logstash_jvm_heap_used_ratio", "{{target}}"),
            maximum=1,
            thresholds=steps(0.85, 0.95),
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Servers that answer obskit exporter",
            "1 for each server whose own API answers.",
            "bool_yes_no",
            ("obskit_exporter_source_up", "{{source}} {{target}}"),
            maximum=1,
            empty_when=_NO_OBSKIT,
        ),
    ),
)

FILEBEAT = Row(
    title="Filebeat",
    panels=(
        chart(
            "Events to the output",
            "Events a second that were acknowledged, failed (and are tried again) and dropped (lost).",
            "ops",
            (
                f"sum by (outcome) (rate(obskit_filebeat_output_events_total[{RATE}]))",
                "{{outcome}}",
            ),
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Events in the queue",
            "Share of the queue in use. A full queue means that the output is slower than the files grow: lines "
            "wait on disk, and the lag grows.",
            "percentunit",
            (
                "obskit_filebeat_pipeline_events_active / (obskit_filebeat_queue_max_events > 0)",
                "{{target}}",
            ),
            maximum=1,
            thresholds=steps(0.8, 0.95),
            threshold_lines=True,
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Lag by service",
            "Age of the newest line of each service in Elasticsearch.",
            "s",
            (
                "time() - max by (service) (obskit_log_newest_timestamp_seconds)",
                "{{service}}",
            ),
            minimum=None,
            thresholds=steps(300, 3600),
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Lines by level",
            "Events of the last five minutes in Elasticsearch, by level.",
            "short",
            ("sum by (level) (obskit_log_events_5m)", "{{level}}"),
            empty_when=_NO_OBSKIT,
        ),
        chart(
            "Quarantine",
            "Events of the last five minutes in the quarantine.",
            "short",
            ("sum(obskit_log_quarantined_5m)", "quarantined"),
            thresholds=steps(1, 100),
            empty_when=_NO_OBSKIT,
        ),
    ),
)
