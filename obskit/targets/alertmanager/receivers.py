"""A receiver of obskit.yml in Alertmanager's own words, by what the server's version has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from obskit.config import Secret
from obskit.config.receivers import (
    RELAYED,
    Email,
    MSTeams,
    Opsgenie,
    PagerDuty,
    Receiver,
    Slack,
    Telegram,
    Webhook,
    WeChat,
)

__all__ = [
    "Version",
    "Words",
    "receiver_config",
    "relay_url",
    "uses_templates",
    "version_of",
    "via_relay",
]

Version = tuple[int, int]


def version_of(text: str) -> Version:
    """``0.25.0`` as numbers that compare; the newest where the text is none."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (999, 0)


@dataclass(frozen=True, slots=True)
class Words:
    """The names of a project's templates.

    Args:
        prefix: What their names begin with.
    """

    prefix: str

    def __call__(self, name: str) -> str:
        """The text that renders a template."""
        return f'{{{{ template "{self.prefix}.{name}" . }}}}'


def _webhook(way: Webhook, _: Words) -> dict[str, Any]:
    config: dict[str, Any] = {"url": way.url}
    if way.max_alerts:
        config["max_alerts"] = way.max_alerts
    if way.token is not None:
        config["http_config"] = {"authorization": {"credentials": way.token}}
    elif way.username:
        config["http_config"] = {"basic_auth": {"username": way.username, "password": way.password}}
    return config


def _email(way: Email, words: Words) -> dict[str, Any]:
    config: dict[str, Any] = {
        "to": way.to, "from": way.sender, "smarthost": way.smarthost, "require_tls": way.require_tls,
        "headers": {"Subject": words("title")}, "html": words("email"), "text": words("text"),
    }  # fmt: skip
    if way.username:
        config |= {"auth_username": way.username, "auth_password": way.password}
    return config


def _slack(way: Slack, words: Words) -> dict[str, Any]:
    config: dict[str, Any] = {
        "api_url": way.url, "title": words("slack_title"), "text": words("slack"),
        "fallback": words("slack_title"),
        "title_link": "", "color": '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',
    }  # fmt: skip
    if way.channel:
        config["channel"] = way.channel
    return config


def _pagerduty(way: PagerDuty, words: Words) -> dict[str, Any]:
    config: dict[str, Any] = {
        "routing_key": way.routing_key, "description": words("title"), "severity": words("severity"),
        "details": {"firing": words("text")},
    }  # fmt: skip
    return config | ({"url": way.url} if way.url else {})


def _opsgenie(way: Opsgenie, words: Words) -> dict[str, Any]:
    config: dict[str, Any] = {
        "api_key": way.api_key, "message": words("title"), "description": words("text"),
        "priority": '{{ if eq .CommonLabels.severity "critical" }}P1{{ else }}P3{{ end }}',
    }  # fmt: skip
    return config | ({"api_url": f"{way.url}/"} if way.url else {})


def _telegram(way: Telegram, words: Words) -> dict[str, Any]:
    config: dict[str, Any] = {
        "bot_token": way.token, "chat_id": way.chat_id, "parse_mode": "HTML", "message": words("html"),
    }  # fmt: skip
    return config | ({"api_url": way.url} if way.url else {})


def _wechat(way: WeChat, words: Words) -> dict[str, Any]:
    config: dict[str, Any] = {
        "corp_id": way.corp_id, "agent_id": way.agent_id, "api_secret": way.secret,
        "message": words("wechat"), "message_type": "markdown",
        "to_user": way.to_user, "to_party": way.to_party,
    }  # fmt: skip
    return config | ({"api_url": f"{way.url}/"} if way.url else {})


def _msteams(way: MSTeams, words: Words) -> dict[str, Any]:
    return {"webhook_url": way.url, "title": words("title"), "text": words("markdown")}


@dataclass(frozen=True, slots=True)
class _Kind:
    key: str
    since: Version
    render: Callable[[Any, Words], dict[str, Any]]


#: Kinds that Alertmanager has, and since when (its CHANGELOG).
_NATIVE: Final[Mapping[str, _Kind]] = {
    "webhook": _Kind("webhook_configs", (0, 1), _webhook),
    "email": _Kind("email_configs", (0, 1), _email),
    "slack": _Kind("slack_configs", (0, 1), _slack),
    "pagerduty": _Kind("pagerduty_configs", (0, 1), _pagerduty),
    "opsgenie": _Kind("opsgenie_configs", (0, 2), _opsgenie),
    "wechat": _Kind("wechat_configs", (0, 12), _wechat),
    "telegram": _Kind("telegram_configs", (0, 24), _telegram),
    # 0.26 has msteams_configs, whose cards no workflow takes, and connectors are gone: the relay until then.
    "msteams": _Kind("msteamsv2_configs", (0, 28), _msteams),
}


def via_relay(kind: str, version: Version) -> bool:
    """Whether an Alertmanager of this version needs the relay for a kind of receiver."""
    return kind in RELAYED or _NATIVE[kind].since > version


def uses_templates(receiver: Receiver) -> bool:
    """Whether Alertmanager renders words for it; webhooks and the relay get JSON."""
    return any(kind not in RELAYED and kind != "webhook" for kind, _ in receiver.ways())


def relay_url(base: str, project: str, receiver: str, kind: str) -> str:
    """Where Alertmanager posts what the relay shall tell."""
    return f"{base}/v1/{project}/{receiver}/{kind}"


def integrations(receiver: Receiver, version: Version) -> set[str]:
    """Alertmanager's own names of the ways in which a receiver is told, as its metrics have them."""
    return {
        "webhook" if via_relay(kind, version) else _NATIVE[kind].key.removesuffix("_configs")
        for kind, _ in receiver.ways()
    }


def receiver_config(
    receiver: Receiver,
    name: str,
    *,
    project: str,
    version: Version,
    relay: str,
    words: Words,
    token: Secret | None = None,
) -> dict[str, Any]:
    """A receiver as it stands in Alertmanager's file.

    Args:
        receiver: The receiver of obskit.yml.
        name: Its name on the server.
        project: Name of the project.
        version: The server's version.
        relay: Address of ``obskit relay``; empty where there is none.
        words: Names of the templates.
        token: Bearer token that the relay wants.
    """
    config: dict[str, Any] = {"name": name}
    for key, item in _configs(receiver, project, version, (relay, token), words):
        config.setdefault(key, []).append({**item, "send_resolved": receiver.send_resolved})
    return config


def _configs(
    receiver: Receiver,
    project: str,
    version: Version,
    relay: tuple[str, Secret | None],
    words: Words,
) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, way in receiver.ways():
        if via_relay(kind, version):
            address, token = relay
            config: dict[str, Any] = {"url": relay_url(address, project, receiver.name, kind)}
            if token is not None:
                config["http_config"] = {"authorization": {"credentials": token}}
            yield "webhook_configs", config
        else:
            yield _NATIVE[kind].key, _NATIVE[kind].render(way, words)
