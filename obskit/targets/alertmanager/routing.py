"""Routes, inhibition and mute timings of obskit.yml as Alertmanager's own subtree."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from obskit.config import Duration, Secret, Section, Settings
from obskit.errors import Problem
from obskit.targets.alertmanager.document import prefix
from obskit.targets.alertmanager.receivers import (
    Version,
    Words,
    receiver_config,
    uses_templates,
    via_relay,
)
from obskit.targets.prometheus.labels import PROJECT_LABEL

if TYPE_CHECKING:
    from obskit.targets.alertmanager import AlertmanagerSettings

__all__ = [
    "PROOF_LABEL",
    "TEST_LABEL",
    "Inhibition",
    "Route",
    "check_routing",
    "proof_receiver",
    "subtree",
    "template_name",
    "template_words",
    "whole_file",
]

#: The label of the synthetic alert; nothing else carries it, and only the proof's route takes it.
PROOF_LABEL: Final = "obskit_proof"
#: Beside it: the receiver that ``obskit alerts test`` sends to.
TEST_LABEL: Final = "obskit_receiver"


class Route(Section):
    """Which alerts go to whom; routes are tried in their order.

    Args:
        match: Labels and their values; a value that begins with ``~`` is a regular expression, one that
            begins with ``!`` or ``!~`` must not match.
        receiver: Name of a receiver; that of the route above when empty.
        group_by: Labels by which alerts are grouped.
        group_wait: How long to wait for more alerts of a new group.
        group_interval: How long to wait before telling of new alerts of a group.
        repeat_interval: How long until an alert that still fires is told again.
        mute: Names of mute timings during which nobody is told.
        go_on: Whether later routes are tried too (key ``continue``).
        routes: Routes below this one.
    """

    match: Mapping[str, str] = Field(default_factory=dict)
    receiver: str = ""
    group_by: tuple[str, ...] | None = None
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None
    mute: tuple[str, ...] = ()
    go_on: bool = Field(default=False, alias="continue")
    routes: tuple[Route, ...] = ()


class Inhibition(Section):
    """While an alert like ``source`` fires, nobody is told of ones like ``target``.

    Args:
        source: Labels and values, as in a route's ``match``.
        target: The same for what is silenced.
        equal: Labels that have to be equal on both.
    """

    source: Mapping[str, str]
    target: Mapping[str, str]
    equal: tuple[str, ...] = ()


#: A critical alert silences the warning of its own name; a dead node silences what ran on it.
DEFAULT_INHIBITIONS: Final = (
    Inhibition(
        source={"severity": "critical"},
        target={"severity": "~warning|info"},
        equal=("alertname", "service", "instance"),
    ),
    Inhibition(
        source={"alertname": "NodeDown"}, target={"alertname": "!NodeDown"}, equal=("host",)
    ),
)


def proof_receiver(project: str) -> str:
    """Name of the receiver that obskit opens for its synthetic alert."""
    return f"{prefix(project)}proof"


def template_name(project: str) -> str:
    """The project's file of templates, below the folder of Alertmanager's file."""
    return f"templates/obskit-{project}.tmpl"


def template_words(project: str) -> Words:
    """The names of the project's templates."""
    return Words(f"obskit.{project}")


def subtree(settings: Settings, own: AlertmanagerSettings, version: Version) -> dict[str, Any]:
    """The project's part of Alertmanager's file, by part.

    Args:
        settings: All of obskit.yml.
        own: Its section ``alertmanager``.
        version: The server's version.
    """
    project = settings.project
    receivers = [
        receiver_config(
            item, prefix(project) + item.name, project=project, version=version,
            relay=own.relay or "", token=own.relay_token, words=template_words(project),
        )
        for item in own.receivers
    ]  # fmt: skip
    receivers.append(
        {
            "name": proof_receiver(project),
            "webhook_configs": [{"url": Secret(settings.verify.receiver), "send_resolved": True}],
        }
    )
    inhibitions = DEFAULT_INHIBITIONS if own.inhibit is None else own.inhibit
    return {
        "receivers": receivers,
        "routes": [_proof_route(project, own), *_project_route(project, own)],
        "inhibit_rules": [_inhibition(project, item) for item in inhibitions]
        if own.receivers
        else [],
        "time_intervals": [
            {"name": prefix(project) + name, "time_intervals": [dict(item) for item in items]}
            for name, items in own.mute_timings.items()
        ],
        "templates": [template_name(project)] if any(map(uses_templates, own.receivers)) else [],
    }


def whole_file(body: Mapping[str, Any]) -> dict[str, Any]:
    """A file of its own with a subtree in it; what no route takes goes to the first receiver.

    Args:
        body: The subtree, by part.
    """
    parts = {key: value for key, value in body.items() if key != "routes" and value}
    default = body["receivers"][0]["name"]
    if len(body["receivers"]) == 1:  # the proof's alone: what is not its alert is told to nobody
        default = default.removesuffix("proof") + "nobody"
        parts["receivers"] = [{"name": default}, *body["receivers"]]
    return {"route": {"receiver": default, "routes": body["routes"]}, **parts}


def _proof_route(project: str, own: AlertmanagerSettings) -> dict[str, Any]:
    quick = {
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
    }
    tests: list[dict[str, Any]] = [
        {
            "receiver": prefix(project) + item.name,
            "matchers": [_matcher(TEST_LABEL, item.name)],
            "continue": True,  # the proof's receiver gets it too, and shows what arrived
        }
        for item in own.receivers
    ]
    everything = {"receiver": proof_receiver(project), "matchers": [_matcher(PROOF_LABEL, project)]}
    return {**everything, **quick} | ({"routes": [*tests, everything]} if tests else {})


def _project_route(project: str, own: AlertmanagerSettings) -> Iterator[dict[str, Any]]:
    if not own.receivers:
        return
    match = own.match if own.match is not None else (_matcher(PROJECT_LABEL, project),)
    yield {
        "receiver": prefix(project) + own.receivers[0].name,
        "matchers": list(match),
        "group_by": list(own.group_by),
        "group_wait": _duration(own.group_wait),
        "group_interval": _duration(own.group_interval),
        "repeat_interval": _duration(own.repeat_interval),
    } | ({"routes": [_route(project, item) for item in own.routes]} if own.routes else {})


def _route(project: str, item: Route) -> dict[str, Any]:
    route: dict[str, Any] = {"matchers": [_matcher(*pair) for pair in item.match.items()]}
    if item.receiver:
        route = {"receiver": prefix(project) + item.receiver, **route}
    if item.group_by is not None:
        route["group_by"] = list(item.group_by)
    for name in ("group_wait", "group_interval", "repeat_interval"):
        value = getattr(item, name)
        if value is not None:
            route[name] = _duration(value)
    if item.mute:
        route["mute_time_intervals"] = [prefix(project) + name for name in item.mute]
    if item.go_on:
        route["continue"] = True
    if item.routes:
        route["routes"] = [_route(project, inner) for inner in item.routes]
    return route


def _inhibition(project: str, item: Inhibition) -> dict[str, Any]:
    ours = _matcher(PROJECT_LABEL, project)
    rule: dict[str, Any] = {
        "source_matchers": [ours, *(_matcher(*pair) for pair in item.source.items())],
        "target_matchers": [ours, *(_matcher(*pair) for pair in item.target.items())],
    }
    if item.equal:
        # Alertmanager takes labels that are missing on both for equal: a host must be there to be dead.
        if item.equal == ("host",):
            rule["source_matchers"].append('host!=""')
        rule["equal"] = list(item.equal)
    return rule


def _matcher(label: str, value: str) -> str:
    operator = next((sign for sign in ("!~", "!", "~") if value.startswith(sign)), "")
    text = value[len(operator) :].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    sign = {"": "=", "~": "=~", "!": "!=", "!~": "!~"}[operator]
    return f'{label}{sign}"{text}"'


def _duration(value: timedelta) -> str:
    milliseconds = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def check_routing(
    settings: Settings, own: AlertmanagerSettings, version: Version
) -> Iterator[Problem]:
    """Names that are used but not there, or there twice; kinds that need a relay where there is none."""
    path = str(settings.path)

    def problem(message: str) -> Problem:
        return Problem(rule="alertmanager/routing", path=path, message=f"alertmanager.{message}")

    names = [item.name for item in own.receivers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield problem(f"receivers: {name!r} is there twice")
    if "proof" in names:
        yield problem("receivers: 'proof' is obskit's own: choose another name")
    for item in own.receivers:
        for kind, _ in item.ways():
            if via_relay(kind, version) and not own.relay:
                has = f"an Alertmanager {version[0]}.{version[1]} has no {kind}"
                yield problem(
                    f"receivers: {item.name}: {has}: set alertmanager.relay to where obskit relay runs"
                )
    for place, route in _walk(own.routes, "routes"):
        if route.receiver and route.receiver not in names:
            yield problem(
                f"{place}.receiver: no receiver is named {_unknown(route.receiver, names)}"
            )
        for name in route.mute:
            if name not in own.mute_timings:
                yield problem(
                    f"{place}.mute: no mute timing is named {_unknown(name, own.mute_timings)}"
                )
        for label, value in route.match.items():
            yield from (problem(f"{place}.match: {words}") for words in _bad_match(label, value))
    if own.routes and not own.receivers:
        yield problem("routes: there is no receiver that they could lead to")


def _bad_match(label: str, value: str) -> Iterator[str]:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", label):
        yield f"{label!r} is no name of a label"
    if value.lstrip("!").startswith("~"):
        try:
            re.compile(value.lstrip("!")[1:])
        except re.error as error:
            yield f"{label}: {value!r} is no regular expression: {error}"


def _walk(routes: tuple[Route, ...], place: str) -> Iterator[tuple[str, Route]]:
    for index, route in enumerate(routes):
        yield f"{place}[{index}]", route
        yield from _walk(route.routes, f"{place}[{index}].routes")


def _unknown(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    return f"{name!r} ({hint})"
