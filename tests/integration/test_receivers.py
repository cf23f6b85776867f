"""What a real Alertmanager sends to a receiver of every kind, provisioned from an obskit.yml.

Platforms are stood in for by HTTP servers on the loopback that answer as they do; mail by a real SMTP
server; robots are told by a real relay process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from aiosmtpd.controller import Controller

from obskit.config import load
from obskit.config.receivers import KINDS
from obskit.engine.execute import State, apply
from obskit.local import server as local
from obskit.local.alertmanager import Alertmanager
from obskit.schema import BUILTIN
from obskit.targets import create, sections, stack
from tests.conftest import Generation
from tests.servers.receivers_rig import (
    PROJECT,
    RELAY_TOKEN,
    RUNBOOK,
    SUMMARY,
    Mailbox,
    World,
    alert,
    answer_as_platform,
    config,
    fire,
    ready,
)
from tests.servers.robot import platform

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("receivers")]


@pytest.fixture(scope="module")
def world(
    module_servers: Callable[..., local.Running],
    tmp_path_factory: pytest.TempPathFactory,
    generation: Generation,
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("receivers")
    alertmanager = module_servers(Alertmanager(version=generation.alertmanager))
    mailbox = Mailbox()
    smtp = Controller(mailbox, hostname="127.0.0.1", port=local.free_port())
    relay = f"127.0.0.1:{local.free_port()}"
    with platform(handle=answer_as_platform) as there:
        smtp.start()
        file = folder / "obskit.yml"
        file.write_text(config(there, smtp.port, f"http://{relay}", alertmanager))
        log = folder / "relay.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "obskit", "relay", "-f", str(file), "--listen", relay,
                 "--queue", str(folder / "relay.sqlite")],
                stdout=stream, stderr=stream,
            )  # fmt: skip
        try:
            targets = create(load(file, sections()), BUILTIN)
            outcomes = apply(stack.plan(targets, PROJECT), targets)
            assert [str(o.error) for o in outcomes if o.state is not State.DONE] == []
            ready(f"http://{relay}/-/ready", log)
            made = World(alertmanager, there, mailbox)
            made.relay, made.folder, made.log = f"http://{relay}", folder, log
            made.targets, made.alertmanager_version = targets, generation.alertmanager
            fire(made)
            yield made
        finally:
            process.terminate()
            process.wait(20)
            smtp.stop()


TITLE = "[FIRING:2] DiskFull · user-service (prod)"
RESOLVED = "[RESOLVED] DiskFull · user-service (prod)"


def test_a_webhook_gets_alertmanagers_json_with_the_token(world: World) -> None:
    (firing,) = world.wait("webhook", '"status":"firing","labels"')
    assert firing.headers["authorization"] == "Bearer hook-token"
    assert firing.body["receiver"] == "obskit/demo/webhook"
    assert firing.body["version"] == "4"
    assert [one["annotations"]["summary"] for one in firing.body["alerts"]] == [SUMMARY] * 2
    (resolved,) = [one for one in world.wait("webhook", "", 2) if one.body["status"] == "resolved"]
    assert {one["status"] for one in resolved.body["alerts"]} == {"resolved"}


def test_a_mail_has_text_and_html_and_nothing_of_an_alert_is_markup(world: World) -> None:
    mail = world.mail("FIRING")
    assert mail["Subject"] == TITLE
    assert (mail["To"], mail["From"]) == ("oncall@example.org", "obskit@example.org")
    text = mail.get_body(("plain",)).get_content()
    assert SUMMARY in text
    assert f"Runbook: {RUNBOOK}" in text
    page = mail.get_body(("html",)).get_content()
    assert "<b>full</b>" not in page
    assert SUMMARY in html.unescape(page)
    assert f'<a href="{html.escape(RUNBOOK)}">Runbook</a>' in page
    assert "host=db1" in page
    assert f"{world.started:%Y-%m-%d %H:%M:%S} UTC" in page
    resolved = world.mail("RESOLVED")
    assert resolved["Subject"] == RESOLVED
    assert f"resolved: {SUMMARY}" in resolved.get_body(("plain",)).get_content()


def test_slack_gets_an_attachment_in_the_colour_of_the_status(world: World) -> None:
    firing, resolved = (one.body for one in world.wait("slack", "", 2))
    (item,) = firing["attachments"]
    assert firing["channel"] == "#alerts"
    assert (item["title"], item["color"]) == (TITLE, "danger")
    assert "<http://evil" not in item["text"]
    assert "<@everybody>" not in item["text"], "nobody is mentioned by an alert"
    assert "&lt;@everybody&gt;" in item["text"]
    assert html.unescape(item["text"]).count(f"*{SUMMARY}*") == 2
    assert f"<{html.escape(RUNBOOK)}|Runbook>" in item["text"]
    (item,) = resolved["attachments"]
    assert (item["title"], item["color"]) == (RESOLVED, "good")
    assert item["text"].startswith(":white_check_mark:")


def test_pagerduty_is_triggered_and_resolved_under_one_key(world: World) -> None:
    firing, resolved = (one.body for one in world.wait("pagerduty", "", 2))
    assert (firing["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert firing["dedup_key"] == resolved["dedup_key"]
    assert firing["routing_key"] == "pager-key"
    assert firing["payload"]["summary"] == TITLE
    assert firing["payload"]["severity"] == "critical"
    assert SUMMARY in firing["payload"]["custom_details"]["firing"]


def test_opsgenie_is_opened_and_closed_under_one_alias(world: World) -> None:
    firing, resolved = world.wait("opsgenie", "", 2)
    assert firing.path == "/opsgenie/v2/alerts"
    assert firing.headers["authorization"] == "GenieKey genie-key"
    assert (firing.body["message"], firing.body["priority"]) == (TITLE, "P1")
    assert SUMMARY in firing.body["description"]
    assert resolved.path == f"/opsgenie/v2/alerts/{firing.body['alias']}/close?identifierType=alias"


def test_telegram_gets_html_that_an_alert_cannot_break(world: World) -> None:
    firing, resolved = world.wait("telegram", "", 2)
    assert firing.path == "/telegram/bot123:bot/sendMessage"
    assert str(firing.body["chat_id"]) == "42"
    assert firing.body["parse_mode"] == "HTML"
    text = firing.body["text"]
    assert f"<b>{TITLE}</b>" in text
    assert "<b>full</b>" not in text
    assert html.unescape(text).count(SUMMARY) == 2
    assert f'<a href="{html.escape(RUNBOOK)}">Runbook</a>' in text
    assert "resolved: <b>" in resolved.body["text"]


def test_wechat_gets_its_message_with_the_token_of_the_hour(world: World) -> None:
    firing, resolved = world.wait("wechat", "", 2)
    assert "access_token=of-the-hour" in firing.path
    content = firing.body["markdown"]["content"]
    assert firing.body["msgtype"] == "markdown"
    assert (firing.body["touser"], firing.body["agentid"]) == ("@all", "7")
    assert content.startswith(TITLE)
    assert "磁盘" in content
    assert RESOLVED in resolved.body["markdown"]["content"]


def test_dingtalk_is_signed_and_told_in_markdown(world: World) -> None:
    firing, resolved = world.wait("dingtalk", "", 2)
    assert firing.query["access_token"] == "ding-token"
    text = f"{firing.query['timestamp']}\nSEC-ding".encode()
    sign = base64.b64encode(hmac.digest(b"SEC-ding", text, hashlib.sha256)).decode()
    assert firing.query["sign"] == sign
    assert abs(int(firing.query["timestamp"]) / 1000 - time.time()) < 120
    body = firing.body
    assert (body["msgtype"], body["markdown"]["title"]) == ("markdown", TITLE)
    assert body["at"] == {"atMobiles": ["13800000000"], "isAtAll": False}
    assert "@13800000000" in body["markdown"]["text"]
    assert "[db](" not in body["markdown"]["text"]
    assert f"[Runbook]({RUNBOOK})" in body["markdown"]["text"]
    assert resolved.body["markdown"]["title"] == RESOLVED
    assert resolved.body["at"]["atMobiles"] == []


def test_feishu_is_signed_and_told_by_a_card(world: World) -> None:
    firing, resolved = (one.body for one in world.wait("feishu", "", 2))
    key = f"{firing['timestamp']}\nSEC-feishu".encode()
    assert firing["sign"] == base64.b64encode(hmac.digest(key, b"", hashlib.sha256)).decode()
    header = firing["card"]["header"]
    assert (header["title"]["content"], header["template"]) == (TITLE, "red")
    content = firing["card"]["elements"][0]["content"]
    assert "<at" not in content
    assert html.unescape(content).count(SUMMARY) == 2
    assert resolved["card"]["header"]["template"] == "green"


def test_wecom_is_told_in_markdown_that_mentions_nobody(world: World) -> None:
    firing, resolved = world.wait("wecom", "", 2)
    assert firing.query == {"key": "wecom-key"}
    content = firing.body["markdown"]["content"]
    assert content.startswith('<font color="warning">**［FIRING:2］ DiskFull · user-service (prod)')
    assert "<@" not in content
    assert resolved.body["markdown"]["content"].startswith('<font color="info">')


def test_teams_gets_an_adaptive_card(world: World) -> None:
    """By Alertmanager itself where it has the card of the workflows (0.28), else by the relay."""
    firing, resolved = (one.body for one in world.wait("msteams", "", 2))
    (attachment,) = firing["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    runs = [run for block in card["body"] for run in block.get("inlines", [block])]
    assert runs[0]["text"] == TITLE
    resolved_card = resolved["attachments"][0]["content"]["body"][0]
    if world.alertmanager_version:
        assert runs[0]["color"] == "Attention"
        text = runs[1]["text"]
        # Markdown, in which nothing of an alert may be a tag, a mention or a link.
        assert text.count('Disk ＜b＞full＜/b＞ & "hot" on ［db］(http://evil) 磁盘') == 2
        assert "＜at id=all＞＜/at＞ ＜@everybody＞" in text
        assert resolved_card["color"] == "Good"
        metrics = httpx.get(f"{world.relay}/metrics").text
        place = '{kind="msteams",project="demo",receiver="msteams"}'
        assert f"obskit_relay_received_total{place} 0.0" in metrics, "not by the relay as well"
    else:
        texts = [run["text"] for run in runs]
        assert texts.count(SUMMARY) == 2
        text = texts[3]
        assert resolved_card["inlines"][0]["color"] == "good"
    assert f"[Runbook]({RUNBOOK})" in text


@pytest.mark.parametrize("kind", ["slack", "dingtalk"])
def test_the_labels_of_a_trial_reach_the_receiver_and_the_proof(world: World, kind: str) -> None:
    labels = {"alertname": f"Trial{kind}", "obskit_proof": PROJECT, "obskit_receiver": kind}
    world.send({"labels": labels})
    (one,) = world.wait(kind, f"Trial{kind}")
    assert f"[FIRING:1] Trial{kind}" in one.raw.decode()
    world.wait("proof", f"Trial{kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_each_way_is_counted_under_the_name_that_obskit_asks_for(world: World, kind: str) -> None:
    """``alerts test`` reads these counters: another name would count nothing for ever."""
    metrics = httpx.get(f"{world.alertmanager.url}/metrics").text
    for name in world.targets["alertmanager"].integrations(kind):
        counted = re.findall(
            rf'^alertmanager_notifications_total{{.*integration="{name}".*}} (\d+)', metrics, re.M
        )
        assert counted, name
        assert max(int(float(count)) for count in counted) > 0, name


def test_every_notification_was_told_once_and_counted(world: World) -> None:
    for kind in ("dingtalk", "feishu", "wecom", "msteams"):
        world.wait(kind, "", 2)
    end = time.monotonic() + 10
    while True:
        lines = httpx.get(f"{world.relay}/metrics").text.splitlines()
        metrics = {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in lines
            if line[:1] != "#"
        }
        place = '{kind="feishu",project="demo",receiver="feishu"}'
        if metrics[f"obskit_relay_sent_total{place}"] == 2:
            break
        assert time.monotonic() < end, metrics
        time.sleep(0.1)
    assert metrics[f"obskit_relay_received_total{place}"] == 2
    assert metrics[f"obskit_relay_queue_depth{place}"] == 0
    assert len(world.got("feishu")) == 2


def test_what_two_alertmanagers_send_is_told_once(
    world: World, module_servers: Callable[..., local.Running]
) -> None:
    """Two of a cluster that lost sight of each other: each sends, the robot is told once."""
    file = Path(world.alertmanager.addresses["file"])
    config = file.read_text().replace(" templates/", f" {file.parent}/templates/")
    twin = module_servers(
        Alertmanager(config=config, name="alertmanager-twin", version=world.alertmanager_version)
    )
    again = {**alert("feishu"), "startsAt": "2026-02-03T04:05:06Z"}
    again["labels"] = {**again["labels"], "alertname": "OfBoth"}
    for url in (world.alertmanager.url, twin.url):
        assert httpx.post(f"{url}/api/v2/alerts", json=[again]).status_code == 200
    place = '{kind="feishu",project="demo",receiver="feishu"}'
    end = time.monotonic() + 20
    while (
        f"obskit_relay_deduplicated_total{place} 1.0"
        not in httpx.get(f"{world.relay}/metrics").text
    ):
        assert time.monotonic() < end, httpx.get(f"{world.relay}/metrics").text
        time.sleep(0.1)
    assert len(world.wait("feishu", "OfBoth")) == 1


def test_a_second_plan_finds_nothing_to_do(world: World) -> None:
    assert stack.plan(world.targets, PROJECT).changes == ()


def test_no_secret_is_in_the_relays_log_or_queue(world: World) -> None:
    world.wait("dingtalk", "", 2)
    written = world.log.read_bytes() + b"".join(
        path.read_bytes() for path in world.folder.glob("relay.sqlite*")
    )
    for secret in (b"ding-token", b"SEC-ding", b"the-key-of-feishu", b"SEC-feishu", b"wecom-key",
                   b"hook-of-the-channel", RELAY_TOKEN.encode()):  # fmt: skip
        assert secret not in written


def test_the_relay_refuses_who_has_no_token(world: World) -> None:
    answer = httpx.post(f"{world.relay}/v1/demo/dingtalk/dingtalk", content=b"{}")
    assert (answer.status_code, answer.json()) == (401, {"error": "carries no valid token"})
