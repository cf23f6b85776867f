"""What the panels of services say of made-up traffic, as Prometheus itself computes it (promtool)."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]

Sample = tuple[str, float]
Check = Callable[[str, str, Sequence[Sample]], None]

VALUES = {"service": ".+", "route": ".+", "version": ".+", "__rate_interval": "5m"}

# Blue and green, one instance each; green fails one request in four. `quiet` was never called,
# `idle` was once and is not any more.
BLUE = 'service="pay",job="pay",instance="blue:80"'
GREEN = 'service="pay",job="pay",instance="green:80"'
SERIES = {
    f"http_requests_total{{{BLUE},method='GET',route='/pay',status='200'}}": "0+60x30",
    f"http_requests_total{{{GREEN},method='GET',route='/pay',status='200'}}": "0+45x30",
    f"http_requests_total{{{GREEN},method='GET',route='/pay',status='500'}}": "0+15x30",
    'http_requests_total{service="idle",job="idle",instance="i:80",method="GET",route="/",status="200"}': "7x30",
    f"service_build_info{{{BLUE},version='1.0'}}": "1x30",
    f"service_build_info{{{GREEN},version='2.0'}}": "1x30",
    f"http_request_duration_seconds_bucket{{{BLUE},route='/pay',le='0.1'}}": "0+60x30",
    f"http_request_duration_seconds_bucket{{{BLUE},route='/pay',le='+Inf'}}": "0+60x30",
    f"http_request_duration_seconds_bucket{{{GREEN},route='/pay',le='0.1'}}": "0x30",
    f"http_request_duration_seconds_bucket{{{GREEN},route='/pay',le='0.5'}}": "0+60x30",
    f"http_request_duration_seconds_bucket{{{GREEN},route='/pay',le='+Inf'}}": "0+60x30",
    f"http_request_duration_seconds_sum{{{BLUE},route='/pay'}}": "0+6x30",
    f"http_request_duration_seconds_sum{{{GREEN},route='/pay'}}": "0+24x30",
    'process_resident_memory_bytes{job="pay",instance="blue:80"}': "1000x30",
    'process_resident_memory_bytes{job="other",instance="o:80"}': "2000x30",
    'ALERTS{alertname="DiskFull",alertstate="firing",severity="critical"}': "1x30",
}


def expression(board: str, title: str) -> str:
    body: dict[str, Any] = json.loads((ROOT / "dashboards" / f"{board}.json").read_text())
    (panel,) = (panel for panel in body["panels"] if panel["title"] == title)
    text: str = panel["targets"][0]["expr"]
    for name, value in VALUES.items():
        text = re.sub(rf"\${name}\b", value, text)
    return text


@pytest.fixture
def check(promtool: Path, tmp_path: Path) -> Check:
    """Compare a panel's first query with what it has to say, half an hour into the traffic."""

    def compare(board: str, title: str, samples: Sequence[Sample]) -> None:
        series = [
            {"series": name.replace("'", '"'), "values": values} for name, values in SERIES.items()
        ]
        wanted: list[Mapping[str, object]] = [
            {"labels": labels, "value": value} for labels, value in samples
        ]
        test = {
            "evaluation_interval": "1m",
            "tests": [
                {
                    "interval": "1m",
                    "input_series": series,
                    "promql_expr_test": [
                        {
                            "expr": expression(board, title),
                            "eval_time": "30m",
                            "exp_samples": wanted,
                        }
                    ],
                }
            ],
        }
        path = tmp_path / "test.yml"
        path.write_text(yaml.safe_dump(test))
        done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return compare


def test_requests_are_counted_by_service(check: Check) -> None:
    check("services", "QPS", [('{service="idle"}', 0), ('{service="pay"}', 2)])


def test_failures_are_a_share_and_a_service_without_traffic_has_none(check: Check) -> None:
    """Not 0 and not NaN for `idle`: nothing can be said about requests that nobody makes."""
    check("services", "Error rate", [('{service="pay"}', 0.125)])


def test_two_versions_stand_side_by_side(check: Check) -> None:
    blue, green = '{service="pay",version="1.0"}', '{service="pay",version="2.0"}'
    check("services", "QPS by version", [(blue, 1), (green, 1)])
    # Blue has no series of failures at all, and its share is 0 all the same.
    check("services", "Error rate by version", [(blue, 0), (green, 0.25)])
    check("services", "P95 latency by version", [(blue, 0.095), (green, 0.48)])


def test_only_routes_that_failed_are_in_the_panel_of_failing_routes(check: Check) -> None:
    labels = '{method="GET",route="/pay",service="pay"}'
    check("services", "Error rate by route", [(labels, 0.125)])


def test_statuses_are_put_into_classes(check: Check) -> None:
    check("services", "Requests by status", [('{class="2xx"}', 1.75), ('{class="5xx"}', 0.25)])


def test_requests_in_flight_follow_from_rate_and_duration(check: Check) -> None:
    """Little's law: 1 request a second of 0.1 s and 1 of 0.4 s are half a request at any time."""
    check("services", "Requests in flight", [('{service="pay"}', 0.5)])


def test_a_process_bears_the_name_of_its_service_and_others_are_left_out(check: Check) -> None:
    labels = '{instance="blue:80",job="pay",service="pay"}'
    check("services", "Memory by instance", [(labels, 1000)])


def test_the_stack_counts_what_fires(check: Check) -> None:
    check("stack", "Firing alerts", [("{}", 1)])
