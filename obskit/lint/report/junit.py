"""JUnit XML, which Jenkins, GitLab and most CI servers show: one test case a rule and file that failed it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from obskit.errors import Severity
from obskit.lint.report.model import Hit, Report

__all__ = ["render"]

_FOREIGN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> Iterator[str]:
    """The report as one test suite; findings of severity info fail nothing.

    Args:
        report: What a run found.
    """
    groups: dict[tuple[str, str], list[Hit]] = {}
    for hit in report.hits:
        groups.setdefault((hit.problem.path, hit.problem.rule), []).append(hit)
    failed = [group for group in groups.values() if group[0].problem.severity is not Severity.INFO]
    tests = max(1, len(groups))
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<testsuite name="obskit lint" tests="{tests}" failures="{len(failed)}" errors="0" skipped="0">'
    if not groups:
        yield f'  <testcase classname="obskit.lint" name="{report.lines} lines keep the schema"/>'
    for (path, rule), hits in groups.items():
        yield f"  <testcase classname={_attribute(path or 'obskit.lint')} name={_attribute(rule)}>"
        body = "\n".join(f"{hit.problem.where}: {hit.problem.message}" for hit in hits)
        if hits[0].problem.severity is Severity.INFO:
            yield f"    <system-out>{escape(_xml(body))}</system-out>"
        else:
            message = _attribute(f"{len(hits)} shown: {hits[0].problem.message}")
            kind = _attribute(hits[0].problem.severity.value)
            yield f"    <failure type={kind} message={message}>{escape(_xml(body))}</failure>"
        yield "  </testcase>"
    yield "</testsuite>"


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    """Characters that XML 1.0 has (section 2.2); others become U+FFFD."""
    return _FOREIGN.sub("\ufffd", text)
