"""Receivers of alerts, as obskit.yml names them: what Alertmanager and the relay are both told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from obskit.config.secret import Secret
from obskit.config.settings import Name, Section, Url

__all__ = [
    "KINDS",
    "RELAYED",
    "DingTalk",
    "Email",
    "Feishu",
    "MSTeams",
    "Opsgenie",
    "PagerDuty",
    "Receiver",
    "Slack",
    "Telegram",
    "WeChat",
    "WeCom",
    "Webhook",
]


class Webhook(Section):
    """A program that takes Alertmanager's JSON by POST.

    Args:
        url: Its address.
        username: Name for basic authentication.
        password: Its password.
        token: Bearer token.
        max_alerts: Most alerts in one message; 0 for all.
    """

    url: Secret
    username: str = ""
    password: Secret | None = None
    token: Secret | None = None
    max_alerts: Annotated[int, Field(ge=0)] = 0


class Email(Section):
    """A mailbox.

    Args:
        to: Addresses, separated by commas.
        sender: Address that it comes from (key ``from``).
        smarthost: ``host:port`` of the mail server.
        username: Name at the mail server.
        password: Its password.
        require_tls: Whether the mail server must speak STARTTLS.
    """

    to: str
    sender: str = Field(alias="from")
    smarthost: Annotated[str, Field(pattern=r"^[^\s:]+:\d+$")]
    username: str = ""
    password: Secret | None = None
    require_tls: bool = True


class Slack(Section):
    """A channel of Slack.

    Args:
        url: Address of the incoming webhook.
        channel: Channel or person; the webhook's own when empty.
    """

    url: Secret
    channel: str = ""


class PagerDuty(Section):
    """A service of PagerDuty (Events API v2).

    Args:
        routing_key: Its integration key.
        url: Address of the API, where it is not PagerDuty's own.
    """

    routing_key: Secret
    url: Url | None = None


class Opsgenie(Section):
    """A team's integration of Opsgenie.

    Args:
        api_key: Its key.
        url: Address of the API, where it is not Opsgenie's own.
    """

    api_key: Secret
    url: Url | None = None


class Telegram(Section):
    """A chat of Telegram.

    Args:
        token: Token of the bot.
        chat_id: Number of the chat.
        url: Address of the API, where it is not Telegram's own.
    """

    token: Secret
    chat_id: int
    url: Url | None = None


class WeChat(Section):
    """An application of WeChat Work (not its robot: that is ``wecom``).

    Args:
        corp_id: Id of the company.
        agent_id: Id of the application.
        secret: Its secret.
        to_user: People, separated by ``|``; ``@all`` for everybody.
        to_party: Departments.
        url: Address of the API, where it is not WeChat's own.
    """

    corp_id: str
    agent_id: str
    secret: Secret
    to_user: str = ""
    to_party: str = ""
    url: Url | None = None


class MSTeams(Section):
    """A channel of Microsoft Teams.

    Args:
        url: Address of its workflow or incoming webhook.
    """

    url: Secret


class DingTalk(Section):
    """A robot of DingTalk, through ``obskit relay``.

    Args:
        url: Its address, with the access token.
        secret: The key that its messages are signed with, where the robot wants a signature.
        mobiles: Numbers of people to mention.
    """

    url: Secret
    secret: Secret | None = None
    mobiles: tuple[str, ...] = ()


class Feishu(Section):
    """A robot of Feishu or Lark, through ``obskit relay``.

    Args:
        url: Its address.
        secret: The key that its messages are signed with, where the robot wants a signature.
    """

    url: Secret
    secret: Secret | None = None


class WeCom(Section):
    """A robot of a WeCom group, through ``obskit relay``.

    Args:
        url: Its address, with the key.
        mobiles: Numbers of people to mention; ``@all`` for everybody.
    """

    url: Secret
    mobiles: tuple[str, ...] = ()


class Receiver(Section):
    """Somebody who is notified, in one way or several.

    Args:
        name: Its name; on the server it gets the project's prefix.
        send_resolved: Whether it is told when an alert ends.
        webhook: A program that takes JSON.
        email: A mailbox.
        slack: A channel of Slack.
        pagerduty: A service of PagerDuty.
        opsgenie: A team of Opsgenie.
        telegram: A chat of Telegram.
        wechat: An application of WeChat Work.
        msteams: A channel of Microsoft Teams.
        dingtalk: A robot of DingTalk.
        feishu: A robot of Feishu.
        wecom: A robot of a WeCom group.
    """

    name: Name
    send_resolved: bool = True
    webhook: Webhook | None = None
    email: Email | None = None
    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    opsgenie: Opsgenie | None = None
    telegram: Telegram | None = None
    wechat: WeChat | None = None
    msteams: MSTeams | None = None
    dingtalk: DingTalk | None = None
    feishu: Feishu | None = None
    wecom: WeCom | None = None

    @model_validator(mode="after")
    def _somehow(self) -> Self:
        if not any(True for _ in self.ways()):
            raise ValueError(f"needs a way to be told: one of {', '.join(KINDS)}")
        return self

    def ways(self) -> Iterator[tuple[str, Any]]:
        """The ways in which it is told: kind and settings."""
        for kind in KINDS:
            way = getattr(self, kind)
            if way is not None:
                yield kind, way


#: Every kind of receiver, and its settings.
KINDS: Final[Mapping[str, type[Section]]] = {
    "webhook": Webhook,
    "email": Email,
    "slack": Slack,
    "pagerduty": PagerDuty,
    "opsgenie": Opsgenie,
    "telegram": Telegram,
    "wechat": WeChat,
    "msteams": MSTeams,
    "dingtalk": DingTalk,
    "feishu": Feishu,
    "wecom": WeCom,
}

#: Kinds that no Alertmanager knows: the relay tells them.
RELAYED: Final = frozenset({"dingtalk", "feishu", "wecom"})
