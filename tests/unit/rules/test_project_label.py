"""The project's label on every alert, whatever the layout of the file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from obskit.config import load
from obskit.schema import BUILTIN
from obskit.targets import create, sections
from obskit.targets.prometheus.labels import with_labels
from obskit.targets.prometheus.packs import fill_placeholders, load_packs

FILES = {
    "block": "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels:\n      severity: x\n",
    "no labels": "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n  - record: r\n    expr: up\n",
    "flow": "groups: [{name: g, rules: [{alert: A, expr: up, labels: {severity: x}}]}]\n",
    "flow, no labels": "groups: [{name: g, rules: [{alert: A, expr: up}]}]\n",
    "empty braces": "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: {}\n",
    "nothing": "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels:\n    for: 5m\n",
    "quoted": 'groups:\n- name: g\n  rules:\n  - expr: up\n    "alert": "A # not a comment"  # a comment\n',
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_each_alert_gets_the_label_and_nothing_else_changes(text: str) -> None:
    before, after = yaml.safe_load(text), yaml.safe_load(with_labels(text, {"p": 'de"mo'}))
    for group_before, group_after in zip(before["groups"], after["groups"], strict=True):
        for rule_before, rule_after in zip(
            group_before["rules"], group_after["rules"], strict=True
        ):
            if "alert" in rule_before:
                assert rule_after.pop("labels") == {
                    **(rule_before.pop("labels", None) or {}),
                    "p": 'de"mo',
                }
            assert rule_after == rule_before


def test_a_label_that_is_there_stays() -> None:
    text = FILES["block"].replace("severity", "p")
    assert with_labels(text, {"p": "other"}) == text


def test_comments_stay() -> None:
    assert "  # a comment" in with_labels(FILES["quoted"], {"p": "demo"})


@pytest.mark.parametrize("before", ["", "\ufeff", "# 漢字 🙂\n"], ids=["plain", "mark", "wide"])
def test_places_are_found_behind_a_byte_order_mark_and_wide_characters(before: str) -> None:
    text = before + FILES["block"]
    assert with_labels(text, {"p": "demo"}) == before + with_labels(FILES["block"], {"p": "demo"})


def test_a_second_document_is_left_alone_since_prometheus_reads_only_the_first() -> None:
    second = "---\ngroups: []\n"
    assert with_labels(FILES["block"] + second, {"p": "demo"}).endswith(second)


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_of_several_labels_each_is_put_where_it_is_not_there_yet(text: str) -> None:
    first = with_labels(text, {"p": "a"})
    both = yaml.safe_load(with_labels(first, {"p": "b", "team": "c"}))
    (labels,) = [
        rule["labels"] for group in both["groups"] for rule in group["rules"] if "alert" in rule
    ]
    assert (labels["p"], labels["team"]) == ("a", "c")


@pytest.mark.parametrize("checker", ["promtool", "promtool_newest"])
def test_an_alert_of_a_pack_is_for_the_team_of_the_service_that_it_is_about(
    checker: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    promtool = request.getfixturevalue(checker)
    (pack,) = (pack for pack in load_packs() if pack.name == "services")
    text = fill_placeholders(pack.text, runbooks="https://r.example")
    rules = with_labels(text, {"p": "demo"}, teams={"shop": "web", 'odd "磁盘"': "a b"})
    (tmp_path / "rules.yml").write_text(rules)
    services = {"shop": "web", 'odd "磁盘"': "a b", "alone": "none"}
    series = [
        {
            "series": f'{name}{{job={json.dumps(job, ensure_ascii=False)},instance="i"{more}}}',
            "values": values,
        }
        for job in services
        for name, more, values in (
            ("up", "", "1x5 0x30"),
            (
                "service_build_info",
                f',service={json.dumps(job, ensure_ascii=False)},version="1"',
                "1x5 _x30",
            ),
        )
    ]
    test = {
        "rule_files": ["rules.yml"], "evaluation_interval": "1m",
        "group_eval_order": ["obskit-services-recording", "obskit-services"],
        "tests": [{
            "interval": "1m", "input_series": series,
            "promql_expr_test": [
                {
                    "expr": 'count by (service, team) (ALERTS{alertname="ServiceDown",alertstate="firing"})',
                    "eval_time": "20m",
                    "exp_samples": [
                        {"labels": json.dumps({"service": s, "team": t}, ensure_ascii=False)
                         .replace('": "', '="').replace('", "', '","').replace('{"', "{").replace(',"', ","),
                         "value": 1}
                        for s, t in services.items()
                    ],
                },
            ],
        }],
    }  # fmt: skip
    (tmp_path / "test.yml").write_text(json.dumps(test))
    ran = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_alerts_that_are_about_no_service_get_no_team() -> None:
    (pack,) = (pack for pack in load_packs() if pack.name == "node")
    assert with_labels(pack.text, {}, teams={"shop": "web"}) == pack.text


def test_what_is_delivered_carries_the_teams_but_the_users_own_rules_do_not(tmp_path: Path) -> None:
    path = tmp_path / "obskit.yml"
    path.write_text(
        "project: demo\nservices: [{name: shop, team: web}, {name: other}]\n"
        "prometheus: {url: 'http://127.0.0.1:9', files: '.'}\n"
    )
    target = create(load(path, sections()), BUILTIN)["prometheus"]
    about = FILES["block"] + "    annotations: {summary: '{{ $labels.service }}'}\n"
    files = {"shipped.yml": (about, None), "own.yml": (about, tmp_path / "own.yml")}
    target.__dict__["rule_files"] = files  # which packs fit is asked of a server
    bodies = {item.address.name: item.body for item in target.desired()}
    labels = {
        name: yaml.safe_load(bodies[name])["groups"][0]["rules"][0]["labels"] for name in files
    }
    assert labels["own.yml"] == {"obskit_project": "demo", "severity": "x"}
    assert 'eq $labels.service "shop" }}{{ "web" }}' in labels["shipped.yml"]["team"]
    assert "other" not in labels["shipped.yml"]["team"]
