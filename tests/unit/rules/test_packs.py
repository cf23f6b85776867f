"""Packs are chosen by the metrics that exist, and their placeholders filled in."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml

from obskit.errors import ObskitError
from obskit.targets.prometheus.inputs import metric_names, silent_alerts
from obskit.targets.prometheus.packs import fill_placeholders, load_packs, parse_rules, select_packs

PACKS = {pack.name: pack for pack in load_packs()}


def test_the_packs_that_the_readme_promises_are_there():
    families = {pack.family for pack in PACKS.values()}
    assert families == {
        "node", "services", "python", "go", "redis", "databases", "logs", "stack", "clock", "blackbox"
    }  # fmt: skip


def test_a_pack_is_on_where_one_of_its_metrics_exists_and_says_why_not_elsewhere():
    on, out = select_packs(["node", "redis"], {"node_exporter_build_info", "up"})
    assert [pack.name for pack in on] == ["node"]
    assert [item.name for item in out] == ["redis"]
    assert "no redis_up" in out[0].reason


def test_a_family_names_all_its_packs_once():
    on, out = select_packs(["databases", "mysql", "databases"], {"mysql_up"})
    assert [pack.name for pack in on] == ["mysql"]
    assert [item.name for item in out] == ["postgres"]


def test_nothing_asked_for_is_nothing_chosen():
    assert select_packs([], {"up"}) == ((), ())


def test_a_pack_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ObskitError, match=r"no rule pack 'nodes'.*node"):
        select_packs(["nodes"], {"up"})


@pytest.mark.parametrize("pack", PACKS.values(), ids=lambda pack: pack.name)
def test_what_a_pack_needs_is_not_what_it_records(pack):
    """Else a pack that was provisioned once would stay for ever."""
    recorded = {rule.name for other in PACKS.values() for rule in other.rules if not rule.alert}
    assert pack.needs
    assert not recorded.intersection(pack.needs)


def test_filled_rules_lead_to_the_pages_given():
    text = fill_placeholders(
        PACKS["node"].text, runbooks="https://docs.example/r", grafana="https://g.example"
    )
    rule = yaml.safe_load(text)["groups"][1]["rules"][0]
    assert rule["annotations"]["runbook_url"] == "https://docs.example/r/node.md#nodedown"
    assert rule["annotations"]["dashboard_url"] == (
        "https://g.example/d/obskit-node?var-instance={{ $labels.instance }}"
    )


def test_without_a_grafana_no_alert_links_to_a_dashboard():
    text = fill_placeholders(PACKS["node"].text, runbooks="https://docs.example/r")
    assert "dashboard_url" not in text
    assert len(parse_rules(text)) == len(PACKS["node"].rules)


def test_a_placeholder_of_another_name_is_an_error_and_never_an_empty_text():
    with pytest.raises(jinja2.UndefinedError, match="kibana"):
        fill_placeholders("x: '[[ kibana ]]'", runbooks="r", grafana="g")


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ("up", {"up"}),
        ("vector(1)", set()),
        ("sum by (a) (rate(b[5m])) / on (a) group_left () c > 0.5", {"b", "c"}),
        ("max_over_time(rate(a[5m])[1h:1m]) or -b offset 1d", {"a", "b"}),
        ("topk(scalar(a), b) unless absent(c)", {"a", "b", "c"}),
        ('{__name__="a"} + {__name__=~"b.*"}', {"a"}),
        ('label_replace(a, "b", "$1", "c", "d") and ((e))', {"a", "e"}),
        ('count_values("a", b)', {"b"}),
        ("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", {"a_bucket"}),
    ],
)
def test_metric_names_are_read_by_a_parser(expr, names):
    assert metric_names(expr) == names


def test_what_is_no_promql_is_refused():
    with pytest.raises(ValueError, match="unclosed"):
        metric_names("sum by (")


RULES = """
groups:
  - name: g
    rules:
      - {record: "r:sum", expr: sum(a)}
      - {record: "r:self", expr: r:self + 1}
      - {alert: Both, expr: a > 1 and b > 1}
      - {alert: Either, expr: a > 1 or b > 1}
      - {alert: Unless, expr: a > 1 unless b}
      - {alert: Recorded, expr: "r:sum > 1"}
      - {alert: Itself, expr: "r:self > 1"}
      - {alert: Absent, expr: absent(b)}
      - {alert: Always, expr: vector(1)}
      - {alert: ByPattern, expr: 'sum({__name__=~"x.*"}) > 1'}
"""


@pytest.mark.parametrize(
    ("present", "silent"),
    [
        ({"a", "b"}, {"Itself"}),
        ({"a"}, {"Both", "Itself"}),
        ({"b"}, {"Both", "Unless", "Recorded", "Itself"}),
        (set(), {"Both", "Either", "Unless", "Recorded", "Itself"}),
    ],
)
def test_alerts_that_can_never_fire_are_named(present, silent):
    found = silent_alerts(parse_rules(RULES), present)
    assert set(found) == silent


def test_a_silent_alert_names_what_is_missing():
    found = silent_alerts(parse_rules(RULES), {"a"})
    assert found["Both"] == {"b"}


def test_the_table_of_the_documentation_is_that_of_the_packs():
    text = (Path(__file__).resolve().parents[3] / "docs" / "rules.md").read_text()
    for pack in PACKS.values():
        alerts = sum(rule.alert for rule in pack.rules)
        needs = " or ".join(f"`{name}`" for name in pack.needs)
        family = f" {pack.family} " if pack.family != pack.name else " "
        row = f"| [{pack.name}](runbooks/{pack.name}.md) |{family}| {alerts} | {needs} |"
        assert row in text
