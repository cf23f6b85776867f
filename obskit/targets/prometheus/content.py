"""The texts that Prometheus reads: rule packs, the user's own rules, targets of the services."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from obskit.config import Service, Settings
from obskit.delivery import checker
from obskit.errors import ConfigError, ObskitError, Problem, Severity
from obskit.targets import official
from obskit.targets.prometheus.objectives import ServiceObjective, render_service_rules
from obskit.targets.prometheus.packs import Pack, fill_placeholders, load_packs, select_packs
from obskit.targets.prometheus.places import rule_line

__all__ = [
    "check_rules",
    "choose_packs",
    "exposed_profiles",
    "groups_of",
    "no_promtool",
    "proof_rules",
    "rule_files",
    "service_files",
]


def proof_rules(project: str) -> str:
    """Name of the file that ``verify`` writes its synthetic alert into; empty at all other times."""
    return delivered_name(project, "proof")


def delivered_name(project: str, name: str) -> str:
    """Name of a file on the server: two projects may share a folder."""
    return f"obskit-{project}-{name}.yml"


def choose_packs(
    asked: Sequence[str] | None,
    settings: Settings,
    *,
    present: Collection[str],
    delivered: Collection[str],
) -> tuple[tuple[Pack, ...], tuple[str, ...]]:
    """The packs to deliver, and words on those left out.

    A pack whose metrics are there is on. So is one that was delivered before: an exporter that died must
    not take its alerts with it. And ``services`` where obskit.yml names metrics to scrape, since those
    come only with the targets that are delivered in the same plan.

    Args:
        asked: Names in obskit.yml; None for every pack that fits.
        settings: All of obskit.yml.
        present: Metric names that the server knows.
        delivered: Names of rule files that are there already.

    Raises:
        ConfigError: A name is no pack's.
    """
    try:
        on, out = select_packs(
            asked if asked is not None else [p.name for p in load_packs()], present
        )
    except ObskitError as error:
        problem = _problem(settings, "config/pack", f"prometheus.packs: {error}")
        raise ConfigError([problem]) from None
    kept = {item.name for item in out if delivered_name(settings.project, item.name) in delivered}
    if any(service.metrics for service in settings.services):
        kept.add("services")
    back = tuple(pack for pack in load_packs() if pack.name in kept & {item.name for item in out})
    missing = [
        f"{pack.name} ({' or '.join(pack.needs)})"
        for pack in load_packs()
        if pack.name in {item.name for item in out} - kept
    ]
    words = (
        (f"packs left out, since Prometheus has none of their metrics: {', '.join(missing)}",)
        if missing
        else ()
    )
    return tuple(sorted((*on, *back), key=lambda pack: pack.name)), words


def rule_files(
    settings: Settings, packs: Iterable[Pack], own: Iterable[Path], *, runbooks: str, grafana: str
) -> dict[str, tuple[str, Path | None]]:
    """Every rule file: its name on the server → its text and the file it was made from.

    Args:
        settings: All of obskit.yml.
        packs: Shipped packs.
        own: The user's own files.
        runbooks: Base address of the runbooks.
        grafana: Base address of Grafana, for links; none are written when it is empty.

    Raises:
        ConfigError: A file is not there, or two have one name.
    """
    files: dict[str, tuple[str, Path | None]] = {}
    problems = []
    for pack in packs:
        text = fill_placeholders(pack.text, runbooks=runbooks, grafana=grafana)
        files[delivered_name(settings.project, pack.name)] = (text, None)
    objectives = [
        ServiceObjective(
            name=item.name,
            slo=item.slo,
            p95_ms=item.p95_ms,
            team=item.team,
            pprof=item.links.pprof or settings.links.pprof,
        )
        for item in settings.services
    ]
    for name, text in render_service_rules(objectives).items():
        files[delivered_name(settings.project, name.removesuffix(".yml"))] = (
            fill_placeholders(text, runbooks=runbooks, grafana=grafana),
            None,
        )
    for path in own:
        name = delivered_name(settings.project, f"own-{path.stem}")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(
                _problem(settings, "config/rules", f"prometheus.rules: {path}: {error}")
            )
            continue
        if name in files:
            problems.append(
                _problem(
                    settings, "config/rules", f"prometheus.rules: two files are named {path.name}"
                )
            )
        files[name] = (text, path)
    if problems:
        raise ConfigError(problems)
    return files


def _problem(settings: Settings, rule: str, message: str) -> Problem:
    return Problem(rule=rule, message=message, path=str(settings.path))


def exposed_profiles(settings: Settings) -> Iterator[Problem]:
    """A warning for each pprof address beyond loopback: profiles show code, arguments and memory.

    Args:
        settings: All of obskit.yml.
    """
    named = [
        ("links", settings.links),
        *((f"services.{s.name}.links", s.links) for s in settings.services),
    ]
    for place, links in named:
        host = urlsplit(links.pprof if "//" in links.pprof else f"//{links.pprof}").hostname or ""
        if host and not (host in ("localhost", "::1") or host.startswith("127.")):
            yield Problem(
                rule="config/pprof-exposed", severity=Severity.WARNING, path=str(settings.path),
                message=f"{place}.pprof: {host} is reached beyond loopback: whoever can connect reads the "
                "process' memory; listen on 127.0.0.1 and go there by ssh -L",
            )  # fmt: skip


def service_files(settings: Settings, kind: str) -> dict[str, str]:
    """The services as the server shall scrape them: name of the file → its text.

    Each service is a job of its own name; ``team`` and ``environment`` are labels, and ``host``, by which a
    dead node silences the alerts of what ran on it.

    Args:
        settings: All of obskit.yml.
        kind: ``scrape`` for scrape configurations, ``targets`` for file-based discovery.
    """
    groups = {
        service.name: list(_groups(service, settings))
        for service in settings.services
        if service.metrics
    }
    if not groups:
        return {}
    data: Any = list(chain.from_iterable(groups.values()))
    if kind == "scrape":
        # Two jobs of one name are refused, so it is this project's alone; the label is that of the target.
        data = {
            "scrape_configs": [
                {"job_name": f"{settings.project}/{name}", "static_configs": items}
                for name, items in groups.items()
            ]
        }
    return {delivered_name(settings.project, "services"): yaml.safe_dump(data, sort_keys=False)}


def _groups(service: Service, settings: Settings) -> Iterator[Mapping[str, Any]]:
    """The targets of a service, those of one host together."""
    for host, addresses in groupby(sorted(service.metrics), key=_host):
        labels = {"job": service.name, "environment": settings.environment, "host": host}
        if service.team:
            labels["team"] = service.team
        if service.metrics_path != "/metrics":
            labels["__metrics_path__"] = service.metrics_path
        yield {"targets": list(addresses), "labels": labels}


def _host(address: str) -> str:
    """The host of ``host:port``, as Prometheus' ``stripPort`` sees it."""
    return urlsplit(f"//{address}").hostname or address


def groups_of(text: str) -> list[tuple[str, int]]:
    """Name and number of rules of each group of a rule file that a checker has accepted."""
    # CSafeLoader is SafeLoader in C: thousands of rules load in no time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = next(iter(yaml.load_all(text, Loader=loader)), None)  # Prometheus reads no other
    return [
        (group["name"], len(group.get("rules") or [])) for group in (data or {}).get("groups") or []
    ]


def check_rules(name: str, text: str, source: Path | None) -> Iterator[Problem]:
    """Findings of one rule file: by ``promtool`` where installed, else that it is rules at all.

    Args:
        name: Its name on the server.
        text: Its text.
        source: The file it was made from, for messages; lines are the same.
    """
    shown = str(source) if source else name
    promtool = checker.find("promtool")
    if promtool is None:
        yield from _check_shape(text, shown)
        return
    yield from official.ask(
        [promtool, "check", "rules"], text, rule="prometheus/promtool", shown=shown, name="promtool",
        line_of=lambda words: rule_line(text, words),
    )  # fmt: skip


def no_promtool(shown: str) -> Problem:
    """What is told where Prometheus' own checker is missing: a file that nobody judged is not good."""
    return Problem(
        rule="prometheus/no-promtool", severity=Severity.INFO, path=shown,
        message="promtool is not installed here: no more than the shape of rules was checked",
    )  # fmt: skip


def _check_shape(text: str, shown: str) -> Iterator[Problem]:
    yield no_promtool(shown)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        yield Problem(
            rule="prometheus/yaml", message=f"is not YAML: {getattr(error, 'problem', error)}", path=shown,
            line=mark.line + 1 if mark else None, column=mark.column + 1 if mark else None,
        )  # fmt: skip
        return
    if data is not None and (
        not isinstance(data, dict) or not isinstance(data.get("groups") or [], list)
    ):
        yield Problem(rule="prometheus/shape", message="has no list of groups", path=shown)
        return
    import promql_parser

    for group in (data or {}).get("groups") or []:
        for rule in group.get("rules") or []:
            try:
                promql_parser.parse(str(rule.get("expr", "")))
            except ValueError as error:
                label = rule.get("alert") or rule.get("record")
                yield Problem(rule="prometheus/promql", message=f"{label}: {error}", path=shown)
