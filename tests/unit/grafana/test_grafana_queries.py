"""What a query asks for: metrics by PromQL's syntax tree, filters, divisors; Elasticsearch's request."""

from __future__ import annotations

from typing import Any

import pytest

from obskit.targets.grafana import elastic, promql
from obskit.targets.grafana.explain import COLLECTORS, collector_of
from obskit.targets.grafana.ranges import Range


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('sum(rate(a_total{b="c_total"}[5m])) / on (x) group_left (y) d', ["a_total", "d"]),
        ("histogram_quantile(0.9, sum by (le) (rate(h_bucket[5m])))", ["h_bucket"]),
        ('{__name__="by_name", a="b"}', ["by_name"]),
        ('{__name__=~"by_.*"}', []),
        ("max_over_time(a[1h:5m]) or vector(0)", ["a"]),
        ("topk(5, a) unless b offset 5m", ["a", "b"]),
        ("sum(", []),
        ("1 + 1", []),
    ],
)
def test_metrics_are_found_by_the_syntax_tree(query: str, expected: list[str]) -> None:
    assert promql.metrics(query) == expected


@pytest.mark.parametrize(
    ("query", "bare", "dropped"),
    [
        ("a > 0", "(a)", "> 0"),
        ("0 < a", "(a)", "< 0"),
        ("a > bool 0", "a > bool 0", ""),
        ("a > b", "a > b", ""),
        ("(a / (-deriv(a[6h]) > 0)) < 30", "((a / ((-deriv(a[6h])))))", "< 30, > 0"),
        ("sum(", "sum(", ""),
    ],
)
def test_filters_against_numbers_are_dropped_for_the_probe(
    query: str, bare: str, dropped: str
) -> None:
    assert promql.without_comparisons(query) == (bare, dropped)


def test_divisors_are_named_without_their_brackets() -> None:
    assert promql.divisors("a / (b - c) / 8 + d / (e)") == ["b - c", "e"]


@pytest.mark.parametrize(
    ("metric", "collector"),
    [
        ("node_memory_numa_Active", "meminfo_numa"),
        ("node_memory_Active_bytes", "meminfo"),
        ("node_cpu_frequency_hertz", "cpufreq"),
        ("node_cpu_seconds_total", "cpu"),
        ("node_nfsd_requests_total", "nfsd"),
        ("http_requests_total", ""),
    ],
)
def test_the_longest_beginning_names_the_collector(metric: str, collector: str) -> None:
    assert collector_of(metric) == collector
    assert len(COLLECTORS) > 60


OVER = Range(start=1000, end=4600)
HISTOGRAM = {"type": "date_histogram", "id": "2", "field": "@timestamp", "settings": {"interval": "auto"}}  # fmt: skip


TERMS = {"size": "5", "orderBy": "_term", "order": "asc", "min_doc_count": "1"}


def test_terms_and_time_become_nested_aggregations() -> None:
    target = {
        "query": "level:ERROR",
        "bucketAggs": [
            {"type": "terms", "id": "3", "field": "service", "settings": TERMS},
            HISTOGRAM,
        ],
        "metrics": [{"type": "percentiles", "id": "1", "field": "duration_ms", "settings": {"percents": ["95"]}}],
    }  # fmt: skip
    body = elastic.search_body(target, OVER, "@timestamp", 30)
    assert body["size"] == 0
    query = body["query"]["bool"]["filter"]
    assert query[0]["range"]["@timestamp"]["gte"] == 1000000
    assert query[1]["query_string"]["query"] == "level:ERROR"
    terms = body["aggs"]["3"]
    assert terms["terms"] == {"field": "service", "size": 5, "order": {"_key": "asc"}, "min_doc_count": 1}  # fmt: skip
    inner = terms["aggs"]["2"]
    assert inner["date_histogram"]["fixed_interval"] == "30s"
    assert inner["date_histogram"]["extended_bounds"] == {"min": 1000000, "max": 4600000}
    assert inner["aggs"]["1"] == {"percentiles": {"field": "duration_ms", "percents": [95.0]}}


def test_lines_ask_for_documents() -> None:
    body = elastic.search_body({"metrics": [{"type": "logs", "id": "1"}]}, OVER, "@timestamp", 30)
    assert body["size"] == 1
    assert "aggs" not in body


def _hits(total: int) -> dict[str, Any]:
    return {"total": {"value": total}}


@pytest.mark.parametrize(
    ("metrics", "bucket", "expected"),
    [
        ([{"type": "count", "id": "1"}], {"doc_count": 0}, 1),
        ([{"type": "avg", "id": "1"}], {"doc_count": 3, "1": {"value": None}}, 0),
        ([{"type": "avg", "id": "1"}], {"doc_count": 3, "1": {"value": 2.5}}, 1),
        (
            [{"type": "percentiles", "id": "1"}],
            {"doc_count": 1, "1": {"values": {"95.0": None}}},
            0,
        ),
        ([{"type": "percentiles", "id": "1"}], {"doc_count": 1, "1": {"values": {"95.0": 7}}}, 1),
    ],
)
def test_a_metric_over_nothing_is_no_value(
    metrics: list[dict[str, Any]], bucket: dict[str, Any], expected: int
) -> None:
    """Grafana draws 0 for a count over an empty interval, and nothing for an average."""
    answer = {"hits": _hits(0), "aggregations": {"2": {"buckets": [bucket]}}}
    assert elastic.amount({"metrics": metrics, "bucketAggs": [HISTOGRAM]}, answer) == expected


def test_documents_count_by_themselves() -> None:
    assert elastic.amount({"metrics": [{"type": "raw_data"}]}, {"hits": _hits(3)}) == 3


def test_fields_that_are_aggregated_are_known() -> None:
    target = {"bucketAggs": [HISTOGRAM], "metrics": [{"type": "avg", "field": "duration_ms"}]}
    assert elastic.fields_of(target) == {"@timestamp", "duration_ms"}


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        (
            {
                "type": "filters",
                "settings": {"filters": [{"query": "level:ERROR", "label": "errors"}]},
            },
            {
                "filters": {
                    "filters": {
                        "errors": {
                            "query_string": {"query": "level:ERROR", "analyze_wildcard": True}
                        }
                    }
                }
            },
        ),
        (
            {"type": "histogram", "field": "duration_ms", "settings": {"interval": "50"}},
            {"histogram": {"field": "duration_ms", "interval": 50.0, "min_doc_count": 0}},
        ),
        ({"type": "nested", "field": "items"}, {"nested": {"path": "items"}}),
        (
            {"type": "geohash_grid", "field": "place"},
            {"geohash_grid": {"field": "place"}},
        ),
    ],
)
def test_other_ways_to_group(bucket: dict[str, Any], expected: dict[str, Any]) -> None:
    body = elastic.search_body({"bucketAggs": [{"id": "2", **bucket}]}, OVER, "@timestamp", 30)
    assert body["aggs"]["2"] == expected


def test_values_are_counted_through_every_level() -> None:
    target = {
        "metrics": [{"type": "max", "id": "1"}, {"type": "top_metrics", "id": "4"}],
        "bucketAggs": [{"type": "filters", "id": "3"}, HISTOGRAM],
    }
    inner = {
        "2": {
            "buckets": [
                {"1": {"value": 3}, "4": {"top": []}},
                {"1": {"value": None}, "4": {"top": [1]}},
            ]
        }
    }
    answer = {"hits": _hits(2), "aggregations": {"3": {"buckets": {"errors": inner}}}}
    assert elastic.amount(target, answer) == 2
