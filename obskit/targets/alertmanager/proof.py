"""The synthetic alert: fired by the real Prometheus, routed by the real Alertmanager, received by obskit."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from obskit.deadline import Deadline
from obskit.engine.verify import Exchange, Proof, Verdict
from obskit.errors import ObskitError
from obskit.targets.alertmanager.listener import Listener, listen
from obskit.targets.alertmanager.routing import PROOF_LABEL, proof_receiver

if TYPE_CHECKING:
    from obskit.targets.alertmanager import Alertmanager
    from obskit.targets.prometheus import Prometheus

__all__ = ["synthetic_alert"]

_ID, _TITLE = "alert/synthetic", "an alert goes from Prometheus through Alertmanager to a receiver"
_ALERT = "ObskitSynthetic"
_LINGER = 1.0  # seconds


def synthetic_alert(target: Alertmanager, deadline: Deadline) -> Iterator[Proof]:
    """Write a rule that fires, and wait for its notification.

    Args:
        target: Alertmanager, whose peer is Prometheus.
        deadline: By when the notification has to have arrived.
    """
    from obskit.targets.prometheus import Prometheus

    firing = target.context.instances(Prometheus)
    if not firing:
        yield Proof(
            id=_ID, title=_TITLE, verdict=Verdict.NOT_CONFIGURED,
            detail="obskit.yml names no prometheus that would fire an alert",
        )  # fmt: skip
        return
    trial = _Trial(target, firing[0], secrets.token_hex(8))
    with listen(target.context.settings.verify.receiver) as listener:
        with ExitStack() as rules:
            for prometheus in firing:
                rules.enter_context(prometheus.proving(trial.rule(), deadline))
            proof = trial.wait(listener, deadline)
        # The rules are gone; what is under way still finds a receiver, so no failure is counted anywhere.
        time.sleep(_LINGER)
    yield proof


@dataclass(frozen=True, slots=True)
class _Trial:
    alertmanager: Alertmanager
    prometheus: Prometheus
    run: str

    @property
    def project(self) -> str:
        return self.alertmanager.context.project

    def rule(self) -> str:
        """A rule file with one alert that fires at once and that only the proof's route takes."""
        return (
            "groups:\n"
            "  - name: obskit-proof\n"
            "    interval: 1s\n"
            "    rules:\n"
            f"      - alert: {_ALERT}\n"
            # A new instance every three seconds: after a reload Prometheus knows no Alertmanager for up to
            # five, drops what fires meanwhile, and sends an alert again only after a minute.
            '        expr: count_values("attempt", floor(vector(time()) / 3))\n'
            f"        labels: {{{PROOF_LABEL}: {self.project}, run: {self.run}}}\n"
            '        annotations: {summary: "obskit verify tries the way of an alert; nothing is wrong"}\n'
        )

    def wait(self, listener: Listener, deadline: Deadline) -> Proof:
        seen: list[Any] = []
        # Enough is left to ask every hop what it saw.
        while deadline.remaining > 3.0:
            body = listener.next(deadline, at_most=deadline.remaining - 3.0)
            if body is None:
                break
            seen.append(body)
            if any(alert.get("labels", {}).get("run") == self.run for alert in _alerts(body)):
                return self._judge(body, deadline)
        return self._lost(seen, deadline)

    def _judge(self, body: dict[str, Any], deadline: Deadline) -> Proof:
        wrong = []
        wanted = {"alertname": _ALERT, PROOF_LABEL: self.project, "run": self.run}
        alert = next(item for item in _alerts(body) if item["labels"].get("run") == self.run)
        for label, value in wanted.items():
            if alert["labels"].get(label) != value:
                wrong.append(f"label {label} is {alert['labels'].get(label)!r}, not {value!r}")
        if alert.get("status") != "firing":
            wrong.append(f"status is {alert.get('status')!r}, not 'firing'")
        if body.get("receiver") != proof_receiver(self.project):
            wrong.append(f"it came by receiver {body.get('receiver')!r}")
        if "nothing is wrong" not in str(alert.get("annotations", {}).get("summary")):
            wrong.append("its annotations are lost")
        found, exchange = self._in_alertmanager(deadline)
        names = sorted(item["name"] for entry in found for item in entry.get("receivers", ()))
        others = [name for name in names if name != proof_receiver(self.project)]
        if others:
            wrong.append(f"it also went to {', '.join(others)}")
        evidence = (
            Exchange(of=self.prometheus.http.base_url, asked=self.rule(), answer="reloaded; the alert fired"),
            exchange,
            Exchange(of="obskit's receiver", asked="(waited for a POST)", answer=_short(body)),
        )  # fmt: skip
        return Proof(
            id=_ID, title=_TITLE, verdict=Verdict.FAILED if wrong else Verdict.PROVED,
            detail="; ".join(wrong) or f"arrived as it was sent, at {proof_receiver(self.project)} and nobody else",
            next="look at the routes: obskit plan shows whether they drifted" if wrong else "",
            evidence=evidence,
        )  # fmt: skip

    def _lost(self, seen: list[Any], deadline: Deadline) -> Proof:
        """Ask each hop what it saw, and name the first that did not pass the alert on."""
        evidence = [
            Exchange(of="obskit's receiver", asked="(waited for a POST)", answer=_short(seen))
        ]
        hop, reason, following = "", "", ""
        try:
            fired = [
                item
                for item in self.prometheus.api.data("/alerts", "alerts", deadline=deadline)
                if item["labels"].get("run") == self.run
            ]
            evidence.append(
                Exchange(
                    of=self.prometheus.http.base_url,
                    asked="GET /api/v1/alerts",
                    answer=_short(fired),
                )
            )
            there, exchange = self._in_alertmanager(deadline)
            evidence.append(exchange)
        except ObskitError as error:
            hop, reason, following = "asking the hops", str(error), "look at that server first"
        else:
            names = [item["name"] for entry in there for item in entry.get("receivers", ())]
            if not fired:
                hop, reason = "Prometheus", "the rule was loaded, but did not fire"
                following = "obskit verify --explain rules"
            elif not there:
                hop, reason = (
                    "Prometheus → Alertmanager",
                    "it fires, but Alertmanager has not got it",
                )
                following = "is this Alertmanager named under alerting: in prometheus.yml?"
            elif proof_receiver(self.project) not in names:
                hop, reason = "Alertmanager's routes", f"it was routed to {names}"
                following = "obskit provision puts the proof's route in place"
            else:
                hop = "Alertmanager → receiver"
                address = self.alertmanager.context.settings.verify.receiver
                reason = f"it was routed, but nothing arrived at {address}"
                following = (
                    "can Alertmanager reach that address? set verify.receiver to one that it can"
                )
        return Proof(
            id=_ID, title=_TITLE, verdict=Verdict.FAILED, detail=f"lost at {hop}: {reason}",
            next=following, evidence=tuple(evidence),
        )  # fmt: skip

    def _in_alertmanager(self, deadline: Deadline) -> tuple[list[dict[str, Any]], Exchange]:
        asked = f'/api/v2/alerts?filter=run="{self.run}"'
        answer = self.alertmanager.http.get(
            "/api/v2/alerts", params={"filter": f'run="{self.run}"'}, deadline=deadline.within(5)
        )
        found = answer.json()
        return list(found), Exchange(
            of=self.alertmanager.http.base_url, asked=f"GET {asked}", answer=_short(found)
        )


def _alerts(body: Any) -> list[dict[str, Any]]:
    found = body.get("alerts") if isinstance(body, dict) else None
    return [
        item
        for item in found or []
        if isinstance(item, dict) and isinstance(item.get("labels"), dict)
    ]


def _short(data: Any) -> str:
    return orjson.dumps(data).decode()[:2000]
