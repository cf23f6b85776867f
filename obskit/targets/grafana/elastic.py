"""A panel's Elasticsearch query as a ``_search`` request, and whether its answer holds anything.

Source of the shape: `Grafana's Elasticsearch query editor
<https://grafana.com/docs/grafana/latest/datasources/elasticsearch/query-editor/>`_ and the
`search API <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/search-search.html>`_.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from obskit.targets.grafana.ranges import Range

__all__ = ["amount", "fields_of", "search_body"]

_DOCUMENTS: Final = frozenset({"logs", "raw_data", "raw_document"})
#: Metrics computed from other metrics; there is something where there are buckets.
_PIPELINE: Final = frozenset(
    {"derivative", "moving_avg", "moving_fn", "cumulative_sum", "serial_diff", "bucket_script"}
)


def search_body(target: Mapping[str, Any], over: Range, time_field: str, step: float) -> dict[str, Any]:  # fmt: skip
    """The request that Grafana makes of a query whose variables are filled in.

    Args:
        target: The query.
        over: The time range.
        time_field: The time field.
        step: Its interval, in seconds.
    """
    window = {
        "gte": int(over.start * 1000),
        "lte": int(over.end * 1000),
        "format": "epoch_millis",
    }
    filters: list[Any] = [{"range": {time_field: window}}]
    if query := str(target.get("query") or "").strip():
        filters.append({"query_string": {"analyze_wildcard": True, "query": query}})
    body: dict[str, Any] = {"query": {"bool": {"filter": filters}}, "track_total_hits": True}
    metrics = [item for item in target.get("metrics") or ({"type": "count"},) if not item.get("hide")]  # fmt: skip
    if any(item.get("type") in _DOCUMENTS for item in metrics):
        return body | {"size": 1, "sort": [{time_field: {"order": "desc", "unmapped_type": "boolean"}}]}  # fmt: skip
    body["size"] = 0
    inner: dict[str, Any] = {}
    for item in metrics:
        made = _metric(item)
        if made:
            inner[str(item.get("id", "1"))] = made
    for bucket in reversed(target.get("bucketAggs") or _histogram(time_field)):
        made = _bucket(bucket, over, time_field, step)
        if inner:
            made["aggs"] = inner
        inner = {str(bucket.get("id", "2")): made}
    return body | {"aggs": inner}


def _histogram(time_field: str) -> list[dict[str, Any]]:
    return [{"type": "date_histogram", "id": "2", "field": time_field, "settings": {}}]


def _metric(item: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = str(item.get("type"))
    if kind == "count" or kind in _PIPELINE:
        return None
    settings = item.get("settings") or {}
    body: dict[str, Any] = {"field": item.get("field")}
    if kind == "percentiles":
        body["percents"] = [float(number) for number in settings.get("percents") or (50, 95, 99)]
    if kind == "cardinality" and settings.get("precision_threshold"):
        body["precision_threshold"] = int(settings["precision_threshold"])
    if settings.get("missing") not in (None, ""):
        body["missing"] = settings["missing"]
    if kind == "top_metrics":
        wanted = [{"field": name} for name in settings.get("metrics") or ()]
        return {"top_metrics": {"metrics": wanted, "sort": {str(settings.get("orderBy")): "desc"}}}
    return {kind: body}


def _bucket(bucket: Mapping[str, Any], over: Range, time_field: str, step: float) -> dict[str, Any]:
    kind, settings = str(bucket.get("type")), bucket.get("settings") or {}
    field = bucket.get("field")
    if kind == "date_histogram":
        asked = str(settings.get("interval") or "auto")
        interval = f"{max(int(step), 1)}s" if asked == "auto" else asked
        return {
            "date_histogram": {
                "field": field or time_field,
                "fixed_interval": interval,
                "min_doc_count": int(settings.get("min_doc_count") or 0),
                "extended_bounds": {"min": int(over.start * 1000), "max": int(over.end * 1000)},
                "format": "epoch_millis",
            }
        }
    if kind == "terms":
        size = int(settings.get("size") or 10) or 500
        order = {_order(str(settings.get("orderBy") or "_key")): settings.get("order") or "desc"}
        least = int(settings.get("min_doc_count") or 1)
        return {"terms": {"field": field, "size": size, "order": order, "min_doc_count": least}}
    if kind == "filters":
        named = {
            str(item.get("label") or item.get("query")): {
                "query_string": {"query": item.get("query") or "*", "analyze_wildcard": True}
            }
            for item in settings.get("filters") or ()
        }
        return {"filters": {"filters": named}}
    if kind == "histogram":
        wide = float(settings.get("interval") or 1000)
        return {"histogram": {"field": field, "interval": wide, "min_doc_count": int(settings.get("min_doc_count") or 0)}}  # fmt: skip  # noqa: E501
    if kind == "nested":
        return {"nested": {"path": field}}
    return {kind: {"field": field}}


def _order(by: str) -> str:
    return {"_term": "_key", "": "_key"}.get(by, by)


def amount(target: Mapping[str, Any], answer: Mapping[str, Any]) -> int:
    """How many values a panel would draw from an answer.

    Args:
        target: The query.
        answer: The server's answer to :func:`search_body`.
    """
    total = (answer["hits"].get("total") or {}).get("value", 0)
    if "aggregations" not in answer:
        return int(total)
    metrics = [item for item in target.get("metrics") or ({"type": "count"},) if not item.get("hide")]  # fmt: skip
    ids = [str(item.get("id", "1")) for item in metrics if item.get("type") != "count" and item.get("type") not in _PIPELINE]  # fmt: skip  # noqa: E501
    counts = len(ids) < len(metrics)
    return _values(answer["aggregations"], ids, counts=counts)


def _values(level: Mapping[str, Any], ids: list[str], *, counts: bool) -> int:
    found = 0
    for name, item in level.items():
        if not isinstance(item, Mapping) or name in ids:
            continue
        if "buckets" not in item:  # nested: one bucket by itself
            found += _values(item, ids, counts=counts)
            continue
        buckets = item["buckets"]
        listed = buckets.values() if isinstance(buckets, Mapping) else buckets
        for bucket in listed:
            below = {key: value for key, value in bucket.items() if isinstance(value, Mapping)}
            if any("buckets" in value for key, value in below.items() if key not in ids):
                found += _values(below, ids, counts=counts)
            else:
                found += int(counts) + sum(_has(below[key]) for key in ids if key in below)
    return found


def _has(metric: Mapping[str, Any]) -> bool:
    """Whether a metric has a number; an average over nothing is null."""
    if "value" in metric:
        return metric["value"] is not None
    values = metric.get("values")
    if isinstance(values, Mapping):
        return any(item is not None and item != "NaN" for item in values.values())
    if "top" in metric:
        return bool(metric["top"])
    return bool(metric.get("count"))


def fields_of(target: Mapping[str, Any]) -> set[str]:
    """The fields that a query aggregates over."""
    parts = [*(target.get("bucketAggs") or ()), *(target.get("metrics") or ())]
    return {str(item["field"]) for item in parts if item.get("field")}
