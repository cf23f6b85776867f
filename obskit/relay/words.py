"""The words of a notification, the same as alertmanager/templates/obskit.tmpl has them.

Platforms add their markup; how much of the words fits is found out here, since all of them cut alike: on
the boundary of an alert, with the number of those that were left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import quote

from obskit.relay.message import Alert, Notification

__all__ = ["Block", "Words", "fit", "lines", "web_address"]

T = TypeVar("T")

#: Where an annotation leads to, and what its link is called.
_LINKS: Final = (("runbook_url", "Runbook"), ("dashboard_url", "Dashboard"), ("trace_url", "Traces"))  # fmt: skip
_MOST_TITLE: Final = 200
_MOST_LINK: Final = 500

#: Control characters, and those that turn the direction of what follows: a name could pose as another.
_UNSEEN: Final = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ud800-\\udfff]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is said about one alert, without any markup.

    Args:
        resolved: Whether it ended.
        summary: One line.
        description: More, of several lines perhaps.
        links: Name and address.
    """

    resolved: bool
    summary: str
    description: str = ""
    links: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, alert: Alert) -> Block:
        """The words about an alert."""
        notes = alert.annotations
        summary = notes.get("summary") or alert.labels.get("alertname", "")
        description = _clean(notes.get("description", "")).strip()
        links = []
        for key, name in _LINKS:
            address = _clean(notes.get(key, "")).strip()
            if not address:
                continue
            safe = web_address(address)
            if safe and len(safe) <= _MOST_LINK:
                links.append((name, safe))
            else:  # not clickable, but not kept from whoever reads it
                description = f"{description}\n{name}: {address}".strip()
        return cls(
            resolved=alert.status == "resolved",
            summary=_line(summary),
            description=description,
            links=tuple(links),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said, without any markup.

    Args:
        title: One line.
        firing: Whether anything still fires.
        severity: ``critical``, ``warning`` or ``info``.
        blocks: The alerts that are shown.
        left_out: How many more there are.
    """

    title: str
    firing: bool
    severity: str
    blocks: tuple[Block, ...]
    left_out: int = 0

    @classmethod
    def of(cls, notification: Notification) -> Words:
        """The words of a whole notification."""
        labels = notification.common_labels
        firing = sum(alert.status == "firing" for alert in notification.alerts)
        count = f":{firing}" if notification.status == "firing" else ""
        service, environment = labels.get("service"), labels.get("environment")
        title = f"[{notification.status.upper()}{count}] {labels.get('alertname', '')}"
        title += f" · {service}" if service else ""
        title += f" ({environment})" if environment else ""
        title = _line(title)
        severity = labels.get("severity", "")
        return cls(
            title=title if len(title) <= _MOST_TITLE else title[: _MOST_TITLE - 1] + "…",
            firing=notification.status == "firing",
            severity=severity if severity in {"critical", "warning"} else "info",
            blocks=tuple(Block.of(alert) for alert in notification.alerts),
            left_out=max(0, notification.truncated_alerts),
        )

    @property
    def more(self) -> str:
        """The line that tells how many alerts were left out; empty when none were."""
        return f"… and {self.left_out} more" if self.left_out else ""

    def first(self, count: int) -> Words:
        """The same with only so many alerts."""
        cut = len(self.blocks) - count
        return replace(self, blocks=self.blocks[:count], left_out=self.left_out + cut)


def fit(words: Words, render: Callable[[Words], T], size: Callable[[T], int], limit: int) -> T:
    """The rendering that tells most and is small enough.

    As many whole alerts as fit, in their order. Where not even the first does, its description is cut, then
    its links go, then its summary is cut.

    Args:
        words: What to tell.
        render: Makes the message of words.
        size: Bytes of a message, as the platform counts them.
        limit: Most bytes that the platform takes.
    """

    def fits(some: Words) -> bool:
        return size(render(some)) <= limit

    if fits(words):
        return render(words)
    count = _most(len(words.blocks), lambda number: fits(words.first(number)))
    if count:
        return render(words.first(count))
    alone = words.first(1)
    block = alone.blocks[0]

    def told(**values: Any) -> Words:
        return replace(alone, blocks=(replace(block, **values),))

    stages: tuple[tuple[str, Callable[[str], Words]], ...] = (
        (block.description, lambda text: told(description=text)),
        (block.description, lambda text: told(description=text, links=())),
        (block.summary, lambda text: told(summary=text, description="", links=())),
    )
    for text, shortened in stages:
        if fits(shortened(_cut(text, 0))):
            length = _most(len(text), lambda number: fits(shortened(_cut(text, number))))  # noqa: B023 - called at once
            return render(shortened(_cut(text, length)))
    return render(words.first(0))


def _cut(text: str, length: int) -> str:
    return f"{text[:length].rstrip()}…" if length < len(text) else text


def _most(top: int, holds: Callable[[int], bool]) -> int:
    """The greatest number up to ``top`` for which something holds, which holds for all below it too."""
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def web_address(text: str) -> str:
    """An address that can stand in a link of any markup; empty when it is none of the web."""
    if not re.match(r"https?://[^\s/]", text):
        return ""
    # What ends a link in Markdown or HTML, and all that is not ASCII, becomes %xx; what is so stays so.
    return quote(text, safe="%:/?#@!$&*+,;=~-._")


def _clean(text: str) -> str:
    return _UNSEEN.sub("", text)


def _line(text: str) -> str:
    return " ".join(_clean(text).split())


def lines(parts: Sequence[str]) -> str:
    """The parts that are not empty, one a line."""
    return "\n".join(part for part in parts if part)
