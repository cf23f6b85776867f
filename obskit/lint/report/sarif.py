"""SARIF 2.1.0 (OASIS), which GitHub code scanning and many editors read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from obskit import __version__
from obskit.errors import Severity
from obskit.lint.report.model import Hit, Report
from obskit.lint.rules import RULES

__all__ = ["render"]

_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: Report) -> Iterator[str]:
    """The report as one SARIF log.

    Args:
        report: What a run found.
    """
    rules = [item.rule for item in report.rules]
    driver = {
        "name": "obskit",
        "version": __version__,
        "rules": [
            {
                "id": name,
                "shortDescription": {"text": RULES[name].summary},
                "fullDescription": {"text": RULES[name].explanation},
            }
            for name in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(hit, rules.index(hit.problem.rule)) for hit in report.hits],
        "properties": {"counts": {item.rule: item.count for item in report.rules}},
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
    yield json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(hit: Hit, index: int) -> dict[str, Any]:
    problem = hit.problem
    region = {"startLine": problem.line or 1, "startColumn": problem.column or 1}
    region["endColumn"] = region["startColumn"] + max(1, hit.width)
    return {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": _LEVELS[problem.severity],
        "message": {"text": problem.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(problem.path)},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"obskit/v1": hit.fingerprint},
    }
