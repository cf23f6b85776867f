"""For machines: one JSON object with findings and summary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from obskit.errors import Problem, Severity
from obskit.lint.report.model import Report

__all__ = ["render"]


def render(report: Report) -> Iterator[str]:
    """The report as one JSON object.

    Args:
        report: What a run found.
    """
    yield json.dumps(
        {
            "lines": report.lines,
            "sources": report.sources,
            "counts": {
                item.value: sum(r.count for r in report.rules if r.severity is item)
                for item in Severity
            },
            "known": report.known,
            "hidden": report.hidden,
            "rules": [
                {
                    "rule": item.rule,
                    "severity": item.severity.value,
                    "count": item.count,
                    "first": _place(item.first),
                    "last": _place(item.last),
                }
                for item in report.rules
            ],
            "findings": [
                {
                    "rule": hit.problem.rule,
                    "severity": hit.problem.severity.value,
                    **_place(hit.problem),
                    "message": hit.problem.message,
                    "excerpt": hit.excerpt,
                    "fingerprint": hit.fingerprint,
                }
                for hit in report.hits
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def _place(problem: Problem) -> dict[str, Any]:
    return {"path": problem.path, "line": problem.line, "column": problem.column}
