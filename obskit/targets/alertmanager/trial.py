"""``obskit alerts test``: one alert through the real Alertmanager to a receiver of obskit.yml."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from obskit.deadline import Deadline
from obskit.errors import ObskitError
from obskit.targets.alertmanager.listener import Listener, listen
from obskit.targets.alertmanager.routing import PROOF_LABEL, TEST_LABEL

if TYPE_CHECKING:
    from obskit.targets.alertmanager import Alertmanager

__all__ = ["Delivery", "send"]

_COUNTER: Final = re.compile(
    r'^alertmanager_notification_requests_(?P<what>failed_total|total)\{[^}]*integration="(?P<integration>\w+)"'
    r"[^}]*\} (?P<value>\S+)$",
    re.MULTILINE,
)
_POLL: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of the alert.

    Args:
        status: ``firing`` or ``resolved``.
        body: What arrived at obskit's own receiver beside the tried one; None when nothing did.
        requests: Requests that Alertmanager made meanwhile, by integration: (all, failed).
    """

    status: str
    body: Any
    requests: Mapping[str, tuple[int, int]]

    def ok(self, integrations: set[str]) -> bool:
        """Whether the body arrived and each integration was asked without a failure."""
        return self.body is not None and all(
            self.requests.get(name, (0, 0))[0] > 0 and self.requests[name][1] == 0
            for name in integrations
        )


def send(
    target: Alertmanager, receiver: str, integrations: set[str], deadline: Deadline
) -> list[Delivery]:
    """Send one alert, firing and then resolved, and wait for what comes of each.

    Args:
        target: The Alertmanager.
        receiver: Name of a receiver of obskit.yml; the route to it is part of the plan.
        integrations: Alertmanager's names of the ways in which it is told.
        deadline: By when both have to be there.

    Raises:
        ObskitError: There is no such receiver, or the server took no alert.
    """
    names = [item.name for item in target.settings.receivers]
    if receiver not in names:
        raise ObskitError(
            f"no receiver is named {receiver!r}", hint=f"known: {', '.join(names) or 'none'}"
        )
    run = secrets.token_hex(6)
    found = []
    with listen(target.context.settings.verify.receiver) as listener:
        for status in ("firing", "resolved"):
            before = _counts(target, deadline)
            _post(target, receiver, run, status, deadline)
            found.append(_wait(target, listener, run, status, before, integrations, deadline))
    return found


def _post(target: Alertmanager, receiver: str, run: str, status: str, deadline: Deadline) -> None:
    now = datetime.now(UTC)
    ends = now if status == "resolved" else now + timedelta(minutes=5)
    alert = {
        "labels": {
            "alertname": "ObskitTest", "severity": "info", "run": run,
            PROOF_LABEL: target.context.project, TEST_LABEL: receiver,
        },
        "annotations": {
            "summary": f"A test of the receiver {receiver}, sent by obskit alerts test",
            "description": "Nothing is wrong. Somebody tries whether this message arrives.",
        },
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": ends.isoformat(),
    }  # fmt: skip
    target.http.post("/api/v2/alerts", json=[alert], deadline=deadline)


def _counts(target: Alertmanager, deadline: Deadline) -> dict[tuple[str, str], float]:
    text = target.http.get("/metrics", headers={"accept": "text/plain"}, deadline=deadline).text
    totals: dict[tuple[str, str], float] = {}
    for found in _COUNTER.finditer(text):
        key = (found["integration"], found["what"])
        totals[key] = totals.get(key, 0.0) + float(found["value"])
    return totals


def _wait(  # noqa: PLR0917
    target: Alertmanager,
    listener: Listener,
    run: str,
    status: str,
    before: Mapping[tuple[str, str], float],
    integrations: set[str],
    deadline: Deadline,
) -> Delivery:
    body = None
    requests: dict[str, tuple[int, int]] = {}
    # The tried receiver may itself be a webhook, and obskit's own is one: it counts two then.
    own = {"webhook": 1}
    until = deadline.within(max(5.0, deadline.remaining / 2) if status == "firing" else deadline.remaining)  # fmt: skip
    while True:
        arrived = listener.next(until, at_most=_POLL)
        if arrived is not None and _is_it(arrived, run, status):
            body = arrived
        now = _counts(target, deadline)
        requests = {
            name: (
                round(now.get((name, "total"), 0) - before.get((name, "total"), 0)) - own.get(name, 0) * bool(body),
                round(now.get((name, "failed_total"), 0) - before.get((name, "failed_total"), 0)),
            )
            for name in integrations
        }  # fmt: skip
        done = body is not None and all(count > 0 for count, _ in requests.values())
        if done or until.passed:
            return Delivery(status=status, body=body, requests=requests)


def _is_it(body: Any, run: str, status: str) -> bool:
    return (
        isinstance(body, dict)
        and body.get("status") == status
        and any(alert.get("labels", {}).get("run") == run for alert in body.get("alerts") or ())
    )
