"""Workflow commands of GitHub Actions, which show findings at the lines of a pull request.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from obskit.errors import Severity
from obskit.lint.report import text
from obskit.lint.report.model import Report

__all__ = ["render"]

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> Iterator[str]:
    """The report as annotations, and the summary as text.

    Args:
        report: What a run found.
    """
    for hit in report.hits:
        problem = hit.problem
        place = f"file={_property(problem.path)},line={problem.line},col={problem.column}"
        title = _property(f"obskit {problem.rule}")
        yield f"::{_COMMANDS[problem.severity]} {place},title={title}::{_data(problem.message)}"
    yield from text.summary(report)


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
