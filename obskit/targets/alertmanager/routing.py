"""Receivers and routes of obskit.yml as Alertmanager's own subtree."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from obskit.config import Duration, Name, Secret, Section, Settings
from obskit.errors import Problem
from obskit.targets.alertmanager.document import prefix
from obskit.targets.prometheus.labels import PROJECT_LABEL

if TYPE_CHECKING:
    from obskit.targets.alertmanager import AlertmanagerSettings

__all__ = [
    "PROOF_LABEL",
    "Receiver",
    "Route",
    "WebhookReceiver",
    "check_routing",
    "proof_receiver",
    "subtree",
]

#: The label of the synthetic alert; nothing else carries it, and only the proof's route takes it.
PROOF_LABEL: Final = "obskit_proof"


class WebhookReceiver(Section):
    """A program that takes Alertmanager's JSON by POST.

    Args:
        url: Its address.
        send_resolved: Whether it is told when an alert ends.
        max_alerts: Most alerts in one message; 0 for all.
    """

    url: Secret
    send_resolved: bool = True
    max_alerts: int = 0


class Receiver(Section):
    """Somebody who is notified, in one way or several.

    Args:
        name: Its name in obskit.yml; on the server it gets the project's prefix.
        webhook: A program that takes JSON.
    """

    name: Name
    webhook: WebhookReceiver


class Route(Section):
    """Which alerts go to whom; routes are tried in their order.

    Args:
        match: Labels and their values; a value that begins with ``~`` is a regular expression.
        receiver: Name of a receiver.
        repeat_interval: How long until an alert that still fires is told again.
        go_on: Whether later routes are tried too (key ``continue``).
    """

    match: Mapping[str, str] = Field(default_factory=dict)
    receiver: str
    repeat_interval: Duration | None = None
    go_on: bool = Field(default=False, alias="continue")


def proof_receiver(project: str) -> str:
    """Name of the receiver that obskit opens for its synthetic alert."""
    return f"{prefix(project)}proof"


def subtree(settings: Settings, own: AlertmanagerSettings) -> dict[str, Any]:
    """The project's routes and receivers as they stand in Alertmanager's file.

    Args:
        settings: All of obskit.yml.
        own: Its section ``alertmanager``.
    """
    project = settings.project
    receivers = [_receiver(project, item) for item in own.receivers]
    receivers.append(
        {
            "name": proof_receiver(project),
            "webhook_configs": [{"url": Secret(settings.verify.receiver), "send_resolved": False}],
        }
    )
    routes: list[dict[str, Any]] = [
        {
            "receiver": proof_receiver(project),
            "matchers": [_matcher(PROOF_LABEL, project)],
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "1h",
        }
    ]
    if own.receivers:
        match = own.match if own.match is not None else (_matcher(PROJECT_LABEL, project),)
        routes.append(
            {
                "receiver": prefix(project) + own.receivers[0].name,
                "matchers": list(match),
                "group_by": list(own.group_by),
                "group_wait": _duration(own.group_wait),
                "group_interval": _duration(own.group_interval),
                "repeat_interval": _duration(own.repeat_interval),
            }
            | ({"routes": [_route(project, item) for item in own.routes]} if own.routes else {})
        )
    return {"receivers": receivers, "routes": routes, "inhibit_rules": [], "time_intervals": []}


def _receiver(project: str, item: Receiver) -> dict[str, Any]:
    webhook: dict[str, Any] = {"url": item.webhook.url, "send_resolved": item.webhook.send_resolved}
    if item.webhook.max_alerts:
        webhook["max_alerts"] = item.webhook.max_alerts
    return {"name": prefix(project) + item.name, "webhook_configs": [webhook]}


def _route(project: str, item: Route) -> dict[str, Any]:
    route: dict[str, Any] = {
        "receiver": prefix(project) + item.receiver,
        "matchers": [_matcher(label, value) for label, value in item.match.items()],
    }
    if item.repeat_interval is not None:
        route["repeat_interval"] = _duration(item.repeat_interval)
    if item.go_on:
        route["continue"] = True
    return route


def _matcher(label: str, value: str) -> str:
    operator, text = ("=~", value[1:]) if value.startswith("~") else ("=", value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{label}{operator}"{escaped}"'


def _duration(value: timedelta) -> str:
    milliseconds = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def check_routing(settings: Settings, own: AlertmanagerSettings) -> Iterator[Problem]:
    """Names that are used but not there, or there twice."""
    names = [item.name for item in own.receivers]
    path = str(settings.path)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(
            rule="alertmanager/receiver",
            path=path,
            message=f"alertmanager.receivers: {name!r} is there twice",
        )
    if "proof" in names:
        yield Problem(
            rule="alertmanager/receiver", path=path,
            message="alertmanager.receivers: 'proof' is obskit's own: choose another name",
        )  # fmt: skip
    for index, route in enumerate(own.routes):
        if route.receiver not in names:
            near = difflib.get_close_matches(route.receiver, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
            yield Problem(
                rule="alertmanager/receiver", path=path,
                message=f"alertmanager.routes[{index}].receiver: no receiver is named {route.receiver!r} ({hint})",
            )  # fmt: skip
