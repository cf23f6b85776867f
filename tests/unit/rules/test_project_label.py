"""The project's label on every alert, whatever the layout of the file."""

from __future__ import annotations

import pytest
import yaml

from obskit.targets.prometheus.labels import with_label

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
    before, after = yaml.safe_load(text), yaml.safe_load(with_label(text, "p", 'de"mo'))
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
    assert with_label(text, "p", "other") == text


def test_comments_stay() -> None:
    assert "  # a comment" in with_label(FILES["quoted"], "p", "demo")


@pytest.mark.parametrize("before", ["", "\ufeff", "# 漢字 🙂\n"], ids=["plain", "mark", "wide"])
def test_places_are_found_behind_a_byte_order_mark_and_wide_characters(before: str) -> None:
    text = before + FILES["block"]
    assert with_label(text, "p", "demo") == before + with_label(FILES["block"], "p", "demo")


def test_a_second_document_is_left_alone_since_prometheus_reads_only_the_first() -> None:
    second = "---\ngroups: []\n"
    assert with_label(FILES["block"] + second, "p", "demo").endswith(second)
