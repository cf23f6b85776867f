"""Panels proved on a real Prometheus with a real Node Exporter, straight and through Grafana."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.deadline import Deadline
from obskit.engine.execute import succeeded
from obskit.engine.verify import Proof, Verdict
from obskit.local.node_exporter import NodeExporter
from obskit.local.prometheus import Prometheus
from obskit.local.server import Running
from obskit.targets.grafana import Grafana
from tests.servers import grafana_rig as rig

pytestmark = pytest.mark.servers

#: Data sources of the tests say that their Prometheus scrapes every 2 s, as a real one's would.
FAST = {"timeInterval": "2s"}
#: What makes a variable choose All.
EVERY = {"includeAll": True, "multi": True, "current": {"value": ["$__all"]}}


@pytest.fixture(scope="module")
def metrics(module_servers: Any) -> Running:
    """A Prometheus that has scraped a Node Exporter a few times."""
    exporter = module_servers(NodeExporter())
    one: Running = module_servers(Prometheus(scrape=(("node", exporter.addresses["address"]),)))
    limit = time.monotonic() + 60
    while not _values(one, "rate(node_cpu_seconds_total[8s])"):
        assert time.monotonic() < limit, "Prometheus scraped nothing"
        time.sleep(0.5)
    return one


def _values(one: Running, query: str) -> list[float]:
    """What Prometheus says, asked by hand; values that are numbers."""
    answer = httpx.get(f"{one.url}/api/v1/query", params={"query": query}, timeout=30).json()
    assert answer["status"] == "success", answer
    found = [float(item["value"][1]) for item in answer["data"]["result"]]
    return [value for value in found if value == value]


def prove(one: Grafana, seconds: float = 60) -> dict[str, Proof]:
    """Every proof of a target's dashboards, by the panel's id."""
    return {
        proof.id.rpartition("/")[2]: proof
        for check in one.checks()
        if check.id.startswith("panel/")
        for proof in check.run(Deadline.after(seconds))
    }


def target(metrics: Running, folder: Path, dashboards: list[Any]) -> Grafana:
    source = rig.prometheus_source(metrics.url, options=FAST)
    (folder / "provisioning").mkdir(exist_ok=True)
    return rig.target(folder, [source], provisioning="provisioning", dashboards=dashboards)


def board(folder: Path, *panels: dict[str, Any], variables: Any = (), **more: Any) -> list[Any]:
    """A dashboard of a few panels, as a file of the user's."""
    source = {"type": "prometheus", "uid": "obskit-prometheus"}
    body = {
        "uid": "tried", "title": "Tried", "time": {"from": "now-5m", "to": "now"},
        "templating": {"list": list(variables)},
        "panels": [
            {"id": at, "type": "timeseries", "datasource": source, **panel}
            for at, panel in enumerate(panels, 1)
        ],
        **more,
    }  # fmt: skip
    (folder / "tried.json").write_text(json.dumps(body))
    return [{"file": "tried.json"}]


def asks(*queries: str, **more: Any) -> dict[str, Any]:
    """A panel of queries."""
    targets = [{"refId": chr(65 + at), "expr": query} for at, query in enumerate(queries)]
    return {"title": queries[0], "targets": targets, **more}


def query_variable(name: str, query: str, **more: Any) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "obskit-prometheus"}
    asked = {"type": "query", "datasource": source, "query": {"query": query}, "refresh": 1}
    return {"name": name, **asked, **more}


# The bundled dashboard and 1860 ------------------------------------------------------------------


def test_the_bundled_node_dashboard_shows_data_and_explains_the_rest(
    metrics: Running, tmp_path: Path
) -> None:
    proofs = prove(target(metrics, tmp_path, ["node"]))
    verdicts = [proof.verdict for proof in proofs.values()]
    assert len(verdicts) >= 40
    proved = verdicts.count(Verdict.PROVED)
    assert proved >= 0.95 * len(verdicts), [
        (proof.title, proof.detail)
        for proof in proofs.values()
        if proof.verdict is not Verdict.PROVED
    ]
    assert proved + verdicts.count(Verdict.EXPLAINED) == len(verdicts)


#: Ten panels of grafana.com 1860 checked by hand: what each asks, written out by hand for this machine, and
#: what has to be said where Prometheus has nothing for it.
_BY_HAND = {
    "20": ("CPU Busy", '100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[8s])))', "-"),
    "16": ("RAM Used", "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "-"),
    "21": (
        "SWAP Used",
        "node_memory_SwapFree_bytes / node_memory_SwapTotal_bytes",
        "explained: it divides by node_memory_SwapTotal_bytes",
    ),
    "154": (
        "Root FS Used",
        'node_filesystem_avail_bytes{mountpoint="/",fstype!="rootfs"}',
        "failed",
    ),
    "14": ("CPU Cores", "count(count(node_cpu_seconds_total) by (cpu))", "-"),
    "158": (
        "Hardware Temperature Monitor",
        "node_hwmon_temp_celsius",
        "explained: A, C: the collector hwmon",
    ),
    "315": (
        "Processes Detailed States",
        "node_processes_state",
        "explained: the collector processes of the Node Exporter is not enabled",
    ),
    "259": (
        "IRQ Detail",
        "rate(node_interrupts_total[8s])",
        "explained: the collector interrupts of the Node Exporter is not enabled",
    ),
    "330": (
        "Softnet RPS",
        "rate(node_softnet_received_rps_total[8s])",
        "failed: metric missing: A: node_softnet_received_rps_total",
    ),
    "298": (
        "Systemd Units State",
        "node_systemd_units",
        "explained: A, B, C, D, E: the collector systemd",
    ),
}


def test_1860_is_judged_right_panel_by_panel(
    metrics: Running, corpora: Path, tmp_path: Path
) -> None:
    file = corpora / "grafana/rfmoz/prometheus/node-exporter-full.json"
    proofs = prove(target(metrics, tmp_path, [{"file": str(file)}]))
    assert len(proofs) == 125
    assert not [proof.detail for proof in proofs.values() if "error" in proof.detail]
    for number, (title, query, otherwise) in _BY_HAND.items():
        proof = proofs[number]
        assert proof.title.endswith(title), proof.title
        said = f"{proof.verdict.value}: {proof.detail}"
        if _values(metrics, query):
            assert proof.verdict is Verdict.PROVED, said
        else:
            assert otherwise != "-", said
            assert said.startswith(otherwise), (number, said, otherwise)
    # Nothing is claimed of a metric that Prometheus does not have.
    for proof in proofs.values():
        for name in re.findall(r"metric missing: (?:[A-Z, ]+: )?(\w+)", proof.detail):
            assert not _values(metrics, f'count({{__name__="{name}"}})'), name


# Each verdict --------------------------------------------------------------------------------------


def test_a_renamed_metric_a_wrong_label_and_a_broken_query_are_told_apart(
    metrics: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obskit.targets.grafana.panels._PAUSE", 0.1)
    chosen = board(
        tmp_path,
        asks("node_load1"),
        asks("node_load1_renamed"),
        asks('node_load1{machine="nowhere"}'),
        asks("sum(node_load1"),
        asks("node_load1", "node_load1_renamed"),
        asks("node_load1 * NaN"),
        asks("$unknown_datasource", datasource={"type": "prometheus", "uid": "gone"}),
    )
    one = target(metrics, tmp_path, chosen)
    from obskit.targets.grafana.panels import Prover

    monkeypatch.setitem(Prover.__init__.__kwdefaults__, "patience", 0.3)
    proofs = prove(one)
    said = {number: (proof.verdict, proof.detail) for number, proof in proofs.items()}
    assert said["1"][0] is Verdict.PROVED
    assert said["2"] == (Verdict.FAILED, "metric missing: node_load1_renamed")
    assert said["3"][0] is Verdict.FAILED
    assert said["3"][1].startswith("no data (metric exists): node_load1{")
    assert said["4"][0] is Verdict.FAILED
    assert said["4"][1].startswith("error: answered 400: ")
    assert said["5"][0] is Verdict.PROVED
    assert "1 of 2 queries" in said["5"][1]
    assert "metric missing: B: node_load1_renamed" in said["5"][1]
    assert said["6"][0] is Verdict.FAILED
    assert "NaN" in said["6"][1]
    assert said["7"][0] is Verdict.NOT_CONFIGURED
    assert all(proof.evidence for number, proof in proofs.items() if number in "123456")


def test_what_is_empty_for_a_good_reason_is_explained_by_a_probe(
    metrics: Running, tmp_path: Path
) -> None:
    chosen = board(
        tmp_path,
        asks("node_load1 > 100000"),
        asks('prometheus_http_requests_total{code=~"5..",handler="/metrics"}'),
        asks("node_processes_threads"),
        asks("redis_up"),
        asks("ALERTS"),
        asks("(node_load1 * 0) / (node_load1 * 0)"),
        asks("(node_load1 * 0) / (node_load1 * 0 > 0)"),
        asks(
            "histogram_quantile(0.9, rate(prometheus_tsdb_compaction_chunk_range_seconds_bucket[8s]))"
        ),
        asks('prometheus_rule_evaluation_duration_seconds{quantile="0.5"}'),
        asks("node_load1"),
    )
    proofs = prove(target(metrics, tmp_path, chosen))
    said = [f"{proof.verdict.value}: {proof.detail}" for proof in proofs.values()]
    assert said[0] == "explained: no value is > 100000 (without it there is data)"
    assert said[1].startswith(
        "explained: prometheus_http_requests_total counts nothing with code=~"
    )
    assert said[2] == "explained: the collector processes of the Node Exporter is not enabled"
    assert said[3] == "explained: redis_exporter is not scraped (no metric begins with redis_)"
    assert said[5] == said[6] == "explained: it divides by node_load1 * 0, which is 0"
    assert said[7].startswith("explained: nothing was observed: rate(prometheus_tsdb_compaction")
    assert said[8] == (
        "explained: nothing was observed: the quantiles of "
        "prometheus_rule_evaluation_duration_seconds are no numbers"
    )
    assert said[4] == "explained: no alert was pending or firing (no metric begins with ALERTS)"


def test_a_dashboard_of_an_exporter_that_is_not_there_fails(
    metrics: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What explains one empty panel among others does not explain a dashboard without any data."""
    from obskit.targets.grafana.panels import Prover

    monkeypatch.setitem(Prover.__init__.__kwdefaults__, "patience", 0.0)
    proofs = prove(target(metrics, tmp_path, board(tmp_path, asks("redis_up"))))
    assert proofs["1"].verdict is Verdict.FAILED
    assert proofs["1"].detail == "metric missing: redis_up"


# Variables, as Grafana resolves them -----------------------------------------------------------------


def _asked(proof: Proof) -> str:
    return " ".join(exchange.asked for exchange in proof.evidence)


def test_variables_are_chained_filtered_and_expanded_never_to_everything(
    metrics: Running, tmp_path: Path
) -> None:
    instance = httpx.get(f"{metrics.url}/api/v1/query", params={"query": 'up{job="node"}'}).json()[
        "data"
    ]["result"][0]["metric"]["instance"]
    variables = [
        query_variable("job", "label_values(up, job)", **EVERY),
        query_variable("node", 'label_values(up{job="node"}, instance)'),
        query_variable("host", 'label_values(up{job=~"$job"}, instance)', regex="/(.*):\\d+/"),
        query_variable(
            "port", 'label_values(up{instance=~"$host:.*",job="node"}, instance)',
            regex="/.*:(?<value>\\d+)/",
        ),
        query_variable("load", "metrics(node_load\\d+$)", **EVERY),
        query_variable("result", "query_result(node_load1)", regex='/instance="([^"]+)"/'),
        query_variable("label", "label_names()", regex="/^mode$/"),
        {"name": "window", "type": "interval", "query": "1m,5m", "current": {"value": "5m"}},
        {
            "name": "kind", "type": "custom", "query": "user,system", "multi": True,
            "current": {"value": ["user", "system"]},
        },
        {"name": "fixed", "type": "constant", "query": "node"},
        {"name": "typed", "type": "textbox", "query": "idle", "current": {"value": "idle"}},
    ]  # fmt: skip
    chosen = board(
        tmp_path,
        asks('up{job=~"$job"}'),
        asks('up{instance="$node"}'),
        asks('up{instance="$host:$port"}'),
        asks('{__name__=~"$load"}'),
        asks('node_load1{instance="[[result]]"}'),
        asks('sum by ($label) (rate(node_cpu_seconds_total{mode=~"$kind"}[$window]))'),
        asks('rate(node_cpu_seconds_total{job="$fixed",mode="${typed}"}[$__rate_interval])'),
        asks('node_cpu_seconds_total{mode=~"${kind:pipe}"}'),
        variables=variables,
    )
    proofs = prove(target(metrics, tmp_path, chosen))
    assert all(proof.verdict is Verdict.PROVED for proof in proofs.values()), [
        (proof.detail, _asked(proof)) for proof in proofs.values()
    ]
    asked = {number: _asked(proof) for number, proof in proofs.items()}
    assert 'job=~"(node|prometheus)"' in asked["1"]
    assert f'instance="{instance}"' in asked["2"]
    assert f'instance="{instance}"' in asked["3"]
    assert '__name__=~"(node_load1|node_load15|node_load5)"' in asked["4"]
    assert f'instance="{instance}"' in asked["5"]
    assert 'sum by (mode) (rate(node_cpu_seconds_total{mode=~"(user|system)"}[5m]))' in asked["6"]
    assert 'mode="idle"}[8s])' in asked["7"]
    assert 'mode=~"user|system"' in asked["8"]
    assert not any(".*" in text.replace("$host:.*", "") for text in asked.values())


def test_a_repeated_panel_and_row_are_tried_for_each_value(
    metrics: Running, tmp_path: Path
) -> None:
    both = query_variable("job", "label_values(up, job)", **EVERY)
    source = {"type": "prometheus", "uid": "obskit-prometheus"}
    inner = {"id": 50, "type": "stat", "datasource": source, **asks('up{job="$job"}')}
    row = {"type": "row", "repeat": "job", "collapsed": True, "panels": [inner]}
    chosen = board(tmp_path, asks('up{job="$job"}', repeat="job"), row, variables=[both])
    proofs = prove(target(metrics, tmp_path, chosen))
    assert set(proofs) == {"1", "50"}
    for proof in proofs.values():
        assert proof.verdict is Verdict.PROVED
        assert {exchange.asked.partition(" over")[0] for exchange in proof.evidence} == {
            'query=up{job="node"}',
            'query=up{job="prometheus"}',
        }


def test_a_panel_may_have_a_time_range_of_its_own(metrics: Running, tmp_path: Path) -> None:
    chosen = board(tmp_path, asks("up"), asks("up", timeFrom="2h"), asks("up", maxDataPoints=10))
    proofs = prove(target(metrics, tmp_path, chosen))
    assert [_asked(proof) for proof in proofs.values()] == [
        "query=up over 300 s, step 2 s",
        "query=up over 7200 s, step 10 s",
        "query=up over 300 s, step 30 s",
    ]


def test_a_variable_that_cannot_be_asked_for_fails_its_panels_by_name(
    metrics: Running, tmp_path: Path
) -> None:
    bad = query_variable("broken", "label_values(up{, job)")
    chosen = board(tmp_path, asks('up{job="$broken"}'), asks("up"), variables=[bad])
    proofs = prove(target(metrics, tmp_path, chosen))
    assert proofs["1"].verdict is Verdict.FAILED
    assert "the variable $broken could not be resolved" in proofs["1"].detail
    assert proofs["2"].verdict is Verdict.PROVED


def test_silent_hidden_shared_and_library_panels(metrics: Running, tmp_path: Path) -> None:
    dashboard = {"type": "datasource", "uid": "-- Dashboard --"}
    chosen = board(
        tmp_path,
        asks("up"),
        {"type": "text", "title": "words"},
        {"datasource": dashboard, "targets": [{"panelId": 1, "refId": "A"}], "title": "shares"},
        {"libraryPanel": {"uid": "lib", "name": "Shared load"}, "title": ""},
        {"title": "hidden", "targets": [{"refId": "A", "expr": "up"}, {"refId": "B", "expr": "gone", "hide": True}]},
        {"title": "expression", "targets": [
            {"refId": "A", "expr": "up", "hide": True},
            {"refId": "B", "datasource": {"type": "__expr__", "uid": "__expr__"}, "type": "math", "expression": "$A"},
        ]},
    )  # fmt: skip
    proofs = prove(target(metrics, tmp_path, chosen))
    assert set(proofs) == {"1", "3", "4", "5", "6"}
    assert proofs["3"].detail.startswith("as panel 1: data")
    assert proofs["4"].verdict is Verdict.UNPROVED
    assert "Shared load" in proofs["4"].detail
    assert proofs["5"].detail.startswith("data")
    assert "queries" not in proofs["5"].detail
    assert proofs["6"].verdict is Verdict.PROVED


# Through Grafana -------------------------------------------------------------------------------------


@pytest.fixture
def provisioned(metrics: Running, grafana: Any, tmp_path: Path) -> Iterator[Grafana]:
    source = rig.prometheus_source(metrics.url, options=FAST)
    chosen = board(
        tmp_path,
        asks("node_load1"),
        asks("node_load1_renamed"),
        asks("sum(node_load1"),
        asks("up", "up"),
    )
    settings = {"url": grafana.url, "auth": rig.auth_of(grafana)}
    one = rig.target(tmp_path, [source], project="through", dashboards=chosen, **settings)
    assert succeeded(rig.provision(one))
    yield one
    empty = rig.target(tmp_path, [], project="through", dashboards=[], **settings)
    assert succeeded(rig.provision(empty))


def test_grafana_runs_the_queries_where_it_answers(
    provisioned: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    from obskit.targets.grafana.panels import Prover

    monkeypatch.setitem(Prover.__init__.__kwdefaults__, "patience", 0.0)
    proofs = prove(provisioned)
    verdicts = [proof.verdict for proof in proofs.values()]
    assert verdicts == [Verdict.PROVED, Verdict.FAILED, Verdict.FAILED, Verdict.PROVED]
    assert proofs["2"].detail == "metric missing: node_load1_renamed"
    assert "unclosed left parenthesis" in proofs["3"].detail
    assert all("Grafana http" in proof.evidence[0].of for proof in proofs.values())


def test_a_data_source_that_is_gone_from_grafana_is_an_error(
    provisioned: Grafana, grafana: Any
) -> None:
    path = f"{grafana.url}/api/datasources/uid/obskit-prometheus"
    httpx.delete(path, auth=(grafana.user, grafana.password)).raise_for_status()
    proofs = prove(provisioned)
    assert {proof.detail for proof in proofs.values()} >= {"error: Grafana: Data source not found"}
    assert {proof.verdict for proof in proofs.values()} == {Verdict.FAILED}


def test_a_grafana_that_does_not_answer_leaves_the_proof_to_the_data_source(
    metrics: Running, tmp_path: Path
) -> None:
    source = rig.prometheus_source(metrics.url, options=FAST)
    chosen = board(tmp_path, asks("node_load1"))
    one = rig.target(tmp_path, [source], url="http://127.0.0.1:9", dashboards=chosen)
    proofs = prove(one)
    assert proofs["1"].verdict is Verdict.PROVED
    assert metrics.url in proofs["1"].evidence[0].of
    assert "straight, for Grafana: no connection" in proofs["1"].evidence[0].of


def test_grafana_tests_its_data_sources(provisioned: Grafana, grafana: Any) -> None:
    """Through Grafana, so with the address and the secret that it holds."""
    (check,) = [check for check in provisioned.checks() if check.id == "loaded/grafana"]
    (proof,) = check.run(Deadline.after(20))
    assert (proof.id, proof.verdict) == ("loaded/grafana/obskit-prometheus", Verdict.PROVED)
    path = f"{grafana.url}/api/datasources/uid/obskit-prometheus"
    httpx.delete(path, auth=(grafana.user, grafana.password)).raise_for_status()
    (gone,) = check.run(Deadline.after(20))
    assert gone.verdict is Verdict.FAILED
    assert gone.detail == "Grafana has no such data source"


def test_a_library_panel_is_proved_by_what_grafana_has_of_it(
    metrics: Running, tmp_path: Path
) -> None:
    """On the stand-in, since the queries of a library panel are in Grafana only."""
    from tests.servers import grafana_standin

    source = rig.prometheus_source(metrics.url, options=FAST)
    library = {"libraryPanel": {"uid": "lib", "name": "Shared load"}, "title": ""}
    gone = {"libraryPanel": {"uid": "gone", "name": "Gone"}, "title": ""}
    chosen = board(tmp_path, {**library, "datasource": None}, gone)
    with grafana_standin.running() as held:
        held.state.library["lib"] = {
            "type": "stat",
            "title": "Load",
            "datasource": {"type": "prometheus", "uid": "obskit-prometheus"},
            "targets": [{"refId": "A", "expr": "node_load1"}],
        }
        settings = {"url": held.url, "auth": rig.auth_of(held), "dashboards": chosen}
        one = rig.target(tmp_path, [source], project="library", **settings)
        assert succeeded(rig.provision(one))
        proofs = prove(one)
    assert proofs["1"].verdict is Verdict.PROVED, proofs["1"].detail
    assert proofs["1"].title == "Tried: Load"
    assert proofs["2"].verdict is Verdict.UNPROVED
    assert "'Gone'" in proofs["2"].detail
