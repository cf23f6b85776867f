"""The proofs of Prometheus: what was written is what runs, and it works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from obskit.deadline import Deadline
from obskit.engine.verify import Check, Exchange, Proof, Verdict
from obskit.errors import DeliveryError
from obskit.targets.prometheus.client import PrometheusApi
from obskit.targets.prometheus.content import groups_of
from obskit.targets.prometheus.discovery import KINDS

if TYPE_CHECKING:
    from obskit.targets.prometheus import Prometheus

__all__ = ["checks", "wait_for_reload", "wait_for_rules"]

_POLL = 0.3


def wait_for_reload(api: PrometheusApi, deadline: Deadline) -> None:
    """Wait until the last reload is known to have succeeded.

    A reload by signal or command answers nothing; the server's own metrics tell.

    Raises:
        DeliveryError: It failed.
    """
    while True:
        state = api.metrics(deadline=deadline).get("prometheus_config_last_reload_successful")
        if state == 1:
            return
        if not deadline.sleep(_POLL):
            raise DeliveryError(
                "prometheus_config_last_reload_successful is not 1", where=api.http.base_url,
                hint="the server's log has the reason",
            )  # fmt: skip


def loaded_groups(
    api: PrometheusApi, deadline: Deadline
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The rules that run: name of the file (without its folder) → group → rules."""
    files: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for group in api.data("/rules", "groups", deadline=deadline):
        name = str(group["file"]).rsplit("/", 1)[-1]
        files.setdefault(name, {})[group["name"]] = group["rules"]
    return files


def wait_for_rules(api: PrometheusApi, files: Mapping[str, str | None], deadline: Deadline) -> None:
    """Wait until the server runs the groups of these files, and no others of theirs.

    Args:
        api: The server.
        files: Name of each file → its text, or None when it was removed.
        deadline: By when.

    Raises:
        DeliveryError: It still runs something else.
    """
    expected = {name: dict(groups_of(text)) if text else {} for name, text in files.items()}
    while True:
        live = loaded_groups(api, deadline)
        wrong = [
            name
            for name, groups in expected.items()
            if {key: len(rules) for key, rules in live.get(name, {}).items()} != groups
        ]
        if not wrong:
            return
        if not deadline.sleep(_POLL):
            raise DeliveryError(
                f"the server does not run what was written: {', '.join(wrong)}",
                where=api.http.base_url,
                hint="does its rule_files setting name the folder? obskit doctor tells",
            )


def checks(target: Prometheus) -> list[Check]:
    """What is tried."""
    seconds = target.context.settings.verify.deadline.total_seconds()
    return [
        Check(id="rules", title="every rule loaded and healthy", seconds=seconds,
              run=lambda deadline: _rules(target, deadline)),
        Check(id="targets", title="every expected target up", seconds=seconds,
              run=lambda deadline: _targets(target, deadline)),
        Check(id="loaded/prometheus", title="configuration loaded, Alertmanager found", seconds=seconds,
              run=lambda deadline: _loaded(target, deadline)),
    ]  # fmt: skip


def _short(data: Any) -> str:
    return orjson.dumps(data).decode()[:2000]


def _rules(target: Prometheus, deadline: Deadline) -> Iterator[Proof]:
    if not target.rule_files:
        yield Proof(id="rules", title="rules", verdict=Verdict.NOT_CONFIGURED, detail="no rules")
        return
    waiting = dict(target.rule_files)
    while waiting:
        live = loaded_groups(target.api, deadline)
        last = deadline.passed or deadline.remaining < _POLL
        for name in list(waiting):
            proof = _rule_proof(target, name, waiting[name][0], live.get(name, {}))
            if proof.verdict is Verdict.PROVED or last:
                del waiting[name]
                yield proof
        deadline.sleep(_POLL)


def _rule_proof(
    target: Prometheus, name: str, text: str, live: Mapping[str, list[dict[str, Any]]]
) -> Proof:
    expected = dict(groups_of(text))
    total = sum(expected.values())
    missing = [group for group, count in expected.items() if len(live.get(group, ())) != count]
    rules = [rule for group in expected for rule in live.get(group, ())]
    sick = [rule for rule in rules if rule["health"] == "err"]
    unknown = [rule["name"] for rule in rules if rule["health"] == "unknown"]
    problem, following = "", ""
    if missing:
        problem = f"not loaded: {', '.join(missing)}"
        following = "obskit provision delivers it; obskit doctor looks at rule_files"
    elif sick:
        problem = "; ".join(f"{rule['name']}: {rule.get('lastError', '')}" for rule in sick)
        following = "the expression fails on this server's data: mend the rule"
    elif unknown:
        problem = f"not evaluated yet: {', '.join(unknown)}"
        following = "is the evaluation interval longer than the deadline? raise verify.deadline"
    return Proof(
        id=f"rules/{name.removeprefix(f'obskit-{target.context.project}-').removesuffix('.yml')}",
        title="rules loaded and healthy",
        verdict=Verdict.FAILED if problem else Verdict.PROVED,
        detail=problem or f"{total} rules in {len(expected)} groups are evaluated without error",
        next=following,
        evidence=(
            Exchange(
                of=target.http.base_url, asked="GET /api/v1/rules",
                answer=_short({g: [(r["name"], r["health"]) for r in live.get(g, ())] for g in expected}),
            ),
        ),
    )  # fmt: skip


def _targets(target: Prometheus, deadline: Deadline) -> Iterator[Proof]:
    waiting = {item.name: item for item in target.context.settings.services if item.metrics}
    if not waiting:
        yield Proof(
            id="targets", title="targets up", verdict=Verdict.NOT_CONFIGURED,
            detail="no service has metrics in obskit.yml",
        )  # fmt: skip
        return
    while waiting:
        active = target.api.data("/targets", "activeTargets", deadline=deadline, state="active")
        last = deadline.passed or deadline.remaining < _POLL
        for name, service in list(waiting.items()):
            proof = _target_proof(target, name, service.metrics, active)
            if proof.verdict is Verdict.PROVED or last:
                del waiting[name]
                yield proof
        deadline.sleep(_POLL)


def _target_proof(
    target: Prometheus, service: str, addresses: Iterable[str], active: list[dict[str, Any]]
) -> Proof:
    mine = {
        item["discoveredLabels"].get("__address__", ""): item
        for item in active
        if item["labels"].get("job") == service
    }
    wrong, following = [], ""
    for address in addresses:
        found = mine.get(address)
        if found is None:
            wrong.append(f"{address} is not among its targets")
            kind = target.discovery.kind
            following = f"does {KINDS[kind]} name the folder {kind}/? obskit doctor tells"
        elif found["health"] != "up":
            wrong.append(
                f"{address} is {found['health']}: {found.get('lastError') or 'not scraped yet'}"
            )
            following = following or "is the service running, and is its metrics address right?"
    count = len(tuple(addresses))
    return Proof(
        id=f"targets/{service}",
        title="targets up",
        verdict=Verdict.FAILED if wrong else Verdict.PROVED,
        detail="; ".join(wrong) or f"{count} of {count} targets are scraped",
        next=following,
        evidence=(
            Exchange(
                of=target.http.base_url, asked="GET /api/v1/targets?state=active",
                answer=_short(
                    {
                        address: {key: item.get(key) for key in ("health", "lastError", "lastScrape")}
                        for address, item in mine.items()
                    }
                ),
            ),
        ),
    )  # fmt: skip


def _loaded(target: Prometheus, deadline: Deadline) -> Iterator[Proof]:
    metrics = target.api.metrics(deadline=deadline)
    state = metrics.get("prometheus_config_last_reload_successful")
    unreadable = metrics.get("prometheus_sd_file_read_errors_total", 0.0)
    evidence = (
        Exchange(
            of=target.http.base_url, asked="GET /metrics",
            answer=f"prometheus_config_last_reload_successful {state}\n"
                   f"prometheus_sd_file_read_errors_total {unreadable}",
        ),
    )  # fmt: skip
    good = state == 1
    detail = "the last reload succeeded" if good else f"the last reload failed (metric is {state})"
    if unreadable:
        detail += f"; {unreadable:g} target files could not be read since the start"
    yield Proof(
        id="loaded/prometheus", title="configuration", verdict=Verdict.PROVED if good else Verdict.FAILED,
        detail=detail, next="" if good else "the server's log has the reason", evidence=evidence,
    )  # fmt: skip
    yield from _alertmanagers(target, deadline)


def _alertmanagers(target: Prometheus, deadline: Deadline) -> Iterator[Proof]:
    wanted = [
        urlsplit(str(getattr(peer.settings, "url", ""))).netloc
        for key, peer in target.context.peers.items()
        if key.partition("@")[0] == "alertmanager"
    ]
    if not wanted:
        return
    while True:
        found = target.api.data("/alertmanagers", "activeAlertmanagers", deadline=deadline)
        urls = [urlsplit(item["url"]).netloc for item in found]
        # Behind a service name or a proxy their addresses differ from ours, but not their number.
        good = set(wanted) <= set(urls) or len(urls) >= len(wanted)
        if good or not deadline.sleep(_POLL):
            break
    missing = [address for address in wanted if address not in urls]
    yield Proof(
        id="loaded/prometheus/alertmanagers", title="alerts are sent to Alertmanager",
        verdict=Verdict.PROVED if good else Verdict.FAILED,
        detail=f"sends to {', '.join(urls)}" if urls else "sends alerts to nobody",
        next="" if good else f"add {', '.join(missing)} to alerting: in prometheus.yml",
        evidence=(Exchange(of=target.http.base_url, asked="GET /api/v1/alertmanagers", answer=_short(found)),),
    )  # fmt: skip
