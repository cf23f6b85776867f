"""Objectives of services become rules that Prometheus takes, whatever the names and numbers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from obskit.targets.prometheus.objectives import ServiceObjective, render_service_rules
from obskit.targets.prometheus.packs import parse_rules


def rules_of(**objective: object) -> dict[str, list[dict]]:
    """Rendered rules by file, as Prometheus reads them."""
    files = render_service_rules([ServiceObjective(name="shop", **objective)])  # type: ignore[arg-type]
    return {
        name: [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
        for name, text in files.items()
    }


def recorded(rules: list[dict], name: str) -> dict:
    (rule,) = [rule for rule in rules if rule.get("record") == name]
    return rule


def test_a_service_without_objectives_makes_no_file():
    assert render_service_rules([ServiceObjective(name="shop")]) == {}
    assert render_service_rules([]) == {}


def test_each_kind_of_objective_makes_its_file():
    assert set(rules_of(slo=99.9)) == {"slo.yml"}
    assert set(rules_of(p95_ms=300)) == {"latency.yml"}
    assert set(rules_of(slo=99.9, p95_ms=300)) == {"slo.yml", "latency.yml"}


def test_the_same_services_in_another_order_make_the_same_text():
    services = [ServiceObjective(name=name, slo=99, p95_ms=100) for name in ("b", "a", "c")]
    assert render_service_rules(services) == render_service_rules(reversed(services))


@pytest.mark.parametrize(
    ("slo", "ratio", "budget"),
    [(99.9, "0.999", "0.001"), (99.99, "0.9999", "0.0001"), (99.999, "0.99999", "0.00001"),
     (99.95, "0.9995", "0.0005"), (90, "0.9", "0.1"), (50, "0.5", "0.5")],
)  # fmt: skip
def test_budgets_have_no_binary_dust(slo, ratio, budget):
    rules = rules_of(slo=slo)["slo.yml"]
    assert recorded(rules, "slo:objective:ratio")["expr"] == f"vector({ratio})"
    assert recorded(rules, "slo:burn_rate:5m")["expr"].rstrip().endswith(f"/ {budget}")


@pytest.mark.parametrize("slo", [99.9, 95, 90, 80, 50, 10])
def test_every_burn_rate_alert_can_be_reached_when_every_request_fails(slo):
    highest = 1 / (1 - slo / 100)
    for rule in parse_rules(render_service_rules([ServiceObjective(name="s", slo=slo)])["slo.yml"]):
        if rule.name.startswith("SLOBurnRate"):
            factor = float(rule.expr.partition(">")[2].split()[0])
            assert factor < highest


@pytest.mark.parametrize("days", [1, 3, 7, 28, 30, 90])
def test_each_window_is_recorded_once_and_the_budget_reads_its_own(days):
    rules = rules_of(slo=99.9, window_days=days)["slo.yml"]
    names = [rule["record"] for rule in rules if "record" in rule]
    assert len(names) == len(set(names))
    assert f"slo:burn_rate:{days}d{{" in recorded(rules, "slo:error_budget:remaining_ratio")["expr"]
    assert f"slo:burn_rate:{days}d" in names


def test_a_service_with_a_team_calls_that_team():
    alerts = [rule for rule in rules_of(slo=99, team="web")["slo.yml"] if "alert" in rule]
    assert {rule["labels"]["team"] for rule in alerts} == {"web"}
    without = [rule for rule in rules_of(slo=99)["slo.yml"] if "alert" in rule]
    assert not any("team" in rule["labels"] for rule in without)


def test_the_panel_and_the_alert_share_one_objective():
    rules = rules_of(p95_ms=250)["latency.yml"]
    objective = recorded(rules, "service:p95_objective:seconds")
    assert objective["expr"] == "vector(0.25)"
    assert objective["labels"] == {"service": "shop"}
    assert "service:p95_objective:seconds" in rules[-1]["expr"]
    assert "250 ms" in rules[-1]["annotations"]["description"]


def test_each_service_has_its_own_alert_on_latency_with_its_team_and_profiles():
    files = render_service_rules(
        [
            ServiceObjective(name="a", p95_ms=100, team="web", pprof="http://127.0.0.1:6060/pprof"),
            ServiceObjective(name="b", p95_ms=200),
        ]
    )
    rules = yaml.safe_load(files["latency.yml"])["groups"][0]["rules"]
    first, second = (rule for rule in rules if "alert" in rule)
    assert first["labels"]["team"] == "web"
    assert first["annotations"]["pprof_url"] == "http://127.0.0.1:6060/pprof"
    assert 'service="a"' in first["expr"]
    assert "team" not in second["labels"]
    assert "pprof_url" not in second["annotations"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "s", "slo": 0},
        {"name": "s", "slo": 100},
        {"name": "s", "slo": 99.9, "window_days": 0},
        {"name": "s", "p95_ms": 0},
        {"name": "s", "p95_ms": -5},
        {"name": "s", "slo": float("nan")},
    ],
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|needs a name"):
        ServiceObjective(**wrong)


@pytest.mark.parametrize(
    "name",
    ["a", "user-service", 'quo"te', "back\\slash", "é ü", "{{ x }}", "a: b #c"],
)
def test_any_name_survives_yaml_and_promql(promtool: Path, tmp_path: Path, name: str):
    objective = ServiceObjective(name=name, slo=99.9, p95_ms=300, team=name, pprof=name)
    for file, text in render_service_rules([objective]).items():
        (tmp_path / file).write_text(text)
        checked = subprocess.run(
            [promtool, "check", "rules", tmp_path / file], capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
        for rule in yaml.safe_load(text)["groups"][0]["rules"]:
            if "record" in rule:
                assert rule["labels"]["service"] == name
