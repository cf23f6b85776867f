"""What Alertmanager posts: its webhook, version 4.

Format: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

__all__ = ["Alert", "Notification"]


class Alert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One alert.

    Args:
        status: Whether it still fires.
        labels: What it is.
        annotations: What is said about it.
        starts_at: Since when it fires.
        ends_at: Until when it fired.
        fingerprint: Alertmanager's digest of the labels.
    """

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    starts_at: datetime
    annotations: dict[str, str] = {}
    ends_at: datetime | None = None
    fingerprint: str = ""


class Notification(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a receiver is told at once: a group of alerts.

    Args:
        version: Version of the format.
        group_key: Alertmanager's name of the group.
        status: ``firing`` while at least one alert fires.
        alerts: The alerts.
        common_labels: Labels that all of them have.
        truncated_alerts: How many more there are, where ``max_alerts`` cut them off.
    """

    version: Literal["4"]
    group_key: str
    status: Literal["firing", "resolved"]
    alerts: list[Alert]
    common_labels: dict[str, str] = {}
    truncated_alerts: int = 0

    @classmethod
    def read(cls, body: bytes) -> Notification:
        """Read a request's body.

        Raises:
            ValueError: It is no such notification; the message says where.
        """
        try:
            found = _DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"is no webhook of Alertmanager, version 4: {error}") from None
        if not found.alerts:
            raise ValueError("is no webhook of Alertmanager, version 4: it has no alerts")
        return found

    def key(self, *place: str) -> str:
        """What two notifications have in common that say the same to the same receiver.

        Two Alertmanagers of a cluster agree on the group and on each alert's fingerprint, state and
        start (in whatever time zone it is written); ``endsAt`` is each one's own guess while an alert fires.

        Args:
            place: Project, receiver and kind.
        """
        alerts = sorted(
            [_fingerprint(alert), alert.status, alert.starts_at.timestamp()]
            for alert in self.alerts
        )
        text = msgspec.json.encode([place, self.group_key, self.status, alerts])
        return hashlib.sha256(text).hexdigest()


def _fingerprint(alert: Alert) -> str:
    return alert.fingerprint or msgspec.json.encode(sorted(alert.labels.items())).decode()


_DECODER = msgspec.json.Decoder(Notification)
