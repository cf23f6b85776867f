"""The linter for Grafana dashboards: ours, and users' own.

Each rule is a module of :mod:`obskit.lint.dashboards.rules` with a stable id. Nothing here talks to Grafana.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from obskit.errors import Problem, Severity
from obskit.lint.dashboards.document import Dashboard, mapping
from obskit.lint.dashboards.positions import JsonError, line_starts, locate
from obskit.lint.dashboards.rules import CROSS_RULES, RULES

__all__ = [
    "SYNTAX",
    "UNKNOWN_MODEL",
    "lint_dashboard",
    "lint_dashboards",
    "lint_texts",
    "rule_ids",
]

#: Rule ids of what is found before there is a dashboard to check.
SYNTAX = "dashboard/json-syntax"
UNKNOWN_MODEL = "dashboard/unknown-model"
UNREADABLE = "dashboard/unreadable"


def rule_ids() -> Mapping[str, str]:
    """Every rule id with the first line of its documentation."""
    rules = {
        rule.ID: (rule.__doc__ or "").strip().splitlines()[0] for rule in (*RULES, *CROSS_RULES)
    }
    rules[SYNTAX] = "The file is not JSON."
    rules[UNKNOWN_MODEL] = "The file is JSON, but no dashboard of the classic model."
    rules[UNREADABLE] = "The file cannot be read."
    return dict(sorted(rules.items()))


def lint_dashboard(text: str, path: str) -> list[Problem]:
    """Check one dashboard by itself.

    Args:
        text: The dashboard's JSON, as exported or as an answer of Grafana's API.
        path: File, as the user named it.

    Returns:
        Every finding, in the order of the file.
    """
    dashboard, problems = _read(text, path)
    if dashboard is None:
        return problems
    return _sorted([problem for rule in RULES for problem in rule.check(dashboard)])


def lint_dashboards(
    paths: Iterable[str | os.PathLike[str]], *, known_uids: Iterable[str] = ()
) -> list[Problem]:
    """Check dashboards that stand together: each by itself, and their uids, titles and links.

    Args:
        paths: Files, and folders in which every ``*.json`` is taken.
        known_uids: Uids of dashboards elsewhere to which links may lead.

    Returns:
        Every finding, by file and line.
    """
    texts: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for file in _files(paths):
        try:
            texts.append((str(file), file.read_text(encoding="utf-8-sig")))
        except (OSError, UnicodeDecodeError) as error:
            message = f"cannot be read: {error}"
            problems.append(Problem(rule=UNREADABLE, message=message, path=str(file)))
    return _sorted((*problems, *lint_texts(texts, known_uids=known_uids)))


def lint_texts(
    texts: Iterable[tuple[str, str]], *, known_uids: Iterable[str] = ()
) -> list[Problem]:
    """Check dashboards that stand together, as :func:`lint_dashboards` does, without reading files.

    Args:
        texts: Path, as the user named it, and JSON of each dashboard.
        known_uids: Uids of dashboards elsewhere to which links may lead.

    Returns:
        Every finding, by file and line.
    """
    dashboards: list[Dashboard] = []
    problems: list[Problem] = []
    for path, text in texts:
        dashboard, found = _read(text, path)
        problems.extend(found)
        if dashboard is not None:
            dashboards.append(dashboard)
    uids = frozenset((*known_uids, *(dashboard.uid for dashboard in dashboards)))
    together = [replace(one, known_uids=uids) for one in dashboards]
    for dashboard in together:
        problems.extend(problem for rule in RULES for problem in rule.check(dashboard))
    for rule in CROSS_RULES:
        problems.extend(rule.check_all(together))
    return _sorted(problems)


def _files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        files.extend(sorted(path.rglob("*.json")) if path.is_dir() else [path])
    return list(dict.fromkeys(files))


def _read(text: str, path: str) -> tuple[Dashboard | None, list[Problem]]:
    try:
        located = locate(text)
    except JsonError as error:
        starts = line_starts(text[: error.offset])
        column = error.offset - starts[-1] + 1
        message = f"not JSON: {error.message}"
        return None, [
            Problem(rule=SYNTAX, message=message, path=path, line=len(starts), column=column)
        ]
    value = located.value
    root = ("dashboard",) if isinstance(mapping(value).get("dashboard"), dict) else ()
    dashboard = Dashboard(path=path, located=located, root=root)
    if {"panels", "rows", "templating", "schemaVersion"} & set(dashboard.body):
        return dashboard, []
    message = (
        "no dashboard of the classic model (no panels, rows or schemaVersion); "
        "export it with 'Export as JSON', model 'Classic'"
    )
    return None, [
        Problem(
            rule=UNKNOWN_MODEL,
            message=message,
            path=path,
            line=1,
            column=1,
            severity=Severity.WARNING,
        )
    ]


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.path, p.line or 0, p.column or 0, p.rule))
