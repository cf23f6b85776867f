"""Mistakes of ours in every kind of file that ``obskit check`` knows: each is refused, on the line that is wrong.

The line is the one that ends with the mark. Nothing here is taken from the public corpora: those hold what
their authors thought of, and a checker that knows only that is none.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from obskit.errors import Severity
from obskit.targets.loose import check_files

# ruff: noqa: E501 - a file in one line, so that the list can be read
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MARK = "# <-"
SCRAPE = "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x:1]}]\n"

PROMETHEUS = {
    "an interval that is none": "global:\n  scrape_interval: 15  # <-\n" + SCRAPE,
    "a key misspelt in a job": "scrape_configs:\n- job_name: a\n  metric_path: /m  # <-\n",
    "a job without a name": "scrape_configs:\n- job_name: a\n- static_configs: [{targets: [x:1]}]  # <-\n",
    "two jobs of one name": SCRAPE + "- job_name: b\n- job_name: a  # <-\n",
    "a timeout over the interval": SCRAPE
    + "- job_name: b\n  scrape_interval: 5s\n  scrape_timeout: 10s  # <-\n",
    "an address with a scheme": "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets:\n    - good:1\n    - https://bad:1  # <-\n",
    "an expression that does not compile": SCRAPE
    + "  metric_relabel_configs:\n  - source_labels: [a]\n    regex: 'x('  # <-\n    action: drop\n",
    "an action that is none": SCRAPE
    + "  relabel_configs:\n  - source_labels: [a]\n    action: dropp  # <-\n",
    "a modulus without a value": SCRAPE
    + "  relabel_configs:\n  - source_labels: [a]\n    target_label: b\n    action: hashmod  # <-\n",
    "a label name that is none": SCRAPE
    + "- job_name: b\n  static_configs:\n  - targets: [x:1]\n    labels:\n      'a-b': c  # <-\n",
    "an external label that is none": "global:\n  external_labels:\n    good: a\n    'not good': b  # <-\n",
    "two ways to sign in": SCRAPE + "  bearer_token: t\n  basic_auth: {username: u}  # <-\n",
    "a remote write without an address": SCRAPE
    + "remote_write:\n- url: http://h/\n- name: second  # <-\n",
    "two remote writes of one name": "remote_write:\n- {url: 'http://a/', name: x}\n- {url: 'http://b/', name: x}  # <-\n",
    "an address that is none": SCRAPE + "remote_read:\n- url: ':no'  # <-\n",
    "a version of Alertmanager's API that is none": "alerting:\n  alertmanagers:\n  - static_configs: [{targets: [a:1]}]\n    api_version: v9  # <-\n",
    "a list where a mapping belongs": "global:\n- scrape_interval: 15s  # <-\n",
    "YAML that ends early": "scrape_configs:\n- job_name: 'a  # <-\n",
    "a tab": "global:\n\tscrape_interval: 15s  # <-\n",
    "a key twice": "global:\n  scrape_interval: 15s\n  scrape_interval: 30s  # <-\n",
    "no number": SCRAPE + "  sample_limit: many  # <-\n",
    "a scheme that is none": SCRAPE
    + "- job_name: b\n  http_sd_configs:\n  - url: ftp://h/  # <-\n",
    "a file pattern that Prometheus does not take": SCRAPE
    + "  file_sd_configs:\n  - files:\n    - a.yml\n    - b.txt  # <-\n",
    "the hundredth of two hundred jobs": "scrape_configs:\n"
    + "".join(
        f"- job_name: j{at}\n  static_configs: [{{targets: [x:1]}}]\n"
        + ("  sample_limit: -1  # <-\n" if at == 100 else "")
        for at in range(200)
    ),
    "the same mistake twice": "scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['http://bad']}]  # <-\n"
    "- job_name: b\n  static_configs: [{targets: ['http://bad']}]\n- job_name: c\n",
    "an empty discovery": SCRAPE + "  dns_sd_configs:\n  - names: []  # <-\n",
}
GROUP = "groups:\n- name: g\n  rules:\n"
RULES = {
    "PromQL that ends early": GROUP
    + "  - record: a\n    expr: sum(up)\n  - alert: B\n    expr: sum(up  # <-\n",
    "PromQL of the wrong type": GROUP + "  - alert: B\n    for: 1m\n    expr: rate(up)  # <-\n",
    "PromQL in a block": GROUP
    + "  - alert: B\n    expr: |\n      sum by (job) (\n        rate(up[5m]]  # <-\n      ) > 1\n",
    "neither alert nor record": GROUP + "  - expr: up  # <-\n",
    "both": GROUP + "  - alert: A  # <-\n    record: a\n    expr: up\n",
    "no expression": GROUP + "  - alert: A  # <-\n",
    "a name of a recording that is none": GROUP + "  - record: a b  # <-\n    expr: up\n",
    "a duration that is none": GROUP + "  - alert: A\n    expr: up\n    for: 5 minutes  # <-\n",
    "a recording that waits": GROUP + "  - record: a\n    expr: up\n    for: 5m  # <-\n",
    "a recording with annotations": GROUP
    + "  - record: a\n    expr: up\n    annotations: {a: b}  # <-\n",
    "a label name that is none": GROUP
    + "  - alert: A\n    expr: up\n    labels:\n      good: a\n      'not-good': b  # <-\n",
    "an annotation name that is none": GROUP
    + "  - alert: A\n    expr: up\n    annotations:\n      good: a\n      'not-good': b  # <-\n",
    "a template that does not parse": GROUP
    + "  - alert: A\n    expr: up\n    annotations:\n      summary: fine\n      description: '{{ $value | humanise }}'  # <-\n",
    "a template of a label": GROUP
    + "  - alert: A\n    expr: up\n    labels:\n      severity: '{{ if }}'  # <-\n",
    "two groups of one name": "groups:\n- name: g\n  rules: []\n- name: g  # <-\n  rules: []\n",
    "a group without a name": "groups:\n- name: g\n- rules: []  # <-\n",
    "a key misspelt": GROUP + "  - alert: A\n    expr: up\n    anotations: {a: b}  # <-\n",
    "an interval that is none": "groups:\n- name: g\n  interval: soon  # <-\n  rules: []\n",
    "the mistake of the second group": "groups:\n- name: a\n  rules:\n  - {record: a, expr: up}\n- name: b\n  rules:\n  - {record: b, expr: up}\n  - {record: c, expr: 'up +'}  # <-\n",
    "no YAML": GROUP + "  - alert: A\n   expr: up  # <-\n",
    "no list": "groups:\n  name: g  # <-\n",
}
OBJECT = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: x}\nspec:\n  groups:\n  - name: g\n    rules:\n"
OBJECTS = {
    "PromQL that ends early": OBJECT + "    - alert: A\n      expr: sum(up  # <-\n",
    "a key misspelt": OBJECT + "    - alert: A\n      expr: up\n      label: {a: b}  # <-\n",
    "a duration": OBJECT + "    - alert: A\n      expr: up\n      for: soon  # <-\n",
    "no YAML": OBJECT + "    - alert: A\n     expr: up  # <-\n",
}
TEST = (
    "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n"
    "  - series: up{job=\"a\"}\n    values: 0 0 0 0\n"
)  # fmt: skip
TESTS = {
    "an alert that does not fire": TEST
    + "  alert_rule_test:\n  - {alertname: Down, eval_time: 0m, exp_alerts: []}\n"
    "  - alertname: Down  # <-\n    eval_time: 3m\n    exp_alerts: []\n",
    "a value": TEST
    + "  promql_expr_test:\n  - expr: up  # <-\n    eval_time: 1m\n    exp_samples: [{labels: up, value: 7}]\n",
    "a key misspelt": TEST.replace("  input_series", "  input_serie").replace(
        "input_serie:", "input_serie:  # <-"
    ),
    # promtool reads a series and its values as one text, which goes wrong at the second.
    "a series that is none": TEST.replace('up{job="a"}', 'up{job="a"')[:-1] + "  # <-\n",
    "a rule file that is none": TEST.replace("rules.yml]", "broken.yml]  # <-"),
}
TARGETS = {
    "a key misspelt": "- targets: [a:1]\n  label: {a: b}  # <-\n",
    "no list": "targets: [a:1]  # <-\nlabels: {a: b}\n",
    "an address with a path": "- targets: [a:1]\n- targets:\n  - b:1/metrics  # <-\n",
}
ROUTE = "route:\n  receiver: a\n"
ALERTMANAGER = {
    "a receiver that is not there": "route:\n  receiver: a\n  routes:\n  - receiver: b  # <-\nreceivers:\n- name: a\n",
    "no receiver at the top": "route:  # <-\n  group_by: [a]\nreceivers:\n- name: a\n",
    "two receivers of one name": ROUTE + "receivers:\n- name: a\n- name: a  # <-\n",
    "matchers at the top": ROUTE + "  matchers: [a=b]  # <-\nreceivers: [{name: a}]\n",
    "a matcher that is none": ROUTE + "  routes:\n  - receiver: a\n    matchers:\n    - a = b\n    - a b  # <-\nreceivers: [{name: a}]\n",
    "an expression that does not compile": ROUTE + "  routes:\n  - receiver: a\n    match_re:\n      a: 'b('  # <-\nreceivers: [{name: a}]\n",
    "a time that is none": ROUTE + "  group_wait: 10  # <-\nreceivers: [{name: a}]\n",
    "a repetition of nothing": ROUTE + "  repeat_interval: 0s  # <-\nreceivers: [{name: a}]\n",
    "groups by a name that is none": ROUTE + "  group_by: ['a-b']  # <-\nreceivers: [{name: a}]\n",
    "groups twice by a name": ROUTE + "  group_by: [a, a]  # <-\nreceivers: [{name: a}]\n",
    "a mail without a server": ROUTE + "receivers:\n- name: a\n  email_configs:\n  - to: a@b.c  # <-\n    from: d@e.f\n",
    "a mail to nobody": ROUTE + "receivers:\n- name: a\n  email_configs:\n  - smarthost: h:25  # <-\n    from: d@e.f\n",
    "a server without a port": "global:\n  smtp_smarthost: mail.example.org  # <-\n" + ROUTE + "receivers: [{name: a}]\n",
    "Slack without an address": ROUTE + "receivers:\n- name: a\n  slack_configs:\n  - channel: '#a'  # <-\n",
    "a webhook without an address": ROUTE + "receivers:\n- name: a\n- name: b\n  webhook_configs:\n  - send_resolved: true  # <-\n",
    "a webhook of another scheme": ROUTE + "receivers:\n- name: a\n  webhook_configs:\n  - url: ftp://h/  # <-\n",
    "PagerDuty without a key": ROUTE + "receivers:\n- name: a\n  pagerduty_configs:\n  - severity: critical  # <-\n",
    "Opsgenie without a key": ROUTE + "receivers:\n- name: a\n  opsgenie_configs:\n  - priority: P1  # <-\n",
    "a responder of no kind": ROUTE + "receivers:\n- name: a\n  opsgenie_configs:\n  - api_key: k\n    responders:\n    - name: x\n      type: people  # <-\n",
    "Telegram without a chat": ROUTE + "receivers:\n- name: a\n  telegram_configs:\n  - bot_token: t  # <-\n",
    "the same mistake twice": ROUTE + "receivers:\n- name: z\n- name: b\n  telegram_configs:\n  - bot_token: t  # <-\n"
    "- name: c\n  telegram_configs:\n  - bot_token: t\n- name: a\n",
    "a parse mode that is none": ROUTE + "receivers:\n- name: a\n  telegram_configs:\n  - bot_token: t\n    chat_id: 1\n    parse_mode: BBCode  # <-\n",
    "a kind of receiver that is none": ROUTE + "receivers:\n- name: a\n  slak_configs:  # <-\n  - channel: x\n",
    "a mute timing that is not there": ROUTE + "  routes:\n  - receiver: a\n    mute_time_intervals: [nights]  # <-\nreceivers: [{name: a}]\n",
    "a month that is none": ROUTE + "receivers: [{name: a}]\ntime_intervals:\n- name: n\n  time_intervals:\n  - months: [brumaire]  # <-\n",
    "a time of day that is none": ROUTE + "receivers: [{name: a}]\ntime_intervals:\n- name: n\n  time_intervals:\n  - times:\n    - start_time: '09:00'\n      end_time: '25:00'  # <-\n",
    "two timings of one name": ROUTE + "receivers: [{name: a}]\ntime_intervals:\n- name: n\n  time_intervals: []\n- name: n  # <-\n  time_intervals: []\n",
    "an inhibition of a bad matcher": ROUTE + "receivers: [{name: a}]\ninhibit_rules:\n- source_matchers: [a=b]\n  target_matchers: ['=b']  # <-\n",
    "two ways to sign in": ROUTE + "receivers:\n- name: a\n  webhook_configs:\n  - url: http://h/\n    http_config:\n      basic_auth: {username: u}\n      authorization: {credentials: c}  # <-\n",
    "a template that does not parse": "templates: [bad.tmpl]  # <-\n" + ROUTE + "receivers: [{name: a}]\n",
    "no YAML": ROUTE + " receivers: [{name: a}]  # <-\n",
    "no route": "receivers:  # <-\n- name: a\n",
}  # fmt: skip

KINDS = {
    "prometheus.yml": PROMETHEUS, "rules.yml": RULES, "object.yaml": OBJECTS, "rules_test.yml": TESTS,
    "targets.yml": TARGETS, "alertmanager.yml": ALERTMANAGER,
}  # fmt: skip
#: Names that were none until Prometheus 3 and Alertmanager 0.27 took any UTF-8.
UTF8 = {
    "a label name that is none", "an external label that is none", "a name of a recording that is none",
    "an annotation name that is none", "groups by a name that is none",
}  # fmt: skip
ROWS = {"Debian's": ("promtool", "amtool"), "the newest": ("promtool_newest", "amtool_newest")}


@pytest.fixture(params=ROWS, ids=ROWS)
def checkers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    promtool, amtool = (str(request.getfixturevalue(name)) for name in ROWS[request.param])
    monkeypatch.setenv("OBSKIT_PROMTOOL", promtool)
    monkeypatch.setenv("OBSKIT_AMTOOL", amtool)
    return str(request.param)


def beside(folder: Path) -> None:
    """What the files name by relative paths."""
    (folder / "rules.yml").write_text(GROUP + "  - {alert: Down, expr: up == 0, for: 2m}\n")
    (folder / "broken.yml").write_text(GROUP + "  - {alert: Down, expr: up ==}\n")
    (folder / "bad.tmpl").write_text('{{ define "x" }}{{ if }}{{ end }}')


@pytest.mark.parametrize("name", KINDS)
def test_mistakes_are_refused_on_their_line(checkers: str, name: str, tmp_path: Path) -> None:
    wrong = {}
    for what, text in KINDS[name].items():
        beside(tmp_path)
        (tmp_path / name).write_text(text)
        (checked,) = check_files([tmp_path / name])
        found = [p for p in checked.problems if p.severity is Severity.ERROR]
        (expected,) = (at for at, line in enumerate(text.splitlines(), 1) if line.endswith(MARK))
        if what in UTF8 and checkers == "the newest":
            assert found == [], what
        elif expected not in [p.line for p in found]:
            wrong[what] = (f"line {expected}", [(p.line, p.message) for p in found])
    assert wrong == {}
