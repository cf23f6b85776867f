"""Everything that an alert can be sent to, on the loopback: what the tests of receivers share."""

from __future__ import annotations

import email.policy
import textwrap
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

from obskit.config.receivers import KINDS
from obskit.local import server as local
from tests.servers.robot import Platform, Received

PROJECT = "demo"
SUMMARY = 'Disk <b>full</b> & "hot" on [db](http://evil) 磁盘'
DESCRIPTION = "5 % left > 3 %\n<at id=all></at> <@everybody>"
RUNBOOK = "https://runbooks.example/disk?a=1&b=2"
RELAY_TOKEN = "relay-token-of-the-tests"


class Mailbox:
    """Keeps what an SMTP server on the loopback is sent."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        del server, session
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return "250 OK"


def answer_as_platform(one: Received) -> Any:
    kind = one.path.split("/")[1].split("?")[0]
    if kind == "slack":
        # As an incoming webhook of Slack's does. Alertmanager 0.34 looks for "ok" in JSON, too, and counts
        # another platform's as refused: it then never tells that the alert is resolved.
        return "ok"
    if kind == "wechat" and "gettoken" in one.path:
        return {"errcode": 0, "errmsg": "ok", "access_token": "of-the-hour", "expires_in": 7200}
    if kind == "telegram":
        chat = {"id": 42, "type": "private"}
        return {"ok": True, "result": {"message_id": 1, "date": 1, "chat": chat}}
    return {"errcode": 0, "code": 0, "StatusCode": 0, "errmsg": "ok", "status": "success"}


class World:
    """Alertmanager, the platforms, the mail server and the relay."""

    def __init__(self, alertmanager: local.Running, there: Platform, mailbox: Mailbox) -> None:
        self.alertmanager, self.platform, self.mailbox = alertmanager, there, mailbox

    def send(self, *alerts: dict[str, Any]) -> None:
        answer = httpx.post(f"{self.alertmanager.url}/api/v2/alerts", json=list(alerts))
        assert answer.status_code == 200, answer.text

    def got(self, kind: str, part: str = "") -> list[Received]:
        with self.platform.changed:
            return [
                one for one in self.platform.received
                if one.path.startswith(f"/{kind}") and "gettoken" not in one.path
                and part in one.raw.decode() + one.path
            ]  # fmt: skip

    def wait(self, kind: str, part: str = "", count: int = 1) -> list[Received]:
        end = time.monotonic() + 20
        while len(found := self.got(kind, part)) < count:
            assert time.monotonic() < end, (kind, part, [one.raw for one in self.got(kind)])
            time.sleep(0.05)
        return found

    def mail(self, part: str) -> EmailMessage:
        end = time.monotonic() + 20
        while not (found := [m for m in self.mailbox.mails if part in m["Subject"]]):
            assert time.monotonic() < end, [m["Subject"] for m in self.mailbox.mails]
            time.sleep(0.05)
        return found[0]


def config(there: Platform, smtp: int, relay: str, alertmanager: local.Running) -> str:
    url = there.url
    return textwrap.dedent(f"""\
        project: {PROJECT}
        verify: {{receiver: "{url}/proof"}}
        alertmanager:
          url: {alertmanager.url}
          file: {alertmanager.addresses["file"]}
          relay: {relay}
          relay_token: {RELAY_TOKEN}
          group_wait: 500ms
          group_interval: 1s
          receivers:
            - name: webhook
              webhook: {{url: "{url}/webhook", token: hook-token}}
            - name: email
              email:
                {{to: "oncall@example.org", from: "obskit@example.org", smarthost: "127.0.0.1:{smtp}",
                 require_tls: false}}
            - name: slack
              slack: {{url: "{url}/slack/T/B/xyz", channel: "#alerts"}}
            - name: pagerduty
              pagerduty: {{routing_key: pager-key, url: "{url}/pagerduty/v2/enqueue"}}
            - name: opsgenie
              opsgenie: {{api_key: genie-key, url: "{url}/opsgenie"}}
            - name: telegram
              telegram: {{token: "123:bot", chat_id: 42, url: "{url}/telegram"}}
            - name: wechat
              wechat: {{corp_id: corp, agent_id: "7", secret: wechat-secret, to_user: "@all", url: "{url}/wechat"}}
            - name: msteams
              msteams: {{url: "{url}/msteams/hook-of-the-channel"}}
            - name: dingtalk
              dingtalk:
                {{url: "{url}/dingtalk/send?access_token=ding-token", secret: SEC-ding,
                 mobiles: ["13800000000"]}}
            - name: feishu
              feishu: {{url: "{url}/feishu/open-apis/bot/v2/hook/the-key-of-feishu", secret: SEC-feishu}}
            - name: wecom
              wecom: {{url: "{url}/wecom/send?key=wecom-key"}}
          routes:
        """) + "".join(f"    - {{match: {{to: {kind}}}, receiver: {kind}}}\n" for kind in KINDS)


def ready(url: str, log: Path) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def alert(kind: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """An alert that the project's routes lead to the receiver of a kind."""
    return {
        "labels": {
            "alertname": "DiskFull", "service": "user-service", "environment": "prod", "severity": "critical",
            "obskit_project": PROJECT, "to": kind, "host": f"db{number}",
        },
        "annotations": {
            "summary": SUMMARY, "description": DESCRIPTION, "runbook_url": RUNBOOK,
            "dashboard_url": "https://grafana.example/d/obskit-node",
        },
        **more,
    }  # fmt: skip


def fire(world: World) -> None:
    """Two alerts for each receiver fire, and end when all were told.

    They begin a moment from now: what began longer ago than ``group_wait`` is told at once, the first of two
    without the second.
    """
    world.started = datetime.now(UTC) + timedelta(seconds=2)
    started = world.started.isoformat()
    world.send(*(alert(kind, number, startsAt=started) for kind in KINDS for number in (1, 2)))
    for kind in KINDS:
        if kind == "email":
            world.mail("FIRING")
        else:
            world.wait(kind)
    ended = max(datetime.now(UTC), world.started).isoformat()
    world.send(
        *(
            alert(kind, number, startsAt=started, endsAt=ended)
            for kind in KINDS
            for number in (1, 2)
        )
    )
