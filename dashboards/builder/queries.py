"""How a query becomes a target of a panel, through the builders of the Grafana Foundation SDK."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import elasticsearch as es
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.elasticsearch import TermsOrder
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

from .model import LogQuery, Query

__all__ = ["LOGS", "METRICS", "datasource_of", "target"]

METRICS = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
LOGS = models.DataSourceRef(type_val="elasticsearch", uid="${logs}")


def datasource_of(query: Query | LogQuery) -> models.DataSourceRef:
    """Give the data source variable that answers a query.

    Args:
        query: The query.

    Returns:
        The reference to put into the panel and the target.
    """
    return LOGS if isinstance(query, LogQuery) else METRICS


def target(query: Query | LogQuery, ref_id: str) -> prometheus.Dataquery | es.Dataquery:
    """Build the target of a query.

    Args:
        query: What is asked.
        ref_id: Letter that names the target within its panel.

    Returns:
        The SDK's builder of the target.
    """
    return _log_target(query, ref_id) if isinstance(query, LogQuery) else _target(query, ref_id)


def _target(query: Query, ref_id: str) -> prometheus.Dataquery:
    built = (
        prometheus.Dataquery()
        .datasource(METRICS)
        .expr(query.expr)
        .ref_id(ref_id)
        .editor_mode(QueryEditorMode.CODE)
        .legend_format(query.legend or "__auto")
    )
    if query.table:
        built.format(PromQueryFormat.TABLE)
    elif query.heatmap:
        built.format(PromQueryFormat.HEATMAP)
    if query.exemplars:
        built.exemplar(True)
    return built.instant() if query.instant else built.range()


def _log_target(query: LogQuery, ref_id: str) -> es.Dataquery:
    built = (
        es.Dataquery()
        .datasource(LOGS)
        .ref_id(ref_id)
        .query(query.query)
        .time_field("@timestamp")
        .alias(query.alias)
        .metrics([_metric(query)])
    )
    return built.bucket_aggs([] if query.documents else _buckets(query))


def _metric(query: LogQuery) -> Any:
    if query.documents and query.as_logs:
        return (
            es.Logs().id("1").settings(es.ElasticsearchLogsSettings().limit(str(query.documents)))
        )
    if query.documents:
        return (
            es.RawData()
            .id("1")
            .settings(es.ElasticsearchRawDataSettings().size(str(query.documents)))
        )
    if query.metric == "count":
        return es.Count().id("1")
    if query.metric == "percentiles":
        percents = [str(percent) for percent in query.percents]
        settings = es.ElasticsearchPercentilesSettings().percents(percents)
        return es.Percentiles().id("1").field(query.of).settings(settings)
    kinds: dict[str, Any] = {
        "cardinality": es.UniqueCount,
        "avg": es.Average,
        "max": es.Max,
        "sum": es.Sum,
    }
    return kinds[query.metric]().id("1").field(query.of)


def _buckets(query: LogQuery) -> list[Any]:
    buckets: list[Any] = []
    for number, name in enumerate(query.by, start=3):
        settings = (
            es.ElasticsearchTermsSettings()
            .order(TermsOrder.DESC)
            .order_by("_count")
            .size(str(query.top))
            .min_doc_count("1")
        )
        buckets.append(es.Terms().id(str(number)).field(name).settings(settings))
    if query.over_time:
        histogram = es.ElasticsearchDateHistogramSettings().interval("auto").min_doc_count("0")
        buckets.append(
            es.DateHistogram().id("2").field("@timestamp").settings(histogram.trim_edges("0"))
        )
    return buckets
