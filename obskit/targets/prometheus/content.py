"""The texts that Prometheus reads: rule packs, the user's own rules, targets of the services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from obskit import assets
from obskit.config import Settings
from obskit.delivery import checker
from obskit.errors import ConfigError, Problem, Severity
from obskit.targets.objectives import ServiceObjective, render_service_rules, text_environment

__all__ = ["PROOF_RULES", "check_rules", "groups_of", "rule_files", "target_files"]

#: The file that ``verify`` writes its synthetic alert into; empty at all other times.
PROOF_RULES: Final = "obskit-proof.yml"

_PROMTOOL_LINE = re.compile(r"^(?P<file>.*?): ?(?P<line>\d+):(?P<column>\d+): (?P<words>.*)$")


def rule_files(
    settings: Settings, packs: Iterable[str], own: Iterable[Path], *, runbooks: str, grafana: str
) -> dict[str, tuple[str, Path | None]]:
    """Every rule file: its name on the server → its text and the file it was made from.

    Args:
        settings: All of obskit.yml.
        packs: Names of shipped packs.
        own: The user's own files.
        runbooks: Base address of the runbooks.
        grafana: Base address of Grafana, for links.

    Raises:
        ConfigError: A pack or file is not there.
    """
    files: dict[str, tuple[str, Path | None]] = {}
    environment = text_environment()

    def render(text: str) -> str:
        return environment.from_string(text).render(runbooks=runbooks, grafana=grafana)

    known = {path.stem: path for path in sorted(assets.path("prometheus/rules").glob("*.yml"))}
    problems = []
    for pack in packs:
        if pack not in known:
            problems.append(
                _problem(
                    settings, "config/pack",
                    f"prometheus.packs: no pack is named {pack!r} (known: {', '.join(known)})",
                )
            )  # fmt: skip
            continue
        text = render(known[pack].read_text(encoding="utf-8"))
        files[f"obskit-{pack}.yml"] = (text, known[pack])
    objectives = [
        ServiceObjective(name=item.name, slo=item.slo, p95_ms=item.p95_ms, team=item.team)
        for item in settings.services
    ]
    for name, text in render_service_rules(objectives).items():
        files[f"obskit-{name}"] = (render(text), None)
    for path in own:
        name = f"obskit-own-{path.name}"
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


def target_files(settings: Settings) -> dict[str, str]:
    """Targets of the services for file-based discovery: name of the file → its text.

    Each service is a job of its own name; ``team`` and ``environment`` are labels.
    """
    groups: list[Mapping[str, Any]] = []
    for service in settings.services:
        if service.metrics:
            labels = {"job": service.name, "environment": settings.environment}
            if service.team:
                labels["team"] = service.team
            if service.metrics_path != "/metrics":
                labels["__metrics_path__"] = service.metrics_path
            groups.append({"targets": sorted(service.metrics), "labels": labels})
    if not groups:
        return {}
    return {"obskit-services.yml": yaml.safe_dump(groups, sort_keys=False)}


def groups_of(text: str) -> list[tuple[str, int]]:
    """Name and number of rules of each group of a rule file that a checker has accepted."""
    # CSafeLoader is SafeLoader in C: thousands of rules load in no time.
    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
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
    ran = checker.run([promtool, "check", "rules"], stdin=text)
    if ran.ok:
        return
    told = False
    for line in ran.words.splitlines():
        found = _PROMTOOL_LINE.match(line.strip())
        if found:
            told = True
            yield Problem(
                rule="prometheus/promtool", message=f"promtool: {found['words']}", path=shown,
                line=int(found["line"]), column=int(found["column"]),
            )  # fmt: skip
    if not told:
        words = "; ".join(
            line.strip() for line in ran.words.splitlines()
            if line.strip() and "FAILED" not in line and not line.startswith("Checking")
        )  # fmt: skip
        yield Problem(rule="prometheus/promtool", message=f"promtool: {words}", path=shown)


def _check_shape(text: str, shown: str) -> Iterator[Problem]:
    yield Problem(
        rule="prometheus/no-promtool", severity=Severity.INFO, path=shown,
        message="promtool is not installed here: only the shape of the file was checked",
    )  # fmt: skip
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
