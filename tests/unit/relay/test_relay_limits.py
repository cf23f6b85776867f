"""What is too long is cut by bytes, on the boundary of an alert, and never beyond what a platform takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obskit.config import Secret
from obskit.config.receivers import DingTalk, Feishu, MSTeams, WeCom
from obskit.relay.message import Notification
from obskit.relay.robots import Robot
from obskit.relay.robots.dingtalk import DingTalkRobot
from obskit.relay.robots.feishu import FeishuRobot
from obskit.relay.robots.msteams import MSTeamsRobot
from obskit.relay.robots.wecom import WeComRobot
from obskit.relay.words import Words


def card_text(card: Any) -> str:
    runs = [run for block in card["body"] for run in block.get("inlines", [block])]
    return "\n".join(run["text"] for run in runs)


URL = Secret("https://h/send?key=0123456789")
#: Robot, and the most bytes that its platform documents, of what is measured here by other means.
ROBOTS: dict[str, tuple[Robot, int, Callable[[Any], str]]] = {
    "dingtalk": (DingTalkRobot(DingTalk(url=URL, secret=Secret("s"), mobiles=("1", "@all"))), 20_000,
                 lambda body: body["markdown"]["text"]),
    "feishu": (FeishuRobot(Feishu(url=URL, secret=Secret("s"))), 20 * 1024,
               lambda body: body["card"]["elements"][0]["content"]),
    "wecom": (WeComRobot(WeCom(url=URL)), 4096, lambda body: body["markdown"]["content"]),
    "wecom-text": (WeComRobot(WeCom(url=URL, mobiles=("1",))), 2048, lambda body: body["text"]["content"]),
    "msteams": (MSTeamsRobot(MSTeams(url=URL)), 28 * 1024, lambda body: card_text(body["attachments"][0]["content"])),
}  # fmt: skip


def measured(name: str, raw: bytes) -> int:
    """The bytes that the platform counts: WeCom those of the content, the others those of the body."""
    return len(ROBOTS[name][2](json.loads(raw)).encode()) if name.startswith("wecom") else len(raw)


def alert(number: int, summary: str, description: str = "", **notes: str) -> dict[str, Any]:
    return {
        "status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-01T00:00:00Z",
        "fingerprint": str(number), "annotations": {"summary": summary, "description": description} | notes,
    }  # fmt: skip


def sent(name: str, body: bytes) -> tuple[bytes, str]:
    robot, _, text = ROBOTS[name]
    raw = robot.request(Words.of(Notification.read(body)), 1_790_000_000.0).body
    return raw, text(json.loads(raw))


@pytest.mark.parametrize("name", ROBOTS)
def test_as_many_whole_alerts_as_fit_and_the_number_of_the_others(
    name: str, webhook: Callable[..., bytes]
) -> None:
    alerts = [alert(n, f"告警第{n:04}号磁盘已满", "值班人员请尽快处理" * 3) for n in range(2000)]
    raw, text = sent(name, webhook(alerts=alerts))
    limit = ROBOTS[name][1]
    assert limit * 0.9 < measured(name, raw) <= limit
    shown = re.findall(r"告警第(\d{4})号磁盘已满", text)
    assert shown == [f"{n:04}" for n in range(len(shown))], "in their order, none of them cut"
    assert text.count("值班人员请尽快处理" * 3) == len(shown)
    assert f"… and {2000 - len(shown)} more" in text


@pytest.mark.parametrize("name", ROBOTS)
def test_one_alert_that_is_too_long_loses_words_and_not_itself(
    name: str, webhook: Callable[..., bytes]
) -> None:
    runbook = "https://runbooks.example/a"
    raw, text = sent(
        name, webhook(alerts=[alert(1, "内存不足", "述" * 40_000, runbook_url=runbook)])
    )
    assert ROBOTS[name][1] * 0.9 < measured(name, raw) <= ROBOTS[name][1]
    assert "内存不足" in text
    assert "述…" in text
    assert "�" not in text
    raw, text = sent(name, webhook(alerts=[alert(1, "摘" * 40_000, runbook_url=runbook)]))
    assert measured(name, raw) <= ROBOTS[name][1]
    assert "摘…" in text


@pytest.mark.parametrize("name", ROBOTS)
def test_what_fits_is_told_whole(name: str, webhook: Callable[..., bytes]) -> None:
    _, text = sent(name, webhook(count=5))
    assert [f"disk of db{n} is full" in text for n in range(5)] == [True] * 5
    assert "more" not in text


def test_alerts_that_alertmanager_left_out_are_counted_too(webhook: Callable[..., bytes]) -> None:
    _, text = sent("dingtalk", webhook(count=2, truncatedAlerts=7))
    assert "… and 7 more" in text


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["<", "&" * 500, "*" * 3000, "磁盘" * 900, "👩‍🚒" * 300, "a\n" * 200, "\\", "]("]
)
ADDRESS = TEXT.map(lambda text: f"https://r/{text}") | st.just("https://r/" + "x" * 600)


@settings(max_examples=50, deadline=None)
@given(
    alerts=st.lists(st.tuples(TEXT, TEXT, ADDRESS), min_size=1, max_size=12),
    title=TEXT,
    times=st.sampled_from([1, 1, 30]),
)
def test_no_notification_is_ever_too_large_and_none_is_empty(
    alerts: list[tuple[str, str, str]], title: str, times: int
) -> None:
    many = [
        alert(number, summary, description, runbook_url=address, dashboard_url=address)
        for number, (summary, description, address) in enumerate(alerts * times)
    ]
    body = json.dumps(
        {
            "version": "4", "groupKey": "g", "status": "firing", "alerts": many,
            "commonLabels": {"alertname": title, "service": title},
        }
    ).encode()  # fmt: skip
    for name, (_, limit, _) in ROBOTS.items():
        raw, text = sent(name, body)
        assert measured(name, raw) <= limit, name
        assert text or name == "feishu", "at least the title is told"
        told = re.search(r"… and (\d+) more", text)
        assert told is None or 0 < int(told[1]) < len(many), "at least one alert is told"
