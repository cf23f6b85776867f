"""The shipped dashboards against real servers: every query is answered, and panels show data.

Where a panel is empty, its description has to say why that can be right ("No data when …").
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import prometheus_client
import pytest

from obskit.local.elasticsearch import Elasticsearch
from obskit.local.prometheus import Prometheus
from obskit.local.server import Running, Server, free_port
from obskit.schema import BUILTIN
from obskit.schema.export import elasticsearch as mapping
from obskit.targets.prometheus.objectives import ServiceObjective, render_service_rules
from obskit.targets.prometheus.packs import load_packs

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.xdist_group("dashboards"),  # its servers are started once, by one worker
]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"
BOARDS = sorted(path.stem for path in FOLDER.glob("*.json"))

# What Grafana puts in place of its own variables, for a graph of an hour and scrapes every 2 s.
GRAFANA = {"__rate_interval": "20s", "__interval": "10s", "__range": "1h"}


def board(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def explained(panel: Mapping[str, Any]) -> bool:
    return "\n\nNo data when " in panel["description"]


def fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in sorted(values.items(), key=lambda pair: -len(pair[0])):
        for written in (f"${{{name}:raw}}", f"${{{name}}}", f"${name}"):
            text = text.replace(written, value)
    return text


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A Prometheus that is asked as Grafana asks."""

    client: httpx.Client

    def ask(self, query: str) -> list[Any]:
        answer = self.client.get("/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", f"{query}: {answer}"
        assert not answer.get("warnings"), f"{query}: {answer}"
        result: list[Any] = answer["data"]["result"]
        return result

    def values(self, name: str) -> dict[str, str]:
        """The variables of a board, each resolved with those before it, all values chosen."""
        found = dict(GRAFANA)
        for variable in board(name)["templating"]["list"]:
            if variable["type"] == "query" and isinstance(variable["query"], dict):
                query = fill(variable["query"]["query"], found)
                match = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
                assert match, query
                answer = self.client.get(
                    f"/api/v1/label/{match[2]}/values", params={"match[]": match[1]}
                ).json()
                assert answer["status"] == "success", f"{query}: {answer}"
                chosen = sorted(answer["data"])
                if not variable["multi"]:
                    chosen = chosen[:1]
                # As Grafana does for Prometheus: a list is a group, and specials are escaped twice.
                escaped = [re.sub(r"([\\^$.|?*+(){}\[\]])", r"\\\\\1", one) for one in chosen]
                single = len(chosen) == 1 and not variable["multi"]
                found[variable["name"]] = chosen[0] if single else f"({'|'.join(escaped)})"
        return found

    def empty(self, name: str) -> list[dict[str, Any]]:
        """The panels of a board none of whose queries has an answer."""
        values = self.values(name)
        silent = []
        for panel in panels(name):
            texts = [target["expr"] for target in panel["targets"] if "expr" in target]
            answers = [self.ask(fill(text, values)) for text in texts]
            if texts and not any(answers):
                silent.append(panel)
        return silent


def _sample_service(log: Path) -> Server:
    spec = importlib.util.spec_from_file_location("obskit_demo", ROOT / "examples" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["obskit_demo"] = module
    spec.loader.exec_module(module)
    service: Server = module.SampleService(log=log, load=20.0, errors=0.2)
    return service


@pytest.fixture(scope="module")
def python_process() -> Iterator[str]:
    """This very process, with what prometheus_client says of every Python process."""
    port = free_port()
    server, thread = prometheus_client.start_http_server(port, addr="127.0.0.1")
    yield f"127.0.0.1:{port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def metrics(
    module_servers: Callable[[Server], Running],
    node_exporter: Running,
    alertmanager: Running,
    python_process: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Metrics]:
    service = module_servers(_sample_service(tmp_path_factory.mktemp("log") / "service.log"))
    running = module_servers(
        Prometheus(
            alertmanager=alertmanager.addresses["address"],
            scrape=(
                ("node", node_exporter.addresses["address"]),
                ("alertmanager", alertmanager.addresses["address"]),
                ("user-service", service.addresses["address"]),
                ("python", python_process),
            ),
        )
    )
    _deliver_rules(Path(running.addresses["files"]) / "rules")
    with httpx.Client(base_url=running.url, timeout=10) as client:
        client.post("/-/reload").raise_for_status()
        made = Metrics(client=client)
        deadline = time.monotonic() + 60
        # Rates need several scrapes of every target, and of requests that were made meanwhile.
        enough = "min(count_over_time(up[1m])) >= 8 and count(up) == 5 and min(up) == 1"
        while not (made.ask(enough) and made.ask("slo:error_budget:remaining_ratio")):
            assert time.monotonic() < deadline, made.ask("up")
            time.sleep(1)
        yield made


def _deliver_rules(folder: Path) -> None:
    """The shipped rules of services, and those of one with an objective."""
    service = ServiceObjective(name="user-service", slo=99.0, p95_ms=250)
    texts = render_service_rules([service])
    texts |= {pack.filename: pack.text for pack in load_packs() if pack.name == "services"}
    for name, text in texts.items():
        (folder / name).write_text(text)


def test_at_least_95_percent_of_the_node_panels_show_data_and_the_others_are_explained(
    metrics: Metrics,
) -> None:
    silent = metrics.empty("node")
    assert [panel["title"] for panel in silent if not explained(panel)] == []
    share = 1 - len(silent) / len(panels("node"))
    assert share >= 0.95, [panel["title"] for panel in silent]


@pytest.mark.parametrize("name", ["services", "slo", "python", "go", "clock", "stack"])
def test_a_panel_of_a_server_that_is_here_shows_data_or_says_why_not(
    metrics: Metrics, name: str
) -> None:
    assert [panel["title"] for panel in metrics.empty(name) if not explained(panel)] == []


def test_the_services_board_is_full_for_a_service_that_keeps_to_the_names(metrics: Metrics) -> None:
    silent = {panel["title"] for panel in metrics.empty("services")}
    # The sample service exposes requests and its version; what its process uses, it does not.
    assert silent <= {"CPU by instance", "Memory by instance", "File descriptors in use"}


def test_a_service_with_an_objective_fills_the_board_of_error_budgets(metrics: Metrics) -> None:
    assert [panel["title"] for panel in metrics.empty("slo")] == []


def test_the_limit_of_p95_ms_is_drawn_where_the_latency_is(metrics: Metrics) -> None:
    (panel,) = (panel for panel in panels("services") if panel["id"] == 95)
    values = metrics.values("services")
    answers = [metrics.ask(fill(target["expr"], values)) for target in panel["targets"]]
    services = [[one["metric"]["service"] for one in answer] for answer in answers]
    assert services == [["user-service"], ["user-service"]]
    assert answers[1][0]["value"][1] == "0.25"


@pytest.mark.parametrize("name", BOARDS)
def test_prometheus_accepts_every_query_and_every_annotation(metrics: Metrics, name: str) -> None:
    """The parser of the linter and the server agree, and no join finds two partners."""
    values = metrics.values(name)
    metrics.empty(name)
    for annotation in board(name)["annotations"]["list"]:
        if "expr" in annotation:
            metrics.ask(fill(annotation["expr"], values))


# --- Logs -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Logs:
    """An Elasticsearch that is asked as Grafana's data source asks."""

    client: httpx.Client

    def ask(self, target: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
        body = {
            "size": 0,
            "track_total_hits": True,
            "query": {
                "bool": {
                    "filter": [
                        {"range": {"@timestamp": {"gte": "now-1h", "lte": "now"}}},
                        {
                            "query_string": {
                                "analyze_wildcard": True,
                                "query": fill(target["query"], values),
                            }
                        },
                    ]
                }
            },
        }
        metric = target["metrics"][0]
        if metric["type"] in {"raw_data", "logs"}:
            settings = metric["settings"]
            body["size"] = int(settings.get("size") or settings.get("limit"))
            body["sort"] = [{"@timestamp": {"order": "desc", "unmapped_type": "boolean"}}]
        else:
            body["aggs"] = _aggregation(target["bucketAggs"], metric)
        answer = self.client.post("/logs-obskit.*/_search", json=body)
        assert answer.status_code == 200, f"{target['query']}: {answer.text}"
        found: dict[str, Any] = answer.json()
        assert found["_shards"]["failed"] == 0, f"{target['query']}: {found['_shards']}"
        return found


def _aggregation(buckets: list[dict[str, Any]], metric: Mapping[str, Any]) -> dict[str, Any]:
    """Nest the aggregations as Grafana's data source does, the metric innermost."""
    if not buckets:
        if metric["type"] == "count":
            return {}
        options = {"field": metric["field"]}
        if metric["type"] == "percentiles":
            options["percents"] = [float(one) for one in metric["settings"]["percents"]]
        return {metric["id"]: {metric["type"]: options}}
    first, *rest = buckets
    inner = _aggregation(rest, metric)
    settings = first["settings"]
    if first["type"] == "terms":
        own: dict[str, Any] = {
            "field": first["field"],
            "size": int(settings["size"]),
            "min_doc_count": int(settings["min_doc_count"]),
            "order": {settings["orderBy"]: settings["order"]},
        }
    else:
        own = {
            "field": first["field"],
            "fixed_interval": "30s",
            "min_doc_count": int(settings["min_doc_count"]),
        }
    return {first["id"]: {first["type"]: own, **({"aggs": inner} if inner else {})}}


LINES = 20


@pytest.fixture(scope="module", params=["8.7.1", "8.19.21"])
def logs(
    request: pytest.FixtureRequest, module_servers: Callable[[Server], Running]
) -> Iterator[Logs]:
    """Lines of a service, every fourth an error; two quarantined events, one of each path."""
    running = module_servers(Elasticsearch(version=request.param))
    with httpx.Client(base_url=running.url, timeout=30) as client:
        for name, pattern, priority, template in (
            ("events", "logs-obskit.*-*", 300, mapping.export(BUILTIN)),
            ("invalid", "logs-obskit.invalid-*", 400, {"mappings": mapping.quarantine_mapping()}),
        ):
            body = {
                "index_patterns": [pattern],
                "priority": priority,
                "data_stream": {},
                "template": template,
            }
            client.put(f"/_index_template/{name}", json=body).raise_for_status()

        def write(stream: str, age: int, **event: Any) -> None:
            moment = datetime.now(UTC) - timedelta(seconds=age)
            stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            answer = client.post(f"/{stream}/_doc", json={"@timestamp": stamp, **event})
            answer.raise_for_status()

        for number in range(LINES):
            failed = number % 4 == 0
            write(
                "logs-obskit.pay-default",
                10 * number,
                **{
                    "level": "ERROR" if failed else "INFO",
                    "service": "pay",
                    "trace_id": f"4bf92f{number % 5}",
                    "message": "payment refused" if failed else "payment taken",
                    "host": "web-01",
                    "duration_ms": 3.5 * number,
                    # Dotted: subobjects off, and 8.7 does not index below an object then.
                    "http.status": 500 if failed else 200,
                    **({"error.type": "CardError"} if failed else {}),
                },
            )
        invalid = "logs-obskit.invalid-default"
        write(invalid, 30, message='{"level": "loud"}', reasons=["level: unknown"], service="pay")
        write(invalid, 40, message="{}", **{"error.type": "400", "error.message": "mapper"})
        client.post("/logs-obskit.*/_refresh").raise_for_status()
        yield Logs(client=client)


ALL = {"service": "*", "level": "*", "search": "*", "trace_id": "*"}


def _targets(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for panel in panels(name):
        for target in panel["targets"]:
            if "query" in target:
                yield panel, target


def test_every_log_panel_shows_data(logs: Logs) -> None:
    silent = {
        panel["title"]
        for name in ("logs", "services")
        for panel, target in _targets(name)
        if logs.ask(target, ALL)["hits"]["total"]["value"] == 0
    }
    assert silent == set()


def test_lines_and_quarantined_events_are_never_counted_together(logs: Logs) -> None:
    totals = {
        panel["title"]: logs.ask(target, ALL)["hits"]["total"]["value"]
        for panel, target in _targets("logs")
    }
    assert totals["Line count"] == LINES
    assert totals["Errors"] == LINES / 4
    assert totals["Quarantined"] == 2
    assert totals["Quarantined by reason"] == 2
    assert totals["Refused by Elasticsearch"] == 1


def test_lines_of_one_trace_are_found_by_its_id(logs: Logs) -> None:
    ((_, target),) = (pair for pair in _targets("logs") if pair[0]["title"] == "Lines of a trace")
    found = logs.ask(target, ALL | {"trace_id": "4bf92f3"})
    assert found["hits"]["total"]["value"] == LINES / 5
    assert {hit["_source"]["trace_id"] for hit in found["hits"]["hits"]} == {"4bf92f3"}


def test_a_search_and_a_choice_of_services_narrow_what_is_shown(logs: Logs) -> None:
    ((_, target),) = (pair for pair in _targets("logs") if pair[0]["title"] == "Line count")
    narrowed = ALL | {"search": "message:refused OR message:nothing"}
    assert logs.ask(target, narrowed)["hits"]["total"]["value"] == LINES / 4
    # As Grafana writes a choice of several values for Lucene.
    chosen = ALL | {"service": '("pay" OR "cart")', "level": '("INFO")'}
    assert logs.ask(target, chosen)["hits"]["total"]["value"] == LINES * 3 / 4
    assert logs.ask(target, ALL | {"service": '("cart")'})["hits"]["total"]["value"] == 0


def test_panels_by_level_and_by_reason_have_a_bucket_for_each(logs: Logs) -> None:
    def keys(title: str) -> set[str]:
        ((_, target),) = (pair for pair in _targets("logs") if pair[0]["title"] == title)
        found = logs.ask(target, ALL)["aggregations"]
        return {bucket["key"] for bucket in found["3"]["buckets"]}

    assert keys("Lines by level") == {"ERROR", "INFO"}
    assert keys("Quarantined by reason") == {"level: unknown"}
    assert keys("Errors by type") == {"CardError"}
    assert keys("Answers by status, from logs") == {200, 500}


def test_the_variables_of_the_log_board_offer_what_is_there(logs: Logs) -> None:
    offered = {}
    for variable in board("logs")["templating"]["list"]:
        if variable["type"] == "query":
            query = json.loads(variable["query"])
            assert query["find"] == "terms"
            aggregation = {"v": {"terms": {"field": query["field"], "size": query["size"]}}}
            answer = logs.client.post(
                "/logs-obskit.*/_search", json={"size": 0, "aggs": aggregation}
            )
            buckets = answer.json()["aggregations"]["v"]["buckets"]
            offered[variable["name"]] = {bucket["key"] for bucket in buckets}
    assert offered == {"service": {"pay"}, "level": {"ERROR", "INFO"}}
