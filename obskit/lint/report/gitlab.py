"""GitLab's code quality report, shown in merge requests.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.report.model import Report

__all__ = ["render"]

_SEVERITIES: Final = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report) -> Iterator[str]:
    """The report as a JSON array of issues.

    Args:
        report: What a run found.
    """
    issues = [
        {
            "description": hit.problem.message,
            "check_name": f"obskit/{hit.problem.rule}",
            "fingerprint": f"{hit.fingerprint}-{hit.problem.line}",
            "severity": _SEVERITIES[hit.problem.severity],
            "location": {"path": hit.problem.path, "lines": {"begin": hit.problem.line or 1}},
        }
        for hit in report.hits
    ]
    yield json.dumps(issues, indent=2)
