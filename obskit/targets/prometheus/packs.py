"""The shipped rule packs: what there is, which of them fit a Prometheus, and their text made ready.

A pack is a file in ``prometheus/rules``; what it needs stands in ``prometheus/packs.yml``. The files
carry the placeholders ``[[ runbooks ]]`` and ``[[ grafana ]]`` and are valid rule files as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from obskit import assets
from obskit.errors import ObskitError
from obskit.targets.prometheus.objectives import (
    ServiceObjective,
    render_service_rules,
    text_environment,
)

__all__ = [
    "LeftOut",
    "Pack",
    "Rule",
    "ServiceObjective",
    "fill_placeholders",
    "load_packs",
    "parse_rules",
    "render_service_rules",
    "select_packs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a file.

    Args:
        name: The alert's name, or the recorded metric's.
        expr: Its PromQL.
        alert: Whether it is an alert.
        hold: Its ``for:``, as written; empty for none.
        labels: Its labels, unrendered.
    """

    name: str
    expr: str
    alert: bool
    hold: str = ""
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A shipped rule file with what is known of it.

    Args:
        name: Its name in ``obskit.yml``.
        family: Name shared with related packs, such as ``stack``; its own name where it stands alone.
        description: What it watches, in one line.
        needs: Metrics; where none of them exists the pack is left out.
        dashboards: Uids of the dashboards that its alerts lead to.
        text: The file as shipped, with placeholders.
    """

    name: str
    family: str
    description: str
    needs: tuple[str, ...]
    dashboards: tuple[str, ...]
    text: str

    @property
    def filename(self) -> str:
        """Name of the file that carries it."""
        return f"{self.name}.yml"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its rules, in the file's order."""
        return parse_rules(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A pack that was asked for and is not provisioned, and why."""

    name: str
    reason: str


def load_packs() -> tuple[Pack, ...]:
    """Every shipped pack, by name.

    Raises:
        ObskitError: ``packs.yml`` and the rule files do not fit each other: a broken installation.
    """
    index = assets.path("prometheus/packs.yml")
    known: dict[str, dict[str, Any]] = yaml.safe_load(index.read_text(encoding="utf-8"))
    files = {file.stem: file for file in assets.path("prometheus/rules").glob("*.yml")}
    if unmatched := sorted(set(known) ^ set(files)):
        raise ObskitError(
            f"these packs have a rule file or an entry, not both: {', '.join(unmatched)}",
            where=str(index),
        )
    return tuple(_pack(name, known[name], files[name]) for name in sorted(known))


def _pack(name: str, entry: Mapping[str, Any], file: Path) -> Pack:
    return Pack(
        name=name,
        family=entry.get("family", name),
        description=entry["description"],
        needs=tuple(entry["needs"]),
        dashboards=tuple(entry["dashboards"]),
        text=file.read_text(encoding="utf-8"),
    )


def select_packs(
    enabled: Iterable[str], present_metrics: Collection[str]
) -> tuple[tuple[Pack, ...], tuple[LeftOut, ...]]:
    """The packs to provision, and those left out with the reason.

    Args:
        enabled: Names of packs or families.
        present_metrics: Metric names that the Prometheus knows.

    Returns:
        The packs that fit, and the ones that do not; both by name, without duplicates.

    Raises:
        ObskitError: A name is no pack's and no family's.
    """
    packs = load_packs()
    wanted: dict[str, Pack] = {}
    for name in enabled:
        matching = [pack for pack in packs if name in (pack.name, pack.family)]
        if not matching:
            names = sorted({pack.name for pack in packs} | {pack.family for pack in packs})
            raise ObskitError(
                f"there is no rule pack {name!r}", hint=f"there are {', '.join(names)}"
            )
        wanted.update((pack.name, pack) for pack in matching)
    present = frozenset(present_metrics)
    chosen = [wanted[name] for name in sorted(wanted)]
    return (
        tuple(pack for pack in chosen if not present.isdisjoint(pack.needs)),
        tuple(
            LeftOut(name=pack.name, reason=_reason(pack))
            for pack in chosen
            if present.isdisjoint(pack.needs)
        ),
    )


def _reason(pack: Pack) -> str:
    needs = " or ".join(pack.needs)
    return f"Prometheus has no {needs}: nothing here to watch with it ({pack.description})"


def fill_placeholders(text: str, *, runbooks: str, grafana: str = "") -> str:
    """A rule file ready for Prometheus.

    Args:
        text: A pack's text, or one from ``render_service_rules``.
        runbooks: Address of the folder of runbook pages, without a slash at its end.
        grafana: Address of Grafana, without a slash at its end; empty drops the dashboard links,
            so that no alert carries a link to nowhere.

    Raises:
        jinja2.UndefinedError: The text holds a placeholder of another name.
    """
    if not grafana:
        text = re.sub(r"^ *dashboard_url:.*\n", "", text, flags=re.MULTILINE)
    return text_environment().from_string(text).render(runbooks=runbooks, grafana=grafana)


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a rule file's text, which is trusted to be one."""
    document = yaml.safe_load(text)
    return tuple(
        Rule(
            name=rule.get("alert") or rule["record"],
            expr=rule["expr"],
            alert="alert" in rule,
            hold=str(rule.get("for", "")),
            labels=rule.get("labels") or {},
        )
        for group in document["groups"]
        for rule in group["rules"]
    )
