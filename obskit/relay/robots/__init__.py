"""Platforms that the relay can tell: one module each, and one line here."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from obskit.config.receivers import Receiver
from obskit.errors import Problem
from obskit.relay.robots.base import Outcome, Robot, Target, Verdict

__all__ = ["REGISTRY", "Outcome", "Robot", "Target", "Verdict", "create", "problems"]

#: Kind of receiver → its robot.
REGISTRY: Final[Mapping[str, str]] = {
    "dingtalk": "obskit.relay.robots.dingtalk:DingTalkRobot",
    "feishu": "obskit.relay.robots.feishu:FeishuRobot",
    "wecom": "obskit.relay.robots.wecom:WeComRobot",
    "msteams": "obskit.relay.robots.msteams:MSTeamsRobot",
}


def create(project: str, receivers: tuple[Receiver, ...]) -> dict[Target, Robot]:
    """The robots of a project's receivers, by the address that Alertmanager posts to.

    Args:
        project: Name of the project.
        receivers: Its receivers; those of other kinds are Alertmanager's own.
    """
    found: dict[Target, Robot] = {}
    for receiver in receivers:
        for kind, way in receiver.ways():
            if kind in REGISTRY:
                module, _, name = REGISTRY[kind].partition(":")
                target = Target(project=project, receiver=receiver.name, kind=kind)
                found[target] = getattr(importlib.import_module(module), name)(way)
    return found


def problems(robots: Mapping[Target, Robot], path: str) -> Iterator[Problem]:
    """Robots whose address is none; the address itself is not shown.

    Args:
        robots: The robots.
        path: The configuration that they stand in.
    """
    for target, robot in robots.items():
        if not re.match(r"https?://[^\s/]+", robot.url.reveal()):
            yield Problem(
                rule="relay/address", path=path,
                message=f"alertmanager.receivers: {target.receiver}: {target.kind}.url is no address",
            )  # fmt: skip
