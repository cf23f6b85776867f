"""The words of every template, rendered by the real amtool: nothing in an alert becomes markup, nothing is too long."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from obskit import assets
from obskit.config import load
from obskit.schema import BUILTIN
from obskit.targets import create, sections
from obskit.targets.alertmanager.document import Document
from obskit.targets.alertmanager.routing import subtree, template_name

FORGED = 'a < b & <!channel> <@U1> [x](http://evil) **b** `c` <b>d</b> "q" 磁盘'
Render = Callable[..., str]


@pytest.fixture
def render(tmp_path: Path, amtool: Path) -> Render:
    """A function that renders a template of ours with some alerts."""
    source = assets.path("alertmanager/templates/obskit.tmpl").read_text()
    file = tmp_path / "obskit.tmpl"
    file.write_text(source.replace("[[ prefix ]]", "obskit.demo"))

    def run(name: str, alerts: list[dict[str, Any]], *, kind: str = "text") -> str:
        common = dict(alerts[0]["labels"])
        for item in alerts:
            common = {k: v for k, v in common.items() if item["labels"].get(k) == v}
        firing = any(item["status"] == "firing" for item in alerts)
        data = tmp_path / "data.json"
        data.write_text(
            json.dumps(
                {
                    "receiver": "r", "status": "firing" if firing else "resolved", "alerts": alerts,
                    "groupLabels": {}, "commonLabels": common, "commonAnnotations": {}, "externalURL": "http://a",
                }
            )
        )  # fmt: skip
        return subprocess.run(
            [amtool, "template", "render", f"--template.glob={file}", f"--template.type={kind}",
             f"--template.text={{{{ template \"obskit.demo.{name}\" . }}}}", f"--template.data={data}"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    return run


def alert(number: int = 0, status: str = "firing", **notes: str) -> dict[str, Any]:
    return {
        "status": status, "labels": {"alertname": "DiskFull", "host": f"db{number}", "severity": "warning"},
        "annotations": notes, "startsAt": "2026-01-02T03:04:05Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "", "fingerprint": f"{number}",
    }  # fmt: skip


def test_the_title_counts_what_fires_and_names_what_all_have_in_common(render: Render) -> None:
    ended = alert(1, "resolved")
    assert render("title", [alert(0), ended]).strip() == "[FIRING:1] DiskFull"
    ended["labels"] |= {"service": "pay", "environment": "prod"}
    assert render("title", [ended]).strip() == "[RESOLVED] DiskFull · pay (prod)"


@pytest.mark.parametrize(
    ("severity", "shown"), [("critical", "critical"), ("warning", "warning"), ("none", "info")]
)
def test_the_severity_is_one_that_pagerduty_knows(
    render: Render, severity: str, shown: str
) -> None:
    one = alert()
    one["labels"]["severity"] = severity
    assert render("severity", [one]).strip() == shown


def test_plain_text_has_every_line_that_there_is_and_none_for_what_is_not(render: Render) -> None:
    full = alert(
        0, summary="full", description="5 %\nleft", runbook_url="https://r", dashboard_url="https://d",
        trace_url="https://t",
    )  # fmt: skip
    lines = [line for line in render("text", [full, alert(1, "resolved")]).splitlines() if line]
    assert lines == [
        "full", "5 %", "left", "Runbook: https://r", "Dashboard: https://d", "Traces: https://t",
        "resolved: DiskFull",
    ]  # fmt: skip


def test_in_slack_an_alert_links_nowhere_and_mentions_nobody(render: Render) -> None:
    one = alert(summary=FORGED, description=FORGED, runbook_url="https://r/?a=1&b=2|x> <!here>")
    text = render("slack", [one])
    assert re.findall(r"<[^>]*>", text) == ["<https://r/?a=1&amp;b=2%7Cx%3E %3C!here%3E|Runbook>"]
    assert html.unescape(text).count(FORGED) == 2
    one["labels"]["alertname"] = "<!channel>"
    assert render("slack_title", [one]).strip() == "[FIRING:1] &lt;!channel&gt;"


@pytest.mark.parametrize("name", ["wechat", "markdown"])
def test_in_markdown_the_text_of_an_alert_is_no_markup(render: Render, name: str) -> None:
    one = alert(
        summary=FORGED, description="# " + FORGED, runbook_url="https://r/x) [y](http://evil"
    )
    text = render(name, [one])
    for forged in ("[x](", "<", "**b**", "`", "# "):
        assert forged not in text, forged
    assert re.findall(r"\]\(([^)]*)\)", text) == ["https://r/x%29%20%5By%5D%28http://evil"]
    assert "磁盘" in text


def test_telegrams_html_cannot_be_broken_by_an_alert(render: Render) -> None:
    one = alert(summary=FORGED, description=FORGED, runbook_url='https://r/"><b>')
    text = render("html", [one], kind="html")
    assert (
        re.sub(r' href="[^"<>]*"', "", "".join(re.findall(r"<[^>]*>", text)))
        == "<b></b><b></b><a></a>"
    )
    assert html.unescape(text).count(FORGED) == 2


def test_telegram_and_wechat_get_no_more_than_they_take(render: Render) -> None:
    """Alertmanager cuts Telegram's text at 4,096 characters, also within a tag; WeChat's not at all."""
    url = "https://runbooks.example/" + "x" * 120
    many = [
        alert(n, summary="磁" * 500, description="盘" * 500, runbook_url=url, dashboard_url=url, trace_url=url)
        for n in range(23)
    ]  # fmt: skip
    text = render("html", many, kind="html")
    assert len(text) <= 4096
    assert text.count("<b>") == text.count("</b>") == 6
    assert "the first 5 of 23 alerts" in text
    text = render("wechat", many)
    assert len(text.encode()) <= 2048
    assert "the first 3 of 23 alerts" in text
    few = render("html", many[:5], kind="html")
    assert "the first" not in few


def test_a_mail_shows_labels_and_the_time_of_the_beginning(render: Render) -> None:
    page = render("email", [alert(summary=FORGED)], kind="html")
    assert "alertname=DiskFull host=db0 severity=warning" in page
    assert "since 2026-01-02 03:04:05 UTC" in page
    assert html.escape("<b>d</b>") in page


EVERY_KIND = """\
project: demo
alertmanager:
  url: http://127.0.0.1:9
  file: alertmanager.yml
  version: "{version}"
  relay: http://127.0.0.1:9465
  relay_token: t
  receivers:
    - {{name: a, webhook: {{url: "http://h/s", token: t}}, slack: {{url: "http://h/s", channel: "#c"}}}}
    - {{name: b, email: {{to: a@b.c, from: d@e.f, smarthost: "h:25", username: u, password: p}}}}
    - {{name: c, pagerduty: {{routing_key: k}}, opsgenie: {{api_key: k, url: "http://h"}}}}
    - {{name: d, telegram: {{token: t, chat_id: 1, url: "http://h"}}, msteams: {{url: "http://h/t"}}}}
    - {{name: e, wechat: {{corp_id: c, agent_id: a, secret: s}}, feishu: {{url: "http://h/f"}}}}
    - {{name: f, wecom: {{url: "http://h/w"}}, dingtalk: {{url: "http://h/d", secret: s}}}}
"""


@pytest.mark.parametrize(
    ("version", "checker", "teams"),
    [("0.25", "amtool", "webhook_configs"), ("0.99", "amtool_newest", "msteamsv2_configs")],
)
def test_every_kind_of_receiver_is_accepted_by_the_checker_of_its_version(
    version: str, checker: str, teams: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    program: Path = request.getfixturevalue(checker)
    path = tmp_path / "obskit.yml"
    path.write_text(EVERY_KIND.format(version=version))
    made = create(load(path, sections()), BUILTIN)["alertmanager"]
    document = Document.read("route: {receiver: n}\nreceivers: [{name: n}]\n", where="")
    document.replace("demo", subtree(made.context.settings, made.settings, made.version), None)
    config = tmp_path / "alertmanager.yml"
    config.write_text(document.render())
    template = tmp_path / template_name("demo")
    template.parent.mkdir()
    template.write_text(made.templates)
    ran = subprocess.run([program, "check-config", config], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{teams}:" in config.read_text()
