"""Each platform's robot: what is posted, how it is signed, and what an answer means."""

from __future__ import annotations

import html
import json
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from obskit.config import Secret
from obskit.config.receivers import DingTalk, Feishu, MSTeams, WeCom
from obskit.delivery.http import Answer
from obskit.relay.message import Notification
from obskit.relay.robots import REGISTRY, Outcome, Robot
from obskit.relay.robots.dingtalk import DingTalkRobot
from obskit.relay.robots.feishu import FeishuRobot
from obskit.relay.robots.msteams import MSTeamsRobot
from obskit.relay.robots.wecom import WeComRobot
from obskit.relay.words import Words

NOW = 1_790_000_000.25
DING = DingTalkRobot(
    DingTalk(url=Secret("https://oapi.example/robot/send?access_token=tok123"), secret=Secret("SECabc"))
)  # fmt: skip
FEISHU = FeishuRobot(
    Feishu(url=Secret("https://open.example/open-apis/bot/v2/hook/0123456789abcdef-key"), secret=Secret("fs"))
)  # fmt: skip
WECOM = WeComRobot(WeCom(url=Secret("https://qyapi.example/cgi-bin/webhook/send?key=w-key-1")))
TEAMS = MSTeamsRobot(MSTeams(url=Secret("https://p.example/workflows/0123456789abcdef/x?sig=teams-sig")))  # fmt: skip
ROBOTS: list[Robot] = [DING, FEISHU, WECOM, TEAMS]


def openssl_hmac(key: bytes, message: bytes) -> str:
    """Base64 of HMAC-SHA256, by a program that is not ours."""
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"],
        input=message, capture_output=True, check=True,
    ).stdout  # fmt: skip
    encoded = subprocess.run(["openssl", "base64", "-A"], input=digest, capture_output=True)
    return encoded.stdout.decode().strip()


def words(body: bytes) -> Words:
    return Words.of(Notification.read(body))


def test_dingtalk_signs_timestamp_and_secret_with_the_secret(webhook: Callable[..., bytes]) -> None:
    request = DING.request(words(webhook()), NOW)
    query = parse_qs(urlsplit(request.url).query)
    assert query["timestamp"] == ["1790000000250"], "milliseconds"
    assert query["access_token"] == ["tok123"]
    assert query["sign"] == [openssl_hmac(b"SECabc", b"1790000000250\nSECabc")]


def test_feishu_signs_nothing_with_timestamp_and_secret(webhook: Callable[..., bytes]) -> None:
    body = json.loads(FEISHU.request(words(webhook()), NOW).body)
    assert body["timestamp"] == "1790000000", "seconds, as text"
    assert body["sign"] == openssl_hmac(b"1790000000\nfs", b"")


def test_a_robot_without_a_secret_is_not_signed(webhook: Callable[..., bytes]) -> None:
    for robot in (
        DingTalkRobot(DingTalk(url=Secret("https://h/send?access_token=t"))),
        FeishuRobot(Feishu(url=Secret("https://h/hook/t"))),
    ):
        request = robot.request(words(webhook()), NOW)
        assert "sign" not in request.url
        assert "sign" not in json.loads(request.body)
        assert "timestamp" not in json.loads(request.body)


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, body=raw, request="POST")


@pytest.mark.parametrize(
    ("robot", "given", "outcome"),
    [
        (DING, answer({"errcode": 0, "errmsg": "ok"}), Outcome.SENT),
        (DING, answer({"errcode": 130101, "errmsg": "send too fast"}), Outcome.THROTTLED),
        (DING, answer({"errcode": 310000, "errmsg": "sign not match"}), Outcome.REFUSED),
        (DING, answer({"errcode": 300001, "errmsg": "token is not exist"}), Outcome.REFUSED),
        (DING, answer({"errcode": -1, "errmsg": "system busy"}), Outcome.BUSY),
        (DING, answer(b"<html>sign in</html>"), Outcome.REFUSED),
        (DING, answer({"errmsg": "ok"}), Outcome.REFUSED),
        (WECOM, answer({"errcode": 0, "errmsg": "ok"}), Outcome.SENT),
        (WECOM, answer({"errcode": 45009, "errmsg": "api freq out of limit"}), Outcome.THROTTLED),
        (WECOM, answer({"errcode": 93000, "errmsg": "invalid webhook url"}), Outcome.REFUSED),
        (WECOM, answer({"errcode": -1, "errmsg": "busy"}), Outcome.BUSY),
        (FEISHU, answer({"code": 0, "msg": "success"}), Outcome.SENT),
        (FEISHU, answer({"StatusCode": 0, "StatusMessage": "success"}), Outcome.SENT),
        (FEISHU, answer({"code": 11232, "msg": "frequency limited"}), Outcome.THROTTLED),
        (FEISHU, answer({"code": 99991400, "msg": "too many"}, status=400), Outcome.THROTTLED),
        (FEISHU, answer({"code": 19021, "msg": "sign match fail"}), Outcome.REFUSED),
        (FEISHU, answer({"code": 9499, "msg": "Bad Request"}, status=400), Outcome.REFUSED),
        (FEISHU, answer({"code": 9499, "msg": "Too Many Requests"}), Outcome.THROTTLED),
        (FEISHU, answer({"code": 2200, "msg": "internal error"}), Outcome.BUSY),
        (DING, answer({"errcode": 90030, "errmsg": "webhook over limit"}), Outcome.THROTTLED),
        (TEAMS, answer(b"", status=202), Outcome.SENT),
        (TEAMS, answer(b"1"), Outcome.SENT),
        (TEAMS, answer(b"Webhook message delivery failed with error: Microsoft Teams endpoint "
                       b"returned HTTP error 429 with ContextId x"), Outcome.THROTTLED),
        (TEAMS, answer(b"Webhook message delivery failed with error: ... HTTP error 413"), Outcome.REFUSED),
        (TEAMS, answer({"error": "no such workflow"}, status=404), Outcome.REFUSED),
    ],
)  # fmt: skip
def test_an_answer_of_200_is_success_only_where_the_body_says_so(
    robot: Robot, given: Answer, outcome: Outcome
) -> None:
    assert robot.verdict(given).outcome is outcome


@pytest.mark.parametrize("robot", ROBOTS)
def test_http_statuses_mean_the_same_everywhere(robot: Robot) -> None:
    assert robot.verdict(answer(b"", status=429, retry_after="7")).wait == 7.0
    assert robot.verdict(answer(b"", status=429)).outcome is Outcome.THROTTLED
    for status in (500, 502, 503, 408):
        assert robot.verdict(answer(b"", status=status)).outcome is Outcome.BUSY
    for status in (301, 401, 403, 404):
        assert robot.verdict(answer(b"{}", status=status)).outcome is Outcome.REFUSED


@pytest.mark.parametrize("robot", ROBOTS)
def test_no_part_of_an_address_or_secret_survives_the_scrubbing(robot: Robot) -> None:
    secrets = [robot.url.reveal(), urlsplit(robot.url.reveal()).query]
    secrets += [value for _, value in (p.split("=") for p in secrets[1].split("&") if p)]
    if robot is FEISHU:
        secrets.append("0123456789abcdef-key")
    if robot is DING:
        secrets.append("SECabc")
    text = robot.scrub(" and ".join(["send too fast", *secrets]))
    assert text.startswith("send too fast")
    for secret in secrets:
        assert not secret or secret not in text


FORGED = "[pay](http://evil) ![x](http://evil/i.png) <at id=all></at> <@all> <font color=red> **bold** `code` # h"


@pytest.mark.parametrize("robot", [DING, WECOM, FEISHU])
def test_the_text_of_an_alert_becomes_no_link_image_mention_or_tag(
    robot: Robot, webhook: Callable[..., bytes]
) -> None:
    labels = {"alertname": FORGED, "service": "<@all>"}
    alert = {
        "status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z",
        "annotations": {"summary": FORGED, "description": f"{FORGED}\n{FORGED}",
                        "runbook_url": "javascript:alert(1)", "dashboard_url": "https://g/d/x) [y](http://evil"},
    }  # fmt: skip
    payload = robot.payload(words(webhook(alerts=[alert], common=labels)))
    if robot is FEISHU:
        text = payload["card"]["elements"][0]["content"]
    else:
        text = payload["markdown"].get("text") or payload["markdown"]["content"]
    text = text.removeprefix('<font color="warning">').replace("</font>", "", 1)
    for forged in ("](http://evil", "<at", "<@", "<font", "`", "**bold", "# h", "](javascript"):
        assert forged not in text, forged
    assert "https://g/d/x%29%20%5By%5D%28http://evil" in text
    if robot is FEISHU:
        assert html.unescape(text).count(FORGED) >= 3, "the words are all there"


def test_a_card_of_teams_has_the_text_in_runs_that_know_no_markdown(
    webhook: Callable[..., bytes],
) -> None:
    alert = {"status": "firing", "labels": {}, "startsAt": "2026-01-01T00:00:00Z",
             "annotations": {"summary": FORGED, "runbook_url": "https://r/a) [y](http://evil)"}}  # fmt: skip
    card = TEAMS.payload(words(webhook(alerts=[alert])))["attachments"][0]["content"]
    rich = [block for block in card["body"] if block["type"] == "RichTextBlock"]
    assert {run["type"] for block in rich for run in block["inlines"]} == {"TextRun"}
    assert FORGED in [run["text"] for block in rich for run in block["inlines"]]
    (links,) = [block["text"] for block in card["body"] if block["type"] == "TextBlock"]
    assert links == "[Runbook](https://r/a%29%20%5By%5D%28http://evil%29)"
    assert "entities" not in card.get("msteams", {})


def test_characters_that_hide_or_turn_text_are_removed(webhook: Callable[..., bytes]) -> None:
    alert = {"status": "firing", "labels": {}, "startsAt": "2026-01-01T00:00:00Z",
             "annotations": {"summary": "ab\u202ecd\u200b\x00\x1b[31m e\nf"}}  # fmt: skip
    assert words(webhook(alerts=[alert])).blocks[0].summary == "abcd[31m e f"


def test_people_are_mentioned_while_it_fires_and_not_when_it_ends(
    webhook: Callable[..., bytes],
) -> None:
    ding = DingTalkRobot(DingTalk(url=Secret("https://h/s"), mobiles=("13800000000", "@all")))
    firing, ended = ding.payload(words(webhook())), ding.payload(words(webhook(status="resolved")))
    assert firing["at"] == {"atMobiles": ["13800000000"], "isAtAll": True}
    assert firing["markdown"]["text"].endswith("\n\n@13800000000")
    assert ended["at"] == {"atMobiles": [], "isAtAll": False}
    wecom = WeComRobot(WeCom(url=Secret("https://h/s"), mobiles=("@all",)))
    firing, ended = (
        wecom.payload(words(webhook(status=status))) for status in ("firing", "resolved")
    )
    assert firing["msgtype"] == "text"
    assert firing["text"]["mentioned_mobile_list"] == ["@all"]
    assert ended["text"]["mentioned_mobile_list"] == []


def test_the_words_are_those_of_the_templates(webhook: Callable[..., bytes]) -> None:
    alert = {
        "status": "resolved", "labels": {"alertname": "A"}, "startsAt": "2026-01-01T00:00:00Z",
        "annotations": {"description": "one\ntwo", "runbook_url": "https://r/a?b=1&c=2", "trace_url": "https://t/1"},
    }  # fmt: skip
    common = {"alertname": "A", "service": "s", "environment": "prod", "severity": "warning"}
    told = words(webhook(status="resolved", alerts=[alert], common=common))
    assert told.title == "[RESOLVED] A · s (prod)"
    assert told.severity == "warning"
    text = DING.payload(told)["markdown"]["text"]
    assert text == (
        "**［RESOLVED］ A · s (prod)**\n\nresolved: **A**\n\none\n\ntwo\n\n"
        "[Runbook](https://r/a?b=1&c=2) [Traces](https://t/1)"
    )


def test_every_kind_that_no_alertmanager_knows_has_a_robot() -> None:
    from obskit.config.receivers import RELAYED

    assert RELAYED.issubset(REGISTRY)
