"""Routes: who gets what, as the real amtool says, on generated trees and labels."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
import yaml

from obskit.config import load
from obskit.errors import ObskitError, Severity
from obskit.schema import BUILTIN
from obskit.targets import create, sections
from obskit.targets.alertmanager.document import Document
from obskit.targets.alertmanager.routing import subtree
from obskit.targets.alertmanager.tree import parse_matchers, receivers_of

CONFIG = """\
project: demo
environment: prod
alertmanager:
  url: http://127.0.0.1:9
  file: alertmanager.yml
  version: "0.25"
  relay: http://127.0.0.1:9095
  receivers:
    - {name: oncall, webhook: {url: "http://h/secret"}}
    - {name: mail, email: {to: a@b.c, from: d@e.f, smarthost: "h:25", username: u, password: p}}
    - {name: chat, slack: {url: "http://h/s"}, dingtalk: {url: "http://h/d?access_token=t", secret: s}}
    - {name: teams, msteams: {url: "http://h/t"}}
    - {name: pager, pagerduty: {routing_key: k}, opsgenie: {api_key: k}, telegram: {token: t, chat_id: 1}}
    - {name: wx, wechat: {corp_id: c, agent_id: a, secret: s}, feishu: {url: "http://h/f"}, wecom: {url: "http://h/w"}}
  mute_timings:
    nights: [{times: [{start_time: "22:00", end_time: "24:00"}], weekdays: ["monday:friday"]}]
  routes:
    - match: {severity: critical}
      receiver: pager
      continue: true
    - match: {service: "~pay.*|cart", severity: "!info"}
      receiver: chat
      routes:
        - {match: {team: a}, receiver: mail, mute: [nights]}
        - {match: {team: "!~a|b"}, receiver: teams, repeat_interval: 1h, group_by: [alertname]}
    - match: {environment: staging}
      receiver: wx
"""


def target(tmp_path: Path, text: str = CONFIG):
    path = tmp_path / "obskit.yml"
    path.write_text(text)
    return create(load(path, sections()), BUILTIN)["alertmanager"]


def whole(made) -> str:
    document = Document.read(
        "route:\n  receiver: others\n  routes:\n    - {receiver: others, matchers: ['team=\"x\"']}\n"
        "receivers:\n  - name: others\n",
        where="",
    )
    document.replace("demo", subtree(made.context.settings, made.settings, made.version), None)
    return document.render()


def test_amtool_accepts_every_kind_of_receiver(tmp_path: Path, amtool: Path) -> None:
    found = [item for item in target(tmp_path).check() if item.severity is Severity.ERROR]
    assert found == []


def test_what_a_version_lacks_goes_through_the_relay(tmp_path: Path) -> None:
    def config(version: str) -> dict:
        made = target(tmp_path, CONFIG.replace('version: "0.25"', f'version: "{version}"'))
        data = subtree(made.context.settings, made.settings, made.version)
        return {item["name"].rsplit("/", 1)[-1]: item for item in data["receivers"]}

    old, new = config("0.25"), config("0.28.0")
    assert (
        old["teams"]["webhook_configs"][0]["url"] == "http://127.0.0.1:9095/v1/demo/teams/msteams"
    )
    assert "msteamsv2_configs" in new["teams"]
    for both in (old, new):
        assert both["chat"]["webhook_configs"][0]["url"].endswith("/v1/demo/chat/dingtalk")


def test_every_mistake_in_the_routes_is_told(tmp_path: Path) -> None:
    text = (
        CONFIG.replace("receiver: pager\n", "receiver: pagr\n", 1)
        .replace("mute: [nights]", "mute: [night]")
        .replace("  relay: http://127.0.0.1:9095\n", "")
        .replace("~pay.*|cart", "~pay(")
    )
    found = "\n".join(item.message for item in target(tmp_path, text).check())
    assert (
        "alertmanager.routes[0].receiver: no receiver is named 'pagr' (did you mean 'pager'?)"
        in found
    )
    assert (
        "routes[1].routes[0].mute: no mute timing is named 'night' (did you mean 'nights'?)"
        in found
    )
    assert "is no regular expression" in found
    assert "receivers: teams: an Alertmanager 0.25 has no msteams: set alertmanager.relay" in found


def test_a_receiver_needs_a_way(tmp_path: Path) -> None:
    with pytest.raises(ObskitError, match="needs a way to be told"):
        target(
            tmp_path,
            "project: a\nalertmanager: {url: 'http://h', file: f, receivers: [{name: x}]}\n",
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('severity="critical"', [("severity", "=", "critical")]),
        ("severity = critical", [("severity", "=", "critical")]),
        ('{a=~"x|y", b!="z,\\"q\\""}', [("a", "=~", "x|y"), ("b", "!=", 'z,"q"')]),
        ("a!~b.*", [("a", "!~", "b.*")]),
        ('a=""', [("a", "=", "")]),
    ],
)
def test_matchers_are_read_as_alertmanager_reads_them(text: str, expected) -> None:
    assert [(m.name, m.sign, m.value) for m in parse_matchers(text)] == expected


def test_a_text_that_is_no_matcher_is_refused() -> None:
    with pytest.raises(ObskitError, match="is no matcher"):
        parse_matchers("severity critical")


def test_routes_agree_with_amtool_on_generated_labels(tmp_path: Path, amtool: Path) -> None:
    """1,000 label sets: the routes of this file with those of another team around them."""
    text = whole(target(tmp_path))
    file = tmp_path / "whole.yml"
    file.write_text(text)
    config = yaml.safe_load(text)
    rng = random.Random(20231110)
    values = {
        "severity": ["critical", "warning", "info", ""],
        "service": ["payment", "pay", "cart", "cart2", "user", ""],
        "team": ["a", "b", "c", "x", ""],
        "environment": ["prod", "staging", ""],
        "obskit_project": ["demo", "other", ""],
        "obskit_proof": ["demo", "", "", ""],
        "obskit_receiver": ["oncall", "chat", "", ""],
        "odd": ['va"lue', "with space", "üñï", ""],
    }
    seen: dict[tuple, list[str]] = {}
    differ = []
    for _ in range(1000):
        labels = {name: rng.choice(options) for name, options in values.items()}
        labels = {name: value for name, value in labels.items() if value}
        key = tuple(sorted(labels.items()))
        ours = [item.receiver for item in receivers_of(config, labels)]
        if key not in seen:
            quoted = [f'{k}="{v.replace(chr(34), chr(92) + chr(34))}"' for k, v in labels.items()]
            done = subprocess.run(
                [str(amtool), "config", "routes", "test", f"--config.file={file}", *quoted],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            seen[key] = done.stdout.strip().split(",")
        if ours != seen[key]:
            differ.append((labels, ours, seen[key]))
    assert differ == []
    assert len({tuple(found) for found in seen.values()}) > 10, "the trees were really walked"
