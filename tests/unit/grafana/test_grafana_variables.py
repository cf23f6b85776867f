"""Options of variables: filtered, cut out, sorted and chosen as Grafana does; intervals and ranges."""

from __future__ import annotations

from typing import Any

import pytest

from obskit.targets.grafana.ranges import Range, builtins, seconds, steps
from obskit.targets.grafana.variables import chosen, filtered

FOUND = ["node-10:9100", "node-2:9100", "Db-1:9187"]


@pytest.mark.parametrize(
    ("regex", "sort", "expected"),
    [
        ("", 0, FOUND),
        ("/^node/", 0, ["node-10:9100", "node-2:9100"]),
        ("/^NODE/i", 0, ["node-10:9100", "node-2:9100"]),
        ("/(.*):.*/", 0, ["node-10", "node-2", "Db-1"]),
        ("/:(\\d+)/", 0, ["9100", "9187"]),
        ("/(?<text>\\w+)-(?<value>\\d+)/", 0, ["10", "2", "1"]),
        ("Db-1:9187", 0, ["Db-1:9187"]),
        ("Db", 0, []),
        ("", 1, ["Db-1:9187", "node-10:9100", "node-2:9100"]),
        ("", 2, ["node-2:9100", "node-10:9100", "Db-1:9187"]),
        ("", 3, ["Db-1:9187", "node-2:9100", "node-10:9100"]),
        ("", 4, ["node-10:9100", "node-2:9100", "Db-1:9187"]),
        ("", 5, ["Db-1:9187", "node-10:9100", "node-2:9100"]),
        ("", 7, ["Db-1:9187", "node-2:9100", "node-10:9100"]),
    ],
)
def test_options_are_filtered_and_sorted(regex: str, sort: int, expected: list[str]) -> None:
    assert [value for _, value in filtered(FOUND, regex, sort)] == expected


def test_a_named_group_gives_the_text_apart_from_the_value() -> None:
    assert filtered(["a=1"], "/(?<text>\\w)=(?<value>\\d)/", 0) == [("a", "1")]


def test_many_matches_in_one_text_are_many_options() -> None:
    assert filtered(['x{a="1",b="2"}'], '/"(\\d)"/g', 0) == [("1", "1"), ("2", "2")]
    assert filtered(['x{a="1",b="2"}'], '/"(\\d)"/', 0) == [("1", "1")]


OPTIONS = [("a", "a"), ("b", "b"), ("c", "c")]


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ({}, ("a",)),
        ({"current": {"value": "b"}}, ("b",)),
        ({"current": {"value": "gone"}}, ("a",)),
        ({"current": {"value": ["b", "c"]}, "multi": True}, ("b", "c")),
        ({"includeAll": True}, ("a", "b", "c")),
        ({"includeAll": True, "current": {"value": "$__all"}}, ("a", "b", "c")),
        ({"includeAll": True, "current": {"value": ["b"]}}, ("b",)),
        ({"includeAll": True, "current": {"value": "gone"}}, ("a", "b", "c")),
    ],
)
def test_what_was_saved_is_chosen_while_it_is_there_else_the_first(
    variable: dict[str, Any], values: tuple[str, ...]
) -> None:
    assert chosen(variable, OPTIONS).values == values


def test_a_variable_without_options_has_no_value() -> None:
    assert chosen({"current": {"value": "b"}}, []).values == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15s", 15), ("1h30m", 5400), (">10s", 10), ("2d", 172800), ("200ms", 0.2), ("7", 7), ("soon", None)],
)  # fmt: skip
def test_durations(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("hours", "points", "least", "scrape", "expected"),
    [
        (1, 900, "", "", (15, 60)),
        (24, 900, "", "", (120, 135)),
        (1, 900, "", "2s", (5, 8)),
        (1, 900, "1m", "", (60, 240)),
        (0.25, 1800, "", "30s", (30, 120)),
    ],
)
def test_the_rate_interval_has_room_for_four_scrapes(
    hours: float, points: int, least: str, scrape: str, expected: tuple[float, float]
) -> None:
    """$__rate_interval is max($__interval + scrape interval, 4 * scrape interval)."""
    over = Range(start=0, end=hours * 3600)
    assert steps(over, points, least, scrape) == expected


def test_no_query_asks_for_more_points_than_prometheus_gives() -> None:
    over = Range(start=0, end=365 * 86400)
    step, _ = steps(over, 1_000_000, "1s", "1s")
    assert over.length / step <= 11000


def test_builtins_are_written_as_grafana_writes_them() -> None:
    values = builtins(Range(start=1700000000, end=1700003600), 15, 60)
    texts = {name: value.values[0] for name, value in values.items()}
    assert texts["__interval"] == "15s"
    assert texts["__interval_ms"] == "15000"
    assert texts["__rate_interval"] == "60s"
    assert texts["__range"] == "3600s"
    assert texts["__range_s"] == "3600"
    assert texts["__from"] == "1700000000000"


def test_a_dashboard_opens_with_its_own_range() -> None:
    assert Range.of({"time": {"from": "now-6h"}}, 100000).length == 6 * 3600
    assert Range.of({"time": {"from": "2024-01-01"}}, 100000).length == 3600
    assert Range.of({}, 100000).length == 3600
