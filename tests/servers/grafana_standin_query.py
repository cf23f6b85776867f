"""How the Grafana of the tests answers ``/api/ds/query``: it asks the data source, as Grafana does."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

#: Base address, path, parameters → status and JSON.
Ask = Callable[[str, str, Mapping[str, Any]], tuple[int, Any]]


def ask(base: str, path: str, params: Mapping[str, Any]) -> tuple[int, Any]:
    """Ask a Prometheus for real."""
    request = urllib.request.Request(
        f"{base}{path}", data=urllib.parse.urlencode(params, doseq=True).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def _moment(text: Any) -> float:
    """``now``, ``now-5m``, or milliseconds."""
    words = str(text)
    if not words.startswith("now"):
        return float(words) / 1000
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    rest = words.removeprefix("now-").removeprefix("now")
    return time.time() - (int(rest[:-1]) * units[rest[-1]] if rest else 0)


def prometheus(
    query: Mapping[str, Any], source: Mapping[str, Any], body: Mapping[str, Any], asked: Ask
) -> dict[str, Any]:
    """One query's part of the answer."""
    start, end = _moment(body.get("from", "now-1h")), _moment(body.get("to", "now"))
    least = str(source["jsonData"].get("timeInterval", "15s")).removesuffix("s")
    step = max(float(least), float(query.get("intervalMs", 0)) / 1000)
    executed = f"Expr: {query['expr']}\nStep: {step:g}s"
    if query.get("instant"):
        status, data = asked(source["url"], "/api/v1/query", {"query": query["expr"], "time": end})
    else:
        status, data = asked(
            source["url"],
            "/api/v1/query_range",
            {"query": query["expr"], "start": start, "end": end, "step": step},
        )
    empty = {
        "schema": {
            "refId": query["refId"],
            "meta": {"typeVersion": [0, 0], "executedQueryString": executed},
            "fields": [],
        },
        "data": {"values": []},
    }
    if status != 200:
        words = f"{data['errorType']}: {data['error']}"
        return {"error": words, "status": 500, "frames": [empty]}
    frames = [
        _frame(query["refId"], executed, step, series, data["data"]["resultType"])
        for series in data["data"]["result"]
    ]
    return {"status": 200, "frames": frames or [empty]}


def _frame(
    ref: str, executed: str, step: float, series: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    labels = series["metric"]
    points = series["values"] if kind == "matrix" else [series["value"]]
    inner = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    shown = labels.get("__name__", "") + (f"{{{inner}}}" if inner else "")
    one = kind == "vector"
    return {
        "schema": {
            "refId": ref,
            "meta": {
                "type": "numeric-multi" if one else "timeseries-multi",
                "typeVersion": [0, 1],
                "custom": {"resultType": kind},
                "executedQueryString": executed,
            },
            "fields": [
                {
                    "name": "Time",
                    "type": "time",
                    "typeInfo": {"frame": "time.Time"},
                    "config": {"interval": int(step * 1000)},
                },
                {
                    "name": labels.get("__name__", "Value"),
                    "type": "number",
                    "typeInfo": {"frame": "float64"},
                    "labels": labels,
                    "config": {"displayNameFromDS": shown},
                },
            ],
        },
        "data": {
            "values": [
                [int(at * 1000) for at, _ in points],
                [_number(value) for _, value in points],
            ]
        },
    }


def _number(text: str) -> float | int | None:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return int(value) if value.is_integer() else value
