"""Every rule pack on a real Prometheus with its real exporter: the metrics exist, and nothing fires without cause.

Grafana and Logstash are not to be had here, so those two packs are shown as left out; tests/unit/exporter
reads the metrics of Logstash, tests/unit/rules those of the relay.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from obskit.local.alertmanager import Alertmanager
from obskit.local.filebeat import Filebeat
from obskit.local.node_exporter import NodeExporter
from obskit.local.prometheus import Prometheus
from obskit.local.server import Launch, Running, Server, free_port
from obskit.targets.prometheus.backtest import backtest
from obskit.targets.prometheus.inputs import metric_names, silent_alerts
from obskit.targets.prometheus.packs import (
    Rule,
    ServiceObjective,
    fill_placeholders,
    load_packs,
    parse_rules,
    render_service_rules,
    select_packs,
)
from tests.integration.test_dashboards_of_databases import (
    Exporter,
    daemon,
    mariadb,
    postgres,
    program,
    redis,
)

__all__ = ["mariadb", "postgres", "redis"]  # fixtures

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("packs-real")]

Start = Callable[[Server], Running]
ROOT = Path(__file__).resolve().parents[2]
SERVICE = "user-service"

#: Packs of servers that no registry has, and of the relay, which needs a robot to talk to.
LEFT_OUT = {"grafana", "logstash", "relay"}

#: Metrics that these servers do not show in the state they are in, by the state that would show them.
EXPLAINED = {
    "node_md_disks": "a software RAID",
    "node_systemd_unit_state": "the systemd collector, which is off unless asked for",
    "mysql_slave_status_slave_io_running": "a replica",
    "mysql_slave_status_slave_sql_running": "a replica",
    "mysql_slave_status_seconds_behind_master": "a replica",
    "redis_master_link_up": "a replica",
    "pg_replication_lag_seconds": "an exporter from release 0.13 on",
    "probe_ssl_earliest_cert_expiry": "an address with TLS",
    "alertmanager_cluster_members": "an Alertmanager with peers; this one has clustering off",
}

#: Alerts that are right to be active on this machine.
RIGHTLY_ACTIVE = {
    "Watchdog": "always",
    "ClockUnsynchronised": "no daemon keeps the clock of the test machines",
    "LogsQuarantined": "the test put an event into the quarantine",
    "LogErrorRateHigh": "half of the test's log events are errors",
    "NodeCPUSaturated": "tests run beside this one",
}


@dataclass(frozen=True, kw_only=True)
class Python:
    """A program of ours, started as every other server is."""

    name: str
    arguments: tuple[str, ...]
    port: int
    ready: str

    def prepare(self, folder: Path) -> Launch:
        return Launch(
            argv=(
                sys.executable,
                *(text.replace("FOLDER", str(folder)) for text in self.arguments),
            ),
            url=f"http://127.0.0.1:{self.port}",
            ready=self.ready,
            env={"PYTHONPATH": str(ROOT)},
            addresses={"address": f"127.0.0.1:{self.port}"},
        )


@dataclass
class Stack:
    """A Prometheus that scrapes an exporter of everything."""

    client: httpx.Client
    files: Path
    jobs: tuple[str, ...]
    rules: list[Rule] = field(default_factory=list)

    def query(self, expr: str) -> list[dict[str, Any]]:
        answer = self.client.get("/api/v1/query", params={"query": expr}).json()
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def range_query(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        asked = {"query": expr, "start": start, "end": end, "step": step}
        answer = self.client.post("/api/v1/query_range", data=asked).json()
        assert answer["status"] == "success", f"{expr}: {answer}"
        return answer["data"]["result"]

    def metrics(self) -> set[str]:
        return set(self.client.get("/api/v1/label/__name__/values").json()["data"])

    def groups(self) -> list[dict[str, Any]]:
        return self.client.get("/api/v1/rules").json()["data"]["groups"]

    def active(self, *states: str) -> set[str]:
        """Alerts that are pending or firing, or only those in the states named."""
        alerts = self.client.get("/api/v1/alerts").json()["data"]["alerts"]
        chosen = [alert for alert in alerts if not states or alert["state"] in states]
        return {alert["labels"]["alertname"] for alert in chosen}

    def load(self, texts: dict[str, str]) -> None:
        for name, text in texts.items():
            (self.files / "rules" / name).write_text(text)
        assert self.client.post("/-/reload").status_code == 200
        self.until(lambda: self.groups() and not self.unevaluated(), "rules that are evaluated")

    def unevaluated(self) -> list[str]:
        found = [rule for group in self.groups() for rule in group["rules"]]
        return [rule["name"] for rule in found if rule["health"] == "unknown"]

    def until(self, holds: Callable[[], Any], what: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"no {what} within {seconds} s"
            time.sleep(0.5)


def put_logs(elasticsearch: str) -> None:
    """Events as the log path writes them: a service with as many errors as not, and a broken one."""
    keyword = {"type": "keyword"}
    mapping = {"@timestamp": {"type": "date"}, "service": keyword, "level": keyword}
    template = {
        "index_patterns": ["logs-obskit.*-packs"],
        "data_stream": {},
        "priority": 900,
        "template": {"mappings": {"properties": mapping}},
    }
    httpx.put(f"{elasticsearch}/_index_template/packs-real", json=template).raise_for_status()
    now = datetime.now(UTC)
    lines = []
    for number in range(40):
        at = (now - timedelta(seconds=62 + number)).isoformat()
        level = "ERROR" if number % 2 else "INFO"
        lines += [
            {"create": {"_index": "logs-obskit.shop-packs"}},
            {"@timestamp": at, "service": "shop", "level": level},
        ]
    lines += [
        {"create": {"_index": "logs-obskit.invalid-packs"}},
        {"@timestamp": (now - timedelta(seconds=90)).isoformat()},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    answer = httpx.post(
        f"{elasticsearch}/_bulk?refresh=true",
        content=text,
        headers={"content-type": "application/x-ndjson"},
    )
    assert answer.json()["errors"] is False, answer.text


def deliver(file: Path, targets: list[Any]) -> None:
    """Write a file of targets at once: Prometheus reads it as soon as it is there."""
    file.with_suffix(".new").write_text(json.dumps(targets))
    file.with_suffix(".new").rename(file)


@pytest.fixture(scope="module")
def stack(
    module_servers: Start,
    tmp_path_factory: pytest.TempPathFactory,
    redis: int,
    mariadb: int,
    postgres: int,
    elasticsearch: Running,
) -> Iterator[Stack]:
    """An exporter of everything, and a Prometheus that has scraped them all."""
    folder = tmp_path_factory.mktemp("packs")
    put_logs(elasticsearch.url)
    filebeat = module_servers(Filebeat(elasticsearch=elasticsearch.url))
    (folder / "obskit.yml").write_text(
        f"project: packs\nnamespace: packs\nelasticsearch:\n  url: {elasticsearch.url}\n"
    )
    (folder / "blackbox.yml").write_text("modules: {http_2xx: {prober: http, timeout: 5s}}\n")
    alertmanager = module_servers(Alertmanager())
    ports = [free_port(), free_port()]
    source = f"postgresql://postgres@127.0.0.1:{postgres}/postgres?sslmode=disable"
    queries = ROOT / "prometheus" / "exporters" / "postgres-queries.yml"
    servers: dict[str, Server] = {
        "hosts": NodeExporter(),
        "cache": Exporter(
            name="redis_exporter", arguments=(f"--redis.addr=redis://127.0.0.1:{redis}",)
        ),
        "maria": Exporter(
            name="mysqld_exporter", env={"DATA_SOURCE_NAME": f"root@(127.0.0.1:{mariadb})/"}
        ),
        "pg": Exporter(
            name="postgres_exporter",
            arguments=(f"--extend.query-path={queries}",),
            env={"DATA_SOURCE_NAME": source},
        ),
        "search": Exporter(
            name="elasticsearch_exporter", arguments=(f"--es.uri={elasticsearch.url}", "--es.all")
        ),
        "web": Python(
            name="sample_service",
            arguments=(
                str(ROOT / "examples" / "service" / "app.py"),
                *("--port", str(ports[0]), "--log", "FOLDER/app.log", "--load", "20"),
            ),
            port=ports[0],
            ready="/metrics",
        ),
        "logcounts": Python(
            name="obskit_exporter",
            arguments=(
                *("-m", "obskit", "exporter", "-f", str(folder / "obskit.yml")),
                *("--listen", f"127.0.0.1:{ports[1]}", "--filebeat", filebeat.url),
            ),
            port=ports[1],
            ready="/-/healthy",
        ),
    }
    scrape = [("alertmanager", alertmanager.addresses["address"])]
    scrape += [
        (job, module_servers(server).addresses["address"]) for job, server in servers.items()
    ]
    blackbox = module_servers(
        Exporter(name="blackbox_exporter", arguments=(f"--config.file={folder / 'blackbox.yml'}",))
    )
    prometheus = module_servers(
        Prometheus(
            alertmanager=alertmanager.addresses["address"], scrape=tuple(scrape), settled=True
        )
    )
    files = Path(prometheus.addresses["files"])
    probes = [
        {
            "targets": [blackbox.addresses["address"]],
            "labels": {
                "job": "probes",
                "instance": f"{prometheus.url}/-/healthy",
                "__metrics_path__": "/probe",
                "__param_module": "http_2xx",
                "__param_target": f"{prometheus.url}/-/healthy",
            },
        }
    ]
    deliver(files / "targets" / "probes.json", probes)
    with httpx.Client(base_url=prometheus.url, timeout=30) as client:
        jobs = ("prometheus", "probes", *(job for job, _ in scrape))
        found = Stack(client=client, files=files, jobs=jobs)
        found.until(lambda: found.query("probe_success == 1"), "successful probe")
        found.until(
            lambda: len(found.query("count_over_time(up[1m]) > 3")) == len(jobs),
            "scrape of every job",
        )
        yield found


@pytest.fixture(scope="module")
def loaded(stack: Stack) -> Stack:
    """The same with every pack that fits, and the objectives of the sample service."""
    on, _ = select_packs([pack.name for pack in load_packs()], stack.metrics())
    texts = {pack.filename: pack.text for pack in on}
    texts |= render_service_rules([ServiceObjective(name=SERVICE, slo=90, p95_ms=5000)])
    stack.rules = [rule for text in texts.values() for rule in parse_rules(text)]
    stack.load(
        {
            name: fill_placeholders(
                text, runbooks="https://docs.example", grafana="https://g.example"
            )
            for name, text in texts.items()
        }
    )
    return stack


def test_every_target_is_up(stack: Stack) -> None:
    assert stack.query("up == 0") == []
    for metric in ("redis_up", "pg_up", "mysql_up", "elasticsearch_cluster_health_up"):
        assert stack.query(f"{metric} == 1"), metric
    assert stack.query("obskit_exporter_source_up == 0") == []


def test_only_the_packs_of_absent_servers_are_left_out(stack: Stack) -> None:
    _, out = select_packs([pack.name for pack in load_packs()], stack.metrics())
    assert {item.name for item in out} == LEFT_OUT


def test_every_metric_that_a_pack_reads_exists_in_what_its_exporter_really_exposes(
    loaded: Stack,
) -> None:
    # Some of Prometheus' own exist only once it has rules.
    present = loaded.metrics()
    missing: dict[str, set[str]] = {}
    for pack in load_packs():
        if pack.name not in LEFT_OUT:
            recorded = {rule.name for rule in pack.rules if not rule.alert}
            read = {name for rule in pack.rules for name in metric_names(rule.expr)}
            missing[pack.name] = read - present - recorded - set(EXPLAINED)
    assert {name: found for name, found in missing.items() if found} == {}


def test_what_is_explained_as_missing_is_missing(stack: Stack) -> None:
    """Else the list of explanations hides a metric that is there; a host may have a RAID or systemd."""
    assert set(EXPLAINED) & stack.metrics() <= {"node_systemd_unit_state", "node_md_disks"}


def test_every_rule_is_healthy(loaded: Stack) -> None:
    rules = [rule for group in loaded.groups() for rule in group["rules"]]
    assert len(rules) == len(loaded.rules)
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_only_alerts_whose_metric_is_explained_as_missing_are_silent(loaded: Stack) -> None:
    silent = silent_alerts(loaded.rules, loaded.metrics())
    assert {name for names in silent.values() for name in names} <= set(EXPLAINED)


def test_nothing_is_active_without_cause(loaded: Stack) -> None:
    time.sleep(10)  # several evaluations more
    # This test's reload forgot the Alertmanagers for a moment; that is not to fire, and does not.
    assert loaded.active() - set(RIGHTLY_ACTIVE) <= {"PrometheusNotificationsDropped"}
    assert loaded.active("firing") - set(RIGHTLY_ACTIVE) == set()
    assert {"Watchdog", "LogErrorRateHigh", "LogsQuarantined"} <= loaded.active()


def test_the_recordings_of_services_and_objectives_have_values(loaded: Stack) -> None:
    for name in sorted({rule.name for rule in loaded.rules if not rule.alert}):
        if name.startswith(("service", "slo:")):
            loaded.until(lambda name=name: loaded.query(name), f"value of {name}", 30)
    (budget,) = loaded.query("slo:error_budget:remaining_ratio")
    assert budget["metric"]["service"] == SERVICE
    assert float(budget["value"][1]) > 0


def test_counts_of_logs_are_those_of_elasticsearch(loaded: Stack) -> None:
    found = {
        (sample["metric"]["service"], sample["metric"]["level"]): float(sample["value"][1])
        for sample in loaded.query("max_over_time(obskit_log_events_5m[5m])")
    }
    assert found["shop", "ERROR"] == 20
    assert found["shop", "INFO"] == 20
    assert found["shop", "WARN"] == 0


def test_a_backtest_on_this_history_finds_what_was_active(loaded: Stack) -> None:
    now = time.time()
    results = {
        result.alert: result
        for result in backtest(
            loaded.rules,
            loaded.range_query,
            start=now - 30,
            end=now,
            step=2,
            present_metrics=loaded.metrics(),
        )
    }
    assert [result for result in results.values() if result.not_tried] == []
    assert results["Watchdog"].firings == 1
    assert results["RedisDown"].firings == 0


def test_a_backtest_without_any_recording_asks_nothing_that_prometheus_refuses(
    loaded: Stack,
) -> None:
    """As before the first provision: each recording is put into the expressions that read it."""
    now = time.time()
    results = backtest(loaded.rules, loaded.range_query, start=now - 20, end=now, step=10)
    assert [result for result in results if result.not_tried] == []
    fired = {result.alert for result in results if result.firings}
    assert "Watchdog" in fired
    assert fired <= set(RIGHTLY_ACTIVE) | {"PrometheusNotificationsDropped"}


def test_check_backtest_asks_the_prometheus_of_obskit_yml(loaded: Stack, tmp_path: Path) -> None:
    (tmp_path / "obskit.yml").write_text(
        f"project: packs\nprometheus:\n  url: {str(loaded.client.base_url).rstrip('/')}\n"
        f"  files: {loaded.files}\n  packs: [stack, redis]\n"
    )
    argv = [sys.executable, "-m", "obskit", "check", "--backtest", "2m"]
    shown = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"^Watchdog\s+1 ×", shown.stdout, re.MULTILINE), shown.stdout
    assert re.search(r"^\d+ alerts would not have fired", shown.stdout, re.MULTILINE), shown.stdout
    assert (
        "RedisReplicationBroken cannot fire here: Prometheus has no redis_master_link_up."
        in shown.stdout
    )
    done = subprocess.run(
        [*argv, "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    results = {item["alert"]: item for item in json.loads(done.stdout)["backtest"]}
    assert results["RedisDown"]["firings"] == 0
    assert results["RedisReplicationBroken"]["missing"] == ["redis_master_link_up"]
    assert not [item for item in results.values() if item["not_tried"]]


def test_a_server_that_dies_makes_its_alert_active_and_its_return_ends_it(
    loaded: Stack, module_servers: Start, tmp_path: Path
) -> None:
    port = free_port()
    argv = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    argv += ["--dir", tmp_path]
    exporter = module_servers(
        Exporter(name="redis_exporter", arguments=(f"--redis.addr=redis://127.0.0.1:{port}",))
    )
    target = [{"targets": [exporter.addresses["address"]], "labels": {"job": "spare"}}]
    deliver(loaded.files / "targets" / "spare.json", target)
    with daemon(argv, port, tmp_path / "log"):
        loaded.until(lambda: loaded.query('redis_up{job="spare"} == 1'), "spare Redis")
        assert "RedisDown" not in loaded.active()
    loaded.until(lambda: "RedisDown" in loaded.active(), "RedisDown")
    with daemon(argv, port, tmp_path / "log"):
        loaded.until(lambda: "RedisDown" not in loaded.active(), "end of RedisDown")


def test_a_transaction_that_waits_for_a_lock_is_seen(loaded: Stack, postgres: int) -> None:
    psql = [program("psql"), "-h", "127.0.0.1", "-p", str(postgres), "-U", "postgres", "-qAt"]
    subprocess.run([*psql, "-c", "CREATE TABLE IF NOT EXISTS t (id int)"], check=True)
    held = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND granted"

    def locked() -> bool:
        asked = subprocess.run([*psql, "-c", held], capture_output=True, text=True, check=True)
        return asked.stdout.strip() == "1"

    with subprocess.Popen([*psql, "-c", "BEGIN; LOCK TABLE t; SELECT pg_sleep(60)"]) as holds:
        loaded.until(locked, "lock")
        with subprocess.Popen([*psql, "-c", "SELECT * FROM t"]) as waits:
            try:
                blocked = "pg_obskit_blocked_sessions > 0 and pg_obskit_blocked_longest_seconds > 0"
                loaded.until(lambda: loaded.query(blocked), "blocked session", 50)
                slow = "pg_obskit_slow_statements > 0"
                loaded.until(lambda: loaded.query(slow), "statement over 5 s", 50)
            finally:
                holds.send_signal(signal.SIGINT)  # psql passes it on: the lock is given back
                waits.send_signal(signal.SIGINT)
